// Measures the server and prints each figure beside its aim: node bench/run.mjs BINARY
// BENCH_LONG=1 adds a million records. Ratios compare with a baseline of the same run and machine.
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
process.env.ATRIUM_BINARY = path.resolve(process.argv[2] ?? 'zig-out/release/bin/atrium');
const { binary, compile, environment } = await import('../tests/door/program.mjs');
const { openServer } = await import('../tests/door/server.mjs');
const { generate } = await import('./generate.mjs');
const { measureStreams } = await import('./streams.mjs');
const { measureImports } = await import('./import.mjs');
const { measureRules } = await import('./rules.mjs');
const { measureAttacks } = await import('./attacks.mjs');
const { measureScoped } = await import('./scoped.mjs');
const {
    anonymousKib,
    figures,
    hasProgram,
    loadByH2load,
    loadByWrk,
    median,
    processorMicros,
    Table,
} = await import('./measure.mjs');

const SECONDS = 4;
const IMPORTED = 100_000;
const IMPORTS_LONG = 3;
const RECORDS_EACH = 4; // client, contact, the link between them, address
const IDLE_TENANTS = 1000;
const isLong = Boolean(process.env.BENCH_LONG);
const table = new Table();
const number = (value, digits = 0) =>
    value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** One import command, alone with its data directory: how long, how much memory. */
