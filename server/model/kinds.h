/** kinds: the functions of the rows in model/kind.c, by subject; nobody else includes it.
 *
 *  Names are what they do, then the kind (`read_money`); each is described by its member in struct
 *  kind.
 *  Floor   model, inside.
 *  Thread  any.
 */
#pragma once

#include "model/kind.h"

constexpr uint32_t TEXT_CHARACTERS_MAX = 1000; /** of a text whose field says no max */
constexpr size_t URL_BYTES_MAX = 2000;
constexpr uint32_t LABEL_CHARACTERS_MAX = 50; /** of an address or number in a list */
constexpr uint32_t PHONE_CHARACTERS_MAX = 50;
constexpr uint32_t PHONE_DIGITS_MIN = 3;
constexpr uint32_t PHONE_DIGITS_MAX = 20;
constexpr int64_t NUMBER_EXACT_MAX =
    9'007'199'254'740'991; /** 2^53 - 1: what a float and JavaScript hold exactly */
constexpr size_t OBJECT_BYTES_MAX = 16 * 1024; /** of an object as it is stored */
constexpr int64_t DECIMAL_UNITS_MAX =
    999'999'999'999'999; /** 15 digits: what a JSON number carries unchanged */

/* Shared by the files of kinds. */
#define kind_fault(task, field, code, ...) task_fault((task), (field)->name, S(code), __VA_ARGS__)
/** False with the fault `type`: `wanted` is what would be right. */
bool refuse_type(struct task *task, const struct field *field, const struct value *given,
                 const char *wanted);
struct key_list key_one(struct arena *arena, str key);
/** The order key of a text, folded here. */
str key_of_text(struct arena *arena, str text);
/** The words of any text. */
struct key_list words_of_text(struct arena *arena, str text);
/** One line: composed and trimmed; false with a fault when it has control bytes or too many
 *  characters. */
bool read_line_text(struct task *task, const struct field *field, str text, uint32_t characters_max,
                    str *line_out);
/** The digits of a telephone number up to its first letter (an extension is not part of it). */
str phone_digits(struct arena *arena, str number);
/** The value of a choice whose label or value this is, in the field's built-in set; the text itself
 *  when it is in none. */
str choice_of_text(struct arena *arena, const struct field *field, str text);

/** The line in the field's format; false with the fault `format`. */
bool format_read(struct task *task, const struct field *field, str line, str *line_out);
/** Whether it is an address; else with the fault `format`. */
bool email_read(struct task *task, const struct field *field, str line);
/** An IBAN without blanks and in capitals; false when it is none (ISO 13616-1, ISO 7064). */
bool iban_read(struct arena *arena, str text, str *iban_out);

bool read_text(struct task *task, const struct field *field, const struct value *given,
               struct buf *stored);
bool read_long_text(struct task *task, const struct field *field, const struct value *given,
                    struct buf *stored);
bool read_url(struct task *task, const struct field *field, const struct value *given,
              struct buf *stored);
bool read_country(struct task *task, const struct field *field, const struct value *given,
                  struct buf *stored);
bool read_language(struct task *task, const struct field *field, const struct value *given,
                   struct buf *stored);
bool read_currency(struct task *task, const struct field *field, const struct value *given,
                   struct buf *stored);
bool read_timezone(struct task *task, const struct field *field, const struct value *given,
                   struct buf *stored);
bool read_number(struct task *task, const struct field *field, const struct value *given,
                 struct buf *stored);
bool read_decimal(struct task *task, const struct field *field, const struct value *given,
                  struct buf *stored);
bool read_money(struct task *task, const struct field *field, const struct value *given,
                struct buf *stored);
bool read_date(struct task *task, const struct field *field, const struct value *given,
               struct buf *stored);
bool read_time(struct task *task, const struct field *field, const struct value *given,
               struct buf *stored);
bool read_boolean(struct task *task, const struct field *field, const struct value *given,
                  struct buf *stored);
bool read_choice(struct task *task, const struct field *field, const struct value *given,
                 struct buf *stored);
bool read_choices(struct task *task, const struct field *field, const struct value *given,
                  struct buf *stored);
bool read_emails(struct task *task, const struct field *field, const struct value *given,
                 struct buf *stored);
bool read_phones(struct task *task, const struct field *field, const struct value *given,
                 struct buf *stored);
bool read_reference(struct task *task, const struct field *field, const struct value *given,
                    struct buf *stored);
bool read_references(struct task *task, const struct field *field, const struct value *given,
                     struct buf *stored);
bool read_sealed(struct task *task, const struct field *field, const struct value *given,
                 struct buf *stored);
bool read_secret(struct task *task, const struct field *field, const struct value *given,
                 struct buf *stored);
bool read_object(struct task *task, const struct field *field, const struct value *given,
                 struct buf *stored);

/** Texts, numbers and lists of texts are written as they are stored. */
void write_plain(struct buf *json, const struct field *field, const struct value *stored);
void write_decimal(struct buf *json, const struct field *field, const struct value *stored);
void write_money(struct buf *json, const struct field *field, const struct value *stored);
void write_date(struct buf *json, const struct field *field, const struct value *stored);
void write_time(struct buf *json, const struct field *field, const struct value *stored);
void write_entries(struct buf *json, const struct field *field, const struct value *stored);
void write_reference(struct buf *json, const struct field *field, const struct value *stored);
void write_sealed(struct buf *json, const struct field *field, const struct value *stored);
void write_secret(struct buf *json, const struct field *field, const struct value *stored);
void write_references(struct buf *json, const struct field *field, const struct value *stored);

