/** components: the parts of the OpenAPI document that do not follow from a field: parameters,
 *  bodies, answers and schemas by name, written as JSON in api/components.json.
 *
 *  A name that holds `{entity}` stands for one part for each entity; `{entity}` within it becomes
 *  the entity's name and `{label}` its label. Names of shared schemas begin with a capital letter,
 *  so that no entity of a tenant is ever named like one.
 *
 *  Floor   api, inside.
 *  Thread  any.
 *  Source  OpenAPI 3.1.0, components.
 */
#pragma once

#include "base/buf.h"
#include "model/model.h"

/** Writes the members of one section (`"name":{…},…`), for every entity where that is meant; a
 *  comma before each but the first. */
void components_write(struct buf *json, const struct model *model, str section, bool *is_first);

/** The text with `{entity}` and `{label}` put in; `entity` is nullptr where none is meant. */
void components_name(struct buf *json, str text, const struct entity *entity);
