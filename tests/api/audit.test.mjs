// The audit log: what it tells, to whom, and that changes of records are told without it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { expectProblem, expectStatus } from '../door/expect.mjs';
import { openServer, password } from '../door/server.mjs';
import { until } from '../door/wait.mjs';

let server;
let firm;
let eve;

/** A user with a token. */
async function hire(name) {
    const email = `${name}@firm.example`;
    const user = await firm.create('users', { name, email, role: 'owner' });
    const made = await server.mustRun(['token', 'create', '--tenant', 'acme', '--user', email]);
    const headers = { authorization: `Bearer ${made.out.trim()}` };
    return {
        user,
        call: (method, path, body) => firm.call(method, path, body, headers),
    };
}

/** A page of another origin sends with this firm's cookie: refused, whoever is signed in. */
async function lure() {
    const signedIn = await server.send({
        method: 'POST',
        path: '/api/v1/session',
        headers: { host: firm.host },
        body: { email: firm.owner, password },
    });
    const cookie = expectStatus(signedIn, 200, 201).headers['set-cookie'][0].split(';')[0];
    return (path = '/api/v1/clients') =>
        server.send({
            method: 'POST',
            path,
            headers: { host: firm.host, cookie, origin: 'https://evil.example' },
            body: { name: 'Secret Ltd' },
        });
}

before(async () => {
    server = await openServer(['acme', 'other']);
    firm = server.firms.acme;
    eve = await hire('eve');
});
after(() => server.close());

const events = async (query = '') => {
    const answer = await firm.call('GET', `audit?${query}`);
    return expectStatus(answer, 200).body.data;
};

/** What is noted without waiting is there soon. */
function eventually(query, wanted) {
    return until(async () => {
        const found = await events(query);
        return found.some(wanted) && found;
    }, `an event of ${query}`);
}

describe('the audit log tells', () => {
    test('of a refusal: who, what, whence, because of which request', async () => {
        const send = await lure();
        const refused = expectProblem(await send(), 403);
        const { id } = (await firm.all('users', `email=${firm.owner}`))[0];
        const by = `kind=refused&actor=${id}`;
        const [event] = await eventually(by, () => true);
        assert.equal(event.actor_kind, 'user');
        assert.equal(event.words, '/api/v1/{collection}');
        assert.equal(event.entity, 'client');
        assert.equal(event.address, '127.0.0.1');
        assert.equal(event.cause, refused.request_id);
        assert.equal(event.count, 1);
        // The same again within a minute is counted, not written, whatever is asked for.
        for (let at = 0; at < 20; at++)
            expectProblem(await send(at % 2 ? '/api/v1/contacts' : '/api/v1/clients'), 403);
        assert.equal((await events(by)).length, 1);
    });

    test('nothing of what is not there, nor of who is not signed in', async () => {
        const missing = '00000000-0000-7000-8000-000000000000';
        const before = (await events('kind=refused')).length;
        expectProblem(await eve.call('GET', `clients/${missing}`), 404);
        const headers = { authorization: 'Bearer atr_nothing' };
        expectProblem(await firm.call('GET', 'audit', undefined, headers), 401);
        await eve.call('GET', 'clients/export');
        await eventually('kind=exported', (event) => event.actor === eve.user.id);
        assert.equal((await events('kind=refused')).length, before);
    });

    test('which kinds of events there are to who asks for another', async () => {
        const problem = expectProblem(await firm.call('GET', 'audit?kind=nothing'), 400);
        assert.match(problem.detail, /^kind: is one of sign_in, .*, quota_reached/);
    });

    test('of an export', async () => {
        const answer = await firm.call('GET', 'clients/export?format=csv&name=Secret%20Ltd');
        expectStatus(answer, 200);
        const cause = answer.headers['x-request-id'];
        const found = await eventually('kind=exported', (event) => event.cause === cause);
        assert.equal(found[0].words, 'csv');
        assert.equal(found[0].entity, 'client');
    });

    test('of changes of who may what, but not of what somebody is called', async () => {
        const { user } = await hire('pat');
        const path = `users/${user.id}`;
        expectStatus(await firm.call('PATCH', path, { name: 'Patricia' }), 200);
        expectStatus(await firm.call('PATCH', path, { email: 'p@firm.example' }), 200);
        expectStatus(await firm.call('PATCH', path, { disabled: true }), 200);
        const told = (await events('kind=rights_changed')).filter(({ id }) => id === user.id);
        const words = told.map((event) => event.words);
        assert.equal(words.length, 3, words.join('; '));
        assert.equal(words[0], 'update: disabled');
        assert.equal(words[1], 'update: email');
        assert.match(words[2], /^create: .*email.*role/);
        assert.ok(told.every((event) => event.entity === 'user'));
        // Every road tells of it: a bulk edit, an undo, a deletion.
        const bulk = await firm.call('POST', 'users/bulk', {
            operations: [{ patch: { id: user.id, disabled: false } }],
        });
        const group = expectStatus(bulk, 200).headers['atrium-group'];
        expectStatus(await firm.call('POST', `groups/${group}/undo`), 200);
        expectStatus(await firm.call('DELETE', path), 204);
        const more = (await events('kind=rights_changed')).filter(({ id }) => id === user.id);
        assert.deepEqual(
            more.slice(0, 3).map((event) => event.words.split(':')[0]),
            ['delete', 'update', 'update'],
        );
    });

    test('of a token that the operator made', async () => {
        const made = await events('kind=token_made');
        const [event] = made.filter(({ id }) => id === eve.user.id);
        assert.equal(event.actor_kind, 'operator');
        assert.equal(event.actor, null);
    });
});

