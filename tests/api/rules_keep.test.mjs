// Runs that become stored tests: with the answers that they got then, and no others.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { expectProblem, expectStatus } from '../door/expect.mjs';
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

const active = (source, more = {}) =>
    firm.create('rules', {
        name: 'kept',
        entity: 'contact',
        point: 'before',
        state: 'active',
        source,
        ...more,
    });
const change = (rule, body) => firm.call('PATCH', `rules/${rule.id}`, body);
const keep = (run, body, of = firm) => of.call('POST', `runs/${run}/keep`, body);

test('a rejection that was kept must stay one, whatever became of the records', async () => {
    const source = `if db.count("contact", {name = record.name}) > 0 then
        reject("there is one", "name") end`;
    const rule = await active(source);
    const twin = await firm.create('contacts', { name: 'Twin' });
    const refused = await firm.call('POST', 'contacts', { name: 'Twin' });
    expectProblem(refused, 422);
    const kept = await keep(refused.body.rule.run, { name: 'a twin is refused' });
    expectStatus(kept, 201);
    assert.equal(kept.body.rule, rule.id);
    assert.equal(kept.body.given.values.name, 'Twin');
    assert.equal(kept.body.answers.questions.length, 1);
    assert.deepEqual(kept.body.expected, {
        outcome: 'rejected',
        message: 'there is one',
        field: 'name',
    });
    expectStatus(await firm.call('DELETE', `contacts/${twin.id}`), 204);
    expectStatus(await change(rule, { source: `${source} -- the same` }), 200);
    const broken = await change(rule, { source: 'log("lets all in")' });
    expectProblem(broken, 422);
    assert.match(broken.body.errors[0].message, /a twin is refused.*rejected/);
    const another = await change(rule, {
        source: 'if db.count("contact", {title = "x"}) > 0 then reject("there is one", "name") end',
    });
    expectProblem(another, 422);
    await change(rule, { state: 'off' });
});

test('a failure that was kept must not come again', async () => {
    const rule = await active('record.title = record.title:upper()');
    const failed = await firm.call('POST', 'contacts', { name: 'Fails' });
    expectProblem(failed, 422);
    await change(rule, { state: 'draft' });
    const kept = await keep(failed.body.rule.run, { name: 'without notes' });
    expectStatus(kept, 201);
    assert.deepEqual(kept.body.expected, { outcome: 'done' });
    const still = await change(rule, { state: 'active' });
    expectProblem(still, 422);
    assert.match(still.body.errors[0].message, /without notes/);
    const mended = await change(rule, {
        state: 'active',
        source: 'record.title = (record.title or "none"):upper()',
    });
    expectStatus(mended, 200);
    await change(rule, { state: 'off' });
});

test('a trial becomes a test of what it changed and queued, also by rules within it', async () => {
    const inner = await active('record.title = "by inner"', {
        name: 'inner',
        when: { name: { prefix: 'made' } },
    });
    const rule = await active(
        `db.create("contact", {name = "made by " .. record.name})
         queue.notify{to = "owner", text = record.name}
         log(db.count("contact", {name = {prefix = "made"}}))`,
        { point: 'after', name: 'outer', when: { name: 'Ann' }, state: 'draft' },
    );
    const tried = await firm.call('POST', `rules/${rule.id}/test`, { record: { name: 'Ann' } });
    expectStatus(tried, 200);
    assert.equal(tried.body.outcome, 'done', JSON.stringify(tried.body));
    const kept = await keep(tried.body.run, {
        name: 'makes one',
        expected: {
            outcome: 'done',
            changes: [
                { operation: 'create', fields: { name: { to: 'made by Ann' } } },
            ],
            effects: [{ kind: 'notify' }],
            log: tried.body.log,
        },
    });
    expectStatus(kept, 201);
    assert.equal(kept.body.answers.questions.length, 3);
    for (let at = 0; at < 3; at++) await firm.create('contacts', { name: `made ${at}` });
    expectStatus(await change(rule, { state: 'active' }), 200);
    const other = await change(rule, {
        source: 'db.create("contact", {name = "made for " .. record.name})',
    });
    expectProblem(other, 422);
    for (const each of [inner, rule]) await change(each, { state: 'off' });
});

test('what cannot be kept is told', async () => {
    const unsaved = await firm.call('POST', 'rules/test', {
        rule: { entity: 'contact', point: 'before', source: 'log("x")' },
        record: { name: 'Ann' },
    });
    expectProblem(await keep(unsaved.body.run, { name: 'of none' }), 404);
    const rule = await active('log("fine")');
    await firm.create('contacts', { name: 'Fine' });
    const runs = await firm.call('GET', `rules/${rule.id}/runs`);
    expectProblem(await keep(runs.body.data[0].id, { name: 'went well' }), 404);
    expectProblem(await keep('01890000-0000-7000-8000-000000000000', { name: 'none' }), 404);
    expectProblem(await keep(unsaved.body.run, {}), 422);
    expectProblem(await keep(unsaved.body.run, { name: 7, expected: 1, odd: 1 }), 422);
    expectProblem(await keep(unsaved.body.run, { name: 'theirs' }, other), 404);
    const large = await firm.call('POST', `rules/${rule.id}/test`, {
        record: { name: 'Large', title: 'x'.repeat(90) },
        rule: { source: 'for at = 1, 200 do db.find("contact", {title = record.title .. at}) end' },
    });
    assert.equal(large.body.outcome, 'done', JSON.stringify(large.body));
    expectProblem(await keep(large.body.run, { name: 'large' }), 413);
});
