#include "api/routes.h"

#include "access/portal.h"
#include "access/user.h"
#include "api/actions.h"
#include "api/audit.h"
#include "api/bulk.h"
#include "api/catalog.h"
#include "api/duplicates.h"
#include "api/exports.h"
#include "api/groups.h"
#include "api/imports.h"
#include "api/jobs.h"
#include "api/openapi.h"
#include "api/outbox.h"
#include "api/passwords.h"
#include "api/portal.h"
#include "api/portal_door.h"
#include "api/quotas.h"
#include "api/records.h"
#include "api/reveal.h"
#include "api/rule_run.h"
#include "api/rules.h"
#include "api/runs.h"
#include "api/session.h"
#include "api/sessions.h"
#include "api/tokens.h"
#include "api/trials.h"
#include "api/uploads.h"
#include "base/buf.h"
#include "rules/saving.h"

#define T(literal) \
    { \
        literal, sizeof(literal) - 1 \
    }

/* Rows with a fixed path stand before those with {collection}, which would take them. */
const struct route routes[] = {
    {METHOD_GET, T("/healthz"), T("Whether the server answers"), NEED_NOTHING, ROAD_LOOP,
     .is_for_portal = true, .answers = "200 ok", .run = page_health},
    {METHOD_GET, T("/"), T("The page of this door"), NEED_TENANT, ROAD_LOOP, .is_for_portal = true,
     .answers = "200 home", .run = page_home},
    {METHOD_POST, T("/api/v1/session"), T("Sign in by e-mail and password"), NEED_TENANT,
     ROAD_HASHING, .has_body = true, .is_for_portal = true, .body = "sign_in",
     .answers = "201 identity", .run = session_open},
    {METHOD_DELETE, T("/api/v1/session"), T("Sign out"), NEED_IDENTITY, ROAD_WORKER,
     .is_for_viewer = true, .right = RIGHT_OWN, .is_for_portal = true, .answers = "204 nothing",
     .run = session_close},
    {METHOD_POST, T("/api/v1/session/client"),
     T("At the portal: whose records are shown from now on"), NEED_IDENTITY, ROAD_LANE,
     .right = RIGHT_OWN, .has_body = true, .is_for_portal = true, .is_for_viewer = true,
     .body = "choose_client", .answers = "200 identity", .run = portal_choose},
    {METHOD_POST, T("/api/v1/session/view"),
     T("At the portal: see it as a contact, by the address that the staff was given"), NEED_TENANT,
     ROAD_LANE, .has_body = true, .is_for_portal = true, .body = "link_token",
     .answers = "201 identity", .run = portal_view},
    {METHOD_POST, T("/api/v1/session/proof"), T("Give the password again, before what needs it"),
     NEED_IDENTITY, ROAD_HASHING, .right = RIGHT_OWN, .has_body = true, .is_for_portal = true,
     .body = "proof", .answers = "200 identity", .run = session_renew_proof},
    {METHOD_POST, T("/api/v1/session/link"), T("Ask for a link by mail that signs in, once"),
     NEED_TENANT, ROAD_WORKER, .has_body = true, .is_for_portal = true, .body = "email",
     .answers = "202 nothing", .run = passwords_ask_session},
    {METHOD_POST, T("/api/v1/me/password"), T("Change my password; ends my other sessions"),
     NEED_IDENTITY, ROAD_HASHING, .right = RIGHT_OWN, .has_body = true, .is_for_portal = true,
     .needs_proof = true, .body = "password_change", .answers = "200 identity",
     .run = passwords_change},
    {METHOD_POST, T("/api/v1/me/totp"), T("Begin with one-time codes: a secret to be confirmed"),
     NEED_IDENTITY, ROAD_LANE, .right = RIGHT_OWN, .is_for_portal = true, .needs_proof = true,
     .repeat = REPEAT_ANEW, .answers = "200 totp_secret", .run = totp_make},
    {METHOD_DELETE, T("/api/v1/me/totp"), T("End one-time codes"), NEED_IDENTITY, ROAD_LANE,
     .right = RIGHT_OWN, .is_for_portal = true, .needs_proof = true, .answers = "204 nothing",
     .run = totp_drop},
    {METHOD_POST, T("/api/v1/me/totp/confirm"), T("Switch one-time codes on, by the first one"),
     NEED_IDENTITY, ROAD_HASHING, .right = RIGHT_OWN, .has_body = true, .is_for_portal = true,
     .needs_proof = true, .repeat = REPEAT_ANEW, .body = "code", .answers = "200 totp_recovery",
     .run = totp_make_active},
    {METHOD_POST, T("/api/v1/password/reset"), T("Ask for a link by mail that sets a password"),
     NEED_TENANT, ROAD_WORKER, .has_body = true, .is_for_portal = true, .body = "email",
     .answers = "202 nothing", .run = passwords_ask_reset},
    {METHOD_POST, T("/api/v1/password/set"), T("Set a password by the token of a mailed link"),
     NEED_TENANT, ROAD_HASHING, .has_body = true, .is_for_portal = true, .body = "password_set",
     .answers = "204 nothing", .run = passwords_set},
    {METHOD_POST, T("/api/v1/invitations/accept"), T("Accept an invitation, with a password"),
     NEED_TENANT, ROAD_HASHING, .has_body = true, .is_for_portal = true, .is_for_nobody = true,
     .body = "password_set", .answers = "204 nothing", .run = invitations_accept},
    {METHOD_POST, T("/api/v1/users/{id}/invite"), T("Invite a user by mail; an older link ends"),
     NEED_IDENTITY, ROAD_LANE, .right = RIGHT_ENTITY, .may = SCOPE_VIEW | SCOPE_EDIT,
     .right_of = USER_ENTITY, .answers = "202 nothing", .run = invitations_send},
    {METHOD_DELETE, T("/api/v1/users/{id}/invite"), T("Take an open invitation back"),
     NEED_IDENTITY, ROAD_LANE, .right = RIGHT_ENTITY, .may = SCOPE_VIEW | SCOPE_EDIT,
     .right_of = USER_ENTITY, .answers = "204 nothing", .run = invitations_revoke},
    {METHOD_GET, T("/api/v1/sessions"), T("Where I am signed in"), NEED_IDENTITY, ROAD_READ,
     .right = RIGHT_OWN, .is_for_portal = true, .answers = "200 sessions", .run = sessions_list},
    {METHOD_DELETE, T("/api/v1/sessions"), T("End all my sessions but this one"), NEED_IDENTITY,
     ROAD_LANE, .right = RIGHT_OWN, .is_for_portal = true, .answers = "204 nothing",
     .run = sessions_end_others},
    {METHOD_DELETE, T("/api/v1/sessions/{id}"), T("End one of my sessions"), NEED_IDENTITY,
     ROAD_LANE, .right = RIGHT_OWN, .is_for_portal = true, .answers = "204 nothing",
     .run = sessions_end_one},
    {METHOD_GET, T("/api/v1/users/{id}/sessions"), T("Where a user is signed in"), NEED_IDENTITY,
     ROAD_READ, .right = RIGHT_ENTITY, .may = SCOPE_VIEW | SCOPE_EDIT, .right_of = USER_ENTITY,
     .answers = "200 sessions", .run = sessions_of_user},
    {METHOD_DELETE, T("/api/v1/users/{id}/sessions"), T("End a user's sessions"), NEED_IDENTITY,
     ROAD_LANE, .right = RIGHT_ENTITY, .may = SCOPE_VIEW | SCOPE_EDIT, .right_of = USER_ENTITY,
     .answers = "204 nothing", .run = sessions_of_user_end},
    {METHOD_GET, T("/api/v1/tokens"), T("My API tokens"), NEED_IDENTITY, ROAD_READ,
     .right = RIGHT_OWN, .answers = "200 tokens", .run = tokens_list},
    {METHOD_POST, T("/api/v1/tokens"), T("Make an API token, whose text is told once"),
     NEED_IDENTITY, ROAD_LANE, .right = RIGHT_OWN, .needs_proof = true, .repeat = REPEAT_REFUSED,
     .has_body = true, .body = "token_new", .answers = "201 token_made", .run = tokens_make},
    {METHOD_DELETE, T("/api/v1/tokens/{id}"), T("End an API token"), NEED_IDENTITY, ROAD_LANE,
     .right = RIGHT_OWN, .answers = "204 nothing", .run = tokens_end},
    {METHOD_GET, T("/api/v1/users/{id}/tokens"), T("API tokens of a user"), NEED_IDENTITY,
     ROAD_READ, .right = RIGHT_ENTITY, .may = SCOPE_VIEW | SCOPE_EDIT, .right_of = USER_ENTITY,
     .answers = "200 tokens", .run = tokens_of_user},
    {METHOD_POST, T("/api/v1/users/{id}/tokens"), T("Make an API token of a user"), NEED_IDENTITY,
     ROAD_LANE, .right = RIGHT_ENTITY, .may = SCOPE_VIEW | SCOPE_EDIT, .right_of = USER_ENTITY,
     .repeat = REPEAT_REFUSED, .has_body = true, .body = "token_new", .answers = "201 token_made",
     .run = tokens_of_user_make},
    {METHOD_GET, T("/api/v1/me"), T("Who I am and what I may do"), NEED_IDENTITY, ROAD_READ,
     .right = RIGHT_OWN, .is_for_portal = true, .answers = "200 identity", .run = session_me},
    {METHOD_GET, T("/api/v1/schema"), T("Entities, fields and choices"), NEED_IDENTITY, ROAD_READ,
     .right = RIGHT_SEEN, .is_for_portal = true, .answers = "200 catalog", .run = catalog_read},
    /* Without a token it tells nothing of this firm: only what every firm has. */
    {METHOD_GET, T("/api/v1/openapi.json"), T("This description"), NEED_NO_FALSE, ROAD_READ,
     .right = RIGHT_SEEN, .is_for_portal = true, .parameters = "if_none_match",
     .answers = "200 document 304 not_changed", .run = openapi_read},
    {METHOD_GET, T("/api/v1/changes"), T("All changes, in order"), NEED_IDENTITY, ROAD_READ,
     .right = RIGHT_SEEN, .is_for_portal = true, .parameters = "after_sequence limit last_event_id",
     .answers = "200 changes", .run = records_changes},
    {METHOD_GET, T("/api/v1/jobs"), T("Long work of this firm, newest first"), NEED_IDENTITY,
     ROAD_READ, .right = RIGHT_BEGUN, .parameters = "limit after", .answers = "200 jobs",
     .run = jobs_list},
    {METHOD_GET, T("/api/v1/jobs/{id}"), T("How far a job is, and what came of it"), NEED_IDENTITY,
     ROAD_READ, .right = RIGHT_BEGUN, .answers = "200 job", .run = jobs_read},
    {METHOD_GET, T("/api/v1/jobs/{id}/results"), T("What came of each part of a job, in lines"),
     NEED_IDENTITY, ROAD_SLICES, .right = RIGHT_BEGUN, .answers = "200 job_results",
     .run = jobs_results},
    {METHOD_POST, T("/api/v1/jobs/{id}/cancel"), T("End a job where it is"), NEED_IDENTITY,
     ROAD_LANE, .right = RIGHT_BEGUN, .answers = "200 job", .run = jobs_cancel},
    {METHOD_GET, T("/api/v1/jobs/{id}/failed"), T("The rows of an import that failed, as a table"),
     NEED_IDENTITY, ROAD_SLICES, .right = RIGHT_BEGUN, .answers = "200 table",
     .run = imports_failed},
    {METHOD_POST, T("/api/v1/uploads"), T("Begin a large body, which is sent in parts"),
     NEED_IDENTITY, ROAD_WORKER, .right = RIGHT_OWN, .has_body = true, .body = "upload",
     .answers = "201 upload_made", .run = uploads_create},
    {METHOD_GET, T("/api/v1/uploads/{id}"), T("Which parts of a large body are there"),
     NEED_IDENTITY, ROAD_WORKER, .right = RIGHT_OWN, .answers = "200 upload", .run = uploads_read},
    {METHOD_DELETE, T("/api/v1/uploads/{id}"), T("Forget a large body"), NEED_IDENTITY, ROAD_WORKER,
     .right = RIGHT_OWN, .answers = "204 nothing", .run = uploads_delete},
    {METHOD_PUT, T("/api/v1/uploads/{id}/{part}"), T("Send a part, numbered from 1"), NEED_IDENTITY,
     ROAD_WORKER, .right = RIGHT_OWN, .raw_types = T("*"), .body = "part", .answers = "200 upload",
     .run = uploads_put},
    {METHOD_GET, T("/api/v1/groups/{id}"), T("What a change, an import or a job did as a whole"),
     NEED_IDENTITY, ROAD_READ, .right = RIGHT_SEEN, .answers = "200 group", .run = groups_read},
    {METHOD_POST, T("/api/v1/groups/{id}/undo"), T("Take back what a group did"), NEED_IDENTITY,
     ROAD_LANE, .right = RIGHT_NAMED, .parameters = "preview", .answers = "200 undo 202 job_begun",
     .run = groups_undo},
    {METHOD_GET, T("/api/v1/audit"),
     T("Who entered, was refused, took out or may what, newest first"), NEED_IDENTITY, ROAD_READ,
     .right = RIGHT_SETTINGS, .parameters = "audit_kind audit_actor after_sequence limit",
     .answers = "200 audit", .run = audit_list},
    {METHOD_GET, T("/api/v1/quotas"),
     T("What this firm may have and do, and how much of it it does"), NEED_IDENTITY, ROAD_WORKER,
     .right = RIGHT_SETTINGS, .answers = "200 quotas", .run = quotas_list},
    {METHOD_GET, T("/api/v1/outbox"), T("What is to follow changes, as it becomes due"),
     NEED_IDENTITY, ROAD_READ, .right = RIGHT_SETTINGS,
     .parameters = "outbox_kind outbox_state limit after", .answers = "200 outbox",
     .run = outbox_list},
    {METHOD_GET, T("/api/v1/outbox/{id}"), T("One entry of the outbox"), NEED_IDENTITY, ROAD_READ,
     .right = RIGHT_SETTINGS, .answers = "200 outbox_entry", .run = outbox_one},
    {METHOD_POST, T("/api/v1/outbox/{id}/retry"), T("Try it now; one that is dead begins anew"),
     NEED_IDENTITY, ROAD_LANE, .right = RIGHT_SETTINGS, .answers = "200 outbox_entry",
     .run = outbox_retry_one},
    {METHOD_DELETE, T("/api/v1/outbox/{id}"), T("Forget one that is dead"), NEED_IDENTITY,
     ROAD_LANE, .right = RIGHT_SETTINGS, .answers = "204 nothing", .run = outbox_delete},
    {METHOD_POST, T("/api/v1/rules/{id}/run"),
     T("Run a rule: one for a button on a record, one by the clock now"), NEED_IDENTITY, ROAD_LANE,
     .right = RIGHT_NAMED, .has_body = true, .is_body_optional = true, .body = "rule_run",
     .answers = "200 rule_acted 202 job_begun 204 nothing", .run = rule_run_begin},
    {METHOD_GET, T("/api/v1/search"), T("Records of all entities by words, best first"),
     NEED_IDENTITY, ROAD_READ, .right = RIGHT_SEEN, .parameters = "search_q limit_few",
     .answers = "200 found", .run = records_search},
    {METHOD_GET, T("/api/v1/rules/reference"), T("How rules are written"), NEED_IDENTITY, ROAD_LOOP,
     .right = RIGHT_SEEN, .answers = "200 rules_reference", .run = rules_reference},
    {METHOD_GET, T("/api/v1/rules/builtin"), T("The rules that come with the product"),
     NEED_IDENTITY, ROAD_READ, .right = RIGHT_ENTITY, .may = SCOPE_VIEW, .right_of = RULE_ENTITY,
     .answers = "200 rules_builtin", .run = rules_built_in},
    {METHOD_POST, T("/api/v1/rules/{id}/activate"),
     T("Make a rule active, as it is or as one of its versions says"), NEED_IDENTITY, ROAD_LANE,
     .right = RIGHT_ENTITY, .may = SCOPE_VIEW | SCOPE_EDIT, .right_of = RULE_ENTITY,
     .has_body = true, .is_body_optional = true, .body = "activate", .answers = "200 rule.changed",
     .run = rules_activate},
    {METHOD_GET, T("/api/v1/rules/{id}/difference"), T("What two versions of a rule have other"),
     NEED_IDENTITY, ROAD_WORKER, .right = RIGHT_ENTITY, .may = SCOPE_VIEW,
     .right_of = RULE_VERSION_ENTITY, .parameters = "from_version to_version",
     .answers = "200 rule_difference", .run = rules_difference},
    {METHOD_POST, T("/api/v1/rules/test"),
     T("What a rule that is not saved would do with a record; nothing is written"), NEED_IDENTITY,
     ROAD_PATIENT, .right = RIGHT_EVERYTHING, .has_body = true, .body = "rule_test_new",
     .answers = "200 trial", .run = trials_test},
    {METHOD_POST, T("/api/v1/rules/{id}/test"),
     T("What a rule would do with a record; nothing is written"), NEED_IDENTITY, ROAD_PATIENT,
     .right = RIGHT_EVERYTHING, .has_body = true, .body = "rule_test", .answers = "200 trial",
     .run = trials_test},
    {METHOD_GET, T("/api/v1/rules/{id}/explain"), T("Why a rule fires on a record, or does not"),
     NEED_IDENTITY, ROAD_PATIENT, .right = RIGHT_EVERYTHING,
     .parameters = "explain_id explain_change explain_run", .answers = "200 explained",
     .run = trials_explain},
    {METHOD_POST, T("/api/v1/rules/{id}/explain"), T("Why a rule fires on a record, or does not"),
     NEED_IDENTITY, ROAD_PATIENT, .right = RIGHT_EVERYTHING, .has_body = true, .body = "explain",
     .answers = "200 explained", .run = trials_explain},
    {METHOD_POST, T("/api/v1/rules/{id}/backtest"),
     T("What a rule would have done with the changes of a period; nothing is written"),
     NEED_IDENTITY, ROAD_LANE, .right = RIGHT_EVERYTHING, .has_body = true,
     .is_body_optional = true, .body = "backtest", .answers = "202 job_begun",
     .run = trials_backtest},
    {METHOD_GET, T("/api/v1/runs"), T("What rules did, run by run, newest first"), NEED_IDENTITY,
     ROAD_PATIENT, .right = RIGHT_EVERYTHING,
     .parameters = "run_rule run_outcome run_trial limit after", .answers = "200 runs",
     .run = runs_list},
    {METHOD_GET, T("/api/v1/runs/{id}"), T("One run of a rule: why, what came of it, its cost"),
     NEED_IDENTITY, ROAD_PATIENT, .right = RIGHT_EVERYTHING, .answers = "200 run",
     .run = runs_read},
    {METHOD_POST, T("/api/v1/runs/{id}/replay"),
     T("Run it again with the answers that it got, and compare"), NEED_IDENTITY, ROAD_PATIENT,
     .right = RIGHT_EVERYTHING, .answers = "200 replayed", .run = runs_replay},
    {METHOD_POST, T("/api/v1/runs/{id}/keep"), T("Make a stored test of a run"), NEED_IDENTITY,
     ROAD_PATIENT, .right = RIGHT_EVERYTHING, .has_body = true, .body = "keep_run",
     .answers = "201 rule_test.made", .run = runs_keep},
    {METHOD_GET, T("/api/v1/rules/{id}/runs"), T("What a rule did, run by run, newest first"),
     NEED_IDENTITY, ROAD_PATIENT, .right = RIGHT_EVERYTHING,
     .parameters = "run_outcome run_trial limit after", .answers = "200 runs", .run = runs_of_rule},
    {METHOD_GET, T("/api/v1/rules/{id}/days"), T("What a rule did and cost on each day"),
     NEED_IDENTITY, ROAD_PATIENT, .right = RIGHT_EVERYTHING, .parameters = "run_days",
     .answers = "200 run_days", .run = runs_days},
    {METHOD_POST, T("/api/v1/portal_accounts/{id}/invite"),
     T("Mail an invitation; to who has entered before, a link that sets a password"), NEED_IDENTITY,
     ROAD_LANE, .right = RIGHT_ENTITY, .may = SCOPE_VIEW | SCOPE_EDIT,
     .right_of = PORTAL_ACCOUNT_ENTITY, .answers = "202 nothing", .run = portal_invite},
    {METHOD_POST, T("/api/v1/portal_accounts/{id}/view_as"),
     T("See the portal as this contact: an address that works once"), NEED_IDENTITY, ROAD_LANE,
     .right = RIGHT_ENTITY, .may = SCOPE_VIEW | SCOPE_EDIT, .right_of = PORTAL_ACCOUNT_ENTITY,
     .needs_proof = true, .repeat = REPEAT_ANEW, .answers = "200 view_as", .run = portal_view_as},
    {METHOD_POST, T("/api/v1/portal_accounts/{id}/password"),
     T("Set the password of a portal account; nobody can read it"), NEED_IDENTITY, ROAD_WORKER,
     .right = RIGHT_ENTITY, .may = SCOPE_VIEW | SCOPE_EDIT, .right_of = PORTAL_ACCOUNT_ENTITY,
     .needs_own_proof = true, .has_body = true, .body = "password_new", .answers = "204 nothing",
     .run = portal_set_password},
    {METHOD_GET, T("/api/v1/{collection}"), T("A page of records"), NEED_IDENTITY, ROAD_READ,
     .right = RIGHT_ENTITY, .may = SCOPE_VIEW, .is_for_portal = true,
     .parameters = "limit after sort filter q count group_by view fields expand filters",
     .answers = "200 {entity}.page", .run = records_list},
    {METHOD_POST, T("/api/v1/{collection}"), T("Create a record"), NEED_IDENTITY, ROAD_LANE,
     .right = RIGHT_ENTITY, .may = SCOPE_CREATE, .has_body = true, .is_not_of_single = true,
     .is_for_portal = true, .parameters = "fields expand duplicates", .body = "{entity}.new",
     .answers = "201 {entity}.made 204 deleted_by_rule", .run = records_create},
    {METHOD_GET, T("/api/v1/{collection}/export"), T("A list as a table"), NEED_IDENTITY,
     ROAD_SLICES, .right = RIGHT_ENTITY, .may = SCOPE_VIEW | SCOPE_EXPORT, .needs_own_proof = true,
     .parameters = "format bom separator sort filter q view fields expand filters",
     .answers = "200 table", .run = exports_table},
    {METHOD_GET, T("/api/v1/{collection}/template"), T("A table to be filled in and imported"),
     NEED_IDENTITY, ROAD_WORKER, .right = RIGHT_ENTITY, .may = SCOPE_CREATE,
     .is_not_of_single = true, .answers = "200 table", .run = exports_template},
    {METHOD_POST, T("/api/v1/{collection}/import"), T("Make records of a table, or preview it"),
     NEED_IDENTITY, ROAD_WORKER, .right = RIGHT_ENTITY, .may = SCOPE_VIEW,
     .may_one = SCOPE_CREATE | SCOPE_EDIT, .has_body = true, .raw_types = T(IMPORT_RAW_TYPES),
     .is_not_of_single = true,
     .parameters = "import_map import_match import_mode import_preview import_kept "
                   "import_rules import_format import_sheet import_empty import_empty_words",
     .body = "import", .answers = "200 import_preview 202 job_begun", .run = imports_begin},
    {METHOD_POST, T("/api/v1/{collection}/bulk"), T("Do many operations at once"), NEED_IDENTITY,
     ROAD_LANE, .right = RIGHT_ENTITY, .may = SCOPE_VIEW,
     .may_one = SCOPE_CREATE | SCOPE_EDIT | SCOPE_DELETE, .has_body = true,
     .is_not_of_single = true, .body = "{entity}.bulk",
     .answers = "200 {entity}.bulk_done 202 job_begun", .run = records_bulk},
    {METHOD_POST, T("/api/v1/{collection}/duplicates"), T("Look for records that may be one"),
     NEED_IDENTITY, ROAD_LANE, .right = RIGHT_ENTITY, .may = SCOPE_VIEW, .is_of_duplicates = true,
     .answers = "202 job_begun", .run = duplicates_begin},
    {METHOD_GET, T("/api/v1/{collection}/{id}"), T("One record"), NEED_IDENTITY, ROAD_READ,
     .right = RIGHT_ENTITY, .may = SCOPE_VIEW, .is_for_portal = true,
     .parameters = "fields expand at if_none_match",
     .answers = "200 {entity} 304 not_changed 308 merged", .run = records_read},
    {METHOD_PATCH, T("/api/v1/{collection}/{id}"), T("Change a record by a merge patch"),
     NEED_IDENTITY, ROAD_LANE, .right = RIGHT_ENTITY, .may = SCOPE_VIEW | SCOPE_EDIT,
     .has_body = true, .is_for_portal = true, .parameters = "fields expand if_match",
     .body = "{entity}.patch", .answers = "200 {entity}.changed 204 deleted_by_rule",
     .run = records_patch},
    {METHOD_DELETE, T("/api/v1/{collection}/{id}"), T("Delete a record"), NEED_IDENTITY, ROAD_LANE,
     .right = RIGHT_ENTITY, .may = SCOPE_VIEW | SCOPE_DELETE, .is_not_of_single = true,
     .parameters = "if_match", .answers = "204 deleted 202 job_begun", .run = records_delete},
    {METHOD_GET, T("/api/v1/{collection}/{id}/history"), T("Who changed what, newest first"),
     NEED_IDENTITY, ROAD_READ, .right = RIGHT_ENTITY, .may = SCOPE_VIEW,
     .parameters = "after_sequence limit", .answers = "200 log", .run = records_history},
    {METHOD_GET, T("/api/v1/{collection}/trash"), T("Deleted records, newest first"), NEED_IDENTITY,
     ROAD_READ, .right = RIGHT_ENTITY, .may = SCOPE_VIEW, .is_not_of_single = true,
     .parameters = "after_sequence limit", .answers = "200 {entity}.trash", .run = trash_list},
    {METHOD_POST, T("/api/v1/{collection}/{id}/archive"),
     T("Leave a record out of lists, but keep it"), NEED_IDENTITY, ROAD_LANE, .right = RIGHT_ENTITY,
     .may = SCOPE_VIEW | SCOPE_EDIT, .action = ACTION_ARCHIVE, .answers = "200 {entity}.changed",
     .run = actions_archive},
    {METHOD_POST, T("/api/v1/{collection}/{id}/restore"),
     T("Bring a record back from the archive or the trash"), NEED_IDENTITY, ROAD_LANE,
     .right = RIGHT_ENTITY, .may = SCOPE_VIEW, .action = ACTION_RESTORE,
     .answers = "200 {entity}.changed 202 job_begun", .run = actions_restore},
    {METHOD_POST, T("/api/v1/{collection}/{id}/merge"),
     T("Make several records one; the others lead to it"), NEED_IDENTITY, ROAD_LANE,
     .right = RIGHT_ENTITY, .may = SCOPE_VIEW | SCOPE_EDIT | SCOPE_DELETE, .has_body = true,
     .action = ACTION_MERGE, .parameters = "preview", .body = "merge",
     .answers = "200 {entity}.merged 202 job_begun", .run = actions_merge},
    {METHOD_POST, T("/api/v1/{collection}/{id}/enable_portal"),
     T("Open the portal of this client to one of its contacts"), NEED_IDENTITY, ROAD_LANE,
     .right = RIGHT_ENTITY, .may = SCOPE_VIEW | SCOPE_EDIT, .has_body = true,
     .is_body_optional = true, .action = ACTION_ENABLE_PORTAL, .parameters = "preview",
     .body = "enable_portal", .answers = "200 portal_enabled", .run = portal_enable},
    {METHOD_POST, T("/api/v1/{collection}/{id}/erase"),
     T("Delete a person's record, its history and what else holds it, for ever"), NEED_IDENTITY,
     ROAD_LANE, .right = RIGHT_EVERYTHING, .needs_proof = true, .action = ACTION_ERASE,
     .answers = "202 job_begun", .run = actions_erase},
    {METHOD_POST, T("/api/v1/{collection}/{id}/reveal"),
     T("Show one secret; it is noted who saw it"), NEED_IDENTITY, ROAD_LANE, .right = RIGHT_ENTITY,
     .may = SCOPE_VIEW, .has_body = true, .is_of_secrets = true, .repeat = REPEAT_ANEW,
     .needs_proof = true, .body = "reveal", .answers = "200 revealed", .run = reveal},
    {METHOD_POST, T("/api/v1/{collection}/{id}/person"),
     T("Take out all that is kept about a person, as lines of a job"), NEED_IDENTITY, ROAD_LANE,
     .right = RIGHT_EVERYTHING, .needs_proof = true, .action = ACTION_ERASE,
     .answers = "202 job_begun", .run = actions_person},
    {METHOD_POST, T("/api/v1/{collection}/{id}/{action}"), T("No action"), NEED_IDENTITY, ROAD_LANE,
     .right = RIGHT_ENTITY, .may = SCOPE_VIEW, .is_for_the_rest = true, .answers = "200 nothing",
     .run = actions_unknown},
};
const uint32_t route_count = sizeof routes / sizeof routes[0];

