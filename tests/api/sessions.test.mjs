// Who: tokens, sign-in, cookies, and what a request from a page must carry.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { expectProblem, expectStatus } from '../door/expect.mjs';
import { portalHost } from '../door/portal.mjs';
import { openServer, password } from '../door/server.mjs';

let server;
let firm;
before(async () => {
    server = await openServer(['acme', 'other']);
    firm = server.firms.acme;
});
after(() => server.close());

const owner = 'owner@firm.example';
/** A request with host and whatever else, but no token. */
function plain(method, path, body, headers = {}, host = firm.host) {
    return server.send({ method, path: `/api/v1/${path}`, body, headers: { host, ...headers } });
}
const signIn = (email = owner, word = password, host = firm.host) =>
    plain('POST', 'session', { email, password: word }, {}, host);

/** The cookie pair and its attributes. */
function cookieOf(answer) {
    const lines = answer.headers['set-cookie'] ?? [];
    assert.equal(lines.length, 1, `set-cookie: ${lines}`);
    const [pair, ...attributes] = lines[0].split(/;\s*/);
    return {
        pair,
        name: pair.split('=')[0],
        attributes: attributes.map((text) => text.toLowerCase()),
    };
}

describe('a token', () => {
    test('lets its user in', async () => {
        const answer = expectStatus(await firm.call('GET', 'me'), 200);
        assert.ok(answer.text.includes(owner));
    });

    test('is printed alone, on one line, with enough randomness', async () => {
        const made = await server.mustRun(['token', 'create', '--tenant', 'acme', '--user', owner]);
        assert.match(made.out, /^[A-Za-z0-9_.-]{40,}\n$/);
    });

    const wrong = {
        none: {},
        'an empty one': { authorization: 'Bearer ' },
        'an unknown one': { authorization: `Bearer ${'A'.repeat(43)}` },
        'another scheme': { authorization: 'Basic b3duZXI6cGFzcw==' },
        'a very long one': { authorization: `Bearer ${'A'.repeat(5000)}` },
    };
    for (const [name, headers] of Object.entries(wrong)) {
        test(`missing or wrong is 401: ${name}`, async () => {
            const answer = await plain('GET', 'clients', undefined, headers);
            expectProblem(answer, 401);
            assert.match(answer.headers['www-authenticate'] ?? '', /Bearer/);
        });
    }

    test('of one firm is nothing at another', async () => {
        const answer = await plain(
            'GET',
            'me',
            undefined,
            { authorization: `Bearer ${firm.token}` },
            server.firms.other.host,
        );
        expectProblem(answer, 401);
    });
});

describe('signing in', () => {
    test('gives a cookie that scripts of a page cannot read', async () => {
        const answer = expectStatus(await signIn(), 200, 201);
        const cookie = cookieOf(answer);
        assert.ok(cookie.attributes.includes('httponly'), cookie.attributes.join());
        assert.ok(cookie.attributes.includes('samesite=lax'), cookie.attributes.join());
        assert.ok(cookie.attributes.includes('path=/'), cookie.attributes.join());
        assert.ok(!cookie.attributes.some((text) => text.startsWith('domain')));
        const me = await plain('GET', 'me', undefined, { cookie: cookie.pair });
        expectStatus(me, 200);
        assert.ok(me.text.includes(owner));
        assert.match(me.body.csrf, /\S{16,}/);
    });

    test('with a wrong word, or as nobody, is the same 401', async () => {
        const one = expectProblem(await signIn(owner, 'wrong password'), 401);
        const two = expectProblem(await signIn('nobody@firm.example', password), 401);
        delete one.request_id;
        delete two.request_id;
        assert.deepEqual(one, two);
    });

    test('takes the e-mail address in any case', async () => {
        expectStatus(await signIn('Owner@Firm.Example'), 200, 201);
    });

    test('needs both parts, as text', async () => {
        for (const body of [{}, { email: owner }, { email: 1, password: [] }, [], 'x']) {
            const answer = await plain('POST', 'session', body);
            expectStatus(answer, 400, 401, 422);
        }
    });

    test('with a password of 100,000 letters is refused', async () => {
        expectStatus(await signIn(owner, 'x'.repeat(100_000)), 400, 401, 413, 422);
    });

    test('at another firm is not a session here', async () => {
        const { pair } = cookieOf(await signIn(owner, password, server.firms.other.host));
        expectProblem(await plain('GET', 'me', undefined, { cookie: pair }), 401);
    });

    test("at the staff's door is no session at the portal's", async () => {
        const { pair } = cookieOf(await signIn());
        expectStatus(await plain('GET', 'me', undefined, { cookie: pair }), 200);
        const there = { cookie: pair, host: portalHost(server.firms.acme) };
        expectProblem(await plain('GET', 'me', undefined, there), 401);
    });

    test('by a form of another page is refused', async () => {
        const body = `email=${owner}&password=${password}`;
        const answer = await plain('POST', 'session', body, {
            'content-type': 'application/x-www-form-urlencoded',
        });
        expectProblem(answer, 415);
    });
});

