// What caused a run of a rule: by which road, for which request or job, after which run; and that a
// row which a rule refuses says so, wherever it comes from.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { expectStatus } from '../door/expect.mjs';
import { jobEnded, resultsOf } from '../door/jobs.mjs';
import { openServer } from '../door/server.mjs';
import { until } from '../door/wait.mjs';

let server;
let firm;
let me;
let rule;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
    me = (await firm.call('GET', 'me')).body.user.id;
    rule = await firm.create('rules', {
        name: 'told',
        entity: 'contact',
        point: 'before',
        state: 'active',
        when: { name: { prefix: 'Told' } },
        source: `record.title = actor.through
                 if record.observations == "refuse" then reject("refused", "observations") end`,
    });
});
after(() => server.close());

const find = async (name) => (await firm.all('contacts', `name=${encodeURIComponent(name)}`))[0];
const runOf = (record, of = rule) =>
    until(async () => {
        const { body } = await firm.call('GET', `rules/${of.id}/runs?limit=200`);
        return body.data.find((run) => run.record === record);
    });
const isTold = async (name, through, cause) => {
    const contact = await find(name);
    assert.equal(contact.title, through);
    const run = await runOf(contact.id);
    assert.deepEqual([run.through, run.actor, run.outcome], [through, me, 'done']);
    if (cause) assert.equal(run.cause, cause);
    const { body } = await firm.call('GET', `contacts/${contact.id}/history`);
    const entry = body.data.find((one) => one.group === run.group);
    assert.ok(entry.rules.some((one) => one.id === rule.id && one.name === 'told'));
    return run;
};

test('a request', async () => {
    const answer = await firm.call('POST', 'contacts', { name: 'Told request' });
    const run = await isTold('Told request', 'api');
    assert.equal(run.cause, answer.headers['x-request-id'] ?? run.cause);
    assert.equal(run.group, answer.headers['atrium-group']);
    assert.deepEqual([run.depth, run.caused_by], [1, null]);
});

test('a bulk request, all or nothing and as a job', async () => {
    const create = { create: { name: 'Told bulk' } };
    expectStatus(await firm.call('POST', 'contacts/bulk', [create]), 200);
    await isTold('Told bulk', 'bulk');
    const operations = [
        { create: { name: 'Told bulk job' } },
        { create: { name: 'Told refused job', observations: 'refuse' } },
    ];
    const begun = await firm.call('POST', 'contacts/bulk', { atomic: false, operations });
    const job = await jobEnded(firm, begun);
    const run = await isTold('Told bulk job', 'bulk', job.id);
    assert.equal(run.group, job.group);
    const [, refused] = await resultsOf(firm, job);
    assert.equal(refused.status, 422);
    assert.deepEqual([refused.problem.rule.id, refused.problem.rule.name], [rule.id, 'told']);
    const told = await firm.call('GET', `runs/${refused.problem.rule.run}`);
    assert.deepEqual([told.body.outcome, told.body.cause], ['rejected', job.id]);
});

test('an import', async () => {
    const text = 'Name,Observations\nTold import,fine\nTold refused import,refuse\n';
    const job = await jobEnded(firm, await firm.call('POST', 'contacts/import', { text }));
    const run = await isTold('Told import', 'import', job.id);
    assert.equal(run.group, job.group);
    const [fault] = job.result.faults;
    assert.match(fault.message, /told/);
    assert.deepEqual(fault.rule, { id: rule.id, name: 'told' });
    const preview = await firm.call('POST', 'contacts/import', { text, preview: true });
    assert.deepEqual(preview.body.faults[0].rule, { id: rule.id, name: 'told' });
});

test('another rule, and one that settles', async () => {
    const causing = await firm.create('rules', {
        name: 'causing',
        entity: 'contact',
        point: 'after',
        state: 'active',
        when: { name: { prefix: 'Causing' } },
        source: 'db.create("contact", {name = "Told by rule"})',
    });
    const contact = await firm.create('contacts', { name: 'Causing' });
    const cause = await runOf(contact.id, causing);
    const run = await isTold('Told by rule', 'rule');
    assert.deepEqual([run.depth, run.caused_by, run.group], [2, cause.id, cause.group]);
    const settling = await firm.create('rules', {
        name: 'settling',
        entity: 'contact',
        point: 'settled',
        state: 'active',
        when: { name: 'Settling' },
        source: 'db.create("contact", {name = "Told by settling", observations = actor.through})',
    });
    const first = await firm.create('contacts', { name: 'Settling' });
    const settled = await runOf(first.id, settling);
    assert.deepEqual([settled.through, settled.actor], ['api', me]);
    const later = await isTold('Told by settling', 'rule');
    assert.deepEqual([later.caused_by, later.group], [settled.id, settled.group]);
    assert.equal((await find('Told by settling')).observations, 'api');
});

test('a rule that starts another behind the commit', async () => {
    await firm.create('rules', {
        name: 'started',
        entity: 'contact',
        point: 'action',
        state: 'active',
        source: 'record.observations = "started with " .. input.word',
    });
    const starting = await firm.create('rules', {
        name: 'starting',
        entity: 'contact',
        point: 'after',
        state: 'active',
        on: ['create'],
        when: { name: 'Starting' },
        source: `queue.start {rule = "started", record = record.id, input = {word = "luck"}}
                 queue.start {rule = "never made"}`,
    });
    const contact = await firm.create('contacts', { name: 'Starting' });
    const after = await until(async () => {
        const now = await firm.get('contacts', contact.id);
        return now.observations && now;
    });
    assert.equal(after.observations, 'started with luck');
    assert.equal(after.updated_by, me);
    const [left] = await until(async () => {
        const { body } = await firm.call('GET', 'outbox?kind=start');
        return body.data.length === 1 && body.data[0].tries > 0 && body.data;
    });
    assert.match(left.problem, /never made/);
    assert.equal(left.rule, starting.id);
});

test('a rule by the clock', async () => {
    const clock = await firm.create('rules', {
        name: 'clock',
        entity: 'contact',
        point: 'schedule',
        state: 'active',
        when: { name: 'Clocked' },
        source: 'db.create("contact", {name = "Told by clock", observations = actor.through})',
    });
    const contact = await firm.create('contacts', { name: 'Clocked' });
    const job = await jobEnded(firm, await firm.call('POST', `rules/${clock.id}/run`));
    const run = await runOf(contact.id, clock);
    assert.deepEqual([run.through, run.cause, run.group], ['job', job.id, job.group]);
    assert.equal((await find('Told by clock')).observations, 'job');
});
