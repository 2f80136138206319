// Deleted records: listed, brought back, and what stands in the way of deleting.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { expectProblem, expectStatus, timeForm } from '../door/expect.mjs';
import { jobEnded } from '../door/jobs.mjs';
import { openServer } from '../door/server.mjs';

let server;
let firm;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
});
after(() => server.close());

const company = (name) => ({ name, kind: 'company', primary_contact: { name: `${name} head` } });
const remove = async (where) => expectStatus(await firm.call('DELETE', where), 204);
const trash = async (collection, query = '') =>
    expectStatus(await firm.call('GET', `${collection}/trash${query}`), 200).body;
const plain = ({ updated_at: _at, updated_by: _by, ...record }) => record;

test('the trash lists deleted records, newest first, with who and when', async () => {
    const made = [];
    for (let at = 0; at < 5; at++) made.push(await firm.create('clients', company(`Bin ${at}`)));
    const groups = [];
    for (const { id } of made)
        groups.push((await remove(`clients/${id}`)).headers['atrium-group']);
    const { data, next } = await trash('clients', '?limit=3');
    assert.deepEqual(data.map((item) => item.record.name), ['Bin 4', 'Bin 3', 'Bin 2']);
    for (const [at, item] of data.entries()) {
        assert.equal(item.id, made[4 - at].id);
        assert.equal(item.group, groups[4 - at]);
        assert.match(item.deleted_at, timeForm);
        assert.ok(item.actor_name.length > 0);
        assert.deepEqual(item.record, made[4 - at]);
    }
    const rest = await trash('clients', `?limit=3&after=${next}`);
    assert.deepEqual(rest.data.map((item) => item.record.name), ['Bin 1', 'Bin 0']);
    assert.equal(rest.next, null);
    assert.equal((await trash('client_contacts')).data.length, 5);
});

test('a deleted record comes back with what went with it, and leaves the trash', async () => {
    const made = await firm.create('clients', {
        ...company('Back'),
        default_address: { line1: 'Back Street', city: 'Rome' },
    });
    const addresses = await firm.all('addresses', `client=${made.id}`);
    await remove(`clients/${made.id}`);
    const back = expectStatus(await firm.call('POST', `clients/${made.id}/restore`), 200);
    assert.deepEqual(plain(back.body), plain(made));
    assert.deepEqual(
        (await firm.all('addresses', `client=${made.id}`)).map(plain),
        addresses.map(plain),
    );
    for (const collection of ['clients', 'addresses', 'client_contacts']) {
        const { data } = await trash(collection);
        assert.ok(!JSON.stringify(data).includes(made.id), collection);
    }
    expectProblem(await firm.call('POST', `clients/${made.id}/restore`), 409);
    expectStatus(await firm.call('DELETE', `clients/${made.id}`), 204);
    assert.equal((await trash('clients')).data[0].id, made.id);
});

test('what a record belonged to must be there for it to come back', async () => {
    const { id } = await firm.create('clients', company('Owner'));
    const address = await firm.create('addresses', { client: id, line1: 'Orphan' });
    await remove(`addresses/${address.id}`);
    await remove(`clients/${id}`);
    const restore = () => firm.call('POST', `addresses/${address.id}/restore`);
    expectProblem(await restore(), 409);
    expectStatus(await firm.call('POST', `clients/${id}/restore`), 200);
    expectStatus(await restore(), 200);
    assert.equal((await firm.get('clients', id)).default_address, address.id);
});

test('a deleted contact comes back to all the clients it was linked to', async () => {
    const contact = await firm.create('contacts', { name: 'Linked' });
    const clients = [];
    for (const name of ['Left', 'Right']) {
        const { id } = await firm.create('clients', { ...company(name), kind: 'individual' });
        await firm.create('client_contacts', { client: id, contact: contact.id, role: name });
        clients.push(id);
    }
    await remove(`contacts/${contact.id}`);
    expectStatus(await firm.call('POST', `contacts/${contact.id}/restore`), 200);
    const links = await firm.all('client_contacts', `contact=${contact.id}`);
    assert.deepEqual(links.map((link) => link.client).sort(), clients.sort());
    assert.deepEqual(links.map((link) => link.role).sort(), ['Left', 'Right']);
});

