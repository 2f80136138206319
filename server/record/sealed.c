#include "record/sealed.h"

#include "base/crypto.h"
#include "base/log.h"
#include "base/require.h"
#include "model/kind.h"
#include "store/sealing.h"

constexpr size_t PLACE_BYTES = 2 + 16 + 2;
constexpr size_t GROUP_BYTES = 2 + 2;

static void put_number(char *at, uint16_t number)
{
    at[0] = (char)(uint8_t)(number >> 8);
    at[1] = (char)(uint8_t)number;
}

/** Where a value stands: entity, id, field. */
static str place_of(char room[PLACE_BYTES], const struct field *field, struct id id)
{
    put_number(room, field->entity->number);
    memcpy(room + 2, id.bytes, sizeof id.bytes);
    put_number(room + 18, field->number);
    return (str){room, PLACE_BYTES};
}

/** What its blinds are told apart by: entity, field. */
static str group_of(char room[GROUP_BYTES], const struct field *field)
{
    put_number(room, field->entity->number);
    put_number(room + 2, field->number);
    return (str){room, GROUP_BYTES};
}

enum err sealed_make(struct change *change, const struct field *field, struct id id, str plain,
                     str *stored_out)
{
    require(field_is_sealed(field));
    struct arena *arena = change->task->arena;
    struct value text = value_of(plain);
    require(text.kind == VALUE_TEXT);
    char place[PLACE_BYTES], group[GROUP_BYTES];
    bool is_found = field->kind == FIELD_SEALED && field->keeps_index;
    str found_by = is_found ? sealed_found_by(arena, text.text) : (str){}, sealed;
    enum err err = sealing_seal(change->txn, arena, text.text, place_of(place, field, id),
                                group_of(group, field), found_by, &sealed);
    if (err != ERR_NONE)
        return fail(change->task, err, "%.*s cannot be sealed: the key is not there",
                    FMT(field->name));
    struct buf stored = buf_make(arena, sealed.len + 8);
    pack_bytes(&stored, sealed);
    *stored_out = buf_str(&stored);
    return ERR_NONE;
}

struct value sealed_plain(const struct view *view, const struct field *field, struct id id,
                          const struct value *stored)
{
    if (!field_is_sealed(field) || stored->kind != VALUE_BYTES) return *stored;
    struct arena *arena = view->task->arena;
    char place[PLACE_BYTES];
    str plain;
    enum err err = sealing_open(view->txn, arena, stored->text, place_of(place, field, id), &plain);
    if (err != ERR_NONE) {
        char text[ID_TEXT_BYTES];
        id_write(id, text);
        log_error("record", "tenant %u: %.*s of %.*s %.*s cannot be opened",
                  (unsigned)txn_space(view->txn)->number, FMT(field->name),
                  FMT(field->entity->name), ID_TEXT_BYTES, text);
        return (struct value){};
    }
    struct buf text = buf_make(arena, plain.len + 8);
    pack_text(&text, plain);
    return value_of(buf_str(&text));
}

str sealed_plain_slot(const struct view *view, const struct field *field, struct id id, str stored)
{
    if (stored.len == 0 || !field_is_sealed(field)) return stored;
    struct value value = value_of(stored);
    return sealed_plain(view, field, id, &value).bytes;
}

bool sealed_is_same(const struct view *view, const struct field *field, struct id id, str a, str b)
{
    if (str_eq(a, b)) return true;
    if (!field_is_sealed(field) || a.len == 0 || b.len == 0) return false;
    str one = sealed_plain_slot(view, field, id, a), other = sealed_plain_slot(view, field, id, b);
    return one.len > 0 && bytes_equal_secret(one, other);
}

enum err sealed_move(struct change *change, const struct field *field, struct id from, struct id to,
                     str stored, str *stored_out)
{
    *stored_out = stored;
    if (stored.len == 0 || !field_is_sealed(field) || id_eq(from, to)) return ERR_NONE;
    struct view view = change_view(change);
    str plain = sealed_plain_slot(&view, field, from, stored);
    if (plain.len == 0)
        return fail(change->task, ERR_CORRUPT, "%.*s cannot be opened", FMT(field->name));
    return sealed_make(change, field, to, plain, stored_out);
}

