// Runs of rules: each leaves a trace that is found, counted by day, and said again.
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
const active = (rule, of = firm) =>
    of.create('rules', { entity: 'contact', point: 'before', state: 'active', ...rule });
const runsOf = async (rule, query = '') => {
    const answer = await firm.call('GET', `rules/${rule.id}/runs${query}`);
    expectStatus(answer, 200);
    return answer.body.data;
};

test('a run tells why it was, what came of it and what it cost', async () => {
    const rule = await active({
        name: 'shouts',
        source: 'log("seen", record.name) record.title = record.name:upper()',
    });
    const made = await firm.call('POST', 'contacts', { name: 'Quiet' });
    expectStatus(made, 201);
    assert.equal(made.body.title, 'QUIET');
    const [run] = await runsOf(rule);
    assert.equal(run.rule.name, 'shouts');
    assert.equal(run.record, made.body.id);
    assert.equal(run.outcome, 'done');
    assert.equal(run.group, made.headers['atrium-group']);
    assert.equal(run.log, undefined);
    const whole = await firm.call('GET', `runs/${run.id}`);
    expectStatus(whole, 200);
    assert.equal(whole.body.through, 'api');
    assert.equal(whole.body.operation, 'create');
    assert.equal(whole.body.entity, 'contact');
    assert.equal(whole.body.point, 'before');
    assert.equal(whole.body.depth, 1);
    assert.equal(whole.body.caused_by, null);
    assert.equal(whole.body.cause, made.headers['x-request-id']);
    const me = await firm.call('GET', 'me');
    assert.equal(whole.body.actor, me.body.user.id);
    assert.deepEqual(whole.body.changes, { title: 'QUIET' });
    assert.equal(whole.body.log.length, 1);
    assert.match(whole.body.log[0], /seen.*Quiet/);
    assert.ok(whole.body.cost.fuel > 0 && whole.body.cost.bytes > 0);
    assert.equal(whole.body.trial, false);
    await firm.call('PATCH', `rules/${rule.id}`, { state: 'off' });
});

test('a rejected run is named by its problem, kept whole, and says the same again', async () => {
    const rule = await active({
        name: 'no tests',
        source: `local n = db.count("contact", {name = record.name})
            if record.name:find("test", 1, true) then reject("no test contacts", "name") end`,
    });
    const refused = await firm.call('POST', 'contacts', { name: 'a test' });
    expectProblem(refused, 422);
    assert.equal(refused.body.rule.id, rule.id);
    const run = await firm.call('GET', `runs/${refused.body.rule.run}`);
    expectStatus(run, 200);
    assert.equal(run.body.outcome, 'rejected');
    assert.equal(run.body.message, 'no test contacts');
    assert.equal(run.body.field, 'name');
    assert.equal(run.body.can_be_replayed, true);
    const again = await firm.call('POST', `runs/${run.body.id}/replay`);
    expectStatus(again, 200);
    assert.deepEqual(again.body, { same: true, difference: null });
    assert.equal((await runsOf(rule, '?outcome=rejected')).length, 1);
    assert.equal((await runsOf(rule, '?outcome=done')).length, 0);
    await firm.call('PATCH', `rules/${rule.id}`, { state: 'off' });
});

test('what went well is not kept whole, so it cannot be said again', async () => {
    const rule = await active({ name: 'plain', source: 'record.title = "x"' });
    await firm.create('contacts', { name: 'Well' });
    const [run] = await runsOf(rule);
    assert.equal(run.can_be_replayed, false);
    expectProblem(await firm.call('POST', `runs/${run.id}/replay`), 404);
    await firm.call('PATCH', `rules/${rule.id}`, { state: 'off' });
});

test('a failed run names its line', async () => {
    const rule = await active({ name: 'wrong', source: 'local a = nil\nreturn a.b' });
    const failed = await firm.call('POST', 'contacts', { name: 'Any' });
    expectProblem(failed, 422);
    const [run] = await runsOf(rule, '?outcome=failed');
    assert.equal(run.line, 2);
    assert.equal(run.id, failed.body.rule.run);
    await firm.call('PATCH', `rules/${rule.id}`, { state: 'off' });
});

