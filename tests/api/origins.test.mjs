// What a page of somebody else can make a browser send: for every call that changes something, as
// the server's own document lists them.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { expectStatus } from '../door/expect.mjs';
import { openServer, password } from '../door/server.mjs';
import { Visitor } from '../door/visitor.mjs';

const AT_ONCE = 8;

let server;
let firm;
let visitor;
let calls;
before(async () => {
    server = await openServer(['acme', 'other']);
    firm = server.firms.acme;
    visitor = await Visitor.signIn(firm, firm.owner, password);
    const document = expectStatus(await firm.call('GET', 'openapi.json'), 200).body;
    const id = '01a201c1-e3eb-7000-9d70-d235390982bc';
    calls = Object.entries(document.paths).flatMap(([where, methods]) =>
        Object.entries(methods)
            .filter(([method]) => ['post', 'patch', 'put', 'delete'].includes(method))
            .map(([method, call]) => ({
                method: method.toUpperCase(),
                path: where.replace(/\{part\}/g, '1').replace(/\{[a-z_]+\}/g, id),
                isOpen: (call.security ?? []).some((one) => Object.keys(one).length === 0),
                hasBody: call.requestBody !== undefined,
            })),
    );
});
after(() => server.close());

const send = ({ method, path }, headers, body = '{}') =>
    server.send({ method, path, body, headers: { host: firm.host, ...headers } });

/** Calls of whoever is not signed in; the second test asks them. */
const forNobody = /\/(session|session\/link|session\/view|password\/\w+|invitations\/accept)$/;

test('no call that changes anything takes a cookie from another origin', async () => {
    assert.ok(calls.length > 60, `${calls.length} calls`);
    const own = `http://${firm.host}`;
    const { cookie, csrf } = visitor;
    const wrong = [
        { cookie, 'x-csrf-token': csrf },
        { cookie, 'x-csrf-token': csrf, origin: 'null' },
        { cookie, 'x-csrf-token': csrf, origin: `http://${server.firms.other.host}` },
        { cookie, 'x-csrf-token': csrf, origin: own, 'sec-fetch-site': 'same-site' },
        { cookie, 'x-csrf-token': csrf, origin: own, 'sec-fetch-site': 'cross-site' },
        { cookie, origin: own },
    ];
    // Each call is asked two of the six ways, by turns.
    const tryCall = async (call, at) => {
        if (forNobody.test(call.path)) return;
        for (const headers of [wrong[at % 6], wrong[(at + 3) % 6]]) {
            const answer = await send(call, headers);
            assert.equal(answer.status, 403, `${call.method} ${call.path}: ${answer.text}`);
        }
    };
    for (let at = 0; at < calls.length; at += AT_ONCE)
        await Promise.all(calls.slice(at, at + AT_ONCE).map((call, of) => tryCall(call, at + of)));
    expectStatus(await visitor.call('GET', 'me'), 200);
});

test('nobody is signed in, or sets a password, from a page of somebody else', async () => {
    const others = ['session/link', 'password/reset', 'password/set', 'invitations/accept'];
    for (const path of ['session', ...others]) {
        const call = { method: 'POST', path: `/api/v1/${path}` };
        const body = JSON.stringify({ email: firm.owner, password, token: 'x' });
        for (const headers of [
            { origin: 'http://evil.example' },
            { origin: 'null' },
            { origin: `http://${server.firms.other.host}` },
            { 'sec-fetch-site': 'cross-site' },
            { 'sec-fetch-site': 'same-site' },
        ])
            expectStatus(await send(call, headers, body), 403);
    }
});

test('no form of a page is taken: not as text, not in parts, not encoded', async () => {
    const types = [
        'text/plain',
        'multipart/form-data; boundary=x',
        'application/x-www-form-urlencoded',
    ];
    const { cookie, csrf } = visitor;
    const own = { cookie, 'x-csrf-token': csrf, origin: `http://${firm.host}` };
    for (const call of calls.filter(({ hasBody, path }) => hasBody && !/uploads|import/.test(path)))
        for (const type of types) {
            const answer = await send(call, { ...own, 'content-type': type }, '{"a":"b"}');
            assert.ok(
                [403, 404, 409, 415].includes(answer.status),
                `${call.method} ${call.path} ${type}: ${answer.status} ${answer.text}`,
            );
        }
});
