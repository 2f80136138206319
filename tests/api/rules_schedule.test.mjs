// Rules by the clock and by a button: over all records that are meant, as a job; on one record.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { expectFault, expectProblem, expectStatus } from '../door/expect.mjs';
import { jobEnded } from '../door/jobs.mjs';
import { openServer } from '../door/server.mjs';
import { until } from '../door/wait.mjs';

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
const rule = (more, of = firm) =>
    of.create('rules', { entity: 'contact', state: 'active', ...more });
const run = (made, body, of = firm) => of.call('POST', `rules/${made.id}/run`, body);
const make = async (count, prefix, more) => {
    const operations = Array.from({ length: count }, (_, at) => ({
        create: { name: `${prefix} ${at}`, ...more },
    }));
    expectStatus(await firm.call('POST', 'contacts/bulk', operations), 200);
};
const named = (prefix) => firm.all('contacts', `name[prefix]=${encodeURIComponent(prefix)}`);

test('on demand it runs over all records that match, and is undone as a whole', async () => {
    await make(250, 'Many');
    await make(3, 'Few');
    const made = await rule({
        name: 'title them',
        point: 'schedule',
        when: { name: { prefix: 'Many' } },
        source: 'db.update("contact", record.id, {title = "of " .. actor.through})',
    });
    const begun = await run(made);
    expectStatus(begun, 202);
    assert.equal(begun.body.kind, 'rule');
    const job = await jobEnded(firm, begun);
    assert.equal(job.state, 'done', JSON.stringify(job.problem));
    const { looked_at: looked, examples, ...figures } = job.result;
    assert.ok(looked >= 253);
    assert.deepEqual(examples, []);
    assert.deepEqual(figures, { rule: made.id, fired: 250, changed: 250, rejected: 0, failed: 0 });
    for (const contact of await named('Many')) assert.equal(contact.title, 'of job');
    for (const contact of await named('Few')) assert.equal(contact.title, null);
    const undo = await firm.call('POST', `groups/${job.group}/undo`);
    if (undo.status === 202) await jobEnded(firm, undo);
    else expectStatus(undo, 200);
    for (const contact of await named('Many')) assert.equal(contact.title, null);
});

test('what it rejects and where it fails is counted, with examples; the others stand', async () => {
    await make(6, 'Mixed');
    const made = await rule({
        name: 'mixed',
        point: 'schedule',
        when: { name: { prefix: 'Mixed' } },
        source: `if record.name == "Mixed 1" then reject("not this one", "name") end
                 if record.name == "Mixed 2" then local x = nil + 1 end
                 if record.name ~= "Mixed 3" then
                     db.update("contact", record.id, {title = "done"})
                 end`,
    });
    const { result } = await jobEnded(firm, await run(made));
    const { examples, looked_at: _looked, ...figures } = result;
    assert.deepEqual(figures, { rule: made.id, fired: 6, changed: 3, rejected: 1, failed: 1 });
    assert.deepEqual(
        examples.map((one) => one.outcome),
        ['rejected', 'failed'],
    );
    assert.equal(examples[0].message, 'not this one');
    assert.match(examples[1].message, /line 2/);
    assert.match(examples[1].run, /^[0-9a-f-]{36}$/);
    const titles = (await named('Mixed')).map((contact) => contact.title);
    assert.equal(titles.filter((title) => title === 'done').length, 3);
});

test('archived records are left out where the rule does not speak of them', async () => {
    const contact = await firm.create('contacts', { name: 'Archived Ann' });
    expectStatus(await firm.call('POST', `contacts/${contact.id}/archive`), 200);
    const made = await rule({
        name: 'archived',
        point: 'schedule',
        when: { name: { prefix: 'Archived' } },
        set: { title: 'seen' },
    });
    const first = await jobEnded(firm, await run(made));
    assert.equal(first.result.fired, 0);
    const when = { name: { prefix: 'Archived' }, archived_at: { empty: false } };
    expectStatus(await firm.call('PATCH', `rules/${made.id}`, { when }), 200);
    const second = await jobEnded(firm, await run(made));
    assert.deepEqual([second.result.fired, second.result.changed], [1, 1]);
    assert.equal((await firm.get('contacts', contact.id)).title, 'seen');
});

test('by the clock it runs once in its time, whatever happens to the server', async () => {
    const contact = await other.create('contacts', { name: 'Clock' });
    const made = await rule(
        {
            name: 'daily',
            point: 'schedule',
            every: 'day',
            source: 'db.update("contact", record.id, {title = "x"})',
        },
        other,
    );
    assert.equal(made.ran_at, null);
    // Built-in ones run too.
    const jobs = async () => {
        const { body } = await other.call('GET', 'jobs');
        return body.data.filter((job) => job.kind === 'rule' && job.result?.rule === made.id);
    };
    for (let restart = 0; restart < 2; restart++) {
        await server.stop();
        await server.start();
        await until(async () => {
            const found = await jobs();
            return found.length > 0 && found.every((job) => job.state === 'done');
        });
    }
    assert.equal((await jobs()).length, 1);
    assert.equal((await jobs())[0].created_by, null);
    assert.equal((await other.get('contacts', contact.id)).title, 'x');
    const after = await other.get('rules', made.id);
    assert.ok(after.ran_at > made.created_at);
    assert.equal(after.version_number, made.version_number);
});

