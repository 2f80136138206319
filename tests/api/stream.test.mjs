// The feed of changes as a stream of events: resume, live, and who may hear what for how long.
import assert from 'node:assert/strict';
import http2 from 'node:http2';
import { after, before, describe, test } from 'node:test';
import { openEvents, openEventsOn } from '../door/events.mjs';
import { expectProblem, expectStatus } from '../door/expect.mjs';
import { openServer, password } from '../door/server.mjs';
import { until } from '../door/wait.mjs';

let server;
let firm;
let other;
before(async () => {
    server = await openServer(['acme', 'other'], {
        words: [
            ...['--threads', '2', '--keep-alive-ms', '200'],
            ...['--event-streams', '300', '--stop-ms', '3600000'],
        ],
    });
    await server.mustRun(['tenant', 'quota', 'acme', '--set', 'streams=240']);
    firm = server.firms.acme;
    other = server.firms.other;
});
after(() => server.close());

const contact = (name) => ({ name, emails: [`${name.replaceAll(' ', '.')}@firm.example`] });

/** All entries of the paged feed behind a place. */
async function entries(of, from = 0) {
    const found = [];
    for (let after = from; ; ) {
        const answer = await of.call('GET', `changes?after=${after}&limit=200`);
        const { body } = expectStatus(answer, 200);
        if (body.data.length === 0) return found;
        found.push(...body.data);
        after = body.next;
    }
}

describe('a stream of events', () => {
    test('gives what came before, then what comes, as the paged feed tells it', async () => {
        for (let at = 0; at < 5; at++) await firm.create('contacts', contact(`Early ${at}`));
        const old = await entries(firm);
        const stream = await openEvents(firm, { query: '?after=0' });
        assert.match(stream.headers['content-type'], /^text\/event-stream/);
        await stream.count(old.length);
        const made = await firm.create('contacts', contact('Late One'));
        await firm.call('PATCH', `contacts/${made.id}`, { name: 'Later One' });
        await firm.call('DELETE', `contacts/${made.id}`);
        const all = await entries(firm);
        assert.ok(all.length >= old.length + 3);
        await stream.count(all.length);
        assert.deepEqual(
            stream.events.map((event) => event.data),
            all,
        );
        assert.ok(stream.events.every((event) => event.id === String(event.data.sequence)));
        stream.close();
    });

    test('begins with what comes when no place is named, and says where that is', async () => {
        const all = await entries(firm);
        const stream = await openEvents(firm);
        await stream.until(() => stream.lastId !== '', 'place');
        assert.equal(stream.lastId, String(all.at(-1).sequence));
        const made = await firm.create('contacts', contact('Fresh One'));
        await stream.count(1);
        assert.equal(stream.events[0].data.id, made.id);
        stream.close();
    });

    test('goes on behind the last event that was seen, whatever the address says', async () => {
        const all = await entries(firm);
        const seen = all.at(-4).sequence;
        const stream = await openEvents(firm, {
            query: '?after=0',
            headers: { 'last-event-id': String(seen) },
        });
        await stream.count(3);
        assert.deepEqual(
            stream.events.map((event) => event.data.sequence),
            all.slice(-3).map((entry) => entry.sequence),
        );
        stream.close();
    });

    test('refuses a place that is none', async () => {
        for (const headers of [{ 'last-event-id': 'x' }, { 'last-event-id': '-1' }]) {
            const stream = await openEvents(firm, { headers });
            expectProblem(stream.refusal, 400, 'Last-Event-ID');
        }
        expectProblem((await openEvents(firm, { query: '?after=no' })).refusal, 400, 'after');
        expectProblem((await openEvents(firm, { query: '?limit=5' })).refusal, 400, 'limit');
        const beyond = await openEvents(firm, { query: '?after=1000000' });
        expectProblem(beyond.refusal, 409, 'begin anew');
    });

    test('stays open while nothing comes, with signs of life', async () => {
        const stream = await openEvents(firm);
        await stream.until(() => stream.comments >= 2, 'two signs of life');
        assert.equal(stream.isEnded, false);
        assert.equal(stream.events.length, 0);
        stream.close();
    });

    test('is a page to whoever does not ask for events', async () => {
        for (const accept of ['*/*', 'application/json', 'text/event-stream;q=0.1, */*']) {
            const answer = await firm.call('GET', 'changes', undefined, { accept });
            assert.match(expectStatus(answer, 200).type, /^application\/json/);
        }
        const head = await firm.call('HEAD', 'changes', undefined, { accept: 'text/event-stream' });
        assert.match(expectStatus(head, 200).type, /^text\/event-stream/);
    });

    test('catches up over a log that is longer than a slice', async () => {
        const from = (await entries(firm)).at(-1).sequence;
        await Promise.all(
            Array.from({ length: 8 }, async (_, writer) => {
                for (let at = 0; at < 60; at++)
                    await firm.create('contacts', contact(`Many ${writer} ${at}`));
            }),
        );
        const all = await entries(firm, from);
        assert.ok(all.length >= 480);
        const streams = await Promise.all(
            Array.from({ length: 5 }, () => openEvents(firm, { query: `?after=${from}` })),
        );
        for (const stream of streams) {
            await stream.count(all.length);
            assert.deepEqual(
                stream.events.map((event) => event.data.sequence),
                all.map((entry) => entry.sequence),
            );
            stream.close();
        }
    });
});

