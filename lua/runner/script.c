#include "script.h"

#include "base/nearest.h"
#include "base/require.h"
#include "lexer.h"
#include "view.h"

constexpr uint32_t DEPTH_MAX = 220; /** Lua itself goes 200 deep */
constexpr uint32_t NAMES_MAX = 400;
constexpr uint32_t GLOBALS_MAX = 500; /** set by one script; then no name is told as unknown */

/** What an expression is known to be. */
enum thing_kind : uint8_t {
    THING_ANY,
    THING_RECORD, /** one of an entity */
    THING_LIST,   /** of such records */
    THING_WALK,   /** what ipairs gives of such a list */
    THING_TABLE,  /** of the view: `db` */
    THING_MEMBER, /** of such a table: `db.get`, or a global function of the view */
    THING_VALUE,  /** of a field */
    THING_PART,   /** of such a value */
    THING_TEXT,   /** a literal */
    THING_KEYS,   /** a table constructor */
};
struct thing {
    enum thing_kind kind;
    str entity; /** of a record, list, walk or value; of a table or member the table's name */
    str name;   /** of a member; of a value the field's; of a text what it says */
    struct token at;
    uint32_t key_from, key_count; /** of a constructor: its words, in `keys` */
};

struct local {
    str name;
    uint32_t number; /** of its declaration, in the order of the source */
    struct thing is;
};

struct reader {
    struct arena *arena;
    struct script *script;
    struct lexer lexer;
    struct token now, next;
    uint32_t depth;
    bool is_second; /** the first pass only finds out what is set, and how often */

    struct local *locals;
    uint32_t local_count, local_capacity;
    uint32_t block_locals; /** how many there were at the end of the last block */
    uint32_t declared_count;
    bool *is_set_again; /** by number of the declaration */
    uint32_t set_capacity;
    str *globals; /** that the script sets */
    uint32_t global_count, global_capacity;
    struct token *keys;
    uint32_t key_count, key_capacity;
    uint32_t use_capacity;
};

/** Room for one more of a list in the arena. */
static void *grown(struct arena *arena, void *items, uint32_t count, uint32_t *capacity,
                   size_t bytes_each)
{
    if (count < *capacity) return items;
    *capacity = *capacity * 2 + 16;
    char *more = arena_take_array(arena, bytes_each, *capacity);
    if (count > 0) memcpy(more, items, count * bytes_each);
    return more;
}

/* Tokens. */

static void advance(struct reader *reader)
{
    reader->now = reader->next;
    reader->next = lexer_next(&reader->lexer);
}

static bool is_word(const struct token *token, str word)
{
    return (token->kind == TOKEN_KEYWORD || token->kind == TOKEN_SIGN) && str_eq(token->text, word);
}

static bool at_word(const struct reader *reader, str word)
{
    return is_word(&reader->now, word);
}

static bool take_word(struct reader *reader, str word)
{
    bool is_there = at_word(reader, word);
    if (is_there) advance(reader);
    return is_there;
}

/* What is noted. */

static void note_use(struct reader *reader, str entity, str field, bool is_write,
                     const struct token *at)
{
    struct script *script = reader->script;
    if (!reader->is_second || script->use_count == SCRIPT_USES_MAX) return;
    for (uint32_t of = 0; of < script->use_count; of++) {
        const struct script_use *use = &script->uses[of];
        if (use->is_write == is_write && str_eq(use->field, field) && str_eq(use->entity, entity))
            return;
    }
    script->uses = grown(reader->arena, script->uses, script->use_count, &reader->use_capacity,
                         sizeof *script->uses);
    script->uses[script->use_count++] =
        (struct script_use){entity, field, is_write, at->line, at->column};
}

/** Whether an unknown name would be the first. */
static bool may_note(const struct reader *reader)
{
    return reader->is_second && reader->script->unknown.len == 0;
}

