/* Kinds with choices and with many values: choice, choices, e-mails, phones, references. */
#include "base/fold.h"
#include "base/limits.h"
#include "base/require.h"
#include "model/kinds.h"
#include "model/making.h"
#include "value/email.h"
#include "value/json.h"
#include "value/key.h"

/** One address or number of a list. */
struct entry {
    str value;
    str label;
    bool is_primary;
};

bool email_read(struct task *task, const struct field *field, str line)
{
    if (email_is_address(line)) return true;
    kind_fault(task, field, "format",
               "is not an address: an e-mail has one @ and a domain, such as ann@example.com, and "
               "no letters that cannot be seen or are of several alphabets");
    return false;
}

typedef bool entry_check(struct task *task, const struct field *field, str text, str *value_out);

static bool check_email(struct task *task, const struct field *field, str text, str *value_out)
{
    str line;
    if (!read_line_text(task, field, text, EMAIL_BYTES_MAX, &line)) return false;
    *value_out = line;
    return line.len == 0 || email_read(task, field, line);
}

str phone_digits(struct arena *arena, str number)
{
    char *digits = arena_take_raw(arena, number.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < number.len; i++) {
        uint8_t byte = (uint8_t)number.at[i];
        bool is_letter = (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
        if (is_letter && len > 0) break;
        if (byte >= '0' && byte <= '9' && len < PHONE_DIGITS_MAX) digits[len++] = (char)byte;
    }
    return (str){digits, len};
}

static bool check_phone(struct task *task, const struct field *field, str text, str *value_out)
{
    str line;
    if (!read_line_text(task, field, text, PHONE_CHARACTERS_MAX, &line)) return false;
    *value_out = line;
    if (line.len == 0 || phone_digits(task->arena, line).len >= PHONE_DIGITS_MIN) return true;
    kind_fault(task, field, "format", "is no telephone number: one has at least %u digits",
               PHONE_DIGITS_MIN);
    return false;
}

static bool read_entry_member(struct task *task, const struct field *field, str name,
                              const struct value *value, entry_check *check, struct entry *entry)
{
    if (str_eq(name, S("value"))) {
        if (value->kind != VALUE_TEXT) return refuse_type(task, field, value, "a text in `value`");
        return check(task, field, value->text, &entry->value);
    }
    if (str_eq(name, S("label"))) {
        if (value->kind == VALUE_NIL) return true;
        if (value->kind != VALUE_TEXT) return refuse_type(task, field, value, "a text in `label`");
        return read_line_text(task, field, value->text, LABEL_CHARACTERS_MAX, &entry->label);
    }
    if (str_eq(name, S("primary"))) {
        if (value->kind != VALUE_BOOL)
            return refuse_type(task, field, value, "true or false in `primary`");
        entry->is_primary = value->boolean;
        return true;
    }
    kind_fault(task, field, "unknown", "has a member besides `value`, `label` and `primary`");
    return false;
}

/** A bare text, or an object of value, label, primary. An empty value is kept here and left out by
 *  the caller. */
static bool read_entry(struct task *task, const struct field *field, const struct value *given,
                       entry_check *check, struct entry *entry)
{
    *entry = (struct entry){};
    if (given->kind == VALUE_TEXT) return check(task, field, given->text, &entry->value);
    if (given->kind != VALUE_MAP)
        return refuse_type(task, field, given, "a text, or an object with `value`");
    struct cursor cursor = cursor_of(given->items);
    struct value name;
    struct value value;
    for (uint32_t i = 0;
         i < given->count && value_next(&cursor, &name) && value_next(&cursor, &value); i++)
        if (!read_entry_member(task, field, name.kind == VALUE_TEXT ? name.text : S(""), &value,
                               check, entry))
            return false;
    return true;
}

/** How two entries are known to be the same: folded addresses, digits of numbers. */
static str entry_key(struct arena *arena, const struct field *field, str value)
{
    return field->kind == FIELD_PHONES ? phone_digits(arena, value) : fold(arena, value);
}

/** Adds an entry, or joins it with the same one that is there. */
static uint32_t add_entry(struct task *task, const struct field *field, struct entry *entries,
                          uint32_t count, const struct entry *entry)
{
    str key = entry_key(task->arena, field, entry->value);
    for (uint32_t i = 0; i < count; i++) {
        if (!str_eq(entry_key(task->arena, field, entries[i].value), key)) continue;
        entries[i].is_primary = entries[i].is_primary || entry->is_primary;
        if (entries[i].label.len == 0) entries[i].label = entry->label;
        return count;
    }
    entries[count] = *entry;
    return count + 1;
}

static uint32_t items_max(const struct field *field)
{
    return field->max > 0 ? field->max : LIST_ITEMS_MAX;
}

static bool refuse_length(struct task *task, const struct field *field, uint32_t count)
{
    kind_fault(task, field, "length", "has %u items, at most %u are kept", count, items_max(field));
    return false;
}

/** The items of what was given: those of a list, or the one bare thing. */
static struct value item_list(const struct value *given)
{
    if (given->kind == VALUE_LIST) return *given;
    return (struct value){.kind = VALUE_LIST, .count = 1, .items = given->bytes};
}

static bool store_entries(struct task *task, const struct field *field, struct entry *entries,
                          uint32_t count, struct buf *stored)
{
    uint32_t primaries = 0;
    for (uint32_t i = 0; i < count; i++) primaries += entries[i].is_primary;
    if (primaries > 1) {
        kind_fault(task, field, "primary", "has %u items that are primary, but one is", primaries);
        return false;
    }
    if (count == 0) {
        pack_nil(stored);
        return true;
    }
    if (primaries == 0) entries[0].is_primary = true;
    pack_list(stored, count);
    for (uint32_t i = 0; i < count; i++) {
        pack_list(stored, 3);
        pack_text(stored, entries[i].value);
        pack_text(stored, entries[i].label);
        pack_bool(stored, entries[i].is_primary);
    }
    return true;
}

static bool read_entries(struct task *task, const struct field *field, const struct value *given,
                         entry_check *check, struct buf *stored)
{
    struct value list = item_list(given);
    if (list.count > items_max(field)) return refuse_length(task, field, list.count);
    struct entry *entries = arena_new(task->arena, struct entry, list.count);
    uint32_t count = 0;
    struct cursor cursor = cursor_of(list.items);
    struct value item;
    for (uint32_t i = 0; i < list.count && value_next(&cursor, &item); i++) {
        struct entry entry;
        if (!read_entry(task, field, &item, check, &entry)) return false;
        if (entry.value.len > 0) count = add_entry(task, field, entries, count, &entry);
    }
    return store_entries(task, field, entries, count, stored);
}

bool read_emails(struct task *task, const struct field *field, const struct value *given,
                 struct buf *stored)
{
    return read_entries(task, field, given, check_email, stored);
}

bool read_phones(struct task *task, const struct field *field, const struct value *given,
                 struct buf *stored)
{
    return read_entries(task, field, given, check_phone, stored);
}

static bool read_choice_text(struct task *task, const struct field *field,
                             const struct value *given, str *value_out)
{
    if (given->kind != VALUE_TEXT) return refuse_type(task, field, given, "a text");
    str text;
    if (!read_line_text(task, field, given->text, CHOICE_BYTES_MAX, &text)) return false;
    *value_out = text;
    if (text.len == 0 || choice_value_is_good(text)) return true;
    kind_fault(task, field, "format",
               "is no value of a choice: at most %zu bytes without a semicolon", CHOICE_BYTES_MAX);
    return false;
}

bool read_choice(struct task *task, const struct field *field, const struct value *given,
                 struct buf *stored)
{
    str value;
    if (!read_choice_text(task, field, given, &value)) return false;
    if (value.len == 0) pack_nil(stored);
    else pack_text(stored, value);
    return true;
}

static bool is_among_folded(struct arena *arena, const str *folded, uint32_t count, str text)
{
    str key = fold(arena, text);
    bool is_in = false;
    for (uint32_t i = 0; i < count && !is_in; i++) is_in = str_eq(folded[i], key);
    return is_in;
}

bool read_choices(struct task *task, const struct field *field, const struct value *given,
                  struct buf *stored)
{
    if (given->kind != VALUE_LIST && given->kind != VALUE_TEXT)
        return refuse_type(task, field, given, "a list of texts");
    struct value list = item_list(given);
    if (list.count > items_max(field)) return refuse_length(task, field, list.count);
    str *values = arena_new(task->arena, str, list.count);
    str *folded = arena_new(task->arena, str, list.count);
    uint32_t count = 0;
    struct cursor cursor = cursor_of(list.items);
    struct value item;
    for (uint32_t i = 0; i < list.count && value_next(&cursor, &item); i++) {
        str value;
        if (!read_choice_text(task, field, &item, &value)) return false;
        if (value.len == 0 || is_among_folded(task->arena, folded, count, value)) continue;
        folded[count] = fold(task->arena, value);
        values[count++] = value;
    }
    if (count == 0) {
        pack_nil(stored);
        return true;
    }
    pack_list(stored, count);
    for (uint32_t i = 0; i < count; i++) pack_text(stored, values[i]);
    return true;
}

bool read_references(struct task *task, const struct field *field, const struct value *given,
                     struct buf *stored)
{
    if (given->kind != VALUE_LIST) return refuse_type(task, field, given, "a list of ids");
    if (given->count > items_max(field)) return refuse_length(task, field, given->count);
    struct id *ids = arena_new(task->arena, struct id, given->count);
    uint32_t count = 0;
    struct cursor cursor = cursor_of(given->items);
    struct value item;
    for (uint32_t i = 0; i < given->count && value_next(&cursor, &item); i++) {
        struct id id;
        if (item.kind != VALUE_TEXT || !id_parse(item.text, &id)) {
            kind_fault(task, field, "format", "has an item that is no id (a lower-case UUID)");
            return false;
        }
        bool is_new = true;
        for (uint32_t j = 0; j < count && is_new; j++) is_new = !id_eq(ids[j], id);
        if (is_new) ids[count++] = id;
    }
    if (count == 0) {
        pack_nil(stored);
        return true;
    }
    pack_list(stored, count);
    for (uint32_t i = 0; i < count; i++) pack_bytes(stored, id_bytes(&ids[i]));
    return true;
}

/** The parts of a stored entry; false when it is damaged. */
static bool entry_of(const struct value *item, struct entry *entry)
{
    struct cursor cursor = cursor_of(item->items);
    struct value value;
    struct value label;
    struct value primary;
    bool is_entry = item->kind == VALUE_LIST && value_next(&cursor, &value) &&
                    value_next(&cursor, &label) && value_next(&cursor, &primary) &&
                    value.kind == VALUE_TEXT && label.kind == VALUE_TEXT &&
                    primary.kind == VALUE_BOOL;
    if (is_entry) *entry = (struct entry){value.text, label.text, primary.boolean};
    return is_entry;
}

void write_entries(struct buf *json, const struct field *, const struct value *stored)
{
    struct value item;
    struct cursor cursor = cursor_of(stored->items);
    bool is_first = true;
    buf_put_byte(json, '[');
    for (uint32_t i = 0;
         stored->kind == VALUE_LIST && i < stored->count && value_next(&cursor, &item); i++) {
        struct entry entry;
        if (!entry_of(&item, &entry)) continue;
        buf_put(json, is_first ? S("{\"value\":") : S(",{\"value\":"));
        json_write_text(json, entry.value);
        buf_put(json, S(",\"label\":"));
        if (entry.label.len == 0) buf_put(json, S("null"));
        else json_write_text(json, entry.label);
        buf_put(json, entry.is_primary ? S(",\"primary\":true}") : S(",\"primary\":false}"));
        is_first = false;
    }
    buf_put_byte(json, ']');
}

void write_references(struct buf *json, const struct field *field, const struct value *stored)
{
    struct value item;
    struct cursor cursor = cursor_of(stored->items);
    buf_put_byte(json, '[');
    for (uint32_t i = 0;
         stored->kind == VALUE_LIST && i < stored->count && value_next(&cursor, &item); i++) {
        if (i > 0) buf_put_byte(json, ',');
        write_reference(json, field, &item);
    }
    buf_put_byte(json, ']');
}

void give_entries(struct buf *given, const struct field *, const struct value *stored)
{
    struct value item;
    struct entry entry;
    uint32_t count = 0, listed = stored->kind == VALUE_LIST ? stored->count : 0;
    struct cursor cursor = cursor_of(stored->items);
    for (uint32_t i = 0; i < listed && value_next(&cursor, &item); i++)
        count += entry_of(&item, &entry);
    pack_list(given, count);
    cursor = cursor_of(stored->items);
    for (uint32_t i = 0; i < listed && value_next(&cursor, &item); i++) {
        if (!entry_of(&item, &entry)) continue;
        pack_map(given, 3);
        pack_text(given, S("value"));
        pack_text(given, entry.value);
        pack_text(given, S("label"));
        if (entry.label.len == 0) pack_nil(given);
        else pack_text(given, entry.label);
        pack_text(given, S("primary"));
        pack_bool(given, entry.is_primary);
    }
}

void give_references(struct buf *given, const struct field *field, const struct value *stored)
{
    struct value item;
    uint32_t count = 0, listed = stored->kind == VALUE_LIST ? stored->count : 0;
    struct cursor cursor = cursor_of(stored->items);
    for (uint32_t i = 0; i < listed && value_next(&cursor, &item); i++) count++;
    pack_list(given, count);
    cursor = cursor_of(stored->items);
    for (uint32_t i = 0; i < count && value_next(&cursor, &item); i++)
        give_reference(given, field, &item);
}

typedef str item_key(struct arena *arena, const struct value *item);

/** A key for each item that has one, no key twice. */
static struct key_list order_items(struct arena *arena, const struct value *stored,
                                   item_key *key_of_item)
{
    struct key_list keys = {};
    if (stored->kind != VALUE_LIST) return keys;
    keys.items = arena_new(arena, str, stored->count);
    struct cursor cursor = cursor_of(stored->items);
    struct value item;
    for (uint32_t i = 0; i < stored->count && value_next(&cursor, &item); i++) {
        str key = key_of_item(arena, &item);
        bool is_new = key.len > 0;
        for (uint32_t j = 0; j < keys.count && is_new; j++) is_new = !str_eq(keys.items[j], key);
        if (is_new) keys.items[keys.count++] = key;
    }
    return keys;
}

static str text_key(struct arena *arena, const struct value *item)
{
    return item->kind == VALUE_TEXT ? key_of_text(arena, item->text) : S("");
}

static str email_key(struct arena *arena, const struct value *item)
{
    struct entry entry;
    return entry_of(item, &entry) ? key_of_text(arena, entry.value) : S("");
}

static str phone_key(struct arena *arena, const struct value *item)
{
    struct entry entry;
    return entry_of(item, &entry) ? key_of_text(arena, phone_digits(arena, entry.value)) : S("");
}

static str reference_key(struct arena *arena, const struct value *item)
{
    bool is_id = item->kind == VALUE_BYTES && item->text.len == sizeof(struct id);
    return is_id ? arena_copy(arena, item->text) : S("");
}

struct key_list order_texts(struct arena *arena, const struct field *, const struct value *stored)
{
    return order_items(arena, stored, text_key);
}

struct key_list order_emails(struct arena *arena, const struct field *, const struct value *stored)
{
    return order_items(arena, stored, email_key);
}

struct key_list order_phones(struct arena *arena, const struct field *, const struct value *stored)
{
    return order_items(arena, stored, phone_key);
}

static str holder_bytes(struct arena *arena, const struct value *item)
{
    bool is_key = item->kind == VALUE_BYTES && item->text.len <= KEY_ORDERED_BYTES_MAX;
    return is_key ? arena_copy(arena, item->text) : S("");
}

/** What refers to no entity lists who holds the record, by keys of its own form. */
struct key_list order_references(struct arena *arena, const struct field *field,
                                 const struct value *stored)
{
    bool is_holders = field->number == FIELD_HOLDERS;
    return order_items(arena, stored, is_holders ? holder_bytes : reference_key);
}

bool order_text_phone(struct task *task, const struct field *field, str text, str *ordered_out)
{
    str digits = phone_digits(task->arena, text);
    if (digits.len == 0) {
        kind_fault(task, field, "format", "is no telephone number or part of one");
        return false;
    }
    *ordered_out = key_of_text(task->arena, digits);
    return true;
}

/** The words of the value, not of its label, which may change while records keep the value. */
struct key_list words_choice(struct arena *arena, const struct field *, const struct value *stored)
{
    if (stored->kind != VALUE_TEXT) return (struct key_list){};
    return words_of_text(arena, stored->text);
}

/** The words of a list are those of one text in which its items stand side by side. */
static struct key_list words_of_items(struct arena *arena, const struct value *stored)
{
    if (stored->kind != VALUE_LIST) return (struct key_list){};
    struct buf text = buf_make(arena, RECORD_BYTES_MAX);
    struct cursor cursor = cursor_of(stored->items);
    struct value item;
    for (uint32_t i = 0; i < stored->count && value_next(&cursor, &item); i++) {
        struct entry entry = {};
        if (item.kind == VALUE_TEXT) buf_put(&text, item.text);
        else if (entry_of(&item, &entry)) buf_put(&text, entry.value);
        buf_put_byte(&text, ' ');
    }
    return words_of_text(arena, buf_str(&text));
}

struct key_list words_choices(struct arena *arena, const struct field *, const struct value *stored)
{
    return words_of_items(arena, stored);
}

struct key_list words_emails(struct arena *arena, const struct field *, const struct value *stored)
{
    return words_of_items(arena, stored);
}
