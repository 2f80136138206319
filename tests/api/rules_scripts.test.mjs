// Scripts of rules on the road of a change: what they see and change, what they set off, what stops
// them.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { expectFault, expectProblem, expectStatus } from '../door/expect.mjs';
import { addField } from '../door/fields.mjs';
import { send } from '../door/http.mjs';
import { withRule as withRuleOf } from '../door/rules.mjs';
import { openServer } from '../door/server.mjs';
import { until } from '../door/wait.mjs';

let server;
let firm;
let other;

let number = 0;
const name = () => `Client ${++number}`;
const given = (more = {}) => ({ name: name(), kind: 'individual', ...more });
const client = (more = {}, of = firm) => of.create('clients', given(more));

const withRule = (rule, what) => withRuleOf(firm, rule, what);

async function withRules(rules, what, made = []) {
    if (rules.length === made.length) return what(made);
    return withRule(rules[made.length], (one) => withRules(rules, what, [...made, one]));
}

/** A number of the operator's figures. */
async function figure(word) {
    const answer = await send({ port: server.adminPort, method: 'GET', path: '/metrics' });
    const line = answer.text.split('\n').find((text) => text.startsWith(`${word} `));
    assert.ok(line, `no ${word} in ${answer.text}`);
    return Number(line.split(' ')[1]);
}

before(async () => {
    const words = ['--admin', '127.0.0.1:0', '--mail', 'held'];
    server = await openServer(['acme', 'other'], { words });
    firm = server.firms.acme;
    other = server.firms.other;
    await addField(firm, { entity: 'client', name: 'x_note', kind: 'text' });
    await addField(firm, { entity: 'client', name: 'x_count', kind: 'number' });
});
after(() => server.close());

describe('a script before a record is saved', () => {
    test('rejects', async () => {
        const rule = {
            name: 'no small ones',
            point: 'before',
            source: "if record.x_count == 1 then reject('too small', 'x_count') end",
        };
        await withRule(rule, async (made) => {
            const answer = await firm.call('POST', 'clients', given({ x_count: 1 }));
            const problem = expectProblem(answer, 422, 'no small ones');
            assert.deepEqual(problem.errors, [
                { field: 'x_count', code: 'rejected', message: 'too small' },
            ]);
            assert.equal(problem.type, 'rejected');
            assert.equal(problem.rule.id, made.id);
            await client({ x_count: 2 });
        });
    });

    test('changes the record, and knows what it was', async () => {
        const rule = {
            name: 'notes changes',
            point: 'before',
            changed: ['x_count'],
            source:
                'if old then record.x_note = (old.x_count or 0) .. " to " .. record.x_count\n' +
                'else record.x_note = "new" end',
        };
        await withRule(rule, async () => {
            const one = await client({ x_count: 3 });
            assert.equal(one.x_note, 'new');
            const answer = await firm.call('PATCH', `clients/${one.id}`, { x_count: 4 });
            assert.equal(answer.body.x_note, '3 to 4');
            const same = await firm.call('PATCH', `clients/${one.id}`, { website: null });
            assert.equal(same.body.x_note, '3 to 4');
        });
    });

    test('may be as short as this', async () => {
        const rule = {
            name: 'no test clients',
            point: 'before',
            source: "if record.name:find('test') then reject('no test clients', 'name') end",
        };
        await withRule(rule, async () => {
            const answer = await firm.call('POST', 'clients', given({ name: 'a test' }));
            expectFault(answer, 'name', 'rejected');
            await client();
        });
    });

    test('may not give a field what it cannot be', async () => {
        const rule = { name: 'wrong kind', point: 'before', source: 'record.tags = 5' };
        await withRule(rule, async () => {
            const fault = expectFault(
                await firm.call('POST', 'clients', given()),
                'tags',
                'rule_failed',
            );
            assert.match(fault.message, /wrong kind.*should be a list/);
        });
    });

    test('may not write other records', async () => {
        const rule = {
            name: 'too early',
            point: 'before',
            source: "db.create('contact', {name = 'x'})",
        };
        await withRule(rule, async () => {
            const answer = await firm.call('POST', 'clients', given());
            const problem = expectProblem(answer, 422, 'too early', 'use after');
            assert.equal(problem.errors[0].code, 'rule_failed');
        });
    });

    test('that fails fails the change, and the answer says where', async () => {
        const rule = {
            name: 'broken',
            point: 'before',
            source: 'local x = 1\nlocal y = nil\nreturn x + y',
        };
        await withRule(rule, async () => {
            const answer = await firm.call('POST', 'clients', given());
            const problem = expectProblem(answer, 422, 'broken', 'line 3');
            assert.equal(problem.type, 'rejected');
            assert.equal(problem.errors[0].code, 'rule_failed');
        });
    });

    test('that does not end is ended', async () => {
        const rule = { name: 'endless', point: 'before', source: 'while true do end' };
        await withRule(rule, async () => {
            const answer = await firm.call('POST', 'clients', given());
            const problem = expectProblem(answer, 422, 'endless');
            assert.equal(problem.errors[0].code, 'rule_overran');
        });
        await client();
    });
});

