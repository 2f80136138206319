// Two firms with the same names and e-mails: no road leads from one to the other's records. That no
// call does so at all is matrix.test.mjs.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { expectProblem, expectStatus } from '../door/expect.mjs';
import { sendBytes } from '../door/http.mjs';
import { jobEnded } from '../door/jobs.mjs';
import { openServer } from '../door/server.mjs';
import { canary } from '../door/watch.mjs';

let server;
let mine;
let theirs;
const canaries = { mine: canary('acme', 'mine'), theirs: canary('borg', 'theirs') };
const ids = { mine: {}, theirs: {} };
/** What has an id but no list of records. */
const things = { mine: {}, theirs: {} };

async function fill(firm, key) {
    const user = await firm.create('users', { name: 'Same User', email: 'same.user@firm.example' });
    const client = await firm.create('clients', {
        name: 'Same Company',
        kind: 'company',
        emails: ['same@company.example'],
        observations: canaries[key],
        reference: 'SAME-1',
        account_manager: user.id,
        primary_contact: { name: 'Same Person', emails: ['same@person.example'] },
        default_address: { line1: 'Same Street 1', city: 'Same City', country: 'NL' },
    });
    const [link] = await firm.all('client_contacts', `client=${client.id}`);
    const choice = await firm.create('choices', {
        set: 'client.status',
        value: 'paused',
        label: `Paused ${canaries[key]}`,
    });
    const view = await firm.create('views', { name: canaries[key], entity: 'client' });
    const mapping = await firm.create('import_mappings', { name: 'Same', entity: 'client' });
    const field = await firm.create('custom_fields', {
        entity: 'client',
        name: 'x_same',
        label: `Same ${canaries[key]}`,
        kind: 'text',
    });
    const rule = await firm.create('rules', {
        name: canaries[key],
        entity: 'contact',
        point: 'before',
        set: { title: canaries[key] },
        state: 'active',
    });
    const [version] = await firm.all('rule_versions', `rule=${rule.id}`);
    const ruleTest = await firm.create('rule_tests', {
        rule: rule.id,
        name: canaries[key],
        expected: { outcome: 'done' },
    });
    await firm.create('contacts', { name: 'Fires the rule' });
    const runs = expectStatus(await firm.call('GET', `rules/${rule.id}/runs`), 200).body.data;
    const upload = await firm.call('POST', 'uploads', { name: canaries[key], bytes: 1 });
    const job = await firm.call('POST', 'contacts/bulk', {
        atomic: false,
        operations: [{ create: { name: canaries[key] } }],
    });
    await jobEnded(firm, job);
    things[key] = {
        uploads: expectStatus(upload, 201).body.id,
        jobs: job.body.id,
        groups: job.body.group,
        runs: runs[0].id,
    };
    const [settings] = await firm.all('settings').catch(() => []);
    const project = await firm.create('projects', { name: canaries[key], client: client.id });
    const team = await firm.create('teams', { name: canaries[key], members: [user.id] });
    const account = await firm.create('portal_accounts', {
        contact: client.primary_contact,
        email: 'same@person.example',
    });
    ids[key] = {
        projects: project.id,
        teams: team.id,
        portal_accounts: account.id,
        users: user.id,
        clients: client.id,
        contacts: client.primary_contact,
        choices: choice.id,
        addresses: client.default_address,
        client_contacts: link.id,
        settings: settings?.id,
        views: view.id,
        import_mappings: mapping.id,
        custom_fields: field.id,
        rules: rule.id,
        rule_versions: version.id,
        rule_tests: ruleTest.id,
    };
}

before(async () => {
    server = await openServer(['acme', 'borg']);
    mine = server.firms.acme;
    theirs = server.firms.borg;
    await fill(mine, 'mine');
    await fill(theirs, 'theirs');
});
after(() => server.close());