/** Whether nothing finds it, though its field has an index: it was sealed before that had one. */
static bool lacks_blind(const struct field *field, const struct value *stored)
{
    return field->kind == FIELD_SEALED && field->keeps_index && stored->kind == VALUE_BYTES &&
           sealed_index_key(stored->text).len == 0;
}

/** What cannot be opened stays as it is, and is told by a check. */
static enum err seal_anew(struct change *change, struct draft *draft, uint32_t at)
{
    struct view view = change_view(change);
    const struct field *field = &draft->entity->fields[at];
    str plain = sealed_plain_slot(&view, field, draft->id, draft->now[at]);
    return plain.len > 0 ? sealed_make(change, field, draft->id, plain, &draft->now[at]) : ERR_NONE;
}

enum err sealed_complete(struct change *change, struct draft *draft)
{
    for (uint32_t at = 0; at < draft->entity->field_count; at++) {
        const struct field *field = &draft->entity->fields[at];
        if (field->kind != FIELD_SEALED || str_eq(draft->before[at], draft->now[at])) continue;
        struct value stored = value_of(draft->now[at]);
        if (draft->now[at].len > 0 && lacks_blind(field, &stored))
            TRY(seal_anew(change, draft, at));
    }
    return ERR_NONE;
}

enum err sealed_renew(struct change *change, struct draft *draft)
{
    for (uint32_t at = 0; at < draft->entity->field_count; at++) {
        const struct field *field = &draft->entity->fields[at];
        struct value stored = value_of(draft->now[at]);
        if (!field_is_sealed(field) || stored.kind != VALUE_BYTES) continue;
        if (lacks_blind(field, &stored) || !sealing_is_newest(change->txn, stored.text))
            TRY(seal_anew(change, draft, at));
    }
    return ERR_NONE;
}

enum err sealed_keys(const struct view *view, const struct field *field, str text,
                     struct key_list *keys_out)
{
    char group[GROUP_BYTES];
    struct arena *arena = view->task->arena;
    *keys_out = (struct key_list){0, arena_new(arena, str, SEALING_KEYS_MAX)};
    return sealing_index_keys(view->txn, arena, group_of(group, field),
                              sealed_found_by(arena, text), keys_out->items, &keys_out->count);
}

/** The text of a test as it would be stored. */
static str test_text(struct task *task, const struct field *field, str given)
{
    struct task quiet = {.arena = task->arena};
    struct buf packed = buf_make(task->arena, given.len + 8);
    struct buf stored = buf_make(task->arena, RECORD_BYTES_MAX);
    pack_text(&packed, given);
    struct value value = value_of(buf_str(&packed));
    if (!field->kind_of->read(&quiet, field, &value, &stored)) return given;
    value = value_of(buf_str(&stored));
    return value.kind == VALUE_TEXT ? value.text : given;
}

bool sealed_test(const struct view *view, struct condition_test *test)
{
    if (test->field->kind != FIELD_SEALED || test->op == TEST_EMPTY || test->is_sealed) return true;
    struct arena *arena = view->task->arena;
    struct test_value *values =
        arena_new(arena, struct test_value, (size_t)test->value_count * SEALING_KEYS_MAX);
    uint32_t count = 0;
    for (uint32_t at = 0; at < test->value_count; at++) {
        struct key_list keys;
        str text = test_text(view->task, test->field, test->values[at].text);
        if (sealed_keys(view, test->field, text, &keys) != ERR_NONE) {
            task_fault(view->task, test->path, S("missing"), "the key is not there");
            return false;
        }
        for (uint32_t of = 0; of < keys.count; of++)
            values[count++] =
                (struct test_value){.ordered = keys.items[of], .text = test->values[at].text};
    }
    test->values = values;
    test->value_count = count;
    test->is_cut = false;
    test->is_sealed = true;
    return true;
}
