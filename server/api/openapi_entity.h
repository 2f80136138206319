/** openapi_entity: what the OpenAPI document says of one entity: its schemas and its filters.
 *
 *  Floor   api, inside.
 *  Thread  any.
 */
#pragma once

#include "base/buf.h"
#include "model/model.h"

/** Three schemas, `"client":{…},"client.new":{…},"client.patch":{…}`: as it is shown, as it is
 *  made, as it is changed. */
void openapi_entity_schemas(struct buf *json, const struct entity *entity);

/** The parameters by which its lists are filtered, named `client.status.ne`. */
void openapi_entity_filters(struct buf *json, const struct entity *entity);
/** References to all of them; a comma before each but the first. */
void openapi_entity_filter_references(struct buf *json, const struct entity *entity,
                                      bool *is_first);
