// A tenant's life by the command line: suspended, taken to another instance, deleted; and the file
// that is small again afterwards.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { expectProblem, expectStatus } from '../door/expect.mjs';
import { addField } from '../door/fields.mjs';
import { jobEnded } from '../door/jobs.mjs';
import { binary, command, environment } from '../door/program.mjs';
import { Firm, openServer, password, Server } from '../door/server.mjs';
import { Visitor } from '../door/visitor.mjs';
import { pause, until } from '../door/wait.mjs';

let server;
let other;
before(async () => {
    server = await openServer(['acme', 'borg']);
    other = await openServer(['home']);
    const { acme } = server.firms;
    await addField(acme, { entity: 'client', name: 'x_shelf', kind: 'text' });
    const places = { from: 'address', via: 'client', function: 'count' };
    await addField(acme, { entity: 'client', name: 'x_places', kind: 'rollup', rollup: places });
    for (let at = 0; at < 20; at++)
        await acme.create('clients', {
            name: `Moved ${at}`,
            x_shelf: `shelf ${at % 4}`,
            kind: 'company',
            tags: ['moved'],
            primary_contact: { name: `Contact ${at}`, emails: [`c${at}@moved.example`] },
            default_address: { line1: `Street ${at}`, city: 'Vienna', country: 'AT' },
        });
    await server.firms.borg.create('clients', { name: 'Stays', kind: 'individual' });
});
after(async () => {
    await server.close();
    await other.close();
});

const collections = [
    'clients',
    'contacts',
    'client_contacts',
    'addresses',
    'users',
    'settings',
    'custom_fields',
];
const place = (name) => path.join(server.folder, name);

async function everything(firm) {
    const seen = {};
    for (const name of collections) seen[name] = await firm.all(name);
    seen.changes = (await firm.call('GET', 'changes?limit=200')).body;
    return seen;
}

function expectFailure(ended, ...words) {
    assert.equal(ended.status, 1, `${ended.out}${ended.err}`);
    assert.equal(ended.err.trim().split('\n').length, 1, ended.err);
    for (const word of words) assert.ok(ended.err.includes(word), `${word} in ${ended.err}`);
}

/** The same firm as another instance knows it; tokens come along. */
const at = (instance, name) => new Firm(instance, name, server.firms.acme.token);

/** A job's end, or what was done at once. */
async function ended(firm, answer) {
    expectStatus(answer, 200, 202);
    if (answer.status === 200) return answer.body;
    const job = await jobEnded(firm, answer);
    assert.equal(job.state, 'done', JSON.stringify(job));
    return job;
}

async function importClients(firm, name, count) {
    const rows = Array.from({ length: count }, (_, at) => `${name} ${at},City,c${at}@x.example`);
    const table = ['name,city,email', ...rows, ''].join('\r\n');
    const type = { 'content-type': 'text/csv' };
    return ended(firm, await firm.call('POST', 'clients/import', table, type));
}

describe('suspend', () => {
    test('refuses requests until resume; nothing is lost', async () => {
        const firm = server.firms.borg;
        await server.mustRun(['tenant', 'suspend', 'borg']);
        expectProblem(await firm.call('GET', 'clients'), 403, 'suspended');
        expectProblem(await firm.call('POST', 'clients', { name: 'No' }), 403);
        assert.match((await server.mustRun(['tenant', 'list'])).out, /borg.*suspended/);
        expectStatus(await server.firms.acme.call('GET', 'clients'), 200);
        await server.mustRun(['tenant', 'resume', 'borg']);
        assert.equal((await firm.all('clients')).length, 1);
    });

    test('of a tenant that is not there says so', async () => {
        for (const verb of ['suspend', 'resume', 'delete'])
            expectFailure(await server.command(['tenant', verb, 'nobody']), 'nobody');
        expectFailure(await server.command(['tenant', 'export', 'nobody', place('x')]), 'nobody');
    });
});