static void note_unknown(struct reader *reader, const struct token *at, str shown, str near)
{
    reader->script->unknown = shown;
    reader->script->nearest = near;
    reader->script->line = at->line;
    reader->script->column = at->column;
}

/** The name nearest among those of a table of the view; empty: the globals. */
static str nearest_of(const struct reader *reader, str table, str name)
{
    str names[NAMES_MAX];
    size_t count = 0;
    for (uint32_t of = 0; of < view_part_count; of++) {
        const struct view_part *part = view_parts[of];
        for (uint32_t at = 0; at < part->count && count < NAMES_MAX; at++) {
            str row = str_of(part->names[at].table);
            if (str_eq(row, table)) names[count++] = str_of(part->names[at].name);
            else if (table.len == 0) names[count++] = row;
        }
    }
    for (uint32_t at = 0; table.len == 0 && at < reader->local_count && count < NAMES_MAX; at++)
        names[count++] = reader->locals[at].name;
    return nearest(names, count, name);
}

/* Names. */

static struct local *find_local(struct reader *reader, str name)
{
    for (uint32_t at = reader->local_count; at-- > 0;)
        if (str_eq(reader->locals[at].name, name)) return &reader->locals[at];
    return nullptr;
}

static void declare(struct reader *reader, str name, struct thing is)
{
    uint32_t number = reader->declared_count++;
    reader->is_set_again = grown(reader->arena, reader->is_set_again, number, &reader->set_capacity,
                                 sizeof *reader->is_set_again);
    if (!reader->is_second) reader->is_set_again[number] = false;
    if (reader->is_set_again[number]) is = (struct thing){};
    reader->locals = grown(reader->arena, reader->locals, reader->local_count,
                           &reader->local_capacity, sizeof *reader->locals);
    reader->locals[reader->local_count++] = (struct local){name, number, is};
}

static bool is_set_global(const struct reader *reader, str name)
{
    for (uint32_t at = 0; at < reader->global_count; at++)
        if (str_eq(reader->globals[at], name)) return true;
    return reader->global_count == GLOBALS_MAX;
}

/** A name is assigned to. */
static void note_set(struct reader *reader, str name)
{
    struct local *local = find_local(reader, name);
    if (local != nullptr) {
        reader->is_set_again[local->number] = true;
        return;
    }
    if (is_set_global(reader, name)) return;
    reader->globals = grown(reader->arena, reader->globals, reader->global_count,
                            &reader->global_capacity, sizeof *reader->globals);
    reader->globals[reader->global_count++] = name;
}

static struct thing thing_of_global(struct reader *reader, const struct token *at)
{
    str name = at->text;
    struct thing thing = {.at = *at};
    if (is_set_global(reader, name)) return thing;
    bool is_own = str_eq(name, S("record")) || str_eq(name, S("old"));
    if (is_own || str_eq(name, S("settings"))) {
        thing.kind = THING_RECORD;
        thing.entity = is_own ? S("") : name;
    } else if (view_find(S(""), name) != nullptr && !view_has_table(name)) {
        thing.kind = THING_MEMBER;
        thing.name = name;
    } else if (view_has_table(name)) {
        thing.kind = THING_TABLE;
        thing.entity = name;
    } else if (may_note(reader)) {
        note_unknown(reader, at, name, nearest_of(reader, S(""), name));
    }
    return thing;
}

static struct thing thing_of_name(struct reader *reader, const struct token *at)
{
    const struct local *local = find_local(reader, at->text);
    if (local == nullptr) return thing_of_global(reader, at);
    struct thing thing = local->is;
    thing.at = *at;
    return thing;
}

/* Expressions. */

static void read_block(struct reader *reader);
static struct thing read_expression(struct reader *reader);

