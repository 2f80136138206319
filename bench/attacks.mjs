// What attacks on HTTP cost: the server's memory, the time until the attacker's connection is
// ended, and how a client beside it fares. Part of bench/run.mjs; alone: node bench/attacks.mjs
// BINARY [NAME], which prints every attack. The attacker has an address of its own, to which the
// server's bounds of an address apply (MANY=1: they are off, as if each connection came from
// another one). It is a process that computes when nobody else wants to, as if it were on another
// machine: it is the server that is measured. It rests in the last part of each second, and what
// the neighbour sees then is the quiet that the ratio is to. Controls, in which nobody attacks,
// tell how much of a ratio is the machine's own unrest.
import { spawn } from 'node:child_process';
import fs from 'node:fs/promises';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(import.meta.url);
const isAlone = process.argv[1] === here;
const isAttacker = isAlone && process.argv[2] === '--attack';
if (isAlone && !isAttacker)
    process.env.ATRIUM_BINARY = path.resolve(process.argv[2] ?? 'zig-out/release/bin/atrium');
const { Wire, attacks } = await import('../tests/door/attacks.mjs');

const SECONDS = 8;
const AT_ONCE = 16;
const AT_ONCE_SLOW = 128;
/** So that slow attacks end within a measurement; 30 and 60 s by default. */
const LIMIT_MS = 1500;
const PAUSE_MS = 2;
const ROUND_MS = 1000;
const ATTACK_MS = 500;
/** Of the round; what comes between is of neither part. */
const QUIET_FROM_MS = 600;
const MEMORY_MIB_MAX = 200;
const controls = [
    { name: 'nobody (control)', isSlow: false, isControl: true },
    { name: 'nobody, all the time (control)', isSlow: true, isControl: true },
];
const phase = () => Date.now() % ROUND_MS;
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/* The attacker. */

async function attackFor({ name, port, isSecure, host, localAddress, seconds }) {
    const attack = attacks.find((one) => one.name === name);
    const untilMs = Date.now() + seconds * 1000;
    const GRACE_MS = 5000; // to see the end of what was begun
    const told = { connections: 0, ended: 0, failed: 0, medianMs: NaN, worstMs: NaN };
    const endMs = [];
    if (attack === undefined) {
        await wait(seconds * 1000);
        process.stdout.write(JSON.stringify(told));
        return;
    }
    const worker = async () => {
        while (Date.now() < untilMs) {
            if (!attack.isSlow && phase() >= ATTACK_MS) await wait(ROUND_MS - phase());
            const begun = performance.now();
            let wire;
            try {
                const { protocol } = attack;
                wire = await Wire.open({ port, isSecure, protocol, localAddress });
            } catch {
                told.failed++;
                await wait(5);
                continue;
            }
            told.connections++;
            const left = untilMs + GRACE_MS - Date.now();
            const place = { host, untilMs: untilMs + GRACE_MS, pauseMs: 100 };
            await Promise.race([attack.run(wire, place), wire.pause(left)]);
            if (wire.isEnded) {
                told.ended++;
                endMs.push(performance.now() - begun);
            }
            wire.close();
        }
    };
    const count = attack.isSlow ? AT_ONCE_SLOW : AT_ONCE;
    await Promise.all(Array.from({ length: count }, worker));
    endMs.sort((a, b) => a - b);
    told.medianMs = endMs[endMs.length >> 1];
    told.worstMs = endMs.at(-1);
    process.stdout.write(JSON.stringify(told));
}

