// What the table of checks (isolation/checks.mjs) demands of answers, and no other test shows.
import assert from 'node:assert/strict';
import http2 from 'node:http2';
import { after, before, test } from 'node:test';
import { expectFault, expectStatus } from '../door/expect.mjs';
import { addField } from '../door/fields.mjs';
import { sendBytes } from '../door/http.mjs';
import { join } from '../door/people.mjs';
import { enter } from '../door/portal.mjs';
import { chooseSeed, makeRandom } from '../door/random.mjs';
import { openServer } from '../door/server.mjs';

const REQUESTS = 200;
const STREAMS = 8;
const TURNS = process.env.ATRIUM_LONG ? 100_000 : 300;

let server;
let firm;
let other;
before(async () => {
    server = await openServer(['acme', 'other']);
    firm = server.firms.acme;
    other = server.firms.other;
    for (const each of [firm, other])
        for (let at = 0; at < 3; at++)
            await each.create('clients', { name: `Of ${each.name} ${at}`, kind: 'individual' });
});
after(() => server.close());

test('two firms that take turns on one connection each get their own', async (t) => {
    const random = makeRandom(chooseSeed());
    t.diagnostic(`seed ${random.seed}`);
    const wheres = ['clients', 'clients?count=true', 'clients?q=of', 'me', 'search?q=of'];
    const asked = [];
    let bytes = '';
    for (let at = 0; at < REQUESTS; at++) {
        const of = random.below(2) === 0 ? firm : other;
        asked.push(of);
        bytes +=
            `GET /api/v1/${wheres[random.below(wheres.length)]} HTTP/1.1\r\nHost: ${of.host}\r\n` +
            `Authorization: Bearer ${of.token}\r\nX-Request-Id: n${at}\r\n` +
            `${at === REQUESTS - 1 ? 'Connection: close\r\n' : ''}\r\n`;
    }
    const { text } = await sendBytes({ port: server.port, parts: [bytes] });
    const answers = text.split(/(?=HTTP\/1\.1 \d)/);
    assert.equal(answers.length, asked.length);
    for (const [at, answer] of answers.entries()) {
        const stranger = asked[at] === firm ? 'other' : 'acme';
        assert.match(answer, /^HTTP\/1\.1 200/);
        assert.ok(!answer.includes(`Of ${stranger}`), `answer ${at} is of ${stranger}`);
        assert.match(answer, /cache-control: (no-store|private, no-cache)/i);
    }
});

test('readers that take turns on one connection of HTTP/2 each get their own', async (t) => {
    const random = makeRandom(chooseSeed());
    t.diagnostic(`seed ${random.seed}`);
    const bearer = ({ host, token }) => ({ host, authorization: `Bearer ${token}` });
    const employee = await join(firm, 'Emma Ployee', 'employee');
    const [{ id }] = await firm.all('clients');
    const { id: named } = await firm.create('contacts', { name: 'Con Tact' });
    const contact = await enter(firm, [id], named);
    const readers = [firm, other, employee].map(bearer);
    readers.push({ host: contact.host, cookie: contact.cookie });
    const record = `clients/${id}`;
    const wheres = ['clients', 'clients?sort=name&limit=2', record, 'search?q=of', 'schema'];
    const asked = readers.flatMap((headers) => wheres.map((where) => ({ headers, where })));
    for (const one of asked) {
        const path = `/api/v1/${one.where}`;
        const { status, text } = await server.send({ method: 'GET', path, headers: one.headers });
        one.told = `${status} ${status === 200 ? text : ''}`;
    }
    assert.ok(new Set(asked.map(({ told }) => told)).size > 10, 'they are told the same');
    const session = http2.connect(`http://127.0.0.1:${server.port}`);
    const ask = ({ headers: { host, ...headers }, where }) =>
        new Promise((resolve, reject) => {
            const head = { ':path': `/api/v1/${where}`, ':authority': host, ...headers };
            const stream = session.request(head);
            let status;
            let text = '';
            stream.setEncoding('utf8');
            stream.on('response', (answer) => (status = answer[':status']));
            stream.on('data', (part) => (text += part));
            stream.on('end', () => resolve(`${status} ${status === 200 ? text : ''}`));
            stream.on('error', reject);
        });
    let left = TURNS;
    const takeTurns = async () => {
        while (left-- > 0) {
            const one = asked[random.below(asked.length)];
            const told = await ask(one);
            assert.equal(told, one.told, `${one.headers.host} ${one.where}`);
        }
    };
    try {
        await Promise.all(Array.from({ length: STREAMS }, takeTurns));
    } finally {
        session.close();
    }
});

