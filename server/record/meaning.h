/** meaning: fields that speak of the tenant's own model (`means` in the schema): a saved view's
 *  entity, filter, order and columns.
 *
 *  Floor   record.
 *  Thread  any, with its own transaction.
 */
#pragma once

#include "record/draft.h"
#include "record/query.h"

/** Adds faults for what names something that is not there, of what has changed: `order`, and within
 *  a filter its spot, `where.or[1].status`. */
void meaning_verify(struct change *change, const struct draft *draft);

/** Lays a saved view under a query: its filter besides the others, its order, columns and grouping
 *  where none was asked for. Before query_end reads them. ERR_UNREADABLE: there is no such view in
 *  the scope, it is of another entity, or what it names is gone. */
enum err view_apply(const struct view *view, str id, struct query *query);
