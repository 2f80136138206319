// What protects a browser stands on every answer: each call of the OpenAPI document, each kind of
// error, files, streams, over each road.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import http2 from 'node:http2';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { makeCertificate } from '../door/certificate.mjs';
import { openEvents } from '../door/events.mjs';
import { send, sendBytes } from '../door/http.mjs';
import { openServer } from '../door/server.mjs';
import { standingFaults } from '../door/standing.mjs';

const id = '01890000-0000-7000-8000-000000000000';

let server;
let firm;
let folder;
let calls;
before(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'atrium-headers-'));
    const { certificate, key } = makeCertificate(folder, 'first');
    server = await openServer(['acme'], {
        words: ['--https', '127.0.0.1:0', '--tls-cert', certificate, '--tls-key', key].concat([
            '--admin',
            '127.0.0.1:0',
        ]),
    });
    firm = server.firms.acme;
    const { body } = await firm.call('GET', 'openapi.json');
    calls = Object.entries(body.paths).flatMap(([where, methods]) =>
        Object.keys(methods).map((method) => ({
            method: method.toUpperCase(),
            path: where.replace(/\{[^}]+\}/g, id),
        })),
    );
});
after(async () => {
    await server.close();
    await fs.rm(folder, { recursive: true, force: true });
});

const isPagePath = (where) => !where.startsWith('/api/') && where !== '/healthz';

function expectStanding(answer, words, options) {
    const faults = standingFaults(answer.headers, options);
    assert.deepEqual(faults, [], `${words}: ${answer.status ?? answer.text}`);
}

/** Statuses that came, by how the calls were made. */
async function crawl(name, makeRequest) {
    const statuses = new Set();
    for (const call of calls) {
        const request = makeRequest(call);
        // What the answers say is judged elsewhere; by the document it takes long.
        const answer = await send({ port: server.port, ...request });
        statuses.add(answer.status);
        const isPage = answer.status < 400 && isPagePath(call.path);
        expectStanding(answer, `${name}: ${call.method} ${call.path}`, { isPage });
    }
    return statuses;
}

const staff = () => ({ host: firm.host, authorization: `Bearer ${firm.token}` });
// Streams do not end by themselves; they have a test of their own.
const isEndless = ({ method, path: where }) => method === 'GET' && where === '/api/v1/changes';

test('every call of the document, with the right to it', async () => {
    const statuses = await crawl('right', (call) => ({
        ...call,
        headers: staff(),
        body: /POST|PUT|PATCH/.test(call.method) ? {} : undefined,
    }));
    for (const status of [200, 404, 422]) assert.ok(statuses.has(status), `no ${status} came`);
});

test('every call of the document, signed out and from a host that is none', async () => {
    const headers = { host: firm.host };
    const signedOut = await crawl('signed out', (call) => ({ ...call, headers }));
    assert.ok(signedOut.has(401));
    const nowhere = await crawl('unknown host', (call) => ({
        ...call,
        headers: { host: `nobody.localhost:${server.port}` },
    }));
    assert.ok(nowhere.has(404));
});

test('a browser of another origin is allowed nothing', async () => {
    for (const call of calls.filter((one) => !isEndless(one)).slice(0, 40)) {
        const headers = {
            ...staff(),
            origin: 'https://evil.example',
            'access-control-request-method': call.method,
            'access-control-request-headers': 'authorization',
        };
        const asked = await server.send({ method: 'OPTIONS', path: call.path, headers });
        assert.ok(asked.status >= 400, `${call.path}: ${asked.status}`);
        expectStanding(asked, `OPTIONS ${call.path}`);
        if (call.method !== 'GET') continue;
        const got = await server.send({ method: 'GET', path: call.path, headers });
        const isPage = call.path === '/';
        expectStanding(got, `GET ${call.path}`, { isPage });
        assert.ok(!JSON.stringify(got.headers).includes('evil.example'), call.path);
    }
});

/** Each way in which a request can be wrong; most never reach a function of the API. */
const wrong = [
    [400, 'GET /api/v1/clients?limit=0 HTTP/1.1'],
    [400, 'GET /api/%zz HTTP/1.1'],
    [404, 'GET /nothing HTTP/1.1'],
    [405, 'DELETE /api/v1/me HTTP/1.1'],
    [405, 'TRACE / HTTP/1.1'],
    [501, 'BREW /api/v1/me HTTP/1.1'],
    [406, 'GET /api/v1/me HTTP/1.1', 'Accept: text/csv'],
    [411, 'POST /api/v1/clients HTTP/1.1', 'Content-Type: application/json', 'Content-Length: x'],
    [413, 'POST /api/v1/clients HTTP/1.1', 'Content-Length: 999999999'],
    [415, 'POST /api/v1/clients HTTP/1.1', 'Content-Type: text/plain', 'Content-Length: 0'],
    [431, 'GET / HTTP/1.1', `X-Long: ${'x'.repeat(70_000)}`],
    [400, 'GET / HTTP/1.1', 'Content-Length: 0', 'Content-Length: 0'],
    [400, 'POST / HTTP/1.1', 'Transfer-Encoding: gzip, chunked'],
];

