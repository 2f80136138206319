// Enabling a client's portal: the switch, the account, the right and the invitation in one change.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { expectFault, expectProblem, expectStatus } from '../door/expect.mjs';
import { linkIn, mailsOf, mailTo } from '../door/mails.mjs';
import { Contact, contactPassword, portalHost } from '../door/portal.mjs';
import { openServer } from '../door/server.mjs';

let server;
let firm;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
});
after(() => server.close());

let number = 0;
async function makeClient(emails = [`contact${++number}@client.example`]) {
    return firm.create('clients', {
        name: `Client ${++number}`,
        kind: 'company',
        primary_contact: { name: `Contact ${number}`, emails },
    });
}
const accountsOf = (client) => firm.all('portal_accounts', `contact=${client.primary_contact}`);
const enable = (client, body, query = '') =>
    firm.call('POST', `clients/${client.id}/enable_portal${query}`, body);

test('opens the portal to the primary contact, once', async () => {
    const client = await makeClient();
    const { body } = expectStatus(await enable(client), 200);
    assert.deepEqual(body.done, ['enabled', 'account_made', 'right_made', 'invited']);
    assert.equal(body.client.portal_enabled, true);
    assert.equal(body.portal_account.contact, client.primary_contact);
    assert.match(body.portal_account.email, /^contact\d+@client\.example$/);
    assert.equal(body.portal_account.state, 'invited');
    assert.deepEqual(
        [body.portal_right.account, body.portal_right.client, body.portal_right.right],
        [body.portal_account.id, client.id, 'own'],
    );
    const again = expectStatus(await enable(client), 200);
    assert.deepEqual(again.body.done, []);
    assert.equal(again.headers['atrium-group'], undefined);
    assert.equal(again.body.portal_account.id, body.portal_account.id);
    assert.equal((await accountsOf(client)).length, 1);
});

test('is one change, that is told as one and undone as one', async () => {
    const client = await makeClient();
    const made = expectStatus(await enable(client), 200);
    const group = made.headers['atrium-group'];
    expectStatus(await firm.call('POST', `groups/${group}/undo`), 200);
    assert.equal((await firm.get('clients', client.id)).portal_enabled, false);
    expectProblem(await firm.call('GET', `portal_accounts/${made.body.portal_account.id}`), 404);
});

test('a preview says what it would do, and does nothing', async () => {
    const client = await makeClient();
    const { body, headers } = expectStatus(await enable(client, {}, '?preview=true'), 200);
    assert.deepEqual(body.done, ['enabled', 'account_made', 'right_made', 'invited']);
    assert.equal(body.preview, true);
    assert.equal(headers['atrium-group'], undefined);
    assert.equal((await firm.get('clients', client.id)).portal_enabled, false);
    assert.equal((await accountsOf(client)).length, 0);
});

test('takes another contact, address and right, and changes them later', async () => {
    const client = await makeClient();
    const other = await firm.create('contacts', { name: 'Other' });
    const contact = other.id;
    expectFault(await enable(client, { contact }), 'contact', 'missing');
    await firm.create('client_contacts', { client: client.id, contact });
    expectFault(await enable(client, { contact }), 'email', 'required');
    const wanted = { contact, email: 'Other@client.example', right: 'all' };
    const made = expectStatus(await enable(client, wanted), 200).body;
    assert.equal(made.portal_right.right, 'all');
    assert.equal(made.portal_account.email, 'Other@client.example');
    const changed = { contact, email: 'new@client.example', right: 'own' };
    const { body } = expectStatus(await enable(client, changed), 200);
    assert.deepEqual(body.done, ['account_changed', 'right_changed', 'invited']);
    assert.equal(body.portal_right.id, made.portal_right.id);
    assert.equal(body.portal_account.email, 'new@client.example');
});

