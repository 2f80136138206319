// Walking through lists while others write: what stayed put comes once, in every order.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { expectStatus } from '../door/expect.mjs';
import { chooseSeed, makeRandom } from '../door/random.mjs';
import { openServer } from '../door/server.mjs';

const random = makeRandom(chooseSeed());
const statuses = ['active', 'past', 'potential'];
let server;
let firm;
const stayed = new Map();

/** Many records are equal in what the lists go by. */
const some = () => ({
    name: `${random.pick(['Birch', 'Elm', 'Oak'])} ${random.below(9)} Ltd`,
    kind: 'individual',
    status: random.pick(statuses),
    stage: random.pick(['lead', 'customer']),
    tags: random.pick([['a'], ['b'], ['a', 'b'], ['c'], []]),
    ...(random.below(2) === 0 ? { vat_number: `V${random.below(3)}` } : {}),
});

before(async () => {
    console.log(`seed ${random.seed}`);
    server = await openServer(['acme']);
    firm = server.firms.acme;
    for (let at = 0; at < 50; at++) {
        const made = await firm.create('clients', some());
        stayed.set(made.id, made);
    }
});
after(() => server.close());

const tree = (filter) => `filter=${encodeURIComponent(JSON.stringify(filter))}`;
const walks = [
    ['sort=-id', () => true],
    ['sort=name', () => true],
    ['sort=-status,name,-vat_number', () => true],
    ['sort=-vat_number', () => true],
    ['sort=stage,-created_at', () => true],
    ['status=active&sort=name', (r) => r.status === 'active'],
    ['status=active&status=past&sort=-name', (r) => r.status !== 'potential'],
    ['status=past&sort=-updated_at', (r) => r.status === 'past'],
    ['tags=a&tags=b', (r) => r.tags.some((tag) => 'ab'.includes(tag))],
    ['tags=a&tags=b&sort=name', (r) => r.tags.some((tag) => 'ab'.includes(tag))],
    [
        `${tree({ or: [{ status: 'past' }, { tags: 'c' }] })}&sort=-id`,
        (r) => r.status === 'past' || r.tags.includes('c'),
    ],
    [`${tree({ not: { stage: 'lead' } })}&sort=name,vat_number`, (r) => r.stage !== 'lead'],
    ['q=elm&sort=-name', (r) => r.name.startsWith('Elm')],
    ['q=ltd&status=active&group_by=stage', (r) => r.status === 'active'],
];

/** Creates, changes and deletes records of its own until told to stop. */
async function churn(state) {
    const passing = [];
    while (!state.isOver) {
        const what = passing.length > 15 ? 2 : random.below(3);
        if (what === 0 || passing.length === 0) {
            passing.push((await firm.create('clients', some())).id);
        } else if (what === 1) {
            const where = `clients/${random.pick(passing)}`;
            expectStatus(await firm.call('PATCH', where, some()), 200);
        } else {
            const [id] = passing.splice(random.below(passing.length), 1);
            expectStatus(await firm.call('DELETE', `clients/${id}`), 204);
        }
    }
}

async function walk(query) {
    const found = [];
    for (let from = ''; ; ) {
        const where = `clients?${query}&limit=6${from}`;
        const { data, next } = expectStatus(await firm.call('GET', where), 200).body;
        found.push(...data.map((record) => record.id));
        if (next === null) return found;
        from = `&after=${encodeURIComponent(next)}`;
    }
}

test('no record that stayed put is missed or doubled', async () => {
    const state = { isOver: false };
    const writers = [churn(state), churn(state)];
    try {
        for (const [query, holds] of walks) {
            const found = (await walk(query)).filter((id) => stayed.has(id));
            const wanted = [...stayed.values()].filter(holds).map((record) => record.id);
            assert.deepEqual(found.sort(), wanted.sort(), `seed ${random.seed}: ${query}`);
        }
    } finally {
        state.isOver = true;
        await Promise.all(writers);
    }
    await server.mustRun(['check']);
});