describe('a session', () => {
    const newClient = { name: 'By Page', kind: 'individual' };
    async function open() {
        const { pair } = cookieOf(await signIn());
        const me = expectStatus(await plain('GET', 'me', undefined, { cookie: pair }), 200);
        return { cookie: pair, csrf: me.body.csrf };
    }
    const origin = () => `http://${firm.host}`;

    test('may change things with its own origin and its CSRF token', async () => {
        const { cookie, csrf } = await open();
        const answer = await plain('POST', 'clients', newClient, {
            cookie,
            origin: origin(),
            'x-csrf-token': csrf,
        });
        expectStatus(answer, 201);
    });

    test('may not change things without either', async () => {
        const { cookie, csrf } = await open();
        const other = await open();
        const attempts = [
            { cookie },
            { cookie, origin: origin() },
            { cookie, 'x-csrf-token': csrf },
            { cookie, origin: 'http://evil.example', 'x-csrf-token': csrf },
            { cookie, origin: 'null', 'x-csrf-token': csrf },
            { cookie, origin: `http://${server.firms.other.host}`, 'x-csrf-token': csrf },
            { cookie, origin: `https://${firm.host}`, 'x-csrf-token': csrf },
            { cookie, origin: origin(), 'x-csrf-token': `${csrf}x` },
            { cookie, origin: origin(), 'x-csrf-token': other.csrf },
            { cookie, origin: origin(), 'x-csrf-token': '' },
        ];
        for (const headers of attempts) {
            const answer = await plain('POST', 'clients', newClient, headers);
            expectProblem(answer, 403);
        }
    });

    test('may read without either', async () => {
        const { cookie } = await open();
        expectStatus(await plain('GET', 'clients', undefined, { cookie }), 200);
    });

    test('ends with DELETE, for good', async () => {
        const { cookie, csrf } = await open();
        const headers = { cookie, origin: origin(), 'x-csrf-token': csrf };
        const answer = expectStatus(await plain('DELETE', 'session', undefined, headers), 204);
        assert.match((answer.headers['set-cookie'] ?? []).join(), /max-age=0|expires=/i);
        expectProblem(await plain('GET', 'me', undefined, { cookie }), 401);
    });

    test('outlives the server', async () => {
        const { cookie } = await open();
        await server.stop();
        await server.start();
        expectStatus(await plain('GET', 'me', undefined, { cookie }), 200);
    });
});

describe('hosts', () => {
    test('that nobody has get 404 and learn nothing', async () => {
        for (const host of [
            'nobody.localhost',
            'localhost',
            '127.0.0.1',
            'acme.evil.example',
            'acme',
        ]) {
            const answer = await plain(
                'GET',
                'clients',
                undefined,
                { authorization: `Bearer ${firm.token}` },
                host,
            );
            expectStatus(answer, 404);
            assert.ok(!answer.text.includes('acme'), answer.text);
        }
    });

    test('are found in any case, and with a port', async () => {
        const headers = { authorization: `Bearer ${firm.token}` };
        for (const host of ['ACME.localhost', 'acme.localhost', 'acme.localhost:1'])
            expectStatus(await plain('GET', 'me', undefined, headers, host), 200);
    });

    test('of any name get ok from /healthz', async () => {
        for (const host of ['whoever.example', firm.host]) {
            const answer = await server.send({
                method: 'GET',
                path: '/healthz',
                headers: { host },
            });
            expectStatus(answer, 200);
            assert.equal(answer.text.trim(), 'ok');
        }
    });
});

test('answers carry what keeps browsers careful', async () => {
    const answer = expectStatus(await firm.call('GET', 'me'), 200);
    assert.equal(answer.headers['x-content-type-options'], 'nosniff');
    assert.match(answer.headers['cache-control'] ?? '', /no-store|private|no-cache/);
});
