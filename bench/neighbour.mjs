// What a firm feels of others whose rules burn all that they may: node bench/neighbour.mjs BINARY,
// or as a part of bench/run.mjs. Quiet and loaded in one run.
import { spawn } from 'node:child_process';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const isAlone = process.argv[1] === fileURLToPath(import.meta.url);
if (isAlone)
    process.env.ATRIUM_BINARY = path.resolve(process.argv[2] ?? 'zig-out/release/bin/atrium');
process.env.ATRIUM_UNJUDGED = '1';
const { openServer } = await import('../tests/door/server.mjs');
const { hasProgram, Table } = await import('./measure.mjs');

const SECONDS = 8;
const CLIENTS = 64;
const BURNERS = 8;
const READ_MS = 4; // between two reads, and between two writes, of the quiet firm
const WRITE_MS = 12;
// Nearly all of the fuel of a run; what overruns again and again would be switched off.
const burning = 'local sum = 0 for at = 1, 1200000 do sum = sum + at end record.title = "Buyer"';
const own = 'if record.name == "nobody" then reject("not him") end record.title = "Buyer"';

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function addRule(firm, source) {
    const rule = { name: 'rule', entity: 'contact', point: 'before', state: 'active', source };
    await firm.create('rules', rule);
}

/** One request over a connection that stays open: its status and milliseconds. */
function timed(server, agent, firm, method, where, body) {
    const text = body ? JSON.stringify(body) : '';
    const headers = {
        host: firm.host,
        authorization: `Bearer ${firm.token}`,
        ...(body && { 'content-type': 'application/json' }),
        'content-length': Buffer.byteLength(text),
    };
    const begun = performance.now();
    return new Promise((resolve, reject) => {
        const options = { port: server.port, host: '127.0.0.1', agent, method, headers };
        const request = http.request({ ...options, path: `/api/v1/${where}` }, (answer) => {
            answer.resume();
            answer.on('end', () =>
                resolve({ status: answer.statusCode, took: performance.now() - begun }),
            );
        });
        request.on('error', reject);
        request.end(text);
    });
}

/** Reads and durable writes of one firm, whose own rule runs on each write. */
async function live(server, firm, seconds) {
    const until = performance.now() + seconds * 1000;
    const made = await firm.create('contacts', { name: 'Read Often' });
    const times = { read: [], write: [] };
    let failed = 0;
    const turn = async (kind, pause, status, ask) => {
        const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
        while (performance.now() < until) {
            const answer = await ask(agent);
            if (answer.status === status) times[kind].push(answer.took);
            else failed++;
            await wait(pause);
        }
        agent.destroy();
    };
    await Promise.all([
        turn('read', READ_MS, 200, (agent) =>
            timed(server, agent, firm, 'GET', `contacts/${made.id}`),
        ),
        turn('write', WRITE_MS, 201, (agent) =>
            timed(server, agent, firm, 'POST', 'contacts', { name: 'Written Often' }),
        ),
    ]);
    const p99 = (list) => list.sort((a, b) => a - b)[Math.floor(list.length * 0.99)];
    return { read: p99(times.read), write: p99(times.write), failed, count: times.write.length };
}

/** Creates of these firms by 64 clients, until it is ended; refusals are expected. */
function flood(server, firms) {
    const words = ['-t1', `-c${CLIENTS}`, '-d60s', '-s', path.join(here, 'create.lua')];
    const url = `http://127.0.0.1:${server.port}/api/v1/contacts`;
    const child = spawn('wrk', [...words, url, '--', ...firms.flatMap((f) => [f.host, f.token])], {
        stdio: 'ignore',
    });
    const ended = new Promise((resolve) => child.on('close', resolve));
    return () => {
        child.kill('SIGKILL');
        return ended;
    };
}

export async function measureNeighbours(table) {
    const names = Array.from({ length: BURNERS }, (_, at) => `burner${at}`);
    const server = await openServer(['calm', 'alone', ...names], { isUnchecked: true });
    const { calm } = server.firms;
    try {
        await addRule(calm, own);
        for (const name of ['alone', ...names]) await addRule(server.firms[name], burning);
        await live(server, calm, 1);
        const quiet = await live(server, calm, SECONDS);
        for (const burners of [['alone'], names]) {
            const end = flood(
                server,
                burners.map((name) => server.firms[name]),
            );
            await wait(500);
            const loaded = await live(server, calm, SECONDS);
            await end();
            const who = `beside ${burners.length} ${burners.length > 1 ? 'firms' : 'firm'} burning`;
            for (const [kind, most] of [
                ['read', 2],
                ['write', 3],
            ]) {
                const ratio = loaded[kind] / quiet[kind];
                table.add(
                    `p99 of a ${kind} ${who}`,
                    `${ratio.toFixed(2)}× (${loaded[kind].toFixed(1)} and ` +
                        `${quiet[kind].toFixed(1)} ms)`,
                    `< ${most}×`,
                    ratio < most,
                );
            }
            table.add(
                `failed of ${loaded.count} writes with a rule ${who}`,
                `${loaded.failed}`,
                '0',
                loaded.failed === 0,
            );
            await wait(1000);
        }
    } finally {
        await server.close();
    }
}

if (isAlone && hasProgram('wrk')) {
    const table = new Table();
    await measureNeighbours(table);
    table.print?.();
}