/** `.name` or `["name"]` of a thing. */
static struct thing read_member(struct reader *reader, struct thing of, const struct token *name,
                                bool is_write)
{
    struct thing thing = {.at = *name};
    switch (of.kind) {
    case THING_RECORD:
        note_use(reader, of.entity, name->text, is_write, name);
        thing.kind = THING_VALUE;
        thing.entity = of.entity;
        thing.name = name->text;
        break;
    case THING_VALUE:
    case THING_PART:
        if (is_write) note_use(reader, of.entity, of.name, true, &of.at);
        thing.kind = THING_PART;
        thing.entity = of.entity;
        thing.name = of.name;
        break;
    case THING_TABLE:
        if (may_note(reader) && view_find(of.entity, name->text) == nullptr) {
            str shown = arena_print(reader->arena, "%.*s.%.*s", FMT(of.entity), FMT(name->text));
            str near = nearest_of(reader, of.entity, name->text);
            if (near.len > 0)
                near = arena_print(reader->arena, "%.*s.%.*s", FMT(of.entity), FMT(near));
            note_unknown(reader, name, shown, near);
        }
        thing.kind = THING_MEMBER;
        thing.entity = of.entity;
        thing.name = name->text;
        break;
    default:
        break;
    }
    return thing;
}

/** `{ … }`: its words are kept. */
static struct thing read_constructor(struct reader *reader)
{
    struct thing thing = {.kind = THING_KEYS, .at = reader->now};
    struct token words[64];
    uint32_t count = 0;
    advance(reader);
    while (reader->now.kind != TOKEN_END && !at_word(reader, S("}"))) {
        struct token key = reader->now;
        bool is_name = key.kind == TOKEN_NAME && is_word(&reader->next, S("="));
        if (take_word(reader, S("["))) {
            struct thing inner = read_expression(reader);
            (void)take_word(reader, S("]"));
            key = inner.at;
            key.text = inner.name;
            is_name = inner.kind == THING_TEXT;
            (void)take_word(reader, S("="));
        } else if (is_name) {
            advance(reader);
            advance(reader);
        }
        if (is_name && count < sizeof words / sizeof *words) words[count++] = key;
        (void)read_expression(reader);
        if (!take_word(reader, S(",")) && !take_word(reader, S(";"))) break;
    }
    (void)take_word(reader, S("}"));
    thing.key_from = reader->key_count;
    thing.key_count = count;
    for (uint32_t at = 0; at < count; at++) {
        reader->keys = grown(reader->arena, reader->keys, reader->key_count, &reader->key_capacity,
                             sizeof *reader->keys);
        reader->keys[reader->key_count++] = words[at];
    }
    return thing;
}

/* Calls. */

constexpr uint32_t ARGUMENTS_MAX = 4;
struct arguments {
    uint32_t count;
    struct thing things[ARGUMENTS_MAX];
};

static void read_arguments(struct reader *reader, struct arguments *arguments)
{
    *arguments = (struct arguments){};
    if (!at_word(reader, S("("))) {
        bool is_text = reader->now.kind == TOKEN_STRING;
        arguments->things[arguments->count++] =
            is_text ? (struct thing){.kind = THING_TEXT,
                                     .name = reader->now.is_plain ? reader->now.text : S(""),
                                     .at = reader->now}
                    : read_constructor(reader);
        if (is_text) advance(reader);
        return;
    }
    advance(reader);
    while (reader->now.kind != TOKEN_END && !at_word(reader, S(")"))) {
        struct thing thing = read_expression(reader);
        if (arguments->count < ARGUMENTS_MAX) arguments->things[arguments->count++] = thing;
        if (!take_word(reader, S(","))) break;
    }
    (void)take_word(reader, S(")"));
}

/** The words of a table of values or conditions; a path names its first field. */
static void note_keys(struct reader *reader, str entity, const struct thing *keys, bool is_write)
{
    for (uint32_t at = 0; keys->kind == THING_KEYS && at < keys->key_count; at++) {
        const struct token *key = &reader->keys[keys->key_from + at];
        str field, rest;
        (void)str_cut(key->text, '.', &field, &rest);
        bool is_joint =
            str_eq(field, S("and")) || str_eq(field, S("or")) || str_eq(field, S("not"));
        if (field.len > 0 && !is_joint) note_use(reader, entity, field, is_write, key);
    }
}

