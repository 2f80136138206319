// A dozen changes, one after another, each of which must happen whole or not at all.
import { expectStatus } from './expect.mjs';
import { password } from './server.mjs';

/**
 * Each deed: `run` does it and gives the answer, or null when it was cut off; `parts` are its
 * traces, which
 * are all there once it was acknowledged, and else all there or all absent.
 */
export function makeDeeds(firm) {
    const kept = {};
    const find = async (collection, query) => (await firm.all(collection, query))[0];
    const client = () => find('clients', 'reference=DEED');
    const contactNamed = (name) => find('contacts', `name=${encodeURIComponent(name)}`);
    const linkOf = async (name) => {
        const contact = await contactNamed(name);
        return contact && find('client_contacts', `contact=${contact.id}`);
    };
    const street = (line) => find('addresses', `line1=${encodeURIComponent(line)}`);
    return [
        {
            name: 'a client with contact and address',
            run: () =>
                firm.call('POST', 'clients', {
                    name: 'Deed',
                    kind: 'company',
                    reference: 'DEED',
                    primary_contact: { name: 'First Contact', emails: ['first@deed.example'] },
                    default_address: { line1: 'First Street', city: 'Bern', country: 'CH' },
                }),
            parts: async () => [
                await client(),
                await contactNamed('First Contact'),
                await street('First Street'),
                await linkOf('First Contact'),
            ],
        },
        {
            name: 'two fields of it',
            run: async () =>
                firm.call('PATCH', `clients/${(await client()).id}`, {
                    name: 'Deed Two',
                    observations: 'noted',
                }),
            parts: async () => {
                const record = await client();
                return [
                    record.name === 'Deed Two',
                    record.observations === 'noted',
                    (await find('clients', 'q=two'))?.id === record.id,
                ];
            },
        },
        {
            name: 'two tags',
            run: async () =>
                firm.call('PATCH', `clients/${(await client()).id}`, {
                    tags: { $add: ['left', 'right'] },
                }),
            parts: async () => [
                await find('clients', 'tags=left'),
                await find('clients', 'tags=right'),
            ],
        },
        {
            name: 'a contact',
            run: () =>
                firm.call('POST', 'contacts', {
                    name: 'Second Contact',
                    emails: ['a@deed.example', 'b@deed.example'],
                }),
            parts: async () => [
                await contactNamed('Second Contact'),
                await find('contacts', 'emails=b@deed.example'),
            ],
        },
        {
            name: 'a second link, which takes the flag',
            run: async () =>
                firm.call('POST', 'client_contacts', {
                    client: (await client()).id,
                    contact: (await contactNamed('Second Contact')).id,
                    is_primary: true,
                }),
            parts: async () => {
                const second = await contactNamed('Second Contact');
                return [
                    (await linkOf('Second Contact'))?.is_primary === true,
                    (await client()).primary_contact === second.id,
                    (await linkOf('First Contact')).is_primary === false,
                ];
            },
        },
        {
            name: 'a second address, which takes the flag',
            run: async () =>
                firm.call('POST', 'addresses', {
                    client: (await client()).id,
                    line1: 'Second Street',
                    city: 'Bern',
                    country: 'CH',
                    is_default: true,
                }),
            parts: async () => {
                const second = await street('Second Street');
                return [
                    second,
                    second && (await client()).default_address === second.id,
                    (await street('First Street')).is_default === false,
                ];
            },
        },
        {
            name: 'the default address goes',
            run: async () => {
                kept.address ??= (await street('Second Street')).id;
                return firm.call('DELETE', `addresses/${kept.address}`);
            },
            parts: async () => [
                !(await street('Second Street')),
                (await street('First Street')).is_default,
                (await client()).default_address === (await street('First Street')).id,
            ],
        },
        {
            name: 'a user',
            run: () =>
                firm.call('POST', 'users', { name: 'Deed User', email: 'user@deed.example' }),
            parts: async () => [await find('users', 'email=user@deed.example')],
        },
        {
            name: 'a session',
            run: () =>
                firm.server.send({
                    method: 'POST',
                    path: '/api/v1/session',
                    headers: { host: firm.host },
                    body: { email: firm.owner, password },
                }),
            parts: async () => [true],
        },
        {
            name: 'another primary contact, made along',
            run: async () =>
                firm.call('PATCH', `clients/${(await client()).id}`, {
                    primary_contact: { name: 'Third Contact' },
                }),
            parts: async () => {
                const third = await contactNamed('Third Contact');
                return [
                    third,
                    third && (await client()).primary_contact === third.id,
                    (await linkOf('Third Contact'))?.is_primary === true,
                ];
            },
        },
        {
            name: 'a contact goes, with its links',
            run: async () => {
                kept.contact ??= (await contactNamed('Second Contact')).id;
                return firm.call('DELETE', `contacts/${kept.contact}`);
            },
            parts: async () => [
                !(await contactNamed('Second Contact')),
                (await firm.all('client_contacts')).length === 2,
            ],
        },
        {
            name: 'a token, by a command beside the server',
            run: async () => {
                const ended = await firm.server.command([
                    'token',
                    'create',
                    '--tenant',
                    firm.name,
                    '--user',
                    firm.owner,
                ]);
                return { status: ended.status === 0 ? 201 : 503, text: ended.err };
            },
            parts: async () => [true],
        },
        {
            name: 'the client goes, with what lies under it',
            run: async () => {
                kept.client ??= (await client()).id;
                return firm.call('DELETE', `clients/${kept.client}`);
            },
            parts: async () => [
                !(await client()),
                (await firm.all('addresses')).length === 0,
                (await firm.all('client_contacts')).length === 0,
            ],
        },
        {
            name: 'a rule',
            run: () =>
                firm.call('POST', 'rules', {
                    name: 'ruled',
                    entity: 'client',
                    point: 'after',
                    on: ['create'],
                    state: 'active',
                    source:
                        "local made = db.create('contact', {name = 'Of ' .. record.name})\n" +
                        "db.update('client', record.id, {business_name = 'Ruled Ltd'})\n" +
                        "queue.notify {to = made.id, text = 'made'}",
                }),
            parts: async () => [await find('rules', 'name=ruled')],
        },
        {
            name: 'a client, and what the rule makes of it',
            run: () =>
                firm.call('POST', 'clients', {
                    name: 'Ruled',
                    kind: 'individual',
                    reference: 'RULED',
                }),
            parts: async () => [
                (await find('clients', 'reference=RULED'))?.business_name === 'Ruled Ltd',
                await contactNamed('Of Ruled'),
            ],
        },
    ];
}

/**
 * Answers of a server that fails honestly: a success, or its own fault. A connection that ends is
 * null.
 */
export async function attempt(deed) {
    let answer;
    try {
        answer = await deed.run();
    } catch {
        return null;
    }
    return expectStatus(answer, 200, 201, 204, 404, 500, 503);
}
