// A server that dies is started again by the process that watches it; who connects meanwhile waits,
// and is served.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { expectStatus } from '../door/expect.mjs';
import { closeConnections, send, sendBytes } from '../door/http.mjs';
import { isSanitized } from '../door/program.mjs';
import { openServer } from '../door/server.mjs';
import { HANG_MS, pause, until } from '../door/wait.mjs';

const DEATHS = 6;
// A sanitizer takes the first of them for a fault that it found.
const signals = isSanitized ? ['SIGABRT', 'SIGKILL'] : ['SIGSEGV', 'SIGABRT', 'SIGKILL'];

const isThere = (pid) => fs.existsSync(`/proc/${pid}`);

/** Gone, or waiting for its watcher to look. */
function isDead(pid) {
    try {
        return /\) [ZX] /.test(fs.readFileSync(`/proc/${pid}/stat`, 'utf8'));
    } catch {
        return true;
    }
}

describe('a server that is killed', () => {
    let server;
    let firm;
    before(async () => {
        server = await openServer(['acme'], { mayDie: true });
        firm = server.firms.acme;
    });
    after(() => server.close());

    /** Kills the server; what it had open is cut, so nothing may be opened before it is dead. */
    const killed = async (signal) => {
        const { pid } = server;
        process.kill(pid, signal);
        await until(() => isDead(pid), 'it is dead');
        closeConnections();
        return pid;
    };
    const others = (pid) => () => isThere(server.child.pid) && server.pid > 0 && server.pid !== pid;

    test('is there again, with its port, and nothing acknowledged is lost', async (t) => {
        const { port } = server;
        const made = await firm.create('contacts', { name: 'Before' });
        for (const signal of signals) {
            const before = await killed(signal);
            const begun = performance.now();
            // At once: this connection is made while nobody serves.
            const answer = await send({
                port,
                method: 'GET',
                path: `/api/v1/contacts/${made.id}`,
                headers: { host: firm.host, authorization: `Bearer ${firm.token}` },
            });
            t.diagnostic(`${signal}: answered after ${Math.round(performance.now() - begun)} ms`);
            expectStatus(answer, 200);
            assert.notEqual(server.pid, before);
            assert.equal(server.port, port);
        }
        assert.match(server.output, /killed by signal 6 .*started again/);
        expectStatus(await firm.call('POST', 'contacts', { name: 'After' }), 201);
        const listed = await server.mustRun(['tenant', 'list']);
        assert.match(listed.out, /acme/, 'commands find the new one');
    });

    test('refuses no connection while it is away', async () => {
        const head = `GET /healthz HTTP/1.1\r\nHost: ${firm.host}\r\nConnection: close\r\n\r\n`;
        const before = await killed('SIGABRT');
        const answers = [];
        for (; !others(before)() || answers.length < 20; await pause(answers.length))
            answers.push(sendBytes({ port: server.port, parts: [head] }));
        const isServed = ({ text }) => text.startsWith('HTTP/1.1 200 ');
        const refused = (await Promise.all(answers)).filter((answer) => !isServed(answer));
        assert.deepEqual(refused, []);
    });

    test('is not started again when it was asked to end, and dies with its watcher', async () => {
        const { pid } = server;
        const ended = server.ended;
        process.kill(pid, 'SIGTERM');
        assert.deepEqual(await ended, { status: 0, signal: null });
        await server.start();
        const again = server.pid;
        await server.kill();
        await until(() => !isThere(again), 'the server ends with its watcher');
        await server.start();
        expectStatus(await firm.call('GET', 'me'), 200);
    });

    test('leaves no runner of a life before', async () => {
        const rule = { name: 'x', entity: 'contact', point: 'before', state: 'active' };
        const source = "record.title = 'by a rule'";
        expectStatus(await firm.call('POST', 'rules', { ...rule, source }), 201);
        expectStatus(await firm.call('POST', 'contacts', { name: 'Ruled' }), 201);
        const { pid } = server;
        const runners = fs.readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
            const file = `/proc/${pid}/task/${thread}/children`;
            return fs.readFileSync(file, 'utf8').split(' ').filter(Number).map(Number);
        });
        assert.ok(runners.length > 0, 'no runner');
        await killed('SIGKILL');
        await until(() => !runners.some(isThere), 'no runner is there any more');
        await until(others(pid), 'a new server');
        expectStatus(await firm.call('POST', 'contacts', { name: 'Ruled again' }), 201);
    });
});

test('a server that dies again and again stays down, and says so', async () => {
    const server = await openServer([], { isUnchecked: true, mayDie: true });
    try {
        const { ended } = server;
        let isOver = false;
        ended.then(() => {
            isOver = true;
        });
        const restarts = () => server.output.match(/it is started again/g)?.length ?? 0;
        let last = 0;
        let deaths = 0;
        for (const begun = Date.now(); !isOver && Date.now() - begun < HANG_MS; await pause(5)) {
            // What it has for a child once it gives up looks for its leaks.
            if (restarts() < deaths) continue;
            let pid = 0;
            try {
                ({ pid } = server);
            } catch {
                continue; // It has just ended.
            }
            if (!(pid > 0) || pid === last) continue;
            process.kill(pid, 'SIGKILL');
            deaths += 1;
            last = pid;
        }
        assert.deepEqual(await ended, { status: 1, signal: null });
        const words = `died ${DEATHS} times within 30 seconds: giving up`;
        assert.ok(server.output.includes(words), server.output);
    } finally {
        await server.kill();
        await server.close();
    }
});

test('a server that is asked to end while it begins anew has ended well', async () => {
    const server = await openServer([], { isUnchecked: true, mayDie: true });
    try {
        for (let round = 0; round < 3; round++) {
            if (round > 0) await server.start();
            const { pid, ended } = server;
            process.kill(pid, 'SIGKILL');
            // As soon as there is a next one, before it has done anything.
            for (let next = pid; next === pid || !(next > 0); ) next = server.pid;
            server.child.kill('SIGTERM');
            assert.deepEqual(await ended, { status: 0, signal: null });
        }
    } finally {
        await server.kill();
        await server.close();
    }
});

test('a death that no test asked for fails the test that met it', async () => {
    const server = await openServer([], { isUnchecked: true });
    const { pid } = server;
    process.kill(pid, 'SIGABRT');
    await until(() => isDead(pid), 'it is dead');
    await until(() => server.output.includes('started again'), 'somebody tells of it');
    await assert.rejects(server.close(), /the server died:[^]*killed by signal 6/);
});

test('what a first start refuses, it refuses once', async () => {
    const server = await openServer([], { isUnchecked: true });
    try {
        const second = await server.command(['serve', '--http', '127.0.0.1:0']);
        assert.equal(second.status, 1);
        assert.match(second.err, /owns/);
        assert.ok(!/again/.test(second.err), second.err);
        const taken = await server.command(['serve', '--http', `127.0.0.1:${server.port}`]);
        assert.equal(taken.status, 1);
        assert.match(taken.err, /in use/);
    } finally {
        await server.close();
    }
});
