// Fields that lie sealed: an IBAN, shown to who sees it and found whole; a secret, shown by a
// reveal alone and nowhere else.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { expectFault, expectProblem, expectStatus } from '../door/expect.mjs';
import { jobEnded } from '../door/jobs.mjs';
import { openServer, password } from '../door/server.mjs';
import { Visitor } from '../door/visitor.mjs';
import { until } from '../door/wait.mjs';

const iban = 'DE89370400440532013000';
const otherIban = 'GB82WEST12345698765432';

let server;
let firm;
let session;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
    const owner = await Visitor.signIn(firm, firm.owner, password);
    session = (...asked) => owner.call(...asked);
});
after(() => server.close());

let number = 0;
function makeClient(more = {}) {
    const name = `Client ${++number}`;
    return firm.create('clients', {
        name,
        kind: 'company',
        primary_contact: { name: `Contact of ${name}` },
        ...more,
    });
}

const reveal = (id) => session('POST', `credentials/${id}/reveal`, { field: 'secret' });

/** Every file of the data directory, in one piece. */
async function everythingStored() {
    const parts = [];
    for (const entry of await fs.readdir(server.directory, {
        recursive: true,
        withFileTypes: true,
    }))
        if (entry.isFile()) parts.push(await fs.readFile(path.join(entry.parentPath, entry.name)));
    return Buffer.concat(parts);
}

describe('a sealed field', () => {
    test('is kept in one form, and shown', async () => {
        const client = await makeClient({ iban: ' de89 3704 0044 0532 0130 00 ' });
        assert.equal(client.iban, iban);
        assert.equal((await firm.get('clients', client.id)).iban, iban);
        const history = await firm.call('GET', `clients/${client.id}/history`);
        assert.equal(history.body.data[0].changes.iban.new, iban);
        const cleared = await firm.call('PATCH', `clients/${client.id}`, { iban: null });
        assert.equal(expectStatus(cleared, 200).body.iban, null);
    });

    test('is refused when it cannot be one', async () => {
        const client = await makeClient();
        for (const wrong of ['DE89370400440532013001', 'DE8937', '1234', 'x'.repeat(5000), 7])
            expectFault(await firm.call('PATCH', `clients/${client.id}`, { iban: wrong }), 'iban');
    });

    test('that stays the same is no change', async () => {
        const client = await makeClient({ iban });
        const before = await firm.call('GET', `clients/${client.id}`);
        const same = await firm.call('PATCH', `clients/${client.id}`, {
            iban: 'DE89 3704 0044 0532 0130 00',
        });
        assert.equal(same.headers.etag, before.headers.etag);
    });

    test('is found whole, in any writing, and not otherwise', async () => {
        const client = await makeClient({ iban: otherIban });
        const empty = await makeClient();
        for (const query of [
            `iban=${otherIban}`,
            'iban=gb82%20west%201234%205698%207654%2032',
            `filter=${encodeURIComponent(JSON.stringify({ iban: otherIban }))}`,
        ]) {
            const found = await firm.all('clients', query);
            assert.deepEqual(
                found.map((record) => record.id),
                [client.id],
                query,
            );
        }
        const others = await firm.all('clients', `iban[ne]=${otherIban}`);
        assert.ok(!others.some((record) => record.id === client.id));
        const without = await firm.all('clients', 'iban[empty]=true');
        assert.ok(without.some((record) => record.id === empty.id));
        assert.ok(!without.some((record) => record.id === client.id));
        for (const query of ['iban[prefix]=GB82', 'iban[gt]=GB82', 'sort=iban', 'iban=GB82'])
            expectProblem(await firm.call('GET', `clients?${query}`), 400, 'iban');
        const words = await firm.all('clients', `q=${otherIban}`);
        assert.deepEqual(words, []);
    });

    test('lies nowhere in the open', async () => {
        const word = 'NL91ABNA0417164300';
        const client = await makeClient();
        const key = { 'idempotency-key': 'sealed once' };
        const made = { name: 'Kept', kind: 'company', primary_contact: { name: 'K' }, iban: word };
        expectStatus(await firm.call('POST', 'clients', made, key), 201);
        expectStatus(await firm.call('POST', 'clients', made, key), 201);
        expectStatus(await firm.call('PATCH', `clients/${client.id}`, { iban: word }), 200);
        expectStatus(await firm.call('DELETE', `clients/${client.id}`), 204);
        assert.ok(!(await everythingStored()).includes(word));
        const back = await firm.call('POST', `clients/${client.id}/restore`);
        assert.equal(expectStatus(back, 200).body.iban, word);
    });

    test('goes along with a merge, an undo and an export', async () => {
        const value = 'FR1420041010050500013M02606';
        const one = await makeClient();
        const two = await makeClient({ iban: value });
        const merged = await firm.call('POST', `clients/${one.id}/merge`, { with: [two.id] });
        assert.equal(expectStatus(merged, 200).body.iban, value);
        const table = await firm.call('GET', `clients/export?iban=${value}`);
        assert.ok(table.text.includes(value));
        const history = await firm.call('GET', `clients/${one.id}/history`);
        const { group } = history.body.data[0];
        expectStatus(await firm.call('POST', `groups/${group}/undo`), 200, 202);
        await until(async () => (await firm.call('GET', `clients/${two.id}`)).status === 200);
        assert.equal((await firm.get('clients', two.id)).iban, value);
        assert.equal((await firm.get('clients', one.id)).iban, null);
    });

    test('is seen by a rule', async () => {
        await firm.create('rules', {
            name: 'says the bank',
            entity: 'client',
            point: 'before',
            state: 'active',
            source:
                "if record.iban and record.iban:find('^BE') then " +
                "record.source_note = 'Belgian ' .. record.iban:sub(-4) end",
        });
        const client = await makeClient({ iban: 'BE68539007547034' });
        assert.equal(client.source_note, 'Belgian 7034');
    });
});

