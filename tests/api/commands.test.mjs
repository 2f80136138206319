// The command line: its words, its exit statuses, alone and beside a live server.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { expectStatus } from '../door/expect.mjs';
import { binary, command } from '../door/program.mjs';
import { openServer, password, Server } from '../door/server.mjs';
import { until } from '../door/wait.mjs';

let server;
before(async () => {
    server = await openServer(['acme']);
});
after(() => server.close());

/** Failed with one clear line on standard error that names each of `words`. */
function expectFailure(ended, status, ...words) {
    assert.equal(ended.status, status, `${ended.out}${ended.err}`);
    assert.ok(ended.err.trim().length > 0, 'nothing on standard error');
    if (status === 1) assert.equal(ended.err.trim().split('\n').length, 1, ended.err);
    for (const word of words)
        assert.ok(ended.err.includes(word), `${word} is not in: ${ended.err}`);
}

describe('words', () => {
    const commands = [
        [],
        ['serve'],
        ['tenant'],
        ['tenant', 'create'],
        ['token'],
        ['token', 'create'],
        ['import'],
        ['check'],
        ['backup'],
        ['restore'],
    ];
    for (const words of commands) {
        test(`atrium ${[...words, '--help'].join(' ')} explains itself`, async () => {
            const ended = await command([...words, '--help']);
            assert.equal(ended.status, 0, ended.err);
            assert.match(ended.out, /atrium/);
            assert.ok(ended.out.split('\n').length > 2);
        });
    }

    test('serve --help shows settings with their defaults', async () => {
        const { out } = await command(['serve', '--help']);
        for (const word of [
            '--data',
            '--http',
            '--https',
            '--tls-cert',
            '--tls-key',
            '--admin',
            '--domain',
            '--behind-proxy',
            '--threads',
            '--rate',
            '500',
            'localhost',
        ])
            assert.ok(out.includes(word), `${word} is not in:\n${out}`);
    });

    test('--version says which', async () => {
        const ended = await command(['--version']);
        assert.equal(ended.status, 0);
        assert.match(ended.out, /^atrium \d+\.\d+/);
    });

    const wrong = [
        [],
        ['nonsense'],
        ['serve', '--nonsense'],
        ['serve'],
        ['tenant', 'create'],
        ['tenant', 'nonsense'],
        ['import'],
        ['serve', '--data'],
        ['check', 'extra', '--data', '/tmp/x'],
        ['serve', '--data', '/tmp/x', '--threads', 'many'],
        ['serve', '--data', '/tmp/x', '--http', '8080'],
        ['serve', '--data', '/tmp/x', '--http', '0.0.0.0:0'],
        ['serve', '--data', '/tmp/x', '--https', '127.0.0.1:0'],
        ['serve', '--data', '/tmp/x', '--domain', 'no_domain'],
    ];
    for (const words of wrong) {
        test(`atrium ${words.join(' ')} is wrong usage: 2`, async () => {
            expectFailure(await command(words), 2);
        });
    }

    test('words that do not go together are wrong usage: 2', async () => {
        for (const words of [
            ['check', '--tenant', 'acme'],
            ['check', '--audit', '--anchor', 'x'],
            ['check', '--audit', '--tenant', 'acme', '--anchor', 'x'],
            ['tenant', 'host', 'acme', '--add', 'host.example'],
        ])
            expectFailure(await server.command(words), 2, '--');
    });

    test('a data directory that is not there is said in one line: 1', async () => {
        for (const words of [['check'], ['tenant', 'list'], ['backup', '/tmp/nowhere.backup']]) {
            const ended = await command([...words, '--data', '/nonexistent/place']);
            expectFailure(ended, 1, '/nonexistent/place');
        }
    });
});

