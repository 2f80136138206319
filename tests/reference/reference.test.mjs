// Random operations against the server and against a small model of it: every answer is compared,
// and in the end everything is taken back.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { expectStatus } from '../door/expect.mjs';
import { addField } from '../door/fields.mjs';
import { chooseSeed, makeRandom } from '../door/random.mjs';
import { openServer } from '../door/server.mjs';
import { pause } from '../door/wait.mjs';
import { Model, Refused } from './model.mjs';

const COUNT = process.env.ATRIUM_LONG ? 10_000 : 1_000;
const COMPARE_EVERY = 50;
const RECORDS_MAX = 60; // of an entity; above it more is deleted than made
const MADE_ALONG_MAX = 8; // in one change
const learned = ['created_at', 'updated_at', 'updated_by'];
const plurals = {
    client: 'clients',
    contact: 'contacts',
    client_contact: 'client_contacts',
    address: 'addresses',
};

let server;
let firm;
let random;
let model;
let seed;
const groups = [];
const moments = [];

before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
    seed = chooseSeed();
    random = makeRandom(seed);
    const me = expectStatus(await firm.call('GET', 'me'), 200).body;
    await addFields();
    const catalog = expectStatus(await firm.call('GET', 'schema'), 200).body;
    model = new Model(catalog, me.user.id);
    model.computed = computed;
});
after(() => server.close());

/* Fields of the firm's own, some of which follow from others. */

async function addFields() {
    const rollup = (name, more) => ({
        entity: 'client',
        name,
        kind: 'rollup',
        rollup: { from: 'address', via: 'client', ...more },
    });
    await addField(firm, { entity: 'address', name: 'x_rooms', kind: 'number' });
    await addField(firm, { entity: 'client', name: 'x_note', kind: 'text' });
    for (const field of [
        rollup('x_places', { function: 'count' }),
        rollup('x_rooms', { function: 'sum', field: 'x_rooms' }),
        rollup('x_least', { function: 'min', field: 'x_rooms', where: { kind: 'office' } }),
        rollup('x_most', { function: 'max', field: 'x_rooms' }),
        {
            entity: 'address',
            name: 'x_double',
            kind: 'formula',
            formula: '(record.x_rooms or 0) * 2',
            result: 'number',
        },
    ])
        await addField(firm, field);
}

const rooms = (client, from, where = () => true) =>
    [...from.all('address').values()]
        .filter((one) => one.client === client.id && one.x_rooms !== null && where(one))
        .map((one) => one.x_rooms);
const isOffice = (one) => one.kind === 'office';
const orNull = (list, pick) => (list.length === 0 ? null : pick(...list));
const computed = {
    address: { x_double: (record) => (record.x_rooms ?? 0) * 2 },
    client: {
        x_places: (client, from) =>
            [...from.all('address').values()].filter((one) => one.client === client.id).length,
        x_rooms: (client, from) => rooms(client, from).reduce((sum, one) => sum + one, 0),
        x_least: (client, from) => orNull(rooms(client, from, isOffice), Math.min),
        x_most: (client, from) => orNull(rooms(client, from), Math.max),
    },
};

/* Made-up values, few of each, so that they meet. */

const names = ['ada', 'bo', 'cleo', 'dan', 'eve', 'fay', 'gus'];
const words = ['red', 'green', 'blue', 'vip'];
const aName = () => `${random.pick(names)} ${random.below(5)}`;
const chance = (share) => random.next() < share;
const some = (list) => list.filter(() => chance(0.4));
const anEmail = () => `${random.pick(names)}@${random.pick(words)}.example`;

function anId(entity) {
    const ids = [...model.all(entity).keys()];
    return ids.length === 0 ? undefined : random.pick(ids);
}

