/* What hooks are asked, when, how often, and what becomes of what they do; by a rule that is no
 * rule but a function. */
#include "rig.h"

#include "record/merging.h"

/* Which points. */

static enum err rename_firm_twice(struct rig *rig, struct change *change)
{
    TRY(patch(rig, change, "firm", rig->id, "{\"name\":\"C\"}"));
    return patch(rig, change, "firm", rig->id, "{\"name\":\"D\"}");
}
static enum err delete_firm(struct rig *rig, struct change *change)
{
    return record_delete(change, entity_of(rig, "firm"), rig->id, nullptr);
}
static enum err archive_firm(struct rig *rig, struct change *change)
{
    return record_archive(change, entity_of(rig, "firm"), rig->id, true);
}
static enum err restore_firm(struct rig *rig, struct change *change)
{
    return record_archive(change, entity_of(rig, "firm"), rig->id, false);
}

TEST(test_hooks__are_asked_once_at_each_point_of_a_write)
{
    struct rig *rig = rig_open(true);
    rig_must(rig, make_firm);
    must_be(rig, "firm", "1111 0000");
    check_int(rig->calls[3].point, HOOK_SETTLED);
    check_int(rig->calls[0].operation, OPERATION_CREATE);
    check_int(rig->calls[3].operation, OPERATION_CREATE);
    rig_must(rig, rename_firm);
    must_be(rig, "firm", "1111 0000");
    check_int(rig->calls[3].operation, OPERATION_UPDATE);
    rig_must(rig, rename_firm); /* which changes nothing: there is nothing to follow */
    must_be(rig, "firm", "1000 0000");
    rig_must(rig, rename_firm_twice);
    must_be(rig, "firm", "2211 0000");
    rig_must(rig, archive_firm);
    must_be(rig, "firm", "1111 0000");
    rig_must(rig, restore_firm);
    must_be(rig, "firm", "1111 0000");
    rig_must(rig, delete_firm);
    must_be(rig, "firm", "1111 0000");
    for (uint32_t at = 0; at < 4; at++) check_int(rig->calls[at].operation, OPERATION_DELETE);
    rig_close(rig);
}

TEST(test_hooks__are_not_asked_where_they_want_nothing)
{
    struct rig *rig = rig_open(true);
    rig->wanted = "order";
    rig_must(rig, make_firm);
    check_int(rig->call_count, 0);
    check(rig->asked_count > 0);
    rig_close(rig);
}

/* What the engine writes. */

static enum err delete_group(struct rig *rig, struct change *change)
{
    return record_delete(change, entity_of(rig, "group"), rig->other, nullptr);
}

TEST(test_hooks__are_shown_what_the_engine_wrote_once_at_the_end)
{
    struct rig *rig = rig_open(true);
    rig_must(rig, make_three_orders);
    must_be(rig, "order", "3333 0000");
    must_be(rig, "firm", "1111 0100"); /* made by somebody, then changed by the engine */
    must_be(rig, "group", "1111 0100");
    rig_must(rig, make_two_orders);
    must_be(rig, "order", "2222 0000");
    must_be(rig, "firm", "0000 0111");
    must_be(rig, "group", "0000 0111");
    rig_close(rig);
}

TEST(test_hooks__see_each_record_of_a_cascade)
{
    struct rig *rig = rig_open(true);
    rig_must(rig, make_three_orders);
    rig_must(rig, delete_group);
    must_be(rig, "order", "3333 0000");
    must_be(rig, "firm", "1111 0000");
    must_be(rig, "group", "1111 0000");
    /* The log tells of them in the order in which they were touched; so does `settled`. */
    check_int(rig->calls[rig->call_count - 5].point, HOOK_SETTLED);
    check_str(rig->calls[rig->call_count - 5].entity->name, S("group"));
    rig_close(rig);
}

static enum err make_paid_order(struct rig *rig, struct change *change)
{
    struct id order;
    TRY(make_firm(rig, change));
    return make(rig, change, "order", in(change, "{\"payer\":\"ID\"}", rig->id), &order);
}