describe('many streams', () => {
    test('all hear a change; over HTTP/1.1 and HTTP/2; other firms hear nothing', async () => {
        const sessions = Array.from({ length: 4 }, () =>
            http2.connect(`http://127.0.0.1:${server.port}`),
        );
        const opened = [];
        for (const session of sessions)
            for (let at = 0; at < 30; at++) opened.push(openEventsOn(session, firm));
        for (let at = 0; at < 100; at++) opened.push(openEvents(firm));
        const streams = await Promise.all(opened);
        const foreign = await openEvents(other);
        await foreign.until(() => foreign.lastId !== '', 'place');
        const made = await firm.create('contacts', contact('Heard By All'));
        for (const stream of streams) {
            await stream.count(1);
            assert.equal(stream.events[0].data.id, made.id);
        }
        await other.create('contacts', contact('Heard By One'));
        await foreign.count(1);
        assert.ok(!JSON.stringify(foreign.events).includes(made.id));
        assert.ok(streams.every((stream) => stream.events.length === 1));
        for (const stream of [...streams, foreign]) stream.close();
        for (const session of sessions) session.close();
    });

    test('are bounded for a firm and for the server', async () => {
        const open = async (of, number) =>
            Promise.all(Array.from({ length: number }, () => openEvents(of)));
        const first = await openEvents(firm);
        first.close();
        /* Those of the cases before may still be on their way out. */
        const streams = await until(async () => {
            const opened = await open(firm, 240);
            if (!opened.some((stream) => stream.refusal)) return opened;
            for (const stream of opened) stream.close();
            return undefined;
        }, 'the streams before have ended');
        const { refusal } = await openEvents(firm);
        const problem = expectProblem(refusal, 429, '240 of at most 240 open streams');
        assert.deepEqual(problem.quota, { name: 'streams', bound: 240, use: 240 });
        assert.ok(Number(refusal.headers['retry-after']) >= 1);
        const rest = await open(other, 60);
        assert.ok(rest.every((stream) => stream.status === 200));
        const full = (await openEvents(other)).refusal;
        expectProblem(full, 503);
        assert.ok(Number(full.headers['retry-after']) >= 1);
        /* All else goes on. */
        expectStatus(await firm.call('GET', 'me'), 200);
        for (const stream of [...streams, ...rest]) stream.close();
        await until(async () => {
            const again = await openEvents(firm);
            again.close();
            return again.status === 200;
        }, 'a closed stream leaves its place to another');
    });
});

test('what its maker alone sees is told to nobody else, though all have one role', async () => {
    const email = 'colleague@firm.example';
    await firm.create('users', { name: 'Colleague', email, role: 'owner' });
    const made = await server.mustRun(['token', 'create', '--tenant', 'acme', '--user', email]);
    const colleague = Object.assign(Object.create(firm), { token: made.out.trim() });
    const open = (reader) => Promise.all(Array.from({ length: 6 }, () => openEvents(reader)));
    const streams = { own: await open(firm), others: await open(colleague) };
    const view = await firm.create('views', { name: 'Secret List', entity: 'client' });
    const theirs = await colleague.create('views', { name: 'Other List', entity: 'client' });
    const last = await firm.create('contacts', contact('Behind Both'));
    for (const [whose, seen, hidden] of [
        ['own', view, theirs],
        ['others', theirs, view],
    ])
        for (const stream of streams[whose]) {
            await stream.until(({ lastId }) => Number(lastId) > 0, 'place');
            await stream.until(
                ({ events }) => events.some((event) => event.data.id === last.id),
                'the last change',
            );
            const ids = stream.events.map((event) => event.data.id);
            assert.ok(!ids.includes(hidden.id), `${whose}: a list of somebody else`);
            assert.ok(ids.includes(seen.id), `${whose}: the own list`);
            stream.close();
        }
});

describe('a stream ends', () => {
    test('when its user is disabled', async () => {
        const email = 'gone@firm.example';
        const user = await firm.create('users', { name: 'Gone', email, role: 'owner' });
        const made = await server.mustRun(['token', 'create', '--tenant', 'acme', '--user', email]);
        const guest = Object.assign(Object.create(firm), { token: made.out.trim() });
        const stream = await openEvents(guest);
        await firm.create('contacts', contact('While There'));
        await stream.count(1);
        expectStatus(await firm.call('PATCH', `users/${user.id}`, { disabled: true }), 200);
        await stream.ended();
        const told = JSON.stringify(stream.events);
        await firm.create('contacts', contact('Behind Closed Doors'));
        assert.ok(!told.includes('disabled'), 'heard of its own end');
        expectProblem((await openEvents(guest)).refusal, 401);
    });

    test('with its session', async () => {
        const answer = await server.send({
            method: 'POST',
            path: '/api/v1/session',
            body: { email: firm.owner, password },
            headers: { host: firm.host },
        });
        const cookie = expectStatus(answer, 201).headers['set-cookie'][0].split(';')[0];
        const page = Object.assign(Object.create(firm), { token: '' });
        const stream = await openEvents(page, { headers: { cookie } });
        assert.equal(stream.status, 200);
        await firm.create('contacts', contact('Seen By Page'));
        await stream.count(1);
        const end = await server.send({
            method: 'DELETE',
            path: '/api/v1/session',
            headers: {
                cookie,
                host: firm.host,
                origin: `http://${firm.host}`,
                'x-csrf-token': answer.body.csrf,
            },
        });
        expectStatus(end, 204);
        await stream.ended();
    });

    test('with the server, at once', async () => {
        const stream = await openEvents(firm);
        const session = http2.connect(`http://127.0.0.1:${server.port}`);
        const framed = await openEventsOn(session, firm);
        // It may wait for an hour: whoever waits for streams is killed before.
        assert.equal((await server.stop()).status, 0);
        await stream.ended();
        await framed.ended();
        session.destroy();
    });
});
