// What is answered is on the disk: syncs are counted, and what was not synced is dropped at the
// crash.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { expectProblem, expectStatus } from '../door/expect.mjs';
import { closeConnections } from '../door/http.mjs';
import { acknowledgedIn, Journal, writeUntil } from '../door/journal.mjs';
import { Preload } from '../door/preload.mjs';
import { chooseSeed, makeRandom } from '../door/random.mjs';
import { isSanitized } from '../door/program.mjs';
import { openServer } from '../door/server.mjs';
import { pause, until } from '../door/wait.mjs';

const rounds = Number(process.env.ATRIUM_CRASH_ROUNDS ?? (process.env.ATRIUM_LONG ? 100 : 5));
const ROUNDS_OF_ONE = 20; // then a fresh data directory, since each round proves all that is there

const skip = isSanitized ? 'a sanitized program takes no preloaded library' : false;

let preload;
before(() => {
    if (!skip) preload = new Preload();
});
after(() => preload?.close());

describe('syncs', { skip }, () => {
    let server;
    let firm;
    before(async () => {
        server = await openServer(['acme'], { isIdle: true });
        firm = server.firms.acme;
        await server.start({ environment: preload.environment() });
    });
    after(() => server.close());

    test('come between each write and its answer', async () => {
        const synced = async (run) => {
            const old = preload.counts();
            const answer = await run();
            const now = preload.counts();
            assert.ok(now.syncs > old.syncs, `${answer.status} without a sync`);
            assert.ok(
                now.durableWrites > old.durableWrites,
                `${answer.status} without its root page`,
            );
            return answer;
        };
        const made = await synced(() =>
            firm.call('POST', 'clients', { name: 'S', kind: 'individual' }),
        );
        expectStatus(made, 201);
        const where = `clients/${made.body.id}`;
        expectStatus(await synced(() => firm.call('PATCH', where, { name: 'T' })), 200);
        expectStatus(await synced(() => firm.call('DELETE', where)), 204);
    });

    test('of many writes at once are shared', async (t) => {
        const syncsOfMany = async () => {
            const old = preload.counts();
            const answers = await Promise.all(
                Array.from({ length: 64 }, (_, at) =>
                    firm.call('POST', 'clients', { name: `Shared ${at}`, kind: 'individual' }),
                ),
            );
            for (const answer of answers) expectStatus(answer, 201);
            const syncs = preload.counts().syncs - old.syncs;
            t.diagnostic(`64 creates at once took ${syncs} syncs`);
            assert.ok(syncs >= 1, 'no sync at all');
            return syncs;
        };
        // Where this process is held up, they do not come at once: then they come once more.
        await until(async () => (await syncsOfMany()) <= 48, 'syncs are shared');
    });

    test('are not made for reads and refusals', async () => {
        const syncsOfReads = async () => {
            const old = preload.counts();
            expectStatus(await firm.call('GET', 'clients'), 200);
            expectStatus(await firm.call('POST', 'clients', { colour: 1 }), 422);
            expectStatus(
                await firm.call('DELETE', 'clients/01890000-0000-7000-8000-000000000000'),
                404,
            );
            return preload.counts().syncs - old.syncs;
        };
        // One that falls among them may be of what the server notes by itself, once a minute.
        await until(async () => (await syncsOfReads()) === 0, 'reads without a sync');
    });
});

/** Some cuts on one data directory; gives how many writes were acknowledged. */
async function cutAndProve(random, first, count) {
    const server = await openServer(['acme', 'borg'], { isIdle: true });
    const shadow = path.join(server.folder, 'shadow');
    await fs.mkdir(shadow);
    const journals = Object.values(server.firms).map((firm) => new Journal(firm, random));
    const data = path.join(server.directory, 'data.mdb');
    try {
        for (let round = first; round < first + count; round++) {
            const place = `seed ${random.seed}, round ${round}`;
            await server.start({ environment: preload.environment({ shadow }) });
            const lifeMs = 50 + random.below(300);
            const writing = writeUntil(journals, 4, () => !server.isRunning);
            await pause(lifeMs);
            // On a slow machine lives are longer: there is a write for each of them.
            await until(() => acknowledgedIn(journals) > round - first, 'a write');
            await server.kill();
            closeConnections();
            await writing;
            // The power is back: the disk holds what was synced, not what the system had in memory.
            await fs.copyFile(path.join(shadow, 'data.mdb'), data);
            await fs.rm(path.join(server.directory, 'lock.mdb'), { force: true });
            await server.start();
            for (const journal of journals) await journal.verify(place);
            await server.stop();
            const checked = await server.command(['check']);
            assert.equal(checked.status, 0, `${place}: ${checked.out}${checked.err}`);
        }
    } finally {
        await server.close();
    }
    return acknowledgedIn(journals);
}

const cuts = `${rounds} power cuts: nothing acknowledged is lost with what was not synced`;
test(cuts, { skip }, async (t) => {
    const random = makeRandom(chooseSeed());
    let acknowledged = 0;
    for (let first = 1; first <= rounds; first += ROUNDS_OF_ONE) {
        const count = Math.min(ROUNDS_OF_ONE, rounds - first + 1);
        acknowledged += await cutAndProve(random, first, count);
    }
    t.diagnostic(`seed ${random.seed}: ${rounds} cuts, ${acknowledged} acknowledged writes`);
    assert.ok(acknowledged >= rounds);
});

for (const kind of ['pwrite', 'fdatasync']) {
    test(
        `a full disk at ${kind}: a clear error, reads go on, later writes too`,
        { skip },
        async () => {
            const server = await openServer(['acme'], { isIdle: true });
            const firm = server.firms.acme;
            try {
                await server.start({
                    environment: preload.environment({ fault: `${kind}:0:ENOSPC` }),
                });
                const kept = await firm.create('clients', { name: 'Kept', kind: 'individual' });
                preload.turn(true);
                const write = () =>
                    firm.call('POST', 'clients', { name: 'No Room', kind: 'individual' });
                for (let at = 0; at < 3; at++) {
                    const answer = await write();
                    expectProblem(answer, 503);
                    assert.match(answer.headers['retry-after'] ?? '', /^\d+$/);
                    expectStatus(await firm.call('GET', `clients/${kept.id}`), 200);
                    assert.equal((await firm.all('clients')).length, 1);
                }
                assert.ok(preload.counts().faults > 0, 'no fault was made');
                preload.turn(false);
                const answer = await until(async () => {
                    const now = await write();
                    return now.status !== 503 && now;
                }, 'a write');
                expectStatus(answer, 201);
                assert.deepEqual((await firm.all('clients')).map((client) => client.name).sort(), [
                    'Kept',
                    'No Room',
                ]);
            } finally {
                await server.close();
            }
        },
    );
}
