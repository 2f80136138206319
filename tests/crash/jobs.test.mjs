// A job that is killed again and again does each of its operations once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeConnections } from '../door/http.mjs';
import { jobEnded, resultsOf } from '../door/jobs.mjs';
import { chooseSeed, makeRandom } from '../door/random.mjs';
import { openServer } from '../door/server.mjs';
import { pause } from '../door/wait.mjs';

const kills = Number(process.env.ATRIUM_CRASH_ROUNDS ?? (process.env.ATRIUM_LONG ? 50 : 4));
const OPERATIONS = 4_000;

test(`killed ${kills} times in the middle of a bulk of ${OPERATIONS}`, async (t) => {
    const random = makeRandom(chooseSeed());
    const server = await openServer(['acme']);
    const firm = server.firms.acme;
    const place = `seed ${random.seed}`;
    try {
        const operations = Array.from({ length: OPERATIONS }, (_, at) => ({
            create: { name: `Once ${at}` },
        }));
        const begun = await firm.call('POST', 'contacts/bulk', { atomic: false, operations });
        let inTheMiddle = 0;
        for (let kill = 0; kill < kills; kill++) {
            await pause(random.below(40));
            await server.kill();
            closeConnections();
            await server.start();
            const { body } = await firm.call('GET', `jobs/${begun.body.id}`);
            if (body.done > 0 && body.state === 'running') inTheMiddle++;
        }
        const job = await jobEnded(firm, begun);
        assert.equal(job.state, 'done', `${place}: ${JSON.stringify(job)}`);
        assert.deepEqual(job.result, { created: OPERATIONS, updated: 0, deleted: 0, failed: 0 });
        const results = await resultsOf(firm, job);
        assert.deepEqual(
            results.map((result) => result.index),
            operations.map((_, at) => at),
            place,
        );
        const count = await firm.call('GET', 'contacts?limit=1&count=true');
        assert.equal(count.body.count.value, OPERATIONS, place);
        assert.equal(new Set(results.map((result) => result.id)).size, OPERATIONS, place);
        const checked = await server.command(['check']);
        assert.equal(checked.status, 0, `${place}: ${checked.out}${checked.err}`);
        t.diagnostic(`${place}: ${inTheMiddle} of ${kills} kills met it in the middle`);
    } finally {
        await server.close();
    }
});

test('a scan for duplicates that is killed writes no pair twice', async () => {
    const random = makeRandom(chooseSeed());
    const server = await openServer(['acme']);
    const firm = server.firms.acme;
    const place = `seed ${random.seed}`;
    try {
        const operations = Array.from({ length: 400 }, (_, at) => ({
            create: { name: `Twin ${String.fromCharCode(97 + (at >> 1) % 26, 97 + (at >> 6))}x` },
        }));
        const made = await firm.call('POST', 'contacts/bulk', operations);
        assert.equal(made.status, 200, made.text);
        const begun = await firm.call('POST', 'contacts/duplicates');
        for (let kill = 0; kill < 2; kill++) {
            await pause(random.below(60));
            await server.kill();
            closeConnections();
            await server.start();
        }
        const job = await jobEnded(firm, begun);
        assert.equal(job.state, 'done', `${place}: ${JSON.stringify(job)}`);
        const pairs = await firm.all('contact_duplicates');
        const named = pairs.map((pair) => [pair.first, pair.second].sort().join());
        assert.equal(new Set(named).size, pairs.length, place);
        assert.equal(pairs.length, job.result.pairs, place);
        assert.ok(pairs.length >= 200, `${place}: ${pairs.length}`);
    } finally {
        await server.close();
    }
});
