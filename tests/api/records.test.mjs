// One record's life: created, read, changed, deleted; its tag; its nested parts.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { expectFault, expectProblem, expectStatus, timeForm, uuidForm } from '../door/expect.mjs';
import { jobEnded } from '../door/jobs.mjs';
import { openServer } from '../door/server.mjs';

let server;
let firm;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
});
after(() => server.close());

const company = (name, more = {}) => ({
    name,
    kind: 'company',
    primary_contact: { name: `${name} Contact` },
    ...more,
});

describe('a record', () => {
    test('is created with 201, Location, ETag and everything that was given', async () => {
        const answer = expectStatus(
            await firm.call(
                'POST',
                'clients',
                company('Alpha Works', {
                    emails: ['hello@alpha.example'],
                    phones: [{ value: '+49 30 1234567', label: 'office', primary: true }],
                    website: 'https://alpha.example/',
                    tags: ['vip', 'north'],
                }),
            ),
            201,
        );
        const record = answer.body;
        assert.match(record.id, uuidForm);
        assert.equal(answer.headers.location, `/api/v1/clients/${record.id}`);
        assert.match(answer.headers.etag, /^"[^"]+"$/);
        assert.equal(record.name, 'Alpha Works');
        assert.equal(record.kind, 'company');
        assert.equal(record.emails[0].value, 'hello@alpha.example');
        assert.equal(record.phones[0].value, '+49 30 1234567');
        assert.equal(record.phones[0].label, 'office');
        assert.equal(record.phones[0].primary, true);
        assert.equal(record.website, 'https://alpha.example/');
        assert.deepEqual([...record.tags].sort(), ['north', 'vip']);
        assert.match(record.created_at, timeForm);
        assert.match(record.updated_at, timeForm);
        assert.match(record.created_by, uuidForm);
        assert.equal(record.created_by, record.updated_by);
        assert.match(record.primary_contact, uuidForm);

        const read = expectStatus(await firm.call('GET', `clients/${record.id}`), 200);
        assert.deepEqual(read.body, record);
        assert.equal(read.headers.etag, answer.headers.etag);
    });

    test('answers HEAD as GET without a body', async () => {
        const { id } = await firm.create('clients', company('Head Works'));
        const answer = expectStatus(await firm.call('HEAD', `clients/${id}`), 200);
        assert.equal(answer.text, '');
        assert.match(answer.headers.etag, /^"/);
    });

    test('is changed by a merge patch: null clears, absent stays', async () => {
        const { id } = await firm.create(
            'clients',
            company('Patch Works', {
                website: 'https://patch.example/',
                tags: ['one'],
            }),
        );
        const answer = expectStatus(
            await firm.call('PATCH', `clients/${id}`, {
                name: 'Patch Works II',
                website: null,
            }),
            200,
        );
        assert.equal(answer.body.name, 'Patch Works II');
        assert.equal(answer.body.website, null);
        assert.deepEqual(answer.body.tags, ['one']);
        assert.deepEqual(await firm.get('clients', id), answer.body);
    });

    test('takes merge-patch+json as the type of a patch', async () => {
        const { id } = await firm.create('clients', company('Typed Works'));
        const answer = await firm.call(
            'PATCH',
            `clients/${id}`,
            { name: 'Typed Works II' },
            { 'content-type': 'application/merge-patch+json' },
        );
        expectStatus(answer, 200);
    });

    test('adds to and removes from a list by $add and $remove', async () => {
        const { id } = await firm.create('clients', company('List Works', { tags: ['a', 'b'] }));
        const patch = { tags: { $add: ['c', 'a'], $remove: ['b'] } };
        const answer = expectStatus(await firm.call('PATCH', `clients/${id}`, patch), 200);
        assert.deepEqual([...answer.body.tags].sort(), ['a', 'c']);
        const mails = { emails: { $add: ['new@list.example'] } };
        const second = expectStatus(await firm.call('PATCH', `clients/${id}`, mails), 200);
        assert.deepEqual(
            second.body.emails.map((item) => item.value),
            ['new@list.example'],
        );
    });

    test('refuses an unknown word beside $add', async () => {
        const { id } = await firm.create('clients', company('Word Works'));
        const answer = await firm.call('PATCH', `clients/${id}`, { tags: { $push: ['x'] } });
        expectFault(answer, 'tags');
    });

    test('is gone after DELETE: 204, then 404', async () => {
        const { id } = await firm.create('clients', company('Gone Works'));
        const answer = expectStatus(await firm.call('DELETE', `clients/${id}`), 204);
        assert.equal(answer.text, '');
        expectProblem(await firm.call('GET', `clients/${id}`), 404);
        expectProblem(await firm.call('PATCH', `clients/${id}`, { name: 'x' }), 404);
        expectProblem(await firm.call('DELETE', `clients/${id}`), 404);
    });

    test('keeps text as it was written, in any script', async () => {
        const names = [
            'Taquería "Ñandú" & Söhne',
            '株式会社テスト',
            'Ελληνικά',
            '👩‍👩‍👧 Café',
            'quote " slash \\ tab',
            '</script><b>',
        ];
        for (const name of names) {
            const made = await firm.create('clients', company(name));
            assert.equal((await firm.get('clients', made.id)).name, name);
        }
    });

    test('may not be given what the server keeps', async () => {
        for (const name of ['created_at', 'updated_by', 'id']) {
            const answer = await firm.call('POST', 'clients', company('Kept', { [name]: 'x' }));
            expectFault(answer, name);
        }
    });

    test('shows chosen fields and expanded references', async () => {
        const made = await firm.create('clients', company('Shape Works'));
        const some = expectStatus(
            await firm.call('GET', `clients/${made.id}?fields=name,kind`),
            200,
        );
        assert.deepEqual(Object.keys(some.body).sort(), ['id', 'kind', 'name']);
        const whole = expectStatus(
            await firm.call('GET', `clients/${made.id}?expand=primary_contact`),
            200,
        );
        assert.equal(whole.body.primary_contact.name, 'Shape Works Contact');
        assert.equal(whole.body.primary_contact.id, made.primary_contact);
    });
});

describe('the entity tag', () => {
    test('answers 304 while nothing changed', async () => {
        const { id } = await firm.create('clients', company('Tag Works'));
        const first = await firm.call('GET', `clients/${id}`);
        const headers = { 'if-none-match': first.headers.etag };
        const same = expectStatus(await firm.call('GET', `clients/${id}`, undefined, headers), 304);
        assert.equal(same.text, '');
        await firm.call('PATCH', `clients/${id}`, { name: 'Tag Works II' });
        const other = await firm.call('GET', `clients/${id}`, undefined, headers);
        expectStatus(other, 200);
        assert.notEqual(other.headers.etag, first.headers.etag);
        const list = { 'if-none-match': `"none", ${other.headers.etag}` };
        expectStatus(await firm.call('GET', `clients/${id}`, undefined, list), 304);
        expectStatus(
            await firm.call('GET', `clients/${id}`, undefined, { 'if-none-match': '*' }),
            304,
        );
    });

    test('guards a patch and a deletion: 412 with the present record', async () => {
        const { id } = await firm.create('clients', company('Guard Works'));
        const first = await firm.call('GET', `clients/${id}`);
        const guard = { 'if-match': first.headers.etag };
        expectStatus(await firm.call('PATCH', `clients/${id}`, { name: 'Mine' }, guard), 200);
        const late = await firm.call('PATCH', `clients/${id}`, { name: 'Theirs' }, guard);
        expectStatus(late, 412);
        assert.match(late.text, /"Mine"/, 'the answer holds the present record');
        expectStatus(await firm.call('DELETE', `clients/${id}`, undefined, guard), 412);
        assert.equal((await firm.get('clients', id)).name, 'Mine');
        const now = await firm.call('GET', `clients/${id}`);
        const fresh = { 'if-match': now.headers.etag };
        expectStatus(await firm.call('DELETE', `clients/${id}`, undefined, fresh), 204);
    });

    test('that cannot be read is a bad request, not a blind write', async () => {
        const { id } = await firm.create('clients', company('Blind Works'));
        const answer = await firm.call(
            'PATCH',
            `clients/${id}`,
            { name: 'No' },
            { 'if-match': 'nonsense' },
        );
        expectStatus(answer, 400, 412);
        assert.equal((await firm.get('clients', id)).name, 'Blind Works');
    });
});

describe('nested creation', () => {
    test('makes contact and address in the same change', async () => {
        const made = await firm.create('clients', {
            name: 'Nest & Co',
            kind: 'company',
            primary_contact: { name: 'Ann Lee', title: 'Owner', emails: ['ann@nest.example'] },
            default_address: { line1: 'Main Street 1', city: 'Utrecht', country: 'NL' },
        });
        const contact = await firm.get('contacts', made.primary_contact);
        assert.equal(contact.name, 'Ann Lee');
        assert.equal(contact.title, 'Owner');
        assert.equal(contact.emails[0].value, 'ann@nest.example');
        const address = await firm.get('addresses', made.default_address);
        assert.equal(address.city, 'Utrecht');
        assert.equal(address.client, made.id);
        assert.equal(address.is_default, true);
        const links = await firm.all('client_contacts', `client=${made.id}`);
        assert.equal(links.length, 1);
        assert.equal(links[0].contact, contact.id);
        assert.equal(links[0].is_primary, true);
    });

    test('takes an existing contact by its id', async () => {
        const contact = await firm.create('contacts', { name: 'Already Here' });
        const made = await firm.create('clients', {
            name: 'By Id',
            kind: 'company',
            primary_contact: contact.id,
        });
        assert.equal(made.primary_contact, contact.id);
    });

    test('of one bad part makes nothing', async () => {
        const counted = async (collection) => (await firm.all(collection)).length;
        const before = [await counted('clients'), await counted('contacts')];
        const answer = await firm.call('POST', 'clients', {
            name: 'Half',
            kind: 'company',
            primary_contact: { name: 'Half Contact', emails: ['not an address'] },
        });
        expectFault(answer, 'primary_contact.emails');
        assert.deepEqual([await counted('clients'), await counted('contacts')], before);
    });

    test('of an individual makes the contact from the client itself', async () => {
        const made = await firm.create('clients', {
            name: 'Maria Solo',
            kind: 'individual',
            emails: ['maria@solo.example'],
        });
        const contact = await firm.get('contacts', made.primary_contact);
        assert.equal(contact.name, 'Maria Solo');
        assert.equal(contact.emails[0].value, 'maria@solo.example');
    });

    test('of a company without a primary contact is refused by name', async () => {
        const answer = await firm.call('POST', 'clients', { name: 'Nobody Inc', kind: 'company' });
        expectFault(answer, 'primary_contact', 'required');
    });

    test('refuses a reference that leads nowhere', async () => {
        const nowhere = '01890000-0000-7000-8000-000000000000';
        const answer = await firm.call(
            'POST',
            'clients',
            company('Lost', { primary_contact: nowhere }),
        );
        expectFault(answer, 'primary_contact');
        const manager = await firm.call(
            'POST',
            'clients',
            company('Lost', {
                account_manager: nowhere,
            }),
        );
        expectFault(manager, 'account_manager');
    });
});

describe('deletion', () => {
    test('of a client takes its addresses and links, and leaves the contact', async () => {
        const made = await firm.create(
            'clients',
            company('Cascade', {
                default_address: { line1: 'Street 2', city: 'Ghent', country: 'BE' },
            }),
        );
        expectStatus(await firm.call('DELETE', `clients/${made.id}`), 204);
        expectStatus(await firm.call('GET', `addresses/${made.default_address}`), 404);
        assert.deepEqual(await firm.all('client_contacts', `client=${made.id}`), []);
        expectStatus(await firm.call('GET', `contacts/${made.primary_contact}`), 200);
    });

    test('of a user detaches or is refused, never leaves a dangling account manager', async () => {
        const user = await firm.create('users', { name: 'Manager', email: 'manager@firm.example' });
        const made = await firm.create('clients', company('Managed', { account_manager: user.id }));
        const answer = await firm.call('DELETE', `users/${user.id}`);
        expectStatus(answer, 204, 409);
        const now = await firm.get('clients', made.id);
        if (answer.status === 204) assert.equal(now.account_manager, null);
        else assert.equal(now.account_manager, user.id);
    });

    test('of the last owner is refused, so that the firm is never locked out', async () => {
        const me = expectStatus(await firm.call('GET', 'me'), 200).body;
        const id = me.user?.id ?? me.id;
        assert.match(id, uuidForm);
        expectStatus(await firm.call('DELETE', `users/${id}`), 409, 403, 422);
        expectStatus(await firm.call('GET', 'me'), 200);
    });

    test('of the last owner is refused too where it would be a job of its own', async () => {
        const { user } = expectStatus(await firm.call('GET', 'me'), 200).body;
        const rows = Array.from({ length: 1005 }, (_, at) => ({
            create: { name: `Led ${at}`, kind: 'individual', account_manager: user.id },
        }));
        const operations = { atomic: false, operations: rows };
        const made = await firm.call('POST', 'clients/bulk', operations);
        assert.equal((await jobEnded(firm, made)).result.created, rows.length);
        const answer = await firm.callPatiently('DELETE', `users/${user.id}`);
        expectProblem(answer, 409, 'owner');
        const [led] = await firm.all('clients', 'name=Led%2077');
        assert.equal(led.account_manager, user.id);
    });
});
