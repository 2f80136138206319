// What a table may name when an import is by somebody who does not see every client: what is out of
// sight is as if it were not there.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { expectStatus } from '../door/expect.mjs';
import { jobEnded } from '../door/jobs.mjs';
import { join } from '../door/people.mjs';
import { openServer } from '../door/server.mjs';

let server;
let firm;
let who;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
    await firm.create('roles', {
        name: 'desk',
        label: 'Desk',
        rows: ['managed'],
        rights: {
            client: ['view', 'create', 'edit'],
            contact: ['view', 'create', 'edit'],
            address: ['view', 'create', 'edit'],
        },
    });
    who = await join(firm, 'Dee Desk', 'desk');
});
after(() => server.close());

/** A client of the desk's, or of nobody. */
const makeClient = (name, isMine, more = {}) => {
    const account_manager = isMine ? who.user.id : undefined;
    return firm.create('clients', { name, kind: 'individual', account_manager, ...more });
};
const csv = { 'content-type': 'text/csv' };
/** An import by the desk; gives its result, and all that was told of it as `told`. */
async function load(where, text) {
    const job = await jobEnded(who, await who.call('POST', where, text, csv));
    assert.equal(job.state, 'done', JSON.stringify(job));
    return { ...job.result, told: JSON.stringify(job) };
}

test('a reference by name leads to what is seen alone', async () => {
    const mine = await makeClient('Twice', true);
    const other = await makeClient('Twice', false);
    const hidden = await makeClient('Hidden', false);
    const rows = 'Twice,One\nHidden,Two\nNone,Three\n';
    const done = await load('addresses/import', `client,line1\n${rows}`);
    assert.deepEqual([done.created, done.failed], [1, 2], done.told);
    const addresses = await firm.all('addresses');
    const streets = (client) =>
        addresses.filter((one) => one.client === client.id).map((one) => one.line1);
    assert.deepEqual(streets(mine), ['One']);
    assert.deepEqual([...streets(other), ...streets(hidden)], []);
    const words = done.faults.map((fault) => fault.message.replace(/Hidden|None/, ''));
    assert.equal(words[0], words[1], done.told);
    assert.ok(!done.told.includes(hidden.id) && !done.told.includes(other.id), done.told);
});

test('a match finds what is seen alone', async () => {
    const mine = await makeClient('Match mine', true, { phones: ['+31 20 765 0001'] });
    const other = await makeClient('Match other', false, { phones: ['+31 20 765 0001'] });
    const hidden = await makeClient('Match hidden', false, { phones: ['+31 20 765 0002'] });
    const rows = '+31 20 765 0001,Found\n+31 20 765 0002,Not found\n';
    const where = 'clients/import?match=phones&mode=update';
    const done = await load(where, `phones,business_name\n${rows}`);
    assert.equal(done.updated, 1, done.told);
    assert.equal((await firm.get('clients', mine.id)).business_name, 'Found');
    for (const one of [other, hidden])
        assert.deepEqual(await firm.get('clients', one.id), one, done.told);
});

test('a match by id does not reach what is out of sight', async () => {
    const hidden = await makeClient('By id', false);
    const table = `id,name\n${hidden.id},Taken over\n`;
    const done = await load('clients/import?match=id&mode=update', table);
    assert.equal(done.updated, 0, done.told);
    assert.deepEqual(await firm.get('clients', hidden.id), hidden);
    expectStatus(await who.call('GET', `clients/${hidden.id}`), 404);
});
