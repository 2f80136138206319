// A firm's own fields in a group are hidden as declared ones are: from who does not see the group
// they are absent on every road, from who may not edit it they are read only.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openEvents } from '../door/events.mjs';
import { expectFault, expectProblem, expectStatus } from '../door/expect.mjs';
import { addField } from '../door/fields.mjs';
import { join } from '../door/people.mjs';
import { openServer } from '../door/server.mjs';

const iban = 'DE89370400440532013000';
const hidden = {
    x_margin: 7310001,
    x_word: 'canarybird',
    x_account: iban,
    x_fee: { amount: 7310002, currency: 'EUR' },
    x_sum: undefined, // computed, below
};

let server;
let firm;
let blind;
let reader;
let editor;
let client;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
    const own = (name, kind, group, more = {}) =>
        addField(firm, { entity: 'client', name, kind, group, ...more });
    await own('x_margin', 'number', 'financials');
    await own('x_word', 'text', 'internal', { search: true });
    await own('x_account', 'sealed', 'financials', { format: 'iban' });
    await own('x_fee', 'money', 'financials');
    await own('x_sum', 'formula', 'financials', {
        formula: '(record.x_margin or 0) + 1',
        result: 'number',
    });
    // It fails, and so `incomplete` names it.
    await own('x_broken', 'formula', 'internal', {
        formula: 'record.x_word + 1',
        result: 'number',
    });
    await addField(firm, { entity: 'client', name: 'x_open', kind: 'text' });
    const role = async (name, sees, edits) => {
        const words = { name, label: name, rows: ['all'], sees, edits };
        await firm.create('roles', { ...words, rights: { client: ['view', 'edit', 'export'] } });
        return join(firm, name, name);
    };
    blind = await role('blind', [], []);
    reader = await role('reader', ['financials', 'internal'], []);
    editor = await role('editor', ['financials', 'internal'], ['financials', 'internal']);
    const { x_sum: _, ...values } = hidden;
    client = await firm.create('clients', {
        name: 'Acme',
        kind: 'individual',
        x_open: 'seen by all',
        ...values,
    });
});
after(() => server.close());

function expectNothing(answer, status = 200) {
    const { text } = expectStatus(answer, status);
    const words = ['x_broken', 'canarybird', iban, '731000'];
    for (const word of [...Object.keys(hidden), ...words])
        assert.ok(!text.includes(word), `${word} in ${text.slice(0, 1000)}`);
    return answer;
}

