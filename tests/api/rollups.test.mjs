// Roll-ups that a firm declares itself, over the records that refer to one.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { expectFault, expectProblem, expectStatus } from '../door/expect.mjs';
import { addField, untilReady } from '../door/fields.mjs';
import { openServer } from '../door/server.mjs';

let server;
let firm;

const rollup = (name, more, entity = 'client') => ({
    entity,
    name,
    kind: 'rollup',
    rollup: { from: 'address', via: 'client', ...more },
});

before(async () => {
    server = await openServer(['acme', 'other']);
    firm = server.firms.acme;
    await addField(firm, { entity: 'address', name: 'x_rent', kind: 'money' });
    await addField(firm, { entity: 'address', name: 'x_rooms', kind: 'number' });
    await addField(firm, { entity: 'address', name: 'x_since', kind: 'date' });
    const office = { where: { kind: 'office' } };
    for (const field of [
        rollup('x_places', { function: 'count' }),
        rollup('x_offices', { function: 'count', ...office }),
        rollup('x_rent', { function: 'sum', field: 'x_rent' }),
        rollup('x_rooms', { function: 'sum', field: 'x_rooms' }),
        rollup('x_least', { function: 'min', field: 'x_rooms', ...office }),
        rollup('x_most', { function: 'max', field: 'x_rooms' }),
        rollup('x_latest', { function: 'latest', field: 'x_since' }),
    ])
        await addField(firm, field);
});
after(() => server.close());

let number = 0;
const client = (more = {}) =>
    firm.create('clients', { name: `Client ${++number}`, kind: 'individual', ...more });
const address = (owner, more = {}) =>
    firm.create('addresses', { client: owner.id, line1: 'Street 1', ...more });
const figures = async (owner) => {
    const record = await firm.get('clients', owner.id);
    return ['places', 'offices', 'rent', 'rooms', 'least', 'most', 'latest'].map(
        (name) => record[`x_${name}`],
    );
};
const euro = (amount) => ({ amount, currency: 'EUR' });

