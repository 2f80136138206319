// Portal accounts and rights as records: one account for a contact, one right for each client.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { expectFault, expectProblem, expectStatus } from '../door/expect.mjs';
import { join } from '../door/people.mjs';
import { enter } from '../door/portal.mjs';
import { openServer } from '../door/server.mjs';

let server;
let firm;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
});
after(() => server.close());

let number = 0;
/** A client with its contact, and an account of that contact with a right to it. */
async function makeSet(right = 'own') {
    const place = ++number;
    const client = await firm.create('clients', {
        name: `Client ${place}`,
        kind: 'company',
        primary_contact: { name: `Contact ${place}` },
    });
    const account = await firm.create('portal_accounts', {
        contact: client.primary_contact,
        email: `contact${place}@client.example`,
    });
    const made = { account: account.id, client: client.id, right };
    return { client, account, right: await firm.create('portal_rights', made) };
}

test('a contact has one account, an address is of one, and both begin as declared', async () => {
    const { client, account, right } = await makeSet();
    assert.equal(account.state, 'invited');
    assert.equal(account.last_sign_in_at, null);
    assert.equal(right.right, 'own');
    assert.equal(client.portal_enabled, false);
    const again = { contact: client.primary_contact, email: 'other@client.example' };
    expectProblem(await firm.call('POST', 'portal_accounts', again), 409, 'contact');
    const other = await firm.create('contacts', { name: 'Other' });
    const taken = { contact: other.id, email: account.email.toUpperCase() };
    expectProblem(await firm.call('POST', 'portal_accounts', taken), 409, 'email');
    const computed = { last_sign_in_at: '2026-01-01T00:00:00.000Z' };
    expectFault(await firm.call('PATCH', `portal_accounts/${account.id}`, computed),
        'last_sign_in_at');
});

test('an account has one right for each client, and a right keeps its two ends', async () => {
    const { client, account, right } = await makeSet();
    const second = await makeSet('all');
    const again = { account: account.id, client: client.id, right: 'all' };
    expectProblem(await firm.call('POST', 'portal_rights', again), 409, 'taken');
    await firm.create('portal_rights', { account: account.id, client: second.client.id });
    const moved = { client: second.client.id };
    expectFault(await firm.call('PATCH', `portal_rights/${right.id}`, moved), 'client');
    expectStatus(await firm.call('PATCH', `portal_rights/${right.id}`, { right: 'all' }), 200);
    // What was deleted does not come back beside what took its place.
    expectStatus(await firm.call('DELETE', `portal_rights/${right.id}`), 204);
    const replaced = await firm.create('portal_rights', { account: account.id, client: client.id });
    expectProblem(await firm.call('POST', `portal_rights/${right.id}/restore`), 409);
    expectStatus(await firm.call('DELETE', `portal_rights/${replaced.id}`), 204);
    expectStatus(await firm.call('POST', `portal_rights/${right.id}/restore`), 200);
});

test('both go with what they are of', async () => {
    const { client, account, right } = await makeSet();
    expectStatus(await firm.call('DELETE', `contacts/${client.primary_contact}`), 204, 409);
    const second = await makeSet();
    const link = { client: client.id, contact: second.client.primary_contact, is_primary: true };
    await firm.create('client_contacts', link);
    expectStatus(await firm.call('DELETE', `contacts/${account.contact}`), 204);
    expectProblem(await firm.call('GET', `portal_accounts/${account.id}`), 404);
    expectProblem(await firm.call('GET', `portal_rights/${right.id}`), 404);
    expectStatus(await firm.call('DELETE', `clients/${second.client.id}`), 204);
    expectProblem(await firm.call('GET', `portal_rights/${second.right.id}`), 404);
    expectStatus(await firm.call('GET', `portal_accounts/${second.account.id}`), 200);
});

test('merged clients leave an account one right; the undo gives both back', async () => {
    const one = await makeSet('own');
    const other = await makeSet('all');
    const both = { account: one.account.id, client: other.client.id, right: 'all' };
    const second = await firm.create('portal_rights', both);
    const merged = expectStatus(
        await firm.call('POST', `clients/${one.client.id}/merge`, { with: [other.client.id] }),
        200,
    );
    const rights = await firm.all('portal_rights', `client=${one.client.id}`);
    assert.deepEqual(
        rights.map((right) => [right.id, right.right]).sort(),
        [
            [one.right.id, 'own'],
            [other.right.id, 'all'],
        ].sort(),
    );
    const group = merged.headers['atrium-group'];
    expectStatus(await firm.call('POST', `groups/${group}/undo`), 200);
    const back = await firm.get('portal_rights', second.id);
    assert.equal(back.client, other.client.id);
    assert.equal((await firm.get('portal_rights', other.right.id)).client, other.client.id);
});

test('contacts who both have an account are not merged into one', async () => {
    const one = await makeSet();
    const other = await makeSet();
    const merge = () =>
        firm.call('POST', `contacts/${one.account.contact}/merge`, {
            with: [other.account.contact],
        });
    expectProblem(await merge(), 409, 'portal_account');
    expectStatus(await firm.call('DELETE', `portal_accounts/${one.account.id}`), 204);
    expectStatus(await merge(), 200);
    const moved = await firm.get('portal_accounts', other.account.id);
    assert.equal(moved.contact, one.account.contact);
});

test('an account that leads to what one does not see is not shut, by no road', async () => {
    const entities = ['client', 'contact', 'client_contact', 'portal_account', 'portal_right'];
    const rights = Object.fromEntries(entities.map((name) => [name, 'all']));
    await firm.create('roles', { name: 'half', label: 'Half', rows: ['managed'], rights });
    const half = await join(firm, 'Hal Half', 'half');
    const theirs = await makeSet();
    const mine = await makeSet();
    await firm.call('PATCH', `clients/${mine.client.id}`, { account_manager: half.user.id });
    const second = await firm.create('contacts', { name: 'Second' });
    const clients = [theirs.client.id, mine.client.id];
    const contact = await enter(firm, clients, second.id);
    const account = `portal_accounts/${contact.account.id}`;
    const words = 'you do not see';
    expectProblem(await half.call('PATCH', account, { state: 'disabled' }), 403, words);
    expectProblem(await half.call('DELETE', account), 403, words);
    expectProblem(await half.call('DELETE', `contacts/${second.id}`), 403, words);
    expectProblem(await half.call('POST', `contacts/${second.id}/archive`), 403, words);
    expectStatus(await firm.call('POST', `contacts/${second.id}/archive`), 200);
    expectProblem(await half.call('POST', `contacts/${second.id}/restore`), 403, words);
    expectStatus(await firm.call('POST', `contacts/${second.id}/restore`), 200);
    const operations = [{ delete: contact.account.id }];
    expectProblem(await half.call('POST', 'portal_accounts/bulk', { operations }), 403, words);
    assert.equal((await contact.get('me')).portal.clients.length, 2);
    // What leads to one's own clients alone is one's own affair.
    const [right] = (await firm.all('portal_rights', `account=${contact.account.id}`)).filter(
        ({ client }) => client === theirs.client.id,
    );
    expectStatus(await firm.call('DELETE', `portal_rights/${right.id}`), 204);
    expectStatus(await half.call('POST', `contacts/${second.id}/archive`), 200);
    expectStatus(await half.call('POST', `contacts/${second.id}/restore`), 200);
    expectStatus(await half.call('DELETE', account), 204);
    expectProblem(await contact.call('GET', 'me'), 401);
});
