// Trials: what a rule would do with a record, saved or not; and that nothing of it stays.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { expectProblem, expectStatus } from '../door/expect.mjs';
import { openServer } from '../door/server.mjs';

let server;
let firm;
let other;
before(async () => {
    server = await openServer(['acme', 'borg']);
    firm = server.firms.acme;
    other = server.firms.borg;
});
after(() => server.close());

const missing = '01890000-0000-7000-8000-000000000000';
const ask = (body, of = firm) => of.call('POST', 'rules/test', body);
const tried = async (body) => {
    const answer = await ask(body);
    expectStatus(answer, 200);
    return answer.body;
};
const rule = (source, more = {}) => ({ entity: 'contact', point: 'before', source, ...more });
const person = (name, more = {}) => firm.create('contacts', { name, ...more });

test('a rule that nobody saved, on a record that is made up', async () => {
    const done = await tried({
        rule: rule('log("hello", record.name) record.title = record.name:upper()'),
        record: { name: 'Ann' },
    });
    assert.equal(done.fired, true);
    assert.equal(done.outcome, 'done');
    assert.equal(done.why, null);
    assert.equal(done.problem, null);
    assert.equal(done.log.length, 1);
    assert.equal(done.changes.length, 1);
    const [change] = done.changes;
    assert.equal(change.entity, 'contact');
    assert.equal(change.operation, 'update');
    assert.deepEqual(change.fields, { title: { from: null, to: 'ANN' } });
    assert.ok(done.cost.fuel > 0 && done.cost.wall_us > 0);
    assert.match(done.run, /^[0-9a-f-]{36}$/);
    assert.equal((await firm.all('contacts')).length, 0);
});

test('what it lacks is not asked for, but what is given is judged', async () => {
    const bare = await tried({ rule: rule('record.title = "x"'), record: {} });
    assert.deepEqual(bare.changes[0].fields.title, { from: null, to: 'x' });
    const wrong = await ask({ rule: rule('return'), record: { nmae: 'Ann', emails: 7 } });
    expectProblem(wrong, 422);
    assert.deepEqual(wrong.body.errors.map((error) => error.field).toSorted(), [
        'record.emails',
        'record.nmae',
    ]);
});

test('a stored record, as it is and as it is about to be', async () => {
    const ann = await person('Ann', { title: 'Dr' });
    const source =
        'if changed "title" then log("was", old.title) end record.name = record.name .. "!"';
    const plain = await tried({ rule: rule(source), id: ann.id });
    assert.deepEqual(plain.changes, [
        {
            entity: 'contact',
            id: ann.id,
            operation: 'update',
            fields: { name: { from: 'Ann', to: 'Ann!' } },
        },
    ]);
    assert.equal(plain.log.length, 0);
    const about = await tried({ rule: rule(source), id: ann.id, record: { title: 'Prof' } });
    assert.match(about.log[0], /was.*Dr/);
    assert.deepEqual(Object.keys(about.changes[0].fields), ['name']);
    const past = await tried({ rule: rule(source), id: ann.id, old: { title: 'Ms' } });
    assert.match(past.log[0], /was.*Ms/);
    assert.equal((await firm.get('contacts', ann.id)).title, 'Dr');
    assert.equal((await firm.get('contacts', ann.id)).name, 'Ann');
    expectProblem(await ask({ rule: rule(source), id: missing }), 404);
});

test('rules behind the write see what was written, and what they write is told', async () => {
    const ann = await person('Ann');
    for (const more of [{}, { record: { title: 'new' } }]) {
        const done = await tried({
            rule: rule(
                `local made = db.create("contact", {name = "of " .. record.name})
                 db.update("contact", record.id, {title = "seen"})
                 queue.notify{to = "owner", text = "look"}`,
                { point: 'after' },
            ),
            id: ann.id,
            ...more,
        });
        assert.equal(done.outcome, 'done', JSON.stringify(done));
        assert.equal(done.effects.length, 1);
        assert.equal(done.effects[0].kind, 'notify');
        const made = done.changes.find((change) => change.operation === 'create');
        assert.deepEqual(made.fields.name, { from: null, to: 'of Ann' });
        const own = done.changes.find((change) => change.id === ann.id);
        assert.equal(own.fields.title.to, 'seen');
    }
    assert.equal((await firm.all('contacts', 'name[prefix]=of')).length, 0);
    assert.deepEqual((await firm.call('GET', 'outbox')).body.data, []);
});