describe('export and import', () => {
    test('brings the same records, log and passwords to another instance', async () => {
        const firm = server.firms.acme;
        const begun = await Visitor.signIn(firm, firm.owner, password);
        // It is noted later.
        await until(async () => (await firm.all('audit', 'kind=sign_in')).length > 0);
        const seen = await everything(firm);
        const file = place('acme.tenant');
        await server.mustRun(['tenant', 'export', 'acme', file]);
        const bytes = await fs.readFile(file);
        assert.ok(!bytes.includes('Moved 3') && !bytes.includes('moved.example'), 'not sealed');
        for (const name of [file, `${file}.key`])
            assert.equal((await fs.stat(name)).mode & 0o777, 0o600, name);
        const master = await fs.readFile(path.join(server.directory, 'master.key'));
        assert.notDeepEqual(await fs.readFile(`${file}.key`), master, 'the master key went along');

        await other.mustRun(['tenant', 'import', file]);
        const there = at(other, 'acme');
        assert.deepEqual(await everything(there), seen);
        const session = await other.send({
            method: 'POST',
            path: '/api/v1/session',
            headers: { host: there.host },
            body: { email: firm.owner, password },
        });
        expectStatus(session, 201);
        // What was begun here goes on here alone.
        const headers = { host: there.host, cookie: begun.cookie };
        const old = { method: 'GET', path: '/api/v1/me', headers };
        expectProblem(await other.send(old), 401);
        expectStatus(await begun.call('GET', 'me'), 200);
        await there.create('clients', { name: 'Made there', kind: 'individual', x_shelf: 'new' });
        assert.equal((await there.all('clients', 'x_shelf=shelf%201&sort=-x_places')).length, 5);
        assert.equal((await there.all('clients', 'x_shelf=new')).length, 1);
        assert.equal((await there.all('clients', 'q=moved')).length, 20);
        assert.equal((await other.firms.home.all('clients')).length, 0);
        await other.mustRun(['check']);
        await server.mustRun(['check']);
    });

    test('a tenant is in an instance once, and a name is given once', async () => {
        const file = place('acme.tenant');
        expectFailure(await other.command(['tenant', 'import', file]), 'acme', 'already');
        expectFailure(
            await other.command(['tenant', 'import', file, '--name', 'second']),
            'already',
        );
        const fresh = await openServer(['acme'], { isIdle: true });
        try {
            expectFailure(await fresh.command(['tenant', 'import', file]), 'acme', 'already');
            await fresh.mustRun(['tenant', 'import', file, '--name', 'acme-two']);
            await fresh.start();
            assert.equal((await at(fresh, 'acme-two').all('clients')).length, 20);
            assert.equal((await fresh.firms.acme.all('clients')).length, 0);
        } finally {
            await fresh.close();
        }
    });

    test('without a server, into a directory that is new', async () => {
        const fresh = new Server(place('fresh'), {});
        await fs.mkdir(fresh.folder);
        await fresh.mustRun(['tenant', 'import', place('acme.tenant')]);
        await fresh.mustRun(['check']);
        assert.match((await fresh.mustRun(['tenant', 'list'])).out, /^acme\tACME\t/m);
        const again = place('again.tenant');
        await fresh.mustRun(['tenant', 'export', 'acme', again]);
        expectStatus(await at(server, 'acme').call('GET', 'me'), 200);
    });

    test('one tenant comes back from a backup of all, beside what others did since', async () => {
        const { acme, borg } = server.firms;
        const seen = await everything(borg);
        const backup = place('of-all.backup');
        await server.mustRun(['backup', backup]);
        await borg.create('clients', { name: 'A mistake', kind: 'individual' });
        const since = await acme.create('clients', { name: 'Since', kind: 'individual' });
        const elsewhere = new Server(place('elsewhere'), {});
        await fs.mkdir(elsewhere.folder);
        await elsewhere.mustRun(['restore', backup]);
        await elsewhere.mustRun(['tenant', 'export', 'borg', place('borg.tenant')]);
        await server.mustRun(['tenant', 'delete', 'borg']);
        await server.mustRun(['tenant', 'import', place('borg.tenant')]);
        assert.deepEqual(await everything(borg), seen);
        await acme.get('clients', since.id);
        expectStatus(await acme.call('DELETE', `clients/${since.id}`), 204);
        await server.mustRun(['check']);
    });

    test('refuses a file that is cut, altered or of another key, and leaves nothing', async () => {
        const file = place('acme.tenant');
        const good = await fs.readFile(file);
        const key = await fs.readFile(`${file}.key`);
        const target = await openServer([], { isIdle: true });
        await target.mustRun(['tenant', 'list']).catch(() => {});
        try {
            await target.makeFirm('first');
            const flip = (where) => {
                const bytes = Buffer.from(good);
                bytes[where] ^= 1;
                return bytes;
            };
            const cases = {
                cut: good.subarray(0, good.length - 1),
                short: good.subarray(0, good.length >> 1),
                empty: Buffer.alloc(0),
                head: flip(20),
                middle: flip(good.length >> 1),
                end: flip(good.length - 3),
                longer: Buffer.concat([good, Buffer.from('x')]),
            };
            for (const [name, bytes] of Object.entries(cases)) {
                const bad = place(`${name}.tenant`);
                await fs.writeFile(bad, bytes);
                await fs.writeFile(`${bad}.key`, key, { mode: 0o600 });
                expectFailure(await target.command(['tenant', 'import', bad]), bad);
            }
            const lost = place('lost.tenant');
            await fs.writeFile(lost, good);
            expectFailure(await target.command(['tenant', 'import', lost]), 'key');
            await fs.writeFile(`${lost}.key`, Buffer.alloc(32, 7), { mode: 0o600 });
            expectFailure(await target.command(['tenant', 'import', lost]), lost);
            const key2 = ['--key', `${file}.key`];
            await target.mustRun(['tenant', 'import', lost, '--name', 'found', ...key2]);
            const list = (await target.mustRun(['tenant', 'list'])).out.trim().split('\n');
            assert.deepEqual(list.map((line) => line.split('\t')[0]).sort(), ['first', 'found']);
            await target.mustRun(['check']);
        } finally {
            await target.close();
        }
    });

    test('killed at any moment it leaves nothing, and can be done again', async () => {
        const target = await openServer(['first'], { isIdle: true });
        try {
            const words = ['tenant', 'import', place('acme.tenant'), '--data', target.directory];
            for (const ms of [10, 30, 50, 70]) {
                const child = spawn(binary, words, { env: environment(), stdio: 'ignore' });
                const ended = new Promise((resolve) => child.on('close', resolve));
                await pause(ms);
                child.kill('SIGKILL');
                await ended;
                await target.mustRun(['check']);
                const list = (await target.mustRun(['tenant', 'list'])).out;
                if (list.includes('acme')) await target.mustRun(['tenant', 'delete', 'acme']);
            }
            await target.mustRun(['tenant', 'import', place('acme.tenant')]);
            await target.start();
            assert.equal((await at(target, 'acme').all('clients')).length, 20);
        } finally {
            await target.close();
        }
    });

    test('writes no file over a folder, and never uses the master key', async () => {
        const folder = place('folder');
        await fs.mkdir(folder);
        expectFailure(await server.command(['tenant', 'export', 'acme', folder]), 'folder');
        const file = place('mixed');
        await server.mustRun(['backup', file]);
        expectFailure(await server.command(['tenant', 'export', 'acme', file]), 'mixed.key');
    });

    test('refuses what a newer program wrote', async () => {
        const newer = place('newer-schema');
        const shared = path.resolve(path.dirname(binary), '../share/atrium/schema');
        await fs.cp(shared, newer, { recursive: true });
        const contact = path.join(newer, 'contact.lua');
        const text = await fs.readFile(contact, 'utf8');
        const more = '  text "nick" { 900, label = "Nickname" },\n';
        await fs.writeFile(contact, text.replace(/^ {2}text "title"/m, `${more}$&`));
        const ahead = await openServer(['ahead'], {
            isIdle: true,
            isUnchecked: true,
            environment: { ATRIUM_SCHEMA: newer },
        });
        try {
            const schema = ['--schema', newer];
            const file = place('ahead.tenant');
            await ahead.mustRun(['tenant', 'export', 'ahead', file, ...schema]);
            expectFailure(await server.command(['tenant', 'import', file]), 'newer', 'nick');
        } finally {
            await ahead.close();
        }
    });
});

