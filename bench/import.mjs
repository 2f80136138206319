// A year's data by one import job: how fast, in how much memory, what neighbours feel of it, that
// a kill in the middle loses nothing, and how long its undo takes. Alone:
// node bench/import.mjs BINARY [ROWS] [words: custom plain kill undo]
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const ROWS = 100_000;
const PART = 2 ** 20;
const NEIGHBOUR_MS = 20; // between two changes of a neighbour
const QUIET_MS = 6000;

const fields = [
    ['x_region', 'text'],
    ['x_hours', 'number'],
    ['x_budget', 'money'],
    ['x_renewal', 'date'],
    ['x_priority', 'boolean'],
    ['x_code', 'text'],
];

/** A table of made-up clients; every value follows from the row's number. */
export function makeTable(rows, isCustom) {
    const own = isCustom
        ? fields.map(([name]) => name)
        : ['business name', 'tax id', 'vat id', 'client since', 'website', 'notes'];
    const lines = [`name,customer no,tags,${own.join(',')}`];
    const tags = ['north', 'south', 'east', 'west', 'vip', 'net', 'gross', 'shop', 'mill', 'port'];
    for (let at = 0; at < rows; at++) {
        const three = [0, 3, 7].map((step) => tags[(at + step) % 10]).join(';');
        const day = new Date(1.7e12 + (at % 700) * 86_400_000).toISOString().slice(0, 10);
        const money = `${at % 9000}.50 EUR`;
        const values = isCustom
            ? [`Region ${at % 40}`, at % 2000, money, day, at % 2 ? 'yes' : 'no', `C${at}`]
            : [`Firm ${at} Ltd`, `T${at}`, `V${at}`, day, `firm${at}.example`, `note ${at % 50}`];
        lines.push(`Client number ${at},N-${at},${three},${values.join(',')}`);
    }
    return Buffer.from(`${lines.join('\n')}\n`);
}

async function upload(firm, bytes) {
    const { id } = (await firm.call('POST', 'uploads', { name: 'year', bytes: bytes.length })).body;
    for (let at = 0, number = 1; at < bytes.length; at += PART, number++)
        await firm.call('PUT', `uploads/${id}/${number}`, bytes.subarray(at, at + PART), {
            'content-type': 'application/octet-stream',
        });
    return id;
}

const isOver = (job) => !['queued', 'running'].includes(job.state);
const wait = (ms) => new Promise((next) => setTimeout(next, ms));

async function ended(firm, id, look = () => {}) {
    for (;;) {
        const job = (await firm.call('GET', `jobs/${id}`)).body;
        look(job);
        if (isOver(job)) return job;
        await wait(50);
    }
}

/** Durable changes of another firm, one after another, until told to stop: their times in ms. */
function neighbour(firm) {
    const times = [];
    let isStopped = false;
    const running = (async () => {
        for (let at = 0; !isStopped; at++) {
            const begun = performance.now();
            await firm.create('contacts', { name: `Neighbour ${at}` });
            times.push(performance.now() - begun);
            await wait(NEIGHBOUR_MS);
        }
    })();
    return async () => {
        isStopped = true;
        await running;
        times.sort((a, b) => a - b);
        return { p50: times[times.length >> 1], p99: times[Math.floor(times.length * 0.99)] };
    };
}

async function begin(firm, bytes) {
    const id = await upload(firm, bytes);
    const answer = await firm.call('POST', 'clients/import', { upload: id, mode: 'create' });
    if (answer.status !== 202) throw new Error(answer.text);
    return answer.body;
}

