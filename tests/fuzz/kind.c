/* kind: whatever a cell, a filter or an API value holds, each kind refuses it with one fault or
 *  stores what can be
 * written, ordered and read again to the same bytes. The first byte is the kind, the second the
 * door. */
#include <stdint.h>

#include "base/fold.h"
#include "base/limits.h"
#include "base/random.h"
#include "base/require.h"
#include "model/kind.h"
#include "model/pattern.h"
#include "value/json.h"

static const struct choice choices[] = {{.value = S("a"), .label = S("Ä b")}};
static const struct choice_set set = {.name = S("x"), .choice_count = 1, .choices = choices};

/** Reading what was written stores the same bytes: a record goes out and comes back unchanged. */
static void check_stored(struct task *task, const struct field *field, const struct buf *stored)
{
    require(!buf_is_over(stored));
    require(value_check(task, buf_str(stored)) == ERR_NONE);
    struct value value = value_of(buf_str(stored));
    if (value.kind == VALUE_NIL) return;
    struct buf json = buf_make(task->arena, 4 * MIB);
    struct buf again = buf_make(task->arena, 4 * MIB);
    struct buf stored_again = buf_make(task->arena, 4 * MIB);
    field->kind_of->write(&json, field, &value);
    require(json_read(task, buf_str(&json), &again) == ERR_NONE);
    struct value given = value_of(buf_str(&again));
    require(field->kind_of->read(task, field, &given, &stored_again));
    require(str_eq(buf_str(stored), buf_str(&stored_again)));
    struct key_list keys = field->kind_of->order(task->arena, field, &value);
    require(keys.count > 0 && (keys.count == 1 || field->kind_of->is_list));
    for (uint32_t i = 0; i < keys.count; i++)
        require(keys.items[i].len > 0 && keys.items[i].len <= KEY_ORDERED_BYTES_MAX);
    if (field->kind_of->words == nullptr) return;
    struct key_list words = field->kind_of->words(task->arena, field, &value);
    for (uint32_t i = 0; i < words.count; i++) require(words.items[i].len > 0);
}

static void read_given(struct task *task, const struct field *field, const struct buf *given)
{
    struct buf stored = buf_make(task->arena, 4 * MIB);
    struct value value = value_of(buf_str(given));
    if (value.kind == VALUE_NIL) return;
    if (field->kind_of->read(task, field, &value, &stored)) check_stored(task, field, &stored);
    else require(task->fault.item_count == 1 && utf8_is_valid(task->fault.items[0].message));
}

static void read_cell(struct task *task, const struct field *field, str cell)
{
    struct buf given = buf_make(task->arena, 4 * MIB);
    if (field->kind_of->from_cell(task, field, cell, &given)) {
        require(value_check(task, buf_str(&given)) == ERR_NONE);
        read_given(task, field, &given);
    } else {
        require(task->fault.item_count == 1 && utf8_is_valid(task->fault.items[0].message));
    }
}

static void try_pattern(struct task *task, str rest)
{
    str source;
    str text;
    const struct pattern *pattern;
    const char *why;
    str_cut(rest, '\n', &source, &text);
    if (pattern_make(task->arena, source, &pattern, &why))
        (void)pattern_fits(task->arena, pattern, text);
    else require(why != nullptr);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    static struct arena arena;
    if (arena.soft_cap_bytes == 0) arena_init(&arena, 64 * MIB);
    if (len < 2) return 0;
    random_seed(1);
    struct task task;
    task_init(&task, &arena);
    enum field_kind kind = (enum field_kind)(input[0] % FIELD_KIND_COUNT);
    struct field field = {.kind = kind, .kind_of = kind_of(kind), .name = S("f"), .number = 1};
    field.scale = kind == FIELD_DECIMAL ? input[0] / FIELD_KIND_COUNT % 10 : 0;
    if (kind == FIELD_CHOICE || kind == FIELD_CHOICES) field.set = &set;
    str rest = {(const char *)input + 2, len - 2};
    struct buf given = buf_make(&arena, 4 * MIB);
    str ordered;
    bool is_digits;
    if (input[1] % 4 == 0) {
        if (json_read(&task, rest, &given) == ERR_NONE) read_given(&task, &field, &given);
    } else if (utf8_is_valid(rest)) {
        if (input[1] % 4 == 1) read_cell(&task, &field, rest);
        if (input[1] % 4 == 2) (void)field.kind_of->order_text(&task, &field, rest, &ordered);
        if (input[1] % 4 == 2) (void)kind_query_words(&arena, rest, &is_digits);
        if (input[1] % 4 == 3) try_pattern(&task, rest);
    }
    arena_clear(&arena);
    return 0;
}
