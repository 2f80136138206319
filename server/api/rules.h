/** rules: what is asked of rules beyond their records: the reference for authors, the built-in
 *  ones, versions.
 *
 *  Floor   api, inside; functions of the table.
 *  Thread  reads: loop or worker; changes: the tenant's lane.
 */
#pragma once

#include "api/call.h"

/** As JSON, Markdown or HTML, as the caller would rather have it. */
enum err rules_reference(struct call *call);
/** What each of them says, and what of the firm's own stands in its place. */
enum err rules_built_in(struct call *call);
/** POST /rules/{id}/activate: what stands, or the version that is named. */
enum err rules_activate(struct call *call);
/** GET /rules/{id}/difference?from=3&to=4; the one that is left out is what the rule says now. */
enum err rules_difference(struct call *call);
