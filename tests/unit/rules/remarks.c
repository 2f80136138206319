/* What is worth a look in a rule: conditions that no record can fulfil. Circles are told through
 * the front door (tests/api/rules_saving.test.mjs). */
#include "rules/judging.h"

#include "fixture.h"

static struct fixture fixture;
static struct judged judged;
static struct txn *txn;

static const struct condition *condition_of(const char *entity, const char *json)
{
    struct task *task = &fixture.test.task;
    struct buf tree = buf_make(task->arena, 64 * KIB);
    const struct condition *condition;
    check_int(json_read(task, str_of(json), &tree), ERR_NONE);
    struct value given = value_of(buf_str(&tree));
    struct condition_form form = {.entity = model_entity(fixture.model, str_of(entity)),
                                  .arena = task->arena,
                                  .path = S("when"),
                                  .sight = sight_all()};
    check(condition_read(task, &form, &given, &condition));
    return condition;
}

/** The remarks on a rule, `; ` between. */
static str remarks_of(const struct rule *rule)
{
    static struct view view;
    check_int(txn_open(&fixture.test.task, &fixture.space, &txn), ERR_NONE);
    view = (struct view){&fixture.test.task, txn, fixture.model, &fixture.scope};
    judged = (struct judged){.view = &view, .rule = rule};
    check_int(judge_remarks(&judged), ERR_NONE);
    struct buf all = buf_make(fixture.test.task.arena, 64 * KIB);
    for (uint32_t at = 0; at < judged.remarks.count; at++)
        buf_print(&all, "%s%.*s", at == 0 ? "" : "; ", FMT(judged.remarks.items[at]));
    txn_close(txn);
    return buf_str(&all);
}

TEST(test_remarks__conditions_that_no_record_fulfils)
{
    static const struct {
        const char *when;
        const char *remark; /** its beginning; empty: none */
    } rows[] = {
        {"{}", ""},
        {"{\"status\":\"active\"}", ""},
        {"{\"status\":\"activ\"}", "when.status: "},
        {"{\"and\":[{\"status\":\"active\"},{\"status\":\"past\"}]}", "never runs"},
        {"{\"and\":[{\"status\":[\"active\",\"past\"]},{\"status\":\"past\"}]}", ""},
        {"{\"status\":\"active\",\"not\":{}}", "never runs"},
        {"{\"and\":[{\"status\":\"active\"},{\"status\":{\"ne\":\"active\"}}]}", "never runs"},
        {"{\"and\":[{\"status\":\"active\"},{\"status\":{\"ne\":\"past\"}}]}", ""},
        {"{\"and\":[{\"website\":null},{\"website\":{\"prefix\":\"http\"}}]}", "never runs"},
        {"{\"and\":[{\"website\":null},{\"website\":{\"empty\":false}}]}", "never runs"},
        {"{\"admitted_on\":{\"gt\":\"2026-01-02\",\"lt\":\"2026-01-01\"}}", "never runs"},
        {"{\"admitted_on\":{\"gte\":\"2026-01-01\",\"lte\":\"2026-01-01\"}}", ""},
        {"{\"admitted_on\":{\"gt\":\"2026-01-01\",\"lte\":\"2026-01-01\"}}", "never runs"},
        {"{\"and\":[{\"admitted_on\":\"2026-01-01\"},{\"admitted_on\":{\"gt\":\"2026-05-01\"}}]}",
         "never runs"},
        {"{\"or\":[{\"and\":[{\"kind\":\"company\"},{\"kind\":\"individual\"}]},"
         "{\"kind\":\"company\"}]}",
         ""},
        {"{\"or\":[{\"and\":[{\"kind\":\"company\"},{\"kind\":\"individual\"}]}]}", "never runs"},
        {"{\"and\":[{\"tags\":\"a\"},{\"tags\":\"b\"}]}", ""},
        {"{\"and\":[{\"default_address.country\":\"DE\"},{\"default_address.country\":\"FR\"}]}",
         "never runs"},
    };
    fixture_init(&fixture);
    for (size_t at = 0; at < sizeof rows / sizeof rows[0]; at++) {
        struct rule rule = {.name = S("x"),
                            .entity = model_entity(fixture.model, S("client")),
                            .operations = 3,
                            .when = condition_of("client", rows[at].when)};
        str remarks = remarks_of(&rule);
        bool is_right = rows[at].remark[0] == '\0' ? remarks.len == 0
                                                   : str_starts(remarks, str_of(rows[at].remark));
        if (!is_right) fprintf(stderr, "%s: \"%.*s\"\n", rows[at].when, FMT(remarks));
        check(is_right);
    }
    const struct entity *client = model_entity(fixture.model, S("client"));
    const struct field *status = entity_field(client, S("status"));
    struct rule deleted = {.name = S("x"),
                           .entity = client,
                           .operations = 1 << OPERATION_DELETE,
                           .changed_count = 1,
                           .changed = &status};
    check(str_starts(remarks_of(&deleted), S("never runs: of a record that is deleted")));
    fixture_drop(&fixture);
}