const makers = {
    client: () => ({
        name: aName(),
        ...(chance(0.5) ? { kind: 'individual' } : { kind: 'company' }),
        ...(chance(0.6) ? { primary_contact: { name: aName(), emails: [anEmail()] } } : {}),
        ...(chance(0.3) && anId('contact') ? { primary_contact: anId('contact') } : {}),
        ...(chance(0.4) ? { default_address: { line1: aName(), city: random.pick(words) } } : {}),
        ...(chance(0.5) ? { tags: some(words) } : {}),
        ...(chance(0.4) ? { status: random.pick(['active', 'past', 'potential', 'wrong']) } : {}),
        ...(chance(0.3) ? { reference: `r${random.below(200)}` } : {}),
        ...(chance(0.3) ? { admitted_on: `2026-0${1 + random.below(9)}-01` } : {}),
        ...(chance(0.3) ? { emails: [anEmail()] } : {}),
    }),
    contact: () => ({
        name: aName(),
        ...(chance(0.5) ? { emails: [...new Set([anEmail(), anEmail()])] } : {}),
        ...(chance(0.3) ? { title: random.pick(words) } : {}),
        ...(chance(0.3) ? { status: random.pick(['active', 'tracking', null]) } : {}),
    }),
    client_contact: () => ({
        client: anId('client'),
        contact: anId('contact'),
        ...(chance(0.5) ? { is_primary: chance(0.5) } : {}),
        ...(chance(0.3) ? { role: random.pick(words) } : {}),
    }),
    address: () => ({
        client: anId('client'),
        line1: aName(),
        ...(chance(0.5) ? { city: random.pick(words) } : {}),
        ...(chance(0.3) ? { country: random.pick(['NL', 'AT', 'DE']) } : {}),
        ...(chance(0.4) ? { is_default: chance(0.5) } : {}),
        ...(chance(0.6) ? { x_rooms: random.below(6) } : {}),
        ...(chance(0.3) ? { kind: random.pick(['office', 'billing']) } : {}),
    }),
};

const patches = {
    client: (record) =>
        random.pick([
            () => ({ name: aName() }),
            () => ({ tags: { $add: some(words), $remove: some(words) } }),
            () => ({ tags: some(words) }),
            () => ({ status: random.pick(['active', 'past', 'potential', null]) }),
            () => ({ reference: chance(0.5) ? null : `r${random.below(200)}` }),
            () => ({ admitted_on: chance(0.3) ? null : `2026-0${1 + random.below(9)}-01` }),
            () => ({ primary_contact: chance(0.2) ? null : (anId('contact') ?? null) }),
            () => ({ primary_contact: { name: aName() } }),
            () => ({ default_address: anId('address') ?? record.default_address ?? undefined }),
            () => ({ name: record.name }),
            () => ({ x_note: chance(0.3) ? null : random.pick(words) }),
        ])(),
    contact: () =>
        random.pick([
            () => ({ name: aName() }),
            () => ({ title: chance(0.4) ? null : random.pick(words) }),
            () => ({ emails: { $add: [anEmail()], $remove: [anEmail()] } }),
            () => ({ status: random.pick(['active', 'tracking', 'prospect', null]) }),
        ])(),
    client_contact: () =>
        random.pick([
            () => ({ is_primary: chance(0.6) }),
            () => ({ role: chance(0.3) ? null : random.pick(words) }),
        ])(),
    address: () =>
        random.pick([
            () => ({ is_default: chance(0.6) }),
            () => ({ city: chance(0.3) ? null : random.pick(words) }),
            () => ({ line1: aName() }),
            () => ({ x_rooms: chance(0.2) ? null : random.below(6) }),
            () => ({ kind: random.pick(['office', 'billing']) }),
        ])(),
};

const sorts = ['', 'name', '-name', 'admitted_on', '-admitted_on', 'status', 'x_least', '-x_rooms'];
const anEntity = () => random.pick(Object.keys(plurals));
const stripped = (record) =>
    Object.fromEntries(Object.entries(record).filter(([key]) => !learned.includes(key)));

/** The server's record and the model's are the same; times are learned from the first telling. */
function compare(entity, theirs, where) {
    const ours = model.all(entity).get(theirs.id);
    assert.ok(ours, `${where}: ${entity} ${theirs.id} is not in the model`);
    assert.deepEqual(stripped(theirs), stripped(ours), where);
    for (const key of ['created_at', 'updated_at'])
        if (ours[key] === null) ours[key] = theirs[key];
        else assert.equal(theirs[key], ours[key], `${where}: ${key} of ${entity} ${theirs.id}`);
}

/** Also those that lists leave out. */
function everyRecord(plural) {
    return firm.all(plural, ['clients', 'contacts'].includes(plural) ? 'archived=all' : '');
}

