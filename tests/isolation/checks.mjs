// The checks for a server that many firms share, one row each: what is demanded, and the tests that
// show it, as `file: the test's name`; `not` says why there is none yet, or, beside tests,
// what they leave out. That each named test is there is itself tested (checks.test.mjs).
//
// Source: OWASP ASVS 5.0, API Security Top 10 (2023), and the cheat sheets on tenants, passwords,
// uploads and forged requests.
export const checks = [
    {
        number: 1,
        check: 'passwords are hashed by Argon2id, 19 MiB and two passes or more',
        tests: [
            'unit/access/password.c: ' +
                'test_password__checking_against_nobody_is_as_dear_and_never_right',
            'unit/base/crypto.c: test_password__verifies_what_the_library_hashed_elsewhere',
        ],
    },
    {
        number: 2,
        check: 'a hash of older parameters is made anew at a sign-in',
        tests: [
            'unit/access/session.c: ' +
                'test_session__hash_of_older_parameters_is_made_anew_by_a_right_password',
        ],
    },
    {
        number: 3,
        check: 'passwords of 8 to 128 characters and more, none cut or trimmed',
        tests: [
            'api/passwords.test.mjs: counts whole: each letter, blanks at its ends, up to a ' +
                'thousand bytes',
            'unit/access/password.c: test_password__counts_characters_not_bytes',
            'unit/access/password.c: test_password__takes_what_nobody_guesses',
        ],
    },
    {
        number: 4,
        check: 'common passwords are refused',
        tests: [
            'api/passwords.test.mjs: that is short, long or guessed first is refused',
            'unit/access/password.c: ' +
                'test_password__refuses_common_words_with_digits_and_signs_around',
            'unit/access/password.c: ' +
                'test_password__refuses_the_three_thousand_that_most_people_use',
        ],
    },
    {
        number: 5,
        check: 'a password is bounded in bytes before it is hashed',
        tests: [
            'api/passwords.test.mjs: of megabytes is refused before it is looked at',
            'unit/base/crypto.c: test_password__bounds_the_length',
        ],
    },
    {
        number: 6,
        check: 'unknown, wrong and disabled get one answer in one time',
        tests: [
            'api/checks_accounts.test.mjs: a wrong password, an unknown address and a ' +
                'disabled account get one answer',
            'unit/access/password.c: ' +
                'test_password__checking_against_nobody_is_as_dear_and_never_right',
        ],
        not:
            'That a clock tells no difference is measured by bench/sign_ins.mjs, not asserted: ' +
            'tests assert no times.',
    },
    {
        number: 7,
        check: 'tries are throttled by account, address and firm; nobody is locked out',
        tests: [
            'unit/access/sign_in.c: ' +
                'test_sign_in__limits_guessing_at_one_address_and_lets_the_owner_in_elsewhere',
            'unit/access/sign_in.c: test_sign_in__limits_one_address_over_many_accounts',
            'unit/access/sign_in.c: ' +
                'test_sign_in__tries_of_others_keep_nobody_out_where_he_entered_before',
            'unit/access/sign_in.c: ' +
                'test_sign_in__a_crowd_at_one_firm_makes_room_for_another_and_is_served_by_turns',
            'api/doors.test.mjs: many wrong passwords are slowed down, for that account alone',
        ],
    },
    {
        number: 8,
        check: 'hashing is bounded; others do not feel two hundred sign-ins',
        tests: [
            'api/doors.test.mjs: many sign-ins at once are bounded, and reads go on',
            'unit/access/sign_in.c: ' +
                'test_sign_in__queue_is_bounded_and_what_waits_at_closing_is_answered',
        ],
        not:
            'What two hundred sign-ins cost a neighbour in time and memory is measured by ' +
            'bench/sign_ins.mjs.',
    },
    {
        number: 9,
        check: 'session tokens are 256 random bits, of which only a hash is stored',
        tests: [
            'api/checks_accounts.test.mjs: tokens of sessions are random, and neither the ' +
                'data nor the log holds any',
        ],
    },
    {
        number: 10,
        check: 'a new token at sign-in and at a change of rights; the old one is dead',
        tests: [
            'api/sessions_life.test.mjs: gives a new token, and the old one is dead',
            'unit/access/session.c: test_session__ends_when_its_user_has_another_role',
        ],
    },
    {
        number: 11,
        check: 'the cookie is __Host-, Secure, HttpOnly, SameSite, of one host',
        tests: [
            'api/sessions.test.mjs: gives a cookie that scripts of a page cannot read',
            'api/doors.test.mjs: the cookie is bound to this host and to TLS, and the ' +
                "origin is the proxy's",
            'unit/api/cookie.c: test_cookie__is_bound_to_host_and_secure_origin',
            "api/sessions.test.mjs: at the staff's door is no session at the portal's",
        ],
    },
    {
        number: 12,
        check: 'sessions end when idle, and at an age',
        tests: [
            'api/sessions_life.test.mjs: a limit of age ends a session that is in use',
            'api/sessions_life.test.mjs: a limit of idleness ends a session that nobody uses, ' +
                'and no other',
            'unit/access/session.c: test_session__ends_when_it_is_not_used',
            'unit/access/session.c: test_session__lives_on_while_used_but_not_for_ever',
        ],
    },
    {
        number: 13,
        check: 'signing out ends the session at the server',
        tests: [
            'api/sessions.test.mjs: ends with DELETE, for good',
            'isolation/matrix.test.mjs: a session that has ended',
        ],
    },
    {
        number: 14,
        check: 'disabling or deleting a user or a firm ends all sessions at once',
        tests: [
            'unit/access/session.c: test_session__disabled_user_is_out_at_once_by_every_road',
            'isolation/matrix.test.mjs: a user who was disabled',
            'isolation/matrix.test.mjs: everybody of a firm that is suspended',
            'api/roles_streams.test.mjs: ends when its user is disabled, or deleted',
            'isolation/deleted.test.mjs: it is nowhere once the firm is deleted and the ' +
                'data compacted',
            'api/sessions_life.test.mjs: a user who is deleted is out at once, by ' +
                'session and by token',
        ],
    },
    {
        number: 15,
        check: 'a new password ends the other sessions',
        tests: [
            'api/passwords.test.mjs: is changed by whoever knows it, and all other sessions end',
            'api/links.test.mjs: by a link from a mail ends all sessions and is good once',
        ],
        not:
            'Switching one-time codes on or off leaves other sessions as they are; they can be ' +
            'ended by one call.',
    },
    {
        number: 16,
        check: 'sessions are listed and revoked, by the user and the admin',
        tests: [
            'api/sessions_life.test.mjs: tells where each was begun, and which one asks',
            'api/sessions_life.test.mjs: one session leaves the others, and all others ' +
                'leave this one',
            "api/sessions_life.test.mjs: a user's sessions is for who may edit users, and " +
                'takes all of them',
        ],
    },
    {
        number: 17,
        check: 'dangerous acts need the password again',
        tests: [
            'api/ways_in.test.mjs: before an old session decides who enters or what he may',
            'api/passwords.test.mjs: is needed again once the last proof is old',
            'api/portal_view.test.mjs: it needs the right, a fresh password, and an account ' +
                'that enters',
            'isolation/erased.test.mjs: is erased only by who may everything, and has just ' +
                'proven who he is',
            'api/sealed.test.mjs: is not revealed to a token, nor by another name or place',
            'api/roles_tokens.test.mjs: cannot make another, and needs a fresh password to be made',
            'api/proof_page.test.mjs: a wrong password is told, and another refusal is not ' +
                'asked about again',
        ],
        not: 'A firm is deleted by the operator alone.',
    },
    {
        number: 18,
        check: 'no forged request changes anything',
        tests: [
            'api/origins.test.mjs: no call that changes anything takes a cookie from ' +
                'another origin',
            'api/origins.test.mjs: no form of a page is taken: not as text, not in parts, ' +
                'not encoded',
            'unit/api/cookie.c: test_cookie__other_origins_are_refused',
        ],
    },
    {
        number: 19,
        check: 'nobody is signed in by a forged request',
        tests: [
            'api/origins.test.mjs: nobody is signed in, or sets a password, from a page of ' +
                'somebody else',
            'api/sessions.test.mjs: by a form of another page is refused',
        ],
    },
    {
        number: 20,
        check: 'a reset link works once, for an hour, for its user and firm',
        tests: [
            'api/links.test.mjs: by a link from a mail ends all sessions and is good once',
            'api/links.test.mjs: is set by the newest link alone',
            'api/links.test.mjs: at another firm, by an invitation, or as a session is nothing',
            'api/links.test.mjs: kills links that were asked for before it',
            'api/links.test.mjs: by the same link thirty-two times at once is set once',
            'api/links.test.mjs: of a link is its hash: no token lies in the data, the ' +
                'outbox or the log',
        ],
    },
    {
        number: 21,
        check: 'links are built from the configured host',
        tests: [
            'api/links.test.mjs: has its link from the settings, whatever the request says ' +
                'of itself',
        ],
    },
    {
        number: 22,
        check: 'a reset does not pass over the second factor',
        tests: [
            'api/totp.test.mjs: stand between a mailed link and the password',
        ],
    },
    {
        number: 23,
        check: 'an invitation works once, for its person and role',
        tests: [
            'api/links.test.mjs: lets a user choose a password, once, without signing in',
            'api/links.test.mjs: is dead once it was taken back, or another was sent',
            'api/links.test.mjs: is for one address, and for one role',
            'api/links.test.mjs: is nothing to whoever is signed in as somebody else, or is ' +
                'disabled',
        ],
    },
    {
        number: 24,
        check: 'one e-mail in two firms is two accounts',
        tests: [
            'api/checks_accounts.test.mjs: one address at two firms is two accounts',
            'api/sessions.test.mjs: at another firm is not a session here',
        ],
    },
    {
        number: 25,
        check: 'one-time codes: one step either way, once, throttled, kept encrypted',
        tests: [
            'api/totp.test.mjs: are good once, and one step to either side',
            'api/totp.test.mjs: are no way to guess',
            'api/totp.test.mjs: are no way to guess, whatever is written around them',
            'api/totp.test.mjs: of recovery are ten, each good once, however they are typed',
            'api/totp.test.mjs: and its recovery codes lie nowhere in clear',
            'api/totp.test.mjs: thirty-two times at once let one in',
        ],
    },
    {
        number: 26,
        check: 'passkeys',
        not:
            'There are no passkeys yet: people sign in by password, mailed link and one-time ' +
            'codes.',
    },
    {
        number: 27,
        check: 'mailed links of the portal: one client, revocable, not used up by a GET',
        tests: [
            'api/portal_enabling.test.mjs: the mail brings a contact in, by a password of ' +
                'its own choice, once',
            'api/links.test.mjs: lets a user choose a password, once, without signing in',
            'api/portal_view.test.mjs: the address works once, at this door, until the next ' +
                'one is made',
        ],
        not:
            'A link brings in an account, whose rights name its clients; links to one object ' +
            'alone do not exist yet.',
    },
    {
        number: 28,
        check: 'API tokens: prefix, 256 bits, hashed, scoped, last use, overlap',
        tests: [
            'api/roles_tokens.test.mjs: is made by who is signed in, and its text is told once',
            'api/roles_tokens.test.mjs: is not told again to a request that names itself',
            'api/roles_tokens.test.mjs: leaves what both it and its user may',
            'api/roles_tokens.test.mjs: says when it was last used, and ends at its time',
            'api/roles_tokens.test.mjs: is ended by its user, while another goes on',
            'api/checks_accounts.test.mjs: tokens of sessions are random, and neither the ' +
                'data nor the log holds any',
        ],
    },
    {
        number: 29,
        check: 'sign-ins and failures stand in the audit log',
        tests: [
            'api/checks_accounts.test.mjs: signing in, failing to and signing out stand in ' +
                'the log, without any secret',
            'api/portal_view.test.mjs: tells of sign-ins, invitations and passwords, and ' +
                'holds no word of them',
        ],
    },
    {
        number: 30,
        check: 'every call × entity × actor has an expected outcome',
        tests: [
            'isolation/matrix.test.mjs: every call has a row, and every row a call',
            'isolation/matrix.test.mjs: a role without any right',
            'isolation/matrix.test.mjs: an employee whose rows it is not among',
            'isolation/matrix.test.mjs: a contact of another client, at the portal',
            "isolation/matrix.test.mjs: another firm's owner, at his own host",
            'unit/api/routes.c: test_routes__every_call_says_what_right_it_needs',
            'reference/access.test.mjs: everybody is told what the model says, and no more',
        ],
    },
    {
        number: 31,
        check: 'a foreign id is told as one that never was',
        tests: [
            'api/checks_answers.test.mjs: an id of another firm is told as one that never ' +
                'was, in every collection',
            'isolation/tenants.test.mjs: is told in the same words as one that never was',
            'api/portal_isolation.test.mjs: a record is as one that never was',
        ],
        not: 'That it also takes the same time is not measured.',
    },
    {
        number: 32,
        check: 'foreign ids anywhere in a request show nothing',
        tests: [
            "isolation/matrix.test.mjs: another firm's owner, at his own host",
            'isolation/tenants.test.mjs: things of the other firm are none to a request ' +
                'that names them',
            'isolation/tenants.test.mjs: is no such record, made or changed',
            'isolation/tenants.test.mjs: no filter reaches through a reference into the other firm',
            'isolation/tenants.test.mjs: a cursor of one firm opens nothing at the other',
            'api/rules_runner.test.mjs: reaches nothing of another tenant',
            'isolation/tenants.test.mjs: is told as one that never was, by every field ' +
                'that the schema has',
        ],
    },
    {
        number: 33,
        check: 'the firm is never taken from what a client says',
        tests: [
            'isolation/tenants.test.mjs: whatever a request says of its host, a token opens ' +
                'its own firm alone',
            "isolation/matrix.test.mjs: another firm's owner, at this firm's host",
        ],
    },
    {
        number: 34,
        check: 'a client at the portal sees no other, and no field of the staff',
        tests: [
            'api/portal_isolation.test.mjs: nothing is in any answer',
            'api/portal_isolation.test.mjs: only the declared fields are shown, and known',
            'isolation/matrix.test.mjs: a contact of another client, at the portal',
        ],
    },
    {
        number: 35,
        check: 'unknown and read-only fields are refused',
        tests: [
            'api/field_scope.test.mjs: writes none, by no road, and is told that there is none',
            'api/field_scope.test.mjs: what the server keeps is nobody to be given, not ' +
                'even to the owner',
            'api/records.test.mjs: may not be given what the server keeps',
            'api/portal_isolation.test.mjs: a hidden field is unknown in filters, sorts, ' +
                'fields, expand and writes',
        ],
    },
    {
        number: 36,
        check: 'search, count, sort, unique errors and exports leak no hidden field',
        tests: [
            'api/field_scope.test.mjs: cannot name one: each is as unknown as one that never was',
            'api/field_scope.test.mjs: finds nothing by their words',
            'api/field_scope.test.mjs: meets no field of it where records are shown',
            'api/field_scope.test.mjs: is told nothing by suggestions, and by no saved view ' +
                'of others',
            'api/narrow.test.mjs: and a group of hidden fields alone is not there',
            'api/openapi_readers.test.mjs: a contact may create or change what it says, and ' +
                'nothing else',
            'reference/access.test.mjs: everybody is told what the model says, and no more',
        ],
    },
    {
        number: 37,
        check: 'references to foreign records are refused',
        tests: [
            'isolation/tenants.test.mjs: is no such record, made or changed',
            'api/narrow.test.mjs: takes nothing in from outside, nor gives anything to it',
            'api/narrow.test.mjs: in one change name what is outside as what is not there',
            'api/narrow.test.mjs: counts and names only what is seen',
            'reference/access.test.mjs: everybody is told what the model says, and no more',
            'isolation/tenants.test.mjs: is told as one that never was, by every field ' +
                'that the schema has',
        ],
    },
    {
        number: 38,
        check: 'a right that is taken away is gone at the next request and in open streams',
        tests: [
            'api/roles.test.mjs: holds at the next request after it was changed',
            'api/roles_streams.test.mjs: has the rights of another role once its user has it',
            'api/roles_streams.test.mjs: hears no more of a client that is shared no ' +
                'longer, or with a team left',
            'api/roles_streams.test.mjs: ends with its token, and with its session',
            'api/portal_door.test.mjs: a right that is taken away shows nothing, and the ' +
                'account still has a name',
        ],
    },
    {
        number: 39,
        check: 'no answer is cached across firms or users',
        tests: [
            'api/checks_answers.test.mjs: two firms that take turns on one connection each ' +
                'get their own',
            'api/checks_answers.test.mjs: a tag of one firm spares no answer at another',
            'api/field_scope.test.mjs: a kept answer is not given again under other rights',
            'api/headers.test.mjs: every call of the document, with the right to it',
            'api/checks_answers.test.mjs: readers that take turns on one connection of ' +
                'HTTP/2 each get their own',
        ],
        not:
            'Three hundred requests by HTTP/2 are compared in each run; a hundred thousand ' +
            'only with ATRIUM_LONG=1.',
    },
    {
        number: 40,
        check: 'jobs, mails and rules run in the firm and with the rights of their owner',
        tests: [
            'api/roles_tokens.test.mjs: holds for the jobs that it starts, and they end with it',
            'unit/work/job.c: test_job__whose_actor_is_gone_or_may_no_longer_fails_with_that',
            'api/rules_scripts.test.mjs: of one firm does nothing in another, nor sees it',
        ],
    },
    {
        number: 41,
        check: "the operator's calls are on a listener of their own",
        tests: [
            'unit/http/answer.c: test_answer__has_a_listener_for_the_operator',
            'api/faults.test.mjs: ${path} is 404',
        ],
    },
    {
        number: 42,
        check: 'a deleted firm never comes back in another; ids are not used again',
        tests: [
            'isolation/deleted.test.mjs: a backup of then brings it back only elsewhere, ' +
                'with its key',
            'api/tenants.test.mjs: a tenant is in an instance once, and a name is given once',
            'api/tenants.test.mjs: takes the tenant and nothing else; its name is free again',
        ],
    },
    {
        number: 43,
        check: 'quotas for each firm',
        tests: [
            'api/quotas.test.mjs: are counted with each change, and refused beyond the bound',
            'api/quotas.test.mjs: have bytes, which are bounded too',
            'api/quotas.test.mjs: of rules are refused beyond the bound; a reset still comes',
            'api/quotas.test.mjs: are bounded by their number and their bytes, ' +
                'which deleting gives back',
            'api/quotas_pace.test.mjs: of a firm that floods are refused, and no other firm is',
            'api/quotas_pace.test.mjs: that is used up refuses changes with rules, ' +
                'until it has run off',
            'api/quotas_pace.test.mjs: are as many as the quota says, from the next one on',
            'api/stream.test.mjs: are bounded for a firm and for the server',
            'api/uploads.test.mjs: is one of few, for firms share a disk',
            'unit/work/job.c: test_job__a_tenant_may_have_so_many_waiting',
            'unit/store/outbox.c: test_outbox__of_each_kind_there_is_room_for_so_many',
            'unit/store/fault.c: test_fault__one_tenants_large_batch_does_not_cost_the_others',
        ],
    },
    {
        number: 44,
        check: 'no header evades a rate limit',
        tests: [
            'api/doors.test.mjs: without a proxy what a client says of itself is not believed',
            'unit/http/answer.c: test_answer__believes_a_header_of_a_proxy_only_from_the_proxy',
            'unit/http/guard.c: test_guard__counts_clients_behind_a_proxy_apart',
        ],
    },
    {
        number: 45,
        check: "a scan of one firm yields no other's key",
        tests: [
            'unit/store/space.c: test_space__walks_stay_within_their_tenant',
            'unit/store/txn.c: test_txn__agrees_with_a_simple_model',
        ],
    },
    {
        number: 46,
        check: "no log or error text of one firm holds another's words",
        tests: [
            "isolation/matrix.test.mjs: another firm's owner, at his own host",
            'isolation/deleted.test.mjs: it is nowhere once the firm is deleted and the ' +
                'data compacted',
            'api/sealed.test.mjs: of every secret field are nowhere but in what reveals them',
        ],
    },
    {
        number: 47,
        check: 'JSON: depth, size, doubled keys, numbers, encodings',
        tests: [
            'unit/value/json.c: test_json__refuses_a_key_twice',
            'unit/value/json.c: test_json__refuses_numbers_out_of_range',
            'unit/value/json.c: test_json__refuses_lone_surrogates',
            'unit/value/json.c: test_json__refuses_bytes_that_are_not_utf8',
            'unit/value/json.c: test_json__refuses_deep_nesting',
            'unit/value/json.c: test_json__refuses_what_stands_behind_the_value',
            'api/faults.test.mjs: a body just over 1 MiB is 413',
        ],
    },
    {
        number: 48,
        check: 'the content type is enforced',
        tests: [
            'api/faults.test.mjs: a body said to be of another type is 415',
            'api/msgpack.test.mjs: another type of body is 415, which names what is taken',
        ],
    },
    {
        number: 49,
        check: 'paths are decoded once, and lead nowhere outside',
        tests: [
            'unit/http/query.c: test_query__decodes_paths_once',
            'unit/http/query.c: test_query__refuses_paths_with_tricks',
            'api/faults.test.mjs: ${path} is 404',
        ],
    },
    {
        number: 50,
        check: 'no header of an answer can be injected',
        tests: [
            'unit/http/answer.c: test_answer__lets_no_value_become_a_header',
            'api/headers.test.mjs: requests that are wrong in every way, also those that no ' +
                'function sees',
        ],
    },
    {
        number: 51,
        check: 'no open redirect',
        tests: [
            'api/checks_answers.test.mjs: no path and no parameter sends a browser elsewhere',
        ],
    },
    {
        number: 52,
        check: 'no header of a mail can be injected',
        tests: [
            'unit/work/mail_letter.c: test_mail__nobody_adds_a_header_or_an_address',
            'unit/work/mail_letter.c: ' +
                'test_mail__a_name_is_quoted_and_letters_beyond_ascii_are_words',
        ],
    },
    {
        number: 53,
        check: 'mails escape what firms and clients wrote',
        tests: [
            'unit/work/mail_letter.c: test_mail__is_a_message_of_plain_lines',
        ],
        not:
            'Mails are plain text alone: there is no HTML in which anything would have to be ' +
            'escaped.',
    },
    {
        number: 54,
        check: 'mails are bounded',
        tests: [
            'unit/access/sign_in.c: test_sign_in__mails_that_are_asked_for_are_few',
            'api/links.test.mjs: asked for without end is bounded, alike for an address ' +
                'that nobody has',
            'unit/store/outbox.c: test_outbox__of_each_kind_there_is_room_for_so_many',
            'api/rules_scripts.test.mjs: has a bound for one change',
        ],
        not:
            'Bounces and unsubscribing wait for delivery by SMTP: mails are written as files so ' +
            'far.',
    },
    {
        number: 55,
        check: 'exported tables hold no formulas',
        tests: [
            'api/export.test.mjs: cannot be taken for formulas, and numbers stay numbers',
            'api/export.test.mjs: comes back as it was',
        ],
    },
    {
        number: 56,
        check: 'imported tables are bounded, their formulas stay text',
        tests: [
            'api/import.test.mjs: is refused as a whole ${name}',
            'api/xlsx.test.mjs: and unfolds without end is stopped',
            'api/xlsx.test.mjs: gives texts, numbers, days and what formulas gave',
        ],
    },
    {
        number: 57,
        check: 'uploads are bounded before they are read; names are generated',
        tests: [
            'api/uploads.test.mjs: is refused in words',
            'api/uploads.test.mjs: is one of few, for firms share a disk',
            'api/uploads.test.mjs: survives a kill, and what lies on the disk cannot be read',
            'api/uploads.test.mjs: has a name on the disk that nobody gave',
        ],
        not:
            'Uploads are tables to import, which nobody can fetch again; types of files are ' +
            'judged once records have files.',
    },
    {
        number: 58,
        check: 'downloads are attachments and are not sniffed',
        tests: [
            'api/export.test.mjs: cannot be taken for formulas, and numbers stay numbers',
            'api/headers.test.mjs: the portal, streams, exports, and the operator',
        ],
        not: 'Exports are all there is to download: records have no files yet.',
    },
    {
        number: 59,
        check: 'images',
        not: 'No image is taken, decoded or shown: records have no files yet.',
    },
    {
        number: 60,
        check: 'archives are bounded',
        tests: [
            'api/xlsx.test.mjs: and unfolds without end is stopped',
            'api/xlsx.test.mjs: is refused in words',
            'api/xlsx.test.mjs: or nests, or declares entities, is stopped',
        ],
    },
    {
        number: 61,
        check: 'a scanner for viruses may be hooked in',
        not:
            'Records have no files yet, and an uploaded table is only ever read as text: there ' +
            'is nothing to scan.',
    },
    {
        number: 62,
        check: 'names and logins are one Unicode form',
        tests: [
            'api/passwords.test.mjs: that differs by the form of its accents or by case is ' +
                'the same one',
            'api/passwords.test.mjs: is one however its accents are typed',
            'api/passwords.test.mjs: that hides a letter, or borrows one of another ' +
                'alphabet, is none',
            'unit/value/email.c: test_email__refuses_what_would_look_like_another_one',
        ],
        not:
            'Names of people and firms may hold letters that look alike: only addresses and ' +
            'host names are identifiers.',
    },
    {
        number: 63,
        check: 'filters are bounded',
        tests: [
            'api/lists.test.mjs: more filters than a query may hold',
            'api/views.test.mjs: that are wrong are told where: ${text}',
            'api/views.test.mjs: are bounded in depth, tests and values',
        ],
    },
    {
        number: 64,
        check: 'webhooks reach no private address',
        tests: [
            'isolation/checks.test.mjs: the server connects nowhere but to its own socket',
        ],
        not:
            'There are no webhooks yet: the server opens no connection to an address that a ' +
            'firm names.',
    },
    {
        number: 65,
        check: 'dates and times at their ends',
        tests: [
            'api/checks_answers.test.mjs: dates and times at their ends are kept as they ' +
                'are, or refused',
            'unit/value/codes.c: test_codes__knows_time_zones_and_their_links',
        ],
    },
    {
        number: 66,
        check: 'idempotency keys are of one firm, user, call and body',
        tests: [
            'api/idempotency.test.mjs: the key belongs to its firm, user and path',
            'api/idempotency.test.mjs: the same key with another body or query is told so',
            'api/idempotency.test.mjs: of 32 at once one record is made; each gets its ' +
                'answer or is told to wait',
            'unit/work/answers.c: test_answers__are_kept_for_a_day',
        ],
    },
    {
        number: 67,
        check: 'a lost update is told',
        tests: [
            'api/records.test.mjs: guards a patch and a deletion: 412 with the present record',
            'api/lanes.test.mjs: of 32 writers with the same If-Match one gets 200 and 31 get 412',
        ],
        not:
            'If-Match is taken and honoured, not required: a patch names fields, and fields of ' +
            'others stay.',
    },
    {
        number: 68,
        check: 'races for what is limited',
        tests: [
            'api/lanes.test.mjs: of 64 creates of one unique address at once exactly one is made',
            'api/links.test.mjs: by the same link thirty-two times at once is set once',
            'api/totp.test.mjs: thirty-two times at once let one in',
            'api/rules_lanes.test.mjs: at most 3 open ventures for a prospect, whoever ' +
                'creates them at once',
        ],
    },
    {
        number: 69,
        check: 'pages are bounded; a cursor is of one firm and list',
        tests: [
            'api/lists.test.mjs: are bounded: a page has what it says, and a cursor only ' +
                'when there is more',
            'api/lists.test.mjs: a cursor of another sort',
            'isolation/tenants.test.mjs: a cursor of one firm opens nothing at the other',
        ],
    },
    {
        number: 70,
        check: 'hostile scripts through saving and running',
        tests: [
            'api/rules_attacks.test.mjs: of ours ends alone, whatever it is aimed at',
            'api/rules_attacks.test.mjs: that others wrote down ends alone',
        ],
    },
    {
        number: 71,
        check: 'no stored script runs in a page',
        tests: [
            'api/browser.test.mjs: what is not ours is shown as text, in every list and on ' +
                'every page',
            'api/browser.test.mjs: the page complained of nothing',
            'api/portal_page.test.mjs: what is not ours is shown as text, in every list ' +
                'and on every page',
        ],
    },
    {
        number: 72,
        check: 'a content security policy on every answer',
        tests: [
            'api/headers.test.mjs: every call of the document, with the right to it',
            'api/headers.test.mjs: every call of the document, signed out and from a host ' +
                'that is none',
            'api/headers.test.mjs: requests that are wrong in every way, also those that no ' +
                'function sees',
        ],
    },
    {
        number: 73,
        check: 'HSTS, nosniff, referrer, opener, resource and permissions policies',
        tests: [
            'api/headers.test.mjs: over TLS each answer also asks browsers to stay with it',
            'api/headers.test.mjs: files of the page, an answer that says nothing new, a ' +
                'head alone',
        ],
    },
    {
        number: 74,
        check: 'no answer to other origins',
        tests: [
            'api/headers.test.mjs: a browser of another origin is allowed nothing',
        ],
    },
    {
        number: 75,
        check: 'links of users lead to http, https and mail alone',
        tests: [
            'unit/model/kind.c: test_kind__refuses_what_does_not_fit_and_says_what_would',
            'api/browser.test.mjs: what is not ours is shown as text, in every list and on ' +
                'every page',
        ],
    },
    {
        number: 76,
        check: 'errors are generic, and name no path, address or library',
        tests: [
            'api/checks_answers.test.mjs: no refusal names a path, an address or a library ' +
                'of the server',
        ],
    },
    {
        number: 77,
        check: 'the audit log is chained, and its head can be kept elsewhere',
        tests: [
            'api/audit_chain.test.mjs: names the place and the time of what was altered, ' +
                'deleted or moved',
            'api/audit_chain.test.mjs: shows a tail that was cut off, and another history, ' +
                'by an anchor',
            'api/audit_anchor.test.mjs: the head that is printed goes by mail, and proves ' +
                'the log that has grown since',
            'unit/store/prove.c: test_prove__every_flipped_bit_is_found_where_it_stands',
        ],
    },
    {
        number: 78,
        check: 'no secret, token or password in any log',
        tests: [
            'api/sealed.test.mjs: of every secret field are nowhere but in what reveals them',
            'api/links.test.mjs: of a link is its hash: no token lies in the data, the ' +
                'outbox or the log',
            'api/checks_accounts.test.mjs: signing in, failing to and signing out stand in ' +
                'the log, without any secret',
            'api/checks_answers.test.mjs: a name with line ends makes no line of the log',
            'unit/base/log.c: test_log__escapes_control_bytes',
        ],
    },
    {
        number: 79,
        check: 'backups are encrypted, restored in tests, by firm too',
        tests: [
            'api/commands.test.mjs: of a live server restores to the same records, which ' +
                'check holds',
            'api/commands.test.mjs: that was altered or cut is refused and leaves nothing',
            'api/tenants.test.mjs: brings the same records, log and passwords to another instance',
            'isolation/deleted.test.mjs: a backup of then brings it back only elsewhere, ' +
                'with its key',
        ],
    },
    {
        number: 80,
        check: 'keys are rotated while the server runs',
        tests: [
            'crash/keys.test.mjs: killed ${rounds} times while keys are replaced',
            'unit/store/rewrap.c: ' +
                'test_rewrap__another_key_opens_everything_and_the_old_one_nothing',
            'unit/store/prove.c: ' +
                'test_prove__by_an_older_key_nothing_is_altered_before_entries_of_a_newer_one',
            'api/outbox_sealed.test.mjs: another key seals them anew: the old one goes, and ' +
                'all of them still open',
            'unit/store/sealing.c: test_sealing__older_keys_open_until_they_are_dropped',
        ],
    },
    {
        number: 81,
        check: 'what was erased is nowhere',
        tests: [
            'isolation/erased.test.mjs: is nowhere to be seen once erased',
            'isolation/erased.test.mjs: leaves no byte once the data is compacted, and the ' +
                'log’s chain holds',
            'isolation/deleted.test.mjs: it is nowhere once the firm is deleted and the ' +
                'data compacted',
        ],
    },
    {
        number: 82,
        check: "a person's export is whole, and of that person alone",
        tests: [
            'isolation/person.test.mjs: is what was planted about it, no more and no less',
            'isolation/person.test.mjs: is what was planted about it, and nothing of its contacts',
            'isolation/person.test.mjs: has old and new values, those of merged ones too',
        ],
    },
    {
        number: 83,
        check: 'TLS 1.2 and 1.3, certificates changed without a restart',
        tests: [
            'api/attacks_http.test.mjs: speaks no version before 1.2, and only ciphers with ' +
                'forward secrecy',
            'api/protocols.test.mjs: takes a new certificate on SIGHUP, but none that does not fit',
            'unit/http/tls.c: test_tls__takes_a_new_certificate_and_keeps_the_old_when_it_is_bad',
        ],
    },
    {
        number: 84,
        check: 'the server does not start with unsafe settings',
        tests: [
            'api/commands.test.mjs: refuses plain HTTP on every address without a proxy',
            'unit/store/environment.c: test_environment__refuses_a_wrong_or_open_master_key',
            'unit/http/answer.c: test_answer__listens_only_where_it_may',
        ],
    },
    {
        number: 85,
        check: 'health and metrics tell nothing of a firm, and are not public',
        tests: [
            'api/faults.test.mjs: ${path} is 404',
            'api/sessions.test.mjs: of any name get ok from /healthz',
            'api/headers.test.mjs: the portal, streams, exports, and the operator',
        ],
    },
    {
        number: 86,
        check: 'clocks that jump, full disks, no descriptors',
        tests: [
            'unit/store/fault.c: test_fault__full_disk_refuses_and_comes_back',
            'unit/access/throttle.c: test_throttle__clock_set_back_shuts_nobody_out',
            'unit/work/rule_clock.c: test_rule_clock__a_clock_that_went_back_makes_nothing_due',
            'api/attacks_http.test.mjs: silent connections are let go for others, when ' +
                'there are too many',
            'api/descriptors.test.mjs: without a descriptor left, who is in goes on, and ' +
                'all are served afterwards',
        ],
        not: 'Names are not resolved and no mail server is asked, so neither can be down.',
    },
    {
        number: 87,
        check: 'a list of libraries to be watched',
        tests: [
            'isolation/checks.test.mjs: what is linked is what is to be watched, each ' +
                'from a package of Debian',
        ],
        not:
            'That list is told with its versions; comparing it with lists of faults needs the ' +
            'network, which tests do not use.',
    },
    {
        number: 88,
        check: 'least privilege',
        tests: [
            'api/service.test.mjs: leaves open what the service needs',
            'api/service.test.mjs: says what the checks name',
            'api/formulas.test.mjs: holds one socket and nothing else, and does not outlive ' +
                'the server',
        ],
    },
];
