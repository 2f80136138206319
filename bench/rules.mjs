// What rules cost: node bench/rules.mjs BINARY, or as a part of bench/run.mjs. Each ratio is of one
// interleaved run: a request with rules, one without, in turn.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const isAlone = process.argv[1] === fileURLToPath(import.meta.url);
if (isAlone)
    process.env.ATRIUM_BINARY = path.resolve(process.argv[2] ?? 'zig-out/release/bin/atrium');
process.env.ATRIUM_UNJUDGED = '1';
const { openServer } = await import('../tests/door/server.mjs');
const { hasProgram, loadByWrk, median, Table } = await import('./measure.mjs');

const ROUNDS = 1500; // creates of each firm at one client
const WARM = 200;
const TENANTS = 8;
const CLIENTS = 64;
const SECONDS = 3;
const TURNS = 3; // of load with and without
const NOT_MATCHING = 20;
const KIB = 1024;

const script = 'if record.name == "nobody" then reject("not him") end record.title = "Buyer"';
const rules = {
    none: [],
    script: [{ name: 'simple', source: script }],
    plain: [{ name: 'plain', set: { title: 'Buyer' } }],
    others: Array.from({ length: NOT_MATCHING }, (_, at) => ({
        name: `other ${at}`,
        when: { name: { prefix: `never ${at}` } },
        changed: ['name'],
        source: script,
    })),
    many: Array.from({ length: NOT_MATCHING }, (_, at) => ({ name: `one ${at}`, source: script })),
};

async function addRules(firm, kind) {
    for (const rule of rules[kind])
        await firm.create('rules', {
            entity: 'contact',
            point: 'before',
            state: 'active',
            ...rule,
        });
}

/** How long one create takes, over one connection that stays open; milliseconds. */
function timedCreate(server, agent, firm, at) {
    const body = JSON.stringify({ name: `Contact Number ${at}`, emails: [`c${at}@bench.example`] });
    const headers = {
        host: firm.host,
        authorization: `Bearer ${firm.token}`,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
    };
    const begun = performance.now();
    return new Promise((resolve, reject) => {
        const options = { port: server.port, host: '127.0.0.1', agent, method: 'POST', headers };
        const request = http.request({ ...options, path: '/api/v1/contacts' }, (answer) => {
            answer.resume();
            answer.on('end', () => {
                if (answer.statusCode === 201) resolve(performance.now() - begun);
                else reject(new Error(`a create ended with ${answer.statusCode}`));
            });
        });
        request.on('error', reject);
        request.end(body);
    });
}

async function measureOne(server, table) {
    const kinds = ['none', 'script', 'plain', 'others'];
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const times = Object.fromEntries(kinds.map((kind) => [kind, []]));
    for (let at = 0; at < ROUNDS + WARM; at++) {
        // Who comes first changes, so that no place in the round is better for one of them.
        for (let turn = 0; turn < kinds.length; turn++) {
            const kind = kinds[(at + turn) % kinds.length];
            const took = await timedCreate(server, agent, server.firms[kind], at);
            if (at >= WARM) times[kind].push(took);
        }
    }
    agent.destroy();
    const usual = median(times.none);
    const aims = { script: 1.25, plain: 1.1, others: 1.1 };
    const words = {
        script: 'a create with one simple rule, against none',
        plain: 'a create with one rule without a script, against none',
        others: `a create with ${NOT_MATCHING} rules that do not match, against none`,
    };
    for (const [kind, aim] of Object.entries(aims)) {
        const took = median(times[kind]);
        const ratio = took / usual;
        table.add(
            words[kind],
            `${ratio.toFixed(2)}× (${took.toFixed(2)} and ${usual.toFixed(2)} ms)`,
            `≤ ${aim}×`,
            ratio <= aim,
        );
    }
}

function load(server, firms) {
    return loadByWrk({
        url: `http://127.0.0.1:${server.port}/api/v1/contacts`,
        connections: CLIENTS,
        seconds: SECONDS,
        script: path.join(here, 'create.lua'),
        more: firms.flatMap((firm) => [firm.host, firm.token]),
    });
}

/** With and without in turn; the middle of each. */
async function measureLoad(server, table) {
    const of = (kind) => Array.from({ length: TENANTS }, (_, at) => server.firms[`${kind}${at}`]);
    const found = { ruled: [], bare: [] };
    for (let turn = 0; turn < TURNS; turn++)
        for (const kind of Object.keys(found))
            found[kind].push((await load(server, of(kind))).perSecond);
    const [ruled, bare] = [median(found.ruled), median(found.bare)];
    table.add(
        `creates a second, ${CLIENTS} clients, ${TENANTS} firms, with one rule and without`,
        `${ruled.toFixed(0)} and ${bare.toFixed(0)} (${(ruled / bare).toFixed(2)}×)`,
    );
    const many = (await load(server, [server.firms.many])).perSecond * NOT_MATCHING;
    table.add('runs of rules a second, of one firm', many.toFixed(0));
}

/** What each runner of this server has for itself, in KiB. */
export function runnersKib(pid) {
    const children = execFileSync('ps', ['-o', 'pid=,comm=', '--ppid', pid], { encoding: 'utf8' });
    return [...children.matchAll(/(\d+) atrium-runner/g)].map(([, child]) => {
        const text = fs.readFileSync(`/proc/${child}/smaps_rollup`, 'utf8');
        const parts = [...text.matchAll(/^Private_(?:Clean|Dirty):\s*(\d+)/gm)];
        return parts.reduce((sum, [, kib]) => sum + Number(kib), 0);
    });
}

export async function measureRules(table) {
    const kinds = Object.keys(rules);
    const names = [...kinds];
    for (let at = 0; at < TENANTS; at++) names.push(`ruled${at}`, `bare${at}`);
    const server = await openServer(names, { isUnchecked: true });
    try {
        for (const kind of kinds) await addRules(server.firms[kind], kind);
        for (let at = 0; at < TENANTS; at++) await addRules(server.firms[`ruled${at}`], 'script');
        await measureOne(server, table);
        const kib = runnersKib(server.pid);
        table.add(
            'private memory of a runner',
            `${(Math.max(...kib) / KIB).toFixed(1)} MiB`,
            '< 3 MiB',
            Math.max(...kib) < 3 * KIB,
        );
        if (hasProgram('wrk')) await measureLoad(server, table);
    } finally {
        await server.close();
    }
}

if (isAlone) {
    const table = new Table();
    await measureRules(table);
    table.print?.();
}
