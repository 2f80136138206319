// Large bodies in parts: taken up anywhere, replaced, bounded, nobody else's, and unreadable on
// the disk.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openServer } from '../door/server.mjs';

let server;
let firm;
before(async () => {
    server = await openServer(['acme', 'other']);
    firm = server.firms.acme;
});
after(() => server.close());

const binary = { 'content-type': 'application/octet-stream' };
const begin = (bytes, name = 'list.csv') => firm.call('POST', 'uploads', { name, bytes });
const put = (id, part, body) => firm.call('PUT', `uploads/${id}/${part}`, body, binary);

describe('an upload', () => {
    test('tells which parts are there, in any order, and takes one again', async () => {
        const begun = await begin(11);
        assert.equal(begun.status, 201, begun.text);
        assert.equal(begun.headers.location, `/api/v1/uploads/${begun.body.id}`);
        const { id } = begun.body;
        assert.equal((await put(id, 2, 'world')).status, 200);
        assert.equal((await put(id, 1, 'HELL')).status, 200);
        assert.equal((await put(id, 1, 'hello ')).status, 200);
        const told = await firm.call('GET', `uploads/${id}`);
        assert.deepEqual(told.body.parts, [
            { number: 1, bytes: 6 },
            { number: 2, bytes: 5 },
        ]);
        assert.equal(told.body.bytes, 11);
        assert.equal(told.body.bytes_there, 11);
        assert.ok(Date.parse(told.body.kept_until) - Date.now() > 23 * 3600_000);
    });

    test('has a name on the disk that nobody gave', async () => {
        const folder = path.join(server.directory, 'uploads');
        const paths = ['../../etc/passwd', '/etc/passwd', 'C:\\evil'];
        const names = [...paths, '\u202egpj.exe', '.', 'a.html'];
        for (const name of names) {
            const { id } = (await begin(3, name)).body;
            assert.equal((await put(id, 1, 'abc')).status, 200, name);
        }
        assert.equal((await begin(3, 'x'.repeat(300))).status, 422);
        assert.equal((await begin(3, 'a\u0000b')).status, 400);
        const found = await fs.readdir(folder, { recursive: true });
        assert.ok(found.length >= names.length);
        for (const name of found) assert.match(name, /^[0-9a-f-]{36}(\/[0-9a-f-]{36}(\/\w+)?)?$/);
        const around = await fs.readdir(server.directory);
        assert.ok(!around.some((name) => /passwd|evil|html/.test(name)), around.join());
    });

    test('survives a kill, and what lies on the disk cannot be read', async () => {
        const { id } = (await begin(40)).body;
        const words = 'a secret list of all our best customers!';
        assert.equal((await put(id, 1, words)).status, 200);
        await server.kill();
        await server.start();
        const told = await firm.call('GET', `uploads/${id}`);
        assert.deepEqual(told.body.parts, [{ number: 1, bytes: 40 }]);
        const folder = path.join(server.directory, 'uploads');
        const names = await fs.readdir(folder, { recursive: true });
        let seen = 0;
        for (const name of names) {
            const file = path.join(folder, name);
            if (!(await fs.stat(file)).isFile()) continue;
            seen++;
            const bytes = await fs.readFile(file, 'latin1');
            assert.ok(!bytes.includes('customers') && !bytes.includes('list.csv'), name);
        }
        assert.ok(seen >= 2);
    });

    test('is nothing to another firm, nor to another user of this one', async () => {
        const { id } = (await begin(5)).body;
        const { other } = server.firms;
        for (const [method, where] of [
            ['GET', `uploads/${id}`],
            ['DELETE', `uploads/${id}`],
        ])
            assert.equal((await other.call(method, where)).status, 404);
        const stolen = await other.call('PUT', `uploads/${id}/1`, 'abcde', binary);
        assert.equal(stolen.status, 404);
        await firm.create('users', { name: 'Second', email: 'second@firm.example', role: 'owner' });
        const token = await server.mustRun([
            'token',
            'create',
            '--tenant',
            'acme',
            '--user',
            'second@firm.example',
        ]);
        const second = Object.assign(Object.create(Object.getPrototypeOf(firm)), firm, {
            token: token.out.trim(),
        });
        assert.equal((await second.call('GET', `uploads/${id}`)).status, 404);
        assert.equal((await firm.call('GET', `uploads/${id}`)).status, 200);
    });

    test('is refused in words', async () => {
        const faults = async (body) => {
            const answer = await firm.call('POST', 'uploads', body);
            assert.equal(answer.status, 422, answer.text);
            return answer.body.errors.map((fault) => `${fault.field} ${fault.code}`);
        };
        assert.deepEqual(await faults({}), ['bytes required']);
        assert.deepEqual(await faults({ bytes: 0 }), ['bytes range']);
        assert.deepEqual(await faults({ bytes: 2 ** 40 }), ['bytes range']);
        assert.deepEqual(await faults({ bytes: 1, kind: 'x' }), ['kind unknown']);
        const { id } = (await begin(5)).body;
        assert.equal((await put(id, 1, 'abcdef')).status, 413);
        assert.equal((await put(id, 0, 'abc')).status, 400);
        assert.equal((await put(id, 99999, 'abc')).status, 400);
        assert.equal((await put(id, 1, '')).status, 400);
        assert.equal((await put(id, 'x', 'abc')).status, 404);
        assert.equal((await put(id, 1, Buffer.alloc(2 ** 20 + 1))).status, 413);
        assert.deepEqual((await firm.call('GET', `uploads/${id}`)).body.parts, []);
    });

    test('of a megabyte is one part; deleted, it is gone', async () => {
        const { id } = (await begin(2 ** 20)).body;
        const whole = await put(id, 1, Buffer.alloc(2 ** 20, 7));
        assert.equal(whole.status, 200, whole.text);
        assert.equal((await firm.call('DELETE', `uploads/${id}`)).status, 204);
        assert.equal((await firm.call('GET', `uploads/${id}`)).status, 404);
        assert.equal((await put(id, 1, 'abc')).status, 404);
    });

    test('is one of few, for firms share a disk', async () => {
        const big = await Promise.all([1, 2, 3, 4].map(() => begin(2 ** 30)));
        const refused = big.filter((answer) => answer.status === 429);
        for (const answer of big)
            if (answer.status === 201) await firm.call('DELETE', `uploads/${answer.body.id}`);
        const statuses = [];
        const ids = [];
        for (let at = 0; at < 5; at++) {
            const answer = await begin(2 ** 30);
            statuses.push(answer.status);
            if (answer.status === 201) ids.push(answer.body.id);
        }
        assert.equal(statuses.at(-1), 429, `${statuses} after ${refused.length}`);
        assert.ok(ids.length >= 3);
        for (const id of ids) await firm.call('DELETE', `uploads/${id}`);
        assert.equal((await server.firms.other.call('POST', 'uploads', { bytes: 1 })).status, 201);
    });
});
