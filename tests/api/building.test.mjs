// A formula and a roll-up added to a firm's clients while eight of its people write.
// ATRIUM_LONG=1 does it with 100,000 clients.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { expectStatus } from '../door/expect.mjs';
import { addField } from '../door/fields.mjs';
import { openServer } from '../door/server.mjs';
import { pause } from '../door/wait.mjs';

const isLong = Boolean(process.env.ATRIUM_LONG);
const CLIENTS = isLong ? 100_000 : 200;
const WRITERS = 8;
const WAIT_MS = 1_800_000;

let server;
let firm;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
});
after(() => server.close());

async function importClients() {
    await addField(firm, { entity: 'client', name: 'x_hours', kind: 'number' });
    const rows = ['Company Name,x_hours,Street'];
    for (let at = 0; at < CLIENTS; at++) rows.push(`Client ${at},${at % 50},Street ${at}`);
    const file = path.join(server.folder, 'clients.csv');
    await fs.writeFile(file, rows.join('\n'));
    const map = { 'Company Name': 'name', x_hours: 'x_hours', Street: 'default_address.line1' };
    const mapFile = path.join(server.folder, 'map.json');
    await fs.writeFile(mapFile, JSON.stringify(map));
    await server.mustRun(
        ['import', '--tenant', 'acme', '--entity', 'clients', '--map', mapFile, file],
        { timeoutMs: WAIT_MS },
    );
}

/** Writes to clients of its own until told to stop; each write must succeed. */
async function write(ids, work, is) {
    for (let at = 0; !is.over || at === 0; at++) {
        const id = ids[at % ids.length];
        const from = performance.now();
        if (at % 2 === 0)
            expectStatus(await firm.call('PATCH', `clients/${id}`, { x_hours: at % 90 }), 200);
        else
            expectStatus(
                await firm.call('POST', 'addresses', { client: id, line1: `More ${at}` }),
                201,
            );
        work.longest = Math.max(work.longest, performance.now() - from);
        work.count++;
    }
}

test('a formula and a roll-up are right in the end, and writers are not stopped', async () => {
    await importClients();
    const page = (await firm.call('GET', 'clients?limit=200')).body.data;
    const work = { count: 0, longest: 0 };
    const is = { over: false };
    const writers = Array.from({ length: WRITERS }, (_, at) =>
        write(
            page.filter((_, of) => of % WRITERS === at).map((record) => record.id),
            work,
            is,
        ),
    );
    const from = performance.now();
    const fields = [
        { name: 'x_pay', kind: 'formula', formula: '(record.x_hours or 0) * 2.5' },
        {
            name: 'x_places',
            kind: 'rollup',
            rollup: { from: 'address', via: 'client', function: 'count' },
        },
        {
            name: 'x_newest',
            kind: 'rollup',
            rollup: { from: 'address', via: 'client', function: 'latest', field: 'created_at' },
        },
    ];
    const states = [];
    for (const field of fields) {
        const answer = await firm.call('POST', 'custom_fields', { entity: 'client', ...field });
        states.push(expectStatus(answer, 201).body);
    }
    const building = states.filter((field) => field.state === 'building').length;
    for (const { id } of states)
        for (let waited = 0; ; waited += 50) {
            if ((await firm.get('custom_fields', id)).state === 'ready') break;
            assert.ok(waited < WAIT_MS, 'a field stays `building`');
            await pause(50);
        }
    const took = performance.now() - from;
    is.over = true;
    await Promise.all(writers);
    process.stderr.write(
        `${CLIENTS} clients: ${fields.length} fields built in ${(took / 1000).toFixed(1)} s; ` +
            `${work.count} writes of ${WRITERS} meanwhile, the longest ` +
            `${work.longest.toFixed(0)} ms\n`,
    );
    assert.ok(building > 0, 'no field was ever `building`');
    assert.ok(work.count >= WRITERS);
    for (const { id } of page.slice(0, 40)) {
        const record = await firm.get('clients', id);
        const places = (await firm.call('GET', `addresses?client=${id}&limit=200&count=true`)).body;
        assert.equal(record.x_pay, (record.x_hours ?? 0) * 2.5);
        assert.equal(record.x_places, places.count.value);
        assert.equal(record.x_newest, places.data.map((place) => place.created_at).sort().at(-1));
    }
    await server.mustRun(['check'], { timeoutMs: WAIT_MS });
});
