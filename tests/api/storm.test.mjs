// A crowd of clients that speak HTTP/2 by chance: right frames in no right order, requests that
// nobody waits for, ends of every kind. Whatever they do, the server lives and serves others.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Wire, block, frame, number, preface } from '../door/attacks.mjs';
import { makeCertificate } from '../door/certificate.mjs';
import { chooseSeed, makeRandom } from '../door/random.mjs';
import { openServer } from '../door/server.mjs';

const AT_ONCE = 16;
const CONNECTIONS = 160;
const PATHS = ['/healthz', '/api/v1/openapi.json', '/api/v1/me', '/nothing', '/'];
const [DATA, HEADERS, PRIORITY, RESET, PING, WINDOW] = [0, 1, 2, 3, 6, 8];

let server;
let folder;
before(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'atrium-storm-'));
    const { certificate, key } = makeCertificate(folder, 'first');
    const secure = ['--https', '127.0.0.1:0', '--tls-cert', certificate, '--tls-key', key];
    server = await openServer(['acme'], { words: [...secure, '--stall-ms', '1000'] });
});
after(async () => {
    await server.close();
    await fs.rm(folder, { recursive: true, force: true });
});

/** One more frame, of a stream that is open or of a new one. */
function anyFrame(random, open, host) {
    const stream = () => open[random.below(open.length)];
    const kind = open.length === 0 ? 0 : random.below(12);
    if (kind < 7) {
        const next = 1 + 2 * open.length;
        open.push(next);
        const method = random.below(5) === 0 ? 'POST' : 'GET';
        const where = PATHS[random.below(PATHS.length)];
        return frame(HEADERS, random.below(9) === 0 ? 4 : 5, next, block(method, where, host));
    }
    if (kind === 7) return frame(RESET, 0, stream(), number(8));
    if (kind === 8) return frame(PING, 0, 0, Buffer.alloc(8));
    if (kind === 9) return frame(WINDOW, 0, stream(), number(1 + random.below(100_000)));
    if (kind === 10)
        return frame(DATA, random.below(2), stream(), Buffer.alloc(random.below(2000)));
    return frame(PRIORITY, 0, stream(), Buffer.from([0, 0, 0, random.below(8), random.below(256)]));
}

async function visit(random, isSecure, host) {
    const port = isSecure ? server.securePort : server.port;
    const wire = await Wire.open({ port, isSecure, protocol: 'h2' });
    if (random.below(2)) wire.socket.pause();
    const isWide = random.below(2) === 1;
    const wide = Buffer.concat([Buffer.from([0, 4]), number(0x7ffffff0)]);
    await wire.write(preface(isWide ? wide : undefined));
    if (isWide) await wire.write(frame(WINDOW, 0, 0, number(0x70000000)));
    const open = [];
    for (let left = 1 + random.below(6); left > 0; left--) {
        const frames = Array.from({ length: random.below(120) }, () =>
            anyFrame(random, open, host),
        );
        wire.socket.write(Buffer.concat(frames));
        await wire.pause(random.below(20));
    }
    const end = random.below(4);
    if (end === 0 && !isSecure) wire.socket.resetAndDestroy();
    if (end === 1) {
        wire.socket.end();
        await wire.pause(random.below(500));
    }
    wire.close();
}

test('a crowd that speaks HTTP/2 by chance ends nobody but itself', async (t) => {
    const seed = chooseSeed();
    t.diagnostic(`ATRIUM_SEED=${seed}`);
    const { host } = server.firms.acme;
    let left = CONNECTIONS;
    const { pid } = server;
    const worker = async (_, at) => {
        while (left-- > 0) await visit(makeRandom(seed + left), at % 3 === 0, host);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    const { status } = await server.firms.acme.call('GET', 'me');
    assert.equal(status, 200);
    assert.equal(server.pid, pid, 'it is the same server');
});
