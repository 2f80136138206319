// What 200 sign-ins at once cost another firm, and whether a clock tells a wrong password from an
// address that nobody has: node bench/sign_ins.mjs BINARY. Quiet and loaded in one run.
import fs from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';

process.env.ATRIUM_BINARY = path.resolve(process.argv[2] ?? 'zig-out/release/bin/atrium');
process.env.ATRIUM_UNJUDGED = '1';
const { openServer, password } = await import('../tests/door/server.mjs');

const SECONDS = 4;
const AT_ONCE = 200;
const TRIES = Number(process.env.TRIES ?? 1000);
const FIRMS = 12; // over which tries are spread: 200 at one account, and they would wait
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const agent = new http.Agent({ keepAlive: true, maxSockets: 512 });

/** One request over a kept connection: its status, its length and its milliseconds. */
function ask(server, { method, where, host, headers, body }) {
    const text = body ? JSON.stringify(body) : '';
    const all = {
        host,
        ...headers,
        ...(body && { 'content-type': 'application/json' }),
        'content-length': Buffer.byteLength(text),
    };
    const begun = performance.now();
    return new Promise((resolve, reject) => {
        const options = { port: server.port, host: '127.0.0.1', agent, method, headers: all };
        const request = http.request({ ...options, path: `/api/v1/${where}` }, (answer) => {
            let bytes = 0;
            answer.on('data', (part) => (bytes += part.length));
            answer.on('end', () =>
                resolve({ status: answer.statusCode, bytes, took: performance.now() - begun }),
            );
        });
        request.on('error', reject);
        request.end(text);
    });
}

let callers = 0;
/** Whence a request comes, as the proxy before the server tells it. */
const from = (at) => ({
    'x-forwarded-for': `10.${(at >> 16) & 255}.${(at >> 8) & 255}.${at & 255}`,
    'x-forwarded-proto': 'https',
});
const signIn = (server, firm, email, word) =>
    ask(server, {
        method: 'POST',
        where: 'session',
        host: `${firm.name}.localhost`,
        headers: from(++callers),
        body: { email, password: word },
    });

const quantile = (times, share) =>
    times.toSorted((a, b) => a - b)[Math.min(times.length - 1, Math.floor(times.length * share))];

/** Of the server, which a watching process has started. */
async function rss(server) {
    const { pid } = server.child;
    const children = await fs.readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
    let most = 0;
    for (const one of [pid, ...children.trim().split(/\s+/)]) {
        const text = await fs.readFile(`/proc/${one}/status`, 'utf8').catch(() => '');
        most = Math.max(most, Number(/RssAnon:\s+(\d+)/.exec(text)?.[1] ?? 0) / 1024);
    }
    return most;
}

/** Reads of one firm, one each few milliseconds, until told to stop. */
async function reads(server, firm, until) {
    const times = [];
    while (performance.now() < until) {
        const answer = await ask(server, {
            method: 'GET',
            where: 'clients?limit=20',
            host: `${firm.name}.localhost`,
            headers: { authorization: `Bearer ${firm.token}`, ...from(1) },
        });
        if (answer.status !== 200) throw new Error(`a read was answered ${answer.status}`);
        times.push(answer.took);
        await wait(2);
    }
    return times;
}

async function measureCrowd(server) {
    const { quiet, crowd } = server.firms;
    for (let at = 0; at < 20; at++)
        await quiet.create('clients', { name: `Client ${at}`, kind: 'individual' });
    await reads(server, quiet, performance.now() + 500);
    const alone = await reads(server, quiet, performance.now() + SECONDS * 1000);
    const before = await rss(server);
    const statuses = {};
    let most = before;
    const until = performance.now() + SECONDS * 1000;
    const [beside] = await Promise.all([
        reads(server, quiet, until),
        (async () => {
            while (performance.now() < until) {
                const answers = await Promise.all(
                    Array.from({ length: AT_ONCE }, () =>
                        signIn(server, crowd, crowd.owner, password),
                    ),
                );
                for (const { status } of answers) statuses[status] = (statuses[status] ?? 0) + 1;
                most = Math.max(most, await rss(server));
            }
        })(),
    ]);
    const [one, other] = [quantile(alone, 0.99), quantile(beside, 0.99)];
    const told = (times, high) =>
        `p50 ${quantile(times, 0.5).toFixed(2)} ms, p99 ${high.toFixed(2)} ms`;
    console.log(`reads alone: ${told(alone, one)}`);
    console.log(`beside ${AT_ONCE} sign-ins at once of another firm: ${told(beside, other)}`);
    console.log(`ratio of p99: ${(other / one).toFixed(2)}; answers: ${JSON.stringify(statuses)}`);
    console.log(`RssAnon: ${before.toFixed(0)} MiB before, ${most.toFixed(0)} MiB at most`);
}

/** The largest distance of two distributions (Kolmogorov-Smirnov). */
function distance(a, b) {
    const [x, y] = [a, b].map((times) => times.toSorted((one, two) => one - two));
    let [at, other, most] = [0, 0, 0];
    while (at < x.length && other < y.length) {
        if (x[at] <= y[other]) at++;
        else other++;
        most = Math.max(most, Math.abs(at / x.length - other / y.length));
    }
    return most;
}

async function measureTries(server) {
    const firms = Array.from({ length: FIRMS }, (_, at) => server.firms[`firm${at}`]);
    for (const firm of firms) {
        const user = { name: 'Off', email: 'off@firm.example', role: 'owner', disabled: true };
        await firm.create('users', user);
    }
    const kinds = {
        wrong: (firm) => [firm.owner, 'not the password'],
        again: (firm) => [firm.owner, 'not that one too'],
        unknown: (firm, at) => [`nobody${at % 50}@firm.example`, 'not the password'],
        disabled: () => ['off@firm.example', 'not the password'],
    };
    const times = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, []]));
    const seen = new Set();
    for (let at = 0; at < TRIES; at++) {
        for (const [kind, make] of Object.entries(kinds)) {
            const firm = firms[at % FIRMS];
            let answer = await signIn(server, firm, ...make(firm, at));
            while (answer.status === 429) {
                await wait(200);
                answer = await signIn(server, firm, ...make(firm, at));
            }
            seen.add(`${answer.status} ${answer.bytes}`);
            times[kind].push(answer.took);
        }
    }
    console.log(`answers to ${TRIES} tries of each (status, bytes): ${[...seen].join(', ')}`);
    for (const [kind, own] of Object.entries(times)) {
        const [low, mid, high] = [0.1, 0.5, 0.9].map((share) => quantile(own, share).toFixed(2));
        const ks = distance(times.wrong, own);
        const median = quantile(own, 0.5) / quantile(times.wrong, 0.5);
        console.log(
            `${kind.padEnd(9)} p10 ${low}, median ${mid}, p90 ${high} ms; ` +
                `median / wrong ${median.toFixed(3)}; distance ${ks.toFixed(3)}`,
        );
    }
    const bound = 1.63 * Math.sqrt(2 / TRIES);
    console.log(`two samples of one distribution differ by less than ${bound.toFixed(3)} (99 %)`);
}

const names = ['quiet', 'crowd', ...Array.from({ length: FIRMS }, (_, at) => `firm${at}`)];
const words = ['--behind-proxy', '127.0.0.1'];
const server = await openServer(names, { words, isUnchecked: true });
try {
    await measureCrowd(server);
    await measureTries(server);
} finally {
    agent.destroy();
    await server.close();
}
