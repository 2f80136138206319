// A POST that names itself is done once, however often it is sent.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { expectProblem, expectStatus } from '../door/expect.mjs';
import { jobEnded } from '../door/jobs.mjs';
import { join } from '../door/people.mjs';
import { openServer } from '../door/server.mjs';

let server;
let firm;
let other;
before(async () => {
    server = await openServer(['acme', 'borg']);
    firm = server.firms.acme;
    other = server.firms.borg;
});
after(() => server.close());

const contact = (name) => ({ name });
const post = (key, body, where = 'contacts', of = firm, more = {}) =>
    of.call('POST', where, body, { 'idempotency-key': key, ...more });
const countOf = async (name, of = firm) => (await of.all('contacts', `name=${name}`)).length;
const changing = ['x-request-id', 'date', 'idempotency-replayed'];
const kept = (answer) =>
    Object.fromEntries(
        Object.entries(answer.headers).filter(([name]) => !changing.includes(name)),
    );

test('sent again it is the same answer, byte for byte, and no second record', async () => {
    const first = await post('one', contact('One'));
    expectStatus(first, 201);
    assert.equal(first.headers['idempotency-replayed'], undefined);
    await firm.call('PATCH', `contacts/${first.body.id}`, { title: 'Changed since' });
    for (let again = 0; again < 3; again++) {
        const answer = await post('one', contact('One'));
        expectStatus(answer, 201);
        assert.equal(answer.text, first.text);
        assert.deepEqual(kept(answer), kept(first));
        assert.equal(answer.headers['idempotency-replayed'], 'true');
        assert.ok(answer.headers.etag && answer.headers.location);
    }
    assert.equal(await countOf('One'), 1);
});

test('the same key with another body or query is told so', async () => {
    expectStatus(await post('two', contact('Two')), 201);
    for (const answer of [
        await post('two', contact('Three')),
        await post('two', contact('Two'), 'contacts?fields=name'),
    ]) {
        expectProblem(answer, 422);
        assert.match(answer.body.detail, /Idempotency-Key/);
    }
    assert.equal(await countOf('Three'), 0);
});

test('the key belongs to its firm, user and path', async () => {
    const mine = await post('own', contact('Own'));
    expectStatus(mine, 201);
    expectStatus(await post('own', contact('Own'), 'contacts', other), 201);
    assert.equal(await countOf('Own', other), 1);
    const second = await post('own', { line1: 'Own Street', client: null }, 'addresses');
    assert.notEqual(second.headers['idempotency-replayed'], 'true');
    const email = 'second@acme.example';
    await firm.create('users', { name: 'Second', email, role: 'owner' });
    const made = await server.command(['token', 'create', '--tenant', 'acme', '--user', email]);
    const authorization = `Bearer ${made.out.trim()}`;
    const theirs = await post('own', contact('Own'), 'contacts', firm, { authorization });
    expectStatus(theirs, 201);
    assert.notEqual(theirs.body.id, mine.body.id);
});

test('what was kept is not told under other rights', async () => {
    const role = await firm.create('roles', {
        name: 'recorder',
        label: 'Recorder',
        rows: ['all'],
        rights: { contact: ['view', 'create'] },
    });
    const who = await join(firm, 'Rae Recorder', 'recorder');
    const asked = (of) => post('rights', contact('Rightful'), 'contacts', of);
    const first = expectStatus(await asked(who), 201);
    assert.equal((await asked(who)).text, first.text);
    const path = `roles/${role.id}`;
    const changed = { rights: { contact: ['view', 'create', 'delete'], client: 'view' } };
    expectStatus(await firm.call('PATCH', path, changed), 200);
    const later = await asked(who);
    expectProblem(later, 422, 'Idempotency-Key');
    assert.ok(!later.text.includes(first.body.id), later.text);
    assert.equal(await countOf('Rightful'), 1);
});

test('of 32 at once one record is made; each gets its answer or is told to wait', async () => {
    const answers = await Promise.all(
        Array.from({ length: 32 }, () => post('crowd', contact('Crowd'))),
    );
    const made = answers.filter((answer) => answer.status === 201);
    assert.ok(made.length >= 1);
    assert.equal(new Set(made.map((answer) => answer.text)).size, 1);
    const originals = made.filter((answer) => !answer.headers['idempotency-replayed']);
    assert.equal(originals.length, 1);
    for (const answer of answers) if (answer.status !== 201) expectProblem(answer, 409);
    assert.equal(await countOf('Crowd'), 1);
    const later = await post('crowd', contact('Crowd'));
    assert.equal(later.text, made[0].text);
});

test('what was refused changed nothing, and the key may be used again', async () => {
    expectProblem(await post('again', { name: '' }), 422, 'name');
    const answer = await post('again', contact('Again'));
    expectStatus(answer, 201);
    assert.equal(answer.headers['idempotency-replayed'], undefined);
});

test('a key is 1 to 255 printable characters', async () => {
    const longest = 'k'.repeat(255);
    expectStatus(await post(longest, contact('Longest')), 201);
    assert.equal((await post(longest, contact('Longest'))).headers['idempotency-replayed'], 'true');
    for (const key of ['k'.repeat(256), 'caf\u00e9', 'tab\tkey', ''])
        expectProblem(await post(key, contact('Wrong')), 400);
    assert.equal(await countOf('Wrong'), 0);
});

test('a bulk is done once, and so is a job begun once', async () => {
    const operations = [{ create: contact('Bulk') }, { create: contact('Bulk') }];
    const first = await post('bulk', operations, 'contacts/bulk');
    expectStatus(first, 200);
    assert.equal((await post('bulk', operations, 'contacts/bulk')).text, first.text);
    assert.equal(await countOf('Bulk'), 2);
    const body = { atomic: false, operations };
    const begun = await post('job', body, 'contacts/bulk');
    const again = await post('job', body, 'contacts/bulk');
    assert.equal(again.body.id, begun.body.id);
    assert.equal(again.headers['idempotency-replayed'], 'true');
    await jobEnded(firm, begun);
    assert.equal(await countOf('Bulk'), 4);
});

test('so is what no lane does: an upload, an import', async () => {
    const upload = await post('upload', { bytes: 5 }, 'uploads');
    expectStatus(upload, 201);
    assert.equal((await post('upload', { bytes: 5 }, 'uploads')).text, upload.text);
    const table = 'name\nImported\n';
    const csv = { 'content-type': 'text/csv' };
    const begun = await post('import', table, 'contacts/import', firm, csv);
    expectStatus(begun, 202);
    const again = await post('import', table, 'contacts/import', firm, csv);
    assert.equal(again.body.id, begun.body.id);
    await jobEnded(firm, begun);
    assert.equal(await countOf('Imported'), 1);
});

test('other methods have no use for it', async () => {
    const { id } = await firm.create('contacts', contact('Patched'));
    const key = { 'idempotency-key': 'patch' };
    expectStatus(await firm.call('PATCH', `contacts/${id}`, { title: 'A' }, key), 200);
    const second = await firm.call('PATCH', `contacts/${id}`, { title: 'B' }, key);
    assert.equal(second.body.title, 'B');
});