function parseHead(text) {
    const [head] = text.split('\r\n\r\n');
    const [first, ...lines] = head.split('\r\n');
    const headers = {};
    for (const line of lines) {
        const colon = line.indexOf(':');
        headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    return { status: Number(first.split(' ')[1]), headers, text };
}

test('requests that are wrong in every way, also those that no function sees', async () => {
    for (const [status, line, ...fields] of wrong) {
        const authorization = `Authorization: Bearer ${firm.token}`;
        const head = [line, `Host: ${firm.host}`, authorization, 'Connection: close', ...fields];
        const bytes = `${head.join('\r\n')}\r\n\r\n`;
        const { text } = await sendBytes({ port: server.port, parts: [bytes] });
        const answer = parseHead(text);
        const shown = `${line} ${fields.join(' ').slice(0, 60)}: ${text.slice(0, 100)}`;
        assert.ok(answer.status >= 400, shown);
        if (status !== 411) assert.equal(answer.status, status, shown);
        expectStanding(answer, shown);
    }
});

test("bytes that are no HTTP at all get h2o's own line, text and nothing else", async () => {
    const { text } = await sendBytes({ port: server.port, parts: ['GET /\0 HTTP/1.1\r\n\r\n'] });
    assert.equal(
        text,
        'HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n' +
            'Connection: close\r\nContent-Length: 11\r\n\r\nBad Request',
    );
});

test('files of the page, an answer that says nothing new, a head alone', async () => {
    const home = await server.send({ method: 'GET', path: '/', headers: { host: firm.host } });
    const files = [...home.text.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map((found) => found[1]);
    for (const where of ['/', ...files.filter(isPagePath)]) {
        const headers = { host: firm.host };
        const whole = await server.send({ method: 'GET', path: where, headers });
        expectStanding(whole, where, { isPage: true });
        const same = await server.send({
            method: 'GET',
            path: where,
            headers: { ...headers, 'if-none-match': whole.headers.etag },
        });
        assert.equal(same.status, 304);
        expectStanding(same, `${where} again`, { isPage: true });
        const head = await server.send({ method: 'HEAD', path: where, headers });
        expectStanding(head, `HEAD ${where}`, { isPage: true });
    }
});

test('the portal, streams, exports, and the operator', async () => {
    const host = `acme-portal.localhost:${server.port}`;
    for (const where of ['/', '/api/v1/me', '/nothing']) {
        const answer = await server.send({ method: 'GET', path: where, headers: { host } });
        expectStanding(answer, `portal ${where}`, { isPage: answer.status === 200 });
    }
    const stream = await openEvents(firm);
    expectStanding(stream, 'events');
    stream.close();
    await firm.create('contacts', { name: '=1+1' });
    for (const accept of ['text/csv', 'application/x-ndjson'])
        expectStanding(await firm.call('GET', 'contacts/export', undefined, { accept }), accept);
    for (const where of ['/metrics', '/healthz', '/api/v1/me', '/']) {
        const answer = await server.send({
            port: server.adminPort,
            method: 'GET',
            path: where,
            headers: { host: 'localhost' },
        });
        expectStanding(answer, `operator ${where}`);
        const { name, owner } = firm;
        const words = [name, name.toUpperCase(), owner, '=1+1', firm.token];
        for (const word of words) assert.ok(!answer.text.includes(word), `${where}: ${word}`);
    }
});

/** One answer over TLS, by HTTP/1.1. */
const overTls = (where, headers) =>
    new Promise((resolve, reject) => {
        const to = { host: '127.0.0.1', port: server.securePort, path: where };
        const options = { ...to, rejectUnauthorized: false, agent: false, headers };
        const request = https.get(options, (got) => {
            got.resume();
            got.on('end', () => resolve({ status: got.statusCode, headers: got.headers }));
        });
        request.on('error', reject);
    });

test('over TLS each answer also asks browsers to stay with it', async () => {
    const host = `acme.localhost:${server.securePort}`;
    for (const where of ['/', '/api/v1/me', '/nothing', '/healthz', '/api/%zz']) {
        const answer = await overTls(where, { host });
        const isPage = where === '/';
        expectStanding(answer, `TLS ${where}`, { isSecure: true, isPage });
        const other = await overTls(where, { host: 'nobody.localhost' });
        const isOpen = other.status === 200 && isPage;
        expectStanding(other, `TLS ${where} of no host`, { isSecure: true, isPage: isOpen });
    }
    const session = http2.connect(`https://127.0.0.1:${server.securePort}`, {
        rejectUnauthorized: false,
    });
    for (const [where, status] of Object.entries({ '/': 200, '/api/v1/me': 401, '/no': 404 })) {
        const headers = await new Promise((resolve, reject) => {
            const stream = session.request({ ':path': where, ':authority': host });
            stream.on('response', resolve);
            stream.on('error', reject);
            stream.resume();
        });
        assert.equal(headers[':status'], status);
        expectStanding({ headers, status }, `HTTP/2 ${where}`, {
            isSecure: true,
            isPage: where === '/',
        });
    }
    session.close();
});