describe('a roll-up', () => {
    test('follows each write of a child, and its deletion', async () => {
        const owner = await client();
        assert.deepEqual(await figures(owner), [0, 0, euro(0), 0, null, null, null]);
        const one = await address(owner, {
            x_rent: euro(1250),
            x_rooms: 0.1,
            x_since: '2026-01-01',
        });
        const two = await address(owner, {
            kind: 'billing',
            x_rent: { amount: 99, currency: 'USD' },
            x_rooms: 0.2,
            x_since: '2026-02-01',
        });
        // Another currency is not added to this one; tenths add up to tenths.
        assert.deepEqual(await figures(owner), [2, 1, euro(1250), 0.3, 0.1, 0.2, '2026-02-01']);
        await firm.call('PATCH', `addresses/${two.id}`, { kind: 'office', x_rooms: 0.05 });
        assert.deepEqual(await figures(owner), [2, 2, euro(1250), 0.15, 0.05, 0.1, '2026-02-01']);
        expectStatus(await firm.call('DELETE', `addresses/${two.id}`), 204);
        assert.deepEqual(await figures(owner), [1, 1, euro(1250), 0.1, 0.1, 0.1, '2026-01-01']);
        const other = await client();
        await firm.call('PATCH', `addresses/${one.id}`, { client: other.id });
        assert.deepEqual(await figures(owner), [0, 0, euro(0), 0, null, null, null]);
        assert.deepEqual(await figures(other), [1, 1, euro(1250), 0.1, 0.1, 0.1, '2026-01-01']);
    });

    test('does not stand in the way of If-Match, and is in the history', async () => {
        const owner = await client();
        const answer = await firm.call('GET', `clients/${owner.id}`);
        await address(owner);
        const later = await firm.call('GET', `clients/${owner.id}`);
        assert.notEqual(later.headers.etag, answer.headers.etag);
        const headers = { 'if-match': answer.headers.etag };
        expectStatus(
            await firm.call('PATCH', `clients/${owner.id}`, { name: 'Renamed' }, headers),
            200,
        );
        const history = (await firm.call('GET', `clients/${owner.id}/history`)).body.data;
        assert.match(JSON.stringify(history), /x_places/);
    });

    test('is sorted and filtered by', async () => {
        const owners = [await client({ tags: ['sorted'] }), await client({ tags: ['sorted'] })];
        await address(owners[1]);
        const list = await firm.all('clients', 'tags=sorted&sort=-x_places&fields=x_places');
        assert.deepEqual(
            list.map((record) => record.x_places),
            [1, 0],
        );
        const some = await firm.all('clients', 'tags=sorted&x_places[gte]=1');
        assert.deepEqual(
            some.map((record) => record.id),
            [owners[1].id],
        );
    });

    test('is right after an undo and a bulk edit', async () => {
        const owner = await client();
        const kept = await address(owner, { x_rooms: 2 });
        const gone = await firm.call('DELETE', `addresses/${kept.id}`);
        expectStatus(gone, 204);
        assert.equal((await figures(owner))[0], 0);
        const group = (await firm.call('GET', `clients/${owner.id}/history`)).body.data[0].group;
        expectStatus(await firm.call('POST', `groups/${group}/undo`), 200);
        assert.deepEqual((await figures(owner)).slice(0, 4), [1, 1, euro(0), 2]);
        const many = Array.from({ length: 30 }, (_, at) => ({
            create: { client: owner.id, line1: `Street ${at}`, x_rooms: 1 },
        }));
        expectStatus(await firm.call('POST', 'addresses/bulk', { operations: many }), 200);
        assert.deepEqual((await figures(owner)).slice(0, 4), [31, 31, euro(0), 32]);
    });

    test('is right after a merge, and after its undo', async () => {
        const [owner, twin] = [await client(), await client()];
        await address(owner, { x_rooms: 2 });
        await address(twin, { x_rooms: 5 });
        const merged = expectStatus(
            await firm.call('POST', `clients/${owner.id}/merge`, { with: [twin.id] }),
            200,
        );
        assert.deepEqual((await figures(owner)).slice(0, 6), [2, 2, euro(0), 7, 2, 5]);
        const group = (await firm.call('GET', `clients/${owner.id}/history`)).body.data[0].group;
        assert.ok(merged.body);
        expectStatus(await firm.call('POST', `groups/${group}/undo`), 200);
        assert.deepEqual((await figures(owner)).slice(0, 6), [1, 1, euro(0), 2, 2, 2]);
        assert.deepEqual((await figures(twin)).slice(0, 6), [1, 1, euro(0), 5, 5, 5]);
    });

    test('of a deleted client comes back with it', async () => {
        const owner = await client();
        await address(owner, { x_rooms: 3 });
        expectStatus(await firm.call('DELETE', `clients/${owner.id}`), 204);
        const changes = (await firm.call('GET', 'changes?limit=200')).body;
        assert.ok(changes.data.length > 0);
        const history = (await firm.call('GET', `clients/${owner.id}/history`)).body.data;
        expectStatus(await firm.call('POST', `groups/${history[0].group}/undo`), 200);
        assert.deepEqual((await figures(owner)).slice(0, 4), [1, 1, euro(0), 3]);
    });

    test('of money is in the currency of the firm, also when that becomes another', async () => {
        const owner = await client();
        await address(owner, { x_rent: euro(700) });
        await address(owner, { x_rent: { amount: 30, currency: 'USD' } });
        const settings = (await firm.call('GET', 'settings')).body.data[0];
        const setTo = async (currency) => {
            expectStatus(await firm.call('PATCH', `settings/${settings.id}`, { currency }), 200);
            for (const field of await firm.all('custom_fields', 'name=x_rent'))
                await untilReady(firm, field.id);
            return (await figures(owner))[2];
        };
        assert.deepEqual(await setTo('USD'), { amount: 30, currency: 'USD' });
        assert.deepEqual((await figures(await client()))[2], { amount: 0, currency: 'USD' });
        assert.deepEqual(await setTo('EUR'), euro(700));
    });

    test('that was deleted and comes back is computed anew', async () => {
        const [owner, gone] = [await client(), await client()];
        const [least, more] = [
            await address(owner, { x_rooms: 1 }),
            await address(owner, { x_rooms: 8 }),
        ];
        await address(gone, { x_rooms: 2 });
        const field = (await firm.all('custom_fields', 'name=x_most'))[0];
        expectStatus(await firm.call('DELETE', `custom_fields/${field.id}`), 204);
        await firm.call('PATCH', `addresses/${more.id}`, { x_rooms: 6 });
        expectStatus(await firm.call('DELETE', `clients/${gone.id}`), 204);
        await addField(firm, rollup('x_most', { function: 'max', field: 'x_rooms' }));
        assert.equal((await figures(owner))[5], 6);
        await firm.call('DELETE', `addresses/${more.id}`);
        assert.equal((await figures(owner))[5], 1);
        expectStatus(await firm.call('DELETE', `addresses/${least.id}`), 204);
        assert.equal((await figures(owner))[5], null);
    });

    test('cannot be given', async () => {
        const answer = await firm.call('POST', 'clients', {
            name: 'X',
            kind: 'individual',
            x_places: 3,
        });
        expectFault(answer, 'x_places', 'read_only');
    });

    test('is computed over the clients there are, while they are written to', async () => {
        const other = server.firms.other;
        const owners = [];
        for (let at = 0; at < 40; at++)
            owners.push(await other.create('clients', { name: `C ${at}`, kind: 'individual' }));
        const write = async (from) => {
            for (let at = from; at < owners.length; at += 4)
                for (let times = 0; times <= at % 3; times++)
                    await other.create('addresses', { client: owners[at].id, line1: 'S' });
        };
        const writers = [0, 1].map(write);
        const made = expectStatus(
            await other.call('POST', 'custom_fields', rollup('x_places', { function: 'count' })),
            201,
        );
        await Promise.all([...writers, ...[2, 3].map(write)]);
        await untilReady(other, made.body.id);
        const list = await other.all('clients', 'sort=x_places&fields=name,x_places');
        for (const { name, x_places } of list)
            assert.equal(x_places, (Number(name.slice(2)) % 3) + 1, name);
        assert.equal(list.length, owners.length);
    });
});

