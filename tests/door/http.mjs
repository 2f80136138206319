// One request and its whole answer over HTTP/1.1, with nothing hidden and nothing retried.
import http from 'node:http';
import net from 'node:net';
import { unpack } from './msgpack.mjs';
import { HANG_MS, pause } from './wait.mjs';
import { watchOf } from './watch.mjs';

/** Of what is written on a raw connection, so much is told to the watch. */
export const HEARD_MAX = 20_000;

/** A connection that was idle for longer may be about to be ended by the server. */
const KEPT_MS_MAX = 20_000;

/** Keeps connections, but none that nobody has used for long. */
class Agent extends http.Agent {
    keepSocketAlive(socket) {
        socket.keptSince = performance.now();
        return super.keepSocketAlive(socket);
    }

    addRequest(...request) {
        for (const kept of Object.values(this.freeSockets))
            for (const socket of [...kept])
                if (performance.now() - socket.keptSince > KEPT_MS_MAX) {
                    kept.splice(kept.indexOf(socket), 1);
                    socket.destroy();
                }
        super.addRequest(...request);
    }
}

const agent = new Agent({ keepAlive: true, maxSockets: 256 });

/** What came back; `body` is the value when the answer is JSON or MessagePack. */
function answerOf(response, bytes) {
    const text = bytes.toString('utf8');
    const type = response.headers['content-type'] ?? '';
    let body;
    if (/^application\/(problem\+)?json\b/.test(type) && text.length > 0) body = JSON.parse(text);
    if (type === 'application/msgpack' && bytes.length > 0) body = unpack(bytes);
    return { status: response.statusCode, headers: response.headers, type, text, body };
}

/**
 * Sends one request. `body`: undefined for none, a string or Buffer as it stands, anything else as
 * JSON.
 * Rejects when the connection ends before the answer does.
 */
export function send({ port, method, path, headers = {}, body, timeoutMs = HANG_MS }) {
    const all = { ...headers };
    let bytes;
    if (body !== undefined) {
        const isRaw = typeof body === 'string' || Buffer.isBuffer(body);
        bytes = Buffer.from(isRaw ? body : JSON.stringify(body));
        const names = Object.keys(all).map((name) => name.toLowerCase());
        if (!names.includes('content-type')) all['content-type'] = 'application/json';
        all['content-length'] = bytes.length;
    }
    return new Promise((resolve, reject) => {
        const request = http.request(
            { host: '127.0.0.1', port, method, path, headers: all, agent, timeout: timeoutMs },
            (response) => {
                const parts = [];
                response.on('data', (part) => parts.push(part));
                response.on('error', reject);
                response.on('end', () => resolve(answerOf(response, Buffer.concat(parts))));
            },
        );
        request.on('timeout', () => request.destroy(new Error(`no answer in ${timeoutMs} ms`)));
        request.on('error', reject);
        request.end(bytes);
    });
}

/** Ends idle connections, so that a test process can end. */
export function closeConnections() {
    agent.destroy();
}

/**
 * Bytes straight onto a connection, for requests that no client library would send. Gives all that
 * came back until the server closed, or until `quietMs` passed.
 */
export function sendBytes({ port, parts, pauseMs = 0, quietMs = HANG_MS }) {
    return new Promise((resolve) => {
        const socket = net.connect(port, '127.0.0.1');
        const received = [];
        let sent = '';
        let isEnded = false;
        const timer = setTimeout(() => end('quiet'), quietMs);
        function end(how) {
            if (isEnded) return;
            isEnded = true;
            clearTimeout(timer);
            socket.destroy();
            const text = Buffer.concat(received).toString('latin1');
            watchOf(port)?.hearBytes(sent, text);
            resolve({ how, text });
        }
        socket.on('data', (bytes) => received.push(bytes));
        socket.on('end', () => end('closed'));
        socket.on('close', () => end('closed'));
        socket.on('error', () => end('reset'));
        socket.on('connect', async () => {
            for (const part of parts) {
                if (isEnded) return;
                socket.write(part);
                if (sent.length < HEARD_MAX) sent += part.toString('latin1').slice(0, HEARD_MAX);
                if (pauseMs > 0) await pause(pauseMs);
            }
        });
    });
}
