// Every attack on HTTP/1.1 and HTTP/2 that THREATS 3 names, plain and over TLS, against the running
// server: each costs the attacker its connection, and a client beside it nothing.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import http2 from 'node:http2';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import tls from 'node:tls';
import { Wire, attacks } from '../door/attacks.mjs';
import { makeCertificate } from '../door/certificate.mjs';
import { expectStatus } from '../door/expect.mjs';
import { closeConnections } from '../door/http.mjs';
import { isSanitized } from '../door/program.mjs';
import { openServer } from '../door/server.mjs';
import { HANG_MS, until } from '../door/wait.mjs';

const MEMORY_MIB_MAX = 200;
const AT_ONCE = 8;
const SLOW_MS = 600;
const IDLE_MS = 2500;

let server;
let firm;
let folder;
before(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'atrium-attacks-'));
    const { certificate, key } = makeCertificate(folder, 'first');
    const secure = ['--https', '127.0.0.1:0', '--tls-cert', certificate, '--tls-key', key];
    server = await openServer(['acme'], { words: [...secure, '--admin', '127.0.0.1:0'] });
    firm = server.firms.acme;
});
after(async () => {
    await server.close();
    await fs.rm(folder, { recursive: true, force: true });
});

const memoryMib = () => {
    const status = readFileSync(`/proc/${server.pid}/status`, 'utf8');
    return Number(/RssAnon:\s+(\d+) kB/.exec(status)[1]) / 1024;
};

async function figure(name) {
    const { text } = await server.send({
        port: server.adminPort,
        method: 'GET',
        path: '/metrics',
        headers: { host: 'localhost' },
    });
    return Number(new RegExp(`^atrium_${name} (\\d+)$`, 'm').exec(text)[1]);
}

/**
 * The deed over a connection that is kept. Where this process stood still, that may rightly have
 * ended: then it is done again, over another one.
 */
function keptUp(deed, renew) {
    let usedMs = -Infinity;
    return async () => {
        for (let isDone = false; !isDone; usedMs = performance.now()) {
            try {
                await deed();
                isDone = true;
            } catch (error) {
                if (performance.now() - usedMs < SLOW_MS / 2) throw error;
                renew();
            }
        }
    };
}

/** Reads of somebody who means no harm, one after another, until told to stop. */
function neighbour() {
    let isOver = false;
    let count = 0;
    let session;
    const renew = () => {
        session?.destroy();
        session = http2.connect(`http://127.0.0.1:${server.port}`).on('error', () => {});
    };
    renew();
    const ask = () =>
        new Promise((resolve, reject) => {
            const stream = session.request({
                ':path': '/api/v1/me',
                ':authority': firm.host,
                authorization: `Bearer ${firm.token}`,
            });
            stream.on('response', (headers) => resolve(headers[':status']));
            stream.on('error', reject);
            stream.on('close', () => reject(new Error('no answer')));
            stream.resume();
        });
    const askOn = keptUp(async () => assert.equal(await ask(), 200), renew);
    const read = async () => expectStatus(await firm.call('GET', 'me'), 200);
    const readOn = keptUp(read, closeConnections);
    const run = (async () => {
        for (; !isOver; count++) {
            await askOn();
            await readOn();
        }
        session.close();
    })();
    run.catch(() => {});
    return async () => {
        isOver = true;
        await run;
        assert.ok(count > 0, 'the neighbour was never answered');
    };
}

async function carryOut(attack, isSecure) {
    const port = isSecure ? server.securePort : server.port;
    const wire = await Wire.open({ port, isSecure, protocol: attack.protocol });
    const untilMs = Date.now() + HANG_MS;
    const place = { host: firm.host, untilMs, pauseMs: 50 };
    const late = wire.pause(HANG_MS);
    await Promise.race([attack.run(wire, place), late]);
    const { isEnded } = wire;
    wire.close();
    await late;
    return isEnded ? undefined : `${attack.name}${isSecure ? ' over TLS' : ''}`;
}