describe('a declaration', () => {
    const refused = async (field, words) => {
        const answer = await firm.call('POST', 'custom_fields', field);
        return expectProblem(answer, 422, ...words);
    };

    test('that names what is not there is told what is near', async () => {
        await refused(rollup('x_bad', { function: 'sum', field: 'x_room' }), ['x_rooms']);
        await refused(rollup('x_bad', { function: 'sum', field: 'line1' }), ['no meaning']);
        await refused(rollup('x_bad', { function: 'count', via: 'contact' }), ['via']);
        await refused(rollup('x_bad', { function: 'average', field: 'x_rooms' }), ['count']);
        await refused(rollup('x_bad', { function: 'count', where: { kin: 'office' } }), ['kind']);
        await refused(rollup('x_bad', { function: 'count', where: { kind: 'ofice' } }), [
            'rollup.where.kind',
            'office',
        ]);
    });

    test('that rests on itself is refused with the chain', async () => {
        await addField(firm, {
            entity: 'client',
            name: 'x_double',
            kind: 'formula',
            formula: 'record.x_rooms * 2',
        });
        const made = await refused(
            {
                entity: 'client',
                name: 'x_round',
                kind: 'formula',
                formula: 'record.x_round + record.x_double',
            },
            ['client.x_round → client.x_round'],
        );
        assert.equal(made.status, 422);
        const owner = await client();
        await address(owner, { x_rooms: 4 });
        assert.equal((await firm.get('clients', owner.id)).x_double, 8);
    });
});
