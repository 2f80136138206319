// Exactly one primary contact and at most one default address for each client, whatever is done.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { expectFault, expectStatus } from '../door/expect.mjs';
import { chooseSeed, makeRandom } from '../door/random.mjs';
import { openServer } from '../door/server.mjs';

let server;
let firm;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
});
after(() => server.close());

/** The client has one flagged link, and its `primary_contact` is what that link says. */
async function expectOnePrimary(client) {
    const links = await firm.all('client_contacts', `client=${client}`);
    const flagged = links.filter((link) => link.is_primary);
    const record = await firm.get('clients', client);
    assert.equal(flagged.length, 1, `${flagged.length} primary contacts: ${JSON.stringify(links)}`);
    assert.equal(record.primary_contact, flagged[0].contact);
    return { links, record };
}

test('a second link flagged as primary takes the flag from the first', async () => {
    const made = await firm.create('clients', {
        name: 'Two Heads',
        kind: 'company',
        primary_contact: { name: 'First' },
    });
    const second = await firm.create('contacts', { name: 'Second' });
    await firm.create('client_contacts', { client: made.id, contact: second.id, is_primary: true });
    const { links, record } = await expectOnePrimary(made.id);
    assert.equal(links.length, 2);
    assert.equal(record.primary_contact, second.id);
});

test('the last link cannot be unflagged or taken away from a company', async () => {
    const made = await firm.create('clients', {
        name: 'One Head',
        kind: 'company',
        primary_contact: { name: 'Only' },
    });
    const [link] = await firm.all('client_contacts', `client=${made.id}`);
    expectStatus(
        await firm.call('PATCH', `client_contacts/${link.id}`, { is_primary: false }),
        409,
        422,
    );
    expectStatus(await firm.call('DELETE', `client_contacts/${link.id}`), 409, 422);
    await expectOnePrimary(made.id);
});

test('primary_contact of a client can be changed to a contact or to a new one', async () => {
    const made = await firm.create('clients', {
        name: 'Changer',
        kind: 'company',
        primary_contact: { name: 'Old Head' },
    });
    const fresh = { primary_contact: { name: 'New Head' } };
    const answer = expectStatus(await firm.call('PATCH', `clients/${made.id}`, fresh), 200);
    assert.notEqual(answer.body.primary_contact, made.primary_contact);
    await expectOnePrimary(made.id);
    const back = { primary_contact: made.primary_contact };
    expectStatus(await firm.call('PATCH', `clients/${made.id}`, back), 200);
    const { record } = await expectOnePrimary(made.id);
    assert.equal(record.primary_contact, made.primary_contact);
    expectStatus(
        await firm.call('PATCH', `clients/${made.id}`, { primary_contact: null }),
        422,
        409,
    );
    await expectOnePrimary(made.id);
});

test('one contact linked twice to the same client is refused or stays one primary', async () => {
    const made = await firm.create('clients', {
        name: 'Doubler',
        kind: 'company',
        primary_contact: { name: 'Double' },
    });
    const link = { client: made.id, contact: made.primary_contact, is_primary: true };
    expectStatus(await firm.call('POST', 'client_contacts', link), 201, 409, 422);
    await expectOnePrimary(made.id);
});

test('a contact deleted everywhere leaves each client one primary, or is refused', async () => {
    const shared = await firm.create('contacts', { name: 'Shared' });
    const other = await firm.create('contacts', { name: 'Other' });
    const clients = [];
    for (const name of ['Left', 'Right']) {
        const made = await firm.create('clients', {
            name,
            kind: 'company',
            primary_contact: shared.id,
        });
        await firm.create('client_contacts', { client: made.id, contact: other.id });
        clients.push(made.id);
    }
    const answer = await firm.call('DELETE', `contacts/${shared.id}`);
    expectStatus(answer, 204, 409, 422);
    for (const client of clients) await expectOnePrimary(client);
});

test('every sequence of link, flag, unlink and delete keeps exactly one primary', async () => {
    const random = makeRandom(chooseSeed());
    console.log(`seed ${random.seed}`);
    const contacts = [];
    for (let at = 0; at < 5; at++)
        contacts.push((await firm.create('contacts', { name: `Walker ${at}` })).id);
    const { id } = await firm.create('clients', {
        name: 'Walked',
        kind: 'company',
        primary_contact: contacts[0],
    });
    const link = async () =>
        firm.call('POST', 'client_contacts', {
            client: id,
            contact: random.pick(contacts),
            is_primary: random.below(2) === 0,
        });
    const aLink = async () => random.pick(await firm.all('client_contacts', `client=${id}`)).id;
    const steps = [
        link,
        link,
        async () =>
            firm.call('PATCH', `client_contacts/${await aLink()}`, {
                is_primary: random.below(2) === 0,
            }),
        async () => firm.call('DELETE', `client_contacts/${await aLink()}`),
        async () => firm.call('PATCH', `clients/${id}`, { primary_contact: random.pick(contacts) }),
        async () => {
            const at = random.below(contacts.length);
            const answer = await firm.call('DELETE', `contacts/${contacts[at]}`);
            if (answer.status !== 204) return answer;
            contacts[at] = (await firm.create('contacts', { name: `Walker ${at} again` })).id;
            return answer;
        },
    ];
    for (let step = 0; step < 120; step++) {
        const answer = await random.pick(steps)();
        expectStatus(answer, 200, 201, 204, 404, 409, 422);
        try {
            await expectOnePrimary(id);
        } catch (error) {
            error.message = `seed ${random.seed}, step ${step}: ${error.message}`;
            throw error;
        }
    }
});