test('a rule that another one caused says by whom', async () => {
    const first = await active({
        name: 'first',
        point: 'after',
        on: ['create'],
        source: 'if not record.title then db.create("contact", {name="made", title="made"}) end',
    });
    const second = await active({
        name: 'second',
        point: 'after',
        when: { title: 'made' },
        source: 'log("caused")',
    });
    await firm.create('contacts', { name: 'Cause' });
    const [run] = await runsOf(second);
    const [cause] = await runsOf(first);
    assert.equal(run.depth, 2);
    assert.equal(run.caused_by, cause.id);
    assert.equal(run.through, 'rule');
    assert.equal(run.group, cause.group);
    for (const rule of [first, second])
        await firm.call('PATCH', `rules/${rule.id}`, { state: 'off' });
});

test('runs are listed newest first, in pages, of all rules and of one', async () => {
    const rule = await active({ name: 'counts', source: 'log("x")' });
    for (let at = 0; at < 5; at++) await firm.create('contacts', { name: `N ${at}` });
    const found = [];
    let next = '';
    for (let pages = 0; pages < 9; pages++) {
        const page = await firm.call('GET', `runs?rule=${rule.id}&limit=2${next}`);
        expectStatus(page, 200);
        found.push(...page.body.data.map((run) => run.id));
        if (page.body.next === null) break;
        next = `&after=${page.body.next}`;
    }
    assert.equal(found.length, 5);
    assert.deepEqual(
        found,
        (await runsOf(rule)).map((run) => run.id),
    );
    assert.deepEqual(found, found.toSorted().reverse());
    const all = await firm.call('GET', 'runs?limit=200');
    assert.ok(all.body.data.length > 5);
    const days = await firm.call('GET', `rules/${rule.id}/days`);
    expectStatus(days, 200);
    assert.equal(
        days.body.data.reduce((sum, day) => sum + day.runs, 0),
        5,
    );
    await firm.call('PATCH', `rules/${rule.id}`, { state: 'off' });
});

test('what is asked wrongly is told', async () => {
    for (const query of ['limit=0', 'outcome=odd', 'after=here', 'rule=x', 'trial=1', 'state=x'])
        expectProblem(await firm.call('GET', `runs?${query}`), 400);
    expectProblem(await firm.call('GET', `rules/${missing}/runs?rule=${missing}`), 400);
    expectProblem(await firm.call('GET', `rules/${missing}/days?days=0`), 400);
    expectProblem(await firm.call('GET', `runs/${missing}`), 404);
    expectProblem(await firm.call('POST', `runs/${missing}/replay`), 404);
});

test('runs of another firm are not there', async () => {
    const run = (await firm.call('GET', 'runs')).body.data[0];
    expectStatus(await other.call('GET', `runs/${run.id}`), 404);
    expectStatus(await other.call('POST', `runs/${run.id}/replay`), 404);
    expectStatus(await other.call('GET', `rules/${run.rule.id}/runs`), 404);
    expectStatus(await other.call('GET', `rules/${run.rule.id}/days`), 404);
    const theirs = await other.call('GET', `runs?rule=${run.rule.id}`);
    assert.deepEqual(theirs.body, { data: [], next: null });
});

test('a rule that runs out of its budget ten times in a row is switched off', async () => {
    const rule = await active({ name: 'endless', source: 'while true do end' });
    for (let at = 0; at < 10; at++)
        expectProblem(await firm.call('POST', 'contacts', { name: `Never ${at}` }), 422);
    const runs = await runsOf(rule, '?outcome=overran');
    assert.equal(runs.length, 10);
    const now = await firm.get('rules', rule.id);
    assert.equal(now.state, 'off');
    assert.match(now.problem, /10 times in a row/);
    expectStatus(await firm.call('POST', 'contacts', { name: 'Again' }), 201);
    const history = await firm.call('GET', `rules/${rule.id}/history`);
    assert.equal(history.body.data[0].actor, null);
    const outbox = await firm.call('GET', 'outbox?kind=notify');
    assert.ok(JSON.stringify(outbox.body.data).includes('endless'));
});
