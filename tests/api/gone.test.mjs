// What a client takes along when it leaves somebody's sight: the feed says `gone` of each record
// that he saw by it, and of no other.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openEvents } from '../door/events.mjs';
import { expectStatus } from '../door/expect.mjs';
import { join } from '../door/people.mjs';
import { enter } from '../door/portal.mjs';
import { openServer } from '../door/server.mjs';

let server;
let firm;
before(async () => {
    server = await openServer(['acme'], { words: ['--keep-alive-ms', '3600000'] });
    firm = server.firms.acme;
});
after(() => server.close());

const company = (name) =>
    firm.create('clients', { name, kind: 'company', primary_contact: { name: `Of ${name}` } });
const address = (client, line1 = 'Street') =>
    firm.create('addresses', { client: client.id, line1, country: 'AT' });
const remove = async (where) => expectStatus(await firm.call('DELETE', where), 204);
const change = async (where, body) => expectStatus(await firm.call('PATCH', where, body), 200).body;

/** All that somebody sees of a client: by whom, what, and how he sees it. */
async function sharedClient(who, name) {
    const client = await company(name);
    const share = await firm.create('shares', { client: client.id, user: who.user.id });
    const [place, office] = [await address(client), await address(client, 'Office')];
    const second = await firm.create('contacts', { name: `Second of ${name}` });
    const link = { client: client.id, contact: second.id };
    const tie = await firm.create('client_contacts', link);
    const links = await firm.all('client_contacts', `client=${client.id}`);
    const ids = [client, share, place, office, second, ...links].map(({ id }) => id);
    return { client, share, place, office, second, tie, ids: [...ids, client.primary_contact] };
}

/** Where the log ends. */
async function newest() {
    for (let next = 0; ; ) {
        const answer = await firm.call('GET', `changes?after=${next}&limit=200`);
        const { body } = expectStatus(answer, 200);
        next = body.next;
        if (body.end) return next;
    }
}

/** What somebody is told behind a place, in pages. */
async function toldTo(who, after, limit = 50) {
    const events = [];
    for (let next = after, isEnd = false; !isEnd; ) {
        const answer = await who.call('GET', `changes?after=${next}&limit=${limit}`);
        const { body } = expectStatus(answer, 200);
        events.push(...body.data);
        isEnd = body.end;
        assert.ok(isEnd || body.next > next, 'it goes on');
        next = body.next;
    }
    return events;
}
const goneOf = (events) =>
    events.filter(({ operation }) => operation === 'gone').map(({ id }) => id);
const sorted = (ids) => [...new Set(ids)].sort();

describe('a client that is shared no longer', () => {
    test('takes along what lies under it, on an open stream and in pages', async () => {
        const who = await join(firm, 'Sam Stream', 'employee');
        const made = await sharedClient(who, 'Stream');
        const kept = await sharedClient(who, 'Kept');
        // Of two clients, one of which stays.
        const both = { client: kept.client.id, contact: made.second.id };
        const bond = await firm.create('client_contacts', both);
        const stream = await openEvents(who);
        const place = await newest();
        await remove(`shares/${made.share.id}`);
        const seen = await change(`addresses/${kept.place.id}`, { line1: 'Heard' });
        await stream.until(
            (one) => one.events.some(({ data }) => data.id === seen.id),
            'what came later',
        );
        const wanted = made.ids.filter((id) => id !== made.second.id);
        const live = stream.events.map(({ data }) => data);
        assert.deepEqual(sorted(goneOf(live)), sorted(wanted));
        assert.ok(stream.events.every(({ id, data }) => Number(id) <= data.sequence));
        const last = live.filter(({ operation }) => operation === 'gone').at(-1);
        assert.equal(last.id, made.client.id);
        assert.deepEqual(sorted(goneOf(await toldTo(who, place))), sorted(wanted));
        assert.deepEqual(sorted(goneOf(await toldTo(who, place, 1))), sorted(wanted));
        for (const { changes, actor, group } of live.filter((one) => one.operation === 'gone'))
            assert.deepEqual([changes, actor, group], [{}, null, null]);
        // What it is from then on is not his matter.
        const before = stream.events.length;
        await change(`addresses/${made.place.id}`, { line1: 'Unheard' });
        await remove(`addresses/${made.office.id}`);
        await address(made.client, 'Never seen');
        const later = await change(`addresses/${kept.place.id}`, { line1: 'Heard again' });
        const isLater = ({ data }) => data.changes.line1?.new === 'Heard again';
        await stream.until((one) => one.events.some(isLater), 'what came later');
        const behind = stream.events.slice(before).map(({ data }) => data.id);
        assert.deepEqual(behind, [later.id]);
        await remove(`client_contacts/${bond.id}`);
        await stream.until(
            (one) => goneOf(one.events.map(({ data }) => data)).includes(made.second.id),
            'word of who was of both',
        );
        stream.close();
    });

    test('takes along what has left it since, and nothing that was made later', async () => {
        const who = await join(firm, 'Paul Pages', 'employee');
        const made = await sharedClient(who, 'Pages');
        const other = await company('Elsewhere');
        const place = await newest();
        // Before and behind the loss: moved away, deleted, made.
        await change(`addresses/${made.office.id}`, { client: other.id });
        await remove(`shares/${made.share.id}`);
        const later = await address(made.client, 'Later');
        const passing = await address(made.client, 'Passing');
        await remove(`addresses/${passing.id}`);
        await remove(`addresses/${made.place.id}`);
        await remove(`client_contacts/${made.tie.id}`);
        const events = await toldTo(who, place);
        assert.deepEqual(sorted(goneOf(events)), sorted(made.ids));
        assert.ok(!events.some(({ id }) => id === later.id || id === passing.id));
        assert.ok(!events.some(({ id }) => id === other.id));
        // To whom it was never shared nothing of it is told.
        const stranger = await join(firm, 'Nora Nobody', 'employee');
        assert.deepEqual(goneOf(await toldTo(stranger, place)), []);
    });

    test('that is another one’s to manage is gone, and one’s own again', async () => {
        const who = await join(firm, 'Mia Manager', 'employee');
        const client = await company('Managed');
        const street = await address(client);
        await change(`clients/${client.id}`, { account_manager: who.user.id });
        const place = await newest();
        await change(`clients/${client.id}`, { account_manager: null, name: 'Nobody’s' });
        const gone = goneOf(await toldTo(who, place));
        assert.ok(gone.includes(street.id) && gone.includes(client.id), gone.join());
        await change(`clients/${client.id}`, { account_manager: who.user.id });
        assert.deepEqual(goneOf(await toldTo(who, place)), []);
    });

    test('takes hundreds along, in one page', async () => {
        const who = await join(firm, 'Mara Many', 'employee');
        const made = await sharedClient(who, 'Many');
        const rows = [...Array(250)].map((_, at) => ({
            create: { client: made.client.id, line1: `Street ${at}`, country: 'AT' },
        }));
        const bulk = await firm.call('POST', 'addresses/bulk', { operations: rows });
        expectStatus(bulk, 200);
        const place = await newest();
        const stream = await openEvents(who, { query: `?after=${place}` });
        await remove(`shares/${made.share.id}`);
        const gone = goneOf(await toldTo(who, place, 1));
        assert.equal(gone.length, rows.length + made.ids.length);
        assert.equal(new Set(gone).size, gone.length);
        await stream.until((one) => one.events.length >= gone.length, 'of all of them');
        const live = goneOf(stream.events.map(({ data }) => data));
        assert.deepEqual(sorted(live), sorted(gone));
        assert.equal(live.length, gone.length);
        stream.close();
    });
});