describe('tenant', () => {
    const create = (name, more = []) =>
        server.command([
            'tenant',
            'create',
            name,
            '--title',
            'T',
            '--owner',
            'owner@firm.example',
            ...more,
        ]);

    test('create and list work beside a live server, at once', async () => {
        const ended = await create('beside');
        assert.equal(ended.status, 0, ended.err);
        const list = await server.command(['tenant', 'list']);
        assert.equal(list.status, 0);
        assert.ok(list.out.includes('acme') && list.out.includes('beside'), list.out);
        const token = await server.mustRun([
            'token',
            'create',
            '--tenant',
            'beside',
            '--user',
            'owner@firm.example',
        ]);
        const answer = await server.send({
            method: 'GET',
            path: '/api/v1/me',
            headers: {
                host: `beside.localhost:${server.port}`,
                authorization: `Bearer ${token.out.trim()}`,
            },
        });
        expectStatus(answer, 200);
    });

    test('create refuses a name that is taken', async () => {
        expectFailure(await create('acme'), 1, 'name');
    });

    for (const name of [
        'Acme Inc',
        'acme-portal',
        '-acme',
        'a_b',
        'a.b',
        'x'.repeat(64),
        'ünder',
        '',
    ]) {
        test(`create refuses the name "${name}"`, async () => {
            const ended = await create(name);
            assert.ok([1, 2].includes(ended.status), `${ended.status} ${ended.out}`);
            assert.ok(ended.err.trim().length > 0);
        });
    }

    test('create refuses an owner who is no address', async () => {
        const ended = await server.command([
            'tenant',
            'create',
            'noowner',
            '--title',
            'T',
            '--owner',
            'nobody',
        ]);
        assert.ok([1, 2].includes(ended.status));
        const list = await server.command(['tenant', 'list']);
        assert.ok(!list.out.includes('noowner'), 'half a tenant was made');
    });

    test('create refuses a password that is too short', async () => {
        const file = path.join(server.folder, 'short');
        await fs.writeFile(file, 'abc\n');
        const ended = await create('shortpass', ['--password-file', file]);
        assert.equal(ended.status, 1, ended.out);
        assert.ok(!(await server.command(['tenant', 'list'])).out.includes('shortpass'));
    });
});

describe('token', () => {
    test('create refuses an unknown tenant and an unknown user', async () => {
        expectFailure(
            await server.command([
                'token',
                'create',
                '--tenant',
                'nobody',
                '--user',
                'owner@firm.example',
            ]),
            1,
            'nobody',
        );
        expectFailure(
            await server.command([
                'token',
                'create',
                '--tenant',
                'acme',
                '--user',
                'who@firm.example',
            ]),
            1,
            'who@firm.example',
        );
    });
});

describe('serve', () => {
    test('refuses a directory that another server holds', async () => {
        const ended = await command(['serve', '--data', server.directory, '--http', '127.0.0.1:0']);
        expectFailure(ended, 1);
    });

    test('refuses an address in use', async () => {
        const other = new Server(path.join(server.folder, 'two'), {});
        const ended = await command([
            'serve',
            '--data',
            other.directory,
            '--http',
            `127.0.0.1:${server.port}`,
        ]);
        assert.equal(ended.status, 1, ended.out);
    });

    test('refuses plain HTTP on every address without a proxy', async () => {
        const ended = await command([
            'serve',
            '--data',
            path.join(server.folder, 'three'),
            '--http',
            '0.0.0.0:0',
        ]);
        assert.equal(ended.status, 2, ended.out);
        assert.match(ended.err, /plain HTTP is for loopback/);
        assert.ok(!/listening/.test(ended.out + ended.err), ended.out);
    });

    test('keeps its files from other people', async () => {
        for (const name of ['master.key', 'control.sock']) {
            const found = await fs.stat(path.join(server.directory, name));
            assert.equal((found.mode & 0o777).toString(8), '600', name);
        }
    });

    test('stops when asked: what was taken is answered, what was answered is there', async () => {
        const firm = server.firms.acme;
        const results = [];
        let isStopping = false;
        const writer = async (name) => {
            for (let at = 0; !isStopping || at < 5; at++) {
                try {
                    const answer = await firm.call('POST', 'clients', {
                        name: `${name} ${at}`,
                        kind: 'individual',
                    });
                    if (answer.status === 201) results.push(answer.body.id);
                } catch {
                    return;
                }
                if (isStopping && !server.isRunning) return;
            }
        };
        const writers = Array.from({ length: 16 }, (_, at) => writer(`Stop ${at}`));
        await until(() => results.length >= writers.length, 'all have written');
        isStopping = true;
        const how = await server.stop();
        await Promise.all(writers);
        assert.deepEqual(how, { status: 0, signal: null }, server.output);
        await server.start();
        for (const id of results) expectStatus(await firm.call('GET', `clients/${id}`), 200);
        assert.ok(results.length > 0);
    });
});

