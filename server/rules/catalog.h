/** catalog: an entity as scripts know it: what a runner is answered when it asks for one.
 *
 *  Floor   rules.
 *  Thread  any.
 *  Bytes   a map {name, fields: [{name, kind, is_list, is_computed, to}]}, `to` of references only;
 *          what is hidden, and `id`, which every record has, is not in it (lua/runner/rule.h).
 */
#pragma once

#include "base/buf.h"
#include "model/model.h"

void rule_catalog_write(struct buf *out, const struct entity *entity);
