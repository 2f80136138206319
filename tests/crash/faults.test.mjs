// The n-th write, sync or allocation fails, over a dozen changes: none is half done, none that was
// acknowledged is missing, the server answers for it or begins anew, and check passes.
// A few n in the normal run, all of them with ATRIUM_LONG=1.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { attempt, makeDeeds } from '../door/deeds.mjs';
import { closeConnections } from '../door/http.mjs';
import { Preload } from '../door/preload.mjs';
import { isSanitized } from '../door/program.mjs';
import { openServer } from '../door/server.mjs';

const SHORT_COUNT = 6;
const LONG_COUNT_MAX = 400;
const TRIES_MAX = 5;

const skip = isSanitized ? 'a sanitized program takes no preloaded library' : false;

let preload;
let server;
let untouched;
let failures; // what came instead of a success, each counted
before(async () => {
    if (skip) return;
    preload = new Preload();
    server = await openServer(['acme'], { isIdle: true, mayDie: true });
    untouched = path.join(server.folder, 'untouched');
    await fs.cp(server.directory, untouched, {
        recursive: true,
        filter: (source) => !/\.(sock|lock)$|lock\.mdb$/.test(source),
    });
});
after(async () => {
    await server?.close();
    preload?.close();
});

/** The traces of a deed. A fault may fall on a read as well, which is then made again. */
async function tracesOf(deed) {
    try {
        return (await deed.parts()).map(Boolean);
    } catch {
        closeConnections();
        await server.comeBack();
        return (await deed.parts()).map(Boolean);
    }
}

/** One deed until it is acknowledged; every failure on the way leaves all of it or nothing. */
async function carryThrough(deed, place) {
    for (let tries = 0; tries < TRIES_MAX; tries++) {
        const answer = await attempt(deed);
        const isDone = answer !== null && answer.status < 300;
        if (!isDone) {
            const what = answer?.status ?? 'cut off';
            failures[what] = (failures[what] ?? 0) + 1;
            closeConnections();
            await server.comeBack();
        }
        const parts = await tracesOf(deed);
        const told = `${answer?.status ?? 'cut off'} ${answer?.text ?? ''}`;
        const where = `${place}, ${deed.name}: ${told}`;
        if (isDone) assert.ok(parts.every(Boolean), `${where}: acknowledged, but only ${parts}`);
        else assert.equal(new Set(parts).size, 1, `${where}: half done: ${parts}`);
        if (parts.every(Boolean)) return;
    }
    throw new Error(`${place}, ${deed.name}: not done after ${TRIES_MAX} tries\n${server.output}`);
}

/** All deeds on a fresh copy of the data with one fault; gives what was counted. */
async function sweepOnce(fault) {
    const place = fault ?? 'no fault';
    await fs.rm(server.directory, { recursive: true, force: true });
    await fs.cp(untouched, server.directory, { recursive: true });
    const environment = preload.environment({ fault });
    try {
        await server.start({ environment });
    } catch (error) {
        // It may refuse to start at the fault, in words; the next start must do.
        assert.match(error.message, /ended with [1-9]|SIGABRT/, `${place}: ${error.message}`);
        await server.start();
    }
    for (const deed of makeDeeds(server.firms.acme)) await carryThrough(deed, place);
    await server.stop();
    const counted = preload.counts();
    const checked = await server.command(['check']);
    assert.equal(checked.status, 0, `${place}: ${checked.out}${checked.err}\n${server.output}`);
    return counted;
}

/** From 1 to `total`: all of them, or some spread over them. */
function chosen(total) {
    const count = Math.min(total, process.env.ATRIUM_LONG ? LONG_COUNT_MAX : SHORT_COUNT);
    if (count <= 1) return [1];
    const step = (total - 1) / (count - 1);
    return [...new Set(Array.from({ length: count }, (_, at) => 1 + Math.round(at * step)))];
}

describe('the n-th', { skip }, () => {
    const kinds = [
        ['write fails', (n) => `pwrite:${n}:EIO`, 'pwrite:1000000:EIO', 'writeCalls'],
        ['write finds no room', (n) => `pwrite:${n}:ENOSPC`, 'pwrite:1000000:ENOSPC', 'writeCalls'],
        ['sync fails', (n) => `fdatasync:${n}:EIO`, 'fdatasync:1000000:EIO', 'syncCalls'],
        [
            'allocation of the server fails',
            (n) => `malloc:${n}`,
            'malloc:1000000000',
            'allocations',
        ],
        [
            "allocation of the store's library fails",
            (n) => `malloc:${n}:lmdb`,
            'malloc:1000000000:lmdb',
            'allocations',
        ],
    ];
    for (const [name, faultOf, none, counter] of kinds) {
        test(name, async (t) => {
            const total = (await sweepOnce(none))[counter];
            const tried = chosen(total);
            let made = 0;
            failures = {};
            for (const n of tried) made += (await sweepOnce(faultOf(n))).faults;
            const told = JSON.stringify(failures);
            t.diagnostic(`${tried.length} of ${total} tried, ${made} faults made: ${told}`);
            assert.ok(made > 0, 'no fault was made');
        });
    }
});