static const struct {
    enum method method;
    str word;
} methods[] = {
    {METHOD_GET, T("GET")},     {METHOD_GET, T("HEAD")},      {METHOD_POST, T("POST")},
    {METHOD_PATCH, T("PATCH")}, {METHOD_DELETE, T("DELETE")}, {METHOD_PUT, T("PUT")},
};

bool route_has_query(const struct route *route)
{
    static const str headers[] = {S("if_match"), S("if_none_match"), S("last_event_id")};
    str rest = str_of(route->parameters == nullptr ? "" : route->parameters), name;
    while (rest.len > 0) {
        (void)str_cut(rest, ' ', &name, &rest);
        bool is_header = false;
        for (size_t at = 0; at < sizeof headers / sizeof *headers; at++)
            is_header = is_header || str_eq(name, headers[at]);
        if (!is_header) return true;
    }
    return false;
}

enum method method_of(str method)
{
    for (size_t at = 0; at < sizeof methods / sizeof methods[0]; at++)
        if (str_eq(methods[at].word, method)) return methods[at].method;
    return METHOD_OTHER;
}

str method_word(enum method method)
{
    for (size_t at = 0; at < sizeof methods / sizeof methods[0]; at++)
        if (methods[at].method == method) return methods[at].word;
    return S("");
}

