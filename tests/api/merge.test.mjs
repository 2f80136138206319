// Several records become one, and one becomes several again.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { expectFault, expectProblem, expectStatus } from '../door/expect.mjs';
import { jobEnded } from '../door/jobs.mjs';
import { openServer } from '../door/server.mjs';

let server;
let firm;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
});
after(() => server.close());

const company = (name, more = {}) => ({
    name,
    kind: 'company',
    primary_contact: { name: `${name} head` },
    ...more,
});
const merge = (id, given, query = '') => firm.call('POST', `clients/${id}/merge${query}`, given);
const show = (id) => firm.get('clients', id);
const plain = ({ updated_at: _at, updated_by: _by, ...record }) => record;
const undo = (group) => firm.call('POST', `groups/${group}/undo`);

/** All that a merge of clients may touch, to be compared before and after. */
async function state() {
    const lists = {};
    for (const collection of ['clients', 'contacts', 'client_contacts', 'addresses'])
        lists[collection] = (await firm.all(collection)).map(plain);
    return lists;
}

test('a merge unites values, moves what refers to the others, and is undone whole', async () => {
    const first = await firm.create('clients', {
        ...company('First'),
        emails: [{ value: 'a@m.example', primary: true }],
        tags: ['red'],
    });
    const second = await firm.create('clients', {
        ...company('Second'),
        emails: ['b@m.example', 'A@m.example'],
        tags: ['red', 'blue'],
        website: 'https://second.example/',
        reference: 'second-1',
        default_address: { line1: 'Second Street' },
    });
    const before = await state();
    const answer = expectStatus(await merge(first.id, { with: [second.id] }), 200);
    const { body } = answer;
    assert.equal(body.name, 'First');
    assert.equal(body.website, 'https://second.example/');
    assert.equal(body.reference, 'second-1');
    assert.deepEqual(body.tags.toSorted(), ['blue', 'red']);
    assert.deepEqual(
        body.emails.map((item) => [item.value, item.primary]),
        [
            ['a@m.example', true],
            ['b@m.example', false],
        ],
    );
    assert.equal(body.primary_contact, first.primary_contact);
    assert.equal(body.default_address, second.default_address);
    const links = await firm.all('client_contacts', `client=${first.id}`);
    assert.equal(links.length, 2);
    assert.deepEqual(links.filter((link) => link.is_primary).map((link) => link.contact), [
        first.primary_contact,
    ]);
    expectStatus(await undo(answer.headers['atrium-group']), 200);
    assert.deepEqual(await state(), before);
});

test('an old id leads to the survivor, through every merge after it', async () => {
    const made = [];
    for (const name of ['Chain 1', 'Chain 2', 'Chain 3'])
        made.push((await firm.create('clients', company(name))).id);
    const [one, two, three] = made;
    const first = await merge(two, { with: [one] });
    expectStatus(first, 200);
    const second = expectStatus(await merge(three, { with: [two] }), 200);
    for (const old of [one, two]) {
        const answer = expectStatus(await firm.call('GET', `clients/${old}?fields=name`), 308);
        assert.equal(answer.headers.location, `/api/v1/clients/${three}?fields=name`);
        expectProblem(await firm.call('PATCH', `clients/${old}`, { name: 'X' }), 409, three);
        expectProblem(await firm.call('DELETE', `clients/${old}`), 409, three);
        expectProblem(await firm.call('POST', `clients/${old}/archive`), 409, three);
        expectFault(await merge(three, { with: [old] }), 'with', 'missing');
        const entries = (await firm.call('GET', `clients/${old}/history`)).body.data;
        assert.equal(entries[0].operation, 'delete');
    }
    const address = await firm.create('addresses', { client: one, line1: 'Old id' });
    assert.equal(address.client, three);
    expectStatus(await undo(second.headers['atrium-group']), 200);
    assert.equal((await show(two)).name, 'Chain 2');
    const moved = expectStatus(await firm.call('GET', `clients/${one}`), 308);
    assert.equal(moved.headers.location, `/api/v1/clients/${two}`);
    expectStatus(await undo(first.headers['atrium-group']), 200);
    assert.equal((await show(one)).name, 'Chain 1');
});

test('an undo of the undo merges again, with the redirect', async () => {
    const first = await firm.create('clients', company('Again 1'));
    const second = await firm.create('clients', company('Again 2'));
    const answer = await merge(first.id, { with: [second.id] });
    const undone = expectStatus(await undo(answer.headers['atrium-group']), 200).body;
    assert.deepEqual(undone.kept, []);
    const again = expectStatus(await undo(undone.group), 200).body;
    assert.deepEqual(again.kept, []);
    const moved = expectStatus(await firm.call('GET', `clients/${second.id}`), 308);
    assert.equal(moved.headers.location, `/api/v1/clients/${first.id}`);
});