describe('backup', () => {
    test('of a live server restores to the same records, which check holds', async () => {
        const firm = server.firms.acme;
        for (let at = 0; at < 10; at++)
            await firm.create('clients', {
                name: `Kept ${at}`,
                kind: 'company',
                primary_contact: { name: `Keeper ${at}` },
                default_address: { line1: `Street ${at}`, city: 'Vienna', country: 'AT' },
            });
        const file = path.join(server.folder, 'whole.backup');
        await server.mustRun(['backup', file]);
        const bytes = await fs.readFile(file);
        assert.ok(
            !bytes.includes('Kept 3') && !bytes.includes('Keeper 3'),
            'the backup is not sealed',
        );
        const seen = {};
        for (const name of ['clients', 'contacts', 'client_contacts', 'addresses', 'users'])
            seen[name] = await firm.all(name);
        await firm.create('clients', { name: 'After the backup', kind: 'individual' });

        const restored = new Server(path.join(server.folder, 'restored'), {});
        await fs.mkdir(restored.folder);
        await restored.mustRun(['restore', file]);
        await restored.mustRun(['check']);
        await restored.start();
        try {
            const there = Object.create(firm, { server: { value: restored } });
            for (const [name, list] of Object.entries(seen))
                assert.deepEqual(await there.all(name), list, name);
            const history = await there.call('GET', `clients/${seen.clients[0].id}/history`);
            assert.ok(expectStatus(history, 200).body.data.length > 0);
            const again = await restored.send({
                method: 'POST',
                path: '/api/v1/session',
                headers: { host: there.host },
                body: { email: firm.owner, password },
            });
            expectStatus(again, 200, 201);
        } finally {
            assert.equal((await restored.stop()).status, 0);
        }
        await restored.mustRun(['check']);
    });

    test('restores into no folder that holds something', async () => {
        const file = path.join(server.folder, 'another.backup');
        await server.mustRun(['backup', file]);
        const full = path.join(server.folder, 'full');
        await fs.mkdir(full);
        await fs.writeFile(path.join(full, 'precious'), 'mine');
        expectFailure(await command(['restore', file, '--data', full]), 1);
        assert.equal(await fs.readFile(path.join(full, 'precious'), 'utf8'), 'mine');
    });

    test('that was altered or cut is refused and leaves nothing', async () => {
        const file = path.join(server.folder, 'good.backup');
        await server.mustRun(['backup', file]);
        const good = await fs.readFile(file);
        const key = await fs.readFile(`${file}.key`);
        const flipped = Buffer.from(good);
        flipped[good.length >> 1] ^= 1;
        const broken = {
            flipped,
            cut: good.subarray(0, good.length - 100),
            empty: Buffer.alloc(0),
        };
        for (const [name, bytes] of Object.entries(broken)) {
            const bad = path.join(server.folder, `${name}.backup`);
            await fs.writeFile(bad, bytes);
            await fs.writeFile(`${bad}.key`, key, { mode: 0o600 });
            const folder = path.join(server.folder, `from-${name}`);
            expectFailure(await command(['restore', bad, '--data', folder]), 1);
            await assert.rejects(fs.stat(path.join(folder, 'data.mdb')), `${name}: data was left`);
        }
    });
});

describe('check', () => {
    test('passes beside a live server and says what it did', async () => {
        const ended = await server.command(['check']);
        assert.equal(ended.status, 0, ended.err);
        assert.match(ended.out, /\d/);
    });

    test('fails when a page of the data is damaged, without a server', async () => {
        const other = await openServer(['damaged'], { isUnchecked: true });
        try {
            const marker = 'Marker Name To Be Damaged';
            await other.firms.damaged.create('clients', { name: marker, kind: 'individual' });
            await other.stop();
            const file = path.join(other.directory, 'data.mdb');
            const bytes = await fs.readFile(file);
            let count = 0;
            for (let at = bytes.indexOf(marker); at >= 0; at = bytes.indexOf(marker, at + 1)) {
                bytes[at] ^= 1;
                count += 1;
            }
            assert.ok(count > 0);
            await fs.writeFile(file, bytes);
            const ended = await other.command(['check']);
            assert.equal(ended.status, 1, `${ended.out}${ended.err}`);
            assert.match(ended.out + ended.err, /damaged/);
        } finally {
            await other.close();
        }
    });

    test('of data that a newer program wrote says so, as every command does', async () => {
        const shared = path.resolve(path.dirname(binary), '../share/atrium/schema');
        const newer = path.join(server.folder, 'newer-schema');
        await fs.cp(shared, newer, { recursive: true });
        const file = path.join(newer, 'contact.lua');
        const text = await fs.readFile(file, 'utf8');
        const more = '  text "nick" { 900, label = "Nickname" },\n';
        await fs.writeFile(file, text.replace(/^ {2}text "title"/m, `${more}$&`));
        const other = await openServer([], { environment: { ATRIUM_SCHEMA: newer } });
        await other.stop();
        try {
            for (const words of [['check'], ['tenant', 'list'], ['serve', '--http', 'off']])
                expectFailure(await other.command(words), 1, 'newer', 'nick');
        } finally {
            await fs.rm(other.folder, { recursive: true, force: true });
        }
    });
});
