// A program in the runner's place that does everything wrong (tests/hostile/runner.c), at each
// point of a real rule's conversation: one failed change each, a fresh runner after it, nothing
// else. Half of the cases, and what takes seconds to be found out at one point each; all of them
// with ATRIUM_LONG=1.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { binary, isSanitized } from '../door/program.mjs';
import { chooseSeed, makeRandom } from '../door/random.mjs';
import { openServer } from '../door/server.mjs';
import { until } from '../door/wait.mjs';

const isLong = Boolean(process.env.ATRIUM_LONG);
const random = makeRandom(chooseSeed());

// Two questions of the engine's own (source, catalog) and three of the script's.
const source = `
local count = db.count("client", {})
local found = db.find("client", { name = "nobody" })
queue.notify({ to = actor.id, text = "a client more" })
record.business_name = "seen " .. count + #found`;
const POINTS = 6; // the last one says that it is done

const quick = [
    'leave',
    'abort',
    'close',
    'no-length',
    'too-long',
    'huge',
    'part-and-leave',
    'too-much',
    'zeros',
    'deep',
    'cut',
    'wide',
    'wide-list',
    'long-text',
    'extension',
    'text',
    'bad-text',
    'key-twice',
    'behind',
    'empty',
    'ask-unknown',
    'ask-number',
    'ask-nothing',
    'done-number',
    'done-odd',
    'done-senseless',
];
const slow = [
    'stop',
    'sleep',
    'part',
    'part-of-length',
    'compute',
    'ask-for-ever source',
    'ask-for-ever entity',
    'ask-for-ever settings',
    'ask-for-ever db',
];

let server;
let firms;
const rules = new Map(); // of each firm
before(async () => {
    const hostile = path.join(path.dirname(binary), 'atrium-hostile');
    server = await openServer(['ash', 'bay', 'cob', 'dew', 'elm'], {
        words: ['--runner', hostile, '--admin', '127.0.0.1:0'],
    });
    firms = ['ash', 'bay', 'cob'].map((name) => server.firms[name]);
    for (const firm of Object.values(server.firms)) {
        const rule = { name: 'plain', entity: 'client', point: 'before', state: 'active', source };
        rules.set(firm, await firm.create('rules', { ...rule, on: ['create'] }));
    }
});
after(() => server?.close());

const client = (name) => ({ name, primary_contact: { name: 'Ada' } });

async function plan(firm, name) {
    const answer = await firm.call('PATCH', `rules/${rules.get(firm).id}`, { name });
    assert.equal(answer.status, 200, answer.text);
}

/** The figures of the operator's page. */
async function figures() {
    const answer = await fetch(`http://127.0.0.1:${server.adminPort}/metrics`);
    const lines = (await answer.text()).matchAll(/^atrium_(\S+) (\S+)$/gm);
    return Object.fromEntries([...lines].map(([, name, value]) => [name, Number(value)]));
}

const failed = [];

/** One deed at one point fails its change, and its runner is gone. */
async function misbehave(firm, point, deed) {
    const name = `at ${point} ${deed}`;
    await plan(firm, name);
    const answer = await firm.call('POST', 'clients', client(name));
    const told = `${name}: ${answer.status} ${answer.text}`;
    assert.equal(answer.status, 422, told);
    assert.match(answer.body.errors[0].code, /^rule_(failed|overran)$/, told);
    assert.equal(answer.body.rule.name, name, told);
    failed.push({ firm, name });
}

/** A change by the same rule that does nothing wrong. */
async function behave(firm) {
    await plan(firm, 'plain');
    const made = await firm.create('clients', client('well'));
    assert.match(made.business_name, /^seen \d+$/);
}

/**
 * All cases, shared out among the firms, whose lanes run at once. Each finds a fresh runner, which
 * asks for everything.
 */
async function runCases(cases) {
    const rest = [...cases];
    await Promise.all(
        firms.map(async (firm) => {
            await misbehave(firm, 1, 'leave');
            for (let next = rest.shift(); next; next = rest.shift()) {
                await misbehave(firm, ...next);
                if (random.below(4) > 0) continue;
                await behave(firm);
                await misbehave(firm, 1, 'leave');
            }
            await behave(firm);
        }),
    );
}

/** The name, state and parent of a process, or nothing. */
function processOf(pid) {
    try {
        const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
        const [, name, state, parent] = /^\d+ \((.*)\) (\S) (\d+)/.exec(stat);
        return { name, state, parent: Number(parent) };
    } catch {
        return null;
    }
}

const isRunning = (pid) => {
    const found = processOf(pid);
    return found?.name === 'atrium-hostile' && found.state !== 'Z';
};

/** The runners of a server that compute now. */
function computingOf(parent) {
    const pids = fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    return pids.map(Number).filter((pid) => {
        const found = processOf(pid);
        return found?.parent === parent && found.name === 'atrium-hostile' && found.state === 'R';
    });
}

