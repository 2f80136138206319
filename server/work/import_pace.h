/** import_pace: how long one turn of an import in the lane may be.
 *
 *  A commit takes longer the more a turn has written, and other tenants' changes wait for it. While
 *  others write, turns are as short as keeps commits short; alone, they are long, because a page
 *  that several rows change is then written once.
 *
 *  Floor   work, inside.
 *  Thread  that of the import.
 */
#pragma once

#include "store/store.h"

struct import_pace {
    int64_t turn_ns;      /** of the next turn */
    int64_t shared_at_ns; /** when others were last seen to write; 0: never */
    uint64_t works_done;  /** of the whole store, when last looked */
};

void import_pace_start(struct import_pace *pace, struct store *store);
/** After a turn that was committed: how long that took from the end of the turn on. */
void import_pace_turned(struct import_pace *pace, struct store *store, int64_t commit_ns);