test('a rejection, a failure and an overrun are told as they would be', async () => {
    const rejected = await tried({
        rule: rule('reject("not this one", "name")', { point: 'check' }),
        record: { name: 'Ann' },
    });
    assert.equal(rejected.outcome, 'rejected');
    assert.equal(rejected.message, 'not this one');
    assert.equal(rejected.field, 'name');
    assert.deepEqual(rejected.changes, []);
    const failed = await tried({ rule: rule('local x\n\nreturn x.y'), record: { name: 'Ann' } });
    assert.equal(failed.outcome, 'failed');
    assert.equal(failed.line, 3);
    const syntax = await tried({ rule: rule('if if'), record: { name: 'Ann' } });
    assert.equal(syntax.outcome, 'failed');
    assert.equal(syntax.line, 1);
    const overran = await tried({ rule: rule('while true do end'), record: { name: 'Ann' } });
    assert.equal(overran.outcome, 'overran');
    const impossible = await tried({ rule: rule('record.emails = "?"'), record: { name: 'Ann' } });
    assert.equal(impossible.outcome, 'failed');
    assert.match(impossible.message, /emails/);
});

test('why it did not fire', async () => {
    const ann = await person('Ann', { title: 'Dr' });
    const when = await tried({
        rule: rule('log("fired")', {
            when: { or: [{ title: 'Prof' }, { name: { prefix: 'b' } }] },
        }),
        id: ann.id,
    });
    assert.equal(when.fired, false);
    assert.equal(when.outcome, null);
    assert.equal(when.run, null);
    assert.equal(when.why.reason, 'when');
    assert.deepEqual(
        when.why.tests.map(({ field, op, seen }) => [field, op, seen]),
        [
            ['title', 'eq', 'Dr'],
            ['name', 'prefix', 'Ann'],
        ],
    );
    assert.match(when.why.tests[1].path, /when\.or\[1\]/);
    const changed = await tried({
        rule: rule('log("fired")', { changed: ['title'] }),
        id: ann.id,
        record: { name: 'Anna' },
    });
    assert.equal(changed.why.reason, 'changed');
    const operation = await tried({
        rule: rule('log("fired")', { on: ['create'] }),
        id: ann.id,
    });
    assert.equal(operation.why.reason, 'operation');
    const deleted = await tried({
        rule: rule('log("gone", record.name)', { on: ['delete'] }),
        id: ann.id,
        operation: 'delete',
    });
    assert.equal(deleted.fired, true);
    assert.equal((await firm.get('contacts', ann.id)).name, 'Ann');
});

test('rules without a script', async () => {
    const done = await tried({
        rule: { entity: 'contact', point: 'before', set: { title: 'set' } },
        record: { name: 'Ann' },
    });
    assert.deepEqual(done.changes[0].fields, { title: { from: null, to: 'set' } });
    const refused = await tried({
        rule: {
            entity: 'contact',
            point: 'check',
            when: { title: { empty: true } },
            reject: 'a title is needed',
            reject_field: 'title',
        },
        record: { name: 'Ann' },
    });
    assert.equal(refused.outcome, 'rejected');
    assert.equal(refused.field, 'title');
});

test('settled rules, rules by a button and by the clock', async () => {
    const ann = await person('Ann');
    const settled = await tried({
        rule: rule(
            `queue.mail{to = "a@b.example", subject = "told", text = record.name}
             db.update("contact", record.id, {title = "told"})`,
            { point: 'settled' },
        ),
        id: ann.id,
        record: { name: 'Anna' },
    });
    assert.equal(settled.outcome, 'done', JSON.stringify(settled));
    assert.equal(settled.effects[0].kind, 'mail');
    assert.deepEqual(settled.changes[0].fields, { title: { from: null, to: 'told' } });
    const unchanged = await tried({
        rule: rule('log(record.name)', { point: 'settled' }),
        id: ann.id,
    });
    assert.equal(unchanged.fired, true);
    const button = await tried({
        rule: rule('record.title = input.title', { point: 'action' }),
        id: ann.id,
        input: { title: 'pressed' },
    });
    assert.deepEqual(button.changes[0].fields, { title: { from: null, to: 'pressed' } });
    const clock = await tried({
        rule: rule('db.update("contact", record.id, {title = "ticked"})', {
            point: 'schedule',
            every: 'day',
            when: { name: 'Ann' },
        }),
        id: ann.id,
    });
    assert.deepEqual(clock.changes[0].fields, { title: { from: null, to: 'ticked' } });
    assert.deepEqual((await firm.call('GET', 'outbox')).body.data, []);
    assert.equal((await firm.get('contacts', ann.id)).title, null);
});