TEST(test_hooks__are_shown_records_that_were_detached)
{
    struct rig *rig = rig_open(true);
    rig_must(rig, make_paid_order);
    rig_must(rig, delete_firm);
    must_be(rig, "firm", "1111 0000");
    must_be(rig, "order", "0000 0111");
    rig_close(rig);
}

/* Sides. */

static enum err look_at_sides(struct rig *, struct change *change, enum hook_point point,
                              struct draft *draft)
{
    if (!str_eq(draft_entity(draft)->name, S("firm"))) return ERR_NONE;
    struct value name, hours;
    str before = draft_values(change, draft, true), now = draft_values(change, draft, false);
    bool was = value_find_text(before, S("name"), &name);
    if (draft_operation(draft) == OPERATION_CREATE) check_int(before.len, 0);
    else check(was);
    if (draft_operation(draft) == OPERATION_DELETE) {
        check_int(now.len > 0, point == HOOK_BEFORE);
        return ERR_NONE;
    }
    check(value_find_text(now, S("name"), &name) && value_find_text(now, S("id"), &name));
    check_str(name.text, id_text(change->task->arena, draft_id(draft)));
    check(!value_find_text(now, S("revision"), &name) && !value_find_text(now, S("note"), &name));
    check_int(value_find_text(now, S("updated_at"), &name),
              point != HOOK_BEFORE || draft_operation(draft) == OPERATION_UPDATE);
    if (!draft_is_by_engine(draft)) return ERR_NONE;
    check(value_find_text(before, S("hours"), &hours) && hours.kind == VALUE_FLOAT);
    double were = hours.number;
    check(value_find_text(now, S("hours"), &hours) && hours.number != were);
    return ERR_NONE;
}

TEST(test_hooks__see_the_record_before_and_now)
{
    struct rig *rig = rig_open(true);
    rig->then = look_at_sides;
    rig_must(rig, make_three_orders);
    rig_must(rig, make_two_orders);
    rig_must(rig, rename_firm);
    rig_must(rig, delete_firm);
    rig_close(rig);
}

/* What they may do. */

static enum err write_in_any(struct rig *rig, struct change *change, enum hook_point point,
                             struct draft *draft)
{
    struct id id;
    if (!str_eq(draft_entity(draft)->name, S("firm")) || point != (enum hook_point)rig->turns)
        return ERR_NONE;
    enum err err = make(rig, change, "group", "{\"name\":\"by hook\"}", &id);
    check_int(err, point == HOOK_AFTER ? ERR_NONE : ERR_CONFLICT);
    if (err != ERR_NONE)
        check_int(patch(rig, change, "firm", rig->other, "{\"name\":\"x\"}"), ERR_CONFLICT);
    if (err != ERR_NONE)
        check_int(record_delete(change, entity_of(rig, "firm"), rig->other, nullptr), ERR_CONFLICT);
    change->task->fault = (struct fault){};
    return ERR_NONE;
}

static int write_at;
static enum err make_firm_at(struct rig *rig, struct change *change)
{
    rig->turns = write_at;
    return make_firm(rig, change);
}

TEST(test_hooks__write_records_in_after_alone)
{
    struct rig *rig = rig_open(true);
    rig_must(rig, make_firm);
    rig->other = rig->id;
    rig->then = write_in_any;
    for (write_at = HOOK_BEFORE; write_at <= HOOK_SETTLED; write_at++) {
        rig_must(rig, make_firm_at);
        must_be(rig, "firm", "1111 0000");
        must_be(rig, "group", write_at == HOOK_AFTER ? "1111 0000" : "0000 0000");
    }
    rig_close(rig);
}

static enum err set_note(struct rig *, struct change *change, enum hook_point point,
                         struct draft *draft)
{
    if (point != HOOK_BEFORE || !str_eq(draft_entity(draft)->name, S("firm"))) return ERR_NONE;
    struct value given = value_from(change, "\"set by hook\"");
    return draft_set(change, draft, entity_field(draft_entity(draft), S("note")), &given);
}

static enum err reject_hours(struct rig *, struct change *change, enum hook_point point,
                             struct draft *draft)
{
    struct value hours;
    if (point != HOOK_CHECK || !str_eq(draft_entity(draft)->name, S("group")) ||
        !value_find_text(draft_values(change, draft, false), S("hours"), &hours) ||
        hours.number < 5)
        return ERR_NONE;
    task_fault(change->task, S("hours"), S("rejected"), "are too many");
    return fail(change->task, ERR_REJECTED, "too many hours");
}

