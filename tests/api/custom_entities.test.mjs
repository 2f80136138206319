// A firm's own entities: addresses, references, search and history as any entity has them.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
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

const makeEntity = (words, of = firm) => of.create('custom_entities', words);
const makeField = (words) => firm.create('custom_fields', words);

test('records of an own entity are made, listed, searched, changed, deleted', async () => {
    const made = await makeEntity({ name: 'vehicle', plural: 'vehicles', label: 'Vehicle' });
    assert.ok(made.number >= 128);
    const words = { entity: 'vehicle' };
    await makeField({ ...words, name: 'x_wheels', kind: 'number', required: true });
    await makeField({ ...words, name: 'x_owner', kind: 'reference', to: 'client' });
    const client = await firm.create('clients', {
        name: 'Drivers',
        primary_contact: { name: 'Ann' },
    });
    expectFault(await firm.call('POST', 'vehicles', { name: 'Lorry' }), 'x_wheels', 'required');
    expectFault(await firm.call('POST', 'vehicles', { x_wheels: 4 }), 'name', 'required');
    const lorry = await firm.create('vehicles', {
        name: 'Lorry',
        x_wheels: 6,
        x_owner: client.id,
    });
    await firm.create('vehicles', { name: 'Bike', x_wheels: 2 });
    const byWheels = await firm.call('GET', 'vehicles?sort=-x_wheels&count=true');
    assert.deepEqual(
        byWheels.body.data.map((one) => one.name),
        ['Lorry', 'Bike'],
    );
    assert.equal(byWheels.body.count.value, 2);
    const searched = await firm.call('GET', 'vehicles?q=lorr');
    assert.equal(searched.body.data[0].id, lorry.id);
    const patched = await firm.call('PATCH', `vehicles/${lorry.id}`, { x_wheels: 8 });
    assert.equal(expectStatus(patched, 200).body.x_wheels, 8);
    const history = (await firm.call('GET', `vehicles/${lorry.id}/history`)).body.data;
    assert.equal(history[0].changes.x_wheels.new, 8);
    assert.equal(history[0].entity, 'vehicle');
    expectProblem(await firm.call('DELETE', `clients/${client.id}`), 409, 'x_owner');
    expectStatus(await firm.call('DELETE', `vehicles/${lorry.id}`), 204);
    expectStatus(await firm.call('DELETE', `clients/${client.id}`), 204);
});

test('nobody else has it', async () => {
    await makeEntity({ name: 'boat', plural: 'boats' });
    expectStatus(await firm.call('GET', 'boats'), 200);
    expectProblem(await other.call('GET', 'boats'), 404);
    const me = expectStatus(await firm.call('GET', 'me'), 200).body;
    assert.deepEqual(me.entities.boat, ['view', 'create', 'edit', 'delete', 'export']);
    const schema = (await firm.call('GET', 'schema')).body;
    const boat = schema.entities.find((one) => one.name === 'boat');
    assert.equal(boat.custom, true);
    assert.equal(boat.label, 'Boat');
    const description = (await firm.call('GET', 'openapi.json')).body;
    assert.ok(description.paths['/api/v1/boats/{id}']);
    assert.ok(!(await other.call('GET', 'openapi.json')).body.paths['/api/v1/boats/{id}']);
});

describe('refused', () => {
    const wrong = [
        ['the name of a built-in entity', { name: 'client', plural: 'customers' }, 'name'],
        ['the plural of a built-in entity', { name: 'customer', plural: 'clients' }, 'plural'],
        ['an address of the API', { name: 'part', plural: 'jobs' }, 'plural'],
        ['a name with capitals', { name: 'Part', plural: 'parts' }, 'name'],
        ['no plural', { name: 'part' }, 'plural'],
    ];
    for (const [name, words, fault] of wrong)
        test(name, async () => {
            expectFault(await firm.call('POST', 'custom_entities', words), fault);
        });

    test('a name twice', async () => {
        await makeEntity({ name: 'tool', plural: 'tools' });
        expectFault(
            await firm.call('POST', 'custom_entities', { name: 'tool', plural: 'toolz' }),
            'name',
        );
        expectFault(
            await firm.call('POST', 'custom_entities', { name: 'toolz', plural: 'tools' }),
            'plural',
        );
    });
});

test('it goes with its fields when it has no records, and its number stays used', async () => {
    const made = await makeEntity({ name: 'crate', plural: 'crates' });
    const field = await makeField({ entity: 'crate', name: 'x_depth', kind: 'number' });
    const crate = await firm.create('crates', { name: 'One', x_depth: 3 });
    const where = `custom_entities/${made.id}`;
    expectProblem(await firm.call('DELETE', where), 409, 'crates');
    expectStatus(await firm.call('DELETE', `crates/${crate.id}`), 204);
    expectStatus(await firm.call('DELETE', where), 204);
    expectProblem(await firm.call('GET', 'crates'), 404);
    expectProblem(await firm.call('GET', `custom_fields/${field.id}`), 404);
    const again = await makeEntity({ name: 'crate', plural: 'crates' });
    assert.ok(again.number > made.number);
    assert.deepEqual((await firm.call('GET', 'crates')).body.data, []);
});

test('it does not go while a field refers to it', async () => {
    const made = await makeEntity({ name: 'depot', plural: 'depots' });
    await makeField({ entity: 'client', name: 'x_depot', kind: 'reference', to: 'depot' });
    expectProblem(await firm.call('DELETE', `custom_entities/${made.id}`), 409, 'x_depot');
    const depot = await firm.create('depots', { name: 'North' });
    const client = await firm.create('clients', {
        name: 'Stored',
        primary_contact: { name: 'Ann' },
        x_depot: { name: 'South' },
    });
    const shown = await firm.call('GET', `clients/${client.id}?expand=x_depot`);
    assert.equal(shown.body.x_depot.name, 'South');
    expectStatus(
        await firm.call('PATCH', `clients/${client.id}`, { x_depot: depot.id }),
        200,
    );
    await server.mustRun(['check']);
});
