#include "record/draft.h"

#include "base/fold.h"
#include "base/require.h"
#include "model/kind.h"
#include "record/query.h"
#include "record/sealed.h"

static str read_stored(struct change *change, const struct field *field, const struct value *given)
{
    struct buf stored = buf_make(change->task->arena, RECORD_BYTES_MAX);
    if (!field->kind_of->read(change->task, field, given, &stored)) return (str){};
    if (buf_is_over(&stored)) {
        task_fault(change->task, field->name, S("length"), "is too large");
        return (str){};
    }
    return buf_str(&stored);
}

void draft_defaults(struct change *change, struct draft *draft)
{
    for (uint32_t at = 0; at < draft->entity->field_count; at++) {
        const struct field *field = &draft->entity->fields[at];
        if (field->initial.len == 0) continue;
        struct value given = value_of(field->initial);
        draft_put(draft, field, read_stored(change, field, &given));
    }
}

/** What identifies an item of a list for `$add` and `$remove`: the text itself, or the `value` of
 *  an e-mail or phone. */
static str item_key(const struct value *item)
{
    if (item->kind == VALUE_TEXT) return item->text;
    struct value value;
    if (item->kind == VALUE_MAP && value_find_text(item->bytes, S("value"), &value) &&
        value.kind == VALUE_TEXT)
        return value.text;
    return item->bytes;
}

/** A list that was given for `$add` or `$remove`; items are the same as the kind orders them: an
 *  address in any case, a number by its digits. */
struct named_items {
    uint32_t count;
    struct value *items;
    str *keys;
};

static str key_of_item(struct arena *arena, const struct field *field, const struct value *item)
{
    struct task quiet = {.arena = arena};
    str ordered, text = item_key(item);
    bool is_key =
        utf8_is_valid(text) && field->kind_of->order_text(&quiet, field, str_trim(text), &ordered);
    if (is_key && !key_is_cut(ordered)) return ordered;
    return utf8_is_valid(text) ? fold(arena, text) : text;
}

static struct named_items name_items(struct arena *arena, const struct field *field,
                                     const struct value *list)
{
    struct named_items named = {.items = arena_new(arena, struct value, list->count),
                                .keys = arena_new(arena, str, list->count)};
    struct cursor cursor = cursor_of(list->items);
    while (named.count < list->count && value_next(&cursor, &named.items[named.count])) {
        named.keys[named.count] = key_of_item(arena, field, &named.items[named.count]);
        named.count++;
    }
    return named;
}

/** Where the key stands, or UINT32_MAX. */
static uint32_t find_item(const struct named_items *named, str key)
{
    for (uint32_t at = 0; at < named->count; at++)
        if (str_eq(named->keys[at], key)) return at;
    return UINT32_MAX;
}

/** A stored item in the form the API gives and takes it. An entry is joined with an addition of the
 *  same value, which may bring a label of its own. */
static void give_item(struct arena *arena, const struct field *field, const struct value *stored,
                      bool may_be_primary, const struct value *addition, struct buf *out)
{
    if (field->kind == FIELD_REFERENCES) {
        struct id id;
        if (stored->kind == VALUE_BYTES && id_of_bytes(stored->text, &id))
            pack_text(out, id_text(arena, id));
        return;
    }
    if (stored->kind != VALUE_LIST || stored->count != 3) {
        pack_raw(out, stored->bytes);
        return;
    }
    struct cursor cursor = cursor_of(stored->items);
    struct value address, label, primary;
    if (!value_next(&cursor, &address) || !value_next(&cursor, &label) ||
        !value_next(&cursor, &primary))
        return;
    struct value own;
    bool is_map = addition != nullptr && addition->kind == VALUE_MAP;
    bool is_primary = may_be_primary && primary.kind == VALUE_BOOL && primary.boolean;
    if (is_map && value_find_text(addition->bytes, S("primary"), &own) && own.kind == VALUE_BOOL)
        is_primary = is_primary || own.boolean;
    if (is_map && value_find_text(addition->bytes, S("label"), &own) && own.kind != VALUE_NIL)
        label = own;
    pack_map(out, 3);
    pack_text(out, S("value"));
    pack_raw(out, address.bytes);
    pack_text(out, S("label"));
    pack_raw(out, label.bytes);
    pack_text(out, S("primary"));
    pack_bool(out, is_primary);
}

static bool names_a_primary(const struct value *list)
{
    struct cursor cursor = cursor_of(list->items);
    struct value item, primary;
    for (uint32_t at = 0; at < list->count && value_next(&cursor, &item); at++)
        if (item.kind == VALUE_MAP && value_find_text(item.bytes, S("primary"), &primary) &&
            primary.kind == VALUE_BOOL && primary.boolean)
            return true;
    return false;
}

