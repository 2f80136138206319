// Many writers at once: nothing is lost, one of many wins, unique means one.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { expectProblem, expectStatus } from '../door/expect.mjs';
import { openServer } from '../door/server.mjs';

let server;
let firm;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
});
after(() => server.close());

const client = (name, more = {}) => ({
    name,
    kind: 'company',
    primary_contact: { name: 'Some One' },
    ...more,
});
const together = (count, run) => Promise.all(Array.from({ length: count }, (_, at) => run(at)));
const countOf = (answers, status) => answers.filter((answer) => answer.status === status).length;

/** Fields of a client, each written by another writer, with the value it sets. */
const fields = {
    name: 'Lane Field',
    business_name: 'Lane Field GmbH',
    kind: 'individual',
    stage: 'prospect',
    status: 'past',
    type: 'ideal',
    groups: ['east'],
    emails: ['lane@field.example'],
    phones: ['+31 20 7654321'],
    website: 'https://lane.example/',
    source: 'google',
    source_note: 'by a map',
    reference: 'LANE-1',
    tax_id: 'T 1',
    vat_number: 'V 1',
    chamber_of_commerce: 'C 1',
    tax_condition: 'exempt',
    timezone: 'Europe/Berlin',
    language: 'de',
    currency: 'EUR',
    admitted_on: '2024-02-29',
    observations: 'Two\nlines',
    location: 'Gate 4',
    financial_note: 'Pays late',
};

test('32 writers, each of another field of one client, are all there', async () => {
    const { id } = await firm.create('clients', client('Lane'));
    const patches = Object.entries(fields).map(([name, value]) => ({ [name]: value }));
    while (patches.length < 32) patches.push({ tags: { $add: [`tag-${patches.length}`] } });
    const answers = await together(32, (at) => firm.call('PATCH', `clients/${id}`, patches[at]));
    for (const answer of answers) expectStatus(answer, 200);
    const record = await firm.get('clients', id);
    for (const [name, value] of Object.entries(fields)) {
        const shown = Array.isArray(record[name])
            ? record[name].map((item) => item.value ?? item)
            : record[name];
        assert.deepEqual(shown, value, name);
    }
    assert.equal(record.tags.length, 32 - Object.keys(fields).length);
});

test('32 writers adding another tag each lose none', async () => {
    const { id } = await firm.create('clients', client('Tag Lane'));
    const answers = await together(32, (at) =>
        firm.call('PATCH', `clients/${id}`, { tags: { $add: [`t${at}`] } }),
    );
    for (const answer of answers) expectStatus(answer, 200);
    const { tags } = await firm.get('clients', id);
    assert.deepEqual([...tags].sort(), Array.from({ length: 32 }, (_, at) => `t${at}`).sort());
});

test('of 32 writers with the same If-Match one gets 200 and 31 get 412', async () => {
    const { id } = await firm.create('clients', client('Match Lane'));
    const first = await firm.call('GET', `clients/${id}`);
    const answers = await together(32, (at) =>
        firm.call(
            'PATCH',
            `clients/${id}`,
            { name: `Winner ${at}` },
            { 'if-match': first.headers.etag },
        ),
    );
    assert.equal(countOf(answers, 200), 1);
    assert.equal(countOf(answers, 412), 31);
    const winner = answers.findIndex((answer) => answer.status === 200);
    assert.equal((await firm.get('clients', id)).name, `Winner ${winner}`);
});

test('of 64 creates of one unique address at once exactly one is made', async () => {
    const answers = await together(64, (at) =>
        firm.call('POST', 'users', {
            name: `User ${at}`,
            email: 'only.one@firm.example',
        }),
    );
    assert.equal(countOf(answers, 201), 1);
    assert.equal(countOf(answers, 409), 63);
    const refused = answers.find((answer) => answer.status === 409);
    expectProblem(refused, 409, 'email');
    const users = await firm.all('users');
    assert.equal(users.filter((user) => user.email === 'only.one@firm.example').length, 1);
});

test('a unique value is free again once its record is gone or changed', async () => {
    const first = await firm.create('users', { name: 'A', email: 'free@firm.example' });
    expectStatus(await firm.call('POST', 'users', { name: 'B', email: 'FREE@firm.example' }), 409);
    expectStatus(
        await firm.call('PATCH', `users/${first.id}`, { email: 'moved@firm.example' }),
        200,
    );
    const second = await firm.create('users', { name: 'C', email: 'free@firm.example' });
    expectStatus(
        await firm.call('PATCH', `users/${first.id}`, { email: 'free@firm.example' }),
        409,
    );
    expectStatus(await firm.call('DELETE', `users/${second.id}`), 204);
    expectStatus(
        await firm.call('PATCH', `users/${first.id}`, { email: 'free@firm.example' }),
        200,
    );
});

test('64 creates at once all get an id of their own and are all found', async () => {
    const answers = await together(64, (at) => firm.call('POST', 'clients', client(`Crowd ${at}`)));
    for (const answer of answers) expectStatus(answer, 201);
    assert.equal(new Set(answers.map((answer) => answer.body.id)).size, 64);
    const found = await firm.all('clients', 'name[prefix]=crowd');
    assert.equal(found.length, 64);
});
