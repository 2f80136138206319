/** scan: the scans of a transaction, inside: they keep their memory with it.
 *
 *  Floor   store, inside.
 *  Thread  that of the transaction.
 */
#pragma once

#include "store/walk.h"

/** Gives back the memory of idle scans; none may be open. */
void scans_drop(struct txn *txn);