static struct thing call_db(struct reader *reader, const struct thing *function,
                            const struct arguments *given)
{
    /* A record stands for its entity and its id. */
    bool is_record = given->things[0].kind == THING_RECORD;
    const struct thing *things = given->things, *first = &things[0];
    const struct thing *behind_id = &things[is_record ? 1 : 2];
    str verb = function->name;
    bool is_text = first->kind == THING_TEXT && first->name.len > 0;
    bool is_known = is_text || is_record;
    str entity = is_text ? first->name : is_record ? first->entity : S("?");
    bool is_create = str_eq(verb, S("create")), is_update = str_eq(verb, S("update"));
    bool is_link = str_eq(verb, S("link")), is_delete = str_eq(verb, S("delete"));
    bool is_find = str_eq(verb, S("find"));
    struct thing thing = {.at = function->at};
    note_use(reader, entity, S(""), is_create || is_update || is_link || is_delete,
             is_known ? &first->at : &function->at);
    if (is_create) note_keys(reader, entity, &things[1], true);
    if (is_update) note_keys(reader, entity, behind_id, true);
    if (is_find || str_eq(verb, S("count"))) note_keys(reader, entity, &things[1], false);
    if (is_link && behind_id->kind == THING_TEXT && behind_id->name.len > 0)
        note_use(reader, entity, behind_id->name, true, &behind_id->at);
    if (!is_known) return thing;
    if (is_create || is_update || str_eq(verb, S("get"))) thing.kind = THING_RECORD;
    if (is_find) thing.kind = THING_LIST;
    thing.entity = entity;
    return thing;
}

static struct thing call(struct reader *reader, const struct thing *function,
                         const struct arguments *given)
{
    const struct thing *things = given->things;
    struct thing thing = {.at = function->at};
    bool is_member = function->kind == THING_MEMBER;
    if (is_member && str_eq(function->entity, S("db"))) return call_db(reader, function, given);
    /* What is handed on whole may be read whole. */
    for (uint32_t at = 0; at < given->count; at++)
        if (things[at].kind == THING_RECORD)
            note_use(reader, things[at].entity, S(""), false, &things[at].at);
    if (!is_member) return thing;
    if (str_eq(function->entity, S("table"))) {
        bool is_part = things[0].kind == THING_VALUE || things[0].kind == THING_PART;
        bool is_write = str_eq(function->name, S("insert")) ||
                        str_eq(function->name, S("remove")) || str_eq(function->name, S("sort"));
        if (is_part && is_write)
            note_use(reader, things[0].entity, things[0].name, true, &things[0].at);
    }
    if (function->entity.len > 0) return thing;
    if (str_eq(function->name, S("changed")) && things[0].kind == THING_TEXT) {
        note_use(reader, S(""), things[0].name, false, &things[0].at);
    } else if (str_eq(function->name, S("reject")) && things[1].kind == THING_TEXT) {
        str field, rest;
        (void)str_cut(things[1].name, '.', &field, &rest);
        if (field.len > 0) note_use(reader, S(""), field, false, &things[1].at);
    } else if (str_eq(function->name, S("ipairs")) && things[0].kind == THING_LIST) {
        thing.kind = THING_WALK;
        thing.entity = things[0].entity;
    }
    return thing;
}

/** A method of a field's value or of a literal, which can only be one of texts. */
static void check_method(struct reader *reader, const struct thing *of, const struct token *name)
{
    bool is_text = of->kind == THING_VALUE || of->kind == THING_TEXT;
    if (!is_text || !may_note(reader) || view_find(S("string"), name->text) != nullptr) return;
    str near = nearest_of(reader, S("string"), name->text);
    if (near.len > 0) near = arena_print(reader->arena, ":%.*s", FMT(near));
    note_unknown(reader, name, arena_print(reader->arena, ":%.*s", FMT(name->text)), near);
}

