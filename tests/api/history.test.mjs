// Who changed what, and the feed of all changes.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { expectProblem, expectStatus, timeForm } from '../door/expect.mjs';
import { auditSequences } from '../door/journal.mjs';
import { openServer } from '../door/server.mjs';

let server;
let firm;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
});
after(() => server.close());

const client = (name) => ({ name, kind: 'company', primary_contact: { name: 'Some One' } });

test('history tells each change with old and new value, newest first', async () => {
    const { id } = await firm.create('clients', client('Before'));
    await firm.call('PATCH', `clients/${id}`, { name: 'Between' });
    await firm.call('PATCH', `clients/${id}`, { name: 'Behind', website: 'https://h.example/' });
    const answer = expectStatus(await firm.call('GET', `clients/${id}/history`), 200);
    const { data } = answer.body;
    assert.equal(data.length, 3);
    const newest = JSON.stringify(data[0]);
    assert.ok(newest.includes('Between') && newest.includes('Behind'), newest);
    assert.ok(newest.includes('https://h.example/'), newest);
    assert.ok(!JSON.stringify(data[1]).includes('Behind'));
    const text = JSON.stringify(data[2]);
    assert.ok(text.includes('Before') && !text.includes('Between'), text);
    for (const entry of data) {
        const times = Object.values(entry).filter((value) => timeForm.test(value));
        assert.ok(times.length >= 1, `no time in ${JSON.stringify(entry)}`);
    }
});

test('history of a record that is not there is 404', async () => {
    const nowhere = '01890000-0000-7000-8000-000000000000';
    expectProblem(await firm.call('GET', `clients/${nowhere}/history`), 404);
});

test('a rejected change leaves no trace in history or feed', async () => {
    const { id } = await firm.create('clients', client('Quiet'));
    const newest = async () => {
        const answer = await firm.call('GET', `clients/${id}/history`);
        return answer.body.data.length;
    };
    const count = await newest();
    expectStatus(await firm.call('PATCH', `clients/${id}`, { kind: 'no such kind' }), 422);
    assert.equal(await newest(), count);
});

test('the feed gives every change once, in order, from any place', async () => {
    const start = expectStatus(await firm.call('GET', 'changes'), 200).body;
    assert.ok(Array.isArray(start.data));
    let from = 0;
    const read = async () => {
        const list = [];
        for (let page = 0; page < 1000; page++) {
            const answer = expectStatus(await firm.call('GET', `changes?after=${from}`), 200);
            if (answer.body.data.length === 0) return list;
            list.push(...answer.body.data);
            from = answer.body.next;
        }
        throw new Error('the feed does not end');
    };
    const sequences = (list) => list.map((entry) => entry.sequence);
    const old = await read();
    // What stands between is the audit log.
    const log = [...sequences(old), ...(await auditSequences(firm))].sort((a, b) => a - b);
    assert.deepEqual(
        log,
        Array.from({ length: log.length }, (_, at) => at + 1),
    );
    const made = await firm.create('clients', client('Fed'));
    await firm.call('PATCH', `clients/${made.id}`, { name: 'Fed well' });
    await firm.call('DELETE', `clients/${made.id}`);
    const fresh = await read();
    assert.equal(sequences(fresh)[0], log.length + 1);
    const own = fresh.filter((entry) => JSON.stringify(entry).includes(made.id));
    assert.ok(own.length >= 3, JSON.stringify(own).slice(0, 500));
});

test('a place in the feed that is no number is refused', async () => {
    expectProblem(await firm.call('GET', 'changes?after=yesterday'), 400, 'after');
});

test('behind its first entry a history is empty, and its record still there', async () => {
    const made = await firm.create('clients', client('Old'));
    const { data } = (await firm.call('GET', `clients/${made.id}/history`)).body;
    const where = `clients/${made.id}/history?after=${data.at(-1).sequence}`;
    assert.deepEqual(expectStatus(await firm.call('GET', where), 200).body, {
        data: [],
        next: null,
    });
    const nobody = 'clients/01890000-0000-7000-8000-000000000000/history?after=1';
    expectStatus(await firm.call('GET', nobody), 404);
});

test('an entry tells its group, as the answer to the change did, and who acted', async () => {
    const made = await firm.call('POST', 'clients', client('Grouped'));
    const group = made.headers['atrium-group'];
    const me = (await firm.call('GET', 'me')).body;
    const { data } = (await firm.call('GET', `clients/${made.body.id}/history`)).body;
    assert.deepEqual([...new Set(data.map((entry) => entry.group))], [group]);
    assert.equal(data[0].actor, me.id ?? me.user?.id ?? data[0].actor);
    assert.ok(data[0].actor_name.length > 0);
    const address = `clients/${made.body.id}`;
    const patched = await firm.call('PATCH', address, { name: 'Grouped again' });
    assert.notEqual(patched.headers['atrium-group'], group);
    const same = expectStatus(await firm.call('PATCH', address, { name: 'Grouped again' }), 200);
    assert.equal(same.headers['atrium-group'], undefined);
    const gone = await firm.call('DELETE', address);
    const after = (await firm.call('GET', `${address}/history`)).body.data;
    assert.equal(after[0].group, gone.headers['atrium-group']);
    assert.equal(after[0].operation, 'delete');
});

test('the feed says where it ends', async () => {
    const { body } = await firm.call('GET', 'changes?limit=1');
    assert.equal(body.end, false);
    const { sequence } = (await firm.call('GET', 'changes?limit=200')).body.data.at(-1);
    let from = sequence;
    for (let page = 0; page < 100; page++) {
        const next = (await firm.call('GET', `changes?after=${from}`)).body;
        from = next.next;
        if (next.end) return;
    }
    assert.fail('the feed does not end');
});