function attackElsewhere(options) {
    const words = ['-i', '0', process.execPath, here, '--attack', JSON.stringify(options)];
    const child = spawn('chrt', words, { stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.on('data', (bytes) => {
        out += bytes;
    });
    return new Promise((resolve) => child.on('close', () => resolve(JSON.parse(out))));
}

/* The neighbour, and the measurement. */

function percentiles(times) {
    times.sort((a, b) => a - b);
    const at = (part) => times[Math.floor(times.length * part)];
    return { p50: at(0.5), p99: at(0.99), count: times.length };
}

/** Times of reads on one connection, until `isOver()`, by the part of the round they began in. */
async function live(server, firm, isOver) {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const headers = { host: firm.host, authorization: `Bearer ${firm.token}` };
    const times = { beside: [], quiet: [], all: [] };
    let failed = 0;
    const ask = () =>
        new Promise((resolve) => {
            const to = { host: '127.0.0.1', port: server.port, path: '/api/v1/me', agent, headers };
            const request = http.get(to, (answer) => {
                answer.resume();
                answer.on('end', () => resolve(answer.statusCode === 200));
            });
            request.on('error', () => resolve(false));
        });
    while (!isOver()) {
        const begun = performance.now();
        const began = phase();
        if (await ask()) {
            const took = performance.now() - begun;
            times.all.push(took);
            if (began < ATTACK_MS) times.beside.push(took);
            else if (began >= QUIET_FROM_MS) times.quiet.push(took);
        } else {
            failed++;
        }
        await wait(PAUSE_MS);
    }
    agent.destroy();
    const parts = Object.entries(times).map(([name, list]) => [name, percentiles(list)]);
    return { ...Object.fromEntries(parts), failed };
}

const after = (ms) => {
    const end = performance.now() + ms;
    return () => performance.now() > end;
};

let attackers = 1;
async function measureOne(server, anonymousKib, attack, isSecure) {
    const firm = server.firms.acme;
    const beforeKib = anonymousKib(server.pid);
    // A slow attack does not rest: its connections are open all the time.
    const before = attack.isSlow ? await live(server, firm, after(SECONDS * 1000)) : undefined;
    let peakKib = beforeKib;
    const timer = setInterval(() => {
        peakKib = Math.max(peakKib, anonymousKib(server.pid));
    }, 20);
    let isOver = false;
    const attacked = attackElsewhere({
        name: attack.name,
        port: isSecure ? server.securePort : server.port,
        isSecure,
        host: firm.host,
        localAddress: `127.0.0.${++attackers}`,
        seconds: SECONDS,
    }).finally(() => {
        isOver = true;
    });
    const meanwhile = await live(server, firm, () => isOver);
    const beside = attack.isSlow ? meanwhile.all : meanwhile.beside;
    const quiet = attack.isSlow ? before.all : meanwhile.quiet;
    clearInterval(timer);
    const told = await attacked;
    return {
        ...told,
        refused: told.failed,
        name: `${attack.name}${isSecure ? ', TLS' : ''}`,
        grownMib: (peakKib - beforeKib) / 1024,
        quiet,
        beside,
        failed: meanwhile.failed,
        ratio: beside.p99 / quiet.p99,
        isControl: attack.isControl === true,
        isLetGo: told.ended < told.connections && !attack.isUnseen,
    };
}

/** Each attack, plain and over TLS; `show` sees each result. */
async function measureAll(wanted, show) {
    const { anonymousKib } = await import('./measure.mjs');
    const { makeCertificate } = await import('../tests/door/certificate.mjs');
    const { openServer } = await import('../tests/door/server.mjs');
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'atrium-attacks-'));
    const { certificate, key } = makeCertificate(folder, 'first');
    const limits = ['request', 'stall', 'idle'].flatMap((name) => [`--${name}-ms`, `${LIMIT_MS}`]);
    // The defaults, which do not hold for loopback until they are given.
    if (!process.env.MANY)
        limits.push('--connection-rate', '100', '--connections-per-address', '256');
    const server = await openServer(['acme'], {
        isUnchecked: true,
        words: ['--https', '127.0.0.1:0', '--tls-cert', certificate, '--tls-key', key, ...limits],
    });
    const results = [];
    try {
        await live(server, server.firms.acme, after(1000));
        const firstKib = anonymousKib(server.pid);
        const list = [...controls, ...attacks.filter((one) => one.name.includes(wanted))];
        for (const attack of list)
            for (const isSecure of attack.isControl ? [false] : [false, true]) {
                const result = await measureOne(server, anonymousKib, attack, isSecure);
                results.push(result);
                show(result);
                await wait(300);
            }
        const lastMib = (anonymousKib(server.pid) - firstKib) / 1024;
        return { results, lastMib, deaths: (server.output.match(/started again/g) ?? []).length };
    } finally {
        await server.close();
        await fs.rm(folder, { recursive: true, force: true });
    }
}

export async function measureAttacks(table) {
    const { results: all, lastMib, deaths } = await measureAll('', () => {});
    const results = all.filter((one) => !one.isControl);
    const add = (name, shown, aim, isMet) => table.add(name, shown, aim, isMet);
    const most = results.reduce((a, b) => (a.grownMib > b.grownMib ? a : b));
    const worst = results.reduce((a, b) => (a.ratio > b.ratio ? a : b));
    const count = `${results.length} attacks on HTTP`;
    add(
        `most memory taken by one of ${count}`,
        `${most.grownMib.toFixed(0)} MiB (${most.name})`,
        `< ${MEMORY_MIB_MAX} MiB`,
        most.grownMib < MEMORY_MIB_MAX,
    );
    add('memory kept after all of them', `${lastMib.toFixed(0)} MiB`, '< 100 MiB', lastMib < 100);
    const ratios = results.map((one) => one.ratio).sort((a, b) => a - b);
    add(
        "a neighbour's p99 beside one of them, the worst",
        `${worst.ratio.toFixed(2)}× (${worst.name}; ` +
            `median ${ratios[ratios.length >> 1].toFixed(2)}×; with no attacker ` +
            `${all.filter((one) => one.isControl).map((one) => `${one.ratio.toFixed(2)}×`)})`,
        '< 2×',
        worst.ratio < 2,
    );
    const failed = results.reduce((sum, one) => sum + one.failed, 0);
    const letGo = results.filter((one) => one.isLetGo).length;
    add("a neighbour's requests that failed meanwhile", `${failed}`, '0', failed === 0);
    add('attacks whose connections were let go on', `${letGo}`, '0', letGo === 0);
    add('deaths of the server', `${deaths}`, '0', deaths === 0);
}

if (isAttacker) {
    await attackFor(JSON.parse(process.argv[3]));
    process.exit(0);
}
if (isAlone) {
    const pad = (value, width) => String(value).padStart(width);
    const whole = (ms) => ms?.toFixed(0) ?? '-';
    process.stdout.write(
        'MiB more, connections ended / made, ms to the end (median, worst), p99 beside / quiet\n',
    );
    const { lastMib, deaths } = await measureAll(process.argv[3] ?? '', (one) => {
        const times = `${pad(whole(one.medianMs), 6)} ${pad(whole(one.worstMs), 6)}`;
        const p99 = `${one.beside.p99.toFixed(2)} / ${one.quiet.p99.toFixed(2)} ms`;
        process.stdout.write(
            `${one.name.padEnd(48)} ${pad(one.grownMib.toFixed(0), 4)} ` +
                `${pad(one.ended, 6)} /${pad(one.connections, 6)} ${times}  ` +
                `${pad(one.ratio.toFixed(2), 5)}×  ${p99}${one.isLetGo ? '  LET GO' : ''}` +
                `${one.failed > 0 ? `  ${one.failed} FAILED` : ''}\n`,
        );
    });
    process.stdout.write(`${lastMib.toFixed(0)} MiB kept, ${deaths} deaths\n`);
}