TEST(test_hooks__set_in_before_and_reject_in_check_what_follows)
{
    struct rig *rig = rig_open(true);
    rig->then = set_note;
    rig_must(rig, make_three_orders);
    check(strstr(arena_cstring(rig->fixture.test.task.arena,
                               fixture_show(&rig->fixture, "firm", rig->id)),
                 "\"note\":\"set by hook\"") != nullptr);
    rig->then = reject_hours;
    check_int(rig_do(rig, make_two_orders), ERR_REJECTED);
    check_str(rig->task.fault.items[0].field, S("hours"));
    rig_end(rig);
    str firm = fixture_show(&rig->fixture, "firm", rig->id);
    check(strstr(arena_cstring(rig->fixture.test.task.arena, firm), "\"orders\":3") != nullptr);
    rig_close(rig);
}

/* What follows from what they write. */

/** Each new order renames its firm; each renamed firm notes it in its group; a group with more than
 *  four hours gets one more firm. */
static enum err follow(struct rig *rig, struct change *change, enum hook_point point,
                       struct draft *draft)
{
    const struct entity *entity = draft_entity(draft);
    if (point != HOOK_AFTER) return ERR_NONE;
    if (str_eq(entity->name, S("order")) && draft_operation(draft) == OPERATION_CREATE)
        return patch(rig, change, "firm", rig->id, "{\"name\":\"Busy\"}");
    if (str_eq(entity->name, S("firm")) && !draft_is_by_engine(draft) &&
        draft_operation(draft) == OPERATION_UPDATE)
        return patch(rig, change, "group", rig->other, "{\"name\":\"Changed\"}");
    struct value hours;
    bool is_due = str_eq(entity->name, S("group")) && draft_is_by_engine(draft) &&
                  value_find_text(draft_values(change, draft, false), S("hours"), &hours) &&
                  hours.number > 4 && rig->turns++ == 0;
    struct id id;
    if (!is_due) return ERR_NONE;
    return make(rig, change, "firm", in(change, "{\"name\":\"New\",\"group\":\"ID\"}", rig->other),
                &id);
}

TEST(test_hooks__are_asked_of_what_hooks_write)
{
    struct rig *rig = rig_open(true);
    rig_must(rig, make_three_orders);
    rig->then = follow;
    rig_must(rig, make_two_orders);
    must_be(rig, "order", "2222 0000");
    /* Of two renames one changed something; the roll-up showed it again at the end. */
    check_int(calls(rig, HOOK_BEFORE, "firm", false), 3);
    check_int(calls(rig, HOOK_AFTER, "firm", false), 2);
    check_int(calls(rig, HOOK_CHECK, "firm", false), 2);
    /* By itself, then for its hours, then for the firm that came. */
    check_int(calls(rig, HOOK_AFTER, "group", false), 1);
    check_int(calls(rig, HOOK_AFTER, "group", true), 2);
    check_int(calls(rig, HOOK_CHECK, "group", false), 1);
    rig_close(rig);
}

static enum err follow_without_end(struct rig *rig, struct change *change, enum hook_point point,
                                   struct draft *draft)
{
    struct id order;
    if (point != HOOK_AFTER || !draft_is_by_engine(draft) ||
        !str_eq(draft_entity(draft)->name, S("firm")))
        return ERR_NONE;
    return make(rig, change, "order", in(change, "{\"firm\":\"ID\",\"hours\":1}", rig->id), &order);
}

static enum err rename_within(struct rig *rig, struct change *change, enum hook_point point,
                              struct draft *)
{
    char json[64];
    if (point != HOOK_AFTER) return ERR_NONE;
    snprintf(json, sizeof json, "{\"name\":\"%d\"}", rig->turns++);
    return patch(rig, change, "firm", rig->id, json);
}