describe('at the portal', () => {
    const isGone = (id) => (stream) =>
        stream.events.some(({ data }) => data.id === id && data.operation === 'gone');

    test('what leaves the client is gone, and nothing of another one is told', async () => {
        const [client, other] = [await company('Portal'), await company('Beside')];
        const [moved, kept] = [await address(client), await address(client)];
        const guest = await firm.create('contacts', { name: 'Guest' });
        const link = { client: client.id, contact: guest.id };
        const tie = await firm.create('client_contacts', link);
        const contact = await enter(firm, [client.id], client.primary_contact);
        const stream = await openEvents(
            { ...firm, server, host: contact.host, token: undefined },
            { headers: { cookie: contact.cookie } },
        );
        await stream.until((one) => one.lastId !== '', 'its place');
        await change(`addresses/${moved.id}`, { client: other.id });
        await remove(`client_contacts/${tie.id}`);
        await stream.until(isGone(moved.id), 'of the address');
        await stream.until(isGone(guest.id), 'of the contact');
        await change(`addresses/${moved.id}`, { line1: 'Unheard' });
        await change(`contacts/${guest.id}`, { name: 'Unheard' });
        await change(`addresses/${kept.id}`, { line1: 'Heard' });
        const text = () => JSON.stringify(stream.events);
        await stream.until(() => text().includes('Heard'), 'of what stays');
        assert.ok(!text().includes('Unheard') && !text().includes(other.id), text());
        stream.close();
    });

    test('whose right is taken hears that, and no more of the client', async () => {
        const [client, other] = [await company('Taken'), await company('Left')];
        const street = await address(client);
        const contact = await enter(firm, [client.id, other.id], client.primary_contact);
        const stream = await openEvents(
            { ...firm, server, host: contact.host, token: undefined },
            { headers: { cookie: contact.cookie } },
        );
        await stream.until((one) => one.lastId !== '', 'its place');
        const account = `account=${contact.account.id}`;
        const [right] = await firm.all('portal_rights', `${account}&client=${client.id}`);
        await remove(`portal_rights/${right.id}`);
        // All that it holds is another client's: what it sees is to be asked for again.
        const told = (one) => one.events.filter(({ type }) => type === 'rights').length;
        await stream.until((one) => told(one) === 1, 'word of other rights');
        await change(`addresses/${street.id}`, { line1: 'Unheard' });
        const [last] = await firm.all('portal_rights', account);
        await remove(`portal_rights/${last.id}`);
        await stream.until((one) => told(one) === 2, 'word of other rights');
        await change(`clients/${other.id}`, { name: 'Unheard' });
        stream.close();
        assert.ok(!JSON.stringify(stream.events).includes('Unheard'));
    });
});