test('a tag of one firm spares no answer at another', async () => {
    const [record] = await firm.all('clients');
    const where = `clients/${record.id}`;
    const { etag } = (await firm.call('GET', where)).headers;
    const same = await firm.call('GET', where, undefined, { 'if-none-match': etag });
    expectStatus(same, 304);
    for (const tag of [etag, '*'])
        expectStatus(await other.call('GET', where, undefined, { 'if-none-match': tag }), 404);
});

test('an id of another firm is told as one that never was, in every collection', async () => {
    const { entities } = expectStatus(await firm.call('GET', 'schema'), 200).body;
    const nowhere = '01890000-0000-7000-8000-000000000000';
    const told = async (method, where, id) => {
        const body = method === 'PATCH' || method === 'POST' ? {} : undefined;
        const answer = await firm.call(method, where.replace('ID', id), body);
        const { date, 'x-request-id': request, ...headers } = answer.headers;
        const text = JSON.stringify({ status: answer.status, headers, body: answer.body });
        assert.ok(date && request);
        return text.replaceAll(id, 'ID').replaceAll(request, 'REQUEST');
    };
    let compared = 0;
    for (const { plural, single } of entities) {
        if (single) continue;
        const [foreign] = await other.all(plural).catch(() => []);
        if (foreign === undefined) continue;
        for (const method of ['GET', 'PATCH', 'DELETE'])
            for (const where of [`${plural}/ID`, `${plural}/ID/history`, `${plural}?id=ID`]) {
                const [one, none] = [
                    await told(method, where, foreign.id),
                    await told(method, where, nowhere),
                ];
                assert.equal(one, none, `${method} ${where}`);
                compared += 1;
            }
    }
    assert.ok(compared >= 18, `${compared}`);
});

test('no path and no parameter sends a browser elsewhere', async () => {
    const evil = ['//evil.example', '/\\evil.example', 'https://evil.example', 'javascript:x()'];
    const names = ['next', 'url', 'redirect', 'return_to', 'continue'];
    const paths = ['//evil.example/', '/\\evil.example', '/%2f%2fevil.example', '/.//evil.example'];
    for (const word of evil)
        for (const name of names) {
            const query = `${name}=${encodeURIComponent(word)}`;
            paths.push(`/?${query}`, `/api/v1/me?${query}`, `/api/v1/session?${query}`);
        }
    for (const host of [firm.host, firm.host.replace('.', '-portal.')])
        for (const path of paths)
            for (const method of ['GET', 'POST']) {
                const head =
                    `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 0\r\n` +
                    `Authorization: Bearer ${firm.token}\r\nConnection: close\r\n\r\n`;
                const { text } = await sendBytes({ port: server.port, parts: [head] });
                assert.match(text, /^HTTP\/1\.1 [24]/, `${method} ${path}`);
                assert.ok(!/^(location|refresh):/im.test(text), `${method} ${path}: ${text}`);
            }
});

test('dates and times at their ends are kept as they are, or refused', async () => {
    await addField(firm, { entity: 'client', name: 'x_day', kind: 'date', label: 'Day' });
    await addField(firm, { entity: 'client', name: 'x_time', kind: 'time', label: 'Time' });
    const [{ id }] = await firm.all('clients');
    const patch = (body) => firm.call('PATCH', `clients/${id}`, body);
    for (const day of ['0001-01-01', '1900-02-28', '2000-02-29', '2024-02-29', '9999-12-31']) {
        assert.equal(expectStatus(await patch({ x_day: day }), 200).body.x_day, day);
        const found = await firm.all('clients', `x_day=${day}`);
        assert.deepEqual(found.map((client) => client.id), [id]);
    }
    for (const day of ['0000-12-31', '1900-02-29', '2023-02-29', '2024-13-01', '10000-01-01'])
        expectFault(await patch({ x_day: day }), 'x_day');
    const times = {
        '0001-01-01T00:00:00Z': '0001-01-01T00:00:00.000Z',
        '9999-12-31T23:59:59.999Z': '9999-12-31T23:59:59.999Z',
        '2016-12-31T23:59:60Z': '2017-01-01T00:00:00.000Z',
        '2026-03-29T02:30:00+01:00': '2026-03-29T01:30:00.000Z',
        '1969-12-31T23:59:59.999Z': '1969-12-31T23:59:59.999Z',
    };
    for (const [given, shown] of Object.entries(times))
        assert.equal(expectStatus(await patch({ x_time: given }), 200).body.x_time, shown);
    const wrong = ['9999-12-31T23:59:59-00:01', '2026-01-01T24:00:01Z', '2026-01-01T00:60:00Z'];
    for (const time of wrong)
        expectFault(await patch({ x_time: time }), 'x_time');
    // The time at which a record is asked for is read as carefully.
    for (const at of ['0000-01-01', '99999-01-01', '2026-02-30', 'now', '1e9'])
        expectStatus(await firm.call('GET', `clients/${id}?at=${at}`), 400);
});