describe('a script after a record is saved', () => {
    test('writes others in the same change, and the answer has what follows from it', async () => {
        const rule = {
            name: 'gives an address',
            point: 'after',
            on: ['create'],
            source:
                "local made = db.create('address', {client = record.id, kind = 'office', " +
                "line1 = 'Street 1'})\n" +
                "db.update('client', record.id, {x_note = made.line1})",
        };
        await withRule(rule, async (made) => {
            const one = await client();
            assert.equal(one.x_note, 'Street 1');
            assert.ok(one.default_address);
            const history = await firm.call('GET', `addresses/${one.default_address}/history`);
            assert.deepEqual(history.body.data[0].rules, [{ id: made.id, name: made.name }]);
            const own = await firm.call('GET', `clients/${one.id}/history`);
            assert.equal(own.body.data[0].group, history.body.data[0].group);
            assert.equal(history.body.data[0].actor, own.body.data[0].actor);
            const undo = await firm.call('POST', `groups/${own.body.data[0].group}/undo`);
            expectStatus(undo, 200);
            expectStatus(await firm.call('GET', `addresses/${one.default_address}`), 404);
        });
    });

    test('may catch what is refused, and nothing of that stays', async () => {
        const rule = {
            name: 'catches',
            point: 'after',
            on: ['create'],
            source:
                "local good = pcall(db.create, 'client', {name = 'Half', kind = 'nothing'})\n" +
                "db.update('client', record.id, {x_note = tostring(good)})",
        };
        await withRule(rule, async () => {
            const one = await client();
            assert.equal(one.x_note, 'false');
            assert.deepEqual(await firm.all('clients', 'name=Half'), []);
        });
    });

    test('takes all of it back when it fails', async () => {
        const rule = {
            name: 'half',
            point: 'after',
            on: ['create'],
            source: "db.create('contact', {name = 'Left over'})\nerror('enough')",
        };
        await withRule(rule, async () => {
            expectProblem(await firm.call('POST', 'clients', given()), 422, 'enough');
            assert.deepEqual(await firm.all('contacts', 'name=Left%20over'), []);
        });
    });

    test('may not write users or rules', async () => {
        for (const entity of ['user', 'rule', 'custom_field']) {
            const rule = {
                name: 'reaches up',
                point: 'after',
                on: ['create'],
                source: `db.create('${entity}', {name = 'x'})`,
            };
            await withRule(rule, async () => {
                const answer = await firm.call('POST', 'clients', given());
                expectProblem(answer, 422, `may not create a ${entity}`);
            });
        }
    });

    test('may not change the settings', async () => {
        const rule = {
            name: 'takes over',
            point: 'after',
            source: "db.update('settings', settings.id, {title = 'Mine'})",
        };
        await withRule(rule, async () => {
            const answer = await firm.call('POST', 'clients', given());
            expectProblem(answer, 422, 'may not edit a settings');
        });
        const [settings] = (await firm.call('GET', 'settings')).body.data;
        assert.equal(settings.title, 'ACME');
    });
});