TEST(test_hooks__come_to_an_end)
{
    struct rig *rig = rig_open(true);
    rig_must(rig, make_three_orders);
    rig->then = follow_without_end;
    check_int(rig_do(rig, make_two_orders), ERR_TOO_LARGE);
    check(rig->call_count < 200);
    rig_end(rig);
    rig->then = rename_within;
    check_int(rig_do(rig, rename_firm), ERR_TOO_LARGE);
    check(rig->call_count < 40);
    rig_end(rig);
    rig_close(rig);
}

/** Creates within creates, at the depth that nested records may have. */
static enum err deepen(struct rig *rig, struct change *change, enum hook_point point,
                       struct draft *draft)
{
    struct id id;
    if (point != HOOK_AFTER || rig->turns == 5 || !str_eq(draft_entity(draft)->name, S("order")))
        return ERR_NONE;
    rig->turns++;
    return make(rig, change, "order",
                "{\"firm\":{\"name\":\"N\",\"group\":{\"name\":\"G\"}},\"hours\":2}", &id);
}

static enum err make_deep_order(struct rig *rig, struct change *change)
{
    struct id id;
    return make(rig, change, "order", "{\"firm\":{\"name\":\"N\",\"group\":{\"name\":\"G\"}}}",
                &id);
}

TEST(test_hooks__have_their_own_depth)
{
    struct rig *rig = rig_open(true);
    rig->then = deepen;
    rig_must(rig, make_deep_order);
    check_int(calls(rig, HOOK_AFTER, "order", false), 6);
    check_int(calls(rig, HOOK_SETTLED, "group", false), 6);
    rig_close(rig);
}

static enum err reject_group(struct rig *, struct change *change, enum hook_point point,
                             struct draft *draft)
{
    if (point != HOOK_BEFORE || !str_eq(draft_entity(draft)->name, S("group"))) return ERR_NONE;
    task_fault(change->task, S("name"), S("rejected"), "is none that we like");
    task_fault(change->task, S(""), S("rejected"), "as a whole");
    return fail(change->task, ERR_REJECTED, "no");
}

TEST(test_hooks__reject_by_the_path_to_a_nested_record)
{
    struct rig *rig = rig_open(true);
    rig->then = reject_group;
    check_int(rig_do(rig, make_deep_order), ERR_REJECTED);
    check_int(rig->task.fault.item_count, 2);
    check_str(rig->task.fault.items[0].field, S("firm.group.name"));
    check_str(rig->task.fault.items[1].field, S("firm.group"));
    rig_end(rig);
    rig_close(rig);
}

/** What a hook writes while the change around it holds a draft of the same record is not lost. */
static enum err touch_firm(struct rig *rig, struct change *change, enum hook_point point,
                           struct draft *draft)
{
    if (point != HOOK_AFTER || !str_eq(draft_entity(draft)->name, S("group")) ||
        draft_operation(draft) != OPERATION_CREATE)
        return ERR_NONE;
    if (id_is_nil(rig->other))
        return record_delete(change, entity_of(rig, "firm"), rig->id, nullptr);
    return patch(rig, change, "firm", rig->id, "{\"note\":\"by hook\",\"name\":\"by hook\"}");
}
static enum err rename_with_group(struct rig *rig, struct change *change)
{
    return patch(rig, change, "firm", rig->id, "{\"group\":{\"name\":\"G\"},\"name\":\"mine\"}");
}

TEST(test_hooks__write_a_record_that_is_being_changed)
{
    struct rig *rig = rig_open(true);
    rig_must(rig, make_firm);
    rig->other = rig->id;
    rig->then = touch_firm;
    rig_must(rig, rename_with_group);
    const char *shown =
        arena_cstring(rig->fixture.test.task.arena, fixture_show(&rig->fixture, "firm", rig->id));
    check(strstr(shown, "\"note\":\"by hook\"") != nullptr);
    check(strstr(shown, "\"name\":\"mine\"") != nullptr);
    rig->other = (struct id){};
    check_int(rig_do(rig, rename_with_group), ERR_CONFLICT);
    rig_end(rig);
    rig_close(rig);
}

