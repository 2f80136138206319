#include "work/duplicates_pairs.h"

#include "fixture.h"

/** A record of a name and perhaps an address. */
static void add(struct fixture *fixture, struct pairs *pairs, const char *name, const char *email)
{
    struct task *task = &fixture->test.task;
    const struct entity *contact = model_entity(fixture->model, S("contact"));
    struct buf value = buf_make(task->arena, 256);
    pack_map(&value, email == nullptr ? 1 : 2);
    pack_int(&value, entity_field(contact, S("name"))->number);
    pack_text(&value, str_of(name));
    if (email != nullptr) {
        pack_int(&value, entity_field(contact, S("emails"))->number);
        pack_list(&value, 1);
        pack_list(&value, 3);
        pack_text(&value, str_of(email));
        pack_text(&value, S(""));
        pack_bool(&value, true);
    }
    struct record record = {contact, id_make(), buf_str(&value)};
    check_int(pairs_add(pairs, task, &record), ERR_NONE);
}

TEST(test_duplicates_pairs__of_too_many_the_best_are_kept)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct pairs *pairs = pairs_open();
    constexpr uint32_t groups = 1000; /** of twelve with one name: 65 pairs each, or more */
    for (uint32_t at = 0; at < 12 * groups; at++) {
        char name[32], email[32];
        uint32_t group = at % groups;
        snprintf(name, sizeof name, "n%05ux n%05uy", group, group);
        snprintf(email, sizeof email, "e%u@x.example", group);
        /* Two of a hundred groups share an address as well. */
        add(&fixture, pairs, name, group < 100 && at < 2 * groups ? email : nullptr);
    }
    pairs_find(pairs);
    check_int(pairs_count(pairs), PAIRS_MAX);
    check(pairs_are_cut(pairs));
    uint32_t best = 0;
    struct found_pair last = {};
    for (uint32_t at = 0; at < PAIRS_MAX; at++) {
        struct found_pair pair = pairs_at(pairs, at);
        check(memcmp(pair.first.bytes, pair.second.bytes, sizeof pair.first) < 0);
        check(at == 0 || memcmp(&last.first, &pair.first, 2 * sizeof(struct id)) < 0);
        check(pairs_hold(pairs, pair.first, pair.second));
        check(!pairs_hold(pairs, pair.second, pair.first));
        best += pair.score > 75;
        last = pair;
    }
    check_int(best, 100);
    pairs_close(pairs);
    fixture_drop(&fixture);
}

TEST(test_duplicates_pairs__of_none_there_are_none)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct pairs *pairs = pairs_open();
    pairs_find(pairs);
    check_int(pairs_count(pairs), 0);
    check(!pairs_are_cut(pairs) && !pairs_hold(pairs, id_make(), id_make()));
    pairs_close(pairs);
    pairs = pairs_open();
    add(&fixture, pairs, "Alone", nullptr);
    add(&fixture, pairs, "Unlike", nullptr);
    pairs_find(pairs);
    check_int(pairs_count(pairs), 0);
    pairs_close(pairs);
    fixture_drop(&fixture);
}
