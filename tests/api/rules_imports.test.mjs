// Imports and rules: each rule that follows settled changes runs for each row, once, or not; a
// preview tells how often which rule would run, and runs none for good.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { expectFault, expectStatus } from '../door/expect.mjs';
import { jobEnded } from '../door/jobs.mjs';
import { outboxOf } from '../door/rules.mjs';
import { openServer } from '../door/server.mjs';
import { until } from '../door/wait.mjs';

let server;
let firm;
let rule;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
    rule = await firm.create('rules', {
        name: 'follow',
        entity: 'contact',
        point: 'settled',
        state: 'active',
        when: { observations: 'followed' },
        source: `local name = record and record.name or "all"
                 local counts = input and (input.created .. " " .. input.updated .. " " ..
                     input.failed .. " " .. input.entity .. " " .. #input.group)
                 db.create("contact", {name = "Follows " .. name, title = counts})`,
    });
});
after(() => server.close());

const ROWS = 5;
const tableOf = (prefix) => {
    const rows = Array.from({ length: ROWS }, (_, at) => `${prefix} ${at},followed\n`);
    return `Name,Observations\n${rows.join('')}`;
};
/** Nothing waits any more, and nothing has failed meanwhile. */
const settle = () =>
    until(async () => {
        const [first] = await outboxOf(firm, 'kind=settled');
        if (first) assert.equal(first.problem, null);
        return !first;
    });
const followers = (prefix) =>
    firm.all('contacts', `name[prefix]=${encodeURIComponent(`Follows ${prefix}`)}`);
const importOf = async (prefix, more) => {
    const begun = await firm.call('POST', 'contacts/import', { text: tableOf(prefix), ...more });
    const job = await jobEnded(firm, begun);
    assert.equal(job.state, 'done', JSON.stringify(job.problem));
    await settle();
    return job;
};
const forgetAll = async () => {
    for (const one of await followers('all')) await firm.call('DELETE', `contacts/${one.id}`);
};

test('for each row, unless said otherwise', async () => {
    await importOf('Each');
    assert.equal((await followers('Each')).length, ROWS);
    await importOf('Said', { rules: { [rule.id]: 'each' } });
    assert.equal((await followers('Said')).length, ROWS);
    assert.equal((await followers('all')).length, 0);
});

test('once, with what the import did', async () => {
    await importOf('Once', { rules: { [rule.id]: 'once' } });
    assert.equal((await followers('Once')).length, 0);
    const [one, ...rest] = await followers('all');
    assert.deepEqual(rest, []);
    assert.equal(one.title, `${ROWS} 0 0 contact 36`);
    await forgetAll();
});

test('not at all', async () => {
    await importOf('Never', { rules: { [rule.id]: 'not' } });
    assert.equal((await followers('Never')).length, 0);
    assert.equal((await followers('all')).length, 0);
});

test('as the rule itself says', async () => {
    const change = (in_imports) => firm.call('PATCH', `rules/${rule.id}`, { in_imports });
    expectStatus(await change('not'), 200);
    await importOf('Own');
    assert.equal((await followers('Own')).length, 0);
    expectStatus(await change('once'), 200);
    await importOf('Own again');
    assert.equal((await followers('Own')).length, 0);
    assert.equal((await followers('all')).length, 1);
    expectStatus(await change('each'), 200);
    await forgetAll();
});

test('the same by the command', async () => {
    const file = path.join(server.folder, 'command.csv');
    const words = ['import', '--tenant', 'acme', '--entity', 'contacts', file];
    const load = async (prefix, ...more) => {
        await fs.writeFile(file, tableOf(prefix));
        const ended = await server.command([...words, ...more]);
        await settle();
        return ended;
    };
    assert.equal((await load('Command each')).status, 0);
    assert.equal((await followers('Command each')).length, ROWS);
    assert.equal((await load('Command once', '--settled', `${rule.id}=once`)).status, 0);
    assert.equal((await followers('Command once')).length, 0);
    assert.equal((await followers('all')).length, 1);
    assert.equal((await load('Command not', '--settled', `${rule.id}=not`)).status, 0);
    assert.equal((await followers('Command not')).length, 0);
    for (const wrong of [`${rule.id}=often`, 'this=once', `${file}=once`]) {
        const ended = await load('Command wrong', '--settled', wrong);
        assert.notEqual(ended.status, 0);
        assert.match(ended.err, /rule/);
    }
    await forgetAll();
});

test('a choice for what is no such rule is refused before anything begins', async () => {
    const text = tableOf('Wrong');
    const begin = (rules) => firm.call('POST', 'contacts/import', { text, rules });
    const before = await firm.create('rules', {
        name: 'before',
        entity: 'contact',
        point: 'before',
        state: 'active',
        set: { language: 'de' },
        when: { name: 'nobody' },
    });
    expectFault(await begin({ [before.id]: 'once' }), 'rules', 'reference');
    const missing = '01890000-0000-7000-8000-000000000000';
    expectFault(await begin({ [missing]: 'not' }), 'rules', 'reference');
    expectFault(await begin({ [rule.id]: 'seldom' }), 'rules', 'choice');
    expectFault(await begin({ follow: 'once' }), 'rules', 'choice');
    expectFault(await begin(['once']), 'rules', 'type');
});

test('a preview tells what rules would do, and does none of it', async () => {
    const more = { entity: 'contact', state: 'active' };
    const stamp = await firm.create('rules', {
        ...more,
        name: 'stamp',
        point: 'before',
        when: { name: { prefix: 'Seen' } },
        source: `record.title = "Head"
                 if record.name == "Seen 1" then
                     queue.mail {to = "a@acme.example", subject = "Hello", text = "Hello"}
                 end
                 if record.name == "Seen 2" then local wrong = nil + 1 end`,
    });
    const bar = await firm.create('rules', {
        ...more,
        name: 'bar',
        point: 'check',
        when: { name: 'Seen 3' },
        reject: 'not this one',
        reject_field: 'name',
    });
    const state = async () => ({
        contacts: await firm.all('contacts'),
        outbox: (await firm.call('GET', 'outbox')).body,
        runs: (await firm.call('GET', 'runs')).body,
    });
    const before = await state();
    const preview = async (rules) => {
        const body = { text: tableOf('Seen'), preview: true, rules };
        const answer = await firm.call('POST', 'contacts/import', body);
        expectStatus(answer, 200);
        return answer.body.forecast;
    };
    const forecast = await preview({});
    assert.deepEqual([forecast.created, forecast.failed], [ROWS - 2, 2]);
    assert.equal(forecast.rules.rows, ROWS);
    const by = (rules) => Object.fromEntries(rules.rules.map((one) => [one.name, one]));
    const { stamp: stamped, bar: barred, follow } = by(forecast.rules);
    assert.deepEqual(stamped, {
        id: stamp.id,
        name: 'stamp',
        point: 'before',
        runs: ROWS,
        set: ROWS - 1,
        rejected: 0,
        failed: 1,
        mails: 1,
        choice: null,
    });
    assert.deepEqual([barred.id, barred.runs, barred.rejected], [bar.id, 1, 1]);
    assert.deepEqual([follow.runs, follow.choice], [ROWS - 2, 'each']);
    const once = by((await preview({ [rule.id]: 'once' })).rules).follow;
    assert.deepEqual([once.runs, once.choice], [1, 'once']);
    const not = by((await preview({ [rule.id]: 'not' })).rules).follow;
    assert.deepEqual([not.runs, not.choice], [0, 'not']);
    assert.deepEqual(await state(), before);
});