/** The stored list in API form, without what is removed, with what is added; then read as a
 *  whole. */
static void apply_list_change(struct change *change, struct draft *draft, const struct field *field,
                              const struct value *add, const struct value *remove)
{
    struct arena *arena = change->task->arena;
    struct buf items = buf_make(arena, 2 * RECORD_BYTES_MAX);
    uint32_t count = 0;
    bool may_be_primary = !names_a_primary(add);
    struct named_items added = name_items(arena, field, add);
    struct named_items removed = name_items(arena, field, remove);
    bool *is_joined = arena_new(arena, bool, added.count);
    str stored = draft_get(draft, field);
    struct value old = stored.len == 0 ? (struct value){.kind = VALUE_LIST} : value_of(stored);
    struct cursor cursor = cursor_of(old.items);
    struct value item;
    for (uint32_t at = 0; at < old.count && value_next(&cursor, &item); at++) {
        struct buf one = buf_make(arena, RECORD_BYTES_MAX);
        give_item(arena, field, &item, may_be_primary, nullptr, &one);
        struct value given = value_of(buf_str(&one));
        str key = key_of_item(arena, field, &given);
        if (find_item(&removed, key) != UINT32_MAX) continue;
        uint32_t of = find_item(&added, key);
        if (of != UINT32_MAX) is_joined[of] = true;
        give_item(arena, field, &item, may_be_primary,
                  of == UINT32_MAX ? nullptr : &added.items[of], &items);
        count++;
    }
    for (uint32_t at = 0; at < added.count; at++) {
        if (is_joined[at]) continue;
        pack_raw(&items, added.items[at].bytes);
        count++;
    }
    if (count == 0) {
        draft_put(draft, field, (str){});
        return;
    }
    struct buf list = buf_make(arena, 2 * RECORD_BYTES_MAX + 8);
    pack_list(&list, count);
    pack_raw(&list, buf_str(&items));
    struct value given = value_of(buf_str(&list));
    if (buf_is_over(&list) || given.kind != VALUE_LIST)
        task_fault(change->task, field->name, S("length"), "is too large");
    else draft_put(draft, field, read_stored(change, field, &given));
}

/** `{"$add":[…],"$remove":[…]}`; false when the map is something else. */
static bool apply_if_list_change(struct change *change, struct draft *draft,
                                 const struct field *field, const struct value *given)
{
    struct value add = {.kind = VALUE_LIST}, remove = {.kind = VALUE_LIST};
    bool has_add = value_find_text(given->bytes, S("$add"), &add);
    bool has_remove = value_find_text(given->bytes, S("$remove"), &remove);
    if (!has_add && !has_remove) return false;
    if (!field->kind_of->is_list)
        task_fault(change->task, field->name, S("type"),
                   "is not a list: $add and $remove do not apply");
    else if (add.kind != VALUE_LIST || remove.kind != VALUE_LIST)
        task_fault(change->task, field->name, S("type"), "$add and $remove take lists");
    else if (given->count != (uint32_t)has_add + (uint32_t)has_remove)
        task_fault(change->task, field->name, S("unknown"), "only $add and $remove may stand here");
    else apply_list_change(change, draft, field, &add, &remove);
    return true;
}

static enum err create_referred(struct change *change, struct draft *draft,
                                const struct field *field, const struct value *given)
{
    struct id id;
    str path = change->task->path;
    change->task->path = arena_print(change->task->arena, "%.*s%.*s.", FMT(path), FMT(field->name));
    enum err err = record_create(change, field->to, given, &id);
    change->task->path = path;
    if (err != ERR_NONE) return err;
    struct buf stored = buf_make(change->task->arena, 32);
    pack_bytes(&stored, id_bytes(&id));
    draft_put(draft, field, buf_str(&stored));
    return ERR_NONE;
}

static void note_later(struct change *change, struct draft *draft, const struct field *field,
                       const struct value *given)
{
    struct later *later = arena_new(change->task->arena, struct later, 1);
    *later = (struct later){.field = field, .given = *given, .next = draft->later};
    draft->later = later;
}

/** A reference kept through a link: an id or a map, made once the record is written. */
static void apply_through(struct change *change, struct draft *draft, const struct field *field,
                          const struct value *given)
{
    str stored = draft_get(draft, field);
    if (given->kind == VALUE_NIL) {
        if (stored.len > 0)
            task_fault(change->task, field->name, S("read_only"),
                       "cannot be cleared here: name another one, or delete the link");
    } else if (given->kind == VALUE_MAP) {
        note_later(change, draft, field, given);
    } else {
        str read = read_stored(change, field, given);
        if (read.len > 0 && !str_eq(read, stored)) {
            struct value id = value_of(read);
            note_later(change, draft, field, &id);
        }
    }
}

