// What a firm decides for itself: its choices, its settings, its users.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { expectFault, expectProblem, expectStatus } from '../door/expect.mjs';
import { openServer } from '../door/server.mjs';

let server;
let firm;
let other;
before(async () => {
    server = await openServer(['acme', 'other']);
    firm = server.firms.acme;
    other = server.firms.other;
});
after(() => server.close());

const individual = (more) => ({ name: 'Somebody', kind: 'individual', ...more });

describe('choices', () => {
    test('of a firm are taken at once, by that firm alone', async () => {
        const record = individual({ status: 'paused' });
        expectFault(await firm.call('POST', 'clients', record), 'status');
        await firm.create('choices', {
            set: 'client.status',
            value: 'paused',
            label: 'Paused',
            color: '#112233',
            category: 'open',
        });
        const made = await firm.create('clients', record);
        assert.equal(made.status, 'paused');
        expectFault(await other.call('POST', 'clients', record), 'status');
        assert.deepEqual(
            (await firm.all('clients', 'status=paused')).map((r) => r.id),
            [made.id],
        );
    });

    test('stand in the catalog beside the built-in ones', async () => {
        const { sets } = expectStatus(await firm.call('GET', 'schema'), 200).body;
        const { choices } = sets.find((set) => set.name === 'client.status');
        const found = choices.find((choice) => choice.value === 'paused');
        assert.deepEqual([found.label, found.color], ['Paused', '#112233']);
        assert.ok(choices.some((choice) => choice.value === 'active'));
        const theirs = expectStatus(await other.call('GET', 'schema'), 200).body.sets;
        assert.ok(!JSON.stringify(theirs).includes('paused'));
    });

    test('that are no colour, or have no set, are refused', async () => {
        const choice = { set: 'client.status', value: 'x', label: 'X' };
        expectFault(await firm.call('POST', 'choices', { ...choice, color: 'red' }), 'color');
        expectFault(
            await firm.call('POST', 'choices', { value: 'x', label: 'X' }),
            'set',
            'required',
        );
    });
});

describe('settings', () => {
    test('are one record, which can be changed but neither made nor deleted', async () => {
        const [settings, ...rest] = await firm.all('settings');
        assert.equal(rest.length, 0);
        assert.equal(settings.title, 'ACME');
        const where = `settings/${settings.id}`;
        const answer = expectStatus(
            await firm.call('PATCH', where, { title: 'Acme & Söhne' }),
            200,
        );
        assert.equal(answer.body.title, 'Acme & Söhne');
        expectStatus(await firm.call('POST', 'settings', { title: 'Two' }), 404, 405);
        expectStatus(await firm.call('DELETE', where), 404, 405);
        expectFault(await firm.call('PATCH', where, { currency: 'XXY' }), 'currency');
        expectFault(await firm.call('PATCH', where, { timezone: 'Mars/Olympus' }), 'timezone');
    });

    test('can allow companies without a contact, which are flagged', async () => {
        const record = { name: 'Lonely', kind: 'company' };
        expectFault(await firm.call('POST', 'clients', record), 'primary_contact', 'required');
        const [settings] = await firm.all('settings');
        const allow = (isAllowed) =>
            firm.call('PATCH', `settings/${settings.id}`, {
                allow_clients_without_contact: isAllowed,
            });
        expectStatus(await allow(true), 200);
        const made = await firm.create('clients', record);
        assert.equal(made.primary_contact, null);
        assert.ok(made.incomplete.includes('primary_contact'));
        const patch = { primary_contact: { name: 'At Last' } };
        const whole = expectStatus(await firm.call('PATCH', `clients/${made.id}`, patch), 200).body;
        assert.deepEqual(whole.incomplete, []);
        expectStatus(await allow(false), 200);
        expectFault(await firm.call('POST', 'clients', record), 'primary_contact', 'required');
    });
});

describe('users', () => {
    test('are let out when they are disabled, and in again', async () => {
        const user = await firm.create('users', { name: 'Temp', email: 'temp@firm.example' });
        const made = await server.mustRun([
            'token',
            'create',
            '--tenant',
            'acme',
            '--user',
            'temp@firm.example',
        ]);
        const headers = { authorization: `Bearer ${made.out.trim()}` };
        const me = () => firm.call('GET', 'me', undefined, headers);
        expectStatus(await me(), 200);
        expectStatus(await firm.call('PATCH', `users/${user.id}`, { disabled: true }), 200);
        expectProblem(await me(), 401);
        expectStatus(await firm.call('PATCH', `users/${user.id}`, { disabled: false }), 200);
        expectStatus(await me(), 200);
        expectStatus(await firm.call('DELETE', `users/${user.id}`), 204);
        expectProblem(await me(), 401);
    });

    test('need an address that is one, and it shows no password', async () => {
        expectFault(await firm.call('POST', 'users', { name: 'X', email: 'nobody' }), 'email');
        expectFault(
            await firm.call('POST', 'users', {
                name: 'X',
                email: 'x@firm.example',
                password: 'correct horse',
            }),
            'password',
            'unknown',
        );
        const text = JSON.stringify(await firm.all('users'));
        assert.ok(!/argon|password|hash/i.test(text), text);
    });

    test('who changed a record stand in it', async () => {
        const user = await firm.create('users', { name: 'Writer', email: 'writer@firm.example' });
        const token = await server.mustRun([
            'token',
            'create',
            '--tenant',
            'acme',
            '--user',
            'writer@firm.example',
        ]);
        const made = await firm.create('clients', individual());
        const headers = { authorization: `Bearer ${token.out.trim()}` };
        const patch = await firm.call('PATCH', `clients/${made.id}`, { name: 'Changed' }, headers);
        assert.equal(patch.body.updated_by, user.id);
        assert.equal(patch.body.created_by, made.created_by);
        const { data } = (await firm.call('GET', `clients/${made.id}/history`)).body;
        assert.equal(data[0].actor, user.id);
    });
});