void give_decimal(struct buf *given, const struct field *field, const struct value *stored);
void give_money(struct buf *given, const struct field *field, const struct value *stored);
void give_date(struct buf *given, const struct field *field, const struct value *stored);
void give_time(struct buf *given, const struct field *field, const struct value *stored);
void give_entries(struct buf *given, const struct field *field, const struct value *stored);
void give_reference(struct buf *given, const struct field *field, const struct value *stored);
void give_sealed(struct buf *given, const struct field *field, const struct value *stored);
void give_secret(struct buf *given, const struct field *field, const struct value *stored);
void give_references(struct buf *given, const struct field *field, const struct value *stored);

struct key_list order_plain_text(struct arena *arena, const struct field *field,
                                 const struct value *stored);
struct key_list order_number(struct arena *arena, const struct field *field,
                             const struct value *stored);
struct key_list order_integer(struct arena *arena, const struct field *field,
                              const struct value *stored);
struct key_list order_money(struct arena *arena, const struct field *field,
                            const struct value *stored);
struct key_list order_boolean(struct arena *arena, const struct field *field,
                              const struct value *stored);
struct key_list order_texts(struct arena *arena, const struct field *field,
                            const struct value *stored);
struct key_list order_emails(struct arena *arena, const struct field *field,
                             const struct value *stored);
struct key_list order_phones(struct arena *arena, const struct field *field,
                             const struct value *stored);
struct key_list order_reference(struct arena *arena, const struct field *field,
                                const struct value *stored);
struct key_list order_references(struct arena *arena, const struct field *field,
                                 const struct value *stored);
struct key_list order_sealed(struct arena *arena, const struct field *field,
                             const struct value *stored);

/** No order: nothing. */
struct key_list order_nothing(struct arena *arena, const struct field *field,
                              const struct value *stored);

bool order_text_plain(struct task *task, const struct field *field, str text, str *ordered_out);
bool order_text_url(struct task *task, const struct field *field, str text, str *ordered_out);
bool order_text_country(struct task *task, const struct field *field, str text, str *ordered_out);
bool order_text_number(struct task *task, const struct field *field, str text, str *ordered_out);
bool order_text_decimal(struct task *task, const struct field *field, str text, str *ordered_out);
bool order_text_money(struct task *task, const struct field *field, str text, str *ordered_out);
bool order_text_date(struct task *task, const struct field *field, str text, str *ordered_out);
bool order_text_time(struct task *task, const struct field *field, str text, str *ordered_out);
bool order_text_boolean(struct task *task, const struct field *field, str text, str *ordered_out);
bool order_text_phone(struct task *task, const struct field *field, str text, str *ordered_out);
bool order_text_reference(struct task *task, const struct field *field, str text, str *ordered_out);
bool order_text_sealed(struct task *task, const struct field *field, str text, str *ordered_out);
/** False with a fault: there is nothing to compare. */
bool order_text_nothing(struct task *task, const struct field *field, str text, str *ordered_out);

bool cell_plain(struct task *task, const struct field *field, str cell, struct buf *given);
bool cell_number(struct task *task, const struct field *field, str cell, struct buf *given);
bool cell_decimal(struct task *task, const struct field *field, str cell, struct buf *given);
bool cell_money(struct task *task, const struct field *field, str cell, struct buf *given);
bool cell_date(struct task *task, const struct field *field, str cell, struct buf *given);
bool cell_time(struct task *task, const struct field *field, str cell, struct buf *given);
bool cell_boolean(struct task *task, const struct field *field, str cell, struct buf *given);
bool cell_choice(struct task *task, const struct field *field, str cell, struct buf *given);
bool cell_choices(struct task *task, const struct field *field, str cell, struct buf *given);
bool cell_emails(struct task *task, const struct field *field, str cell, struct buf *given);
bool cell_phones(struct task *task, const struct field *field, str cell, struct buf *given);
bool cell_country(struct task *task, const struct field *field, str cell, struct buf *given);
bool cell_code(struct task *task, const struct field *field, str cell, struct buf *given);
bool cell_references(struct task *task, const struct field *field, str cell, struct buf *given);
/** False with a fault: it is not imported. */
bool cell_secret(struct task *task, const struct field *field, str cell, struct buf *given);
/** JSON text. */
bool cell_object(struct task *task, const struct field *field, str cell, struct buf *given);

struct key_list words_plain(struct arena *arena, const struct field *field,
                            const struct value *stored);
struct key_list words_url(struct arena *arena, const struct field *field,
                          const struct value *stored);
struct key_list words_choice(struct arena *arena, const struct field *field,
                             const struct value *stored);
struct key_list words_choices(struct arena *arena, const struct field *field,
                              const struct value *stored);
struct key_list words_emails(struct arena *arena, const struct field *field,
                             const struct value *stored);
struct key_list words_phones(struct arena *arena, const struct field *field,
                             const struct value *stored);
