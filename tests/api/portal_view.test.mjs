// The portal seen as a contact by somebody of the firm; and what the firm's log tells of it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { expectProblem, expectStatus } from '../door/expect.mjs';
import { linkIn, mailTo } from '../door/mails.mjs';
import { contactPassword, enter, portalHost } from '../door/portal.mjs';
import { openServer, password } from '../door/server.mjs';
import { Visitor } from '../door/visitor.mjs';
import { until } from '../door/wait.mjs';

let server;
let firm;
let staff;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
    staff = await Visitor.signIn(firm, firm.owner, password);
});
after(() => server.close());

let number = 0;
async function makeContact() {
    const name = `Client ${++number}`;
    const made = { name, kind: 'company', primary_contact: { name: `Contact ${number}` } };
    const client = await firm.create('clients', made);
    const contact = await enter(firm, [client.id], client.primary_contact);
    return { client, contact };
}
const viewAs = (contact, by = staff) =>
    by.call('POST', `portal_accounts/${contact.account.id}/view_as`);

/** The address of a view as the staff gets it, and a visitor who has gone there. */
async function look(contact) {
    const { address, ends_at } = expectStatus(await viewAs(contact), 200).body;
    assert.ok(address.startsWith(`http://${portalHost(firm)}/#/view/`), address);
    const leftMs = Date.parse(ends_at) - Date.now();
    assert.ok(leftMs > 0 && leftMs <= 5 * 60_000, ends_at);
    const token = address.split('/').at(-1);
    const viewer = new Visitor(firm, portalHost(firm));
    viewer.take(await viewer.call('POST', 'session/view', { token }), 201);
    return { viewer, token };
}

describe('seen as a contact', () => {
    test('it is what the contact sees, and says who looks', async () => {
        const { client, contact } = await makeContact();
        const { viewer } = await look(contact);
        const me = expectStatus(await viewer.call('GET', 'me'), 200).body;
        assert.equal(me.portal.client, client.id);
        assert.equal(me.portal.contact, client.primary_contact);
        assert.equal(me.portal.viewed_by.name, (await staff.call('GET', 'me')).body.user.name);
        assert.deepEqual(me.entities.contact, ['view']);
        for (const path of ['clients', 'contacts', 'addresses', 'changes']) {
            // Where a feed goes on moves with what is noted of these looks.
            const { next: one, ...seen } = expectStatus(await viewer.call('GET', path), 200).body;
            const { next: other, ...own } = await contact.get(path);
            assert.deepEqual(seen, own, path);
            assert.equal(path === 'changes' || one === other, true, path);
        }
    });

    test('nothing can be changed, of records or of the account', async () => {
        const { client, contact } = await makeContact();
        const { viewer } = await look(contact);
        const where = `contacts/${client.primary_contact}`;
        expectProblem(await viewer.call('PATCH', where, { name: 'Other' }), 403);
        const words = { password: 'a word of the viewer', current: contactPassword };
        expectProblem(await viewer.call('POST', 'me/password', words), 403);
        expectProblem(await viewer.call('POST', 'session/proof', { password }), 403);
        expectProblem(await viewer.call('POST', 'me/totp'), 403);
        expectProblem(await viewer.call('DELETE', 'sessions'), 403);
        expectStatus(await contact.call('GET', 'me'), 200);
        expectStatus(await viewer.call('DELETE', 'session'), 204);
        expectProblem(await viewer.call('GET', 'me'), 401);
        expectStatus(await contact.call('GET', 'me'), 200);
    });

    test('the address works once, at this door, until the next one is made', async () => {
        const { contact } = await makeContact();
        const { token } = await look(contact);
        const again = new Visitor(firm, portalHost(firm));
        const take = (visitor, given) => visitor.call('POST', 'session/view', { token: given });
        expectProblem(await take(again, token), 401);
        expectStatus(await again.call('POST', 'session/view', {}), 422);
        const first = expectStatus(await viewAs(contact), 200).body.address.split('/').at(-1);
        expectProblem(await take(new Visitor(firm), first), 404);
        expectProblem(await again.call('POST', 'session', { token: first }), 401);
        const second = expectStatus(await viewAs(contact), 200).body.address.split('/').at(-1);
        expectProblem(await take(again, first), 401);
        const both = await Promise.all([take(again, second), take(again, second)]);
        assert.deepEqual(both.map((answer) => answer.status).sort(), [201, 401]);
    });

    test('it needs the right, a fresh password, and an account that enters', async () => {
        const { client, contact } = await makeContact();
        expectProblem(await viewAs(contact, firm), 403);
        expectProblem(await viewAs(contact, contact), 404);
        const nobody = { account: { id: client.id } };
        expectProblem(await viewAs(nobody), 404);
        const where = `portal_accounts/${contact.account.id}`;
        const { viewer } = await look(contact);
        expectStatus(await firm.call('PATCH', where, { state: 'disabled' }), 200);
        expectProblem(await viewer.call('GET', 'me'), 401);
        expectProblem(await viewAs(contact), 409);
    });

    test('it ends when who looks may no more', async () => {
        const { contact } = await makeContact();
        const email = 'pm@firm.example';
        const user = await firm.create('users', { name: 'Petra', email, role: 'pm' });
        const word = 'a word of the manager';
        expectStatus(await firm.call('POST', `users/${user.id}/invite`), 202);
        const { token } = linkIn(await mailTo(firm, email));
        const guest = new Visitor(firm);
        const accepted = { token, password: word };
        expectStatus(await guest.call('POST', 'invitations/accept', accepted), 204);
        const manager = await Visitor.signIn(firm, email, word);
        const offered = expectStatus(await viewAs(contact, manager), 200).body;
        const viewer = new Visitor(firm, portalHost(firm));
        const given = { token: offered.address.split('/').at(-1) };
        viewer.take(await viewer.call('POST', 'session/view', given), 201);
        expectStatus(await viewer.call('GET', 'clients'), 200);
        expectStatus(await firm.call('PATCH', `users/${user.id}`, { role: 'employee' }), 200);
        expectProblem(await viewer.call('GET', 'clients'), 401);
    });
});

