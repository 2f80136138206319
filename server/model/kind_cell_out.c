/* Stored values to cells of a table, which from_cell reads back as they were. */
#include "base/limits.h"
#include "model/kinds.h"
#include "value/json.h"
#include "value/text.h"

static void put_number(struct buf *cell, const struct value *stored)
{
    if (stored->kind == VALUE_INT) json_write_int(cell, stored->integer);
    else json_write_float(cell, stored->number);
}

static void put_money(struct buf *cell, const struct value *stored)
{
    struct cursor items = cursor_of(stored->items);
    struct value amount, currency;
    uint8_t scale;
    if (!value_next(&items, &amount) || !value_next(&items, &currency) ||
        !currency_scale(currency.text, &scale))
        return;
    decimal_write(cell, amount.integer, scale);
    buf_print(cell, " %.*s", FMT(currency.text));
}

/** The first of an item that is a list itself: the address or number beside its label. */
static struct value item_text(const struct value *item)
{
    if (item->kind != VALUE_LIST) return *item;
    struct cursor inner = cursor_of(item->items);
    struct value first = {};
    (void)value_next(&inner, &first);
    return first;
}

/** Semicolons between; behind a single one that holds a comma too, since else that would part
 *  it. */
static void put_list(struct buf *cell, const struct value *stored)
{
    struct cursor items = cursor_of(stored->items);
    struct value item;
    for (uint32_t at = 0; at < stored->count && value_next(&items, &item); at++) {
        struct value text = item_text(&item);
        if (at > 0) buf_put(cell, S("; "));
        buf_put(cell, text.text);
        if (stored->count == 1 && str_find_byte(text.text, ',') != SIZE_MAX)
            buf_put_byte(cell, ';');
    }
}

static void put_ids(struct buf *cell, const struct value *stored)
{
    struct cursor items = cursor_of(stored->items);
    struct value item;
    struct id id;
    for (uint32_t at = 0; at < stored->count && value_next(&items, &item); at++) {
        char text[ID_TEXT_BYTES];
        if (!id_of_bytes(item.text, &id)) continue;
        id_write(id, text);
        if (at > 0) buf_put(cell, S("; "));
        buf_put(cell, (str){text, ID_TEXT_BYTES});
    }
}

void kind_put_cell(struct buf *cell, const struct field *field, const struct value *stored)
{
    struct id id;
    char text[ID_TEXT_BYTES];
    if (stored->kind == VALUE_NIL) return;
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_LONG_TEXT:
    case FIELD_CHOICE:
    case FIELD_URL:
    case FIELD_COUNTRY:
    case FIELD_LANGUAGE:
    case FIELD_CURRENCY:
    case FIELD_TIMEZONE:
        buf_put(cell, stored->text);
        break;
    case FIELD_NUMBER:
        put_number(cell, stored);
        break;
    case FIELD_DECIMAL:
        decimal_write(cell, stored->integer, field->scale);
        break;
    case FIELD_MONEY:
        put_money(cell, stored);
        break;
    case FIELD_DATE:
        date_write(cell, (int32_t)stored->integer);
        break;
    case FIELD_TIME:
        time_write(cell, stored->integer);
        break;
    case FIELD_BOOLEAN:
        buf_put(cell, stored->boolean ? S("true") : S("false"));
        break;
    case FIELD_CHOICES:
    case FIELD_EMAILS:
    case FIELD_PHONES:
        put_list(cell, stored);
        break;
    case FIELD_REFERENCE:
        if (!id_of_bytes(stored->text, &id)) break;
        id_write(id, text);
        buf_put(cell, (str){text, ID_TEXT_BYTES});
        break;
    case FIELD_REFERENCES:
        put_ids(cell, stored);
        break;
    case FIELD_OBJECT:
        json_write(cell, stored);
        break;
    case FIELD_SEALED:
        if (stored->kind == VALUE_TEXT) buf_put(cell, stored->text);
        break;
    case FIELD_SECRET:
        break;
    }
}

bool kind_cell_is_number(enum field_kind kind)
{
    return kind == FIELD_NUMBER || kind == FIELD_DECIMAL || kind == FIELD_MONEY;
}
