// An import that is killed again and again goes on where it was, and each row is done once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeConnections } from '../door/http.mjs';
import { chooseSeed, makeRandom } from '../door/random.mjs';
import { openServer } from '../door/server.mjs';

const ROWS = 1500;
const BAD_EVERY = 97;
const KILLS = 3;

test('an import killed again and again does each row once, in one group', async () => {
    const random = makeRandom(chooseSeed());
    const server = await openServer(['acme']);
    const firm = server.firms.acme;
    try {
        const rows = Array.from({ length: ROWS }, (_, at) =>
            at % BAD_EVERY === 0
                ? `Bad ${at},no address,B-${at}`
                : `Good ${at},g${at}@good.example,G-${at}`,
        );
        const bad = Math.ceil(ROWS / BAD_EVERY);
        const text = `Name,Email,Customer No\n${rows.join('\n')}\n`;
        const begun = await firm.call('POST', 'clients/import', { text, mode: 'create' });
        assert.equal(begun.status, 202, begun.text);
        const { id, group } = begun.body;
        const look = async () => (await firm.call('GET', `jobs/${id}`)).body;
        let job = begun.body;
        let kills = 0;
        while (['queued', 'running'].includes(job.state)) {
            if (kills < KILLS && job.done > (job.total * kills) / KILLS) {
                await new Promise((next) => setTimeout(next, random.below(30)));
                await server.kill();
                kills++;
                closeConnections();
                await server.start();
            }
            job = await look();
        }
        assert.equal(job.state, 'done', JSON.stringify(job));
        assert.ok(kills >= 2, `only ${kills} kills`);
        assert.deepEqual(
            [job.result.rows, job.result.created, job.result.failed],
            [ROWS, ROWS - bad, bad],
            `seed ${random.seed}`,
        );
        const table = (await firm.call('GET', 'clients/export?fields=reference')).text;
        const references = table
            .trimEnd()
            .split('\r\n')
            .slice(1)
            .map((line) => line.split(',')[1]);
        assert.equal(references.length, ROWS - bad);
        assert.equal(new Set(references).size, ROWS - bad);
        const failed = (await firm.call('GET', `jobs/${id}/failed`)).text.trimEnd().split('\r\n');
        assert.equal(failed.length, bad + 1);
        assert.equal(new Set(failed).size, bad + 1);
        const undo = await firm.call('POST', `groups/${group}/undo`);
        assert.ok([200, 202].includes(undo.status), undo.text);
        for (let now = undo.body; undo.status === 202 && now.state !== 'done'; )
            now = (await firm.call('GET', `jobs/${undo.body.id}`)).body;
        const left = (await firm.call('GET', 'clients?count=true&limit=1')).body.count.value;
        assert.equal(left, 0);
    } finally {
        await server.close();
    }
});
