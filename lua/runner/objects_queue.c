/* queue: what happens once the change is durable. Nothing is done here: the server takes the words
 * down and does them after the commit. */
#include "objects.h"

#include <lauxlib.h>

#include "base/require.h"
#include "values.h"

constexpr size_t SECRET_NAME_BYTES_MAX = 100;

struct kind {
    str word;
    const char *function;
    const str *members;
    const str *needed;
};

static void check_needed(lua_State *state, const struct kind *kind)
{
    for (const str *word = kind->needed; word->len > 0; word++) {
        bool has = lua_getfield(state, 1, word->at) != LUA_TNIL && !values_is_null(state, -1);
        if (!has) luaL_error(state, "%s needs `%s`", kind->function, word->at);
        lua_pop(state, 1);
    }
}

/** Asks for an effect of this kind, given as one table; its id. */
static int queue(lua_State *state, const struct kind *kind)
{
    luaL_checktype(state, 1, LUA_TTABLE);
    lua_settop(state, 1);
    objects_check_members(state, 1, kind->function, kind->members);
    check_needed(state, kind);
    struct buf *out = talk_question(run_of(state), S("queue"), 2);
    pack_text(out, S("kind"));
    pack_text(out, kind->word);
    pack_text(out, S("given"));
    values_pack(state, 1, out, str_of(kind->function), VALUES_WITH_SECRETS);
    struct value said = talk_ask(state);
    if (said.kind == VALUE_TEXT) lua_pushlstring(state, said.text.at, said.text.len);
    else lua_pushnil(state);
    return 1;
}

static int queue_mail(lua_State *state)
{
    static const str members[] = {S("to"),   S("cc"),       S("bcc"),    S("subject"),
                                  S("text"), S("reply_to"), S("record"), {}};
    static const str needed[] = {S("to"), S("subject"), S("text"), {}};
    return queue(state, &(struct kind){S("mail"), "queue.mail", members, needed});
}

static int queue_task(lua_State *state)
{
    static const str members[] = {S("title"), S("due"), S("assignee"), S("text"), S("record"), {}};
    static const str needed[] = {S("title"), {}};
    return queue(state, &(struct kind){S("task"), "queue.task", members, needed});
}

static int queue_notify(lua_State *state)
{
    static const str members[] = {S("to"), S("text"), S("record"), {}};
    static const str needed[] = {S("to"), S("text"), {}};
    return queue(state, &(struct kind){S("notify"), "queue.notify", members, needed});
}

static int queue_webhook(lua_State *state)
{
    static const str members[] = {S("url"), S("method"), S("headers"), S("body"), {}};
    static const str needed[] = {S("url"), {}};
    return queue(state, &(struct kind){S("webhook"), "queue.webhook", members, needed});
}

static int queue_start(lua_State *state)
{
    static const str members[] = {S("rule"), S("record"), S("input"), {}};
    static const str needed[] = {S("rule"), {}};
    return queue(state, &(struct kind){S("start"), "queue.start", members, needed});
}

static int secret(lua_State *state)
{
    str name = objects_word_at(state, 1, "the name of a secret");
    luaL_argcheck(state, name.len > 0 && name.len <= SECRET_NAME_BYTES_MAX, 1,
                  "has 1 to 100 bytes");
    struct values_secret *made = lua_newuserdatauv(state, sizeof *made + name.len, 0);
    made->len = name.len;
    memcpy(made->name, name.at, name.len);
    luaL_setmetatable(state, VALUES_SECRET);
    return 1;
}

static const struct view_name names[] = {
    {"queue", "mail", "queue.mail {to=, subject=, text= [, cc=, bcc=, reply_to=, record=]}",
     "Sends a mail once the change is durable; `to` is an address or a list of them. Gives the id "
     "of what was queued.",
     "queue.mail {to = \"anna@acme.example\", subject = \"Welcome\", text = \"Hello, Anna.\"} ~= "
     "nil",
     queue_mail},
    {"queue", "task", "queue.task {title= [, due=, assignee=, text=, record=]}",
     "Makes a task once the change is durable.",
     "queue.task {title = \"Call \" .. record.name, due = \"2026-12-01\", assignee = actor.id} ~= "
     "nil",
     queue_task},
    {"queue", "notify", "queue.notify {to=, text= [, record=]}",
     "Tells a user, or a list of them, once the change is durable.",
     "queue.notify {to = actor.id, text = record.name .. \" is a customer now.\"} ~= nil",
     queue_notify},
    {"queue", "webhook", "queue.webhook {url= [, method=, headers=, body=]}",
     "Calls an address once the change is durable; `body` is sent as JSON. A secret may stand "
     "anywhere in it.",
     "queue.webhook {url = \"https://hooks.example/acme\", headers = {Authorization = secret "
     "\"hook\"}, body = {name = record.name}} ~= nil",
     queue_webhook},
    {"queue", "start", "queue.start {rule= [, record=, input=]}",
     "Runs an `action` rule once the change is durable, in a change of its own.",
     "queue.start {rule = \"send contract\", record = record.id, input = {copies = 2}} ~= nil",
     queue_start},
    {nullptr, "secret", "secret(name)",
     "Stands for a stored secret in what is queued; the rule itself never sees it.",
     "type(secret \"hook\") == \"userdata\"", secret},
};
const struct view_part objects_queue_part = {names, sizeof names / sizeof *names, nullptr};
