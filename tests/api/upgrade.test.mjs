// A newer schema over older data: what it adds is built by jobs while the firms are served.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { expectFault, expectProblem, expectStatus } from '../door/expect.mjs';
import { root } from '../door/program.mjs';
import { openServer } from '../door/server.mjs';
import { until } from '../door/wait.mjs';

const COUNT = 210; // more than one stretch of a job

let server;
let firm;
let newer;
before(async () => {
    server = await openServer(['acme', 'empty'], { isUnchecked: true });
    firm = server.firms.acme;
    await firm.create('custom_fields', { entity: 'client', name: 'x_own', kind: 'number' });
    for (let at = 0; at < COUNT; at += 70)
        await Promise.all(
            Array.from({ length: 70 }, (_, of) =>
                firm.create('clients', {
                    name: `Client ${at + of}`,
                    tax_condition: `condition${(at + of) % 7}`,
                    stage: 'lead',
                    primary_contact: { name: 'Ann' },
                    x_own: at + of,
                }),
            ),
        );
    newer = path.join(server.folder, 'schema');
    await fs.cp(path.join(root, 'schema'), newer, { recursive: true });
    const file = path.join(newer, 'client.lua');
    let text = await fs.readFile(file, 'utf8');
    const replace = (from, to) => {
        assert.ok(text.includes(from), from);
        text = text.replace(from, to);
    };
    replace(
        '18, label = "Tax condition", max = 100,',
        '18, label = "Tax condition", max = 100, index = true, search = true,',
    );
    replace('pairs = {', 'pairs = { { 90, "stage", "created_by" },');
    replace(
        '  time "last_contact_at"',
        `  text "segment" { 90, label = "Segment", required = true, index = true },
  formula "name_length" { 91, label = "Length", formula = "#record.name", index = true },
  time "last_contact_at"`,
    );
    await fs.writeFile(file, text);
});
after(() => server.close());

const clientFields = async () =>
    (await firm.call('GET', 'schema')).body.entities.find((one) => one.name === 'client').fields;
const count = async (query) =>
    expectStatus(await firm.call('GET', `clients?count=true&${query}`), 200).body.count.value;

test('what a newer schema adds is built while it serves', async () => {
    await server.stop();
    await server.start({ words: ['--schema', newer] });
    const early = await firm.call('GET', 'clients?tax_condition=condition3');
    assert.ok([200, 400].includes(early.status));
    if (early.status === 400) expectProblem(early, 400, 'built');
    expectFault(
        await firm.call('POST', 'clients', { name: 'New', primary_contact: { name: 'Bo' } }),
        'segment',
        'required',
    );
    await until(async () => !(await clientFields()).some((field) => field.building));
    assert.equal(await count('tax_condition=condition3'), COUNT / 7);
    assert.equal((await firm.call('GET', 'clients?q=condition5&limit=200')).body.data.length, 30);
    assert.equal(await count('name_length=9'), 90);
    assert.equal(await count('incomplete=segment'), COUNT);
    const me = (await firm.call('GET', 'me')).body.user.id;
    assert.equal(await count(`stage=lead&sort=created_by&created_by=${me}`), COUNT);
    assert.equal(await count('x_own[lt]=10'), 10);
    await server.mustRun(['check']);
});

test('it is built once', async () => {
    const jobs = (await firm.call('GET', 'jobs')).body.data.length;
    await server.stop();
    await server.start({ words: ['--schema', newer] });
    assert.equal((await firm.call('GET', 'jobs')).body.data.length, jobs);
    assert.equal(await count('tax_condition=condition3'), COUNT / 7);
});

test('the older program refuses the newer data in clear words', async () => {
    await server.stop();
    await assert.rejects(() => server.start(), /newer Atrium/);
    await server.start({ words: ['--schema', newer] });
});
