// The watch itself: what it must find in answers, in open streams and on raw sockets. A server of
// the test's own says what no server may.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, beforeEach, test } from 'node:test';
import { Wire, frame } from '../door/attacks.mjs';
import { openEvents } from '../door/events.mjs';
import { sendBytes } from '../door/http.mjs';
import { Watch, canary } from '../door/watch.mjs';

const ofBorg = '01a201e1-0000-7000-8000-00000000b0e6';
const ofAcme = '01a201e1-0000-7000-8000-00000000ac3e';
const leaks = [`{"id":"${ofBorg}"}`, `{"name":"${canary('borg', 'client', 'name')}"}`];
const harmless = [`{"id":"${ofAcme}"}`, `{"name":"${canary('acme', 'client', 'name')}"}`];

/** Says whatever it is told to, as an answer or as an event. */
let said = '';
const liar = http.createServer((request, response) => {
    if (request.headers.accept !== 'text/event-stream') return response.end(said);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    return response.end(`id: 1\nevent: change\ndata: ${said}\n\n`);
});
let watch;
let port;
/** The firm as a stream is opened for it, on a server that nothing else is known of. */
const listening = (more = {}) => ({
    server: { port, watch, judge: { judgeEvent: () => {} } },
    host: 'acme.localhost',
    ...more,
});
before(async () => {
    await new Promise((resolve) => liar.listen(0, '127.0.0.1', resolve));
    ({ port } = liar.address());
});
after(() => liar.close());

const request = (firm) => ({ method: 'GET', path: '/', headers: { host: `${firm}.localhost` } });
const answer = (text) => ({ status: 200, headers: {}, text });
beforeEach(() => {
    watch = new Watch();
    watch.listen(port);
    watch.see(request('acme'), answer(harmless.join()));
    watch.see(request('borg'), answer(leaks.join()));
});

/** What it complains of after each of these was said in some way. */
async function complaintsOf(texts, hear) {
    const found = [];
    for (const text of texts) {
        said = text;
        await hear(text);
        found.push(...watch.complaints.splice(0));
    }
    return found;
}

async function mustFind(hear) {
    assert.deepEqual(await complaintsOf(harmless, hear), []);
    const found = await complaintsOf(leaks, hear);
    assert.equal(found.length, leaks.length, found.join('\n'));
    assert.match(found[0], /is of borg, not of acme/);
    assert.match(found[1], /canary-borg-client-name" is not of acme/);
}

test('a whole answer', () =>
    mustFind(async (text) => {
        try {
            watch.see(request('acme'), answer(text));
        } catch (error) {
            assert.match(error.message, /not its reader's/);
        }
    }));

test('an event of a stream that is still open', () =>
    mustFind(async () => {
        const stream = await openEvents(listening());
        await stream.ended();
    }));

const head = (host) => `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n`;

test('bytes of a raw socket, by the host that was asked', async () => {
    const ask = (...lines) => async () => {
        await sendBytes({ port, parts: [...lines, Buffer.from('\r\n')] });
    };
    await mustFind(ask(head('acme.localhost')));
    await mustFind(ask(head('acme.localhost'), 'X-Forwarded-Host: borg.localhost\r\n'));
    assert.deepEqual(await complaintsOf(leaks, ask(head('borg.localhost'))), []);
    // Who names no firm has a right to nothing of any.
    assert.equal((await complaintsOf(leaks, ask(head('127.0.0.1')))).length, leaks.length);
});

test('bytes that a chunk cuts in two', () => {
    const half = (text) => `${text.slice(0, 9)}\r\n1f\r\n${text.slice(9)}`;
    for (const text of leaks) watch.hearBytes(head('acme.localhost'), half(text));
    assert.equal(watch.complaints.length, leaks.length);
});

test('frames of HTTP/2, by the host among them', () => {
    const block = Buffer.concat([Buffer.from([0x01, 14]), Buffer.from('acme.localhost')]);
    const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    const sent = Buffer.concat([preface, frame(1, 5, 1, block)]).toString('latin1');
    for (const text of [...harmless, ...leaks])
        watch.hearBytes(sent, frame(0, 1, 1, Buffer.from(text)).toString('latin1'));
    assert.equal(watch.complaints.length, leaks.length);
});

test('what a wire of the attacks received', () =>
    mustFind(async () => {
        const wire = await Wire.open({ port });
        await wire.write(Buffer.from(`${head('acme.localhost')}\r\n`));
        await wire.ended;
    }));

test('what one credential was forbidden, whole, in a stream and raw', async () => {
    watch.forbid('atr_one', 'secret');
    said = '{"name":"a secret"}';
    const headers = { host: 'acme.localhost', authorization: 'Bearer atr_one' };
    assert.throws(() => watch.see({ ...request('acme'), headers }, answer(said)));
    await (await openEvents(listening({ token: 'atr_one' }))).ended();
    const lines = `${head('acme.localhost')}Authorization: Bearer atr_one\r\n\r\n`;
    await sendBytes({ port, parts: [lines] });
    assert.equal(watch.complaints.length, 3);
    await sendBytes({ port, parts: [lines.replace('one', 'two')] });
    assert.equal(watch.complaints.length, 3);
});