test('the caller says whose value is taken', async () => {
    const first = await firm.create('clients', company('Mine', { tags: ['mine'] }));
    const second = await firm.create('clients', company('Yours', { tags: ['yours'] }));
    const fields = { name: second.id, tags: first.id, primary_contact: second.id };
    const { body } = expectStatus(await merge(first.id, { with: [second.id], fields }), 200);
    assert.deepEqual([body.name, body.tags], ['Yours', ['mine']]);
    assert.equal(body.primary_contact, second.primary_contact);
});

test('a preview shows the record and what moves, and changes nothing', async () => {
    const first = await firm.create('clients', company('Look 1'));
    const website = 'https://l.example/';
    const second = await firm.create('clients', company('Look 2', { website }));
    await firm.create('client_contacts', { client: second.id, contact: first.primary_contact });
    await firm.create('addresses', { client: second.id, line1: 'Look Street' });
    const before = await state();
    const answer = await merge(first.id, { with: [second.id] }, '?preview=true');
    const { record, moved, dropped } = expectStatus(answer, 200).body;
    assert.equal(record.website, 'https://l.example/');
    assert.deepEqual(moved, { client_contact: 1, address: 1 });
    assert.deepEqual(dropped, { client_contact: 1 });
    assert.equal(answer.headers['atrium-group'], undefined);
    assert.deepEqual(await state(), before);
});

test('a link that both contacts had stands once, and keeps who is primary', async () => {
    const client = await firm.create('clients', company('Linker'));
    const twin = await firm.create('contacts', { name: 'Twin' });
    await firm.create('client_contacts', { client: client.id, contact: twin.id, role: 'billing' });
    const before = await state();
    const where = `contacts/${twin.id}/merge`;
    const answer = await firm.call('POST', where, { with: [client.primary_contact] });
    expectStatus(answer, 200);
    const links = await firm.all('client_contacts', `client=${client.id}`);
    assert.deepEqual(
        links.map((link) => [link.contact, link.is_primary, link.role]),
        [[twin.id, true, 'billing']],
    );
    assert.equal((await show(client.id)).primary_contact, twin.id);
    expectStatus(await undo(answer.headers['atrium-group']), 200);
    assert.deepEqual(await state(), before);
});

test('what cannot be merged is told by field', async () => {
    const { id } = await firm.create('clients', company('Faulty'));
    const other = await firm.create('clients', company('Faultless'));
    const nowhere = '01890000-0000-7000-8000-000000000000';
    const cases = [
        [{ with: [] }, 'with', 'range'],
        [{ with: ['x'] }, 'with', 'format'],
        [{ with: [id] }, 'with', 'twice'],
        [{ with: [other.id, other.id] }, 'with', 'twice'],
        [{ with: [nowhere] }, 'with', 'missing'],
        [{ with: [other.id], fields: { nmae: id } }, 'fields.nmae', 'unknown'],
        [{ with: [other.id], fields: { name: nowhere } }, 'fields.name', 'choice'],
        [{ with: [other.id], also: 1 }, '', 'unknown'],
    ];
    for (const [given, field, code] of cases) expectFault(await merge(id, given), field, code);
    expectProblem(await merge(nowhere, { with: [other.id] }), 404);
    expectStatus(await firm.call('POST', `addresses/${id}/merge`, { with: [id] }), 404);
});

test('what more than a thousand refer to is merged by a job, and undone by one', async () => {
    const first = await firm.create('clients', company('Big 1'));
    const second = await firm.create('clients', company('Big 2'));
    const add = async (at) => {
        for (; at < 1020; at += 16)
            await firm.create('addresses', { client: second.id, line1: `Street ${at}` });
    };
    await Promise.all(Array.from({ length: 16 }, (_, at) => add(at)));
    const was = await show(second.id);
    const job = await jobEnded(firm, await merge(first.id, { with: [second.id] }));
    assert.equal(job.state, 'done', JSON.stringify(job));
    const count = async (id) =>
        (await firm.call('GET', `addresses?client=${id}&count=true&limit=1`)).body.count.value;
    assert.equal(await count(first.id), 1020);
    expectStatus(await firm.call('GET', `clients/${second.id}`), 308);
    const back = await jobEnded(firm, await undo(job.group));
    assert.equal(back.state, 'done', JSON.stringify(back));
    assert.equal(back.result.kept_count, 0, JSON.stringify(back));
    assert.deepEqual([await count(first.id), await count(second.id)], [0, 1020]);
    assert.deepEqual(plain(await show(second.id)), plain(was));
    expectProblem(await undo(job.group), 409);
});
