#include "record/duplicates.h"

#include "base/random.h"
#include "fixture.h"

static uint8_t score_of(const char *one, const char *other)
{
    uint8_t there = duplicates_name_score(str_of(one), str_of(other));
    check_int(duplicates_name_score(str_of(other), str_of(one)), there);
    return there;
}

TEST(test_duplicates__names_may_differ_by_small_mistakes)
{
    check_int(score_of("acme", "acme"), 75);
    check_int(score_of("acme", "acne"), 0);
    check_int(score_of("tallisen", "talisen"), 65);
    check_int(score_of("tallis", "tlalis"), 65);
    check_int(score_of("tallis", "taliss x"), 0);
    check_int(score_of("northwind", "norhtwynd"), 0);
    check_int(score_of("northwind traders", "norhtwynd traders"), 55);
    check_int(score_of("northwind traders", "northwind trader"), 65);
    check_int(score_of("northwind traders", "northwind"), 0);
    check_int(score_of("studio number 54", "studio number 55"), 0);
    check_int(score_of("studio number 54", "studio number 54"), 75);
    check_int(score_of("", ""), 75);
    check_int(score_of("", "acme"), 0);
}

/** Edits one after another are never counted as more than there were. */
TEST(test_duplicates__the_distance_of_names_is_that_of_their_edits)
{
    uint64_t seed = random_uint64();
    printf("seed %llu\n", (unsigned long long)seed);
    random_seed(seed);
    for (uint32_t round = 0; round < 20'000; round++) {
        char one[64], other[64];
        uint32_t len = 10 + (uint32_t)(random_uint64() % 30);
        for (uint32_t at = 0; at < len; at++) one[at] = (char)('a' + random_uint64() % 4);
        memcpy(other, one, len);
        uint32_t other_len = len, edits = (uint32_t)(random_uint64() % 3);
        for (uint32_t edit = 0; edit < edits; edit++) {
            uint32_t at = (uint32_t)(random_uint64() % (other_len - 1));
            switch (random_uint64() % 3) {
            case 0:
                memmove(other + at, other + at + 1, other_len - at - 1);
                other_len--;
                break;
            case 1:
                memmove(other + at + 1, other + at, other_len - at);
                other_len++;
                break;
            default:
                other[at] = (char)('a' + random_uint64() % 4);
            }
        }
        static const uint8_t least[] = {75, 65, 55};
        str first = {one, len}, second = {other, other_len};
        if (other_len < 10 || len < 10) continue;
        check(duplicates_name_score(first, second) >= least[edits]);
        check_int(duplicates_name_score(first, second), duplicates_name_score(second, first));
    }
    random_seed(0);
}

static struct profile profile_of(struct fixture *fixture, const char *entity, const char *json)
{
    struct task *task = &fixture->test.task;
    struct id id = fixture_create(fixture, entity, json);
    struct txn *txn;
    check_int(txn_open(task, &fixture->space, &txn), ERR_NONE);
    struct view view = {task, txn, fixture->model, &fixture->scope};
    struct record record;
    struct profile profile;
    check_int(record_get(&view, model_entity(fixture->model, str_of(entity)), id, &record),
              ERR_NONE);
    profile_make(task->arena, record.entity, record.value, &profile);
    txn_close(txn);
    return profile;
}

TEST(test_duplicates__a_profile_is_what_counts_of_a_record)
{
    struct fixture fixture;
    fixture_init(&fixture);
    struct profile one =
        profile_of(&fixture, "client",
                   "{\"name\":\"The ACME Widgets & Co., Inc.\",\"kind\":\"individual\","
                   "\"tax_id\":\"nl 12.34-5\",\"phones\":[\"+31 (0)20 765 4321\",\"110\"]}");
    check_int(one.name_count, 1);
    check_str(one.names[0].text, S("acme widgets"));
    check_int(one.key_count, 3);
    struct profile other = profile_of(
        &fixture, "client",
        "{\"name\":\"Widgets Acme GmbH\",\"kind\":\"individual\",\"vat_number\":\"NL12345\"}");
    struct duplicate duplicate = profile_compare(&one, &other);
    check_int(duplicate.score, 99);
    const struct entity *client = model_entity(fixture.model, S("client"));
    str why = duplicates_why(&fixture.test.arena, client, duplicate.fields);
    check_str(why, S("name, tax_id, vat_number"));
    struct profile firm =
        profile_of(&fixture, "client", "{\"name\":\"Company Limited\",\"kind\":\"individual\"}");
    check_str(firm.names[0].text, S("company limited"));
    check_int(profile_compare(&one, &firm).score, 0);
    fixture_drop(&fixture);
}
