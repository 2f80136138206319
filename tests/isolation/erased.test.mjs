// A person who was erased is nowhere: not in the record, its indexes and words, its history, the
// trash, merged duplicates, kept answers, traces of rules, the outbox, lines of jobs; and after a
// compacting not in the file. Everybody else's data is as it was, and the log's chain holds.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { expectProblem, expectStatus } from '../door/expect.mjs';
import { jobEnded } from '../door/jobs.mjs';
import { openServer, password } from '../door/server.mjs';
import { Visitor } from '../door/visitor.mjs';
import { until } from '../door/wait.mjs';

/** Of the person's texts: one word of letters and digits, whatever is put around it. */
const mark = `zq${crypto.randomBytes(8).toString('hex')}`;
const canary = (place) => `${mark}${place}`;

let server;
let firm;
let owner;
let other;
const made = {};
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
    owner = await Visitor.signIn(firm, firm.owner, password);
    other = await firm.create('contacts', { name: 'Somebody Else', emails: ['else@x.example'] });
    await firm.create('rules', {
        name: 'tells of contacts',
        entity: 'contact',
        point: 'settled',
        state: 'active',
        source:
            'log(record.name) queue.mail ' +
            '{ to = record.emails[1].value, subject = record.name, text = record.title or "-" }',
    });
});
after(() => server.close());

const person = (word) => ({
    name: `Ann ${canary(`name${word}`)}`,
    title: canary(`title${word}`),
    emails: [`${canary(`mail${word}`)}@x.example`],
    phones: [{ value: '+43 1 234567', label: canary('phone') }],
    observations: `she said ${canary('observed')}`,
});

const ended = (answer) => jobEnded(firm, answer);

async function places() {
    const found = [];
    const entries = await fs.readdir(server.directory, { recursive: true, withFileTypes: true });
    for (const entry of entries.filter((each) => each.isFile())) {
        const file = path.join(entry.parentPath ?? entry.path, entry.name);
        if ((await fs.readFile(file)).includes(mark)) found.push(file);
    }
    return found;
}

/** Whatever an owner can be shown of the firm. */
async function everything() {
    const texts = [];
    const calls = ['clients', 'contacts', 'client_contacts', 'contacts/trash', 'runs', 'outbox'];
    for (const where of calls) texts.push((await firm.call('GET', `${where}?limit=200`)).text);
    for (let next = 0, isOver = false; !isOver; ) {
        const page = await firm.call('GET', `changes?after=${next}&limit=200`);
        texts.push(page.text);
        next = page.body.next;
        isOver = page.body.end;
    }
    const jobs = expectStatus(await firm.call('GET', 'jobs?limit=200'), 200);
    for (const job of jobs.body.data)
        texts.push((await firm.call('GET', `jobs/${job.id}/results`)).text);
    texts.push((await firm.call('GET', `search?q=${mark}`)).text.replace(mark, ''));
    return texts.join('\n');
}

