// A record as it was at a time, also of one that is gone.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { expectProblem, expectStatus } from '../door/expect.mjs';
import { chooseSeed, makeRandom } from '../door/random.mjs';
import { openServer } from '../door/server.mjs';

let server;
let firm;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
});
after(() => server.close());

const at = (id, time, more = '') => firm.call('GET', `clients/${id}?at=${time}${more}`);

/** Times differ by a millisecond at least, so that each state has one of its own. */
async function settledTime() {
    await wait(3);
    const time = new Date().toISOString();
    await wait(3);
    return time;
}

test('every state that a record had is shown again, also when it is gone', async () => {
    const random = makeRandom(chooseSeed());
    console.log(`seed ${random.seed}`);
    const before = await settledTime();
    const { id } = await firm.create('clients', {
        name: 'Changed',
        kind: 'company',
        tags: ['one'],
        primary_contact: { name: 'Ann' },
    });
    const states = [];
    const note = async () =>
        states.push({ time: await settledTime(), record: await firm.get('clients', id) });
    await note();
    const steps = [
        () => firm.call('PATCH', `clients/${id}`, { name: `Name ${random.below(1000)}` }),
        () => firm.call('PATCH', `clients/${id}`, { website: null }),
        () =>
            firm.call('PATCH', `clients/${id}`, {
                website: `https://w${random.below(1000)}.example/`,
            }),
        () => firm.call('PATCH', `clients/${id}`, { tags: { $add: [`t${random.below(9)}`] } }),
        () => firm.call('PATCH', `clients/${id}`, { primary_contact: { name: 'Another' } }),
        () => firm.call('POST', 'addresses', { client: id, line1: 'Street', is_default: true }),
    ];
    for (let step = 0; step < 25; step++) {
        expectStatus(await random.pick(steps)(), 200, 201);
        await note();
    }
    const check = async () => {
        for (const { time, record } of states) {
            const answer = expectStatus(await at(id, time), 200);
            assert.deepEqual(answer.body, record, `seed ${random.seed}, ${time}`);
            assert.equal(answer.headers.etag, undefined);
        }
        expectProblem(await at(id, before), 404);
    };
    await check();
    expectStatus(await firm.call('DELETE', `clients/${id}`), 204);
    const gone = await settledTime();
    await check();
    expectProblem(await at(id, gone), 404);
});

test('a time may be a date or carry an offset, and only asked fields are shown', async () => {
    const { id } = await firm.create('clients', { name: 'Timed', kind: 'individual' });
    const now = await settledTime();
    expectStatus(await at(id, '2999-01-01'), 200);
    expectProblem(await at(id, '2020-01-01'), 404);
    const offset = encodeURIComponent(now.replace('Z', '+00:00'));
    expectStatus(await at(id, offset), 200);
    const named = expectStatus(await at(id, now, '&fields=name'), 200).body;
    assert.deepEqual(named, { id, name: 'Timed' });
});

test('what is no time, and what shows other records, is refused', async () => {
    const { id } = await firm.create('clients', { name: 'Refuser', kind: 'individual' });
    for (const time of ['yesterday', '', '2026-13-01', '12:00'])
        expectProblem(await at(id, time), 400, 'at');
    expectProblem(await at(id, '2999-01-01', '&expand=primary_contact'), 400, 'expand');
    expectProblem(await firm.call('GET', 'clients?at=2026-01-01'), 400);
    expectProblem(await at('01890000-0000-7000-8000-000000000000', '2999-01-01'), 404);
});
