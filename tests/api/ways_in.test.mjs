// How somebody enters is nobody else's to take: by an old session, a narrower token, a lesser
// role, or a contact who also belongs to clients out of sight.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openEvents } from '../door/events.mjs';
import { expectProblem, expectStatus } from '../door/expect.mjs';
import { jobEnded } from '../door/jobs.mjs';
import { join } from '../door/people.mjs';
import { contactPassword, enter, portalHost } from '../door/portal.mjs';
import { Firm, openServer, password } from '../door/server.mjs';
import { Visitor } from '../door/visitor.mjs';

let server;
let firm;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
});
after(() => server.close());

let made = 0;
const person = (role = 'employee') => ({
    name: `Person ${++made}`,
    email: `person${made}@firm.example`,
    role,
});
async function newClient(more = {}) {
    const name = `Client ${++made}`;
    const emails = [{ value: `contact${made}@client.example` }];
    const primary_contact = more.primary_contact ?? { name: `Contact ${made}`, emails };
    return firm.create('clients', { name, kind: 'company', ...more, primary_contact });
}

describe('the password is asked for again', () => {
    test('before an old session decides who enters or what he may', async () => {
        const strict = await openServer(['acme'], { words: ['--proof-ms', '1'] });
        try {
            const at = strict.firms.acme;
            const user = await at.create('users', person());
            const role = await at.create('roles', { name: 'little', label: 'Little', rights: {} });
            const client = await at.create('clients', {
                name: 'Client',
                kind: 'company',
                primary_contact: { name: 'Contact' },
            });
            const contact = await enter(at, [client.id], client.primary_contact);
            const owner = await Visitor.signIn(at, at.owner, password);
            const account = `portal_accounts/${contact.account.id}`;
            const update = { id: user.id, email: 'mine@firm.example' };
            for (const request of [
                ['PATCH', `users/${user.id}`, { email: 'mine@firm.example' }],
                ['PATCH', `users/${user.id}`, { role: 'owner' }],
                ['PATCH', `users/${user.id}`, { disabled: true }],
                ['POST', 'users', person('owner')],
                ['DELETE', `users/${user.id}`],
                ['POST', 'roles', { name: 'large', label: 'Large', rights: {} }],
                ['PATCH', `roles/${role.id}`, { sees: ['vault'] }],
                ['DELETE', `roles/${role.id}`],
                ['PATCH', account, { email: 'mine@client.example' }],
                ['POST', `${account}/password`, { password: 'some words of mine' }],
                ['GET', 'clients/export'],
                ['GET', 'contacts/export?format=ndjson&fields=name'],
            ]) {
                const { type } = expectProblem(await owner.call(...request), 403);
                assert.equal(type, 'step_up', request.join(' '));
            }
            const bulk = await owner.call('POST', 'users/bulk', { operations: [{ update }] });
            assert.notEqual(bulk.status, 500);
            assert.equal((await at.get('users', user.id)).email, user.email);
            expectStatus(await owner.call('PATCH', `users/${user.id}`, { language: 'de' }), 200);
            expectStatus(await contact.call('GET', 'me'), 200);
            // Of a script nobody can be asked: its token is bounded by its rights.
            expectStatus(await at.call('GET', 'clients/export'), 200);
        } finally {
            await strict.close();
        }
    });

    test('and not of one who has just given it', async () => {
        const user = await firm.create('users', person());
        const client = await newClient();
        const { account } = await enter(firm, [client.id], client.primary_contact);
        const owner = await Visitor.signIn(firm, firm.owner, password);
        for (const request of [
            ['PATCH', `users/${user.id}`, { email: person().email, role: 'pm' }],
            ['PATCH', `portal_accounts/${account.id}`, { email: `new${++made}@client.example` }],
            ['DELETE', `users/${user.id}`],
        ])
            expectStatus(await owner.call(...request), 200, 204);
    });

    test('and a job keeps that it was given', async () => {
        const owner = await Visitor.signIn(firm, firm.owner, password);
        const one = person();
        const text = `Name,E-mail,Role\n${one.name},${one.email},employee\n`;
        const job = await jobEnded(firm, await owner.call('POST', 'users/import', { text }));
        assert.equal(job.state, 'done');
        assert.ok((await firm.all('users')).some((user) => user.email === one.email));
    });
});