describe('what is to follow a change', () => {
    const outbox = async (kind) =>
        (await firm.call('GET', 'outbox')).body.data.filter((entry) => entry.kind === kind);

    test('lies in the outbox when the change is made, and only then', async () => {
        const rule = {
            name: 'sends',
            point: 'after',
            on: ['create'],
            source:
                "queue.mail {to = 'a@b.example', subject = record.name, text = 'hello'}\n" +
                "if record.x_count == 13 then reject('unlucky') end",
        };
        await withRule(rule, async (made) => {
            const one = await client();
            const mails = await outbox('mail');
            assert.equal(mails.length, 1);
            assert.equal(mails[0].rule, made.id);
            assert.equal(mails[0].record, one.id);
            assert.equal(mails[0].given.subject, one.name);
            expectStatus(await firm.call('POST', 'clients', given({ x_count: 13 })), 422);
            assert.equal((await outbox('mail')).length, 1);
        });
    });

    test('has a bound for one change', async () => {
        const rule = {
            name: 'floods',
            point: 'after',
            on: ['create'],
            source:
                'for at = 1, 11 do\n' +
                "  pcall(queue.mail, {to = 'a@b.example', subject = 's', text = 't'})\n" +
                'end',
        };
        await withRule(rule, async () => {
            const before = (await outbox('mail')).length;
            expectProblem(await firm.call('POST', 'clients', given()), 422, 'at most 10 mails');
            assert.equal((await outbox('mail')).length, before);
        });
    });

    test('is a change of its own of a settled rule, which does not set itself off', async () => {
        const rule = {
            name: 'later',
            point: 'settled',
            on: ['update'],
            source:
                "db.update('client', record.id, {x_note = (record.x_note or '') .. '+'})\n" +
                "log(changed 'website', old.website, record.website)",
        };
        await withRule(rule, async (made) => {
            const one = await client();
            const answer = await firm.call('PATCH', `clients/${one.id}`, {
                website: 'https://later.example',
            });
            assert.equal(answer.body.x_note, null);
            const found = await until(async () => {
                const now = await firm.get('clients', one.id);
                return now.x_note !== null && now;
            });
            assert.equal(found.x_note, '+');
            const history = await firm.call('GET', `clients/${one.id}/history`);
            assert.deepEqual(history.body.data[0].rules, [{ id: made.id, name: 'later' }]);
            assert.notEqual(history.body.data[0].group, history.body.data[1].group);
            assert.equal((await outbox('settled')).length, 0);
        });
    });
});

describe('rules that set off rules', () => {
    test('run one in another, and each says what it wrote', async () => {
        const rules = [
            {
                name: 'gives an address',
                point: 'after',
                on: ['create'],
                source:
                    "db.create('address', {client = record.id, kind = 'office', line1 = 'One'})",
            },
            {
                name: 'counts addresses',
                entity: 'address',
                point: 'after',
                source:
                    "db.update('client', record.client, " +
                    "{x_count = db.count('address', {client = record.client})})",
            },
        ];
        await withRules(rules, async (made) => {
            const one = await client();
            assert.equal(one.x_count, 1);
            const history = await firm.call('GET', `clients/${one.id}/history`);
            assert.deepEqual(history.body.data[0].rules, [
                { id: made[1].id, name: 'counts addresses' },
            ]);
        });
    });

    test('end at a depth, and the answer shows the chain', async () => {
        const rules = [
            {
                name: 'ping',
                entity: 'contact',
                point: 'after',
                on: ['create'],
                source: "db.create('client', {name = 'Ping', kind = 'individual'})",
            },
            {
                name: 'pong',
                point: 'after',
                on: ['create'],
                source: "db.create('contact', {name = 'Pong'})",
            },
        ];
        await withRules(rules, async () => {
            const answer = await firm.call('POST', 'contacts', { name: 'First' });
            expectProblem(answer, 422, 'ping → pong → ping');
            assert.deepEqual(await firm.all('contacts', 'name=First'), []);
            assert.deepEqual(await firm.all('clients', 'name=Ping'), []);
        });
    });

    test('cannot go on past a limit by catching it', async () => {
        const rules = [
            {
                name: 'writes and writes',
                point: 'after',
                on: ['create'],
                source:
                    'for at = 1, 300 do\n' +
                    "  pcall(db.create, 'contact', {name = 'Flood'})\n" +
                    'end',
            },
        ];
        await withRules(rules, async () => {
            const answer = await firm.call('POST', 'clients', given());
            const { rule: told } = expectProblem(answer, 422, 'at most 200 records');
            expectStatus(await firm.call('GET', `runs/${told.run}`), 200);
            assert.deepEqual(await firm.all('contacts', 'name=Flood'), []);
        });
    });

    test('may do for each of many records of one change what they may for one', async () => {
        const rule = {
            name: 'one for each',
            entity: 'contact',
            point: 'after',
            on: ['create'],
            changed: ['title'],
            source: "db.create('contact', {name = 'Made for ' .. record.name})",
        };
        await withRule(rule, async () => {
            const bulk = await firm.call(
                'POST',
                'contacts/bulk',
                Array.from({ length: 250 }, (_, at) => ({
                    create: { name: `Many ${at}`, title: 'x' },
                })),
            );
            expectStatus(bulk, 200);
            const count = await firm.call(
                'GET',
                'contacts?limit=1&count=true&name[prefix]=Made%20for',
            );
            assert.equal(count.body.count.value, 250);
        });
    });

    test('hear of the rejection of another one, and may go on', async () => {
        const rules = [
            {
                name: 'tries',
                point: 'after',
                on: ['create'],
                source:
                    "local good = pcall(db.create, 'contact', {name = 'Nobody'})\n" +
                    "db.update('client', record.id, {x_note = good and 'made' or 'refused'})",
            },
            {
                name: 'no nobody',
                entity: 'contact',
                point: 'before',
                when: { name: 'Nobody' },
                source: "reject('not this one', 'name')",
            },
        ];
        await withRules(rules, async () => assert.equal((await client()).x_note, 'refused'));
    });
});