/** Whether the token begins what is done to the thing before it. */
static bool is_suffix(const struct token *token)
{
    return token->kind == TOKEN_STRING || is_word(token, S(".")) || is_word(token, S("[")) ||
           is_word(token, S(":")) || is_word(token, S("(")) || is_word(token, S("{"));
}

/** Whether what was just read is the target of an assignment. */
static bool is_target(const struct reader *reader, bool may_be_target)
{
    return may_be_target && (at_word(reader, S("=")) || at_word(reader, S(",")));
}

static struct thing read_index(struct reader *reader, struct thing of, bool may_be_target)
{
    struct token name = reader->now;
    if (take_word(reader, S("."))) {
        name = reader->now;
        advance(reader);
        return read_member(reader, of, &name, is_target(reader, may_be_target));
    }
    advance(reader);
    struct thing inner = read_expression(reader);
    (void)take_word(reader, S("]"));
    if (inner.kind == THING_TEXT && inner.name.len > 0) {
        name = inner.at;
        name.text = inner.name;
        return read_member(reader, of, &name, is_target(reader, may_be_target));
    }
    bool is_write = is_target(reader, may_be_target);
    if (of.kind == THING_RECORD) note_use(reader, of.entity, S(""), is_write, &name);
    if (of.kind == THING_VALUE || of.kind == THING_PART) {
        name.text = S("");
        return read_member(reader, of, &name, is_write);
    }
    bool is_item = of.kind == THING_LIST;
    return (struct thing){
        .kind = is_item ? THING_RECORD : THING_ANY, .entity = of.entity, .at = name};
}

/** A name or a parenthesis, and all that is done to it. */
static struct thing read_suffixed(struct reader *reader, bool may_be_target)
{
    struct thing thing = {.at = reader->now};
    struct token name = reader->now;
    if (name.kind == TOKEN_NAME) {
        advance(reader);
        if (is_target(reader, may_be_target) && !is_suffix(&reader->now)) {
            note_set(reader, name.text);
            return thing;
        }
        thing = thing_of_name(reader, &name);
    } else if (take_word(reader, S("("))) {
        thing = read_expression(reader);
        (void)take_word(reader, S(")"));
    } else {
        advance(reader);
    }
    while (is_suffix(&reader->now)) {
        struct arguments given;
        if (at_word(reader, S(".")) || at_word(reader, S("["))) {
            thing = read_index(reader, thing, may_be_target);
            continue;
        }
        if (take_word(reader, S(":"))) {
            check_method(reader, &thing, &reader->now);
            thing = (struct thing){.at = reader->now};
            advance(reader);
        }
        read_arguments(reader, &given);
        thing = call(reader, &thing, &given);
    }
    return thing;
}

/** Parameters and body, up to `end`. */
static void read_function(struct reader *reader, bool has_self)
{
    uint32_t outer = reader->local_count;
    if (has_self) declare(reader, S("self"), (struct thing){});
    (void)take_word(reader, S("("));
    while (reader->now.kind != TOKEN_END && !at_word(reader, S(")"))) {
        if (reader->now.kind == TOKEN_NAME) declare(reader, reader->now.text, (struct thing){});
        advance(reader);
    }
    (void)take_word(reader, S(")"));
    read_block(reader);
    (void)take_word(reader, S("end"));
    reader->local_count = outer;
}

static struct thing read_simple(struct reader *reader)
{
    struct thing thing = {.at = reader->now};
    while (at_word(reader, S("not")) || at_word(reader, S("-")) || at_word(reader, S("#")) ||
           at_word(reader, S("~"))) {
        advance(reader);
        (void)read_simple(reader);
        return thing;
    }
    if (reader->now.kind == TOKEN_STRING) {
        thing.kind = THING_TEXT;
        thing.name = reader->now.is_plain ? reader->now.text : S("");
        advance(reader);
    } else if (at_word(reader, S("{"))) {
        thing = read_constructor(reader);
    } else if (take_word(reader, S("function"))) {
        read_function(reader, false);
    } else if (reader->now.kind == TOKEN_NAME || at_word(reader, S("("))) {
        thing = read_suffixed(reader, false);
    } else {
        advance(reader);
    }
    return thing;
}