describe('a secret', () => {
    let client;
    let credential;
    const secret = ' hunter2 canary-acme-secret-one\n';
    before(async () => {
        client = await makeClient();
        credential = await firm.create('credentials', {
            client: client.id,
            platform: 'FTP',
            user_name: 'acme',
            secret,
        });
    });

    test('is shown by a reveal alone, exactly as it was given, and that is noted', async () => {
        assert.equal(credential.secret, true);
        const shown = expectStatus(await reveal(credential.id), 200);
        assert.deepEqual(shown.body, { value: secret });
        assert.equal(shown.headers['cache-control'], 'no-store');
        const audit = await firm.call('GET', 'audit');
        const event = expectStatus(audit, 200).body.data.find((one) => one.kind === 'revealed');
        assert.equal(event.id, credential.id);
        assert.ok(!audit.text.includes('hunter2'));
    });

    test('is not revealed to a token, nor by another name or place', async () => {
        const where = `credentials/${credential.id}/reveal`;
        const answer = await firm.call('POST', where, { field: 'secret' });
        assert.equal(expectProblem(answer, 403).type, 'step_up');
        for (const field of ['note', 'platform', 'nothing', ''])
            expectFault(await session('POST', where, { field }), 'field');
        expectFault(await session('POST', where, {}), 'field');
        expectProblem(await session('POST', `clients/${client.id}/reveal`, { field: 'iban' }), 404);
        const nobody = '01890000-0000-7000-8000-000000000001';
        expectProblem(await reveal(nobody), 404);
        const empty = await firm.create('credentials', { client: client.id, platform: 'None' });
        assert.equal(empty.secret, null);
        assert.deepEqual(expectStatus(await reveal(empty.id), 200).body, { value: null });
    });

    test('is revealed each time that it is asked for, and kept by no idempotency key', async () => {
        const shown = async () => (await firm.all('audit', 'kind=revealed')).length;
        const before = await shown();
        const where = `credentials/${credential.id}/reveal`;
        for (let times = 1; times <= 2; times++) {
            const key = { 'idempotency-key': 'reveal' };
            const answer = await session('POST', where, { field: 'secret' }, key);
            assert.deepEqual(expectStatus(answer, 200).body, { value: secret });
            assert.equal(answer.headers['idempotency-replayed'], undefined);
            assert.equal(await shown(), before + times);
        }
    });

    test('decides nothing: no rule, view or field rests on it', async () => {
        for (const asked of ['x', null, { empty: true }]) {
            const rests = { secret: asked };
            const rule = { name: 'rests on a secret', entity: 'credential', point: 'check' };
            const made = { ...rule, when: rests, reject: 'no' };
            expectFault(await firm.call('POST', 'rules', made), 'when.secret', 'index');
            const view = { name: 'rests on a secret', entity: 'credential', where: rests };
            expectFault(await firm.call('POST', 'views', view), 'where.secret', 'index');
            const field = { entity: 'credential', name: 'x_rests', kind: 'text' };
            const needed = { ...field, required_when: rests };
            const refused = await firm.call('POST', 'custom_fields', needed);
            expectProblem(refused, 422, 'required_when.secret: is a secret');
        }
    });

    test('that is given again is a change, whatever it was', async () => {
        const before = await firm.call('GET', `credentials/${credential.id}`);
        const again = await firm.call('PATCH', `credentials/${credential.id}`, { secret });
        assert.notEqual(expectStatus(again, 200).headers.etag, before.headers.etag);
        const history = await firm.call('GET', `credentials/${credential.id}/history`);
        assert.deepEqual(history.body.data[0].changes, { secret: { old: true, new: true } });
    });

    test('is not in an export, of which an import is made again', async () => {
        const accept = { accept: 'application/x-ndjson' };
        const lines = await firm.call('GET', 'credentials/export', undefined, accept);
        assert.ok(!expectStatus(lines, 200).text.includes('"secret"'), lines.text);
        const type = { 'content-type': 'application/x-ndjson' };
        const where = 'credentials/import?preview=true&match=id&mode=upsert';
        const back = await firm.call('POST', where, lines.text, type);
        assert.deepEqual(expectStatus(back, 200).body.faults, []);
        const table = await firm.call('GET', 'credentials/export');
        assert.ok(!table.text.split('\n')[0].includes('secret'), table.text);
    });

    test('cannot be found, sorted by, imported or written by a rule', async () => {
        for (const query of ['secret=x', 'secret[empty]=true', 'sort=secret', 'group_by=secret'])
            expectProblem(await firm.call('GET', `credentials?${query}`), 400, 'secret');
        const rows = `client,platform,secret\n${client.id},Imported,canary-acme-secret-import\n`;
        const preview = await firm.call('POST', 'credentials/import?preview=true', rows, {
            'content-type': 'text/csv',
        });
        expectFault(preview, 'secret', 'secret');
        assert.ok(!preview.text.includes('canary-acme-secret-import'), preview.text.slice(0, 500));
        await firm.create('rules', {
            name: 'writes a secret',
            entity: 'credential',
            point: 'before',
            state: 'active',
            source: "if record.platform == 'Ruled' then record.secret = 'x' end",
        });
        const ruled = { client: client.id, platform: 'Ruled' };
        const answer = await firm.call('POST', 'credentials', ruled);
        assert.ok(answer.status >= 400, `a rule wrote a secret: ${answer.text}`);
    });

    test('comes back with an undo and a restore', async () => {
        const one = await firm.create('credentials', {
            client: client.id,
            platform: 'Undone',
            secret: 'first',
        });
        expectStatus(await firm.call('PATCH', `credentials/${one.id}`, { secret: 'second' }), 200);
        const history = await firm.call('GET', `credentials/${one.id}/history`);
        const undone = await firm.call('POST', `groups/${history.body.data[0].group}/undo`);
        expectStatus(undone, 200, 202);
        if (undone.status === 202) await jobEnded(firm, undone);
        assert.equal((await reveal(one.id)).body.value, 'first');
        expectStatus(await firm.call('DELETE', `credentials/${one.id}`), 204);
        expectStatus(await firm.call('POST', `credentials/${one.id}/restore`), 200);
        assert.equal((await reveal(one.id)).body.value, 'first');
    });
});

