/* Which kinds of jobs there are, and what is done for each tenant now and then: a row each. */
#include "access/session.h"
#include "work/job_upkeep.h"

const struct job_kind job_kinds[] = {
    {.name = {"", 0}}, /* no job has it: a table has one row at least */
};
const uint32_t job_kind_count = sizeof job_kinds / sizeof job_kinds[0];

const struct upkeep upkeeps[] = {
    {{"sessions", 8}, session_upkeep},
    {{"jobs", 4}, job_upkeep},
};
const uint32_t upkeep_count = sizeof upkeeps / sizeof upkeeps[0];
