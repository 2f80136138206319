// Killed while requests that name themselves are under way: sent again, each was done once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeConnections } from '../door/http.mjs';
import { chooseSeed, makeRandom } from '../door/random.mjs';
import { openServer } from '../door/server.mjs';
import { pause } from '../door/wait.mjs';

const rounds = Number(process.env.ATRIUM_CRASH_ROUNDS ?? (process.env.ATRIUM_LONG ? 50 : 5));
const WRITERS = 8;

test(`killed ${rounds} times between requests and their answers`, async (t) => {
    const random = makeRandom(chooseSeed());
    const server = await openServer(['acme']);
    const firm = server.firms.acme;
    const place = `seed ${random.seed}`;
    const sent = new Map(); // key → the answer's text, or null when none came
    const send = async (key) => {
        const headers = { 'idempotency-key': key };
        const answer = await firm.call('POST', 'contacts', { name: key }, headers);
        assert.equal(answer.status, 201, `${place}: ${answer.text}`);
        return answer;
    };
    const write = async (round, writer) => {
        for (let number = 0; server.isRunning; number++) {
            const key = `key ${round} ${writer} ${number}`;
            sent.set(key, null);
            const answer = await send(key).catch((error) => {
                if (error.code === 'ERR_ASSERTION' && !/ 503 /.test(error.message)) throw error;
                return null;
            });
            sent.set(key, answer?.text ?? null);
        }
    };
    try {
        for (let round = 0; round < rounds; round++) {
            const writing = Promise.all(
                Array.from({ length: WRITERS }, (_, writer) => write(round, writer)),
            );
            await pause(20 + random.below(100));
            await server.kill();
            closeConnections();
            await writing;
            await server.start();
            for (const [key, text] of sent) {
                if (!key.startsWith(`key ${round} `)) continue;
                const answer = await send(key);
                if (text === null) continue;
                assert.equal(answer.text, text, `${place}: ${key}`);
                assert.equal(answer.headers['idempotency-replayed'], 'true', `${place}: ${key}`);
            }
        }
        const records = await firm.all('contacts');
        assert.deepEqual(
            records.map((record) => record.name).sort(),
            [...sent.keys()].sort(),
            place,
        );
        const unanswered = [...sent.values()].filter((text) => text === null).length;
        t.diagnostic(`${place}: ${sent.size} keys, ${unanswered} without an answer at the kill`);
        const checked = await server.command(['check']);
        assert.equal(checked.status, 0, `${place}: ${checked.out}${checked.err}`);
    } finally {
        await server.close();
    }
});
