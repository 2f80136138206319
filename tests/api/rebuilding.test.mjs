// Fields that change over records that are there: a job brings these up to date, people go on.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { expectFault, expectProblem, expectStatus } from '../door/expect.mjs';
import { untilReady } from '../door/fields.mjs';
import { isOver } from '../door/jobs.mjs';
import { openServer } from '../door/server.mjs';
import { until } from '../door/wait.mjs';

const COUNT = 210; // more than one stretch of a job

let server;
let firm;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
    for (const [name, words] of Object.entries({
        x_plain: { kind: 'text', index: false, search: false },
        x_code: { kind: 'text', index: false, search: false },
        x_twin: { kind: 'text' },
    }))
        await firm.create('custom_fields', { entity: 'contact', name, ...words });
    for (let at = 0; at < COUNT; at += 70)
        await Promise.all(
            Array.from({ length: 70 }, (_, of) =>
                firm.create('contacts', {
                    name: `Person ${at + of}`,
                    x_plain: `plain ${at + of}`,
                    x_code: `C${at + of}`,
                    x_twin: at + of === 205 ? 'T7' : `T${at + of}`,
                }),
            ),
        );
});
after(() => server.close());

const fieldOf = async (name) =>
    (await firm.call('GET', `custom_fields?name=${name}`)).body.data[0];
const change = async (name, words) =>
    expectStatus(
        await firm.call('PATCH', `custom_fields/${(await fieldOf(name)).id}`, words),
        200,
    ).body;

/** The field, once nothing of it is built any more. */
const ready = async (name) => untilReady(firm, (await fieldOf(name)).id);
/** Until no job is left. */
const quiet = () =>
    until(async () => {
        const jobs = (await firm.call('GET', 'jobs')).body.data;
        return jobs.every(isOver) && jobs;
    }, 'no job runs any more');

const count = async (query) =>
    expectStatus(await firm.call('GET', `contacts?count=true&${query}`), 200).body.count.value;

test('an index that is switched on is there once it is built, and not before', async () => {
    expectProblem(await firm.call('GET', 'contacts?x_plain=plain%207'), 400, 'x_plain');
    const changed = await change('x_plain', { index: true });
    assert.equal(changed.state, 'building');
    const early = await firm.call('GET', 'contacts?x_plain=plain%207');
    assert.ok([200, 400].includes(early.status));
    if (early.status === 400) expectProblem(early, 400, 'built');
    await firm.create('contacts', { name: 'Meanwhile', x_plain: 'plain meanwhile' });
    await ready('x_plain');
    assert.equal(await count('x_plain[prefix]=plain'), COUNT + 1);
    const sorted = await firm.call('GET', 'contacts?sort=-x_plain&limit=1');
    assert.equal(sorted.body.data[0].x_plain, 'plain meanwhile');
    await server.mustRun(['check']);
});

test('words that are switched on find all, and find none when they are switched off', async () => {
    await change('x_code', { search: true });
    await ready('x_code');
    assert.equal((await firm.call('GET', 'contacts?q=C123')).body.data.length, 1);
    await change('x_code', { search: false });
    await quiet();
    assert.equal((await firm.call('GET', 'contacts?q=C123')).body.data.length, 0);
    await server.mustRun(['check']);
});

test('an index that is switched off leaves nothing', async () => {
    await change('x_plain', { index: false });
    expectProblem(await firm.call('GET', 'contacts?x_plain=plain%207'), 400, 'x_plain');
    await quiet();
    await server.mustRun(['check']);
    await change('x_plain', { index: true });
    await ready('x_plain');
    assert.equal(await count('x_plain[prefix]=plain'), COUNT + 1);
});

test('a field that is required names the records that lack it', async () => {
    const plain = await firm.create('contacts', { name: 'Old' });
    const before = (await firm.call('GET', 'contacts?count=true')).body.count.value;
    await firm.create('custom_fields', {
        entity: 'contact',
        name: 'x_must',
        kind: 'number',
        required: true,
    });
    expectFault(await firm.call('POST', 'contacts', { name: 'New' }), 'x_must', 'required');
    await ready('x_must');
    assert.equal(await count('incomplete=x_must'), before);
    // What was there before may be changed all the same.
    expectStatus(await firm.call('PATCH', `contacts/${plain.id}`, { name: 'Older' }), 200);
    const whole = await firm.call('PATCH', `contacts/${plain.id}`, { x_must: 1 });
    assert.deepEqual(expectStatus(whole, 200).body.incomplete, []);
    expectFault(
        await firm.call('PATCH', `contacts/${plain.id}`, { x_must: null }),
        'x_must',
        'required',
    );
    await change('x_must', { required: false });
    await ready('x_must');
    assert.equal(await count('incomplete=x_must'), 0);
    await server.mustRun(['check']);
});

test('a field is unique only when its values are', async () => {
    await change('x_twin', { unique: true });
    const twin = await ready('x_twin');
    assert.equal(twin.unique, false);
    assert.match(twin.problem, /same value/);
    const twins = await firm.call('GET', 'contacts?x_twin=T7');
    assert.equal(twins.body.data.length, 2);
    for (const one of twins.body.data) assert.ok(twin.problem.includes(one.id));
    const failed = (await quiet()).find((job) => job.state === 'failed');
    assert.equal(failed.kind, 'build');
    assert.match(JSON.stringify(failed), /same value/);
    expectStatus(
        await firm.call('PATCH', `contacts/${twins.body.data[1].id}`, { x_twin: 'T205' }),
        200,
    );
    await change('x_twin', { unique: true });
    const unique = await ready('x_twin');
    assert.equal(unique.unique, true);
    assert.equal(unique.problem, null);
    const taken = await firm.call('POST', 'contacts', { name: 'Third', x_twin: 'T7' });
    expectProblem(taken, 409, 'x_twin');
    await server.mustRun(['check']);
});

test('a job that finds equal values among few records has failed, too', async () => {
    const field = { entity: 'client', name: 'x_few', kind: 'text' };
    const { id } = await firm.create('custom_fields', field);
    for (const name of ['One', 'Two'])
        await firm.create('clients', { name, kind: 'individual', x_few: 'same' });
    const before = (await quiet()).map((job) => job.id);
    expectStatus(await firm.call('PATCH', `custom_fields/${id}`, { unique: true }), 200);
    const few = await ready('x_few');
    assert.equal(few.unique, false);
    assert.match(few.problem, /same value/);
    const jobs = (await quiet()).filter((job) => !before.includes(job.id));
    const failed = jobs.filter((job) => job.state === 'failed');
    assert.equal(failed.length, 1, JSON.stringify(jobs));
    assert.match(JSON.stringify(failed), /same value/);
});

test('what a formula says of the records there are', async () => {
    const field = await firm.create('custom_fields', {
        entity: 'contact',
        name: 'x_length',
        kind: 'formula',
        formula: '#(record.x_code or "")',
    });
    assert.equal(field.state, 'building');
    await ready('x_length');
    assert.equal(await count('x_length=2'), 10);
    assert.equal(await count('x_length=3'), 90);
    const made = await firm.create('contacts', { name: 'Late', x_code: 'C-late' });
    assert.equal(made.x_length, 6);
    await server.mustRun(['check']);
});

test('a job that is killed goes on where it was', async () => {
    await change('x_code', { index: true });
    await server.kill();
    await server.start();
    await ready('x_code');
    assert.equal(await count('x_code[prefix]=C'), COUNT + 1);
    await server.mustRun(['check']);
});
