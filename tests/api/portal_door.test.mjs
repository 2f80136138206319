// The portal's door: who comes in, whom it shows, what changes at the next request.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { expectFault, expectProblem, expectStatus, uuidForm } from '../door/expect.mjs';
import { contactPassword, enter, portalHost } from '../door/portal.mjs';
import { openServer, password } from '../door/server.mjs';

let server;
let firm;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
});
after(() => server.close());

let number = 0;
async function makeClient() {
    const name = `Client ${++number}`;
    const primary_contact = { name: `Contact ${number}`, emails: [`c${number}@mail.example`] };
    return firm.create('clients', { name, kind: 'company', primary_contact });
}
const patch = async (collection, id, body) =>
    expectStatus(await firm.call('PATCH', `${collection}/${id}`, body), 200);

describe('who I am', () => {
    test('names the contact, its clients, and what may be done', async () => {
        const client = await makeClient();
        const contact = await enter(firm, [client.id], client.primary_contact, 'all');
        const me = await contact.get('me');
        assert.equal(me.door, 'portal');
        assert.equal(me.user.id, contact.account.id);
        assert.equal(me.user.email, contact.account.email);
        assert.match(me.user.name, /^Contact \d+$/);
        assert.deepEqual(me.roles, ['contact']);
        assert.deepEqual(me.portal, {
            contact: client.primary_contact,
            client: client.id,
            clients: [{ id: client.id, name: client.name, right: 'all' }],
            viewed_by: null,
        });
        assert.deepEqual(me.entities.client, ['view']);
        assert.deepEqual(me.entities.contact, ['view', 'edit']);
        assert.equal(me.entities.user, undefined);
        assert.match(me.session.id, uuidForm);
    });

    test('the first sign-in makes the account active, and each is noted', async () => {
        const client = await makeClient();
        const contact = await enter(firm, [client.id], client.primary_contact);
        const first = await firm.get('portal_accounts', contact.account.id);
        assert.equal(first.state, 'active');
        assert.ok(Math.abs(Date.parse(first.last_sign_in_at) - Date.now()) < 60_000);
        await contact.signIn();
        const second = await firm.get('portal_accounts', contact.account.id);
        assert.ok(second.last_sign_in_at > first.last_sign_in_at);
    });
});

describe('several clients', () => {
    test('are shown one at a time, as the session chooses', async () => {
        const one = await makeClient();
        const two = await makeClient();
        const contact = await enter(firm, [one.id, two.id], one.primary_contact);
        assert.equal((await contact.get('me')).portal.client, one.id);
        const names = async () => (await contact.all('clients')).map((client) => client.name);
        assert.deepEqual(await names(), [one.name]);
        expectProblem(await contact.call('GET', `clients/${two.id}`), 404);
        const chosen = await contact.call('POST', 'session/client', { client: two.id });
        assert.equal(expectStatus(chosen, 200).body.portal.client, two.id);
        assert.deepEqual(await names(), [two.name]);
        expectProblem(await contact.call('GET', `clients/${one.id}`), 404);
        // Another session of the same account begins with the first one.
        const { cookie, csrf } = contact;
        await contact.signIn();
        assert.deepEqual(await names(), [one.name]);
        Object.assign(contact, { cookie, csrf });
        assert.deepEqual(await names(), [two.name]);
    });

    test("only what is open, and the account has a right to, may be chosen", async () => {
        const one = await makeClient();
        const shut = await makeClient();
        const foreign = await makeClient();
        const contact = await enter(firm, [one.id, shut.id], one.primary_contact);
        await patch('clients', shut.id, { portal_enabled: false });
        await patch('clients', foreign.id, { portal_enabled: true });
        for (const client of [shut.id, foreign.id, contact.account.id])
            expectFault(await contact.call('POST', 'session/client', { client }), 'client');
        expectStatus(await contact.call('POST', 'session/client', { client: 'x' }), 422);
        expectStatus(await contact.call('POST', 'session/client', {}), 422);
        const { portal } = await contact.get('me');
        assert.deepEqual(
            portal.clients.map((client) => client.id),
            [one.id],
        );
    });
});