describe('the log', () => {
    /** Events of the firm's log, once there are some of this kind by this actor. */
    const events = (query, count = 1) =>
        until(async () => {
            const { body } = expectStatus(await firm.call('GET', `audit?limit=200&${query}`), 200);
            return body.data.length >= count && body.data;
        }, `${count} events of ${query}`);

    test('tells which contact saw what, from where, once an hour', async () => {
        const { client, contact } = await makeContact();
        const actor = client.primary_contact;
        for (let times = 0; times < 3; times++) {
            await contact.all('addresses');
            await contact.get(`clients/${client.id}`);
        }
        await contact.all('contacts');
        const seen = await events(`kind=portal_view&actor=${actor}`, 3);
        assert.equal(seen.length, 3, JSON.stringify(seen));
        for (const event of seen) {
            assert.equal(event.actor_kind, 'contact');
            assert.match(event.actor_name, /^Contact \d+$/);
            assert.match(event.address, /^127\.0\.0\.1|^::1|^::ffff/);
        }
        const record = seen.find((event) => event.id === client.id);
        assert.equal(record.entity, 'client');
        const lists = seen.filter((event) => event.id === null).map((event) => event.entity);
        assert.deepEqual(lists.sort(), ['address', 'contact']);
        // Who looks as somebody else is named himself, and sees nothing in the contact's name.
        const { viewer } = await look(contact);
        expectStatus(await viewer.call('GET', 'projects'), 200);
        const looked = await events('kind=viewed_as');
        assert.equal(looked[0].id, contact.account.id);
        assert.equal(looked[0].actor_kind, 'user');
        assert.equal((await events(`kind=portal_view&actor=${actor}`, 3)).length, 3);
    });

    test('tells of sign-ins, invitations and passwords, and holds no word of them', async () => {
        const { client, contact } = await makeContact();
        const actor = client.primary_contact;
        assert.ok((await events(`actor=${actor}&kind=sign_in`)).length > 0);
        const path = `portal_accounts/${contact.account.id}/invite`;
        expectStatus(await firm.call('POST', path), 202);
        const all = await firm.call('GET', 'audit?limit=200');
        const kinds = all.body.data
            .filter((event) => event.id === contact.account.id)
            .map((event) => event.kind);
        for (const kind of ['invited', 'reset_asked', 'password_changed', 'rights_changed'])
            assert.ok(kinds.includes(kind), `${kind} in ${kinds}`);
        assert.ok(!all.text.includes(contactPassword));
        assert.ok(!all.text.includes(contact.account.email));
    });
});