export async function measureImports(openServer, measure, table, rows = ROWS, words = []) {
    const { anonymousKib, processorMicros } = measure;
    const wants = (word) => words.length === 0 || words.includes(word);
    const server = await openServer(['alone', 'loaded', 'other', 'killed'], { isUnchecked: true });
    const { alone, loaded, other, killed } = server.firms;
    const count = rows.toLocaleString('en');
    const number = (value, digits = 0) => value.toFixed(digits);
    try {
        const isCustom = words.length === 0 || words.includes('custom');
        for (const firm of [alone, loaded, killed])
            for (const [name, kind] of isCustom ? fields : [])
                await firm.create('custom_fields', { entity: 'client', name, kind, label: name });
        const bytes = makeTable(rows, isCustom);
        let peakKib = 0;
        const timer = setInterval(() => {
            if (server.child) peakKib = Math.max(peakKib, anonymousKib(server.pid));
        }, 20);
        let job = await begin(alone, bytes);
        let begun = performance.now();
        const micros0 = processorMicros(server.pid);
        job = await ended(alone, job.id);
        const micros = processorMicros(server.pid) - micros0;
        const perSecond = rows / ((performance.now() - begun) / 1000);
        clearInterval(timer);
        if (job.result?.created !== rows) throw new Error(JSON.stringify(job));
        table.add(
            `import of ${count} clients, 6 ${isCustom ? 'own' : 'built-in'} fields, 3 tags`,
            `${number(perSecond)} rows/s`,
            '>= 4000',
            perSecond >= 4000,
        );
        table.add('… processor time', `${number(micros / rows)} µs a row`);
        table.add(
            '… anonymous memory, peak',
            `${number(peakKib / 1024, 1)} MiB`,
            '< 200 MiB',
            peakKib < 200 * 1024,
        );

        const stopQuiet = neighbour(other);
        await wait(QUIET_MS);
        const quiet = await stopQuiet();
        job = await begin(loaded, bytes);
        const stopBusy = neighbour(other);
        begun = performance.now();
        job = await ended(loaded, job.id);
        const shared = rows / ((performance.now() - begun) / 1000);
        const busy = await stopBusy();
        table.add('the same while a neighbour writes', `${number(shared)} rows/s`);
        table.add(
            "neighbour's durable write, p99 quiet, p99 meanwhile",
            `${number(quiet.p99, 1)} ms, ${number(busy.p99, 1)} ms`,
            '< 3x',
            busy.p99 < 3 * quiet.p99,
        );
        if (wants('kill')) {
            job = await begin(killed, bytes);
            await ended(killed, job.id, (now) => {
                if (now.done > now.total / 2) now.state = 'half';
            });
            await server.kill();
            await server.start();
            job = await ended(killed, job.id);
            const found = (await killed.call('GET', 'clients/export?fields=reference')).text;
            const cells = found.trimEnd().split('\r\n').slice(1);
            const lines = new Set(cells.map((line) => line.split(',')[1]));
            table.add(
                'killed in the middle, it goes on and ends with',
                `${job.result?.created} rows, ${lines.size} records`,
                `${rows}`,
                lines.size === rows && job.result?.created === rows,
            );
        }
        if (wants('undo')) {
            begun = performance.now();
            const undo = await killed.call('POST', `groups/${job.group}/undo`);
            if (undo.status === 202) await ended(killed, undo.body.id);
            const seconds = (performance.now() - begun) / 1000;
            const left = (await killed.call('GET', 'clients?count=true&limit=1')).body;
            table.add(
                'its undo',
                `${undo.status}, ${number(seconds, 1)} s, ${left.count?.value} left`,
                '0 left',
                left.count?.value === 0,
            );
        }
    } finally {
        await server.close();
    }
}

if (import.meta.url === pathToFileURL(path.resolve(process.argv[1])).href) {
    process.env.ATRIUM_BINARY = path.resolve(process.argv[2] ?? 'zig-out/release/bin/atrium');
    const { openServer } = await import('../tests/door/server.mjs');
    const measure = await import('./measure.mjs');
    const table = new measure.Table();
    const [rows, ...words] = process.argv.slice(3);
    await measureImports(openServer, measure, table, rows ? Number(rows) : ROWS, words);
    table.print();
}