/** What was touched is asked for, so that its times are known. */
async function relearn(where) {
    for (const { entity, id } of model.touched.values()) {
        const ours = model.all(entity).get(id);
        const answer = await firm.call('GET', `${plurals[entity]}/${id}`);
        if (ours === undefined) {
            assert.equal(answer.status, 404, `${where}: ${entity} ${id} should be gone`);
            continue;
        }
        expectStatus(answer, 200);
        const before = ours.updated_at;
        ours.updated_at = answer.body.updated_at;
        assert.ok(before === null || before <= ours.updated_at, `${where}: time runs back`);
        compare(entity, answer.body, where);
    }
}

/** Records that the server made along, found as whoever asks would find them. */
async function discover(entity) {
    const path = `${plurals[entity]}?sort=-created_at&limit=${MADE_ALONG_MAX}`;
    const { data } = expectStatus(await firm.call('GET', path), 200).body;
    return data.filter((record) => !model.all(entity).has(record.id));
}

/** Gives ids to records made along: those that nobody knows and that say the same. */
async function makeLearn(isDone) {
    let number = 0;
    if (!isDone) return () => `none-${number++}`;
    const strangers = {};
    for (const entity of ['contact', 'client_contact', 'address'])
        strangers[entity] = await discover(entity);
    return (entity, given) => {
        const at = strangers[entity].findIndex((record) =>
            ['name', 'client', 'contact', 'line1'].every(
                (key) => given[key] === undefined || record[key] === given[key],
            ),
        );
        if (at < 0) throw new Error(`no new ${entity} like ${JSON.stringify(given)}`);
        return strangers[entity].splice(at, 1)[0].id;
    };
}

/** Does it on both sides; both must take it, or both refuse it. */
async function both(where, answer, deed, mayMakeAlong = false) {
    const isDone = answer.status < 300;
    const learn = await makeLearn(isDone && mayMakeAlong);
    const before = model.records;
    let refused;
    try {
        model.change(() => deed(learn));
    } catch (error) {
        if (!(error instanceof Refused)) throw error;
        refused = error;
    }
    if (refused === undefined) {
        assert.ok(isDone, `${where}: refused by the server alone: ${answer.status} ${answer.text}`);
        await relearn(where);
        const group = answer.headers['atrium-group'];
        if (model.touched.size === 0) return;
        assert.ok(group, `${where}: no group to undo`);
        groups.push({ group, before, touched: [...model.touched.values()], where });
        return;
    }
    assert.ok(!isDone, `${where}: refused by the model alone: ${refused.message}`);
    const alike = { 404: [404], 409: [409], 422: [422, 409] };
    assert.ok(alike[refused.status].includes(answer.status), `${where}: ${answer.text}`);
}

