// Records that are left out of lists but kept.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { expectProblem, expectStatus, timeForm } from '../door/expect.mjs';
import { openServer } from '../door/server.mjs';

let server;
let firm;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
});
after(() => server.close());

const act = (id, action, more = '') => firm.call('POST', `clients/${id}/${action}${more}`);
const names = async (query) =>
    (await firm.all('clients', query)).map((record) => record.name).sort();

test('an archived record is hidden from lists and words, but there', async () => {
    const tag = 'tags=archivable';
    for (const name of ['Shown', 'Hidden'])
        await firm.create('clients', { name, kind: 'individual', tags: ['archivable'] });
    const [hidden] = await firm.all('clients', 'name=hidden');
    const answer = expectStatus(await act(hidden.id, 'archive'), 200);
    assert.match(answer.body.archived_at, timeForm);
    assert.ok(answer.headers['atrium-group']);
    assert.deepEqual(await names(tag), ['Shown']);
    assert.deepEqual(await names('q=hidden'), []);
    assert.deepEqual(await names(`${tag}&sort=name`), ['Shown']);
    assert.deepEqual(await names(`${tag}&archived=false`), ['Shown']);
    assert.deepEqual(await names(`${tag}&archived=true`), ['Hidden']);
    assert.deepEqual(await names(`${tag}&archived=all`), ['Hidden', 'Shown']);
    assert.deepEqual(await names(`${tag}&archived_at[empty]=false`), ['Hidden']);
    const counted = (await firm.call('GET', `clients?${tag}&count=true`)).body.count;
    assert.deepEqual(counted, { value: 1, exact: true });
    assert.equal((await firm.get('clients', hidden.id)).name, 'Hidden');
    expectStatus(await firm.call('PATCH', `clients/${hidden.id}`, { name: 'Hidden well' }), 200);
    expectProblem(await act(hidden.id, 'archive'), 409);
    const back = expectStatus(await act(hidden.id, 'restore'), 200).body;
    assert.equal(back.archived_at, null);
    assert.deepEqual(await names(tag), ['Hidden well', 'Shown']);
    expectProblem(await act(hidden.id, 'restore'), 409);
});

test('archiving is undone like any change', async () => {
    const { id } = await firm.create('clients', { name: 'Put away', kind: 'individual' });
    const answer = await act(id, 'archive');
    expectStatus(await firm.call('POST', `groups/${answer.headers['atrium-group']}/undo`), 200);
    assert.equal((await firm.get('clients', id)).archived_at, null);
});

test('a record is archived by the action alone', async () => {
    const { id } = await firm.create('clients', { name: 'Own hand', kind: 'individual' });
    const given = { archived_at: '2026-01-01T00:00:00Z' };
    expectStatus(await firm.call('PATCH', `clients/${id}`, given), 422);
});

test('an unknown action is told with those there are', async () => {
    const { id } = await firm.create('clients', { name: 'Actor', kind: 'individual' });
    expectProblem(await act(id, 'explode'), 404, 'restore', 'archive', 'merge');
    const address = await firm.create('addresses', { client: id, line1: 'Street' });
    const where = `addresses/${address.id}/archive`;
    const problem = expectProblem(await firm.call('POST', where), 404, 'restore');
    assert.ok(!problem.detail.includes('merge'));
    expectProblem(await firm.call('GET', `clients/${id}/archive`), 405);
    expectStatus(await firm.call('GET', `clients/${id}/nothing`), 404);
    expectProblem(await act('01890000-0000-7000-8000-000000000000', 'archive'), 404);
    expectProblem(await act(id, 'archive', '?preview=true'), 400);
});

test('what cannot be archived has no such parameter', async () => {
    expectProblem(await firm.call('GET', 'addresses?archived=true'), 400, 'archived');
    expectProblem(await firm.call('GET', 'clients?archived=perhaps'), 400, 'archived');
});