/** A sealed text that stays the same stays as it is stored. A secret never does: whether anything
 *  has changed would tell a guess. */
static enum err put_sealed(struct change *change, struct draft *draft, const struct field *field,
                           str plain)
{
    struct view view = change_view(change);
    str before = draft_get(draft, field), stored;
    bool is_same = field->kind == FIELD_SEALED && before.len > 0 &&
                   str_eq(sealed_plain_slot(&view, field, draft->id, before), plain);
    if (is_same) return ERR_NONE;
    TRY(sealed_make(change, field, draft->id, plain, &stored));
    draft_put(draft, field, stored);
    return ERR_NONE;
}

/** What is empty is absent. */
static enum err put_given(struct change *change, struct draft *draft, const struct field *field,
                          const struct value *given)
{
    str stored = given->kind == VALUE_NIL ? (str){} : read_stored(change, field, given);
    struct value value = stored.len == 0 ? (struct value){} : value_of(stored);
    bool is_empty = value.kind == VALUE_NIL || (value.kind == VALUE_TEXT && value.text.len == 0) ||
                    (value.kind == VALUE_LIST && value.count == 0);
    if (!is_empty && field_is_sealed(field)) return put_sealed(change, draft, field, stored);
    draft_put(draft, field, is_empty ? (str){} : stored);
    return ERR_NONE;
}

void draft_compute(struct change *change, struct draft *draft, const struct field *field,
                   const struct value *given)
{
    require(field->entity == draft->entity);
    require(field->is_computed && field->through.link == nullptr && !field_is_sealed(field));
    (void)!put_given(change, draft, field, given);
}

enum err draft_set(struct change *change, struct draft *draft, const struct field *field,
                   const struct value *given)
{
    require(field->entity == draft->entity);
    if (field->is_computed && field->through.link == nullptr)
        task_fault(change->task, field->name, S("read_only"),
                   "is kept by the system and cannot be set");
    else if (field->through.link != nullptr) apply_through(change, draft, field, given);
    else if (given->kind == VALUE_MAP && field->kind != FIELD_OBJECT &&
             apply_if_list_change(change, draft, field, given))
        return ERR_NONE;
    else if (given->kind == VALUE_MAP && field->kind == FIELD_REFERENCE)
        return create_referred(change, draft, field, given);
    else if (field->kind == FIELD_SECRET && change->hook_depth > 0)
        task_fault(change->task, field->name, S("forbidden"), "is a secret: rules do not write it");
    else return put_given(change, draft, field, given);
    return ERR_NONE;
}

/** Seen, but not the actor's to change: by its group, or because the portal only shows it. */
static enum err refuse_edit(struct change *change, const struct field *field)
{
    if (field->group != 0)
        return scope_require_group(change->task, change->scope, change->model,
                                   change->model->groups[field->group - 1].name, SCOPE_EDIT);
    task_fault(change->task, field->name, S("forbidden"), "cannot be changed here");
    return ERR_NONE;
}

enum err draft_apply(struct change *change, struct draft *draft, const struct value *given)
{
    if (given->kind != VALUE_MAP) {
        task_fault(change->task, S(""), S("type"), "must be an object of fields");
        return ERR_NONE;
    }
    struct cursor cursor = cursor_of(given->items);
    for (uint32_t pair = 0; pair < given->count; pair++) {
        struct value key, value;
        if (!value_next(&cursor, &key) || !value_next(&cursor, &value))
            return fail(change->task, ERR_UNREADABLE, "the value is damaged");
        str name = key.kind == VALUE_TEXT ? key.text : S("?");
        struct sight sight = scope_sight(change->scope);
        const struct field *field =
            key.kind == VALUE_TEXT ? entity_field_seen(draft->entity, sight, name) : nullptr;
        if (str_eq(name, S("id")))
            task_fault(change->task, name, S("read_only"), "is given by the system");
        else if (field == nullptr) {
            str nearest = entity_nearest(draft->entity, sight, name);
            if (nearest.len > 0)
                task_fault(change->task, name, S("unknown"),
                           "is no field of %.*s; did you mean %.*s?", FMT(draft->entity->name),
                           FMT(nearest));
            else
                task_fault(change->task, name, S("unknown"), "is no field of %.*s",
                           FMT(draft->entity->name));
        } else if (!scope_edits_field(change->scope, field)) {
            TRY(refuse_edit(change, field));
        } else TRY(draft_set(change, draft, field, &value));
    }
    return ERR_NONE;
}
