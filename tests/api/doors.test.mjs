// The ways in: the portal's door, a proxy before the server, the rate of one address, many sign-
// ins.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { expectProblem, expectStatus } from '../door/expect.mjs';
import { openServer, password } from '../door/server.mjs';
import { until } from '../door/wait.mjs';

const RATE = 20;

/** Asks faster than the rate, until something is refused; gives what is refused. */
function askTooMuch(ask) {
    return until(async () => {
        const begun = performance.now();
        const answers = await Promise.all(Array.from({ length: 100 }, (_, at) => ask(at)));
        const refused = answers.filter((answer) => answer.status === 429);
        const seconds = (performance.now() - begun) / 1000;
        const most = Math.ceil(RATE * (1 + seconds));
        assert.ok(answers.length - refused.length <= most, `${refused.length} were refused`);
        return refused.length > 0 && refused;
    }, 'it is refused');
}

describe('the door of the portal', () => {
    let server;
    let firm;
    before(async () => {
        server = await openServer(['acme']);
        firm = server.firms.acme;
    });
    after(() => server.close());

    test('is not open to a token of the staff', async () => {
        const host = `acme-portal.localhost:${server.port}`;
        for (const path of ['me', 'clients', 'schema', 'changes']) {
            const answer = await firm.call('GET', path, undefined, { host });
            expectStatus(answer, 401, 403, 404);
        }
        const entry = await server.send({
            method: 'POST',
            path: '/api/v1/session',
            headers: { host },
            body: { email: firm.owner, password },
        });
        expectStatus(entry, 401, 403, 404);
    });

    test('many sign-ins at once are bounded, and reads go on', async () => {
        const statuses = [];
        const isReadFirst = async () => {
            let openCount = 100;
            const tries = Array.from({ length: openCount }, () =>
                server
                    .send({
                        method: 'POST',
                        path: '/api/v1/session',
                        headers: { host: firm.host },
                        body: { email: firm.owner, password },
                    })
                    .finally(() => openCount--),
            );
            expectStatus(await firm.call('GET', 'clients'), 200);
            const isFirst = openCount > 0;
            statuses.push(...(await Promise.all(tries)).map((answer) => answer.status));
            return isFirst;
        };
        // To a machine that stood still all answers come at once: then they are asked once more.
        await until(isReadFirst, 'a read that waits for no sign-in');
        assert.ok(statuses.includes(201), `${statuses}`);
        assert.ok(
            statuses.every((status) => [201, 429, 503].includes(status)),
            `${statuses}`,
        );
    });

    test('many wrong passwords are slowed down, for that account alone', async () => {
        const wrong = (email) =>
            server.send({
                method: 'POST',
                path: '/api/v1/session',
                headers: { host: firm.host },
                body: { email, password: 'guess number one' },
            });
        let limited;
        for (let tries = 0; tries < 100 && limited === undefined; tries++) {
            const answer = expectStatus(await wrong('victim@firm.example'), 401, 429);
            if (answer.status === 429) limited = answer;
        }
        assert.ok(limited, 'a hundred guesses were let through');
        expectProblem(limited, 429);
        assert.match(limited.headers['retry-after'], /^\d+$/);
        expectStatus(await firm.call('GET', 'me'), 200);
    });
});

describe('behind a proxy', () => {
    let server;
    let firm;
    before(async () => {
        server = await openServer(['acme'], { words: ['--behind-proxy', '127.0.0.1'] });
        firm = server.firms.acme;
    });
    after(() => server.close());

    test("the cookie is bound to this host and to TLS, and the origin is the proxy's", async () => {
        const forwarded = { 'x-forwarded-proto': 'https', 'x-forwarded-for': '192.0.2.7' };
        const answer = await server.send({
            method: 'POST',
            path: '/api/v1/session',
            headers: { host: 'acme.localhost', ...forwarded },
            body: { email: firm.owner, password },
        });
        expectStatus(answer, 201);
        const [line] = answer.headers['set-cookie'];
        assert.match(line, /^__Host-/);
        assert.match(line, /;\s*Secure/i);
        const headers = {
            ...forwarded,
            cookie: line.split(';')[0],
            host: 'acme.localhost',
            'x-csrf-token': answer.body.csrf,
        };
        const create = (origin) =>
            server.send({
                method: 'POST',
                path: '/api/v1/clients',
                body: { name: 'P', kind: 'individual' },
                headers: { ...headers, origin },
            });
        expectStatus(await create('https://acme.localhost'), 201);
        expectProblem(await create('http://acme.localhost'), 403);
    });

    test('the rate is one for each address behind it', async () => {
        await server.stop();
        await server.start({ words: ['--rate', `${RATE}`] });
        const ask = (address) =>
            server.send({
                method: 'GET',
                path: '/healthz',
                headers: { host: 'acme.localhost', 'x-forwarded-for': address },
            });
        const [refused] = await askTooMuch(() => ask('192.0.2.7'));
        assert.match(refused.headers['retry-after'], /^\d+$/);
        expectStatus(await ask('192.0.2.8'), 200);
    });
});

test('without a proxy what a client says of itself is not believed', async () => {
    const server = await openServer(['acme'], { words: ['--rate', `${RATE}`] });
    try {
        const ask = (at) =>
            server.send({
                method: 'GET',
                path: '/healthz',
                headers: { host: 'acme.localhost', 'x-forwarded-for': `192.0.2.${at}` },
            });
        await askTooMuch(ask);
    } finally {
        await server.close();
    }
});
