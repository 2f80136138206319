// HTTP/2 and TLS: the same API over each, and connections that misbehave.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import http2 from 'node:http2';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { makeCertificate } from '../door/certificate.mjs';
import { openEvents, openEventsOn } from '../door/events.mjs';
import { expectStatus } from '../door/expect.mjs';
import { openServer } from '../door/server.mjs';
import { HANG_MS, until } from '../door/wait.mjs';

let server;
let firm;
let folder;

before(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'atrium-tls-'));
    const { certificate, key } = makeCertificate(folder, 'first');
    await fs.copyFile(certificate, path.join(folder, 'server.crt'));
    await fs.copyFile(key, path.join(folder, 'server.key'));
    server = await openServer(['acme'], {
        words: [
            '--https',
            '127.0.0.1:0',
            '--tls-cert',
            path.join(folder, 'server.crt'),
            '--tls-key',
            path.join(folder, 'server.key'),
            '--admin',
            '127.0.0.1:0',
        ],
    });
    firm = server.firms.acme;
});
after(async () => {
    await server.close();
    await fs.rm(folder, { recursive: true, force: true });
});

/** An HTTP/2 connection; `request(method, path, body)` gives `{status, headers, text}`. */
function connect(origin, options = {}) {
    const session = http2.connect(origin, { rejectUnauthorized: false, ...options });
    session.on('error', () => {});
    const authority = origin.startsWith('https')
        ? `acme.localhost:${server.securePort}`
        : firm.host;
    const request = (method, where, body) =>
        new Promise((resolve, reject) => {
            const stream = session.request({
                ':method': method,
                ':path': where,
                ':authority': authority,
                authorization: `Bearer ${firm.token}`,
                ...(body === undefined ? {} : { 'content-type': 'application/json' }),
            });
            let headers;
            const parts = [];
            stream.on('response', (given) => {
                headers = given;
            });
            stream.on('data', (part) => parts.push(part));
            stream.on('end', () => {
                const text = Buffer.concat(parts).toString('utf8');
                const answer = { status: headers?.[':status'], headers, text };
                const own = { host: authority, authorization: `Bearer ${firm.token}` };
                server.watch.see({ method, path: where, body, headers: own }, answer);
                resolve(answer);
            });
            stream.on('error', reject);
            stream.end(body === undefined ? undefined : JSON.stringify(body));
        });
    return { session, request };
}

const roads = {
    'HTTP/2 without TLS': () => `http://127.0.0.1:${server.port}`,
    'HTTP/2 over TLS': () => `https://127.0.0.1:${server.securePort}`,
};
for (const [name, origin] of Object.entries(roads)) {
    describe(name, () => {
        test('creates, reads, and answers many at once on one connection', async () => {
            const { session, request } = connect(origin());
            try {
                const made = expectStatus(
                    await request('POST', '/api/v1/clients', {
                        name: 'Second Version',
                        kind: 'individual',
                    }),
                    201,
                );
                const { id } = JSON.parse(made.text);
                const answers = await Promise.all(
                    Array.from({ length: 100 }, () => request('GET', `/api/v1/clients/${id}`)),
                );
                for (const answer of answers) expectStatus(answer, 200);
            } finally {
                session.close();
            }
        });

        test('is not harmed by requests that are reset', async () => {
            const { session, request } = connect(origin());
            for (let at = 0; at < 50; at++) {
                const stream = session.request({
                    ':path': '/api/v1/clients?limit=200',
                    ':authority': firm.host,
                    authorization: `Bearer ${firm.token}`,
                });
                stream.on('error', () => {});
                stream.close(http2.constants.NGHTTP2_CANCEL);
            }
            expectStatus(await request('GET', '/api/v1/me'), 200);
            session.close();
        });
    });
}

test('events come over TLS too, and a client that leaves is noticed', async () => {
    const open = async () => Number(/event_streams (\d+)/.exec((await metrics()).text)[1]);
    const metrics = () =>
        server.send({
            port: server.adminPort,
            method: 'GET',
            path: '/metrics',
            headers: { host: 'localhost' },
        });
    const secure = await openEvents(firm, { isSecure: true });
    const { session } = connect(roads['HTTP/2 over TLS']());
    const framed = await openEventsOn(session, firm);
    assert.equal(await open(), 2);
    const made = await firm.create('contacts', { name: 'Over Both' });
    for (const stream of [secure, framed]) {
        await stream.count(1);
        assert.equal(stream.events[0].data.id, made.id);
    }
    secure.close();
    session.destroy();
    await until(async () => (await open()) === 0, 'no client that left is counted');
});

test('a connection that does nothing but reset is ended, and others are served', async () => {
    const { session } = connect(roads['HTTP/2 without TLS']());
    let isClosed = false;
    session.on('close', () => {
        isClosed = true;
    });
    const begun = performance.now();
    while (!isClosed && performance.now() - begun < HANG_MS) {
        for (let at = 0; at < 50 && !isClosed && !session.destroyed; at++) {
            const stream = session.request({
                ':path': '/api/v1/me',
                ':authority': firm.host,
                authorization: `Bearer ${firm.token}`,
            });
            stream.on('error', () => {});
            stream.close(http2.constants.NGHTTP2_CANCEL);
        }
        await new Promise((resolve) => setImmediate(resolve));
    }
    assert.ok(isClosed, 'the connection was let go on');
    expectStatus(await firm.call('GET', 'me'), 200);
});

describe('TLS', () => {
    const get = (port) =>
        new Promise((resolve, reject) => {
            const request = https.request(
                {
                    host: '127.0.0.1',
                    port,
                    path: '/api/v1/me',
                    servername: 'acme.localhost',
                    headers: {
                        host: `acme.localhost:${port}`,
                        authorization: `Bearer ${firm.token}`,
                    },
                    rejectUnauthorized: false,
                    agent: false,
                },
                (response) => {
                    const { subject } = response.socket.getPeerCertificate();
                    response.resume();
                    response.on('end', () =>
                        resolve({
                            ...response,
                            status: response.statusCode,
                            subject,
                            version: response.socket.getProtocol(),
                            headers: response.headers,
                        }),
                    );
                },
            );
            request.on('error', reject);
            request.end();
        });

    test('answers HTTP/1.1 by a recent version, and asks browsers to stay', async () => {
        const answer = await get(server.securePort);
        assert.equal(answer.status, 200);
        assert.match(answer.version, /^TLSv1\.[23]$/);
        assert.match(answer.headers['strict-transport-security'] ?? '', /max-age=\d+/);
    });

    test('takes a new certificate on SIGHUP, but none that does not fit', async () => {
        assert.equal((await get(server.securePort)).subject.CN, 'first');
        const { certificate, key } = makeCertificate(folder, 'second');
        await fs.copyFile(certificate, path.join(folder, 'server.crt'));
        server.child.kill('SIGHUP');
        await until(() => server.output.includes('certificates stay as they were'));
        assert.equal(
            (await get(server.securePort)).subject.CN,
            'first',
            'a pair that does not fit',
        );
        await fs.copyFile(key, path.join(folder, 'server.key'));
        server.child.kill('SIGHUP');
        const name = async () => (await get(server.securePort)).subject.CN;
        await until(async () => (await name()) === 'second', 'the new certificate');
    });
});
