// Killed at any moment: every acknowledged write is there, no other is there by half, check passes.
// ATRIUM_CRASH_ROUNDS says how often (10), ATRIUM_SEED repeats a run.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeConnections } from '../door/http.mjs';
import { acknowledgedIn, Journal, writeUntil } from '../door/journal.mjs';
import { chooseSeed, makeRandom } from '../door/random.mjs';
import { openServer } from '../door/server.mjs';
import { pause, until } from '../door/wait.mjs';

const rounds = Number(process.env.ATRIUM_CRASH_ROUNDS ?? (process.env.ATRIUM_LONG ? 100 : 10));
const WRITERS = 4;
const ROUNDS_OF_ONE = 20; // then a fresh data directory, since each round proves all that is there

/** Some rounds on one data directory; gives how many writes were acknowledged. */
async function killAndProve(random, first, count) {
    const server = await openServer(['acme', 'borg', 'cyan']);
    const journals = Object.values(server.firms).map((firm) => new Journal(firm, random));
    try {
        for (let round = first; round < first + count; round++) {
            const place = `seed ${random.seed}, round ${round}`;
            const lifeMs = 20 + random.below(400);
            const writing = writeUntil(journals, WRITERS, () => !server.isRunning);
            await pause(lifeMs);
            // On a slow machine lives are longer: there is a write for each of them.
            await until(() => acknowledgedIn(journals) > round - first, 'a write');
            const how = await server.kill();
            assert.equal(how.signal, 'SIGKILL', `${place}: ended by itself\n${server.output}`);
            closeConnections();
            await writing;
            await server.start();
            for (const journal of journals) await journal.verify(place);
            const checked = await server.command(['check']);
            assert.equal(checked.status, 0, `${place}: ${checked.out}${checked.err}`);
        }
    } finally {
        await server.close();
    }
    return acknowledgedIn(journals);
}

test(`killed ${rounds} times under writes of three firms`, async (t) => {
    const random = makeRandom(chooseSeed());
    let acknowledged = 0;
    for (let first = 1; first <= rounds; first += ROUNDS_OF_ONE) {
        const count = Math.min(ROUNDS_OF_ONE, rounds - first + 1);
        acknowledged += await killAndProve(random, first, count);
    }
    t.diagnostic(`seed ${random.seed}: ${rounds} kills, ${acknowledged} acknowledged writes`);
    assert.ok(acknowledged >= rounds, 'hardly anything was written between the kills');
});
