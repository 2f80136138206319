// Ways to break what keeps firms, roles and clients apart: in `file` the one place that reads
// `from` becomes `to` (and the same in each of `also`), and one of `tests` (parts of paths) must
// fail.
import { more } from './more.mjs';

export const mutants = [
    ...more,
    {
        name: 'two firms share a prefix',
        file: 'server/store/key.c',
        from: 'bytes_put_uint32(key->bytes, number);',
        to: 'bytes_put_uint32(key->bytes, number & ~1U);',
        tests: ['isolation/tenants'],
    },
    {
        name: 'nothing is gone from a feed',
        file: 'server/record/show.c',
        from: 'bool is_lost = is_seen && rows_lose(',
        to: 'bool is_lost = json == nullptr && rows_lose(',
        tests: ['unit/record/rows'],
    },
    {
        name: "the right to one's own is the right to all of a client",
        file: 'server/record/rows.c',
        from:
            'if (scope->is_own_alone && !is_contacts_own(view, entity, id, value)) ' +
            'return false;',
        to: '(void)is_contacts_own;',
        tests: ['api/portal_isolation'],
    },
    {
        name: 'a session is good at any door',
        file: 'server/access/session.c',
        from: 'if (identity_out->door != door) return ERR_UNAUTHENTICATED;',
        to: '(void)door;',
        tests: ['api/portal_door'],
    },
    {
        name: 'a suspended firm goes on',
        file: 'server/api/api.c',
        from: 'if (call->tenant.is_suspended)',
        to: 'if (false)',
        tests: ['api/tenants'],
    },
    {
        name: 'a disabled user goes on',
        file: 'server/access/door.c',
        from:
            'if (err == ERR_MISSING || (err == ERR_NONE && account.is_disabled)) ' +
            'return ERR_UNAUTHENTICATED;',
        to: 'if (err == ERR_MISSING) return ERR_UNAUTHENTICATED;',
        also: [
            {
                file: 'server/access/user.c',
                from:
                    'if (err == ERR_MISSING || (err == ERR_NONE && user.is_disabled)) ' +
                    'return ERR_UNAUTHENTICATED;',
                to: 'if (err == ERR_MISSING) return ERR_UNAUTHENTICATED;',
            },
        ],
        tests: ['api/firm.test', 'api/roles_streams', 'unit/access/session'],
    },
    {
        name: 'a token has no end',
        file: 'server/access/token.c',
        from: 'return token->ends_ms != 0 && token->ends_ms <= now_ms;',
        to: 'return token->ends_ms < 0 && now_ms < 0;',
        tests: ['api/roles_tokens'],
    },
    {
        name: 'no token against forged requests',
        file: 'server/api/cookie.c',
        from: 'if (check->csrf.len == 0 || !bytes_equal_secret(check->csrf_given, check->csrf))',
        to: 'if (false)',
        tests: ['api/sessions.test'],
    },
    {
        name: 'a one-time code is good twice',
        file: 'server/access/totp.c',
        from: '&& step > last_step) found = step;',
        to: ') found = step + 0 * last_step;',
        tests: ['api/totp'],
    },
    {
        name: 'a link is good twice',
        file: 'server/access/link.c',
        from: 'txn_system_delete(txn, SYSTEM_LINK, hash);',
        to: '',
        tests: ['api/links'],
    },
    {
        name: 'exports need no right',
        file: 'server/api/routes.c',
        from: '.may = SCOPE_VIEW | SCOPE_EXPORT,',
        to: '.may = SCOPE_VIEW,',
        tests: ['api/roles.test'],
    },
    {
        name: 'hidden fields are shown',
        file: 'server/record/scope.c',
        from:
            'return (struct sight){scope->actor_kind == ACTOR_CONTACT, ' + 'scope->groups_seen};',
        to: 'return (struct sight){scope->actor_kind == ACTOR_CONTACT, FIELD_GROUPS_ALL};',
        tests: ['api/field_scope'],
    },
    {
        name: 'the portal shows every field',
        file: 'server/record/scope.c',
        from: 'return (struct sight){scope->actor_kind == ACTOR_CONTACT, scope->groups_seen};',
        to: 'return (struct sight){scope == nullptr, FIELD_GROUPS_ALL};',
        tests: ['api/portal_isolation'],
    },
    {
        name: 'what is seen may be changed',
        file: 'server/record/scope.c',
        from: 'return field->group == 0 || (scope->groups_edited >> (field->group - 1) & 1) != 0;',
        to: 'return field->group == 0 || (scope->groups_seen >> (field->group - 1) & 1) != 0;',
        tests: ['api/field_scope'],
    },
    {
        name: "a token's role is not asked",
        file: 'server/record/scope.c',
        from: 'scope.actions[at] &= other->actions[at];',
        to: '(void)other;',
        tests: ['api/roles_tokens'],
    },
    {
        name: 'every right is there',
        file: 'server/record/scope.c',
        from: 'if (scope_may(scope, entity->number, action)) return ERR_NONE;',
        to: 'if (entity != nullptr) return ERR_NONE;',
        tests: ['api/roles.test'],
    },
    {
        name: 'a contact at the portal sees the contacts of any client',
        file: 'server/record/rows.c',
        from:
            'is_being_built(view, entity) ||\n' +
            '        !lies_under(view, value, &scope->client, NOW))',
        to: 'is_being_built(view, entity))',
        tests: ['api/portal_isolation'],
    },
    {
        name: 'an export has hidden columns',
        file: 'server/work/export.c',
        from: 'if (!scope_sees_field(scope, field) || field->kind == FIELD_SECRET) return false;',
        to: 'if (scope == nullptr || field->kind == FIELD_SECRET) return false;',
        tests: ['api/field_scope'],
    },
    {
        name: 'search finds words in hidden fields',
        file: 'server/record/search.c',
        from: '!scope_sees_field(searching->view->scope, field))',
        to: 'field == nullptr)',
        tests: ['api/field_scope'],
    },
    {
        name: 'an undo brings back what its maker does not see',
        file: 'server/record/undo_plan.c',
        from:
            'if (!scope_sees_field(view.scope, field)) continue;\n' +
            '        if (!scope_edits_field(view.scope, field))',
        to: 'if (view.scope == nullptr)',
        tests: ['api/field_scope'],
    },
    {
        name: 'the last owner may go',
        file: 'server/access/user.c',
        from: 'if (has_owner) return ERR_NONE;',
        to: 'if (users_max > 0) return ERR_NONE;',
        tests: ['api/roles_giving'],
    },
    {
        name: 'anybody who changes users makes owners',
        file: 'server/access/rights.c',
        from: 'return scope_covers(change->scope, &scope);',
        to: 'return scope_covers(&scope, &scope);',
        tests: ['api/roles_giving'],
    },
    {
        name: 'dangerous acts need no fresh proof',
        file: 'server/api/api.c',
        from: 'if (match.route->needs_proof) TRY(step_up_need(call));',
        to: '',
        tests: ['api/passwords'],
    },
    {
        name: 'a record outside the rows is given by its id',
        file: 'server/record/record.c',
        from:
            'return rows_see(view, entity, id, record_out->value) ? ERR_NONE : ' +
            'missing(view->task, entity);',
        to: 'return ERR_NONE;',
        tests: ['unit/record/rows', 'isolation/matrix'],
    },
    {
        name: 'the feed tells what lies outside the rows',
        file: 'server/record/show.c',
        from: 'is_seen && !log_is_untold(&entry) && rows_see_entry(view, entity, &entry))',
        to: 'is_seen && !log_is_untold(&entry))',
        tests: ['unit/record/rows'],
    },
    {
        name: "any client is the contact's at the portal",
        file: 'server/record/rows.c',
        from: 'wanted != nullptr ? id_eq(id, *wanted)',
        to: 'wanted != nullptr ? true',
        tests: ['unit/record/rows', 'isolation/matrix'],
    },
    {
        name: 'rows are seen while they are still being built',
        file: 'server/record/rows.c',
        from:
            'if (is_being_built(view, entity) || !sees_second(view, entity, value, place)) ' +
            'return false;',
        to: 'if (!sees_second(view, entity, value, place)) return false;',
        tests: ['unit/record/rows'],
    },
    {
        name: 'the history of a record outside the rows is told',
        file: 'server/record/show.c',
        from: '!rows_see_id(view, entity, id))\n        return fail(',
        to: 'entity == nullptr)\n        return fail(',
        tests: ['unit/record/rows', 'isolation/matrix'],
    },
    {
        name: 'what is made outside the rows stays',
        file: 'server/record/rows.c',
        from: 'return refuse_made(change, touched->entity);',
        to: '(void)refuse_made;',
        tests: ['unit/record/rows'],
    },
    {
        name: 'what a record was at a time is told to whoever asks',
        file: 'server/record/past.c',
        from: '!rows_see_id(view, entity, id))\n        return fail(',
        to: 'entity == nullptr)\n        return fail(',
        tests: ['unit/record/rows'],
    },
    {
        name: 'a filter looks through a reference at what lies outside the rows',
        file: 'server/record/condition.c',
        from: 'if (is_asked && !rows_see(view, to, id, value)) return (str){};',
        to: '(void)is_asked;',
        tests: ['unit/record/rows'],
    },
    {
        name: 'ids that are asked for are given whatever the rows',
        file: 'server/record/query_find.c',
        from: '(!asks_rows || rows_see(view, entity, id, value))',
        to: '(!asks_rows || value.len > 0)',
        tests: ['api/import_scope'],
    },
    {
        name: 'the trash shows what lay outside the rows',
        file: 'server/record/gone.c',
        from: 'bool is_seen = rows_see_entry(view, entity, &entry);',
        to: 'bool is_seen = entity != nullptr;',
        tests: ['unit/record/rows'],
    },
    {
        name: 'suggestions come from what lies outside the rows',
        file: 'server/record/words.c',
        from: 'if (!rows_see(listing->view, under, entry.id, value)) continue;',
        to: '',
        tests: ['unit/record/rows'],
    },
    {
        name: 'tries are never too many',
        file: 'server/access/throttle.c',
        from: 'if (longest_ms > 0) return false;',
        to: '',
        tests: ['unit/access/throttle'],
    },
    {
        name: 'the end of a range is off by one',
        file: 'server/store/key.c',
        from: 'if (!is_open && !step_behind(&to)) return;',
        to: '(void)is_open;',
        tests: ['unit/store/txn'],
    },
    {
        name: 'lists forget the rows',
        file: 'server/record/query.c',
        from: 'items[count++] = rows_condition(view, query->entity, &is_exact);',
        to: '(void)rows_condition(view, query->entity, &is_exact);',
        tests: ['unit/record/rows', 'reference/access'],
    },
    {
        name: 'search finds what lies outside the rows',
        file: 'server/record/search.c',
        from: 'if (!rows_see(view, entity, id, value)) return ERR_NONE;',
        to: '',
        also: [
            {
                file: 'server/record/search.c',
                from: 'if (!is_seen(view, entity, entry.id)) continue;',
                to: '',
            },
        ],
        tests: ['unit/record/rows'],
    },
];
