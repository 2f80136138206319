// Long work: begun with 202, looked at by its address, cancelled, gone on with after a stop.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { expectProblem, expectStatus } from '../door/expect.mjs';
import { jobEnded, resultsOf } from '../door/jobs.mjs';
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

const missing = '01890000-0000-7000-8000-000000000000';
const operationsOf = (count, name) =>
    Array.from({ length: count }, (_, at) => ({ create: { name: `${name} ${at}` } }));
const begin = (count, name, of = firm) =>
    of.call('POST', 'contacts/bulk', { atomic: false, operations: operationsOf(count, name) });

test('a job tells who began it, when, and what came of it', async () => {
    const begun = await begin(3, 'Told');
    expectStatus(begun, 202);
    assert.equal(begun.body.state, 'queued');
    assert.equal(begun.body.result, null);
    const me = await firm.call('GET', 'me');
    assert.equal(begun.body.created_by, me.body.user.id);
    const job = await jobEnded(firm, begun);
    assert.equal(job.state, 'done');
    assert.ok(job.ended_at >= job.created_at);
    assert.match(job.group, /^[0-9a-f-]{36}$/);
    assert.equal(job.problem, undefined);
});

test('jobs are listed, newest first, in pages', async () => {
    const ids = [];
    for (let at = 0; at < 5; at++) ids.unshift((await begin(1, 'Listed', other)).body.id);
    const found = [];
    let after = '';
    for (let pages = 0; pages < 9; pages++) {
        const page = await other.call('GET', `jobs?limit=2${after}`);
        expectStatus(page, 200);
        found.push(...page.body.data.map((job) => job.id));
        if (page.body.next === null) break;
        assert.equal(page.body.data.length, 2);
        after = `&after=${page.body.next}`;
    }
    assert.deepEqual(found, ids);
    expectProblem(await other.call('GET', 'jobs?limit=0'), 400);
    expectProblem(await other.call('GET', 'jobs?after=here'), 400);
    expectProblem(await other.call('GET', 'jobs?state=done'), 400);
});

test('a job of another firm is not there', async () => {
    const begun = await begin(1, 'Mine');
    for (const where of ['', '/results'])
        expectStatus(await other.call('GET', `jobs/${begun.body.id}${where}`), 404);
    expectStatus(await other.call('POST', `jobs/${begun.body.id}/cancel`), 404);
    expectStatus(await firm.call('GET', `jobs/${missing}`), 404);
    expectStatus(await jobEnded(firm, begun).then(() => begun), 202);
});

test('cancelled, a job ends where it is and is told apart from one that is over', async () => {
    const running = await begin(20_000, 'Cancelled');
    const queued = await begin(5, 'Never');
    const [second, first] = [
        await firm.call('POST', `jobs/${queued.body.id}/cancel`),
        await firm.call('POST', `jobs/${running.body.id}/cancel`),
    ];
    for (const answer of [first, second]) {
        expectStatus(answer, 200);
        assert.equal(answer.body.state, 'cancelled');
    }
    const made = (await firm.all('contacts', 'name[prefix]=cancelled')).length;
    assert.equal(made, first.body.done);
    const ended = await jobEnded(firm, running);
    assert.equal((await resultsOf(firm, ended)).length, made);
    assert.equal((await firm.all('contacts', 'name[prefix]=never')).length, 0);
    const again = await firm.call('POST', `jobs/${running.body.id}/cancel`);
    expectProblem(again, 409);
    assert.match(again.body.detail, /cancelled/);
});

test('jobs of one firm run in order; a long one of another does not hold them up', async () => {
    const long = await begin(5_000, 'Long');
    const next = await begin(1, 'Next');
    const beside = await jobEnded(other, await begin(1, 'Beside', other));
    const last = await jobEnded(firm, next);
    const ended = await jobEnded(firm, long);
    assert.ok(ended.ended_at <= last.ended_at);
    // Unless the long one was over before the other was begun.
    assert.ok(beside.ended_at <= ended.ended_at || beside.created_at >= ended.ended_at);
});

test('a job whose user may no longer sign in fails with that, and what stands stands', async () => {
    const email = 'leaver@acme.example';
    const user = await firm.create('users', { name: 'Leaver', email, role: 'owner' });
    const made = await server.command(['token', 'create', '--tenant', 'acme', '--user', email]);
    assert.equal(made.status, 0, made.err);
    const leaver = { authorization: `Bearer ${made.out.trim()}` };
    const body = { atomic: false, operations: operationsOf(20_000, 'Leaver') };
    const begun = await firm.call('POST', 'contacts/bulk', body, leaver);
    expectStatus(begun, 202);
    assert.equal(begun.body.created_by, user.id);
    expectStatus(await firm.call('PATCH', `users/${user.id}`, { disabled: true }), 200);
    const job = await jobEnded(firm, begun);
    assert.equal(job.state, 'failed');
    assert.equal(job.problem.status, 403);
    assert.match(job.problem.detail, /may no longer sign in/);
    const count = await firm.call('GET', 'contacts?name[prefix]=leaver&count=true&limit=1');
    assert.equal(count.body.count.value, job.done);
    assert.ok(job.done < 20_000);
});

test('of more than 100 that wait, one is refused until some are over', async () => {
    const long = [];
    for (let at = 0; at < 3; at++) long.push(await begin(20_000, 'Waiting'));
    const answers = await Promise.all(Array.from({ length: 100 }, () => begin(1, 'Crowd')));
    const refused = answers.find((answer) => answer.status !== 202);
    expectProblem(refused, 429);
    assert.match(refused.headers['retry-after'], /^\d+$/);
    for (const begun of [...long, ...answers])
        if (begun.status === 202) await firm.call('POST', `jobs/${begun.body.id}/cancel`);
    expectStatus(await begin(1, 'Crowd'), 202);
});

test('a job goes on where it was when the server is stopped and started', async () => {
    const begun = await begin(3_000, 'Stopped', other);
    await server.stop();
    await server.start();
    const job = await jobEnded(other, begun);
    assert.equal(job.state, 'done');
    assert.equal(job.result.created, 3_000);
    const count = await other.call('GET', 'contacts?name[prefix]=stopped&count=true&limit=1');
    assert.equal(count.body.count.value, 3_000);
});