describe('a person', () => {
    test('leaves traces in many places', async () => {
        const key = { 'idempotency-key': 'made-once' };
        made.ann = expectStatus(await firm.call('POST', 'contacts', person('a'), key), 201).body;
        made.twin = await firm.create('contacts', person('twin'));
        const client = { name: 'Acme', kind: 'company', primary_contact: other.id };
        made.client = await firm.create('clients', client);
        const link = { client: made.client.id, contact: made.ann.id, is_primary: false };
        await firm.create('client_contacts', link);
        const where = `contacts/${made.ann.id}`;
        expectStatus(await firm.call('PATCH', where, { name: `Ann ${canary('later')}` }), 200);
        const emails = [`${canary('new')}@x.example`];
        expectStatus(await firm.call('PATCH', where, { emails }), 200);
        const merged = await firm.call('POST', `${where}/merge`, { with: [made.twin.id] });
        expectStatus(merged, 200);
        const bulk = { atomic: false, operations: [{ patch: { id: made.ann.id, title: 5 } }] };
        await ended(await firm.call('POST', 'contacts/bulk', bulk));
        await until(async () => (await firm.call('GET', 'runs?limit=200')).body.data.length >= 4);
        assert.ok((await everything()).includes(mark));
        assert.notDeepEqual(await places(), []);
    });

    test('is erased only by who may everything, and has just proven who he is', async () => {
        const where = `contacts/${made.ann.id}/erase`;
        expectProblem(await firm.call('POST', where), 403, 'step_up');
        const missing = '00000000-0000-7000-8000-000000000000';
        expectProblem(await owner.call('POST', `contacts/${missing}/erase`), 404);
        // Where something may not lose the record, it says so and nothing is done.
        const primary_contact = { name: 'Only One', emails: ['only@x.example'] };
        const company = { name: 'Sole', kind: 'company', primary_contact };
        const sole = await firm.create('clients', company);
        const kept = `contacts/${sole.primary_contact}`;
        expectProblem(await owner.call('POST', `${kept}/erase`), 409, 'Sole');
        assert.equal((await firm.call('GET', kept)).body.name, 'Only One');
    });

    test('is nowhere to be seen once erased', async () => {
        const job = await ended(await owner.call('POST', `contacts/${made.ann.id}/erase`));
        assert.equal(job.state, 'done', JSON.stringify(job));
        assert.ok(job.result.records >= 3 && job.result.entries >= 5, JSON.stringify(job));
        assert.ok(job.result.elsewhere >= 3, JSON.stringify(job));
        assert.ok(!(await everything()).includes(mark));
        for (const id of [made.ann.id, made.twin.id]) {
            expectProblem(await firm.call('GET', `contacts/${id}`), 404);
            const at = encodeURIComponent(new Date().toISOString());
            const then = await firm.call('GET', `contacts/${id}?at=${at}`);
            assert.ok(!then.text.includes(mark));
            const history = await firm.call('GET', `contacts/${id}/history`);
            assert.ok(!history.text.includes(mark));
            const back = await firm.call('POST', `contacts/${id}/restore`);
            assert.ok(back.status >= 400, `restored: ${back.text}`);
        }
        // The answer of then is not said again.
        const key = { 'idempotency-key': 'made-once' };
        const again = await firm.call('POST', 'contacts', person('a'), key);
        assert.notEqual(again.body.id, made.ann.id);
        await ended(await owner.call('POST', `contacts/${again.body.id}/erase`));
    });

    test('is nowhere as well with more addresses than are looked for at once', async () => {
        const emails = (at) =>
            [...Array(30)].map((_, of) => `${canary(`many${at}n${of}`)}@x.example`);
        const many = await firm.create('contacts', { name: canary('many'), emails: emails(0) });
        const where = `contacts/${many.id}`;
        for (const at of [1, 2, 3])
            expectStatus(await firm.call('PATCH', where, { emails: emails(at) }), 200);
        // What only the oldest of them name, and not its id.
        const [first] = emails(0);
        const said = { name: 'Somebody New', emails: [first] };
        const key = { 'idempotency-key': 'of-another' };
        const answered = await firm.call('POST', 'contacts', said, key);
        const { id } = expectStatus(answered, 201).body;
        const other = { emails: ['new@x.example'] };
        expectStatus(await firm.call('PATCH', `contacts/${id}`, other), 200);
        const job = await ended(await owner.call('POST', `${where}/erase`));
        assert.equal(job.state, 'done', JSON.stringify(job));
        // The answer that held one of them is not given again.
        const again = await firm.call('POST', 'contacts', said, key);
        assert.notEqual(again.body.id, id);
        for (const each of [id, again.body.id])
            await ended(await owner.call('POST', `contacts/${each}/erase`));
        assert.ok(!(await everything()).includes(mark));
    });

    test('that is a client goes with all under it, however much it is', async () => {
        const primary_contact = { name: 'Stays Here', emails: ['stays@x.example'] };
        const name = canary('client');
        const company = { name, kind: 'company', primary_contact, observations: canary('seen') };
        const client = await firm.create('clients', company);
        const count = 1_050;
        for (let at = 0; at < count; at += 500) {
            const rows = [...Array(Math.min(500, count - at))].map((_, of) => ({
                create: { client: client.id, line1: canary(`street${at + of}`), country: 'AT' },
            }));
            const bulk = await firm.call('POST', 'addresses/bulk', { operations: rows });
            if (bulk.status === 202) await ended(bulk);
            else expectStatus(bulk, 200);
        }
        assert.ok((await everything()).includes(mark));
        const job = await ended(await owner.call('POST', `clients/${client.id}/erase`));
        assert.equal(job.state, 'done', JSON.stringify(job));
        assert.ok(job.result.records >= count + 2, JSON.stringify(job));
        assert.ok(!(await everything()).includes(mark));
        expectProblem(await firm.call('GET', `clients/${client.id}`), 404);
        const kept = await firm.get('contacts', client.primary_contact);
        assert.equal(kept.name, 'Stays Here');
    });

    test('is named in the audit log by a number alone', async () => {
        const log = await firm.call('GET', 'audit?kind=person_erased');
        const ids = expectStatus(log, 200).body.data.map((event) => event.id);
        assert.ok(ids.includes(made.ann.id));
        assert.ok(!log.text.includes(mark));
    });

    test('takes nobody else along', async () => {
        assert.equal((await firm.get('contacts', other.id)).name, 'Somebody Else');
        const client = await firm.get('clients', made.client.id);
        assert.equal(client.primary_contact, other.id);
        const history = await firm.call('GET', `contacts/${other.id}/history`);
        assert.ok(history.text.includes('Somebody Else'));
    });

    test('leaves no byte once the data is compacted, and the log’s chain holds', async () => {
        await server.stop();
        await server.mustRun(['compact']);
        assert.deepEqual(await places(), []);
        assert.ok(!server.output.includes(mark));
        const checked = await server.mustRun(['check', '--audit']);
        assert.match(checked.out, /acme: .* hold/);
        await server.start();
    });
});
