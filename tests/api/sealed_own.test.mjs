// Sealed fields of a firm's own: found whole, hidden in the store, and never made of plain ones.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { expectFault, expectProblem, expectStatus } from '../door/expect.mjs';
import { addField, untilReady } from '../door/fields.mjs';
import { jobEnded } from '../door/jobs.mjs';
import { openServer } from '../door/server.mjs';

const iban = 'DE89370400440532013000';
const otherIban = 'GB82WEST12345698765432';

let server;
let firm;
let field;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
    const words = { entity: 'client', name: 'x_account', kind: 'sealed', format: 'iban' };
    field = await addField(firm, { ...words, unique: true });
});
after(() => server.close());

let number = 0;
const client = (more) =>
    firm.create('clients', {
        name: `Client ${++number}`,
        kind: 'company',
        primary_contact: { name: `Contact ${number}` },
        ...more,
    });
const idsOf = async (query) => (await firm.all('clients', query)).map(({ id }) => id);
const make = (more) =>
    firm.call('POST', 'custom_fields', { entity: 'client', name: 'x_more', ...more });

/** Every file of the data directory, in one piece. */
async function everythingStored() {
    const parts = [];
    const entries = await fs.readdir(server.directory, { recursive: true, withFileTypes: true });
    for (const entry of entries.filter((one) => one.isFile()))
        parts.push(await fs.readFile(path.join(entry.parentPath ?? entry.path, entry.name)));
    return Buffer.concat(parts);
}

describe('a sealed field of one’s own', () => {
    test('is kept in its form, found whole and not otherwise', async () => {
        const one = await client({ x_account: ' de89 3704 0044 0532 0130 00' });
        assert.equal(one.x_account, iban);
        assert.deepEqual(await idsOf(`x_account=${iban}`), [one.id]);
        assert.deepEqual(await idsOf('x_account=de89%203704%200044%200532%200130%2000'), [one.id]);
        for (const query of ['x_account[prefix]=DE89', 'x_account[gt]=A', 'sort=x_account'])
            expectProblem(await firm.call('GET', `clients?${query}`), 400, 'x_account');
        assert.deepEqual(await idsOf(`q=${iban}`), []);
        const taken = { name: 'Other', kind: 'individual', x_account: iban };
        expectProblem(await firm.call('POST', 'clients', taken), 409, 'x_account', 'taken');
        const wrong = { x_account: 'DE00370400440532013000' };
        expectFault(await firm.call('PATCH', `clients/${one.id}`, wrong), 'x_account', 'format');
        const history = await firm.call('GET', `clients/${one.id}/history`);
        assert.equal(history.body.data[0].changes.x_account.new, iban);
    });

    test('lies nowhere in the open, and goes along with an import and a new key', async () => {
        const table = `Name,Kind,x_account\nImported,company,${otherIban}\n`;
        const body = { text: table, match: 'x_account', mode: 'upsert' };
        const first = await jobEnded(firm, await firm.call('POST', 'clients/import', body));
        assert.equal(first.state, 'done', JSON.stringify(first));
        const [id] = await idsOf(`x_account=${otherIban}`);
        assert.ok(id);
        const changed = { ...body, text: table.replace('Imported', 'Matched') };
        await jobEnded(firm, await firm.call('POST', 'clients/import', changed));
        assert.deepEqual(await idsOf(`x_account=${otherIban}`), [id]);
        assert.equal((await firm.get('clients', id)).name, 'Matched');
        await server.mustRun(['key', 'rotate', '--tenant', 'acme']);
        assert.deepEqual(await idsOf(`x_account=${otherIban}`), [id]);
        assert.equal((await firm.get('clients', id)).x_account, otherIban);
        const stored = await everythingStored();
        for (const word of [iban, otherIban]) assert.ok(!stored.includes(word), word);
    });

    test('is found by what was sealed before it had an index, and what comes back', async () => {
        const plain = { entity: 'client', name: 'x_ticket', kind: 'sealed', index: false };
        const ticket = await addField(firm, plain);
        const old = await client({ x_ticket: 'Kept one' });
        const changed = await client({ x_ticket: 'Undone one' });
        const patch = { x_ticket: 'In between' };
        const where = `clients/${changed.id}`;
        const second = await firm.call('PATCH', where, patch);
        const gone = await client({ x_ticket: 'Deleted one' });
        expectStatus(await firm.call('DELETE', `clients/${gone.id}`), 204);
        expectProblem(await firm.call('GET', 'clients?x_ticket=Kept+one'), 400, 'index');
        expectStatus(await firm.call('PATCH', `custom_fields/${ticket.id}`, { index: true }), 200);
        await untilReady(firm, ticket.id);
        assert.deepEqual(await idsOf('x_ticket=kept+one'), [old.id]);
        assert.deepEqual(await idsOf('x_ticket=in+between'), [changed.id]);
        const group = expectStatus(second, 200).headers['atrium-group'];
        expectStatus(await firm.call('POST', `groups/${group}/undo`), 200);
        expectStatus(await firm.call('POST', `clients/${gone.id}/restore`), 200);
        assert.deepEqual(await idsOf('x_ticket=undone+one'), [changed.id]);
        assert.deepEqual(await idsOf('x_ticket=deleted+one'), [gone.id]);
        assert.deepEqual(await idsOf('x_ticket=in+between'), []);
        const { data } = (await firm.call('GET', `clients/${old.id}/history`)).body;
        assert.equal(data[0].operation, 'create');
    });

    test('is never made of a plain one, nor a plain one of it', async () => {
        const text = await addField(firm, { entity: 'client', name: 'x_plain', kind: 'text' });
        for (const [{ id }, kind] of [
            [text, 'sealed'],
            [field, 'text'],
        ])
            expectFault(await firm.call('PATCH', `custom_fields/${id}`, { kind }), 'kind');
        expectStatus(await firm.call('DELETE', `custom_fields/${text.id}`), 204);
        const again = await make({ name: 'x_plain', kind: 'sealed' });
        expectFault(again, 'name', 'taken');
    });

    test('refuses what would tell of it', async () => {
        expectFault(await make({ kind: 'sealed', search: true }), 'search');
        expectFault(await make({ kind: 'sealed', default: 'open' }), 'default');
        const formula = { kind: 'formula', formula: 'record.x_account' };
        expectProblem(await make(formula), 422, 'x_account is sealed');
        expectFault(await make({ kind: 'number', format: 'iban' }), 'format');
        expectFault(await make({ kind: 'sealed', format: 'bic' }), 'format');
        await addField(firm, { entity: 'address', name: 'x_code', kind: 'sealed' });
        const rollup = { from: 'address', via: 'client', function: 'latest', field: 'x_code' };
        expectProblem(await make({ kind: 'rollup', rollup }), 422, 'x_code');
        const view = { entity: 'client', columns: 'name', order: 'x_account', name: 'By account' };
        expectFault(await firm.call('POST', 'views', view), 'order');
        const grouped = await firm.call('GET', 'clients?group_by=x_account');
        expectProblem(grouped, 400, 'x_account');
    });
});