/** What only somebody at the server should read: places, addresses, names of libraries. */
const places = /\/(tmp|home|work|usr|etc|var)\/|\.[ch]:\d|\b0x[0-9a-f]{6,}/;
const libraries = /lmdb|mdb_|libh2o|msgpack_|sodium|errno/i;
const isInside = (text) => places.test(text) || libraries.test(text);

test('no refusal names a path, an address or a library of the server', async () => {
    const kinds = new Map();
    const ask = async (...request) => {
        const answer = await firm.call(...request);
        kinds.set(answer.status, (kinds.get(answer.status) ?? 0) + 1);
        assert.ok(!isInside(answer.text), `${request.join(' ')}: ${answer.text}`);
        if (answer.status >= 400) assert.ok(answer.body.request_id, answer.text);
        return answer;
    };
    const [{ id }] = await firm.all('clients');
    const rule = { name: 'Fails', entity: 'contact', point: 'before', state: 'active' };
    const failing = {
        'error from a table': 'error({})',
        'a field of nothing': 'local a = nil; return a.b',
        'the name of a function': 'error(tostring(string.format))',
        'a table': 'error(tostring({}))',
        'without end': 'while true do end',
        'out of memory': "local t = {} while true do t[#t + 1] = ('x'):rep(10000) .. #t end",
    };
    for (const [name, source] of Object.entries(failing)) {
        const made = await ask('POST', 'rules', { ...rule, source });
        const failed = await ask('POST', 'contacts', { name });
        assert.ok(failed.status >= 400, `${name}: ${failed.status}`);
        expectStatus(await firm.call('DELETE', `rules/${made.body.id}`), 204);
    }
    await ask('POST', 'rules', { ...rule, source: 'this is no Lua' });
    await ask('POST', 'clients', '{"name":');
    await ask('POST', 'clients', { name: '', kind: 'x', nonsense: 1 });
    await ask('POST', 'clients', '<a/>', { 'content-type': 'application/xml' });
    await ask('POST', 'clients', Buffer.from([0xc1]), { 'content-type': 'application/msgpack' });
    await ask('PATCH', `clients/${id}`, { name: 'Z' }, { 'if-match': '"1"' });
    await ask('PATCH', `clients/${id}`, { name: 'Z' }, { 'if-match': 'x' });
    await ask('DELETE', 'me');
    await ask('GET', 'clients', undefined, { accept: 'image/png' });
    await ask('GET', 'clients?sort=nonsense');
    await ask('GET', `clients?after=${Buffer.from('nonsense').toString('base64url')}`);
    await ask('GET', 'clients?filter=%7B');
    await ask('GET', 'nothing/at/all');
    await ask('GET', 'me', undefined, { authorization: 'Bearer nobody' });
    await ask('POST', 'clients/import', 'PK\x03\x04', { 'content-type': 'text/csv' });
    await ask('POST', 'clients', `{"name":"${'x'.repeat(1024 * 1024)}"}`).catch((error) =>
        assert.match(error.code, /ECONNRESET|EPIPE/),
    );
    for (const status of [400, 401, 404, 405, 406, 412, 415, 422])
        assert.ok(kinds.has(status), `no ${status} came: ${[...kinds.keys()]}`);
});

test('a name with line ends makes no line of the log', async () => {
    const word = 'level=error msg=forged';
    await firm.call('POST', 'clients', { name: `x\r\n${word}`, kind: 'individual' });
    await firm.call('GET', `clients/${encodeURIComponent(`a\r\n${word}`)}`);
    await firm.call('GET', 'me', undefined, { 'x-request-id': word, 'user-agent': word });
    for (const line of server.output.split('\n')) assert.ok(!line.startsWith('level='), line);
    assert.ok(!server.output.includes(firm.token));
});