static bool is_operator(const struct token *token)
{
    static const str operators[] = {
        S("+"),  S("-"),  S("*"),  S("/"),  S("//"), S("%"),   S("^"),
        S(".."), S("=="), S("~="), S("<"),  S("<="), S(">"),   S(">="),
        S("&"),  S("|"),  S("~"),  S("<<"), S(">>"), S("and"), S("or"),
    };
    for (size_t at = 0; at < sizeof operators / sizeof *operators; at++)
        if (is_word(token, operators[at])) return true;
    return false;
}

static struct thing read_expression(struct reader *reader)
{
    struct thing thing = {.at = reader->now};
    if (reader->depth == DEPTH_MAX) {
        reader->now.kind = reader->next.kind = TOKEN_END;
        return thing;
    }
    reader->depth++;
    thing = read_simple(reader);
    while (is_operator(&reader->now)) {
        advance(reader);
        (void)read_simple(reader);
        thing = (struct thing){.at = thing.at};
    }
    reader->depth--;
    return thing;
}

/** A list of expressions; the first of them. */
static struct thing read_expressions(struct reader *reader, uint32_t *count_out)
{
    struct thing first = read_expression(reader);
    for (*count_out = 1; take_word(reader, S(",")); ++*count_out) (void)read_expression(reader);
    return first;
}

/* Statements. */

static void read_local(struct reader *reader)
{
    struct token names[32];
    uint32_t count = 0, values = 0;
    struct thing first = {};
    if (take_word(reader, S("function"))) {
        declare(reader, reader->now.text, (struct thing){});
        advance(reader);
        read_function(reader, false);
        return;
    }
    do {
        if (count < sizeof names / sizeof *names) names[count++] = reader->now;
        advance(reader);
        if (take_word(reader, S("<"))) {
            advance(reader);
            (void)take_word(reader, S(">"));
        }
    } while (take_word(reader, S(",")));
    if (take_word(reader, S("="))) first = read_expressions(reader, &values);
    /* Now, and not before: `local x = x` means the outer one behind the sign. */
    for (uint32_t at = 0; at < count; at++) {
        bool is_known = at == 0 && values >= 1 && first.kind != THING_KEYS;
        declare(reader, names[at].text, is_known ? first : (struct thing){});
    }
}

static void read_for(struct reader *reader)
{
    uint32_t outer = reader->local_count, count = 0, values = 0;
    struct token names[8];
    do {
        if (count < sizeof names / sizeof *names) names[count++] = reader->now;
        advance(reader);
    } while (take_word(reader, S(",")));
    (void)(take_word(reader, S("in")) || take_word(reader, S("=")));
    struct thing walk = read_expressions(reader, &values);
    for (uint32_t at = 0; at < count; at++) {
        struct thing item = {.kind = THING_RECORD, .entity = walk.entity};
        bool is_item = at == 1 && walk.kind == THING_WALK;
        declare(reader, names[at].text, is_item ? item : (struct thing){});
    }
    (void)take_word(reader, S("do"));
    read_block(reader);
    (void)take_word(reader, S("end"));
    reader->local_count = outer;
}

static void read_if(struct reader *reader)
{
    (void)read_expression(reader);
    (void)take_word(reader, S("then"));
    read_block(reader);
    while (take_word(reader, S("elseif"))) {
        (void)read_expression(reader);
        (void)take_word(reader, S("then"));
        read_block(reader);
    }
    if (take_word(reader, S("else"))) read_block(reader);
    (void)take_word(reader, S("end"));
}