describe('the list', () => {
    test('goes on where a page ended, newest first', async () => {
        const all = await events('limit=200');
        const sequences = all.map((event) => event.sequence);
        assert.deepEqual(
            sequences,
            sequences.toSorted((a, b) => b - a),
        );
        const walked = [];
        for (let next = ''; next !== null; ) {
            const page = await firm.call('GET', `audit?limit=2${next && `&after=${next}`}`);
            walked.push(...expectStatus(page, 200).body.data);
            next = page.body.next;
            assert.ok(walked.length <= all.length + 10);
        }
        assert.deepEqual(walked.slice(-all.length), all);
    });

    test('says what it does not know', async () => {
        const wrong = { kind: 'nonsense', actor: 'me', after: 'x', limit: '0', other: '1' };
        for (const [name, value] of Object.entries(wrong)) {
            expectProblem(await firm.call('GET', `audit?${name}=${value}`), 400, name);
        }
    });

    test('is of one firm alone', async () => {
        const answer = await server.firms.other.call('GET', 'audit?limit=200');
        const found = expectStatus(answer, 200).body.data;
        assert.ok(found.every((event) => event.kind === 'token_made'));
        assert.equal(found.length, 1);
    });
});

describe('changes of records are told without it', () => {
    test('in the feed, in history, in groups, in an undo', async () => {
        const before = (await firm.call('GET', 'changes?limit=200')).body.next;
        const client = await firm.create('clients', { name: 'Ann Lee', kind: 'individual' });
        const guest = await hire('guest');
        await guest.call('GET', 'clients/export');
        await eventually('kind=exported', (event) => event.actor_name === 'guest');
        const patched = await firm.call('PATCH', `clients/${client.id}`, { name: 'Ann Leigh' });
        const group = expectStatus(patched, 200).headers['atrium-group'];
        const feed = await firm.call('GET', `changes?after=${before}&limit=200`);
        const entities = new Set(expectStatus(feed, 200).body.data.map(({ entity }) => entity));
        assert.ok(entities.has('client') && entities.has('user'));
        assert.ok(!entities.has(undefined) && !entities.has(null));
        assert.equal(feed.body.end, true);
        assert.ok(feed.body.next > feed.body.data.length + before, 'events stand between');
        const history = await firm.call('GET', `clients/${client.id}/history`);
        assert.equal(expectStatus(history, 200).body.data.length, 2);
        expectStatus(await firm.call('GET', `groups/${group}`), 200);
        expectStatus(await firm.call('POST', `groups/${group}/undo`), 200);
        assert.equal((await firm.get('clients', client.id)).name, 'Ann Lee');
    });
});