describe('delete', () => {
    test('takes the tenant and nothing else; its name is free again', async () => {
        const firm = await server.makeFirm('doomed');
        for (let number = 0; number < 30; number++)
            await firm.create('clients', { name: `Doomed ${number}`, kind: 'individual' });
        const uploads = path.join(server.directory, 'uploads');
        const others = await fs.readdir(uploads).catch(() => []);
        const begun = await firm.call('POST', 'uploads', { name: 'list', bytes: 3 });
        const where = `uploads/${expectStatus(begun, 201).body.id}/1`;
        const binary = { 'content-type': 'application/octet-stream' };
        expectStatus(await firm.call('PUT', where, Buffer.from('abc'), binary), 200);
        assert.equal((await fs.readdir(uploads)).length, others.length + 1);
        await server.mustRun(['tenant', 'delete', 'doomed']);
        assert.deepEqual(await fs.readdir(uploads), others);
        expectStatus(await firm.call('GET', 'clients'), 404);
        assert.ok(!(await server.mustRun(['tenant', 'list'])).out.includes('doomed'));
        await server.mustRun(['check']);
        const again = await server.makeFirm('doomed');
        assert.equal((await again.all('clients')).length, 0);
        expectStatus(await firm.call('GET', 'clients'), 401);
        await server.mustRun(['check']);
    });

    test('while others write to it: every write is answered, and nothing stays', async () => {
        const firm = await server.makeFirm('busy');
        let isOver = false;
        const statuses = new Set();
        const writers = Array.from({ length: 8 }, async () => {
            while (!isOver) {
                const answer = await firm.call('POST', 'clients', {
                    name: 'Late',
                    kind: 'individual',
                });
                statuses.add(answer.status);
                if (answer.status === 404) return;
            }
        });
        await until(() => statuses.has(201));
        await server.mustRun(['tenant', 'delete', 'busy']);
        await Promise.all(writers).finally(() => (isOver = true));
        for (const status of statuses) assert.ok([201, 404, 401].includes(status), `${status}`);
        await server.mustRun(['check']);
    });
});

