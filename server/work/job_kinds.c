/* Which kinds of jobs there are, and what is done for each tenant now and then: a row each. */
#include "access/link.h"
#include "access/session.h"
#include "work/answers.h"
#include "work/backtest_job.h"
#include "work/bulk.h"
#include "work/duplicates_scan.h"
#include "work/import_job.h"
#include "work/job_build.h"
#include "work/job_delete.h"
#include "work/job_erase.h"
#include "work/job_merge.h"
#include "work/job_rekey.h"
#include "work/job_person.h"
#include "work/job_undo.h"
#include "work/job_upkeep.h"
#include "work/rule_job.h"

const struct job_kind job_kinds[] = {
    {{"import", 6}, import_job_open, import_job_step, import_job_close},
    {{"duplicates", 10}, duplicates_scan_open, duplicates_scan_step, duplicates_scan_close},
    {{"bulk", 4}, bulk_open, bulk_step, bulk_close},
    {{"bulk_edit", 9}, bulk_edit_open, bulk_edit_step, bulk_edit_close},
    {.name = {"delete", 6}, .open = delete_job_open, .step = delete_job_step},
    {.name = {"erase", 5}, .open = erase_job_open, .step = erase_job_step},
    {.name = {"person", 6}, .open = person_job_open, .step = person_job_step},
    {.name = {"merge", 5}, .open = merge_job_open, .step = merge_job_step},
    {.name = {"undo", 4}, .open = undo_job_open, .step = undo_job_step},
    {{"rule", 4}, rule_job_open, rule_job_step, rule_job_close},
    {.name = {"backtest", 8}, .step = backtest_job_step},
    {.name = {"build", 5}, .step = build_step},
    {.name = {"rekey", 5}, .open = rekey_open, .step = rekey_step},
};
const uint32_t job_kind_count = sizeof job_kinds / sizeof job_kinds[0];

const struct upkeep upkeeps[] = {
    {{"sessions", 8}, session_upkeep}, {{"links", 5}, link_upkeep},
    {{"jobs", 4}, job_upkeep},         {{"answers", 7}, answers_upkeep},
    {{"uploads", 7}, uploads_upkeep},  {{"traces", 6}, traces_upkeep},
};
const uint32_t upkeep_count = sizeof upkeeps / sizeof upkeeps[0];