describe('at the next request', () => {
    test('a portal that is switched off shows nothing of its client', async () => {
        const client = await makeClient();
        const contact = await enter(firm, [client.id], client.primary_contact);
        await patch('clients', client.id, { portal_enabled: false });
        assert.equal((await contact.get('me')).portal.client, null);
        assert.deepEqual(await contact.all('clients'), []);
        assert.deepEqual(await contact.all('contacts'), []);
        expectProblem(await contact.call('GET', `clients/${client.id}`), 404);
        await patch('clients', client.id, { portal_enabled: true });
        assert.equal((await contact.all('clients')).length, 1);
        expectStatus(await firm.call('POST', `clients/${client.id}/archive`), 200);
        assert.deepEqual(await contact.all('clients'), []);
    });

    test('a client that was chosen and is closed since gives way to one that is open', async () => {
        const one = await makeClient();
        const two = await makeClient();
        const contact = await enter(firm, [one.id, two.id], one.primary_contact);
        const chosen = { client: two.id };
        expectStatus(await contact.call('POST', 'session/client', chosen), 200);
        const names = async () => (await contact.all('clients')).map((client) => client.name);
        await patch('clients', two.id, { portal_enabled: false });
        assert.equal((await contact.get('me')).portal.client, one.id);
        assert.deepEqual(await names(), [one.name]);
        expectProblem(await contact.call('GET', `clients/${two.id}`), 404);
        await patch('clients', two.id, { portal_enabled: true });
        assert.deepEqual(await names(), [two.name]);
    });

    test('a right that is taken away shows nothing, and the account still has a name', async () => {
        const client = await makeClient();
        const contact = await enter(firm, [client.id], client.primary_contact);
        const [right] = await firm.all('portal_rights', `account=${contact.account.id}`);
        expectStatus(await firm.call('DELETE', `portal_rights/${right.id}`), 204);
        const me = await contact.get('me');
        assert.match(me.user.name, /^Contact/);
        assert.deepEqual(me.portal.clients, []);
        for (const collection of ['clients', 'contacts', 'addresses', 'projects'])
            assert.deepEqual(await contact.all(collection), [], collection);
        const edit = { name: 'Me' };
        const where = `contacts/${client.primary_contact}`;
        expectStatus(await contact.call('PATCH', where, edit), 403, 404);
        await contact.signIn();
    });

    test('a disabled account, and one of an archived or deleted contact, is out', async () => {
        const client = await makeClient();
        const contact = await enter(firm, [client.id], client.primary_contact);
        const account = contact.account.id;
        await patch('portal_accounts', account, { state: 'disabled' });
        expectProblem(await contact.call('GET', 'me'), 401);
        const given = { email: contact.account.email, password: contactPassword };
        expectProblem(await contact.call('POST', 'session', given, { cookie: '' }), 401);
        await patch('portal_accounts', account, { state: 'active' });
        // What was ended stays ended.
        expectProblem(await contact.call('GET', 'me'), 401);
        await contact.signIn();
        expectStatus(await firm.call('POST', `contacts/${client.primary_contact}/archive`), 200);
        expectProblem(await contact.call('GET', 'me'), 401);
        expectProblem(await contact.call('POST', 'session', given, { cookie: '' }), 401);
        expectStatus(await firm.call('POST', `contacts/${client.primary_contact}/restore`), 200);
        await contact.signIn();
        const other = await firm.create('contacts', { name: 'Instead' });
        const link = { client: client.id, contact: other.id, is_primary: true };
        await firm.create('client_contacts', link);
        expectStatus(await firm.call('DELETE', `contacts/${client.primary_contact}`), 204);
        expectProblem(await contact.call('GET', 'me'), 401);
    });

    test('a password that the firm sets ends what was begun with the old one', async () => {
        const client = await makeClient();
        const contact = await enter(firm, [client.id], client.primary_contact);
        const where = `portal_accounts/${contact.account.id}/password`;
        const replaced = { password: 'another word of the firm' };
        expectStatus(await firm.call('POST', where, replaced), 204);
        expectProblem(await contact.call('GET', 'me'), 401);
        await contact.signIn({ email: contact.account.email, ...replaced });
        expectFault(await firm.call('POST', where, { password: 'short' }), 'password');
        expectStatus(await firm.call('POST', where, {}), 422);
        const nobody = `portal_accounts/${client.id}/password`;
        expectProblem(await firm.call('POST', nobody, replaced), 404);
        const account = await firm.call('GET', `portal_accounts/${contact.account.id}`);
        assert.ok(!/password|argon/i.test(account.text), account.text);
    });
});

