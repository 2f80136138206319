// A stream of server-sent events as a page sees it, read event by event; over HTTP/1.1, or on an
// HTTP/2 session that many share.
import http from 'node:http';
import https from 'node:https';
import { HANG_MS, until } from './wait.mjs';

/** One open stream. `hear` is called with each piece as it came, `judge` with each event read. */
export class Events {
    constructor(hear = () => {}, judge = () => {}) {
        this.hear = hear;
        this.judge = judge;
        this.status = 0;
        this.headers = {};
        this.events = [];
        this.comments = 0;
        this.lastId = '';
        this.isEnded = false;
        this.rest = '';
        this.waiters = [];
    }

    /** Text as it comes, in any pieces. */
    take(text) {
        this.rest += text;
        const blocks = this.rest.split('\n\n');
        this.rest = blocks.pop();
        for (const block of blocks) {
            this.hear(block);
            this.takeBlock(block);
        }
        this.wake();
    }

    takeBlock(block) {
        const event = { type: 'message', data: [] };
        for (const line of block.split('\n')) {
            const colon = line.indexOf(':');
            const value = line.slice(colon + 1).replace(/^ /, '');
            if (colon === 0) this.comments++;
            else if (line.startsWith('id:')) this.lastId = value;
            else if (line.startsWith('event:')) event.type = value;
            else if (line.startsWith('data:')) event.data.push(value);
            else if (!line.startsWith('retry:')) throw new Error(`no field of an event: ${line}`);
        }
        if (event.data.length === 0) return;
        const data = JSON.parse(event.data.join('\n'));
        this.events.push({ id: this.lastId, type: event.type, data });
        this.judge({ event: event.type, id: this.lastId, data });
    }

    wake() {
        for (const waiter of this.waiters.splice(0)) waiter();
    }

    end() {
        this.isEnded = true;
        this.wake();
    }

    /** Waits until `holds` of this stream; `what` is for the one who reads the failure. */
    async until(holds, what) {
        const late = performance.now() + HANG_MS;
        while (!holds(this)) {
            const leftMs = late - performance.now();
            const words = `${what}; ${this.events.length} events, last id ${this.lastId}`;
            if (this.isEnded || leftMs <= 0)
                throw new Error(`${this.isEnded ? 'the stream ended' : 'no'} ${words}`);
            await new Promise((resolve) => {
                const timer = setTimeout(resolve, leftMs);
                this.waiters.push(() => {
                    clearTimeout(timer);
                    resolve();
                });
            });
        }
    }

    /** The events with these many at least. */
    async count(number) {
        await this.until((stream) => stream.events.length >= number, `${number} events`);
        return this.events;
    }

    async ended() {
        await until(() => this.isEnded, 'the end of the stream');
    }
}

/** Opens a stream of a firm's changes; when it is refused, `refusal` is the answer. */
export function openEvents(firm, { query = '', headers = {}, isSecure = false } = {}) {
    const asked = {
        method: 'GET',
        path: `/api/v1/changes${query}`,
        headers: {
            host: firm.host,
            accept: 'text/event-stream',
            ...(firm.token ? { authorization: `Bearer ${firm.token}` } : {}),
            ...headers,
        },
    };
    const { watch, judge } = firm.server;
    const stream = new Events(
        (text) => watch.hear(asked, text),
        (event) => judge.judgeEvent(asked, event),
    );
    return new Promise((resolve, reject) => {
        const request = (isSecure ? https : http).request(
            {
                host: '127.0.0.1',
                port: isSecure ? firm.server.securePort : firm.server.port,
                rejectUnauthorized: false,
                ...asked,
                agent: false,
            },
            (response) => {
                stream.status = response.statusCode;
                stream.headers = response.headers;
                response.setEncoding('utf8');
                if (stream.status === 200) response.on('data', (text) => stream.take(text));
                else
                    readRefusal(response, stream, () => {
                        firm.server.watch.see(asked, stream.refusal);
                        resolve(stream);
                    });
                response.on('end', () => stream.end());
                response.on('error', () => stream.end());
                if (stream.status === 200) resolve(stream);
            },
        );
        stream.close = () => request.destroy();
        request.on('error', (error) => {
            stream.end();
            reject(error);
        });
        request.end();
    });
}

function readRefusal(response, stream, done) {
    let text = '';
    response.on('data', (part) => {
        text += part;
    });
    response.on('end', () => {
        stream.refusal = {
            status: response.statusCode,
            headers: response.headers,
            type: response.headers['content-type'] ?? '',
            text,
            body: JSON.parse(text),
        };
        done();
    });
}

/** The same on an open HTTP/2 session. */
export function openEventsOn(session, firm, query = '') {
    const path = `/api/v1/changes${query}`;
    const headers = { accept: 'text/event-stream', authorization: `Bearer ${firm.token}` };
    const asked = { method: 'GET', path, headers: { host: firm.host, ...headers } };
    const { watch, judge } = firm.server;
    const stream = new Events(
        (text) => watch.hear(asked, text),
        (event) => judge.judgeEvent(asked, event),
    );
    const request = session.request({ ':path': path, ':authority': firm.host, ...headers });
    stream.close = () => request.close();
    request.setEncoding('utf8');
    request.on('data', (text) => stream.take(text));
    request.on('close', () => stream.end());
    return new Promise((resolve, reject) => {
        request.on('error', reject);
        request.on('response', (headers) => {
            stream.status = headers[':status'];
            stream.headers = headers;
            resolve(stream);
        });
    });
}