test('things of the other firm are none to a request that names them', async () => {
    const { uploads: upload, jobs } = things.theirs;
    const bulk = await mine.call('POST', 'contacts/bulk', { atomic: false, upload });
    assert.equal((await jobEnded(mine, bulk)).state, 'failed');
    expectStatus(await mine.call('POST', 'clients/import', { upload }), 422);
    const list = expectStatus(await mine.call('GET', 'jobs'), 200).body.data;
    assert.ok(list.length > 0 && !list.some((job) => job.id === jobs));
    expectStatus(await mine.call('GET', `clients?view=${ids.theirs.views}`), 400);
    const table = { text: 'Name\nX\n', mapping: ids.theirs.import_mappings };
    expectStatus(await mine.call('POST', 'clients/import', table), 404, 422);
    const { clients } = ids.theirs;
    const before = await theirs.get('clients', clients);
    for (const operation of [
        { patch: { id: clients, name: 'Taken' } },
        { delete: clients },
        { id: clients, patch: { name: 'Taken' } },
        { update: { id: clients, name: 'Taken' } },
    ])
        for (const body of [[operation], { operations: [operation], atomic: false }]) {
            const answer = await mine.call('POST', 'clients/bulk', body);
            if (answer.status !== 202) expectStatus(answer, 404, 422);
            else assert.equal((await jobEnded(mine, answer)).result?.done ?? 0, 0);
        }
    const merge = await mine.call('POST', `clients/${ids.mine.clients}/merge`, { from: clients });
    expectStatus(merge, 404, 422);
    const byId = { filter: { id: clients }, patch: { name: 'Taken' } };
    const filtered = await mine.call('POST', 'clients/bulk', byId);
    if (filtered.status === 202) await jobEnded(mine, filtered);
    assert.deepEqual(await theirs.get('clients', clients), before);
    const key = { 'idempotency-key': 'the same key' };
    const first = await theirs.call('POST', 'contacts', { name: 'Once' }, key);
    const again = await mine.call('POST', 'contacts', { name: 'Once' }, key);
    assert.notEqual(expectStatus(first, 201).body.id, expectStatus(again, 201).body.id);
    expectStatus(await mine.call('DELETE', `contacts/${again.body.id}`), 204);
});

test("lists and searches show only what is one's own", async () => {
    for (const [firm, key, other] of [
        [mine, 'mine', 'theirs'],
        [theirs, 'theirs', 'mine'],
    ]) {
        for (const [collection, id] of Object.entries(ids[key])) {
            if (id === undefined) continue;
            const found = (await firm.all(collection)).map((record) => record.id);
            assert.ok(found.includes(id), collection);
            assert.ok(!found.includes(ids[other][collection]), collection);
        }
        const queries = [
            'q=same',
            'name=same%20company',
            'emails=same@company.example',
            'reference=SAME-1',
            'sort=name',
            'count=true',
        ];
        for (const query of queries) {
            const answer = expectStatus(await firm.call('GET', `clients?${query}`), 200);
            assert.deepEqual(
                answer.body.data.map((record) => record.id),
                [ids[key].clients],
                query,
            );
            if (answer.body.count) assert.equal(answer.body.count.value, 1);
        }
        const feed = expectStatus(await firm.call('GET', 'changes?after=0'), 200);
        assert.ok(!feed.text.includes(canaries[other]), 'the feed');
        const schema = expectStatus(await firm.call('GET', 'schema'), 200);
        assert.ok(!schema.text.includes(canaries[other]), 'the catalog');
    }
});