const operations = {
    async create(where) {
        const entity = anEntity();
        if (model.all(entity).size > RECORDS_MAX) return operations.delete(where);
        const given = makers[entity]();
        const answer = await firm.call('POST', plurals[entity], given);
        const id = answer.status === 201 ? answer.body.id : 'none';
        const shown = `${where} create ${entity} ${JSON.stringify(given)}`;
        const deed = (learn) => model.create(entity, id, given, learn);
        await both(shown, answer, deed, entity === 'client');
        if (answer.status === 201) compare(entity, answer.body, where);
    },
    async patch(where) {
        const entity = anEntity();
        const id = anId(entity);
        if (id === undefined) return;
        const given = patches[entity](model.get(entity, id));
        const answer = await firm.call('PATCH', `${plurals[entity]}/${id}`, given);
        const shown = `${where} patch ${entity} ${id} ${JSON.stringify(given)}`;
        const sent = JSON.parse(JSON.stringify(given));
        const deed = (learn) => model.patch(entity, id, sent, learn);
        await both(shown, answer, deed, 'primary_contact' in sent || 'default_address' in sent);
    },
    async delete(where) {
        const entity = anEntity();
        const id = anId(entity);
        if (id === undefined) return;
        const answer = await firm.call('DELETE', `${plurals[entity]}/${id}`);
        await both(`${where} delete ${entity} ${id}`, answer, () => model.delete(entity, id));
    },
    async bulk(where) {
        const ids = some([...model.all('contact').keys()]).slice(0, 5);
        const list = ids.map((id) => ({ patch: { id, title: random.pick(words) } }));
        const removed = chance(0.3) ? anId('contact') : undefined;
        if (removed && !ids.includes(removed)) list.push({ delete: removed });
        if (list.length === 0) return;
        const answer = await firm.call('POST', 'contacts/bulk', list);
        await both(`${where} bulk ${JSON.stringify(list)}`, answer, (learn) => {
            for (const one of list)
                if (one.delete) model.delete('contact', one.delete);
                else model.patch('contact', one.patch.id, { title: one.patch.title }, learn);
        });
    },
    async archive(where) {
        const id = anId('client');
        if (id === undefined) return;
        const isBack = chance(0.5);
        const path = `clients/${id}/${isBack ? 'restore' : 'archive'}`;
        const answer = await firm.call('POST', path);
        const at = isBack ? null : (answer.body.archived_at ?? 'never');
        await both(`${where} ${path}`, answer, () => model.archive('client', id, at));
    },
    async list(where) {
        const conditions = [];
        if (chance(0.2)) conditions.push(['x_places', 'gte', random.below(4)]);
        if (chance(0.2)) conditions.push(['x_note', 'eq', [random.pick(words)]]);
        if (chance(0.1)) conditions.push(['x_least', 'empty', chance(0.5)]);
        if (chance(0.5)) conditions.push(['status', 'eq', some(['active', 'past', 'potential'])]);
        if (chance(0.4)) conditions.push(['tags', 'eq', [random.pick(words)]]);
        if (chance(0.3)) conditions.push(['name', 'prefix', random.pick(names).slice(0, 2)]);
        if (chance(0.3)) conditions.push(['admitted_on', 'empty', chance(0.5)]);
        if (chance(0.3)) conditions.push(['admitted_on', 'gte', '2026-04-01']);
        if (chance(0.2)) conditions.push(['kind', 'ne', 'company']);
        const kept = conditions.filter(([, , wanted]) => [wanted].flat().length > 0);
        const query = kept.flatMap(([field, op, wanted]) =>
            [wanted].flat().map((one) => `${field}${op === 'eq' ? '' : `[${op}]`}=${one}`),
        );
        const sort = random.pick(sorts);
        const next = random.pick(['-status', 'admitted_on', 'name', '-kind']);
        const isMany = sort && chance(0.4) && !next.endsWith(sort.replace('-', ''));
        const more = isMany ? `${sort},${next}` : sort;
        if (more) query.push(`sort=${more}`);
        const wanted = model.find('client', kept);
        await compareList(`${where} list ${query.join('&')}`, query, wanted, more);
    },
    async tree(where) {
        const leaf = () =>
            random.pick([
                () => ({ status: random.pick(['active', 'past']) }),
                () => ({ tags: random.pick(words) }),
                () => ({ name: { prefix: random.pick(names).slice(0, 1) } }),
                () => ({ admitted_on: { lt: '2026-05-01' } }),
                () => ({ admitted_on: { empty: true } }),
                () => ({ kind: { ne: 'individual' } }),
            ])();
        const grow = (depth) => {
            const way = depth === 0 ? 3 : random.below(4);
            if (way === 0) return { and: [grow(depth - 1), grow(depth - 1)] };
            if (way === 1) return { or: [grow(depth - 1), grow(depth - 1)] };
            if (way === 2) return { not: grow(depth - 1) };
            return leaf();
        };
        const tree = grow(2);
        const text = JSON.stringify(tree);
        const wanted = model.shown('client').filter((one) => model.fits(one, tree));
        const query = [`filter=${encodeURIComponent(text)}`];
        await compareList(`${where} tree ${text}`, query, wanted, '');
    },
    async history(where) {
        const entity = anEntity();
        const id = anId(entity);
        if (id === undefined) return;
        const { data } = expectStatus(
            await firm.call('GET', `${plurals[entity]}/${id}/history?limit=200`),
            200,
        ).body;
        if (data.length === 200) return;
        const now = {};
        for (const entry of data.reverse())
            for (const [field, { old, new: is }] of Object.entries(entry.changes)) {
                const shown = `${where} history ${entity} ${id} ${field}`;
                assert.deepEqual(now[field] ?? null, old, shown);
                now[field] = is;
            }
        const ours = stripped(model.get(entity, id));
        for (const [field, value] of Object.entries(now))
            if (!learned.includes(field) && ours[field] !== undefined)
                assert.deepEqual(
                    Array.isArray(ours[field]) ? (value ?? []) : value,
                    ours[field],
                    `${where} history ${entity} ${id} ${field}`,
                );
    },
    async remember() {
        const entity = anEntity();
        const id = anId(entity);
        if (id === undefined) return;
        const at = Date.now() + 1;
        moments.push({ entity, id, at, record: { ...model.get(entity, id) } });
        while (Date.now() <= at) await pause(1);
    },
    async recall(where) {
        if (moments.length === 0) return;
        const { entity, id, at, record } = random.pick(moments);
        const time = new Date(at).toISOString();
        const answer = await firm.call('GET', `${plurals[entity]}/${id}?at=${time}`);
        expectStatus(answer, 200);
        assert.deepEqual(answer.body, record, `${where} ${entity} ${id} at ${time}`);
    },
};

