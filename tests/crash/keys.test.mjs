// Killed while keys are replaced: whatever was acknowledged is readable, under whichever key it
// lies; what was begun is ended by the next server. ATRIUM_CRASH_ROUNDS says how often (4).
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { closeConnections } from '../door/http.mjs';
import { chooseSeed, makeRandom } from '../door/random.mjs';
import { openServer } from '../door/server.mjs';
import { Vault } from '../door/vault.mjs';
import { pause } from '../door/wait.mjs';

const rounds = Number(process.env.ATRIUM_CRASH_ROUNDS ?? (process.env.ATRIUM_LONG ? 50 : 4));

/** Until the server is gone; what it breaks off is nobody's fault. */
async function busy(server, work) {
    while (server.isRunning)
        try {
            await work();
        } catch (error) {
            if (server.isRunning && error instanceof assert.AssertionError) throw error;
            await pause(5);
        }
}

test(`killed ${rounds} times while keys are replaced`, async (t) => {
    const random = makeRandom(chooseSeed());
    const server = await openServer(['acme']);
    try {
        const vault = await new Vault(server.firms.acme, random).open(30);
        for (let round = 0; round < rounds; round++) {
            const rotating = Promise.allSettled([
                server.command(['key', 'rotate']),
                server.command(['key', 'rotate', '--tenant', 'acme']),
            ]);
            const working = busy(server, () => vault.act());
            await pause(20 + random.below(300));
            await server.kill();
            closeConnections();
            await working;
            await rotating;
            await server.start();
            const files = await fs.readdir(server.directory);
            assert.ok(!files.includes('master.key.new'), files.join());
            await vault.open();
            await vault.verify();
            await server.mustRun(['key', 'rotate', '--tenant', 'acme']);
            await vault.verify();
            const checked = await server.command(['check']);
            assert.equal(checked.status, 0, `round ${round}: ${checked.out}${checked.err}`);
        }
        t.diagnostic(`seed ${random.seed}`);
        await fs.access(path.join(server.directory, 'master.key'));
    } finally {
        await server.close();
    }
});