str methods_write(struct arena *arena, uint8_t served)
{
    struct buf list = buf_make(arena, 64);
    for (size_t at = 0; at < sizeof methods / sizeof methods[0]; at++) {
        if ((served & methods[at].method) == 0) continue;
        if (list.len > 0) buf_put(&list, S(", "));
        buf_put(&list, methods[at].word);
    }
    return buf_str(&list);
}

/** The bytes up to the next slash, which the path moves behind. */
static str segment_take(str *path)
{
    str segment;
    (void)str_cut(*path, '/', &segment, path);
    return segment;
}

/** What stands in a path where its pattern has braces. */
struct segments {
    str collection, id, part;
};

/** Whether a path has the pattern's form; collection and id are looked up only then. */
static bool pattern_fits(str pattern, str path, struct segments *segments)
{
    /* Up to the first brace both must be the same; most rows end here. */
    size_t brace = str_find_byte(pattern, '{');
    if (brace == SIZE_MAX) return str_eq(pattern, path);
    if (!str_starts(path, str_first(pattern, brace))) return false;
    pattern = str_from(pattern, brace);
    path = str_from(path, brace);
    while (pattern.len > 0 && path.len > 0) {
        bool is_last_wanted = str_find_byte(pattern, '/') == SIZE_MAX;
        bool is_last_given = str_find_byte(path, '/') == SIZE_MAX;
        if (is_last_wanted != is_last_given) return false;
        str wanted = segment_take(&pattern), given = segment_take(&path);
        if (given.len == 0) return false;
        if (str_eq(wanted, S("{collection}"))) segments->collection = given;
        else if (str_eq(wanted, S("{id}"))) segments->id = given;
        else if (str_eq(wanted, S("{part}"))) segments->part = given;
        else if (str_eq(wanted, S("{action}"))) continue;
        else if (!str_eq(wanted, given)) return false;
    }
    return pattern.len == 0 && path.len == 0;
}

