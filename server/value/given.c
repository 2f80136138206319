/* Bodies in MessagePack, held to what JSON can say: the outer half of value/value.h. */
#include "base/limits.h"
#include "base/require.h"
#include "value/value.h"

struct giving {
    struct task *task;
    struct buf *out;
};

static enum err given_copy(struct giving *giving, const struct value *value, uint32_t depth);

static enum err given_text(struct giving *giving, const struct value *text)
{
    if (str_find_byte(text->text, '\0') != SIZE_MAX)
        return fail(giving->task, ERR_UNREADABLE, "MessagePack: a text holds a NUL");
    pack_text(giving->out, text->text);
    return ERR_NONE;
}

static enum err given_group(struct giving *giving, const struct value *group, uint32_t depth)
{
    struct cursor parts = cursor_of(group->items);
    struct value part;
    bool is_map = group->kind == VALUE_MAP;
    if (is_map) pack_map(giving->out, group->count);
    else pack_list(giving->out, group->count);
    for (uint32_t at = 0; at < group->count; at++) {
        if (is_map) {
            require(value_next(&parts, &part));
            if (part.kind != VALUE_TEXT)
                return fail(giving->task, ERR_UNREADABLE,
                            "MessagePack: the keys of a map must be texts");
            TRY(given_text(giving, &part));
        }
        require(value_next(&parts, &part));
        TRY(given_copy(giving, &part, depth));
    }
    return ERR_NONE;
}

/** As deep as value_check has let it be. */
static enum err given_copy(struct giving *giving, const struct value *value, uint32_t depth)
{
    require(depth <= VALUE_DEPTH_MAX);
    switch (value->kind) {
    case VALUE_NIL:
        pack_nil(giving->out);
        return ERR_NONE;
    case VALUE_BOOL:
        pack_bool(giving->out, value->boolean);
        return ERR_NONE;
    case VALUE_INT:
        pack_int(giving->out, value->integer);
        return ERR_NONE;
    case VALUE_FLOAT:
        pack_float(giving->out, value->number);
        return ERR_NONE;
    case VALUE_TEXT:
        return given_text(giving, value);
    case VALUE_BYTES:
        return fail(giving->task, ERR_UNREADABLE,
                    "MessagePack: bytes are not taken; ids and all else are texts, as in JSON");
    case VALUE_LIST:
    case VALUE_MAP:
        return given_group(giving, value, depth + 1);
    }
    require(false);
    return ERR_SYSTEM;
}

enum err value_read_given(struct task *task, str bytes, struct buf *out)
{
    if (bytes.len > BODY_BYTES_MAX)
        return fail(task, ERR_TOO_LARGE, "MessagePack of more than 1 MiB");
    TRY(value_check(task, bytes));
    struct value value = value_of(bytes);
    struct giving giving = {task, out};
    TRY(given_copy(&giving, &value, 0));
    return buf_is_over(out) ? fail(task, ERR_TOO_LARGE, "MessagePack that holds too much")
                            : ERR_NONE;
}