test('a contact of several clients has one account, and a right to each', async () => {
    const one = await makeClient();
    const two = await makeClient();
    const contact = one.primary_contact;
    await firm.create('client_contacts', { client: two.id, contact });
    const first = expectStatus(await enable(one), 200).body;
    const second = expectStatus(await enable(two, { contact, right: 'all' }), 200).body;
    assert.deepEqual(second.done, ['enabled', 'right_made']);
    assert.equal(second.portal_account.id, first.portal_account.id);
    assert.notEqual(second.portal_right.id, first.portal_right.id);
});

test('what cannot be is refused, and leaves nothing behind', async () => {
    const client = await makeClient();
    const taken = expectStatus(await enable(client), 200).body.portal_account;
    const second = await makeClient();
    const address = { email: taken.email };
    expectProblem(await enable(second, address), 409, 'email');
    assert.equal((await firm.get('clients', second.id)).portal_enabled, false);
    expectFault(await enable(second, { right: 'some' }), 'right');
    expectFault(await enable(second, { surprise: 1 }), 'surprise', 'unknown');
    expectFault(await enable(second, { contact: 'nobody' }), 'contact');
    expectStatus(await enable(second, [1]), 422);
    expectStatus(
        await firm.call('PATCH', `portal_accounts/${taken.id}`, { state: 'disabled' }),
        200,
    );
    expectProblem(await enable(client), 409, 'disabled');
    expectProblem(await enable({ id: taken.id }), 404);
    const contacts = await firm.call('POST', `contacts/${client.primary_contact}/enable_portal`);
    expectProblem(contacts, 404);
});

test('the mail brings a contact in, by a password of its own choice, once', async () => {
    const client = await makeClient();
    const { body } = expectStatus(await enable(client), 200);
    const { email } = body.portal_account;
    const mail = await mailTo(firm, email);
    const { url, token } = linkIn(mail);
    assert.ok(url.startsWith(`http://${portalHost(firm)}/#/invitation/`), url);
    const contact = new Contact(firm, body.portal_account);
    const accept = (given) => contact.call('POST', 'invitations/accept', given);
    expectStatus(await accept({ token, password: 'short' }), 422);
    expectStatus(await accept({ token, password: contactPassword }), 204);
    expectStatus(await accept({ token, password: 'another try of it' }), 401);
    const me = await contact.signIn();
    assert.equal(me.portal.client, client.id);
    assert.equal((await firm.get('portal_accounts', body.portal_account.id)).state, 'active');
    // Staff may ask for another one: by now it sets a new password.
    const invite = `portal_accounts/${body.portal_account.id}/invite`;
    expectStatus(await firm.call('POST', invite), 202);
    const second = linkIn(await mailTo(firm, email, 2));
    assert.ok(second.url.includes('/#/password/'), second.url);
    const set = { token: second.token, password: 'a third word of it' };
    expectStatus(await contact.call('POST', 'password/set', set), 204);
    expectProblem(await contact.call('GET', 'me'), 401);
    await contact.signIn({ email, password: set.password });
});

test('previews, repetitions and refusals send no mail, and nobody disabled gets one', async () => {
    const client = await makeClient();
    expectStatus(await enable(client, {}, '?preview=true'), 200);
    const { body } = expectStatus(await enable(client), 200);
    expectStatus(await enable(client), 200);
    const second = await makeClient();
    expectProblem(await enable(second, { email: body.portal_account.email }), 409);
    await mailTo(firm, body.portal_account.email);
    const last = await makeClient();
    const { email } = expectStatus(await enable(last), 200).body.portal_account;
    await mailTo(firm, email);
    const to = (address) => (mail) => mail.headers.to === `<${address}>`;
    const mails = await mailsOf(firm);
    assert.equal(mails.filter(to(body.portal_account.email)).length, 1);
    const where = `portal_accounts/${body.portal_account.id}`;
    expectStatus(await firm.call('PATCH', where, { state: 'disabled' }), 200);
    expectProblem(await firm.call('POST', `${where}/invite`), 409);
    expectProblem(await firm.call('POST', `portal_accounts/${client.id}/invite`), 404);
});