/** Most rows end here, by one byte: where the first word behind `/api/v1/` begins. Collections are
 *  known by the model alone. */
static bool pattern_may_fit(const struct model *model, str pattern, str path)
{
    constexpr size_t first = sizeof "/api/v1/" - 1;
    if (pattern.len <= first || path.len <= first) return true;
    char wanted = pattern.at[first];
    return wanted == '{' ? model != nullptr : wanted == path.at[first];
}

static bool entity_has_secrets(const struct entity *entity)
{
    bool has = false;
    for (uint32_t at = 0; at < entity->field_count && !has; at++)
        has = entity->fields[at].kind == FIELD_SECRET && !entity->fields[at].is_hidden;
    return has;
}

bool route_is_of(const struct route *route, const struct entity *entity)
{
    if (entity == nullptr) return true;
    if (route->is_not_of_single && entity->is_single) return false;
    if (route->is_of_duplicates && entity->duplicates == nullptr) return false;
    if (route->is_of_secrets && !entity_has_secrets(entity)) return false;
    return route->action == 0 || (entity->actions & route->action) != 0;
}

struct route_match route_match(const struct model *model, enum method method, str path)
{
    struct route_match match = {};
    for (uint32_t at = 0; at < route_count; at++) {
        const struct route *route = &routes[at];
        struct segments given = {};
        int64_t part = 0;
        if (!pattern_may_fit(model, route->pattern, path)) continue;
        if (!pattern_fits(route->pattern, path, &given)) continue;
        const struct entity *entity = nullptr;
        bool is_of_records = given.collection.len > 0;
        if (is_of_records && model != nullptr) entity = model_collection(model, given.collection);
        if (is_of_records && entity == nullptr) continue;
        if (given.id.len > 0 && !id_parse(given.id, &match.record)) continue;
        if (given.part.len > 0 &&
            (!str_to_int64(given.part, &part) || part < 0 || part > UINT32_MAX))
            continue;
        match.part = (uint32_t)part;
        if (!route_is_of(route, entity)) continue;
        if (route->is_for_the_rest && method != route->method) continue;
        match.methods |= route->method;
        match.entity = entity;
        if (route->method == method) {
            match.route = route;
            return match;
        }
    }
    return match;
}