describe('each door takes its own', () => {
    test('credentials of one are nothing at the other', async () => {
        const client = await makeClient();
        const contact = await enter(firm, [client.id], client.primary_contact);
        const portal = portalHost(firm);
        const staffEntry = await server.send({
            method: 'POST',
            path: '/api/v1/session',
            headers: { host: firm.host },
            body: { email: firm.owner, password },
        });
        const [staffCookie] = expectStatus(staffEntry, 201).headers['set-cookie'][0].split(';');
        const bearer = `Bearer ${firm.token}`;
        const ask = (host, headers, path = 'me') =>
            server.send({ method: 'GET', path: `/api/v1/${path}`, headers: { host, ...headers } });
        for (const path of ['me', 'clients', 'schema', 'changes', 'sessions']) {
            expectProblem(await ask(portal, { authorization: bearer }, path), 401);
            expectProblem(await ask(portal, { cookie: staffCookie }, path), 401);
            expectProblem(await ask(portal, {}, path), 401);
            expectProblem(await ask(firm.host, { cookie: contact.cookie }, path), 401);
        }
        expectStatus(await ask(portal, { cookie: contact.cookie }), 200);
        expectStatus(await ask(firm.host, { cookie: staffCookie }), 200);
        const signIn = (host, email, word) =>
            server.send({
                method: 'POST',
                path: '/api/v1/session',
                headers: { host },
                body: { email, password: word },
            });
        expectProblem(await signIn(portal, firm.owner, password), 401);
        expectProblem(await signIn(firm.host, contact.account.email, contactPassword), 401);
    });

    test('what the portal does not serve is not there', async () => {
        const client = await makeClient();
        const contact = await enter(firm, [client.id], client.primary_contact);
        const where = `clients/${client.id}`;
        const calls = [
            ...['users', 'tasks', 'rules', 'settings', 'jobs', 'outbox', 'runs', 'audit'],
            ...['portal_accounts', 'portal_rights', 'client_contacts', 'search?q=client', 'views'],
            ...['clients/export', 'clients/trash', 'clients/template', `${where}/history`],
            ...[`groups/${client.id}`, 'rules/reference', 'roles', 'teams', 'shares', 'nothing'],
        ].map((path) => ['GET', path]);
        calls.push(
            ['DELETE', where],
            ['POST', `${where}/archive`],
            ['POST', `${where}/merge`, { with: [client.id] }],
            ['POST', `${where}/enable_portal`],
            ['POST', 'clients/bulk', { operations: [] }],
            ['POST', 'clients/import', {}],
            ['POST', `portal_accounts/${contact.account.id}/password`, { password: 'whatever 1' }],
            ['POST', 'uploads', {}],
        );
        for (const [method, path, body] of calls) {
            const answer = await contact.call(method, path, body);
            assert.equal(answer.status, 404, `${method} ${path}: ${answer.text}`);
        }
        expectProblem(await contact.call('POST', 'clients', { name: 'New' }), 403);
        expectProblem(await contact.call('PATCH', where, { name: 'New' }), 403);
    });
});