describe('own fields in a group that a role does not see', () => {
    test('are absent wherever records are shown', async () => {
        const where = `clients/${client.id}`;
        assert.ok(expectNothing(await blind.call('GET', where)).text.includes('seen by all'));
        for (const path of [
            'clients',
            `${where}/history`,
            'changes?after=0&limit=200',
            `${where}?at=${encodeURIComponent(new Date(Date.now() + 60_000).toISOString())}`,
            'schema',
            'openapi.json',
            'clients/export',
        ])
            expectNothing(await blind.call('GET', path));
        for (const word of ['canarybird', iban]) {
            const found = await blind.call('GET', `clients?q=${word}`);
            assert.deepEqual(expectStatus(found, 200).body.data, []);
            const anywhere = await blind.call('GET', `search?q=${word}`);
            assert.ok(!expectStatus(anywhere, 200).text.includes(client.id));
        }
    });

    test('do not fail in sight', async () => {
        const { incomplete } = await firm.get('clients', client.id);
        assert.deepEqual(incomplete, ['x_broken']);
        const shown = expectStatus(await blind.call('GET', `clients/${client.id}`), 200).body;
        assert.ok(!('incomplete' in shown));
        for (const query of ['incomplete=x', 'incomplete[empty]=false', 'group_by=incomplete'])
            expectNothing(await blind.call('GET', `clients?${query}`), 400);
    });

    test('are unknown to filters, sorts, columns and groups, as what never was', async () => {
        for (const name of Object.keys(hidden))
            for (const query of [
                `${name}=1`,
                `${name}[empty]=true`,
                `sort=${name}`,
                `fields=${name}`,
                `group_by=${name}`,
                `filter=${encodeURIComponent(JSON.stringify({ [name]: null }))}`,
            ]) {
                const asked = await blind.call('GET', `clients?${query}`);
                const never = query.replace(name, 'x_never');
                const none = await blind.call('GET', `clients?${never}`);
                expectProblem(asked, 400);
                assert.equal(
                    asked.body.detail.replaceAll(name, 'x_never'),
                    none.body.detail,
                    query,
                );
            }
    });

    test('are unknown to changes, and kept by them', async () => {
        const where = `clients/${client.id}`;
        for (const name of Object.keys(hidden)) {
            const answer = await blind.call('PATCH', where, { [name]: hidden[name] ?? 1 });
            expectFault(answer, name, 'unknown');
        }
        expectNothing(await blind.call('PATCH', where, { x_open: 'changed' }));
        const { x_margin, x_account } = await firm.get('clients', client.id);
        assert.deepEqual([x_margin, x_account], [hidden.x_margin, iban]);
    });

    test('are silent on an open stream', async () => {
        const stream = await openEvents(blind);
        await stream.until((one) => one.lastId !== '', 'its place');
        const where = `clients/${client.id}`;
        expectStatus(await firm.call('PATCH', where, { x_margin: 7310009 }), 200);
        const seen = { x_open: 'heard', x_word: 'canarybird2' };
        expectStatus(await firm.call('PATCH', where, seen), 200);
        await stream.until((one) => one.events.length > 0, 'the change that it sees');
        const told = JSON.stringify(stream.events);
        assert.ok(told.includes('heard') && !told.includes('7310009'));
        assert.ok(!told.includes('x_word') && !told.includes('canarybird'));
        stream.close();
        const before = { x_margin: 7310001, x_word: 'canarybird' };
        expectStatus(await firm.call('PATCH', where, before), 200);
    });
});

describe('own fields in a group that a role sees', () => {
    test('are shown, found and counted by', async () => {
        for (const who of [reader, editor]) {
            const { body } = expectStatus(await who.call('GET', `clients/${client.id}`), 200);
            for (const [name, value] of Object.entries(hidden))
                assert.deepEqual(body[name], value ?? hidden.x_margin + 1, name);
            for (const query of [`x_account=${iban}`, 'x_margin=7310001', 'q=canarybird']) {
                const found = await who.call('GET', `clients?${query}`);
                assert.equal(expectStatus(found, 200).body.data.length, 1, query);
            }
        }
    });

    test('are changed only by who may edit it', async () => {
        const where = `clients/${client.id}`;
        for (const name of ['x_margin', 'x_word', 'x_account', 'x_fee']) {
            const answer = await reader.call('PATCH', where, { [name]: null });
            assert.ok([403, 422].includes(answer.status), `${name}: ${answer.text}`);
        }
        const changed = await editor.call('PATCH', where, { x_margin: 7310005 });
        assert.equal(expectStatus(changed, 200).body.x_sum, 7310006);
    });

    test('are hidden again once its role sees the group no more', async () => {
        const [role] = await firm.all('roles', 'name=reader');
        expectStatus(await firm.call('PATCH', `roles/${role.id}`, { sees: [] }), 200);
        expectNothing(await reader.call('GET', `clients/${client.id}`));
        expectProblem(await reader.call('GET', 'clients?x_margin=1'), 400);
    });

    test('follow a field that is put into a group later', async () => {
        const open = (await firm.all('custom_fields', 'name=x_open'))[0];
        const where = `custom_fields/${open.id}`;
        expectStatus(await firm.call('PATCH', where, { group: 'internal' }), 200);
        const { text } = expectStatus(await blind.call('GET', `clients/${client.id}`), 200);
        assert.ok(!text.includes('x_open') && !text.includes('heard'), text);
        const history = await blind.call('GET', `clients/${client.id}/history`);
        assert.ok(!history.text.includes('x_open') && !history.text.includes('seen by all'));
    });
});
