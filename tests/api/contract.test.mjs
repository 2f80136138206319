// What the contract says of every call alike: each fault is named, nothing that was sent is passed
// over in silence, and an error says what would be right.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { expectFault, expectProblem, expectStatus } from '../door/expect.mjs';
import { openServer, password } from '../door/server.mjs';

let server;
let firm;
let client;

before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
    client = await firm.create('clients', { name: 'Bo Ek', kind: 'individual' });
});
after(() => server.close());

const named = (problem) => problem.errors.map(({ field, code }) => `${field} ${code}`).sort();

test('every fault of a query string is named', async () => {
    const query = [
        'limit=abc',
        'sort=nope,name,zap',
        'fields=zip',
        'expand=name',
        'count=maybe',
        'archived=x',
        'view=1',
        'group_by=name',
        'revenue=1',
        'name[foo]=1',
        'filter={',
    ];
    const answer = await firm.call('GET', `clients?${query.join('&')}`);
    const problem = expectProblem(answer, 400, /^.*"detail":"limit: must be a number/);
    assert.deepEqual(named(problem), [
        'archived choice',
        'count type',
        'expand type',
        'fields unknown',
        'filter format',
        'group_by unknown',
        'limit range',
        'name[foo] unknown',
        'revenue unknown',
        'sort unknown',
        'sort unknown',
        'view format',
    ]);
    const page = await firm.call('GET', 'clients?limit=0&after=x');
    assert.deepEqual(named(expectProblem(page, 400)), ['after format', 'limit range']);
    const one = await firm.call('GET', `clients/${client.id}?fields=a,b&expand=c&at=x&limit=3`);
    assert.deepEqual(named(expectProblem(one, 400)), [
        'at format',
        'expand unknown',
        'fields unknown',
        'fields unknown',
        'limit unknown',
    ]);
    for (const [where, ...faults] of [
        ['jobs?limit=0&after=1&zip=1', 'after format', 'limit range', 'zip unknown'],
        ['search?limit=0&zip=1', 'limit range', 'q required', 'zip unknown'],
        ['changes?limit=0&after=x', 'after type', 'limit range'],
        ['audit?limit=0&kind=x&actor=y', 'actor format', 'kind choice', 'limit range'],
        ['outbox?state=x&after=y', 'after format', 'state choice'],
        ['clients/export?format=zip&bom=x&limit=1', 'bom type', 'format choice', 'limit unknown'],
    ])
        assert.deepEqual(named(expectProblem(await firm.call('GET', where), 400)), faults, where);
});

test('what may stand once does not stand twice', async () => {
    for (const where of [
        'clients?limit=1&limit=2',
        'clients?sort=name&sort=kind',
        'clients?fields=name&fields=kind',
        'changes?after=1&after=2',
        'jobs?limit=1&limit=2',
        `clients/${client.id}?fields=name&fields=kind`,
    ]) {
        const problem = expectProblem(await firm.call('GET', where), 400);
        assert.equal(problem.errors[0].code, 'twice', where);
    }
    expectStatus(await firm.call('GET', 'clients?status=active&status=past'), 200);
    expectStatus(await firm.call('GET', 'audit?kind=sign_in&kind=sign_out'), 200);
});

test('a call without parameters takes none', async () => {
    for (const [method, where, body] of [
        ['GET', 'me'],
        ['GET', 'sessions'],
        ['GET', 'schema'],
        ['GET', 'openapi.json'],
        ['GET', 'quotas'],
        ['POST', `clients/${client.id}/archive`],
        ['DELETE', `clients/${client.id}`],
        ['POST', 'session', { email: firm.owner, password }],
    ]) {
        const answer = await firm.call(method, `${where}?x=1`, body);
        const problem = expectProblem(answer, 400, 'takes no parameters');
        assert.deepEqual(named(problem), ['x unknown'], where);
    }
});

test('what is sent to a call that takes nothing is refused, not passed over', async () => {
    const archive = `clients/${client.id}/archive`;
    expectFault(await firm.call('POST', archive, { reason: 'x' }), 'reason', 'unknown');
    expectFault(await firm.call('POST', archive, ['x']), '', 'type');
    const text = { 'content-type': 'text/plain' };
    expectProblem(await firm.call('POST', archive, 'x', text), 415);
    assert.equal((await firm.get('clients', client.id)).archived_at, null);
    expectStatus(await firm.call('POST', archive, {}), 200);
    expectStatus(await firm.call('POST', `clients/${client.id}/restore`), 200);
});

test('who signs in is told of members that mean nothing', async () => {
    const given = { email: firm.owner, password, remember: true };
    expectFault(await firm.call('POST', 'session', given), 'remember', 'unknown');
    const reset = { email: firm.owner, url: 'https://other.example' };
    expectFault(await firm.call('POST', 'password/reset', reset), 'url', 'unknown');
});

test('a list of operations tells the faults of each at its place', async () => {
    const operations = [
        5,
        { create: { name: 'Ann Lee', kind: 'individual' } },
        { zap: 1 },
        { create: { kind: 'individual' } },
        { patch: { id: client.id, nope: 1 } },
        { delete: 'x' },
    ];
    const problem = expectProblem(await firm.call('POST', 'clients/bulk', operations), 422);
    assert.deepEqual(named(problem), [
        'operations[0] type',
        'operations[2] type',
        'operations[2].zap unknown',
        'operations[3].name required',
        'operations[4].nope unknown',
        'operations[5].delete format',
    ]);
    assert.equal(problem.detail, '6 fields are at fault');
    const list = await firm.call('GET', 'clients?q=ann&count=true');
    assert.equal(expectStatus(list, 200).body.count.value, 0);
});

test('an empty key of a request, or two, is no key', async () => {
    const record = { name: 'Once', kind: 'individual' };
    const empty = await firm.call('POST', 'clients', record, { 'idempotency-key': '' });
    expectProblem(empty, 400, 'Idempotency-Key');
    const two = await firm.call('POST', 'clients', record, { 'idempotency-key': ['a', 'b'] });
    expectProblem(two, 400, 'Idempotency-Key');
});

test('an address that leads nowhere is told from a record that is not there', async () => {
    for (const where of ['nope', 'clients/NOT-AN-ID', 'clients/', `clients/${client.id}/nope/x`])
        expectProblem(await firm.call('GET', where), 404, 'nothing is served at this address');
    const other = '01a20317-0000-7000-8000-000000000000';
    expectProblem(await firm.call('GET', `clients/${other}`), 404, 'there is no such client');
});

test('422 always names a fault and says in all what is wrong', async () => {
    for (const given of [
        { text: 'Name\nx\n', match: 'zap' },
        { text: 'Name\nx\n', map: { Name: 'nope', Nix: 'name' } },
        { text: 'Name\nx\n', mode: 'update' },
    ]) {
        const problem = expectProblem(await firm.call('POST', 'clients/import', given), 422);
        assert.ok(problem.errors.length > 0 && problem.detail.length > 0, JSON.stringify(given));
    }
});
