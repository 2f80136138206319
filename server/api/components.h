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

#include "api/openapi_parts.h"
#include "record/scope.h"

/** Adds them all, where one for each entity is meant for those that the reader may view. */
void components_add(struct parts *parts, const struct scope *scope, const struct model *model);

/** The text with `{entity}` and `{label}` put in; `entity` is nullptr where none is meant. */
void components_name(struct buf *json, str text, const struct entity *entity);