async function carryOutAll(list) {
    const stop = neighbour();
    const queue = list.flatMap((attack) => [false, true].map((isSecure) => ({ attack, isSecure })));
    const open = [];
    const worker = async () => {
        for (let next = queue.shift(); next; next = queue.shift())
            open.push(await carryOut(next.attack, next.isSecure));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    await stop();
    assert.deepEqual(open.filter(Boolean), [], 'these connections were let go on');
}

/** Does it, and sees that it costs the server a bounded amount of memory, and not its life. */
async function within(t, attack) {
    expectStatus(await firm.call('GET', 'openapi.json'), 200);
    const beforeMib = memoryMib();
    await attack();
    const grown = memoryMib() - beforeMib;
    t.diagnostic(`${Math.round(grown)} MiB more than before`);
    if (!isSanitized) assert.ok(grown < MEMORY_MIB_MAX, `${grown} MiB more than before`);
    assert.ok(!/started again/.test(server.output), server.output);
}

test('what floods is ended for what it sends, and nobody else notices', async (t) => {
    const before = await figure('http_closed_abuse_total');
    await within(t, () => carryOutAll(attacks.filter((attack) => !attack.isSlow)));
    assert.ok((await figure('http_closed_abuse_total')) - before > 20);
});

test('a chunk without end is ended by what it has sent, not by its time', async () => {
    const endless = attacks.find((one) => one.name === 'a chunk without end');
    // 8 MiB are read, and the kernel's buffers on both sides hold some.
    const SENT_MAX = 32 * 1024 * 1024;
    for (const isSecure of [false, true]) {
        const port = isSecure ? server.securePort : server.port;
        const wire = await Wire.open({ port, isSecure, protocol: endless.protocol });
        await endless.run(wire, { host: firm.host });
        assert.ok(wire.isEnded);
        assert.ok(wire.written < SENT_MAX, `${wire.written} bytes were taken`);
    }
});

/** Whether the server's end of this connection is open, as the kernel has it. */
function isHeld(wire, port) {
    const hex = (number) => number.toString(16).toUpperCase().padStart(4, '0');
    const ends = new RegExp(`:${hex(port)} [0-9A-F]+:${hex(wire.socket.localPort)} 01 `);
    return ends.test(readFileSync('/proc/net/tcp', 'utf8'));
}

describe('what is slow', () => {
    const limits = { 'request-ms': SLOW_MS, 'stall-ms': SLOW_MS, 'idle-ms': IDLE_MS };
    before(async () => {
        await server.stop();
        for (const [name, ms] of Object.entries(limits))
            server.options.words.push(`--${name}`, `${ms}`);
        await server.start();
    });

    test('is ended in time, and nobody else notices', async (t) => {
        const before = await figure('http_closed_stalled_total');
        const list = attacks.filter((attack) => attack.isSlow && !attack.isUnseen);
        await within(t, () => carryOutAll(list));
        assert.ok((await figure('http_closed_stalled_total')) > before);
    });

    test('is ended, too, when it takes nothing and sees no end', async (t) => {
        const attack = attacks.find((one) => one.isUnseen);
        const read = async (isSecure) => {
            const port = isSecure ? server.securePort : server.port;
            const wire = await Wire.open({ port, isSecure, protocol: attack.protocol });
            assert.ok(isHeld(wire, port));
            void attack.run(wire, { host: firm.host });
            await until(() => !isHeld(wire, port), 'it is ended');
            wire.close();
        };
        await within(t, () => Promise.all([read(false), read(true)]));
    });
});

describe('TLS', () => {
    const shake = (options) =>
        new Promise((resolve, reject) => {
            const to = { host: '127.0.0.1', port: server.securePort, rejectUnauthorized: false };
            const socket = tls.connect({ ...to, ...options });
            socket.once('secureConnect', () => resolve(socket));
            socket.once('error', reject);
        });

    test('is not renegotiated', async () => {
        const socket = await shake({ maxVersion: 'TLSv1.2' });
        const refused = await new Promise((resolve) => {
            socket.once('error', resolve);
            socket.once('close', () => resolve(new Error('closed')));
            socket.renegotiate({}, (error) => resolve(error));
        });
        assert.ok(refused instanceof Error, 'it was');
        socket.destroy();
    });

    test('speaks no version before 1.2, and only ciphers with forward secrecy', async () => {
        const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' };
        await assert.rejects(shake(old));
        await assert.rejects(shake({ maxVersion: 'TLSv1.2', ciphers: 'AES256-GCM-SHA384' }));
        for (const version of ['TLSv1.2', 'TLSv1.3']) {
            const socket = await shake({ minVersion: version, maxVersion: version });
            assert.equal(socket.getProtocol(), version);
            socket.destroy();
        }
    });

    test('takes up a session of its own, and none that it did not make', async () => {
        const version = { maxVersion: 'TLSv1.2' };
        const first = await shake(version);
        const session = first.getSession();
        first.destroy();
        const again = await shake({ ...version, session });
        assert.equal(again.isSessionReused(), true);
        again.destroy();
        const altered = Buffer.from(session);
        for (let at = 100; at < altered.length - 100; at += 7) altered[at] ^= 1;
        const other = await shake({ ...version, session: altered }).catch(() => undefined);
        assert.ok(!other?.isSessionReused());
        other?.destroy();
    });

    test('handshakes that are begun and left open keep nobody out', async () => {
        const open = await Promise.all(
            Array.from({ length: 100 }, () =>
                Wire.open({ port: server.securePort, isSecure: false }),
            ),
        );
        for (const wire of open) await wire.write(Buffer.from([0x16, 3, 1, 2, 0, 1]));
        const socket = await shake({});
        assert.ok(socket.getProtocol());
        socket.destroy();
        for (const wire of open) wire.close();
    });
});

test('silent connections are let go for others, when there are too many', async () => {
    await server.stop();
    server.options.words = ['--connections', '40'];
    await server.start();
    const { port } = server;
    const silent = await Promise.all(
        Array.from({ length: 60 }, () => Wire.open({ port, protocol: 'http/1.1' })),
    );
    for (let at = 0; at < 10; at++) expectStatus(await firm.call('GET', 'me'), 200);
    assert.ok(silent.some((wire) => wire.isEnded));
    for (const wire of silent) wire.close();
});
