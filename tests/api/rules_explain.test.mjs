// Why a rule did not fire: the first condition that was false, and the values seen.
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
const rule = (more = {}) =>
    firm.create('rules', {
        name: 'explained',
        entity: 'client',
        point: 'before',
        state: 'active',
        source: 'log("fires")',
        ...more,
    });
const explain = async (of, body) => {
    const answer = await firm.call('POST', `rules/${of.id}/explain`, body);
    expectStatus(answer, 200);
    return answer.body;
};
const client = (more = {}) =>
    firm.create('clients', {
        name: 'Acme',
        kind: 'company',
        primary_contact: { name: 'Ann Lee' },
        ...more,
    });
/** The sequences of a record's entries, oldest first. */
const changes = async (id) => {
    const history = await firm.call('GET', `clients/${id}/history`);
    expectStatus(history, 200);
    return history.body.data.map((entry) => entry.sequence).reverse();
};

test('the record as it is: state, then the condition', async () => {
    const acme = await client({ website: 'https://acme.example' });
    const fires = await explain(await rule({ when: { kind: 'company' } }), { id: acme.id });
    assert.equal(fires.fires, true);
    assert.equal(fires.reason, null);
    assert.deepEqual(fires.tests, []);
    const draft = await rule({ state: 'draft', when: { kind: 'individual' } });
    const state = await explain(draft, { id: acme.id });
    assert.equal(state.fires, false);
    assert.equal(state.reason, 'state');
    assert.match(state.message, /draft/);
    const when = await explain(
        await rule({
            when: {
                name: { prefix: 'ac' },
                and: [{ not: { kind: 'company' } }, { website: { empty: true } }],
            },
        }),
        { id: acme.id },
    );
    assert.equal(when.reason, 'when');
    assert.equal(when.tests.length, 1);
    assert.deepEqual(when.tests[0], {
        path: 'when.and[0].not.kind',
        field: 'kind',
        op: 'eq',
        not: true,
        wants: ['company'],
        seen: 'company',
    });
});

test('what lies behind a reference is seen', async () => {
    const acme = await client();
    const behind = await explain(await rule({ when: { 'primary_contact.name': 'Bob' } }), {
        id: acme.id,
    });
    assert.equal(behind.tests[0].field, 'primary_contact.name');
    assert.equal(behind.tests[0].seen, 'Ann Lee');
});

test('a change of the log: operation, what changed, the record as it was then', async () => {
    const acme = await client({ name: 'First' });
    await firm.call('PATCH', `clients/${acme.id}`, { name: 'Second' });
    await firm.call('PATCH', `clients/${acme.id}`, { website: 'https://x.example' });
    await firm.call('PATCH', `clients/${acme.id}`, { name: 'Third' });
    const [made, second, site, third] = await changes(acme.id);
    const name = await rule({ changed: ['name'], when: { name: 'Second' } });
    assert.equal((await explain(name, { id: acme.id, change: second })).fires, true);
    const unchanged = await explain(name, { id: acme.id, change: site });
    assert.equal(unchanged.reason, 'changed');
    assert.equal(unchanged.operation, 'update');
    assert.equal(unchanged.tests[0].field, 'name');
    assert.equal(unchanged.tests[0].seen, 'Second');
    const later = await explain(name, { change: third });
    assert.equal(later.reason, 'when');
    assert.equal(later.tests[0].seen, 'Third');
    assert.equal(later.record, acme.id);
    assert.equal((await explain(name, { change: made })).tests[0].seen, 'First');
    const updates = await rule({ on: ['update'] });
    assert.equal((await explain(updates, { change: made })).reason, 'operation');
    const button = await rule({ point: 'action' });
    assert.equal((await explain(button, { change: made })).reason, 'point');
    await firm.call('DELETE', `clients/${acme.id}`);
    const gone = (await changes(acme.id)).at(-1);
    const deletions = await rule({ on: ['delete'], when: { name: 'Third' } });
    assert.equal((await explain(deletions, { change: gone })).fires, true);
    const then_ = await explain(name, { id: acme.id, change: second });
    assert.equal(then_.fires, true);
});

test('the change in which another rule ran', async () => {
    const ran = await rule({ when: { name: 'Ran' } });
    const did_not = await rule({ when: { website: { empty: false } } });
    const made = await client({ name: 'Ran' });
    const runs = await firm.call('GET', `rules/${ran.id}/runs`);
    const run = runs.body.data[0].id;
    assert.equal((await explain(ran, { run })).fires, true);
    const why = await explain(did_not, { run });
    assert.equal(why.record, made.id);
    assert.equal(why.reason, 'when');
    assert.equal(why.tests[0].seen, null);
    const query = await firm.call('GET', `rules/${did_not.id}/explain?run=${run}`);
    assert.deepEqual(query.body, why);
});

test('a rule that came with the product, on and off', async () => {
    const [settings] = await firm.all('settings');
    const set = (company_names) => firm.call('PATCH', `settings/${settings.id}`, { company_names });
    expectStatus(await set('upper'), 200);
    const shouted = await client({ name: 'quiet ltd' });
    assert.equal(shouted.name, 'QUIET LTD');
    const all = expectStatus(await firm.call('GET', 'rules/builtin'), 200);
    const builtin = all.body.data.find(({ builtin }) => builtin === 'company_names');
    assert.equal((await explain(builtin, { id: shouted.id })).fires, true);
    expectStatus(await set('as_typed'), 200);
    const why = await explain(builtin, { id: shouted.id });
    assert.equal(why.reason, 'settings');
    await firm.create('rules', {
        name: 'instead',
        builtin: 'company_names',
        entity: 'client',
        point: 'before',
        state: 'off',
        source: 'log("x")',
    });
    assert.equal((await explain(builtin, { id: shouted.id })).reason, 'state');
});

test('what is asked wrongly is told', async () => {
    const of = await rule();
    const acme = await client();
    const ask = (body, id = of.id, where = firm) =>
        where.call('POST', `rules/${id}/explain`, body);
    expectProblem(await ask({}), 422);
    expectProblem(await ask({ id: 7, odd: 1 }), 422);
    expectProblem(await ask({ id: missing }), 404);
    expectProblem(await ask({ change: 1_000_000 }), 404);
    expectProblem(await ask({ run: missing }), 404);
    expectProblem(await ask({ id: acme.id }, missing), 404);
    expectProblem(await ask({ id: acme.id }, of.id, other), 404);
    expectProblem(await firm.call('GET', `rules/${of.id}/explain?odd=1`), 400);
});
