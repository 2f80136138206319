// A firm's own choices: beside the built-in ones of a set, or in the place of one of them.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { expectFault, expectProblem, expectStatus } from '../door/expect.mjs';
import { openServer } from '../door/server.mjs';

let server;
let firm;
let other;
before(async () => {
    server = await openServer(['acme', 'other']);
    firm = server.firms.acme;
    other = server.firms.other;
});
after(() => server.close());

let clients = 0;
const client = (words, of = firm) =>
    of.call('POST', 'clients', {
        name: `Client ${++clients}`,
        primary_contact: { name: 'Ann Lee' },
        ...words,
    });
const choice = (words) => firm.create('choices', words);
const setOf = async (name, of = firm) =>
    (await of.call('GET', 'schema')).body.sets.find((one) => one.name === name);
const status = (id, value) => firm.call('PATCH', `clients/${id}`, { status: value });

test('an own one counts at once, for this firm alone', async () => {
    expectFault(await client({ status: 'frozen' }), 'status', 'choice');
    await choice({ set: 'client.status', value: 'frozen', label: 'Frozen', color: '#0000ff' });
    const record = expectStatus(await client({ status: 'frozen' }), 201).body;
    const found = await firm.call('GET', 'clients?status=frozen');
    assert.deepEqual(
        found.body.data.map((one) => one.id),
        [record.id],
    );
    expectFault(await client({ status: 'frozen' }, other), 'status', 'choice');
    assert.equal((await setOf('client.status', other)).choices.length, 4);
    assert.equal((await setOf('client.status')).choices.at(-1).value, 'frozen');
});

test('one in the place of a built-in one, and the order of a set', async () => {
    await choice({ set: 'client.source', value: 'google', label: 'A search', position: 0 });
    await choice({ set: 'client.source', value: 'fair', label: 'A fair', position: 1.5 });
    const shown = (await setOf('client.source')).choices;
    assert.deepEqual(
        shown.slice(0, 3).map((one) => [one.value, one.label]),
        [
            ['google', 'A search'],
            ['referral', 'Referral'],
            ['fair', 'A fair'],
        ],
    );
    assert.equal(shown.length, 9);
});

test('what may follow', async () => {
    for (const [value, next] of [
        ['new', ['busy']],
        ['busy', ['new', 'over']],
        ['over', []],
    ])
        await choice({ set: 'client.status', value, label: value });
    const made = (await firm.call('GET', 'choices?set=client.status')).body.data;
    const patch = (value, next) =>
        firm.call('PATCH', `choices/${made.find((one) => one.value === value).id}`, { next });
    expectStatus(await patch('new', ['busy']), 200);
    expectStatus(await patch('busy', ['new', 'over']), 200);
    expectFault(await patch('busy', ['elsewhere']), 'next', 'choice');
    const { id } = expectStatus(await client({ status: 'new' }), 201).body;
    const fault = expectFault(await status(id, 'over'), 'status', 'choice');
    assert.match(fault.message, /busy/);
    expectStatus(await status(id, 'busy'), 200);
    expectStatus(await status(id, 'over'), 200);
    // What names nothing that follows may be followed by anything.
    expectStatus(await status(id, 'active'), 200);
});

test('one that is switched off stays where it is', async () => {
    const made = await choice({ set: 'client.status', value: 'odd', label: 'Odd' });
    const { id } = expectStatus(await client({ status: 'odd' }), 201).body;
    expectStatus(await firm.call('PATCH', `choices/${made.id}`, { is_active: false }), 200);
    expectFault(await client({ status: 'odd' }), 'status', 'choice');
    const renamed = await firm.call('PATCH', `clients/${id}`, { name: 'Renamed', status: 'odd' });
    assert.equal(expectStatus(renamed, 200).body.status, 'odd');
    assert.equal((await firm.call('GET', 'clients?status=odd')).body.data.length, 1);
    expectStatus(await status(id, 'past'), 200);
    expectFault(await status(id, 'odd'), 'status', 'choice');
    const shown = (await setOf('client.status')).choices.find((one) => one.value === 'odd');
    assert.equal(shown.inactive, true);
});

test('one that records have is not deleted', async () => {
    const made = await choice({ set: 'client.status', value: 'used', label: 'Used' });
    const { id } = expectStatus(await client({ status: 'used' }), 201).body;
    expectProblem(await firm.call('DELETE', `choices/${made.id}`), 409, 'is_active');
    expectStatus(await status(id, 'active'), 200);
    expectStatus(await firm.call('DELETE', `choices/${made.id}`), 204);
    expectFault(await status(id, 'used'), 'status', 'choice');
});

test('a value stands once in a set, and never changes', async () => {
    const made = await choice({ set: 'client.status', value: 'once', label: 'Once' });
    const again = await firm.call('POST', 'choices', {
        set: 'client.status',
        value: 'once',
        label: 'Again',
    });
    expectFault(again, 'value');
    const where = `choices/${made.id}`;
    expectFault(await firm.call('PATCH', where, { value: 'two' }), 'value', 'read_only');
    expectFault(await firm.call('PATCH', where, { set: 'client.kind' }), 'set', 'read_only');
    expectFault(
        await firm.call('POST', 'choices', { set: 'client.status', value: 'a;b', label: 'A' }),
        'value',
    );
});

test('a choice field has its own set, whichever is there first', async () => {
    const tier = { entity: 'client', name: 'x_tier', kind: 'choice' };
    const made = await firm.create('custom_fields', tier);
    assert.equal(made.set, 'client.x_tier');
    expectFault(await client({ x_tier: 'gold' }), 'x_tier', 'choice');
    await choice({ set: 'client.x_tier', value: 'gold', label: 'Gold' });
    expectStatus(await client({ x_tier: 'gold' }), 201);
    await choice({ set: 'client.size', value: 'big', label: 'Big' });
    await firm.create('custom_fields', {
        entity: 'client',
        name: 'x_size',
        kind: 'choices',
        set: 'client.size',
        default: 'Big',
    });
    assert.deepEqual(expectStatus(await client({}), 201).body.x_size, ['big']);
    expectFault(await client({ x_size: ['small'] }), 'x_size', 'choice');
});
