/** openapi: the description of the API, made from the model and the table of routes.
 *
 *  Floor   api, inside.
 *  Thread  openapi_make: main, at the start; openapi_read: loop, or worker.
 *  Source  OpenAPI 3.1.0; JSON Schema 2020-12.
 */
#pragma once

#include "api/call.h"

/** The document of a door, with its tag. */
struct page_file openapi_make(struct arena *arena, const struct model *model, enum door door);

/** To who has entered what he may of the tenant's own description, to others that of the schema; at
 *  the portal's door its calls alone, and of records what it shows. */
enum err openapi_read(struct call *call);
