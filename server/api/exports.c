#include "api/exports.h"

#include "api/accept.h"
#include "api/audit.h"
#include "api/parameters.h"
#include "api/reply.h"
#include "base/crypto.h"
#include "work/export.h"

static const str csv_type = S("text/csv; charset=utf-8");
static const str ndjson_type = S("application/x-ndjson");
static const str mark = S("\xef\xbb\xbf");

/** From one slice to the next. */
struct exporting {
    bool is_ndjson;
    bool has_mark;
    char separator;
    bool is_begun;
    struct hash header; /** of the columns, which stay as they were */
    char *cursor;       /** of the next page, in the call's first arena */
    size_t cursor_len;
};

constexpr size_t CURSOR_BYTES_MAX = 4096;

/** What is the export's own; false: it belongs to the list. */
static bool take_own(struct call *call, struct exporting *exporting,
                     const struct parameter *parameter, enum err *err_out)
{
    struct task *task = call->task;
    str value = parameter->value;
    *err_out = ERR_NONE;
    if (str_eq(parameter->name, S("format"))) {
        exporting->is_ndjson = str_eq(value, S("ndjson"));
        if (!exporting->is_ndjson && !str_eq(value, S("csv")))
            *err_out = fail_parameter(task, S("format"), S("choice"), "must be csv or ndjson");
    } else if (str_eq(parameter->name, S("bom"))) {
        *err_out = flag_read(call, parameter, &exporting->has_mark);
    } else if (str_eq(parameter->name, S("separator"))) {
        bool is_one = value.len == 1 && memchr(",;\t|", value.at[0], 4) != nullptr;
        if (is_one) exporting->separator = value.at[0];
        else *err_out = fail_parameter(task, S("separator"), S("choice"), "must be , ; | or a tab");
    } else {
        return false;
    }
    return true;
}

static bool is_of_pages(str name)
{
    return str_eq(name, S("limit")) || str_eq(name, S("after")) || str_eq(name, S("count")) ||
           str_eq(name, S("group_by"));
}

/** The list that is asked for, behind what was given already. */
static enum err query_make(struct call *call, struct exporting *exporting, struct query *query)
{
    struct cursor text = cursor_of(call->query);
    struct parameter parameter = {.repeats = S("*")};
    enum err err, own;
    query_init(query, call->entity, &call->identity.scope);
    while (parameter_next(call, &text, &parameter, &err)) {
        if (take_own(call, exporting, &parameter, &own)) parameter_judge(&parameter, own);
        else if (is_of_pages(parameter.name))
            parameter_judge(&parameter,
                            unknown_parameter(call, parameter.name,
                                              "those of the list but for limit, after, count, "
                                              "group_by; format, bom, separator"));
        else
            parameter_judge(&parameter,
                            query_add(call->task, query, parameter.name, parameter.value));
    }
    if (exporting->cursor_len > 0)
        TRY(query_add(call->task, query, S("after"),
                      (str){exporting->cursor, exporting->cursor_len}));
    query->limit = PAGE_RECORDS_MAX;
    struct view view = call_view(call);
    enum err err_at_end = query_end(&view, query);
    return err != ERR_NONE ? err : err_at_end;
}

static void plan_make(struct call *call, const struct exporting *exporting,
                      const struct query *query, struct export_plan *plan)
{
    export_plan_make(call->task->arena, call->entity, &call->identity.scope, &query->shape, plan);
    plan->is_ndjson = exporting->is_ndjson;
    plan->separator = exporting->separator;
}

static struct hash header_hash(struct call *call, const struct export_plan *plan)
{
    struct buf header = buf_make(call->task->arena, 1 * MIB);
    struct export_plan csv = *plan;
    csv.is_ndjson = false;
    export_put_header(&header, &csv);
    str text = buf_str(&header);
    return hash_of(nullptr, &text, 1);
}

static enum err cursor_keep(struct call *call, struct exporting *exporting, str cursor)
{
    if (cursor.len > CURSOR_BYTES_MAX)
        return fail(call->task, ERR_TOO_LARGE, "the list cannot be gone on with");
    if (cursor.len > 0) memcpy(exporting->cursor, cursor.at, cursor.len);
    exporting->cursor_len = cursor.len;
    return ERR_NONE;
}

static enum err export_next(struct call *call, struct buf *slice, bool *is_over_out)
{
    struct exporting *exporting = call->state;
    struct view view = call_view(call);
    struct query query;
    struct export_plan plan;
    while (slice->len < SLICE_BYTES_USUAL) {
        struct query_page page;
        call->task->keys_touched = 0;
        TRY(query_make(call, exporting, &query));
        plan_make(call, exporting, &query, &plan);
        struct hash header = header_hash(call, &plan);
        if (!exporting->is_begun) {
            exporting->header = header;
            if (exporting->has_mark) buf_put(slice, mark);
            export_put_header(slice, &plan);
        } else if (memcmp(&header, &exporting->header, sizeof header) != 0) {
            return fail(call->task, ERR_CONFLICT, "the fields were changed meanwhile");
        }
        exporting->is_begun = true;
        TRY(query_read(&view, &query, &page));
        for (uint32_t at = 0; at < page.count; at++)
            export_put_row(slice, &view, &plan, &page.records[at]);
        *is_over_out = page.next.len == 0;
        TRY(cursor_keep(call, exporting, page.next));
        if (*is_over_out) break;
    }
    /* A slice is not empty, and an empty list has no header in NDJSON. */
    if (slice->len == 0) buf_put_byte(slice, '\n');
    return buf_is_over(slice) ? fail(call->task, ERR_TOO_LARGE, "a slice is too large") : ERR_NONE;
}

/** `attachment; filename="clients.csv"` */
static void name_file(struct call *call, str end)
{
    reply_header(call, S("content-disposition"),
                 arena_print(call->task->arena, "attachment; filename=\"%.*s%.*s\"",
                             FMT(call->entity->plural), FMT(end)));
}

enum err exports_table(struct call *call)
{
    struct exporting *exporting = arena_new(call->task->arena, struct exporting, 1);
    struct query query;
    exporting->separator = ',';
    exporting->cursor = arena_take(call->task->arena, CURSOR_BYTES_MAX);
    exporting->is_ndjson =
        accept_weight(call->accept, ndjson_type) > accept_weight(call->accept, S("text/csv"));
    TRY(query_make(call, exporting, &query));
    name_file(call, exporting->is_ndjson ? S(".ndjson") : S(".csv"));
    audit_note_export(call, exporting->is_ndjson ? S("ndjson") : S("csv"));
    reply_slices(call, exporting->is_ndjson ? ndjson_type : csv_type, export_next, exporting);
    return ERR_NONE;
}

enum err exports_template(struct call *call)
{
    struct buf table = reply_buf(call);
    buf_put(&table, mark);
    export_put_template(&table, call->task->arena, call->entity, &call->identity.scope);
    name_file(call, S("-template.csv"));
    TRY(reply_json(call, 200, &table));
    call->reply.content_type = csv_type;
    return ERR_NONE;
}
