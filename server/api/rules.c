#include "api/rules.h"

#include "api/parameters.h"
#include "api/reply.h"

enum err rules_reference(struct call *call)
{
    const struct guide *guide = &call->api->guide;
    const struct {
        str type;
        str sent_as;
        str bytes;
    } forms[] = {
        {S("application/json"), S("application/json"), guide->json},
        {S("text/html"), S("text/html; charset=utf-8"), guide->html},
        {S("text/markdown"), S("text/markdown; charset=utf-8"), guide->markdown},
    };
    TRY(no_parameters(call));
    size_t best = 0;
    for (size_t at = 1; at < sizeof forms / sizeof forms[0]; at++)
        if (accept_weight(call->accept, forms[at].type) >
            accept_weight(call->accept, forms[best].type))
            best = at;
    /* What is sent as JSON says `vary` itself (api/reply.c). */
    if (best > 0) reply_header(call, S("vary"), S("accept"));
    call->reply.status = 200;
    call->reply.content_type = forms[best].sent_as;
    call->reply.body = forms[best].bytes;
    return ERR_NONE;
}
