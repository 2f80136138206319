// Bodies and answers in MessagePack: the same as in JSON, for every answer that there is.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { expectFault, expectProblem, expectStatus } from '../door/expect.mjs';
import { pack, unpack } from '../door/msgpack.mjs';
import { openServer, password } from '../door/server.mjs';

const type = 'application/msgpack';
let server;
let firm;
let records;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
    records = [];
    for (let at = 0; at < 20; at++) {
        const made = await firm.create('clients', {
            name: `Pack & "Söhne" ${at} \u{1f600}\\`,
            kind: 'company',
            website: 'https://pack.example/',
            primary_contact: { name: `Ann ${at}`, emails: [`ann${at}@pack.example`] },
            default_address: { line1: 'Street 1', city: 'Graz', country: 'AT' },
        });
        records.push(made);
    }
});
after(() => server.close());

const send = (method, where, body, headers = {}) =>
    firm.call(method, where, body === undefined ? undefined : pack(body), {
        ...(body === undefined ? {} : { 'content-type': type }),
        accept: type,
        ...headers,
    });

/** What is of this one request, or of this moment. */
function still(value) {
    return JSON.parse(
        JSON.stringify(value, (key, inner) => (key === 'request_id' ? undefined : inner)),
    );
}

async function expectSame(method, where) {
    const text = await firm.call(method, where);
    const packed = await firm.call(method, where, undefined, { accept: type });
    assert.equal(packed.status, text.status, where);
    if (!/^application\/(problem\+)?json/.test(text.type)) return false;
    assert.equal(packed.type, type, where);
    assert.deepEqual(still(packed.body), still(text.body), where);
    assert.match(text.headers.vary, /accept/);
    assert.equal(packed.headers.vary, text.headers.vary);
    return true;
}

describe('every answer in JSON is the same in MessagePack:', () => {
    test('of each call that reads, by the description of the API', async () => {
        const document = (await firm.call('GET', 'openapi.json')).body;
        const first = {};
        let compared = 0;
        for (const [path, calls] of Object.entries(document.paths)) {
            if (!calls.get || !path.startsWith('/api/v1/')) continue;
            const collection = path.split('/')[3];
            if (path.includes('{id}') && !(collection in first)) {
                const page = await firm.call('GET', `${collection}?limit=1`);
                const list = page.status === 200 ? page.body.data : [];
                first[collection] = list[0]?.id ?? '01890000-0000-7000-8000-000000000000';
            }
            const where = path.replace('{id}', first[collection]);
            if (await expectSame('GET', where)) compared++;
        }
        assert.ok(compared > 20, `only ${compared} answers were compared`);
    });

    test('of lists with all that they know', async () => {
        for (const query of [
            'limit=200&count=true',
            'sort=-name&limit=3',
            'q=pack',
            'expand=primary_contact,default_address&fields=name,emails',
        ])
            await expectSame('GET', `clients?${query}`);
        for (const { id } of records.slice(0, 3)) await expectSame('GET', `clients/${id}`);
        await expectSame('GET', 'changes?limit=200');
    });

    test('of problems', async () => {
        const nowhere = '01890000-0000-7000-8000-000000000000';
        for (const where of [
            'clients?no_such=1',
            `clients/${nowhere}`,
            'nothing',
            'clients?after=x',
        ])
            await expectSame('GET', where);
        await expectSame('DELETE', `clients/${nowhere}`);
        await expectSame('PUT', 'clients');
    });

    test('of lengths and depths at the edges of its forms', async () => {
        for (const length of [0, 1, 31, 32, 255, 256, 5000]) {
            const { id } = records[0];
            const note = 'ü'.repeat(length);
            const answer = await send('PATCH', `clients/${id}`, { name: `n${note}`.slice(0, 190) });
            expectStatus(answer, 200);
            await expectSame('GET', `clients/${id}`);
        }
        for (const count of [15, 16, 20]) await expectSame('GET', `clients?limit=${count}`);
    });
});

