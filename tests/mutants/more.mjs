// More of them: secrets, quotas, what leads from one record to others, the log, and keys.
export const more = [
    {
        name: 'secrets are shown like any field, in their history too',
        file: 'server/model/kind_sealed.c',
        from: 'void write_secret(struct buf *json, const struct field *, const struct value *)\n{',
        to:
            'void write_secret(struct buf *json, const struct field *field, ' +
            'const struct value *stored)\n{\n' +
            '    if (stored->kind == VALUE_TEXT) {\n        write_plain(json, field, stored);\n' +
            '        return;\n    }',
        also: [
            {
                file: 'server/record/sealed.h',
                from: 'return field->kind == FIELD_SEALED ? sealed_plain(',
                to: 'return field->kind >= FIELD_SEALED ? sealed_plain(',
            },
        ],
        tests: ['api/sealed'],
    },
    {
        name: 'an export of lines tells that there is a secret',
        file: 'server/record/show.c',
        from: 'if (shape != nullptr && shape->is_export && field->kind == FIELD_SECRET) continue;',
        to: '',
        tests: ['api/sealed'],
    },
    {
        name: 'an export of rows has a column of secrets',
        file: 'server/work/export.c',
        from: '|| field->kind == FIELD_SECRET) return false;\n    if (!wanted->has_fields)',
        to: ') return false;\n    if (!wanted->has_fields)',
        tests: ['api/sealed'],
    },
    {
        name: 'secrets can be filtered by',
        file: 'server/model/condition.c',
        from: 'if (field->kind == FIELD_SECRET)\n        return spot_fault(',
        to: 'if (field == nullptr)\n        return spot_fault(',
        tests: ['api/sealed'],
    },
    {
        name: 'a secret is revealed without a fresh proof',
        file: 'server/api/routes.c',
        from: '.needs_proof = true, .body = "reveal"',
        to: '.body = "reveal"',
        tests: ['api/sealed'],
    },
    {
        name: 'a secret that was revealed is not logged',
        file: 'server/api/reveal.c',
        from: 'audit_put(call->txn, &event);',
        to: '(void)event;',
        tests: ['api/sealed'],
    },
    {
        name: 'an answer with a secret is kept for its idempotency key',
        file: 'server/api/once.c',
        from: 'if (call->route->repeat == REPEAT_ANEW) call->idempotency_key = (str){};',
        to: '',
        tests: ['api/sealed'],
    },
    {
        name: 'sealed values lie in the open',
        file: 'server/record/sealed.c',
        from: 'pack_bytes(&stored, sealed);',
        to: 'pack_text(&stored, text.text);',
        tests: ['api/sealed'],
    },
    {
        name: 'a sealed value opens in any record',
        file: 'server/record/sealed.c',
        from: 'memcpy(room + 2, id.bytes, sizeof id.bytes);',
        to: 'memset(room + 2, 0, sizeof id.bytes);',
        tests: ['unit/record/sealed'],
    },
    {
        name: 'rules are told secrets',
        file: 'server/record/telling.c',
        from: '&& !field->is_hidden && field->kind != FIELD_SECRET;',
        to: '&& !field->is_hidden;',
        also: [
            {
                file: 'server/model/kind_sealed.c',
                from:
                    'void give_secret(struct buf *given, const struct field *, ' +
                    'const struct value *)\n{\n    pack_bool(given, true);',
                to:
                    'void give_secret(struct buf *given, const struct field *field, ' +
                    'const struct value *stored)\n{\n    give_sealed(given, field, stored);',
            },
        ],
        tests: ['api/sealed'],
    },
    {
        name: 'mails are not counted',
        file: 'server/record/quota.c',
        from: 'counter.count++;\n    txn_counter_put(task, txn, mails_counter, &counter);',
        to: 'txn_counter_put(task, txn, mails_counter, &counter);',
        tests: ['api/quotas'],
    },
    {
        name: 'one record more than the quota',
        file: 'server/record/quota.c',
        from: 'delta->records > 0 && counter.count > records_max)',
        to: 'delta->records > 0 && counter.count > records_max + 1)',
        tests: ['api/quotas'],
    },
    {
        name: 'one session or token more than the quota',
        file: 'server/record/quota.c',
        from: 'if (rows < max) return ERR_NONE;',
        to: 'if (rows < max + 1) return ERR_NONE;',
        tests: ['api/quotas'],
    },
    {
        name: 'what is deleted stays counted',
        file: 'server/record/finish.c',
        from: 'delta.records += (after.len > 0) - (touched->before.len > 0);',
        to: 'delta.records += after.len > 0 && touched->before.len == 0;',
        tests: ['api/quotas'],
    },
    {
        name: 'a reference may lead outside the rows',
        file: 'server/record/verify.c',
        from: 'enum err err = record_get(&view, field->to, id, &record);',
        to:
            'enum err err = txn_record_get_view(view.txn, field->to->number, id, ' +
            '&record.value);',
        tests: ['unit/record/rows'],
    },
    {
        name: 'what stands behind a reference is shown whatever the rows',
        file: 'server/record/show.c',
        from: 'record_get(&quiet, to, id, &record) != ERR_NONE) {',
        to:
            '(record = (struct record){to, id, {}},\n' +
            '         txn_record_get_view(quiet.txn, to->number, id, &record.value)) !=\n' +
            '            ERR_NONE) {',
        tests: ['unit/record/rows'],
    },
    {
        name: 'a list by what stands behind a reference trusts the index',
        file: 'server/record/plan.c',
        from: 'return !test->is_cut && !(is_behind && !rows_see_all(view, test->of->to));',
        to: '(void)is_behind;\n    return !test->is_cut && view != nullptr;',
        tests: ['unit/record/rows'],
    },
    {
        name: 'a value that is taken is told with who has it',
        file: 'server/record/verify.c',
        from:
            '"is taken: another %.*s has it",\n' +
            '                   FMT(draft->entity->name));',
        to:
            '"is taken: the %.*s %.*s has it",\n' +
            '                   FMT(draft->entity->name), ' +
            'FMT(id_text(change->task->arena, ids[other])));',
        tests: ['unit/record/rows'],
    },
    {
        name: 'what would be left without a reference is named to whoever asks',
        file: 'server/record/derive.c',
        from: '|| !rows_see(&view, parent->entity, parent->id, value))',
        to: '|| (value.len == 0 && !rows_see(&view, parent->entity, parent->id, value)))',
        tests: ['api/ways_in'],
    },
    {
        name: 'a count forgets the rows that the filter cannot tell',
        file: 'server/record/listing.c',
        from: '(!query->tests_rows || rows_see(',
        to: '(!query->tests_rows || listing->is_count || rows_see(',
        tests: ['unit/record/rows'],
    },
    {
        name: 'groups have values of records outside the rows',
        file: 'server/record/groups.c',
        from: 'if (rows_see_all(view, grouping->query->entity)) return ERR_NONE;',
        to: 'if (view != nullptr) return ERR_NONE;',
        tests: ['unit/record/rows'],
    },
    {
        name: 'words under a record find it though what has them is out of sight',
        file: 'server/record/words.c',
        from: 'sees_words(sight, entity->under[of]) && rows_see_all(view, entity->under[of]);',
        to: 'sees_words(sight, entity->under[of]);',
        tests: ['unit/record/rows'],
    },
    {
        name: 'names of users are told to who may not see them',
        file: 'server/record/show.c',
        from: '!scope_sees_field(view->scope, entity->title) ||',
        to: 'entity->title == nullptr ||',
        also: [
            {
                file: 'server/record/show.c',
                from: 'if (record_get(view, entity, id, &record) != ERR_NONE ||',
                to:
                    'if (txn_record_get_view(view->txn, entity->number, id, &record.value) != ' +
                    'ERR_NONE ||',
            },
        ],
        tests: ['api/rows_roads'],
    },
    {
        name: 'who took a record out of the rows is told',
        file: 'server/record/show.c',
        from: 'if (is_lost) gone_write(json, entity, entry.record, &entry);',
        to: 'if (is_lost) (void)entry_write(json, view, &walk->actors, entity, &entry);',
        tests: ['unit/record/rows', 'reference/access', 'api/roles_streams'],
    },
    {
        name: 'what lay under a client that was taken away is not gone',
        file: 'server/record/show.c',
        from: 'if (left.is_lost) gone_write(json, left.entity, left.id, entry);',
        to:
            'if (left.is_lost && json == nullptr) ' +
            'gone_write(json, left.entity, left.id, entry);',
        tests: ['api/gone'],
    },
    {
        name: 'a group of changes tells of records outside the rows',
        file: 'server/record/group.c',
        from: 'if (entity == nullptr || !history_sees(view, entity, &entry)) return ERR_NONE;',
        to: 'if (entity == nullptr || view == nullptr) return ERR_NONE;',
        tests: ['api/rows_roads'],
    },
    {
        name: 'an undo reaches outside the rows',
        file: 'server/record/undo_plan.c',
        from: '*is_left_out = !history_sees(&view, entity, entry);',
        to: '*is_left_out = view.scope == nullptr;',
        tests: ['api/rows_roads'],
    },
    {
        name: 'what was deleted outside the rows is brought back by its id',
        file: 'server/record/undo.c',
        from: '|| !rows_see_id(view, entity, id))\n        return fail(task, ERR_MISSING,',
        to: '|| entity->number == 0)\n        return fail(task, ERR_MISSING,',
        tests: ['unit/record/rows'],
    },
    {
        name: 'the portal shows what a record was before it was shown there',
        file: 'server/record/past.c',
        from: 'if (is_contact && !rows_see(view, entity, id, record_out->value))',
        to: 'if (is_contact && record_out->value.len == 0)',
        tests: ['unit/record/rows'],
    },
    {
        name: 'what a patch leaves is not verified',
        file: 'server/record/record.c',
        from: 'TRY(draft_verify(change, draft));\n    str *was',
        to: 'if (draft->is_new) TRY(draft_verify(change, draft));\n    str *was',
        tests: ['unit/record/record'],
    },
    {
        name: 'what a rule sets is not verified',
        file: 'server/record/record.c',
        from: 'TRY(change_ask(change, HOOK_BEFORE, draft));\n    if (draft->entity->formula_count',
        to:
            'TRY(draft_verify(change, draft));\n' +
            '    TRY(change_ask(change, HOOK_BEFORE, draft));\n' +
            '    if (draft->entity->formula_count',
        also: [
            {
                file: 'server/record/record.c',
                from: '    TRY(draft_verify(change, draft));\n    str *was',
                to: '    str *was',
            },
        ],
        tests: ['unit/record/hooks', 'api/rules_core'],
    },
    {
        name: 'an event stream outlives its session',
        file: 'server/api/feed.c',
        from: 'TRY(identity_again(',
        to: 'if (ERR_NONE != identity_again(',
        also: [
            {
                file: 'server/api/feed.c',
                from: 'stream->credential, hash, &identity));',
                to: 'stream->credential, hash, &identity))\n        return ERR_NONE;',
            },
        ],
        tests: ['api/roles_streams'],
    },
    {
        name: 'an event stream keeps the rights it began with',
        file: 'server/api/feed.c',
        from: 'if (scope_sees_as(&identity.scope, &stream->channel->scope)) return ERR_NONE;',
        to: 'if (identity.scope.actor_kind == stream->channel->scope.actor_kind) return ERR_NONE;',
        tests: ['api/roles_streams'],
    },
    {
        name: 'an event stream of a suspended firm goes on',
        file: 'server/api/feed.c',
        from: 'if (serving->tenant.is_suspended) return ERR_FORBIDDEN;',
        to: '',
        tests: ['api/tenants', 'api/roles_streams', 'isolation/matrix'],
    },
    {
        name: 'the portal stays open for a client whose portal was closed',
        file: 'server/access/portal.c',
        from: '*has_out = err == ERR_NONE && right_out->is_open;',
        to: '*has_out = err == ERR_NONE;',
        tests: ['api/portal_door'],
    },
    {
        name: 'a contact chooses a client whose portal is closed',
        file: 'server/api/portal_door.c',
        from: 'if (err == ERR_MISSING || (err == ERR_NONE && !right.is_open)) {',
        to: 'if (err == ERR_MISSING) {',
        tests: ['api/portal_door', 'api/portal_isolation', 'api/portal_accounts'],
    },
    {
        name: 'an account is handed out by who sees one of its clients',
        file: 'server/access/portal.c',
        from: '*is_seen_out = rows_see_id(view, clients, right.client);',
        to: '*is_seen_out = clients != nullptr;',
        tests: ['api/ways_in'],
    },
    {
        name: 'an account that leads elsewhere, too, is deleted by who sees one of its clients',
        file: 'server/access/rights.c',
        from: 'if (sides->now.len == 0) return portal_end_verify(change, sides->touched->id);',
        to: 'if (sides->now.len == 0) return ERR_NONE;',
        tests: ['api/portal_accounts'],
    },
    {
        name: 'a contact whose account leads elsewhere, too, is archived',
        file: 'server/access/rights.c',
        from: 'id_is_nil(account) ? ERR_NONE : portal_reach_verify(&view, account);',
        to: 'view.task != nullptr ? ERR_NONE : ERR_MISSING;',
        tests: ['api/portal_accounts'],
    },
    {
        name: 'who views as a contact may change things',
        file: 'server/api/api.c',
        from: 'TRY(check_viewer(call));',
        to: '(void)check_viewer;',
        tests: ['api/portal_view'],
    },
    {
        name: 'a view as a contact goes on when its time is over',
        file: 'server/access/portal.c',
        from: 'if (txn_task(txn)->now_ms >= note->until_ms) return ERR_UNAUTHENTICATED;',
        to: '',
        tests: ['unit/access/portal'],
    },
    {
        name: "the log's chain is not compared",
        file: 'server/store/chain.c',
        from:
            'if (!log_row_is_chained(store, self->space->uuid, &self->chain, row, ' +
            '&self->key_at)) {',
        to: 'if (self == nullptr) {',
        tests: ['unit/store/prove', 'api/audit_chain'],
    },
    {
        name: 'an anchor of another history is taken',
        file: 'server/store/chain.c',
        from: 'if (memcmp(anchor->hash.bytes, self->chain.bytes, HASH_BYTES) != 0)',
        to: 'if (self->is_over)',
        tests: ['unit/store/prove', 'api/audit_chain'],
    },
    {
        name: 'a gap in the log is no gap',
        file: 'server/store/chain.c',
        from: 'if (sequence != self->sequence + 1) {',
        to: 'if (sequence <= self->sequence) {',
        tests: ['unit/store/prove', 'api/audit_chain'],
    },
    {
        name: "a deleted firm's key stays",
        file: 'server/store/moving.c',
        from: 'place.row == SYSTEM_GONE;',
        to: '(place.row == SYSTEM_GONE || place.row == SYSTEM_KEY);',
        also: [
            {
                file: 'server/store/moving.c',
                from: '        row_delete(txn, DATABASE_SYSTEM, &row_key);\n        if (erasing',
                to: '        if (erasing',
            },
        ],
        tests: ['unit/store/sealing'],
    },
    {
        name: "a deleted firm's key stays in memory",
        file: 'server/store/moving.c',
        from: 'keyring_forget(space->store->keyring, space->number);',
        to: '',
        tests: ['unit/store/sealing'],
    },
    {
        name: 'sessions travel with a firm',
        file: 'server/store/moving.c',
        from: '(place->row == SYSTEM_KEY || place->row == SYSTEM_SESSION ||',
        to: '(place->row == SYSTEM_KEY ||',
        tests: ['api/tenants'],
    },
    {
        name: 'a cursor is good for any list',
        file: 'server/record/query.c',
        from: 'is_right = hash == cursor_hash(',
        to: 'is_right = hash != 1 + cursor_hash(',
        tests: ['isolation/tenants', 'api/cursors', 'api/lists'],
    },
    {
        name: 'an idempotency key is of all users',
        file: 'server/api/once.c',
        from: 'id_bytes(&call->identity.user),',
        to: 'id_bytes(&call->tenant.space.uuid),',
        also: [
            {
                file: 'server/api/once.c',
                from: 'id_bytes(&call->identity.scope.actor),',
                to: 'id_bytes(&call->tenant.space.uuid),',
            },
        ],
        tests: ['api/idempotency'],
    },
    {
        name: 'a kept answer is given under other rights',
        file: 'server/api/once.c',
        from: '{(const char *)scope->actions, sizeof scope->actions},',
        to: '{(const char *)scope->actions, 0},',
        tests: ['api/idempotency'],
    },
    {
        name: 'the step behind a prefix of two full bytes is a wrong one',
        file: 'server/store/key.c',
        from: 'while (key->len > 0 && (uint8_t)key->bytes[key->len - 1] == 0xFF) key->len--;',
        to: 'if (key->len > 0 && (uint8_t)key->bytes[key->len - 1] == 0xFF) key->len--;',
        tests: ['unit/store/txn', 'unit/store/space', 'unit/value/key'],
    },
    {
        name: 'the text of a token is kept for its idempotency key',
        file: 'server/api/routes.c',
        from: '.repeat = REPEAT_REFUSED, .has_body = true, .body = "token_new"',
        to: '.has_body = true, .body = "token_new"',
        tests: ['api/roles_tokens'],
    },
    {
        name: 'codes behind a link are counted under the address beside it',
        file: 'server/api/session.c',
        from: 'else if (token.len > 0) TRY(call_read(call, false, link_tried));',
        to: 'else if (token.len > SIZE_MAX - 1) TRY(call_read(call, false, link_tried));',
        tests: ['api/totp'],
    },
    {
        name: 'blanks before an address push it out of what is counted',
        file: 'server/api/session.c',
        from: 'utf8_first(str_trim(*email), TRIED_BYTES_MAX)',
        to: 'utf8_first(*email, TRIED_BYTES_MAX)',
        tests: ['api/totp'],
    },
    {
        name: 'a narrow token takes the one-time codes from its user',
        file: 'server/api/passwords.c',
        from: 'TRY(rights_cover_own(call));\n    totp_end',
        to: 'totp_end',
        tests: ['api/ways_in'],
    },
    {
        name: 'roles that are alike make the clients of another theirs',
        file: 'server/access/scope.c',
        from: 'return has_clients && scope_covers(a, b);',
        to: '(void)has_clients;\n    return scope_covers(a, b);',
        tests: ['api/ways_in'],
    },
    {
        name: 'who does not see what the portal shows looks at it as a contact',
        file: 'server/access/portal.c',
        from: 'if (!portal_is_covered(view->scope, view->model, actions))',
        to: 'if (actions == 0 && !portal_is_covered(view->scope, view->model, actions))',
        tests: ['api/ways_in'],
    },
    {
        name: "a crowd of one firm's events keeps those of another out of its log",
        file: 'server/access/audit_submit.c',
        from: 'if (free == nullptr) free = slot_to_yield(',
        to: 'if (free == nullptr && now_ms == 0) free = slot_to_yield(',
        tests: ['unit/access/audit'],
    },
    {
        name: 'who comes back from the trash is let in by an old token',
        file: 'server/access/door.c',
        from: 'if (err == ERR_MISSING) TRY(tokens_forget(',
        to: 'if (door > 1 && err == ERR_MISSING) TRY(tokens_forget(',
        tests: ['api/sessions_life'],
    },
];
