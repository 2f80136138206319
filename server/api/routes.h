/** routes: what is open to the outside, one row each. From it requests are answered, and the
 *  OpenAPI document is made. A row whose answers are not described fails the unit test of openapi.
 *
 *  Floor   api, inside.
 *  Thread  any; constant.
 */
#pragma once

#include "api/call.h"

enum method : uint8_t {
    METHOD_OTHER = 0,
    METHOD_GET = 1, /** HEAD too */
    METHOD_POST = 2,
    METHOD_PATCH = 4,
    METHOD_DELETE = 8,
    METHOD_PUT = 16,
};

enum need : uint8_t {
    NEED_NOTHING,  /** any host */
    NEED_TENANT,   /** a host that leads to a tenant */
    NEED_NO_FALSE, /** and no token or session, or a good one */
    NEED_IDENTITY, /** and a session or token */
};

/** What the caller must be allowed to, judged before the function runs (api/rights.h). */
enum route_right : uint8_t {
    RIGHT_UNSAID,     /** of calls that need no identity; any other says it */
    RIGHT_OWN,        /** nothing: it is about himself, or is his alone: others' are not there */
    RIGHT_SEEN,       /** nothing: it is cut to the records and fields that he sees */
    RIGHT_BEGUN,      /** what he began; of others, only who may change the firm's settings */
    RIGHT_NAMED,      /** what is named in the body decides: the function asks, record by record */
    RIGHT_ENTITY,     /** to do all of `may` with the entity of {collection}, or `right_of` */
    RIGHT_SETTINGS,   /** to change the firm's settings */
    RIGHT_EVERYTHING, /** to see and change everything, as rules do */
};

/** Where the function runs. */
enum road : uint8_t {
    ROAD_LOOP,    /** at once, without a transaction of its own */
    ROAD_READ,    /** on the loop; again on a worker when that touches too many keys */
    ROAD_LANE,    /** in the tenant's lane: a change */
    ROAD_WORKER,  /** on a worker, because it blocks */
    ROAD_PATIENT, /** the same, but it may wait for long (api/patient.h) */
    ROAD_SLICES,  /** on a worker: a read whose answer comes in slices (reply_slices) */
    ROAD_HASHING, /** on the hashing thread */
};

/** What a request gets that was done before. An answer that tells a secret is never kept. */
enum repeat : uint8_t {
    REPEAT_SAME,    /** the answer that was given */
    REPEAT_ANEW,    /** it is done again: it made nothing, and tells a secret */
    REPEAT_REFUSED, /** a conflict: it made something, and told a secret of it once */
};

struct route {
    enum method method;
    str pattern; /** `/api/v1/{collection}/{id}` */
    str summary;
    enum need need;
    enum road road;
    enum route_right right;
    uint8_t may;       /** RIGHT_ENTITY: of scope_action, all of them */
    uint8_t may_one;   /** and one of these at least; 0: none is asked for */
    uint16_t right_of; /** RIGHT_ENTITY: the entity's number; 0: that of the path */
    bool has_body;     /** JSON, which is read before the function runs */
    /** content types whose body is taken as it stands (call->body), before or instead of JSON;
     *  separated by blanks; `*`: any */
    str raw_types;
    bool is_not_of_single; /** an entity with exactly one record has no such call */
    bool is_of_duplicates; /** only of an entity whose duplicates are looked for, and made */
    bool is_for_portal;    /** served at the portal's door too */
    bool is_for_viewer;    /** there, a change that is let to who views it as somebody else */
    bool is_of_secrets;    /** only of an entity with secret fields */
    enum repeat repeat;    /** with the Idempotency-Key of what was done */
    bool needs_proof;      /** dangerous: the password must have been given just now */
    bool needs_own_proof;  /** the same of a session; a token is bounded by what it covers */
    bool is_for_nobody;    /** refused to whoever is signed in */
    bool is_body_optional; /** without one, `call->given` is nil */
    uint8_t action;        /** of entity_action: only entities that have it have such a call */
    bool is_for_the_rest;  /** answers what no other row of this method does, and is no call */
    /* For the document, by names of api/components.json, where `{entity}` stands for the entity: */
    const char *parameters; /** with spaces between; `filters`: all of the entity; or nullptr */
    const char *body;       /** of requestBodies; or nullptr */
    const char *answers; /** of success, status and name in turn: `200 {entity} 304 not_changed` */
    enum err (*run)(struct call *call);
};

extern const struct route routes[];
extern const uint32_t route_count;

/** Whether its query string means anything; one that does not is refused. */
bool route_has_query(const struct route *route);

enum method method_of(str method);
/** The word for the document; METHOD_OTHER has none. */
str method_word(enum method method);

struct route_match {
    const struct route *route; /** nullptr: none has this path and method */
    uint8_t methods;           /** of routes with this path, METHOD_ bits; 0: no such path */
    const struct entity *entity;
    struct id record;
    uint32_t part;
};
/** Whether this entity has such a call; nullptr: there is none to ask for, and it is there. */
bool route_is_of(const struct route *route, const struct entity *entity);
/** `model` nullptr: no path with a collection fits. */
struct route_match route_match(const struct model *model, enum method method, str path);
/** `GET, HEAD, POST` */
str methods_write(struct arena *arena, uint8_t methods);
