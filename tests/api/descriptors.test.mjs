// A server whose last file descriptor is taken: who is in goes on, nobody is told a lie, and once
// descriptors are free again everybody is served, without a restart.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { expectProblem, expectStatus } from '../door/expect.mjs';
import { closeConnections, sendBytes } from '../door/http.mjs';
import { openServer } from '../door/server.mjs';
import { until } from '../door/wait.mjs';

const SPARE = 4;
const CROWD = 12;

let server;
let firm;
before(async () => {
    server = await openServer(['acme'], { words: ['--admin', '127.0.0.1:0'] });
    firm = server.firms.acme;
});
after(() => server.close());

const descriptors = () => new Set(fs.readdirSync(`/proc/${server.pid}/fd`).map(Number));
/** How many numbers below this one are free. */
function freeBelow(most) {
    const taken = descriptors();
    return Array.from({ length: most }, (_, number) => number).filter((one) => !taken.has(one))
        .length;
}

test('without a descriptor left, who is in goes on, and all are served afterwards', async () => {
    const begun = await firm.call('POST', 'uploads', { name: 'list.csv', bytes: 3 });
    const part = `uploads/${expectStatus(begun, 201).body.id}/1`;
    const binary = { 'content-type': 'application/octet-stream' };
    let most = 0;
    while (freeBelow(most) < SPARE) most += 1;
    const { pid } = server;
    const words = [`--pid=${pid}`, `--nofile=${most}:${most}`];
    const limited = spawnSync('prlimit', words, { encoding: 'utf8' });
    assert.equal(limited.status, 0, limited.stderr);
    const crowd = Array.from({ length: CROWD }, () => {
        const socket = net.connect(server.port, '127.0.0.1');
        socket.on('error', () => {});
        return socket;
    });
    try {
        await until(() => freeBelow(most) === 0, 'no descriptor is left');
        // These come over a connection that is there already.
        const made = await firm.create('contacts', { name: 'Made meanwhile' });
        assert.equal((await firm.get('contacts', made.id)).name, 'Made meanwhile');
        const put = await firm.call('PUT', part, Buffer.from('abc'), binary);
        assert.ok(put.status >= 500, `${put.status}: ${put.text}`);
        expectProblem(put, put.status);
    } finally {
        for (const socket of crowd) socket.destroy();
    }
    closeConnections();
    const head = `GET /healthz HTTP/1.1\r\nHost: ${firm.host}\r\nConnection: close\r\n\r\n`;
    const { text } = await sendBytes({ port: server.port, parts: [head] });
    assert.match(text, /^HTTP\/1\.1 200 /);
    await until(() => freeBelow(most) > 0, 'descriptors come back');
    expectStatus(await firm.call('PUT', part, Buffer.from('abc'), binary), 200);
    assert.equal(server.pid, pid, 'it was started again');
});