describe('compact', () => {
    test('is refused beside a server', async () => {
        expectFailure(await server.command(['compact']), 'server', 'stop');
    });

    test('gives room back and keeps every row', async () => {
        const place2 = await openServer(['small', 'large']);
        try {
            const { small, large } = place2.firms;
            const text = 'a long observation '.repeat(200);
            for (let number = 0; number < 60; number++)
                await large.create('clients', {
                    name: `Large ${number}`,
                    kind: 'individual',
                    observations: text,
                });
            await small.create('clients', { name: 'Small', kind: 'individual' });
            const seen = await everything(small);
            await place2.stop();
            const size = async () => (await fs.stat(path.join(place2.directory, 'data.mdb'))).size;
            await place2.mustRun(['compact']);
            const full = await size();
            await place2.mustRun(['tenant', 'delete', 'large']);
            const { out } = await place2.mustRun(['compact']);
            assert.match(out, /\d bytes, before \d/);
            assert.ok((await size()) < full / 2, `${await size()} of ${full}`);
            const left = await fs.readdir(place2.directory);
            assert.ok(!left.some((name) => name.includes('compact')), `${left}`);
            const bytes = await fs.readFile(path.join(place2.directory, 'data.mdb'));
            assert.ok(!bytes.includes('a long observation'), 'what was deleted is still there');
            await place2.start();
            assert.deepEqual(await everything(small), seen);
        } finally {
            await place2.close();
        }
    });

    test('of an import that was undone leaves the file as small as before', async () => {
        const place3 = await openServer(['acme']);
        const firm = place3.firms.acme;
        const compact = async () => {
            await place3.stop();
            await place3.mustRun(['compact']);
            await place3.start();
            return (await fs.stat(path.join(place3.directory, 'data.mdb'))).size;
        };
        try {
            await importClients(firm, 'base', 60);
            const other = await firm.create('clients', { name: 'Other', kind: 'individual' });
            const small = await compact();
            const job = await importClients(firm, 'first', 300);
            await firm.call('PATCH', `clients/${other.id}`, { name: 'Changed between' });
            const undone = await ended(firm, await firm.call('POST', `groups/${job.group}/undo`));
            assert.equal(undone.kept_count ?? undone.result.kept_count, 0);
            const full = (await fs.stat(path.join(place3.directory, 'data.mdb'))).size;
            const after = await compact();
            assert.ok(full > 3 * small && after <= 1.1 * small, `${small}, ${full}, ${after}`);
            expectStatus(await firm.call('GET', `groups/${job.group}`), 404);

            // One of these was edited since: it is kept, and so is all that explains it.
            const kept = await importClients(firm, 'second', 20);
            const [edited] = await firm.all('clients', 'name=second%207');
            await firm.call('PATCH', `clients/${edited.id}`, { tags: ['mine'] });
            await ended(firm, await firm.call('POST', `groups/${kept.group}/undo`));
            await compact();
            const list = (await firm.all('clients', 'sort=name')).slice(60);
            assert.deepEqual(
                list.map((client) => client.name),
                ['Changed between', 'second 7'],
            );
            const history = async (id) =>
                expectStatus(await firm.call('GET', `clients/${id}/history`), 200).body.data.length;
            assert.ok((await history(edited.id)) >= 2 && (await history(other.id)) >= 2);
            let after2 = 0;
            const seen = [];
            for (let page = 0; page < 50; page++) {
                const { data, next } = (await firm.call('GET', `changes?after=${after2}`)).body;
                seen.push(...data.map((entry) => entry.sequence));
                if (data.length === 0) break;
                after2 = next;
            }
            assert.deepEqual(seen, [...new Set(seen)].sort((a, b) => a - b));
            const newest = await firm.create('clients', { name: 'Newest', kind: 'individual' });
            assert.ok((await history(newest.id)) >= 1);

            const file = path.join(place3.folder, 'acme.tenant');
            await place3.mustRun(['tenant', 'export', 'acme', file]);
            const fresh = new Server(path.join(place3.folder, 'fresh'), {});
            await fs.mkdir(fresh.folder);
            await fresh.mustRun(['tenant', 'import', file]);
            await fresh.mustRun(['check']);
        } finally {
            await place3.close();
        }
    });

    test('of no data directory says so', async () => {
        expectFailure(await command(['compact', '--data', place('none')]), 'none');
    });
});
