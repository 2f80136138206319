// Back-tests: a rule over the recorded changes of a period, without writing anything.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { expectProblem, expectStatus } from '../door/expect.mjs';
import { jobEnded } from '../door/jobs.mjs';
import { openServer } from '../door/server.mjs';
import { until } from '../door/wait.mjs';

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
const draft = (source, more = {}) =>
    firm.create('rules', { name: 'draft', entity: 'contact', point: 'before', source, ...more });
const backtest = async (rule, body = {}, of = firm) =>
    jobEnded(of, await of.call('POST', `rules/${rule.id}/backtest`, body));
const person = (name, more = {}) => firm.create('contacts', { name, ...more });
const patch = (id, body) => firm.call('PATCH', `contacts/${id}`, body);

test('what a rule would have changed, rejected and failed at, with examples', async () => {
    const ann = await person('Ann', { title: 'Dr' });
    await patch(ann.id, { title: 'Prof' });
    const bob = await person('Bob');
    await patch(bob.id, { name: 'Bobby' });
    await firm.call('DELETE', `contacts/${bob.id}`);
    const rule = await draft(
        `if record.name == "Bobby" then reject("not Bobby", "name") end
         if record.title == "Prof" then error("no Prof") end
         record.name = record.name:upper()`,
    );
    const job = await backtest(rule);
    assert.equal(job.state, 'done', JSON.stringify(job));
    const { examples, from, to, ...figures } = job.result;
    assert.deepEqual(figures, {
        looked_at: 5,
        fired: 4,
        changed: 2,
        rejected: 1,
        failed: 1,
        effects: 0,
        erased: 0,
        kept_changed: 2,
        kept_rejected: 1,
        kept_failed: 1,
        rule: rule.id,
        version: null,
        find_and_count: 'as of today',
    });
    assert.ok(from < to);
    const of = (outcome) => examples.filter((example) => example.outcome === outcome);
    assert.deepEqual(
        of('done').map((example) => example.changes[0].fields),
        [{ name: { from: 'Ann', to: 'ANN' } }, { name: { from: 'Bob', to: 'BOB' } }],
    );
    assert.equal(of('done')[0].record, ann.id);
    assert.equal(of('done')[0].operation, 'create');
    assert.equal(of('rejected')[0].message, 'not Bobby');
    assert.equal(of('rejected')[0].record, bob.id);
    assert.match(of('failed')[0].message, /no Prof/);
    assert.equal(of('failed')[0].line, 2);
    assert.equal((await firm.get('contacts', ann.id)).name, 'Ann');
    assert.equal(job.done, job.total);
});

test('record and old record are what they were, `get` as of then, `count` as of now', async () => {
    const cat = await person('Cat 1');
    const link = await person('Link of cat');
    await patch(cat.id, { name: 'Cat 2', title: 'two' });
    await patch(link.id, { title: 'later' });
    await patch(cat.id, { name: 'Cat 3', title: null });
    const rule = await draft(
        `local then_ = db.get("contact", "${link.id}")
         record.title = string.format("%s<%s %s %s", record.name, old and old.name or "-",
             then_ and then_.title or "none", db.count("contact", {name = "Cat 3"}))`,
        { when: { name: { prefix: 'cat' } } },
    );
    const { result } = await backtest(rule);
    assert.equal(result.changed, 3);
    assert.deepEqual(
        result.examples.map((example) => example.changes[0].fields.title),
        [
            { from: null, to: 'Cat 1<- none 1' },
            { from: 'two', to: 'Cat 2<Cat 1 none 1' },
            { from: null, to: 'Cat 3<Cat 2 later 1' },
        ],
    );
});

test('conditions, and rules of other points', async () => {
    const dan = await person('Dan');
    await patch(dan.id, { title: 'x' });
    await patch(dan.id, { title: 'y' });
    const changed = await backtest(
        await draft('log("x")', { when: { name: 'Dan' }, changed: ['title'] }),
    );
    assert.equal(changed.result.fired, 2);
    assert.equal(changed.result.changed, 0);
    const after = await backtest(
        await draft(
            `db.update("contact", record.id, {title = "z"})
             queue.notify{to = "owner", text = "x"}
             db.create("contact", {name = "never"})`,
            { point: 'after', when: { name: 'Dan' } },
        ),
    );
    assert.equal(after.result.failed, 0, JSON.stringify(after.result));
    assert.equal(after.result.changed, 3);
    assert.equal(after.result.effects, 3);
    assert.equal(after.result.examples[0].changes.length, 2);
    const settled = await backtest(
        await draft('queue.notify{to = "owner", text = record.title or "none"}', {
            point: 'settled',
            when: { name: 'Dan' },
        }),
    );
    assert.equal(settled.result.effects, 3);
    const deleted = await backtest(await draft('log(record.name)', { on: ['delete'] }));
    assert.equal(deleted.result.fired, 1);
    assert.equal((await firm.get('contacts', dan.id)).title, 'y');
    assert.equal((await firm.all('contacts', 'name=never')).length, 0);
    assert.deepEqual((await firm.call('GET', 'outbox')).body.data, []);
});

test('a period, a version, and what is asked wrongly', async () => {
    const rule = await draft('log("x")');
    const none = await backtest(rule, { from: '2020-01-01', to: '2020-02-01' });
    assert.equal(none.result.looked_at, 0);
    const whole = await backtest(rule, { from: '2020-01-01' });
    assert.ok(whole.result.fired > 5);
    const version = await backtest(rule, { version: 1 });
    assert.equal(version.result.version, 1);
    const ask = (body, id = rule.id, of = firm) => of.call('POST', `rules/${id}/backtest`, body);
    expectProblem(await ask({ from: 'x', odd: 1 }), 422);
    expectProblem(await ask({ from: '2021-01-01', to: '2020-01-01' }), 422);
    expectProblem(await ask({ version: 99 }), 404);
    expectProblem(await ask({}, missing), 404);
    expectProblem(await ask({}, rule.id, other), 404);
    const clock = await draft('log("x")', { point: 'schedule', every: 'day' });
    expectProblem(await ask({}, clock.id), 422);
});

test('a long one is cancelled, and goes on after a kill', async () => {
    const made = await firm.call('POST', 'contacts/bulk', {
        atomic: false,
        operations: Array.from({ length: 1000 }, (_, at) => ({ create: { name: `Many ${at}` } })),
    });
    await jobEnded(firm, made);
    const rule = await draft('record.title = record.name', { when: { name: { prefix: 'many' } } });
    const cancelled = await firm.call('POST', `rules/${rule.id}/backtest`, {});
    const ended = await firm.call('POST', `jobs/${cancelled.body.id}/cancel`);
    expectStatus(ended, 200);
    assert.equal(ended.body.state, 'cancelled');
    const begun = await firm.call('POST', `rules/${rule.id}/backtest`, {});
    await until(async () => {
        const now = await firm.call('GET', `jobs/${begun.body.id}`);
        return now.body.done > 1500 || now.body.state !== 'running';
    });
    await server.kill();
    await server.start();
    const job = await jobEnded(firm, begun);
    assert.equal(job.state, 'done');
    assert.equal(job.result.changed, 1000);
    assert.equal(job.result.examples.length, 7);
});