describe('a body in MessagePack', () => {
    test('makes and changes records as JSON does', async () => {
        const given = {
            name: 'Packed',
            kind: 'company',
            primary_contact: { name: 'Ann', emails: ['ann@packed.example'] },
            tags: [],
            website: null,
        };
        const made = expectStatus(await send('POST', 'clients', given), 201);
        assert.equal(made.type, type);
        const record = await firm.get('clients', made.body.id);
        assert.deepEqual(made.body, record);
        assert.equal(record.name, 'Packed');
        const changed = await send('PATCH', `clients/${record.id}`, { name: 'Packed again' });
        expectStatus(changed, 200);
        const again = await firm.get('clients', record.id);
        assert.equal(again.name, 'Packed again');
        assert.deepEqual(changed.body, again);
        /* JSON in, MessagePack out, and the other way round. */
        const mixed = await firm.call(
            'PATCH',
            `clients/${record.id}`,
            { name: 'Mixed' },
            { accept: type },
        );
        assert.equal(expectStatus(mixed, 200).type, type);
        const back = await send(
            'PATCH',
            `clients/${record.id}`,
            { name: 'Back' },
            { accept: 'application/json' },
        );
        assert.match(expectStatus(back, 200).type, /json/);
    });

    test('is told its faults in the form that was asked for', async () => {
        const wrong = await send('POST', 'clients', { name: 5, nothing: true });
        assert.equal(expectStatus(wrong, 422).type, type);
        const fields = wrong.body.errors.map((fault) => fault.field);
        assert.ok(fields.includes('name') && fields.includes('nothing'), wrong.text);
        const json = { accept: 'application/json' };
        expectFault(await send('POST', 'clients', { name: 5 }, json), 'name', 'type');
        expectFault(await send('POST', 'clients', ['a list'], json), '');
    });

    test('signs in', async () => {
        const answer = await server.send({
            method: 'POST',
            path: '/api/v1/session',
            body: pack({ email: firm.owner, password }),
            headers: { host: firm.host, 'content-type': type, accept: type },
        });
        assert.equal(expectStatus(answer, 201).body.user.email, firm.owner);
    });

    const fromHex = (hex) => Buffer.from(hex, 'hex');
    const bad = {
        nothing: Buffer.alloc(0),
        'half a map': Buffer.from([0x81, 0xa1, 0x61]),
        'a count beyond all bytes': Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff]),
        'two values': Buffer.from([0xc0, 0xc0]),
        'an extension type': Buffer.from([0xd4, 0x01, 0x00]),
        'a key twice': Buffer.from([0x82, 0xa1, 0x61, 0x01, 0xa1, 0x61, 0x02]),
        'a key that is a number': Buffer.from([0x81, 0x01, 0x01]),
        'a text that is no UTF-8': pack({ name: { raw: Buffer.from([0xa1, 0xff]) } }),
        'a text with a NUL': pack({ name: 'a\0b' }),
        'a key with a NUL': pack({ 'na\0me': 'a' }),
        'bytes for a text': pack({ name: { bytes: Buffer.from('Acme') } }),
        'bytes for an id': pack({ account_manager: { bytes: Buffer.alloc(16) } }),
        'a number beyond 63 bits': pack({ name: { raw: fromHex('cfffffffffffffffff') } }),
        'a number that is none': pack({ name: { raw: fromHex('cb7ff8000000000000') } }),
        'too deep a nest': Buffer.concat([Buffer.alloc(40, 0x91), Buffer.from([0xc0])]),
        JSON: Buffer.from('{"name":"x"}'),
    };
    for (const [name, body] of Object.entries(bad))
        test(`that holds ${name} is refused`, async () => {
            const answer = await firm.call('POST', 'clients', body, { 'content-type': type });
            expectProblem(answer, 400, 'MessagePack');
        });

    test('is bounded', async () => {
        const body = pack({ name: 'x'.repeat(60_000), list: Array(200).fill('y'.repeat(6000)) });
        expectStatus(await firm.call('POST', 'clients', body, { 'content-type': type }), 413);
    });
});

describe('types and forms:', () => {
    test('another type of body is 415, which names what is taken', async () => {
        for (const other of ['text/plain', 'application/xml', 'application/msgpack2', '']) {
            const answer = await firm.call('POST', 'clients', '{}', { 'content-type': other });
            expectProblem(answer, 415, 'application/json', type);
        }
        const patch = await firm.call('PATCH', `clients/${records[0].id}`, '{}', {
            'content-type': 'text/plain',
        });
        expectProblem(patch, 415, 'merge-patch');
        const named = `${type}; charset=binary`;
        const body = pack({ name: 'Parameter' });
        const answer = await firm.call('POST', 'contacts', body, { 'content-type': named });
        expectStatus(answer, 201);
    });

    test('what is preferred is given, JSON where both are', async () => {
        const chosen = {
            '': 'application/json',
            '*/*': 'application/json',
            'application/*': 'application/json',
            'application/json, application/msgpack': 'application/json',
            'application/json;q=0.5, application/msgpack': type,
            'application/msgpack;q=0.4, */*;q=0.1': type,
            'application/msgpack;q=0, */*': 'application/json',
            'APPLICATION/MSGPACK': type,
            'text/html, application/msgpack;q=0.2': type,
            'text/html, */*;q=0.1': 'application/json',
            'application/problem+json': 'application/json',
        };
        for (const [accept, form] of Object.entries(chosen)) {
            const answer = await firm.call('GET', 'me', undefined, { accept });
            assert.equal(expectStatus(answer, 200).type, form, accept);
        }
    });

    test('neither is 406, before anything was changed', async () => {
        const count = async () =>
            (await firm.call('GET', 'clients?count=true&limit=1')).body.count.value;
        const before = await count();
        for (const accept of ['text/html', 'application/json;q=0, application/msgpack;q=0']) {
            expectProblem(await firm.call('GET', 'me', undefined, { accept }), 406, type);
            const given = { name: 'Unheard', kind: 'individual' };
            expectProblem(await firm.call('POST', 'clients', given, { accept }), 406, type);
        }
        assert.equal(await count(), before);
    });

    test('HEAD tells the length of GET', async () => {
        const { id } = records[1];
        const headers = { accept: type };
        const get = await firm.call('GET', `clients/${id}`, undefined, headers);
        const head = await firm.call('HEAD', `clients/${id}`, undefined, headers);
        assert.equal(head.headers['content-length'], get.headers['content-length']);
        assert.equal(head.headers['content-type'], type);
        const held = { ...headers, 'if-none-match': get.headers.etag };
        const same = await firm.call('GET', `clients/${id}`, undefined, held);
        assert.equal(expectStatus(same, 304).headers.vary, 'accept');
    });

    test('the tests themselves can read and write it', () => {
        const value = { a: [1, -1, 200, -200, 70_000, 2 ** 40, 0.5, null, true, 'ü'.repeat(300)] };
        assert.deepEqual(unpack(pack(value)), value);
    });
});