describe('a token with a role of its own', () => {
    const rights = { user: ['view', 'edit'], client: 'all', contact: 'all', client_contact: 'all' };
    let narrow;
    before(async () => {
        await firm.create('roles', { name: 'keeper', label: 'Keeper', rows: ['all'], rights });
        const owner = await Visitor.signIn(firm, firm.owner, password);
        const wanted = { name: 'Keeper', role: 'keeper' };
        const { token } = expectStatus(await owner.call('POST', 'tokens', wanted), 201).body;
        narrow = new Firm(server, firm.name, token);
    });

    test('neither moves the address of its user nor ends what he does elsewhere', async () => {
        const [owner] = await firm.all('users', 'role=owner');
        const path = `users/${owner.id}`;
        expectProblem(await narrow.call('PATCH', path, { email: 'me@evil.example' }), 403);
        expectStatus(await narrow.call('PATCH', path, { language: 'de' }), 200);
        const at = await Visitor.signIn(firm, firm.owner, password);
        const [session] = expectStatus(await at.call('GET', 'sessions'), 200).body.data;
        expectProblem(await narrow.call('DELETE', 'sessions'), 403);
        expectProblem(await narrow.call('DELETE', `sessions/${session.id}`), 403);
        expectProblem(await narrow.call('DELETE', `${path}/sessions`), 403);
        const tokens = expectStatus(await narrow.call('GET', 'tokens'), 200).body.data;
        const other = tokens.find((token) => !token.current);
        expectProblem(await narrow.call('DELETE', `tokens/${other.id}`), 403);
        expectStatus(await at.call('GET', 'me'), 200);
    });

    test('takes no one-time codes from its user, even as a proof', async () => {
        const owner = await Visitor.signIn(firm, firm.owner, password);
        const wanted = { name: 'Proof', role: 'keeper', proof: true };
        const { token } = expectStatus(await owner.call('POST', 'tokens', wanted), 201).body;
        const proof = new Firm(server, firm.name, token);
        expectProblem(await proof.call('POST', 'me/totp'), 403, 'may more than you');
        expectProblem(await proof.call('DELETE', 'me/totp'), 403, 'may more than you');
    });

    test('has no results of jobs that its user began by another one', async () => {
        const text = 'Name,E-mail,Role,Nothing\n,no address,owner,canary\n';
        const wide = await firm.call('POST', 'users/import', { text });
        const { id } = await jobEnded(firm, wide);
        for (const path of [`jobs/${id}`, `jobs/${id}/results`, `jobs/${id}/failed`])
            expectProblem(await narrow.call('GET', path), 404);
        const { data } = expectStatus(await narrow.call('GET', 'jobs'), 200).body;
        assert.deepEqual(data, []);
    });
});

test('who may less looks after nobody who may more', async () => {
    const rights = { user: 'all', client: 'view' };
    await firm.create('roles', { name: 'clerk', label: 'Clerk', rows: ['all'], rights });
    const clerk = await join(firm, 'Clara Clerk', 'clerk');
    const [owner] = await firm.all('users', 'role=owner');
    const path = `users/${owner.id}`;
    const at = await Visitor.signIn(firm, firm.owner, password);
    for (const request of [
        ['GET', `${path}/sessions`],
        ['DELETE', `${path}/sessions`],
        ['POST', `${path}/invite`],
        ['DELETE', `${path}/invite`],
    ])
        expectProblem(await clerk.call(...request), 403, 'may more than you');
    expectStatus(await at.call('GET', 'me'), 200);
    expectStatus(await clerk.call('GET', `users/${clerk.user.id}/sessions`), 200);
});

test('who may as much, but not with the same clients, looks after nobody', async () => {
    const rights = { user: 'all', client: ['view', 'create', 'edit'] };
    const role = { name: 'lead', label: 'Lead', rows: ['managed'], rights };
    await firm.create('roles', role);
    await firm.create('roles', { name: 'idle', label: 'Idle', rights: {} });
    const lea = await join(firm, 'Lea Lead', 'lead');
    const moe = await join(firm, 'Moe Lead', 'lead');
    const { id } = await newClient({ account_manager: moe.user.id });
    expectProblem(await lea.call('GET', `clients/${id}`), 404);
    const path = `users/${moe.user.id}`;
    const proven = await provenToken(lea.user);
    for (const request of [
        ['PATCH', path, { email: 'lea.too@firm.example' }],
        ['PATCH', path, { role: 'idle' }],
        ['PATCH', path, { disabled: true }],
        ['DELETE', path],
        ['GET', `${path}/tokens`],
        ['POST', `${path}/tokens`, { name: 'Mine' }],
        ['GET', `${path}/sessions`],
        ['DELETE', `${path}/sessions`],
        ['POST', `${path}/invite`],
    ])
        expectProblem(await proven.call(...request), 403, 'sees other clients than you');
    expectStatus(await proven.call('PATCH', path, { name: 'Moe L.' }), 200);
    const hired = { ...person('lead'), name: 'New' };
    expectStatus(await proven.call('POST', 'users', hired), 201);
    expectStatus(await moe.call('GET', `clients/${id}`), 200);
});