/** A hook of a cascade may neither bring the parent to a second end nor refer to it. */
static enum err meddle(struct rig *rig, struct change *change, enum hook_point point,
                       struct draft *draft)
{
    struct id id;
    if (point != HOOK_AFTER || !str_eq(draft_entity(draft)->name, S("order"))) return ERR_NONE;
    struct change_savepoint savepoint = change_savepoint(change);
    check_int(record_delete(change, entity_of(rig, "group"), rig->other, nullptr), ERR_CONFLICT);
    change_rollback(change, &savepoint);
    check_int(patch(rig, change, "firm", rig->id, "{\"note\":\"late\"}"), ERR_CONFLICT);
    change_rollback(change, &savepoint);
    change->task->fault = savepoint.fault;
    check_int(
        make(rig, change, "firm", in(change, "{\"name\":\"N\",\"group\":\"ID\"}", rig->other), &id),
        ERR_INVALID);
    change_rollback(change, &savepoint);
    change->task->fault = savepoint.fault;
    return ERR_NONE;
}

TEST(test_hooks__leave_what_is_going_alone)
{
    struct rig *rig = rig_open(true);
    rig_must(rig, make_three_orders);
    rig->then = meddle;
    rig_must(rig, delete_group);
    must_be(rig, "group", "1111 0000");
    rig_close(rig);
}

/* Merges, links and what is made from a record; the product's own schema. */

static enum err make_clients(struct rig *rig, struct change *change)
{
    static const char *const json[] = {
        "{\"name\":\"A\",\"primary_contact\":{\"name\":\"Ann\"}}",
        "{\"name\":\"B\",\"primary_contact\":{\"name\":\"Bea\"},\"website\":\"b.example\"}"};
    TRY(make(rig, change, "client", json[0], &rig->id));
    return make(rig, change, "client", json[1], &rig->other);
}
static enum err make_person(struct rig *rig, struct change *change)
{
    struct id id;
    return make(rig, change, "client", "{\"name\":\"Cid\",\"kind\":\"individual\"}", &id);
}
static enum err merge_clients(struct rig *rig, struct change *change)
{
    struct merging merging;
    struct value given = value_from(change, in(change, "{\"with\":[\"ID\"]}", rig->other));
    TRY(merging_read(change, entity_of(rig, "client"), rig->id, &given, &merging));
    return merging_run(&merging);
}

TEST(test_hooks__are_asked_of_nested_records_and_merges)
{
    struct rig *rig = rig_open(false);
    rig_must(rig, make_person);
    check_int(calls(rig, HOOK_BEFORE, "contact", false), 1);
    must_be(rig, "contact", "1111 0000");
    must_be(rig, "client_contact", "1111 0000");
    rig_must(rig, make_clients);
    must_be(rig, "client", "2222 0000");
    must_be(rig, "contact", "2222 0000");
    must_be(rig, "client_contact", "2222 0000");
    rig_must(rig, merge_clients);
    /* One is deleted, the survivor takes its values; the link moves by the engine. */
    must_be(rig, "client", "2222 0000");
    must_be(rig, "client_contact", "0000 0111");
    rig_close(rig);
}

/** An import is let off required fields; a rule that it sets off is not, but knows of it. */
static enum err import_client(struct rig *rig, struct change *change)
{
    change->is_import = true;
    return make(rig, change, "client", "{\"name\":\"No contact\"}", &rig->id);
}

static enum err make_client_too(struct rig *rig, struct change *change, enum hook_point point,
                                struct draft *draft)
{
    struct id id;
    check(change->is_import);
    if (point != HOOK_AFTER || !str_eq(draft_entity(draft)->name, S("client"))) return ERR_NONE;
    struct change_savepoint savepoint = change_savepoint(change);
    check_int(make(rig, change, "client", "{\"name\":\"By rule\"}", &id), ERR_INVALID);
    check_str(change->task->fault.items[0].field, S("primary_contact"));
    change_rollback(change, &savepoint);
    change->task->fault = savepoint.fault;
    return patch(rig, change, "client", rig->other, "{\"name\":\"Renamed\"}");
}

TEST(test_hooks__are_let_off_nothing_by_an_import)
{
    struct rig *rig = rig_open(false);
    rig_must(rig, import_client);
    rig->other = rig->id;
    rig->then = make_client_too;
    rig_must(rig, import_client);
    /* What was refused was asked of too, and so was the second renaming, which changed nothing. */
    must_be(rig, "client", "5222 0000");
    rig_close(rig);
}