describe('a reference to a record of the other firm', () => {
    /** What an entity needs beside the reference that is tried. */
    const beside = {
        client: () => ({ name: 'Thief', kind: 'individual' }),
        address: () => ({ client: ids.mine.clients, line1: 'X', city: 'Y', country: 'NL' }),
        client_contact: () => ({ client: ids.mine.clients, contact: ids.mine.contacts }),
        client_duplicate: () => ({ first: ids.mine.clients, second: ids.mine.clients }),
        contact_duplicate: () => ({ first: ids.mine.contacts, second: ids.mine.contacts }),
        credential: () => ({ client: ids.mine.clients, platform: 'X' }),
        portal_account: () => ({ contact: ids.mine.contacts, email: 'thief@firm.example' }),
        portal_right: () => ({ account: ids.mine.portal_accounts, client: ids.mine.clients }),
        project: () => ({ name: 'Thief', client: ids.mine.clients }),
        task: () => ({ name: 'Thief', project: ids.mine.projects }),
        team: () => ({ name: 'Thieves' }),
        share: () => ({ client: ids.mine.clients, user: ids.mine.users }),
        rule_test: () => ({ rule: ids.mine.rules, name: 'X', expected: { outcome: 'done' } }),
    };

    test('is told as one that never was, by every field that the schema has', async () => {
        const { entities } = expectStatus(await mine.call('GET', 'schema'), 200).body;
        const plurals = Object.fromEntries(entities.map(({ name, plural }) => [name, plural]));
        const nowhere = '01890000-0000-7000-8000-000000000000';
        let tried = 0;
        for (const entity of entities)
            for (const field of entity.fields) {
                if (!/^references?$/.test(field.kind) || field.computed) continue;
                const where = `${entity.name}.${field.name}`;
                const foreign = ids.theirs[plurals[field.to]];
                assert.ok(foreign, `${where}: the other firm has no ${field.to}`);
                const told = async (id) => {
                    const value = field.kind === 'references' ? [id] : id;
                    const record = { ...beside[entity.name]?.(), [field.name]: value };
                    const answer = await mine.call('POST', entity.plural, record);
                    const { request_id: request, ...rest } = answer.body;
                    return JSON.stringify({ status: answer.status, rest }).replaceAll(id, 'ID');
                };
                const [one, none] = [await told(foreign), await told(nowhere)];
                assert.equal(one, none, where);
                if (entity.name === 'rule_version') continue; // Written by the server alone.
                assert.match(one, /^{"status":422/, where);
                assert.match(one, new RegExp(`"field":"${field.name}`), where);
                tried += 1;
            }
        assert.ok(tried >= 20, `${tried}`);
    });

    test('is no such record, made or changed', async () => {
        const attempts = [
            [
                'clients',
                { name: 'Thief', kind: 'company', primary_contact: ids.theirs.contacts },
                'primary_contact',
            ],
            [
                'clients',
                { name: 'Thief', kind: 'individual', account_manager: ids.theirs.users },
                'account_manager',
            ],
            [
                'addresses',
                { client: ids.theirs.clients, line1: 'X', city: 'Y', country: 'NL' },
                'client',
            ],
            [
                'client_contacts',
                { client: ids.theirs.clients, contact: ids.mine.contacts },
                'client',
            ],
            [
                'client_contacts',
                { client: ids.mine.clients, contact: ids.theirs.contacts },
                'contact',
            ],
        ];
        for (const [collection, record, field] of attempts) {
            const answer = expectStatus(await mine.call('POST', collection, record), 422);
            assert.ok(
                answer.body.errors.some((fault) => fault.field === field),
                answer.text,
            );
        }
        const patch = await mine.call('PATCH', `clients/${ids.mine.clients}`, {
            account_manager: ids.theirs.users,
        });
        expectStatus(patch, 422);
    });

    test('finds nothing as a filter', async () => {
        const answer = await mine.call('GET', `addresses?client=${ids.theirs.clients}`);
        assert.deepEqual(expectStatus(answer, 200).body.data, []);
    });

    test('is told in the same words as one that never was', async () => {
        const nowhere = '01890000-0000-7000-8000-000000000000';
        const told = async (id) => {
            const answer = await mine.call('GET', `clients/${id}`);
            const { request_id: request, ...rest } = answer.body;
            assert.ok(request);
            return JSON.stringify({ status: answer.status, rest }).replaceAll(id, 'ID');
        };
        assert.equal(await told(ids.theirs.clients), await told(nowhere));
    });
});

test('a cursor of one firm opens nothing at the other', async () => {
    for (let at = 0; at < 3; at++)
        await mine.create('clients', { name: `Mine ${at}`, kind: 'individual' });
    const page = expectStatus(await mine.call('GET', 'clients?sort=name&limit=2'), 200).body;
    const after = encodeURIComponent(page.next);
    const where = `clients?sort=name&after=${after}`;
    const answer = expectProblem(await theirs.call('GET', where), 400);
    assert.match(answer.detail, /no cursor of this list/);
    // Nor does one in which anything was altered open anything where it is from.
    const bytes = Buffer.from(page.next, 'base64url');
    for (let at = 0; at < bytes.length; at++) {
        const altered = Buffer.from(bytes);
        altered[at] ^= 1 << at % 8;
        const other = `clients?sort=name&after=${altered.toString('base64url')}`;
        expectProblem(await mine.call('GET', other), 400);
    }
    expectStatus(await mine.call('GET', where), 200);
});

test('writes of one firm show in no feed and no count of the other', async () => {
    const newest = async (firm) => {
        let last = 0;
        for (;;) {
            const { data, next } = (await firm.call('GET', `changes?after=${last}`)).body;
            if (data.length === 0) return last;
            last = next;
        }
    };
    const before = await newest(theirs);
    await mine.create('clients', { name: 'Unseen', kind: 'individual' });
    assert.equal(await newest(theirs), before);
});

test('the same unique value may stand in both', async () => {
    const record = { name: 'Again', kind: 'individual', reference: 'SAME-1' };
    expectStatus(await mine.call('POST', 'clients', record), 409);
    expectStatus(await theirs.call('POST', 'clients', { ...record, reference: 'OTHER-1' }), 201);
    expectStatus(await mine.call('POST', 'clients', { ...record, reference: 'OTHER-1' }), 201);
});

test('no filter reaches through a reference into the other firm', async () => {
    const words = [
        `default_address=${ids.theirs.addresses}`,
        `default_address[ne]=${ids.mine.addresses}`,
        `primary_contact=${ids.theirs.contacts}`,
        `account_manager=${ids.theirs.users}`,
        `created_by=${ids.theirs.users}`,
        'default_address.city=other%20city',
    ];
    const street = { line1: 'Other Street 1', city: 'Other City', country: 'NL' };
    await theirs.create('addresses', { client: ids.theirs.clients, ...street });
    for (const query of words) {
        const answer = expectStatus(await mine.call('GET', `clients?${query}`), 200);
        assert.ok(!answer.text.includes(canaries.theirs), query);
        assert.ok(!answer.text.includes(ids.theirs.clients), query);
    }
});

test('whatever a request says of its host, a token opens its own firm alone', async () => {
    const target = '/api/v1/clients?limit=200';
    const name = (firm) => firm.host.split(':')[0];
    const heads = [
        `GET ${target} HTTP/1.1\r\nHost: ${name(theirs)}`,
        `GET ${target} HTTP/1.1\r\nHost: ${name(theirs).toUpperCase()}`,
        `GET ${target} HTTP/1.1\r\nHost: ${name(theirs)}.`,
        `GET ${target} HTTP/1.1\r\nHost: ${name(theirs)}:1`,
        `GET ${target} HTTP/1.1\r\nHost: borg-portal.localhost`,
        `GET ${target} HTTP/1.1\r\nHost: acme-portal.localhost`,
        `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1`,
        `GET ${target} HTTP/1.1\r\nHost:`,
        `GET ${target} HTTP/1.1\r\nHost: ${name(mine)}\r\nHost: ${name(theirs)}`,
        `GET ${target} HTTP/1.1\r\nHost: ${name(theirs)}\r\nHost: ${name(mine)}`,
        `GET ${target} HTTP/1.1\r\nHost: ${name(mine)},${name(theirs)}`,
        `GET http://${name(theirs)}${target} HTTP/1.1\r\nHost: ${name(mine)}`,
        `GET http://${name(mine)}@${name(theirs)}${target} HTTP/1.1\r\nHost: ${name(mine)}`,
        `GET ${target} HTTP/1.0`,
    ];
    for (const head of heads) {
        const rest = `Authorization: Bearer ${mine.token}\r\nConnection: close\r\n\r\n`;
        const request = `${head}\r\n${rest}`;
        const { how, text } = await sendBytes({ port: server.port, parts: [request] });
        assert.notEqual(how, 'quiet', head);
        assert.match(text, /^HTTP\/1\.1 4/, head);
        assert.ok(!text.includes('canary'), head);
    }
    const own =
        `GET ${target} HTTP/1.1\r\nHost: ${name(mine)}\r\nX-Forwarded-Host: ${name(theirs)}\r\n` +
        `Authorization: Bearer ${mine.token}\r\nConnection: close\r\n\r\n`;
    const { text } = await sendBytes({ port: server.port, parts: [own] });
    assert.match(text, /^HTTP\/1\.1 200/);
    assert.ok(text.includes(canaries.mine) && !text.includes(canaries.theirs));
});
