// Taking back what a change or a whole group of changes did, but for what was edited since.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { expectProblem, expectStatus, uuidForm } from '../door/expect.mjs';
import { jobEnded } from '../door/jobs.mjs';
import { openServer } from '../door/server.mjs';

let server;
let firm;
before(async () => {
    server = await openServer(['acme', 'other']);
    firm = server.firms.acme;
});
after(() => server.close());

const company = (name) => ({ name, kind: 'company', primary_contact: { name: `${name} head` } });
const groupOf = (answer) => answer.headers['atrium-group'];
const undo = (group, query = '') => firm.call('POST', `groups/${group}/undo${query}`);
const show = async (id) => (await firm.call('GET', `clients/${id}`)).body;

/** Without what only counts changes. */
const plain = ({ updated_at: _at, updated_by: _by, ...record }) => record;

async function patch(id, given) {
    return groupOf(expectStatus(await firm.call('PATCH', `clients/${id}`, given), 200));
}

test('undo of a change gives the old values back, and says what it did', async () => {
    const { id } = await firm.create('clients', { ...company('Undone'), tags: ['old'] });
    const was = await show(id);
    const group = await patch(id, {
        name: 'Done',
        tags: ['new', 'fresh'],
        website: 'https://u.example/',
    });
    const answer = expectStatus(await undo(group), 200).body;
    assert.deepEqual([answer.changed, answer.deleted, answer.restored], [1, 0, 0]);
    assert.deepEqual(answer.kept, []);
    assert.match(answer.group, uuidForm);
    assert.deepEqual(plain(await show(id)), plain(was));
    const told = (await firm.call('GET', `groups/${group}`)).body;
    assert.deepEqual([told.undone_by, told.undo_of], [answer.group, null]);
    assert.deepEqual(told.counts, { client: { created: 0, updated: 1, deleted: 0 } });
    assert.deepEqual(told.records, [{ entity: 'client', id, operation: 'update' }]);
    assert.equal((await firm.call('GET', `groups/${answer.group}`)).body.undo_of, group);
});

test('a second undo is refused, an undo of the undo is not', async () => {
    const { id } = await firm.create('clients', company('Twice'));
    const group = await patch(id, { name: 'Twice changed' });
    const first = expectStatus(await undo(group), 200).body;
    expectProblem(await undo(group), 409, first.group);
    const second = expectStatus(await undo(first.group), 200).body;
    assert.equal((await show(id)).name, 'Twice changed');
    const third = expectStatus(await undo(group), 200).body;
    assert.equal((await show(id)).name, 'Twice');
    assert.equal(new Set([first.group, second.group, third.group]).size, 3);
});

test('what was edited since is kept and listed, the rest goes back', async () => {
    const { id } = await firm.create('clients', company('Kept'));
    const group = await patch(id, { name: 'Theirs', website: 'https://k.example/' });
    await patch(id, { name: 'Mine' });
    const answer = expectStatus(await undo(group), 200).body;
    assert.equal(answer.kept_count, 1);
    const [{ message, ...kept }] = answer.kept;
    assert.deepEqual(kept, { entity: 'client', id, field: 'name', reason: 'edited' });
    assert.match(message, /\S/);
    const record = await show(id);
    assert.deepEqual([record.name, record.website], ['Mine', null]);
});

test('undo of a creation deletes what was made, but not what others use', async () => {
    const made = await firm.call('POST', 'clients', company('Made'));
    const { id, primary_contact: contact } = made.body;
    const address = await firm.call('POST', 'addresses', { client: id, line1: 'Since' });
    const answer = expectStatus(await undo(groupOf(made)), 200).body;
    const reasons = Object.fromEntries(answer.kept.map((item) => [item.entity, item.reason]));
    assert.deepEqual(reasons, {
        client: 'referred',
        client_contact: 'needed',
        contact: 'referred',
    });
    assert.equal(answer.group, null);
    expectStatus(await undo(groupOf(address)), 200);
    const all = expectStatus(await undo(groupOf(made)), 200).body;
    assert.equal(all.deleted, 3);
    expectStatus(await firm.call('GET', `clients/${id}`), 404);
    expectStatus(await firm.call('GET', `contacts/${contact}`), 404);
});

