// Fields that are required or shown only under a condition, decided on the server.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { expectFault, expectProblem, expectStatus } from '../door/expect.mjs';
import { addField } from '../door/fields.mjs';
import { openServer } from '../door/server.mjs';

let server;
let firm;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
});
after(() => server.close());

const person = (more = {}) => ({ name: 'Ann', kind: 'individual', ...more });

test('a field is required when its condition holds for the record as it will be', async () => {
    await addField(firm, {
        entity: 'client',
        name: 'x_reason',
        kind: 'text',
        required_when: { status: ['past', 'inactive'] },
    });
    const made = await firm.create('clients', person());
    const past = await firm.call('PATCH', `clients/${made.id}`, { status: 'past' });
    assert.match(expectFault(past, 'x_reason', 'required').message, /status/);
    const both = { status: 'past', x_reason: 'moved away' };
    expectStatus(await firm.call('PATCH', `clients/${made.id}`, both), 200);
    expectFault(
        await firm.call('POST', 'clients', person({ status: 'inactive' })),
        'x_reason',
        'required',
    );
    expectFault(
        await firm.call('PATCH', `clients/${made.id}`, { x_reason: null }),
        'x_reason',
        'required',
    );
});

test('a field that is not shown cannot be given; what it held is kept', async () => {
    await addField(firm, {
        entity: 'client',
        name: 'x_birthday',
        kind: 'date',
        required: true,
        default: '2000-01-01',
        visible_when: { kind: 'individual', and: [{ stage: { ne: 'lead' } }] },
    });
    const made = await firm.create('clients', person({ x_birthday: '1970-05-05' }));
    const lead = await firm.call('PATCH', `clients/${made.id}`, { stage: 'lead' });
    assert.equal(expectStatus(lead, 200).body.x_birthday, '1970-05-05');
    const given = await firm.call('PATCH', `clients/${made.id}`, { x_birthday: '1980-01-01' });
    assert.match(expectFault(given, 'x_birthday', 'hidden').message, /leave it out/);
    expectStatus(await firm.call('PATCH', `clients/${made.id}`, { x_birthday: null }), 200);
    const other = await firm.create('clients', person({ stage: 'lead' }));
    assert.equal(other.x_birthday, null);
    const shown = await firm.call('PATCH', `clients/${made.id}`, { stage: 'customer' });
    expectFault(shown, 'x_birthday', 'required');
});

test('the schema tells the conditions to forms', async () => {
    const schema = (await firm.call('GET', 'schema')).body;
    const fields = schema.entities.find((entity) => entity.name === 'client').fields;
    const reason = fields.find((field) => field.name === 'x_reason');
    assert.deepEqual(reason.required_when, { status: ['past', 'inactive'] });
    const birthday = fields.find((field) => field.name === 'x_birthday');
    assert.deepEqual(birthday.visible_when.kind, 'individual');
});

test('a condition over what is not there is refused with the nearest', async () => {
    const field = { entity: 'client', name: 'x_more', kind: 'text' };
    for (const [when, word] of [
        [{ statu: 'past' }, 'status'],
        [{ status: 'gone' }, 'past'],
        [{ 'default_address.country': 'DE' }, 'own fields'],
        [{ name: { near: 'x' } }, 'prefix'],
    ])
        for (const name of ['required_when', 'visible_when'])
            expectProblem(
                await firm.call('POST', 'custom_fields', { ...field, [name]: when }),
                422,
                word,
            );
});