test('what was never there, and what is single, has no trash', async () => {
    const nowhere = 'clients/01890000-0000-7000-8000-000000000000/restore';
    expectProblem(await firm.call('POST', nowhere), 404);
    expectStatus(await firm.call('GET', 'settings/trash'), 404);
    expectProblem(await firm.call('GET', 'clients/trash?limit=0'), 400, 'limit');
});

test('a client with more than a thousand addresses goes, and comes back, by a job', async () => {
    const made = await firm.create('clients', {
        ...company('Estate'),
        default_address: { line1: 'Main Street' },
    });
    const add = async (at) => {
        for (; at < 1020; at += 16)
            await firm.create('addresses', { client: made.id, line1: `Street ${at}` });
    };
    await Promise.all(Array.from({ length: 16 }, (_, at) => add(at)));
    const count = async () =>
        (await firm.call('GET', `addresses?client=${made.id}&count=true&limit=1`)).body.count.value;
    const gone = await jobEnded(firm, await firm.call('DELETE', `clients/${made.id}`));
    assert.equal(gone.state, 'done', JSON.stringify(gone));
    assert.equal(await count(), 0);
    expectStatus(await firm.call('GET', `clients/${made.id}`), 404);
    const back = await jobEnded(firm, await firm.call('POST', `clients/${made.id}/restore`));
    assert.deepEqual([back.state, back.result.kept_count], ['done', 0], JSON.stringify(back));
    assert.equal(await count(), 1021);
    assert.deepEqual(plain(await firm.get('clients', made.id)), plain(made));
});

test('what may not lose a record keeps it from being deleted, and is counted', async () => {
    const field = { entity: 'contact', name: 'x_client', kind: 'reference', to: 'client' };
    await firm.create('custom_fields', { ...field, on_delete: 'restrict' });
    const { id } = await firm.create('clients', company('Needed'));
    for (const name of ['One', 'Two']) await firm.create('contacts', { name, x_client: id });
    const refused = await firm.call('DELETE', `clients/${id}`);
    expectProblem(refused, 409, '2 contacts refer to this client by x_client');
    const [one, two] = await firm.all('contacts', `x_client=${id}`);
    await firm.call('DELETE', `contacts/${one.id}`);
    expectProblem(await firm.call('DELETE', `clients/${id}`), 409, '1 contact refers');
    await firm.call('PATCH', `contacts/${two.id}`, { x_client: null });
    await remove(`clients/${id}`);
});

test('deleted lists of others are passed over, so many at a time', async () => {
    const email = 'tidy@firm.example';
    await firm.create('users', { name: 'Tidy', email });
    const made = await server.mustRun(['token', 'create', '--tenant', 'acme', '--user', email]);
    const other = Object.assign(Object.create(firm), { token: made.out.trim() });
    const own = await other.create('views', { name: 'Own', entity: 'client' });
    expectStatus(await other.call('DELETE', `views/${own.id}`), 204);
    const views = Array.from({ length: 900 }, (_, at) => ({
        create: { name: `Short lived ${at}`, entity: 'client' },
    }));
    const { results } = expectStatus(await firm.call('POST', 'views/bulk', views), 200).body;
    const deletions = results.map(({ id }) => ({ delete: id }));
    expectStatus(await firm.call('POST', 'views/bulk', deletions), 200);
    const seen = [];
    let pages = 0;
    for (let after = ''; after !== null; pages++) {
        const answer = await other.call('GET', `views/trash?limit=200${after}`);
        const { data, next } = expectStatus(answer, 200).body;
        seen.push(...data.map((item) => item.id));
        after = next === null ? null : `&after=${next}`;
    }
    assert.deepEqual(seen, [own.id]);
    assert.ok(pages > 1, `all in ${pages} page`);
});