// Every secret field of every entity gets a canary; every answer, line and file is looked at.
describe('canaries', () => {
    test('of every secret field are nowhere but in what reveals them', async () => {
        const schema = expectStatus(await firm.call('GET', 'schema'), 200).body;
        const client = await makeClient();
        const canaries = [];
        const seen = [];
        const call = async (...asked) => {
            const answer = await firm.call(...asked);
            seen.push([asked.join(' '), answer]);
            return answer;
        };
        await firm.create('rules', {
            name: 'looks at credentials',
            entity: 'credential',
            point: 'settled',
            state: 'active',
            source: "log('seen', record.platform, tostring(record.secret))",
        });
        for (const entity of schema.entities) {
            const secrets = entity.fields.filter((field) => field.kind === 'secret');
            if (secrets.length === 0) continue;
            const record = { client: client.id, platform: 'Canary' };
            for (const field of secrets) {
                const word = `canary-acme-secret-${entity.name}-${field.name}-${Date.now()}`;
                record[field.name] = word;
                canaries.push(word);
            }
            const key = { 'idempotency-key': `canary ${entity.name}` };
            const made = await call('POST', entity.plural, record, key);
            const { id } = expectStatus(made, 201).body;
            await call('POST', entity.plural, record, key);
            await call('PATCH', `${entity.plural}/${id}`, record);
            const patch = { patch: { id, ...record } };
            expectStatus(await call('POST', `${entity.plural}/bulk`, [patch]), 200);
            const bulk = await call('POST', `${entity.plural}/bulk`, {
                atomic: false,
                operations: [{ create: record }, { patch: { ...patch.patch, platform: '' } }],
            });
            const job = await jobEnded(firm, bulk);
            await call('GET', `jobs/${job.id}`);
            await call('GET', `jobs/${job.id}/results`);
            for (const where of [
                `${entity.plural}/${id}`,
                `${entity.plural}?limit=200`,
                `${entity.plural}?q=canary`,
                `${entity.plural}/${id}/history`,
                `${entity.plural}/export`,
                `${entity.plural}/trash`,
                'search?q=canary',
                'changes?after=0',
                'audit',
                'outbox',
                'jobs',
                'openapi.json',
            ])
                await call('GET', where);
            await call('GET', `${entity.plural}/export`, undefined, {
                accept: 'application/x-ndjson',
            });
            const before = new Date(Date.now() - 1).toISOString();
            await call('GET', `${entity.plural}/${id}?at=${before}`);
            await call('POST', `${entity.plural}/${id}/reveal`, { field: secrets[0].name });
            expectFault(await call('PATCH', `${entity.plural}/${id}`, {
                [secrets[0].name]: `${record[secrets[0].name]}${'x'.repeat(5000)}`,
            }), secrets[0].name);
            const runs = await call('GET', 'runs');
            for (const run of runs.body?.data ?? []) await call('GET', `runs/${run.id}`);
            await call('DELETE', `${entity.plural}/${id}`);
            await call('GET', `${entity.plural}/trash`);
        }
        assert.ok(canaries.length > 0, 'no entity has a secret field');
        for (const canary of canaries) {
            for (const [asked, answer] of seen)
                assert.ok(
                    !answer.text.includes(canary) &&
                        !JSON.stringify(answer.headers).includes(canary),
                    `${asked.slice(0, 80)} shows a secret: ${answer.text.slice(0, 300)}`,
                );
            assert.ok(!server.output.includes(canary), 'a secret stands in the log');
            assert.ok(!(await everythingStored()).includes(canary), 'a secret lies in the open');
        }
    });
});