/** Takes the newest change back, on both sides. */
async function undo() {
    const { group, before, touched, where } = groups.pop();
    const shown = `undo of ${where}`;
    const answer = await firm.call('POST', `groups/${group}/undo`);
    assert.equal(answer.status, 200, `${shown}: ${answer.status} ${answer.text}`);
    assert.deepEqual(answer.body.kept ?? [], [], shown);
    // Who changed a record last, and when, is now this undo or one before it.
    for (const [entity, list] of before)
        for (const [id, record] of list)
            record.updated_at = model.all(entity).get(id)?.updated_at ?? null;
    model.records = before;
    for (const { entity, id } of touched) {
        const record = before.get(entity).get(id);
        if (record === undefined) continue;
        record.updated_at = null;
        const theirs = await firm.call('GET', `${plurals[entity]}/${id}`);
        assert.equal(theirs.status, 200, `${shown}: ${entity} ${id} is not back`);
        compare(entity, theirs.body, shown);
    }
}

async function compareList(where, query, wanted, sort) {
    const answer = await firm.call('GET', ['clients?limit=200&count=true', ...query].join('&'));
    const { data, count } = expectStatus(answer, 200).body;
    const ids = (list) => list.map((record) => record.id).sort();
    assert.deepEqual(ids(data), ids(wanted), where);
    if (count.exact) assert.equal(count.value, wanted.length, where);
    for (const record of data) compare('client', record, where);
    const keys = sort.split(',').filter(Boolean);
    for (let at = 1; at < data.length; at++)
        assert.ok(inOrder(keys, data[at - 1], data[at]), `${where}: ${at} is out of order`);
}

/** Records without a value come last, whichever way it goes. */
function inOrder(keys, a, b) {
    for (const key of keys) {
        const name = key.replace('-', '');
        const [x, y] = [a[name], b[name]];
        if (x === y) continue;
        if (x === null || y === null) return y === null;
        return key.startsWith('-') ? x > y : x < y;
    }
    return true;
}

async function compareAll(where) {
    for (const [entity, plural] of Object.entries(plurals)) {
        const list = await everyRecord(plural);
        assert.deepEqual(
            list.map((record) => record.id).sort(),
            [...model.all(entity).keys()].sort(),
            `${where}: ${plural}`,
        );
        for (const record of list) compare(entity, record, where);
    }
}

const weights = {
    create: 25,
    patch: 35,
    delete: 8,
    bulk: 4,
    archive: 4,
    list: 10,
    tree: 6,
    history: 6,
    remember: 3,
    recall: 3,
};
const lot = Object.entries(weights).flatMap(([name, weight]) => Array(weight).fill(name));

test('the server and a small model of it agree on every answer', async (t) => {
    t.diagnostic(`seed ${seed}: ATRIUM_SEED=${seed} repeats it`);
    const counts = {};
    for (let step = 0; step < COUNT; step++) {
        const name = random.pick(lot);
        counts[name] = (counts[name] ?? 0) + 1;
        await operations[name](`seed ${seed}, step ${step}:`);
        if (step % COMPARE_EVERY === 0) await compareAll(`seed ${seed}, step ${step}`);
    }
    await compareAll(`seed ${seed}, end`);
    t.diagnostic(`operations: ${JSON.stringify(counts)}; changes: ${groups.length}`);
    assert.ok(groups.length > COUNT / 4, `only ${groups.length} changes happened`);
    while (groups.length > 0) {
        await undo();
        if (groups.length % COMPARE_EVERY === 0) await compareAll(`seed ${seed}, undoing`);
    }
    for (const plural of Object.values(plurals)) 
        assert.deepEqual(await everyRecord(plural), []);
});
