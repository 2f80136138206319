// An import that is killed again and again goes on where it was, and each row is done once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expectStatus } from '../door/expect.mjs';
import { closeConnections } from '../door/http.mjs';
import { isOver, jobEnded } from '../door/jobs.mjs';
import { chooseSeed, makeRandom } from '../door/random.mjs';
import { openServer } from '../door/server.mjs';
import { pause } from '../door/wait.mjs';

const ROWS = 1500; // twice as many, where a quick server is done before it is killed again
const BAD_EVERY = 97;
const KILLS = 3;

/** Imports so many rows, and takes them back; gives how often the server was killed meanwhile. */
async function importAndKill(firm, random, count) {
    const { server } = firm;
    const rows = Array.from({ length: count }, (_, at) =>
        at % BAD_EVERY === 0
            ? `Bad ${at},no address,B-${at}`
            : `Good ${at},g${at}@good.example,G-${at}`,
    );
    const bad = Math.ceil(count / BAD_EVERY);
    const text = `Name,Email,Customer No\n${rows.join('\n')}\n`;
    const begun = await firm.call('POST', 'clients/import', { text, mode: 'create' });
    const { id, group } = expectStatus(begun, 202).body;
    const look = async () => expectStatus(await firm.call('GET', `jobs/${id}`), 200).body;
    let kills = 0;
    let job = await look();
    for (; !isOver(job); job = await look()) {
        if (kills === KILLS || job.done <= (job.total * kills) / KILLS) continue;
        await pause(random.below(30));
        await server.kill();
        kills++;
        closeConnections();
        await server.start();
    }
    assert.equal(job.state, 'done', JSON.stringify(job));
    assert.deepEqual(
        [job.result.rows, job.result.created, job.result.failed],
        [count, count - bad, bad],
        `seed ${random.seed}`,
    );
    const table = (await firm.call('GET', 'clients/export?fields=reference')).text;
    const references = table
        .trimEnd()
        .split('\r\n')
        .slice(1)
        .map((line) => line.split(',')[1]);
    assert.equal(references.length, count - bad);
    assert.equal(new Set(references).size, count - bad);
    const failed = (await firm.call('GET', `jobs/${id}/failed`)).text.trimEnd().split('\r\n');
    assert.equal(failed.length, bad + 1);
    assert.equal(new Set(failed).size, bad + 1);
    const undone = await jobEnded(firm, await firm.call('POST', `groups/${group}/undo`));
    assert.equal(undone.state, 'done', JSON.stringify(undone));
    const left = (await firm.call('GET', 'clients?count=true&limit=1')).body.count.value;
    assert.equal(left, 0);
    return kills;
}

test('an import killed again and again does each row once, in one group', async () => {
    const random = makeRandom(chooseSeed());
    const server = await openServer(['acme']);
    try {
        let kills = 0;
        for (let count = ROWS; kills < 2; count *= 2)
            kills = await importAndKill(server.firms.acme, random, count);
    } finally {
        await server.close();
    }
});