async function importFile(server, file) {
    const begun = performance.now();
    const child = spawn(
        binary,
        ['import', '--tenant', 'bench', '--entity', 'clients', file, '--data', server.directory],
        { env: environment(), stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let output = '';
    for (const stream of [child.stdout, child.stderr])
        stream.on('data', (bytes) => {
            output += bytes;
        });
    let peakKib = 0;
    const timer = setInterval(() => {
        peakKib = Math.max(peakKib, anonymousKib(child.pid));
    }, 20);
    const status = await new Promise((resolve) => child.on('close', resolve));
    clearInterval(timer);
    if (status !== 0) throw new Error(`the import ended with ${status}:\n${output}`);
    return { seconds: (performance.now() - begun) / 1000, peakKib, output };
}

async function measureImport(server, folder) {
    const file = path.join(folder, 'clients.csv');
    const times = isLong ? IMPORTS_LONG : 1;
    for (let part = 0; part < times; part++) {
        generate(IMPORTED, file, part + 1, part * IMPORTED + 1);
        const { seconds, peakKib } = await importFile(server, file);
        if (part > 0) continue;
        table.add(
            `import of ${number(IMPORTED)} clients`,
            `${number(seconds, 1)} s, ${number(IMPORTED / seconds)} rows/s`,
        );
        table.add(
            'anonymous memory of the import, peak',
            `${number(peakKib / 1024, 1)} MiB`,
            '< 200 MiB',
            peakKib < 200 * 1024,
        );
    }
    await fs.rm(file);
}

async function measureStart(server, count) {
    const begun = performance.now();
    await server.start();
    const timeMs = performance.now() - begun;
    const name = `start with ${number(count)} records`;
    if (count >= 1_000_000) table.add(name, `${number(timeMs)} ms`, '< 500 ms', timeMs < 500);
    else table.add(`${name} (BENCH_LONG=1: 1.2 million)`, `${number(timeMs)} ms`);
}

/** The server's road to one record, against the same h2o with nothing behind it. */
async function measureReads(server, firm, folder) {
    const [record] = (await firm.call('GET', 'clients?limit=1')).body.data;
    const where = `/api/v1/clients/${record.id}`;
    const bytes = (await firm.call('GET', where)).text.length;
    const program = compile(path.join(here, 'baseline.c'), path.join(folder, 'baseline'), [
        '-DH2O_USE_LIBUV=0',
        '-lh2o-evloop',
        '-lssl',
        '-lcrypto',
    ]);
    const child = spawn(program, ['1024'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const port = await new Promise((resolve) => {
        child.stdout.once('data', (text) => resolve(Number(text)));
    });
    const headers = { Host: firm.host, Authorization: `Bearer ${firm.token}` };
    const load = (url) => loadByWrk({ url, headers, connections: 32, seconds: SECONDS });
    try {
        // In turns, so that a busy moment of the machine falls on both.
        const fixed = { url: `http://127.0.0.1:${port}/`, pid: child.pid, perSecond: 0, micros: 0 };
        const own = {
            url: `http://127.0.0.1:${server.port}${where}`,
            pid: server.pid,
            perSecond: 0,
            micros: 0,
        };
        for (const side of [fixed, own, fixed, own]) {
            const before = processorMicros(side.pid);
            const { perSecond, count } = await load(side.url);
            side.perSecond += perSecond / 2;
            side.micros += (processorMicros(side.pid) - before) / count / 2;
        }
        const told = (side) =>
            `${number(side.perSecond)} /s, ${number(side.micros, 1)} µs of processor`;
        table.add('fixed answer of 1 KB, bare h2o', told(fixed));
        table.add(`GET one record (${bytes} bytes)`, told(own));
        const ratio = own.perSecond / fixed.perSecond;
        table.add('… against the fixed answer', number(ratio, 2), '>= 0.7', ratio >= 0.7);
        table.add('… by time of processor', number(fixed.micros / own.micros, 2));
        if (hasProgram('h2load')) {
            const h2 = (to) =>
                loadByH2load({
                    url: to,
                    headers: { authorization: headers.Authorization, ':authority': firm.host },
                    connections: 8,
                    streams: 16,
                    seconds: SECONDS,
                });
            const plain = await h2(`http://127.0.0.1:${port}/`);
            const overHttp2 = await h2(`http://127.0.0.1:${server.port}${where}`);
            table.add('GET one record over HTTP/2', `${number(overHttp2.perSecond)} /s`);
            table.add(
                '… against the fixed answer',
                number(overHttp2.perSecond / plain.perSecond, 2),
            );
        } else {
            table.add('HTTP/2', 'skipped: there is no h2load');
        }
        const page = await load(`http://127.0.0.1:${server.port}/api/v1/clients?limit=50`);
        table.add('a page of 50 clients', `${number(page.perSecond)} /s`);
        const sorted = await load(
            `http://127.0.0.1:${server.port}/api/v1/clients?limit=50&sort=-name&status=active`,
        );
        table.add('a page of 50, filtered and sorted', `${number(sorted.perSecond)} /s`);
    } finally {
        child.kill();
    }
}

/** Which keys a list touches, and how long one request takes. */
async function measureLists(firm) {
    const questions = [
        'limit=50',
        'limit=50&sort=name',
        'limit=50&sort=-created_at',
        'limit=50&status=active',
        'limit=50&status=active&stage=lead&sort=name',
        'limit=50&tags=tag-7',
        'limit=50&name[prefix]=horv',
        'limit=1&reference=C-0050000',
        'limit=50&q=zimmermann',
        'limit=50&q=zimmermann%20roofing',
        'limit=50&q=0050000',
        'limit=50&q=graz&status=active',
        'limit=1&count=true&status=past',
    ];
    for (const question of questions) {
        const begun = performance.now();
        const answer = await firm.call('GET', `clients?${question}`);
        const timeMs = performance.now() - begun;
        if (answer.status !== 200) {
            table.add(`?${question}`, `${answer.status} ${answer.text.slice(0, 80)}`);
            continue;
        }
        const keys = answer.headers['atrium-keys-touched'] ?? '?';
        table.add(
            `?${question}`,
            `${answer.body.data.length} records, ${keys} keys, ${number(timeMs, 1)} ms`,
        );
    }
}

/** LMDB alone, writing what the server wrote: creates a second, the middle of three runs. */
async function rawCreates(program, server, creates, group) {
    const runs = [];
    for (let turn = 0; turn < 3; turn++) {
        const target = path.join(server.folder, `raw${turn}`);
        await fs.mkdir(target);
        const words = [server.directory, String(creates), String(group), target];
        runs.push(JSON.parse(execFileSync(program, words, { encoding: 'utf8' })));
        await fs.rm(target, { recursive: true });
    }
    const rates = runs.map((run) => run.creates / run.seconds);
    return {
        ...runs[0],
        perSecond: median(rates),
        least: Math.min(...rates),
        most: Math.max(...rates),
    };
}

/** Creates by 64 clients, durable before they are answered, against LMDB writing the same rows. */
async function measureCreates(program, firmCount) {
    const names = Array.from({ length: firmCount }, (_, at) => `raw${at}`);
    const server = await openServer(names, {
        words: ['--admin', '127.0.0.1:0'],
        isUnchecked: true,
    });
    try {
        const firms = Object.values(server.firms);
        const before = await figures(server.adminPort);
        const load = await loadByWrk({
            url: `http://127.0.0.1:${server.port}/api/v1/contacts`,
            connections: 64,
            seconds: SECONDS,
            script: path.join(here, 'create.lua'),
            more: firms.flatMap((firm) => [firm.host, firm.token]),
        });
        const after = await figures(server.adminPort);
        const creates = after.store_changes_total - before.store_changes_total;
        const commits = after.store_commits_total - before.store_commits_total;
        const group = Math.max(1, Math.round(creates / commits));
        await server.stop();
        const raw = await rawCreates(program, server, creates, group);
        const whose = firmCount === 1 ? 'of one firm' : `of ${firmCount} firms`;
        table.add(
            `durable creates, 64 clients ${whose}`,
            `${number(load.perSecond)} /s, ${number(creates / commits, 1)} in each commit`,
        );
        table.add(
            'raw LMDB, same rows and groups',
            `${number(raw.perSecond)} /s (${number(raw.least)} ` +
                `to ${number(raw.most)}), ${number(raw.rows / raw.creates, 1)} rows each`,
        );
        const ratio = load.perSecond / raw.perSecond;
        table.add('… creates against raw LMDB', number(ratio, 2), '>= 0.5', ratio >= 0.5);
    } finally {
        await server.close();
    }
}

/** What a tenant costs that was used once and now does nothing. */
async function measureIdleTenants() {
    const server = await openServer(['first'], {
        words: ['--admin', '127.0.0.1:0'],
        isUnchecked: true,
    });
    try {
        const touch = async (name) =>
            server.send({
                method: 'GET',
                path: '/api/v1/me',
                headers: { host: `${name}.localhost:${server.port}` },
            });
        for (let at = 0; at < 200; at++) await touch('first');
        const file = path.join(server.folder, 'password');
        const beforeKib = anonymousKib(server.pid);
        const names = Array.from({ length: IDLE_TENANTS }, (_, at) => `idle${at}`);
        const waiting = [...names];
        const maker = async () => {
            for (let name = waiting.pop(); name !== undefined; name = waiting.pop())
                await server.mustRun([
                    'tenant',
                    'create',
                    name,
                    '--title',
                    name,
                    '--owner',
                    'owner@firm.example',
                    '--password-file',
                    file,
                ]);
        };
        await Promise.all([maker(), maker(), maker(), maker()]);
        for (const name of names) await touch(name);
        await new Promise((resolve) => setTimeout(resolve, 2000));
        const liveKib = (anonymousKib(server.pid) - beforeKib) / IDLE_TENANTS;
        table.add(
            `an idle tenant, ${number(IDLE_TENANTS)} made beside the server`,
            `${number(liveKib, 2)} KiB`,
            '< 16 KiB',
            liveKib < 16,
        );
        await server.stop();
        await server.start();
        const startKib = anonymousKib(server.pid);
        for (const name of names) await touch(name);
        const usedKib = (anonymousKib(server.pid) - startKib) / IDLE_TENANTS;
        table.add(
            '… after a restart, each asked once',
            `${number(usedKib, 2)} KiB`,
            '< 16 KiB',
            usedKib < 16,
        );
    } finally {
        await server.close();
    }
}

async function main() {
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'atrium-bench-'));
    const server = await openServer(['bench'], {
        isIdle: true,
        isUnchecked: true,
        words: ['--admin', '127.0.0.1:0', '--threads', '1'],
    });
    try {
        await measureImport(server, folder);
        await measureStart(server, IMPORTED * RECORDS_EACH * (isLong ? IMPORTS_LONG : 1));
        await measureLists(server.firms.bench);
        if (hasProgram('wrk')) {
            await measureReads(server, server.firms.bench, folder);
            const raw = path.join(folder, 'raw_lmdb');
            compile(path.join(here, 'raw_lmdb.c'), raw, ['-llmdb']);
            for (const firmCount of [1, 4]) await measureCreates(raw, firmCount);
        } else {
            table.add('load', 'skipped: there is no wrk');
        }
        await measureIdleTenants();
        await measureStreams(openServer, { anonymousKib }, table);
        await measureImports(openServer, { anonymousKib, processorMicros }, table);
        await measureRules(table);
        await measureAttacks(table);
        await measureScoped(table);
    } finally {
        await server.close();
        await fs.rm(folder, { recursive: true, force: true });
        table.print();
    }
}

await main();
