// Thousands of open event streams: what each costs in memory, and how long a change takes to reach
// the last of them. Alone: node bench/streams.mjs BINARY
import http2 from 'node:http2';
import net from 'node:net';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const STREAMS = 2000;
const SESSIONS = 63; // of HTTP/2, 32 streams each
const ROUNDS = 5;
const LATE_MS = 30_000;

/** Counts the events of one stream, and tells each. */
function counter(heard) {
    let rest = '';
    return (text) => {
        rest += text;
        for (let at; (at = rest.indexOf('data: ')) >= 0; ) {
            const end = rest.indexOf('\n', at);
            if (end < 0) return;
            heard();
            rest = rest.slice(end);
        }
        rest = rest.slice(-8);
    };
}

function openPlain(server, firm, heard) {
    return new Promise((resolve, reject) => {
        const socket = net.connect(server.port, '127.0.0.1');
        const take = counter(heard);
        socket.setEncoding('latin1');
        socket.on('error', reject);
        socket.once('data', (text) => {
            if (text.startsWith('HTTP/1.1 200')) resolve(() => socket.destroy());
            else reject(new Error(text));
        });
        socket.on('data', take);
        socket.write(
            `GET /api/v1/changes HTTP/1.1\r\nHost: ${firm.host}\r\n` +
                `Accept: text/event-stream\r\nAuthorization: Bearer ${firm.token}\r\n\r\n`,
        );
    });
}

function openFramed(session, firm, heard) {
    return new Promise((resolve, reject) => {
        const stream = session.request({
            ':path': '/api/v1/changes',
            ':authority': firm.host,
            accept: 'text/event-stream',
            authorization: `Bearer ${firm.token}`,
        });
        stream.setEncoding('latin1');
        stream.on('error', reject);
        stream.on('data', counter(heard));
        stream.on('response', (headers) => {
            if (headers[':status'] === 200) resolve(() => stream.close());
            else reject(new Error(`status ${headers[':status']}`));
        });
    });
}

/** Opens them all, changes one record now and then, and closes them. */
async function measureForm({ anonymousKib }, server, table, form) {
    const firm = server.firms.bench;
    const pid = server.pid;
    let heard = 0;
    let isHeard = () => {};
    const hear = () => {
        if (++heard === STREAMS) isHeard();
    };
    const beforeKib = anonymousKib(pid);
    const opened = await form.open(server, firm, hear);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const eachKib = (anonymousKib(pid) - beforeKib) / STREAMS;
    table.add(
        `memory of an open event stream, ${STREAMS} over ${form.name}`,
        `${eachKib.toFixed(1)} KiB`,
        '< 16 KiB',
        eachKib < 16,
    );
    const timesMs = [];
    for (let round = 0; round < ROUNDS; round++) {
        heard = 0;
        const all = new Promise((resolve, reject) => {
            const late = setTimeout(
                () => reject(new Error(`${heard} of ${STREAMS} heard of it`)),
                LATE_MS,
            );
            isHeard = () => {
                clearTimeout(late);
                resolve(performance.now());
            };
        });
        const begun = performance.now();
        await firm.create('contacts', { name: `Round ${round}` });
        const answered = performance.now();
        timesMs.push({ last: (await all) - begun, answer: answered - begun });
    }
    timesMs.sort((a, b) => a.last - b.last);
    const worst = timesMs.at(-1).last;
    table.add(
        `… from a change's request until the last has it (worst of ${ROUNDS})`,
        `${worst.toFixed(0)} ms (its own answer: ${timesMs.at(-1).answer.toFixed(0)} ms)`,
        '< 1000 ms',
        worst < 1000,
    );
    for (const close of opened) close();
    await new Promise((resolve) => setTimeout(resolve, 500));
}

const forms = [
    {
        name: 'HTTP/1.1',
        open: async (server, firm, hear) => {
            const opened = [];
            for (let at = 0; at < STREAMS; at += 100) {
                const some = Array.from({ length: 100 }, () => openPlain(server, firm, hear));
                opened.push(...(await Promise.all(some)));
            }
            return opened;
        },
    },
    {
        name: 'HTTP/2',
        open: async (server, firm, hear) => {
            const sessions = Array.from({ length: SESSIONS }, () =>
                http2.connect(`http://127.0.0.1:${server.port}`),
            );
            const opened = Array.from({ length: STREAMS }, (_, at) =>
                openFramed(sessions[at % SESSIONS], firm, hear),
            );
            const closers = await Promise.all(opened);
            return [...closers, ...sessions.map((session) => () => session.destroy())];
        },
    },
];

/** Each on a server of its own, which has no memory left from the one before. */
export async function measureStreams(openServer, tools, table) {
    for (const form of forms) {
        const server = await openServer(['bench'], { isUnchecked: true });
        try {
            await measureForm(tools, server, table, form);
        } finally {
            await server.close();
        }
    }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
    process.env.ATRIUM_BINARY = path.resolve(process.argv[2] ?? 'zig-out/release/bin/atrium');
    const { openServer } = await import('../tests/door/server.mjs');
    const tools = await import('./measure.mjs');
    const table = new tools.Table();
    await measureStreams(openServer, tools, table);
    table.print();
}