test('time, chance and who acts can be said, and then it is the same each time', async () => {
    const me = await firm.call('GET', 'me');
    const body = {
        rule: rule('log(today, random(1000000), actor.name)'),
        record: { name: 'Ann' },
        now: '2031-02-03T04:05:06Z',
        seed: '00112233445566778899aabbccddeeff',
        actor: me.body.user.id,
    };
    const first = await tried(body);
    const second = await tried(body);
    assert.deepEqual(first.log, second.log);
    assert.match(first.log[0], /2031-02-03/);
    const otherwise = await tried({ ...body, seed: 'f'.repeat(32) });
    assert.notDeepEqual(otherwise.log, first.log);
});

test('a trial has a run, which is a trial, can be replayed, and counts for nothing', async () => {
    const done = await tried({ rule: rule('log(db.count("contact"))'), record: { name: 'Ann' } });
    const run = await firm.call('GET', `runs/${done.run}`);
    expectStatus(run, 200);
    assert.equal(run.body.trial, true);
    await person('One more');
    const again = await firm.call('POST', `runs/${done.run}/replay`);
    expectStatus(again, 200);
    assert.deepEqual(again.body, { same: true, difference: null });
});

test('a saved rule as it stands, as one of its versions, and with what it is to say', async () => {
    const saved = await firm.create('rules', {
        name: 'saved',
        entity: 'contact',
        point: 'before',
        when: { title: { empty: true } },
        source: 'record.title = "one"',
    });
    await firm.call('PATCH', `rules/${saved.id}`, { source: 'record.title = "two"', when: null });
    const title = async (body) => {
        const answer = await firm.call('POST', `rules/${saved.id}/test`, body);
        expectStatus(answer, 200);
        return answer.body.changes[0]?.fields.title.to ?? answer.body.why?.reason;
    };
    const record = { name: 'Ann' };
    assert.equal(await title({ record }), 'two');
    assert.equal(await title({ record, version: 1 }), 'one');
    assert.equal(await title({ record: { name: 'Ann', title: 'Dr' }, version: 1 }), 'when');
    assert.equal(await title({ record, rule: { source: 'record.title = "three"' } }), 'three');
    assert.equal(await title({ record, rule: { when: { name: 'Bob' } } }), 'when');
    assert.equal((await firm.get('rules', saved.id)).state, 'draft');
    const both = { record, version: 1, rule: { source: 'x()' } };
    expectProblem(await firm.call('POST', `rules/${saved.id}/test`, both), 422);
    expectProblem(await firm.call('POST', `rules/${saved.id}/test`, { record, version: 9 }), 404);
});

test('what is asked wrongly is told by field', async () => {
    const faults = async (body, ...fields) => {
        const answer = await ask(body);
        expectProblem(answer, 422);
        assert.deepEqual(
            answer.body.errors.map((error) => error.field).toSorted(),
            fields.toSorted(),
        );
    };
    await faults({ record: {} }, 'rule');
    await faults({ rule: rule('return'), recrod: {} }, 'id', 'recrod');
    await faults({ rule: { point: 'before', source: 'x()' }, record: {} }, 'rule.entity');
    await faults({ rule: rule('return', { when: { nmae: 1 } }), record: {} }, 'rule.when.nmae');
    await faults(
        { rule: rule('return'), record: {}, seed: 'x', now: 'x', actor: 'x', operation: 'x' },
        'seed',
        'now',
        'actor',
        'operation',
    );
    await faults({ rule: rule('return'), record: {}, version: 2 }, 'version');
    expectProblem(await firm.call('POST', `rules/${missing}/test`, { record: {} }), 404);
    expectProblem(await ask({ rule: rule('return'), id: missing }), 404);
    const ann = await person('Ann');
    expectProblem(await ask({ rule: rule('return'), id: ann.id }, other), 404);
});