test('who may less than a contact does not enter in its place', async () => {
    const client = await newClient();
    const { account } = await enter(firm, [client.id], client.primary_contact);
    const path = `portal_accounts/${account.id}`;
    const all = ['view', 'create', 'edit'];
    const shown = ['client', 'contact', 'address', 'project'];
    const rights = (actions) => Object.fromEntries(shown.map((entity) => [entity, actions]));
    const ways = [
        ['POST', `${path}/view_as`],
        ['POST', `${path}/password`, { password: 'some words of mine' }],
        ['PATCH', path, { email: `mine${++made}@client.example` }],
    ];
    const desk = { portal_account: ['view', 'create', 'edit'] };
    const most = { ...rights(['view']), project: undefined };
    for (const [name, has, allowed] of [
        ['desk', desk, 0],
        ['most', { ...desk, ...most }, 0],
        ['reader', { ...desk, ...rights(['view']) }, 1],
        ['writer', { ...desk, ...rights(all) }, 3],
    ]) {
        await firm.create('roles', { name, label: name, rows: ['all'], rights: has });
        const who = await join(firm, `Who ${name}`, name);
        const proven = await provenToken(who.user);
        for (const [at, way] of ways.entries()) {
            const answer = await proven.call(...way);
            if (at < allowed) expectStatus(answer, 200, 204);
            else expectProblem(answer, 403, 'what you do not see');
        }
        expectStatus(await proven.call('PATCH', path, { language: 'de' }), 200);
        if (allowed === 0) continue;
        // An account that leads nowhere yet is nobody's place.
        const { id } = await firm.create('contacts', { name: `Contact ${++made}` });
        const lone = { contact: id, email: `lone${made}@client.example` };
        expectStatus(await who.call('POST', 'portal_accounts', lone), 201);
    }
});

test('results are for who began the job, and for as long as he may what it took', async () => {
    const rights = { settings: 'all', client: 'view' };
    await firm.create('roles', { name: 'caretaker', label: 'Caretaker', rows: ['all'], rights });
    const caretaker = await join(firm, 'Carl Caretaker', 'caretaker');
    const text = 'Name,E-mail,Role,Nothing\n,no address,owner,canary\n';
    const { id } = await jobEnded(firm, await firm.call('POST', 'users/import', { text }));
    expectStatus(await caretaker.call('GET', `jobs/${id}`), 200);
    for (const path of [`jobs/${id}/results`, `jobs/${id}/failed`])
        expectProblem(await caretaker.call('GET', path), 404);
    const second = await join(firm, 'Olga Owner', 'owner');
    const proven = await provenToken(second.user);
    const client = await newClient();
    const path = `contacts/${client.primary_contact}/person`;
    const job = await jobEnded(proven, await proven.call('POST', path));
    expectStatus(await proven.call('GET', `jobs/${job.id}/results`), 200);
    const change = { role: 'caretaker' };
    expectStatus(await firm.call('PATCH', `users/${second.user.id}`, change), 200);
    for (const where of [`jobs/${job.id}`, `jobs/${job.id}/results`]) {
        expectProblem(await proven.call('GET', where), 404);
        expectProblem(await caretaker.call('GET', where), 404);
    }
});

test('a refused deletion does not tell of what is out of sight', async () => {
    const rights = { client: 'all', contact: 'all', client_contact: 'all' };
    await firm.create('roles', { name: 'deleter', label: 'Deleter', rows: ['all'], rights });
    const who = await join(firm, 'Dora Deleter', 'deleter');
    const client = await newClient();
    await firm.create('projects', { name: 'Canary', client: client.id });
    const { detail } = expectProblem(await who.call('DELETE', `clients/${client.id}`), 409);
    assert.ok(!/project|1/.test(detail), detail);
    const told = expectProblem(await firm.call('DELETE', `clients/${client.id}`), 409).detail;
    assert.match(told, /1 project/);
});