describe('what the change needs besides', () => {
    test('a count sees what others have written before it: three and no more', async () => {
        const rule = {
            name: 'at most three',
            point: 'before',
            on: ['create'],
            when: { tags: 'counted' },
            source:
                "if db.count('client', {tags = 'counted'}) >= 3 then " +
                "reject('there are three', 'tags') end",
        };
        await withRule(rule, async () => {
            const answers = await Promise.all(
                Array.from({ length: 64 }, () =>
                    firm.call('POST', 'clients', given({ tags: ['counted'] })),
                ),
            );
            const made = answers.filter((answer) => answer.status === 201);
            assert.equal(made.length, 3);
            for (const answer of answers)
                if (answer.status !== 201) expectProblem(answer, 422, 'there are three');
            assert.equal((await firm.all('clients', 'tags=counted')).length, 3);
        });
    });

    test('a rule that does not match costs no runner', async () => {
        const rules = Array.from({ length: 5 }, (_, at) => ({
            name: `never ${at}`,
            point: ['before', 'after', 'check'][at % 3],
            when: { x_count: 1000 + at },
            source: "reject('never')",
        }));
        await withRules(rules, async () => {
            const before = await figure('atrium_runners_talks_total');
            const one = await client();
            await firm.call('PATCH', `clients/${one.id}`, { x_note: 'more' });
            assert.equal(await figure('atrium_runners_talks_total'), before);
            expectProblem(await firm.call('POST', 'clients', given({ x_count: 1000 })), 422);
            assert.equal(await figure('atrium_runners_talks_total'), before + 1);
        });
    });

    test('the same request again gets the same answer, and no rule runs twice', async () => {
        const rule = {
            name: 'once',
            point: 'after',
            on: ['create'],
            source: "db.create('contact', {name = 'Once for ' .. record.name})",
        };
        await withRule(rule, async () => {
            const body = given();
            const headers = { 'idempotency-key': 'rules-once' };
            const first = await firm.call('POST', 'clients', body, headers);
            const second = await firm.call('POST', 'clients', body, headers);
            expectStatus(first, 201);
            assert.equal(second.text, first.text);
            const found = await firm.all(
                'contacts',
                `name=${encodeURIComponent(`Once for ${body.name}`)}`,
            );
            assert.equal(found.length, 1);
        });
    });

    test('what a rule writes counts for If-Match', async () => {
        const rule = {
            name: 'notes',
            point: 'after',
            changed: ['website'],
            source: "db.update('client', record.id, {x_note = record.website})",
        };
        await withRule(rule, async () => {
            const made = await firm.call('POST', 'clients', given());
            const where = `clients/${made.body.id}`;
            const first = await firm.call(
                'PATCH',
                where,
                { website: 'https://a.example' },
                { 'if-match': made.headers.etag },
            );
            expectStatus(first, 200);
            assert.equal(first.body.x_note, 'https://a.example');
            const present = await firm.call('GET', where);
            assert.equal(first.headers.etag, present.headers.etag);
            const late = await firm.call(
                'PATCH',
                where,
                { website: null },
                { 'if-match': made.headers.etag },
            );
            expectStatus(late, 412);
        });
    });

    test('a rule stands on entities and fields of the firm itself', async () => {
        const made = await firm.call('POST', 'custom_entities', {
            name: 'boat',
            plural: 'boats',
            label: 'Boat',
        });
        expectStatus(made, 201);
        await addField(firm, { entity: 'boat', name: 'x_length', kind: 'number' });
        const rule = {
            name: 'short boats',
            entity: 'boat',
            point: 'before',
            source: "if record.x_length > 100 then reject('too long', 'x_length') end",
        };
        await withRule(rule, async () => {
            const answer = await firm.call('POST', 'boats', { name: 'Titanic', x_length: 269 });
            expectFault(answer, 'x_length', 'rejected');
            await firm.create('boats', { name: 'Dinghy', x_length: 3 });
        });
    });

    test('of one firm does nothing in another, nor sees it', async () => {
        const theirs = await client({}, other);
        const rule = {
            name: 'looks around',
            point: 'after',
            on: ['create'],
            source:
                `local found = db.get('client', '${theirs.id}')\n` +
                "db.update('client', record.id, {x_note = found and found.name or 'nothing'})",
        };
        await withRule(rule, async () => {
            assert.equal((await client()).x_note, 'nothing');
            await client({}, other);
        });
    });
});
