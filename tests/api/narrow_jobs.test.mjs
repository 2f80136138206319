// Long work of somebody who sees a part: what it did is told, and counted, of that part alone.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { expectStatus } from '../door/expect.mjs';
import { jobEnded, resultsOf } from '../door/jobs.mjs';
import { join } from '../door/people.mjs';
import { openServer } from '../door/server.mjs';

/** So many that two writes for each are more than one change holds. */
const MANY = 520;

let server;
let firm;
let narrow;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
    const all = ['view', 'create', 'edit', 'delete'];
    const names = ['client', 'contact', 'client_contact', 'address'];
    const rights = { user: ['view'], ...Object.fromEntries(names.map((name) => [name, all])) };
    const role = { name: 'narrow', label: 'Narrow', rows: ['managed'], sees: [], rights };
    await firm.create('roles', role);
    narrow = await join(firm, 'Nora', 'narrow');
});
after(() => server.close());

const mine = (name) =>
    firm.create('clients', { name, kind: 'individual', account_manager: narrow.user.id });

/** Many addresses of a client, which she sees, and twenty credentials, which she does not. */
async function fill(client) {
    const bulk = async (plural, creates) => {
        for (let at = 0; at < creates.length; at += 500) {
            const some = creates.slice(at, at + 500).map((create) => ({ create }));
            expectStatus(await firm.call('POST', `${plural}/bulk`, some), 200);
        }
    };
    const numbers = Array.from({ length: 2 * MANY }, (_, at) => at);
    await bulk('addresses', numbers.map((at) => ({ client, line1: `Street ${at}` })));
    await bulk('credentials', numbers.slice(0, 20).map((at) => ({ client, platform: `P ${at}` })));
}

test('an undo counts the entries that are seen', async () => {
    const lines = Array.from(
        { length: MANY },
        (_, at) => `Client ${at},individual,${at % 2 === 0 ? narrow.email : ''}`,
    );
    const table = `name,kind,account_manager\n${lines.join('\n')}\n`;
    const type = { 'content-type': 'text/csv' };
    const { group } = await jobEnded(
        firm,
        await firm.call('POST', 'clients/import?mode=create', table, type),
    );
    const { count } = expectStatus(await narrow.call('GET', 'clients?count=true'), 200).body;
    assert.equal(count.value, MANY / 2);
    const entries = (3 * MANY) / 2; // of each a client, its contact, and the link
    const job = await jobEnded(narrow, await narrow.call('POST', `groups/${group}/undo`));
    assert.equal(job.state, 'done', JSON.stringify(job));
    assert.deepEqual([job.done, job.total], [entries, entries], JSON.stringify(job));
    assert.equal(job.result.deleted, entries);
    assert.deepEqual(await resultsOf(narrow, job), []);
    assert.equal((await firm.all('clients')).length, MANY / 2);
});

test('a merge counts what is seen of that which it moves', async () => {
    const [into, other] = [await mine('Into'), await mine('Other')];
    await fill(other.id);
    const begun = await narrow.call('POST', `clients/${into.id}/merge`, { with: [other.id] });
    assert.equal(expectStatus(begun, 202).body.total, null);
    const job = await jobEnded(narrow, begun);
    const told = 2 * MANY + 1; // with the link to its contact
    assert.deepEqual([job.done, job.total, job.result.moved], [told, told, told]);
    assert.equal((await firm.all('credentials', `client=${into.id}`)).length, 20);
});

test('a merge that a rule rejects names no field out of sight', async () => {
    const [into, other] = [await mine('Judged'), await mine('Other judged')];
    await fill(other.id);
    const source = 'if record.name == "Judged" then reject("no", "financial_note") end';
    const rule = { name: 'Judge', entity: 'client', point: 'before', on: ['update'], source };
    const { id } = await firm.create('rules', { ...rule, state: 'active' });
    const path = `clients/${into.id}/merge`;
    const job = await jobEnded(narrow, await narrow.call('POST', path, { with: [other.id] }));
    assert.equal(job.problem.errors.length, 1, JSON.stringify(job));
    assert.ok(!JSON.stringify(job).includes('financial_note'), JSON.stringify(job));
    expectStatus(await firm.call('PATCH', `rules/${id}`, { state: 'off' }), 200);
});

test('a deletion counts what is seen of that which goes', async () => {
    const own = await mine('Going');
    await fill(own.id);
    const begun = await narrow.call('DELETE', `clients/${own.id}`);
    assert.equal(expectStatus(begun, 202).body.total, null);
    const job = await jobEnded(narrow, begun);
    const told = 2 * MANY + 2; // the link to its contact, and itself
    assert.deepEqual([job.done, job.total, job.result.deleted], [told, told, told]);
});