test('a client with addresses has exactly one default, and shows it', async () => {
    const random = makeRandom(chooseSeed());
    console.log(`seed ${random.seed}`);
    const { id } = await firm.create('clients', {
        name: 'Housed',
        kind: 'company',
        primary_contact: { name: 'Tenant' },
    });
    assert.equal((await firm.get('clients', id)).default_address, null);
    const add = async () =>
        firm.call('POST', 'addresses', {
            client: id,
            line1: `Street ${random.below(99)}`,
            city: 'Oslo',
            country: 'NO',
            is_default: random.below(2) === 0,
        });
    const one = async () => {
        const list = await firm.all('addresses', `client=${id}`);
        return list.length === 0 ? null : random.pick(list).id;
    };
    const change = async (run) => {
        const chosen = await one();
        return chosen === null ? add() : run(chosen);
    };
    const steps = [
        add,
        () =>
            change((address) =>
                firm.call('PATCH', `addresses/${address}`, { is_default: random.below(2) === 0 }),
            ),
        () => change((address) => firm.call('DELETE', `addresses/${address}`)),
        () =>
            change((address) => firm.call('PATCH', `clients/${id}`, { default_address: address })),
    ];
    for (let step = 0; step < 80; step++) {
        expectStatus(await random.pick(steps)(), 200, 201, 204, 409, 422);
        const list = await firm.all('addresses', `client=${id}`);
        const flagged = list.filter((address) => address.is_default);
        const shown = (await firm.get('clients', id)).default_address;
        const place = `seed ${random.seed}, step ${step}`;
        assert.equal(
            flagged.length,
            list.length === 0 ? 0 : 1,
            `${place}: ${JSON.stringify(list)}`,
        );
        assert.equal(shown, flagged[0]?.id ?? null, place);
    }
});

test('what is made within a client belongs to that client, and to no other', async () => {
    const other = await firm.create('clients', { name: 'Bystander', kind: 'individual' });
    const host = await firm.create('clients', { name: 'Host', kind: 'individual' });
    const before = (await firm.all('clients')).length;
    const street = { line1: 'Inner Street 1', city: 'Ulm', country: 'DE' };
    const guest = { name: 'Guest', kind: 'individual' };
    const attempts = [
        { client: other.id },
        { client: { name: 'Made aside', kind: 'individual' } },
        { is_default: false },
    ];
    for (const own of attempts) {
        const record = { ...guest, default_address: { ...street, ...own } };
        const answer = await firm.call('POST', 'clients', record);
        expectFault(answer, `default_address.${Object.keys(own)[0]}`, 'read_only');
        const patch = { default_address: record.default_address };
        expectStatus(await firm.call('PATCH', `clients/${host.id}`, patch), 422);
    }
    assert.equal((await firm.all('clients')).length, before);
    assert.deepEqual(await firm.all('addresses', 'city=ulm'), []);
    const whole = { ...guest, default_address: { ...street, client: null, is_default: true } };
    expectStatus(await firm.call('POST', 'clients', whole), 201);
});

test('a client with more than a thousand addresses takes one more, and settles it', async () => {
    const { id } = await firm.create('clients', { name: 'Landlord', kind: 'individual' });
    const street = (at) => ({ client: id, line1: `Street ${at}`, city: 'Ulm', country: 'DE' });
    const first = await firm.create('addresses', street(0));
    const add = async (at) => {
        for (; at < 1010; at += 16) await firm.create('addresses', street(at));
    };
    await Promise.all(Array.from({ length: 16 }, (_, at) => add(at + 1)));
    assert.equal((await firm.get('clients', id)).default_address, first.id);
    const fresh = await firm.create('addresses', { ...street('New'), is_default: true });
    assert.equal((await firm.get('clients', id)).default_address, fresh.id);
    assert.equal((await firm.get('addresses', first.id)).is_default, false);
    expectStatus(await firm.call('DELETE', `addresses/${fresh.id}`), 204);
    assert.equal((await firm.get('clients', id)).default_address, first.id);
    const [flagged, ...others] = await firm.all('addresses', `client=${id}&is_default=true`);
    assert.deepEqual([flagged.id, others.length], [first.id, 0]);
});