test('by a button it changes the record and answers with it', async () => {
    const made = await rule({
        name: 'promote',
        point: 'action',
        when: { status: 'active' },
        source: `record.title = input.title
                 db.create("contact", {name = "Beside " .. record.name})`,
    });
    const contact = await firm.create('contacts', { name: 'Button' });
    const answer = await run(made, { id: contact.id, input: { title: 'Chief' } });
    expectStatus(answer, 200);
    assert.equal(answer.body.title, 'Chief');
    assert.equal(answer.body.id, contact.id);
    assert.equal((await named('Beside Button')).length, 1);
    const group = answer.headers['atrium-group'];
    expectStatus(await firm.call('POST', `groups/${group}/undo`), 200);
    assert.equal((await firm.get('contacts', contact.id)).title, null);
    assert.equal((await named('Beside Button')).length, 0);
    expectFault(await run(made, { input: {} }), 'id', 'required');
    expectFault(await run(made, { id: contact.id, inptu: {} }), 'inptu', 'unknown');
    expectFault(await run(made, { id: contact.id, input: 'x' }), 'input', 'type');
    expectStatus(await run(made, { id: missing }), 404);
    expectStatus(await firm.call('PATCH', `contacts/${contact.id}`, { status: 'prospect' }), 200);
    expectProblem(await run(made, { id: contact.id }), 409);
    assert.equal((await named('Beside Button')).length, 0);
});

test('a button that rejects leaves no trace', async () => {
    const made = await rule({
        name: 'never',
        point: 'action',
        source: `db.create("contact", {name = "Trace"})
                 reject("no " .. (input.why or "reason"), "name")`,
    });
    const contact = await firm.create('contacts', { name: 'Refused' });
    const answer = await run(made, { id: contact.id, input: { why: 'luck' } });
    expectFault(answer, 'name', 'rejected');
    assert.deepEqual([answer.body.rule.name, answer.body.errors[0].message], ['never', 'no luck']);
    assert.equal((await named('Trace')).length, 0);
});

test('only what is active and of such a point is run', async () => {
    const before = await rule({ name: 'by itself', point: 'before', set: { language: 'de' } });
    const draft = await rule({
        name: 'a draft',
        point: 'action',
        set: { title: 'x' },
        state: 'draft',
    });
    const contact = await firm.create('contacts', { name: 'Nothing' });
    expectProblem(await run(before, { id: contact.id }), 409);
    expectProblem(await run(draft, { id: contact.id }), 409);
    expectStatus(await run({ id: missing }, { id: contact.id }), 404);
    expectStatus(await run(before, { id: contact.id }, other), 404);
    expectStatus(await firm.call('PATCH', `rules/${before.id}`, { state: 'off' }), 200);
    expectStatus(await firm.call('PATCH', `rules/${draft.id}`, { state: 'active' }), 200);
    const answer = await run(draft, { id: contact.id });
    expectStatus(answer, 200);
    assert.equal(answer.body.title, 'x');
});

test('a run over many can be cancelled where it is', async () => {
    await make(400, 'Long');
    const made = await rule({
        name: 'long',
        point: 'schedule',
        when: { name: { prefix: 'Long' } },
        source: 'db.update("contact", record.id, {title = "reached"})',
    });
    const begun = await run(made);
    const answer = await firm.call('POST', `jobs/${begun.body.id}/cancel`);
    if (answer.status === 409) return; // It was quicker.
    expectStatus(answer, 200);
    assert.equal(answer.body.state, 'cancelled');
    const reached = (await named('Long')).filter((contact) => contact.title !== null).length;
    const job = await firm.call('GET', `jobs/${begun.body.id}`);
    assert.equal(reached, job.body.result?.changed ?? 0);
});

test('one that begins itself anew comes to an end', async () => {
    await make(1, 'Ring');
    const made = await rule({
        name: 'round and round',
        point: 'schedule',
        when: { name: { prefix: 'Ring' } },
        source: 'queue.start {rule = "round and round"}',
    });
    await jobEnded(firm, await run(made));
    const ended = async () => {
        const { data } = expectStatus(await firm.call('GET', 'jobs'), 200).body;
        const own = data.filter(({ result }) => result?.rule === made.id);
        assert.ok(own.length <= 6, `${own.length} jobs, and more to come`);
        return own.find(({ state, result }) => state === 'done' && result.failed === 1);
    };
    const last = await until(ended, 'the last job of the ring');
    assert.match(last.result.examples[0].message, /more than 5 deep: round and round/);
});