/** `function a.b:c() … end` */
static void read_named_function(struct reader *reader)
{
    struct token name = reader->now;
    bool has_self = false;
    advance(reader);
    bool is_plain = !at_word(reader, S(".")) && !at_word(reader, S(":"));
    if (is_plain) note_set(reader, name.text);
    else (void)thing_of_name(reader, &name);
    while (at_word(reader, S(".")) || at_word(reader, S(":"))) {
        has_self = at_word(reader, S(":"));
        advance(reader);
        advance(reader);
    }
    read_function(reader, has_self);
}

/** A call or an assignment. */
static void read_other(struct reader *reader)
{
    uint32_t count;
    (void)read_suffixed(reader, true);
    while (take_word(reader, S(","))) (void)read_suffixed(reader, true);
    if (take_word(reader, S("="))) (void)read_expressions(reader, &count);
}

static void read_loop(struct reader *reader)
{
    uint32_t outer = reader->local_count;
    if (take_word(reader, S("while"))) {
        (void)read_expression(reader);
        (void)take_word(reader, S("do"));
        read_block(reader);
        (void)take_word(reader, S("end"));
    } else if (take_word(reader, S("repeat"))) {
        /* The condition sees the locals of the block, which read_block has let go of. */
        read_block(reader);
        reader->local_count = reader->block_locals;
        (void)take_word(reader, S("until"));
        (void)read_expression(reader);
    } else {
        advance(reader);
        read_block(reader);
        (void)take_word(reader, S("end"));
    }
    reader->local_count = outer;
}

static void read_statement(struct reader *reader)
{
    uint32_t count;
    if (take_word(reader, S(";")) || take_word(reader, S("break"))) return;
    if (take_word(reader, S("local"))) {
        read_local(reader);
    } else if (take_word(reader, S("if"))) {
        read_if(reader);
    } else if (take_word(reader, S("for"))) {
        read_for(reader);
    } else if (take_word(reader, S("function"))) {
        read_named_function(reader);
    } else if (at_word(reader, S("while")) || at_word(reader, S("repeat")) ||
               at_word(reader, S("do"))) {
        read_loop(reader);
    } else if (take_word(reader, S("goto"))) {
        advance(reader);
    } else if (take_word(reader, S("::"))) {
        advance(reader);
        (void)take_word(reader, S("::"));
    } else if (take_word(reader, S("return"))) {
        bool is_empty = reader->now.kind == TOKEN_END || at_word(reader, S(";")) ||
                        at_word(reader, S("end")) || at_word(reader, S("else")) ||
                        at_word(reader, S("elseif")) || at_word(reader, S("until"));
        if (!is_empty) (void)read_expressions(reader, &count);
    } else {
        read_other(reader);
    }
}

static void read_block(struct reader *reader)
{
    uint32_t outer = reader->local_count;
    if (reader->depth == DEPTH_MAX) {
        reader->now.kind = reader->next.kind = TOKEN_END;
        return;
    }
    reader->depth++;
    while (reader->now.kind != TOKEN_END && !at_word(reader, S("end")) &&
           !at_word(reader, S("else")) && !at_word(reader, S("elseif")) &&
           !at_word(reader, S("until")))
        read_statement(reader);
    reader->depth--;
    reader->block_locals = reader->local_count;
    reader->local_count = outer;
}

void script_read(struct arena *arena, str source, struct script *script_out)
{
    struct reader reader = {.arena = arena, .script = script_out};
    *script_out = (struct script){};
    for (int pass = 0; pass < 2; pass++) {
        reader.is_second = pass == 1;
        reader.lexer = lexer_of(source);
        reader.depth = reader.local_count = reader.declared_count = reader.key_count = 0;
        advance(&reader);
        advance(&reader);
        /* At its outermost a valid source has nothing that ends a block. */
        while (reader.now.kind != TOKEN_END) {
            const char *at = reader.now.text.at;
            read_block(&reader);
            if (reader.now.text.at == at) advance(&reader);
        }
    }
}