describe('a contact of clients seen and unseen', () => {
    let pam;
    let mine;
    let contact;
    before(async () => {
        const shown = ['client', 'contact', 'address', 'project'];
        const all = [...shown, 'client_contact', 'portal_account', 'portal_right'];
        const rights = Object.fromEntries(all.map((entity) => [entity, 'all']));
        const role = { name: 'manager', label: 'Manager', rows: ['managed'], rights };
        await firm.create('roles', role);
        pam = await join(firm, 'Pam Manager', 'manager');
        mine = await newClient({ account_manager: pam.user.id });
        contact = await enter(firm, [mine.id], mine.primary_contact);
    });
    const words = { password: 'some words of mine' };
    const where = (more = '') => `portal_accounts/${contact.account.id}${more}`;

    test('is no way to those that are not', async () => {
        expectStatus(await pam.call('PATCH', where(), { email: 'one@client.example' }), 200);
        expectStatus(await pam.call('POST', where('/password'), words), 204);
        const other = await newClient({ primary_contact: mine.primary_contact });
        await enter(firm, [other.id], mine.primary_contact);
        const { email } = await firm.get('portal_accounts', contact.account.id);
        for (const request of [
            ['POST', where('/password'), words],
            ['PATCH', where(), { email: 'two@client.example' }],
            ['PATCH', where(), { state: 'disabled' }],
            ['POST', `clients/${mine.id}/enable_portal`, { email: 'two@client.example' }],
        ])
            expectProblem(await pam.call(...request), 403, 'do not see');
        const kept = new Visitor(firm, portalHost(firm));
        kept.take(await kept.call('POST', 'session', { email, password: contactPassword }), 201);
        expectStatus(await pam.call('PATCH', where(), { language: 'de' }), 200);
    });

    test('is not looked at either, from the moment that it leads there', async () => {
        const seen = await newClient({ account_manager: pam.user.id });
        const { account } = await enter(firm, [seen.id], seen.primary_contact);
        const proven = await provenToken(pam.user);
        const path = `portal_accounts/${account.id}/view_as`;
        const { address } = expectStatus(await proven.call('POST', path), 200).body;
        const viewer = new Visitor(firm, portalHost(firm));
        const token = address.split('/').at(-1);
        viewer.take(await viewer.call('POST', 'session/view', { token }), 201);
        expectStatus(await viewer.call('GET', 'clients'), 200);
        const other = await newClient({ primary_contact: seen.primary_contact });
        await enter(firm, [other.id], seen.primary_contact);
        expectProblem(await viewer.call('GET', 'clients'), 401);
        expectProblem(await proven.call('POST', path), 403, 'do not see');
    });
});

/** By a token of this user made for what needs a proof; its owner makes it for him. */
async function provenToken(user) {
    const owner = await Visitor.signIn(firm, firm.owner, password);
    const wanted = { name: 'Proof', proof: true };
    const answer = await owner.call('POST', `users/${user.id}/tokens`, wanted);
    return new Firm(server, firm.name, expectStatus(answer, 201).body.token);
}

test('a stream at the portal tells a contact what is its own', async () => {
    const client = await newClient();
    const contact = await enter(firm, [client.id], client.primary_contact, 'own');
    const headers = { host: contact.host, cookie: contact.cookie };
    const stream = await openEvents({ ...firm, server, token: undefined }, { headers });
    const change = { name: 'Another name' };
    expectStatus(await firm.call('PATCH', `contacts/${client.primary_contact}`, change), 200);
    const is = (event) => event.data.id === client.primary_contact;
    await stream.until((one) => one.events.some(is), 'the change of the contact');
    stream.close();
});

test('a refusal names no client that is out of sight', async () => {
    const rights = { client: ['view'], client_contact: ['view'], contact: ['view', 'delete'] };
    await firm.create('roles', { name: 'sweeper', label: 'Sweeper', rows: ['managed'], rights });
    const sweeper = await join(firm, 'Sweeper', 'sweeper');
    const unseen = await newClient();
    const seen = await newClient({ account_manager: sweeper.user.id });
    const link = { client: seen.id, contact: unseen.primary_contact };
    await firm.create('client_contacts', link);
    const refused = await sweeper.call('DELETE', `contacts/${unseen.primary_contact}`);
    expectProblem(refused, 409, 'would be left without');
    assert.ok(!refused.text.includes(unseen.name), refused.text);
    const told = await firm.call('DELETE', `contacts/${unseen.primary_contact}`);
    expectProblem(told, 409, 'name another', unseen.name);
});