/** It may be found out at once, in the middle of the next change, or between the two. */
async function misbehaveUnasked(firm, deed) {
    const statuses = [];
    await plan(firm, `at 0 ${deed}`);
    for (let turn = 0; turn < 4; turn++) {
        const answer = await firm.call('POST', 'clients', client(`${deed} ${turn}`));
        statuses.push(answer.status);
        if (turn === 0) await plan(firm, 'plain');
    }
    const told = `${deed}: ${statuses}`;
    assert.ok(statuses.filter((status) => status !== 201).length <= 1, told);
    assert.equal(statuses.at(-1), 201, told);
}

const points = Array.from({ length: POINTS }, (_, at) => at + 1);

describe('a hostile program in the place of a runner', () => {
    test('has as many points as are tried', async () => {
        const [firm] = firms;
        await misbehave(firm, POINTS, 'leave');
        await plan(firm, `at ${POINTS + 1} leave`);
        assert.equal((await firm.call('POST', 'clients', client('none'))).status, 201);
        await behave(firm);
    });

    test('fails one change, whatever it says, wherever it says it', async () => {
        process.stdout.write(`seed ${random.seed}\n`);
        const before = await figures();
        const cases = quick.flatMap((deed) => points.map((point) => [point, deed]));
        await runCases(cases.filter(() => isLong || random.below(2) === 0));
        const now = await figures();
        assert.ok(now.runners_killed_total - before.runners_killed_total <= failed.length);
        assert.ok(now.runners <= 64);
        assert.equal(now.runners_waiting, 0);
    });

    test('is found out when it stalls, computes or asks for ever', async () => {
        const chosen = (deed) => (isLong ? points : [random.pick(points)]).map((at) => [at, deed]);
        const begun = figures();
        // Meanwhile another firm's rules run, and its reads are answered.
        let isOver = false;
        const { elm } = server.firms;
        const others = (async () => {
            for (let count = 0; !isOver; count++) {
                const made = await elm.create('clients', client(`elm ${count}`));
                assert.equal(made.business_name, `seen ${count}`);
                await elm.get('clients', made.id);
            }
        })();
        const cases = runCases(slow.flatMap(chosen)).finally(() => (isOver = true));
        await Promise.all([cases, others, misbehaveUnasked(server.firms.dew, 'stop')]);
        const now = await figures();
        assert.ok(now.runners_killed_total > (await begun).runners_killed_total);
        assert.equal(now.runners_waiting, 0);
    });

    test('that trickles is ended at last', { skip: !isLong && 'ATRIUM_LONG' }, () =>
        runCases(points.map((point) => [point, 'trickle'])));

    test('may misbehave while nobody asks it, for one change at most', async () => {
        for (const deed of ['leave', 'abort', 'close', 'too-much', 'deep'])
            await misbehaveUnasked(server.firms.dew, deed);
    });

    test('reaches nothing of another tenant', async () => {
        const theirs = await server.firms.elm.create('clients', client('theirs'));
        const [firm] = firms;
        for (const point of points) {
            await plan(firm, `at ${point} reach ${theirs.id}`);
            const made = await firm.call('POST', 'clients', client(`reach ${point}`));
            assert.equal(made.status, 201, made.text);
        }
        // Its own record it does reach, and says so.
        const own = await firm.call('GET', 'clients?limit=1');
        await misbehave(firm, 2, `reach ${own.body.data[0].id}`);
        await behave(firm);
        const still = await server.firms.elm.call('GET', `clients/${theirs.id}`);
        assert.deepEqual(still.body, theirs);
    });

    test('ends with the server', async () => {
        for (const firm of firms) await plan(firm, 'at 1 compute');
        const { pid } = server;
        let isOver = false;
        // Each that is found out is followed by another.
        const call = async (firm) => {
            while (!isOver) await firm.call('POST', 'clients', client('never'));
        };
        const calls = firms.map((firm) => call(firm).catch(() => {}));
        const runners = await until(() => {
            const found = computingOf(pid);
            return found.length > 0 && found;
        }, 'a runner that computes');
        isOver = true;
        await server.kill();
        await Promise.all(calls);
        await until(() => !runners.some(isRunning), 'no runner is left');
        await server.start();
        for (const firm of firms) await behave(firm);
    });

    test('leaves nothing half done', async () => {
        for (const firm of firms) {
            const names = new Set((await firm.all('clients')).map((record) => record.name));
            for (const each of failed) assert.ok(each.firm !== firm || !names.has(each.name));
        }
        const status = fs.readFileSync(`/proc/${server.pid}/status`, 'utf8');
        const peak = Number(/VmHWM:\s+(\d+) kB/.exec(status)[1]) / 1024;
        if (!isSanitized) assert.ok(peak < 400, `${peak} MiB at most`);
    });
});
