/** openapi_entity: what the OpenAPI document says of one entity: its schemas and its filters.
 *
 *  Floor   api, inside.
 *  Thread  any.
 */
#pragma once

#include "api/openapi_parts.h"
#include "record/scope.h"

/** Three schemas, `client`, `client.new`, `client.patch`: as it is shown, as it is made, as it is
 *  changed; fields that the reader does not see, or may not change, are left out, and entities that
 *  he may not view are not named. */
void openapi_entity_schemas(struct parts *parts, const struct scope *scope,
                            const struct entity *entity);

/** The parameters by which its lists are filtered, named `client.status.ne`. */
void openapi_entity_filters(struct parts *parts, const struct scope *scope,
                            const struct entity *entity);
/** References to all of them; a comma before each but the first. */
void openapi_entity_filter_references(struct buf *json, const struct scope *scope,
                                      const struct entity *entity, bool *is_first);