test('undo of a deletion brings all of it back, with its ids and links', async () => {
    const made = await firm.create('clients', {
        ...company('Lost'),
        default_address: { line1: 'Lost Street', city: 'Rome' },
        tags: ['lost'],
    });
    const { links, addresses } = {
        links: await firm.all('client_contacts', `client=${made.id}`),
        addresses: await firm.all('addresses', `client=${made.id}`),
    };
    const gone = expectStatus(await firm.call('DELETE', `clients/${made.id}`), 204);
    expectStatus(await undo(groupOf(gone)), 200);
    const back = await show(made.id);
    assert.deepEqual(plain(back), plain(made));
    const same = (list) => list.map(plain);
    assert.deepEqual(same(await firm.all('client_contacts', `client=${made.id}`)), same(links));
    assert.deepEqual(same(await firm.all('addresses', `client=${made.id}`)), same(addresses));
    const found = (await firm.call('GET', 'clients?q=lost')).body.data;
    assert.deepEqual(found.map((record) => record.id), [made.id]);
});

test('a unique value that another one took meanwhile is kept, and listed', async () => {
    const { id } = await firm.create('clients', { ...company('Holder'), reference: 'unique-1' });
    const group = await patch(id, { reference: 'unique-2' });
    await firm.create('clients', { ...company('Taker'), reference: 'unique-1' });
    const { kept } = expectStatus(await undo(group), 200).body;
    assert.deepEqual([kept[0].field, kept[0].reason], ['reference', 'taken']);
    assert.equal((await show(id)).reference, 'unique-2');
});

test('a preview tells the same and does nothing', async () => {
    const { id } = await firm.create('clients', company('Previewed'));
    const group = await patch(id, { name: 'Seen' });
    const before = await show(id);
    const told = expectStatus(await undo(group, '?preview=true'), 200);
    assert.deepEqual([told.body.preview, told.body.changed, told.body.group], [true, 1, null]);
    assert.equal(groupOf(told), undefined);
    assert.deepEqual(await show(id), before);
    expectStatus(await undo(group), 200);
    expectProblem(await undo(group, '?preview=maybe'), 400, 'preview');
});

test('groups of nobody, and of another firm, are not there', async () => {
    const made = await server.firms.other.call('POST', 'clients', company('Elsewhere'));
    for (const group of [groupOf(made), '01890000-0000-7000-8000-000000000000']) {
        expectProblem(await undo(group), 404);
        expectProblem(await firm.call('GET', `groups/${group}`), 404);
    }
});

test('an owner who undoes his own user leaves the firm with another one', async () => {
    const users = await firm.all('users');
    const { data } = (await firm.call('GET', `users/${users[0].id}/history`)).body;
    expectProblem(await undo(data.at(-1).group), 409);
    assert.equal((await firm.all('users')).length, users.length);
});

test('an import is undone by a job, but for what was edited or used since', async () => {
    const rows = Array.from({ length: 1100 }, (_, at) => `Row ${at},row${at}@i.example`);
    const body = { text: `name,emails\n${rows.join('\n')}\n` };
    const begun = await firm.call('POST', 'clients/import', body);
    const imported = await jobEnded(firm, begun);
    assert.equal(imported.state, 'done', JSON.stringify(imported));
    const [edited] = await firm.all('clients', 'emails=row7@i.example');
    await patch(edited.id, { website: 'https://mine.example/' });
    const [used] = await firm.all('clients', 'emails=row8@i.example');
    await firm.create('addresses', { client: used.id, line1: 'Since' });
    const told = expectStatus(await undo(imported.group, '?preview=true'), 200).body;
    const answer = await undo(imported.group);
    expectStatus(answer, 202);
    const job = await jobEnded(firm, answer);
    assert.equal(job.state, 'done', JSON.stringify(job));
    assert.equal(told.entries, job.total);
    const lines = (await firm.call('GET', `jobs/${job.id}/results`)).text.trim().split('\n');
    const kept = lines.map((line) => JSON.parse(line)).filter((item) => item.entity === 'client');
    const expected = [
        [edited.id, 'edited'],
        [used.id, 'referred'],
    ];
    assert.deepEqual(kept.map((item) => [item.id, item.reason]).toSorted(), expected.toSorted());
    const left = (await firm.all('clients')).filter((record) => record.name.startsWith('Row '));
    assert.deepEqual(left.map((record) => record.id).toSorted(), [edited.id, used.id].toSorted());
    expectProblem(await undo(imported.group), 409);
});
