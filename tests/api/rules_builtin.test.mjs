// The rules that come with the product: what they do, and what a firm puts in their place.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { expectProblem, expectStatus } from '../door/expect.mjs';
import { openServer } from '../door/server.mjs';

let server;
let firm;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
});
after(() => server.close());

const list = async () => {
    const { data } = expectStatus(await firm.call('GET', 'rules/builtin'), 200).body;
    return Object.fromEntries(data.map((rule) => [rule.builtin, rule]));
};
const contact = { name: 'Ann Lee' };
const makeClient = (client) =>
    firm.call('POST', 'clients', { name: 'Acme', primary_contact: contact, ...client });

describe('built-in rules', () => {
    test('are listed with what they say', async () => {
        const rules = await list();
        assert.deepEqual(Object.keys(rules), [
            'account_manager_required',
            'company_names',
            'inactive_after_a_year',
        ]);
        assert.equal(rules.account_manager_required.state, 'off');
        assert.equal(rules.company_names.state, 'active');
        assert.match(rules.inactive_after_a_year.source, /db\.update/);
        for (const rule of Object.values(rules)) assert.equal(rule.in_place, null);
        expectProblem(await firm.call('GET', 'rules/builtin?x=1'), 400);
    });

    test('are switched on and off by a record in their place', async () => {
        expectStatus(await makeClient({ status: 'active' }), 201);
        const rule = await firm.create('rules', {
            builtin: 'account_manager_required',
            state: 'active',
        });
        assert.equal(rule.name, 'Active clients have an account manager');
        assert.equal(rule.entity, 'client');
        assert.equal(rule.point, 'check');
        assert.deepEqual(rule.changed, ['status', 'account_manager']);
        assert.deepEqual(rule.when, { status: 'active', account_manager: { empty: true } });
        const { in_place } = (await list()).account_manager_required;
        assert.deepEqual(in_place, { id: rule.id, name: rule.name, state: 'active' });
        const refused = expectProblem(await makeClient({ status: 'active' }), 422);
        assert.equal(refused.errors[0].field, 'account_manager');
        assert.equal(refused.rule.name, rule.name);
        expectStatus(await makeClient({ status: 'potential' }), 201);
        expectStatus(await firm.call('PATCH', `rules/${rule.id}`, { state: 'off' }), 200);
        expectStatus(await makeClient({ status: 'active' }), 201);
        expectStatus(await firm.call('DELETE', `rules/${rule.id}`), 204);
        assert.equal((await list()).account_manager_required.in_place, null);
        expectStatus(await makeClient({ status: 'active' }), 201);
    });

    test('are replaced in what the record says itself, and in nothing else', async (t) => {
        const rule = await firm.create('rules', {
            builtin: 'account_manager_required',
            state: 'active',
            when: { status: 'past', account_manager: null },
            reject: 'who was it?',
            priority: 7,
        });
        t.after(() => firm.call('DELETE', `rules/${rule.id}`));
        assert.equal(rule.priority, 7);
        assert.deepEqual(rule.changed, ['status', 'account_manager']);
        const refused = expectProblem(await makeClient({ status: 'past' }), 422);
        assert.equal(refused.errors[0].message, 'who was it?');
    });

    test('have one record in their place, of the same entity and point', async (t) => {
        const builtin = 'account_manager_required';
        const other = await firm.call('POST', 'rules', { builtin, point: 'before' });
        assert.deepEqual(expectProblem(other, 422).errors.map(({ field }) => field), ['point']);
        const rule = await firm.create('rules', { builtin, state: 'off' });
        t.after(() => firm.call('DELETE', `rules/${rule.id}`));
        assert.equal((await firm.call('POST', 'rules', { builtin })).status, 409);
    });
});

describe('the names of companies', () => {
    const rows = [
        ['as_typed', '  ACME   gmbh', 'ACME   gmbh'],
        ['spaces', ' ACME   gmbh ', 'ACME gmbh'],
        ['title', ' acme  & söhne GmbH', 'Acme & Söhne GmbH'],
        ['upper', 'acme söhne', 'ACME SÖHNE'],
    ];
    for (const [form, typed, name] of rows)
        test(`are written as the settings say: ${form}`, async () => {
            const { data } = expectStatus(await firm.call('GET', 'settings'), 200).body;
            const settings = `settings/${data[0].id}`;
            expectStatus(await firm.call('PATCH', settings, { company_names: form }), 200);
            const made = expectStatus(await makeClient({ name: typed }), 201).body;
            assert.equal(made.name, name);
            const person = { name: 'ann  lee', kind: 'individual' };
            assert.equal(expectStatus(await makeClient(person), 201).body.name, 'ann  lee');
            expectStatus(await firm.call('PATCH', settings, { company_names: null }), 200);
        });
});

test('what stands in place of the names of companies asks the settings as well', async (t) => {
    const builtin = 'company_names';
    const rule = await firm.create('rules', { builtin, state: 'active', priority: 5 });
    t.after(() => firm.call('DELETE', `rules/${rule.id}`));
    const made = expectStatus(await makeClient({ name: 'acme  gmbh' }), 201).body;
    assert.equal(made.name, 'acme  gmbh');
});

describe('clients without contact for a year', () => {
    const inYears = (years) => {
        const now = new Date();
        now.setUTCFullYear(now.getUTCFullYear() + years);
        return now.toISOString();
    };
    const trial = async (client, now) => {
        const { id } = (await list()).inactive_after_a_year;
        const answer = await firm.call('POST', `rules/${id}/test`, { id: client.id, now });
        return expectStatus(answer, 200).body;
    };

    test('become inactive, those of whom somebody has heard do not', async () => {
        const client = expectStatus(await makeClient({ status: 'active' }), 201).body;
        const later = await trial(client, inYears(2));
        assert.equal(later.outcome, 'done');
        assert.deepEqual(later.changes[0].fields.status, { from: 'active', to: 'inactive' });
        assert.deepEqual((await trial(client, inYears(0))).changes, []);
    });

    test('stay what they are when they are pinned, or no longer active', async () => {
        const pinned = { status: 'active', pinned: true };
        const client = expectStatus(await makeClient(pinned), 201).body;
        assert.equal((await trial(client, inYears(2))).fired, false);
        const past = expectStatus(await makeClient({ status: 'past' }), 201).body;
        assert.equal((await trial(past, inYears(2))).fired, false);
    });
});
