// Small measuring tools: load by wrk and h2load, memory of a process, figures of the server.
import { execFile, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { send } from '../tests/door/http.mjs';

export function hasProgram(name) {
    return spawnSync('sh', ['-c', `command -v ${name}`]).status === 0;
}

function run(program, words) {
    return new Promise((resolve, reject) => {
        execFile(program, words, { maxBuffer: 1 << 20 }, (error, out, err) => {
            if (error) reject(new Error(`${program}: ${err || out || error.message}`));
            else resolve(out);
        });
    });
}

/** Requests a second by wrk; throws when any answer was not a success. */
export async function loadByWrk({ url, headers = {}, connections, seconds, script, more = [] }) {
    const words = ['-t1', `-c${connections}`, `-d${seconds}s`];
    for (const [name, value] of Object.entries(headers)) words.push('-H', `${name}: ${value}`);
    if (script) words.push('-s', script);
    const out = await run('wrk', [...words, url, ...(more.length > 0 ? ['--', ...more] : [])]);
    const wrong = /Non-2xx or 3xx responses: (\d+)/.exec(out);
    if (wrong) throw new Error(`${wrong[1]} answers of ${url} were no success\n${out}`);
    return {
        perSecond: Number(/Requests\/sec:\s*([\d.]+)/.exec(out)[1]),
        count: Number(/(\d+) requests in/.exec(out)[1]),
    };
}

/** Requests a second over HTTP/2 without TLS, by h2load. */
export async function loadByH2load({ url, headers = {}, connections, streams, seconds }) {
    const words = ['-c', connections, '-m', streams, '-D', seconds].map(String);
    for (const [name, value] of Object.entries(headers)) words.push('-H', `${name}: ${value}`);
    const out = await run('h2load', [...words, url]);
    const statuses = /status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx/.exec(out);
    if (!statuses || Number(statuses[3]) + Number(statuses[4]) > 0)
        throw new Error(`h2load of ${url}\n${out}`);
    return { perSecond: Number(/([\d.]+) req\/s/.exec(out)[1]) };
}

/** The middle one of some numbers. */
export function median(numbers) {
    return [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
}

/** Anonymous memory of a process in KiB, 0 when it is gone. */
export function anonymousKib(pid) {
    try {
        const text = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
        return Number(/RssAnon:\s*(\d+)/.exec(text)?.[1] ?? 0);
    } catch {
        return 0;
    }
}

/** Time on a processor that a process has had so far, in microseconds. */
export function processorMicros(pid) {
    const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    const ticksEach = 10_000; // Linux counts hundredths of a second here, whatever the clock is.
    return (Number(fields[11]) + Number(fields[12])) * ticksEach;
}

/** The server's own figures by name. */
export async function figures(adminPort) {
    const answer = await send({
        port: adminPort,
        method: 'GET',
        path: '/metrics',
        headers: { host: `127.0.0.1:${adminPort}` },
    });
    const found = {};
    for (const line of answer.text.split('\n')) {
        const parts = /^atrium_(\w+) (\S+)$/.exec(line);
        if (parts) found[parts[1]] = Number(parts[2]);
    }
    return found;
}

/** What was measured, beside what was aimed at. */
export class Table {
    constructor() {
        this.rows = [];
    }

    /** `holds` says whether a figure reaches the aim; leave it out where there is none. */
    add(what, figure, aim = '', holds = undefined) {
        const verdict = holds === undefined ? '' : holds ? 'yes' : 'MISSED';
        this.rows.push([what, figure, aim, verdict]);
        process.stderr.write(`  ${what}: ${figure}${aim && ` (aim ${aim})`} ${verdict}\n`);
    }

    print() {
        const all = [['what', 'measured', 'aim', 'reached'], ...this.rows];
        const widths = [0, 1, 2, 3].map((at) => Math.max(...all.map((row) => row[at].length)));
        const line = (row) =>
            row
                .map((cell, at) => cell.padEnd(widths[at]))
                .join('  ')
                .trimEnd();
        process.stdout.write(`\n${line(all[0])}\n${widths.map((w) => '-'.repeat(w)).join('  ')}\n`);
        for (const row of this.rows) process.stdout.write(`${line(row)}\n`);
    }
}
