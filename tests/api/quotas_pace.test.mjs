// Quotas of what a firm does at a time: requests, the time of its rules, open streams. Others
// notice nothing of them.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openEvents } from '../door/events.mjs';
import { expectProblem, expectStatus } from '../door/expect.mjs';
import { send } from '../door/http.mjs';
import { jobEnded } from '../door/jobs.mjs';
import { expectReached, quotaEvent, quotasOf, setQuotas } from '../door/quotas.mjs';
import { openServer } from '../door/server.mjs';
import { until } from '../door/wait.mjs';

let server;
let firm;
let other;
before(async () => {
    server = await openServer(['acme', 'other'], { words: ['--admin', '127.0.0.1:0'] });
    firm = server.firms.acme;
    other = server.firms.other;
});
after(() => server.close());

const set = (words) => setQuotas(firm, words);
/** One of the operator's. */
async function figure(name) {
    const { text } = await send({ port: server.adminPort, method: 'GET', path: '/metrics' });
    const line = text.split('\n').find((one) => one.startsWith(`atrium_${name} `));
    return Number(line.split(' ')[1]);
}

describe('requests', () => {
    test('of a firm that floods are refused, and no other firm is', async () => {
        await set('requests=100');
        const refused = [];
        const calm = [];
        // A new bound holds within a second.
        for (let asked = 0; refused.length === 0; asked += 40) {
            assert.ok(asked < 100_000, 'nothing is refused');
            const flood = Array.from({ length: 40 }, () => firm.call('GET', 'me'));
            calm.push(await other.call('GET', 'me'));
            refused.push(...(await Promise.all(flood)).filter(({ status }) => status === 429));
        }
        expectReached(refused[0], 'requests', 100);
        assert.ok(calm.every((answer) => answer.status === 200));
        // Strangers use up nothing of it, and still are told that they are.
        const stranger = await firm.call('GET', 'me', undefined, { authorization: 'Bearer no' });
        expectProblem(stranger, 401);
        await set('requests=default');
        // By the old one so many at once are not let in for a long time.
        await until(async () => {
            const asked = Array.from({ length: 40 }, () => firm.call('GET', 'me'));
            return (await Promise.all(asked)).every(({ status }) => status === 200);
        }, 'the new bound holds');
        // However often it is reached in a minute, it is a single event.
        assert.equal((await quotaEvent(firm, 'requests')).count, 1);
    });
});

describe('the time of rules', () => {
    const write = (of, name) => of.call('POST', 'contacts', { name });

    test('that is used up refuses changes with rules, until it has run off', async () => {
        const rule = {
            name: 'Reckons',
            entity: 'contact',
            point: 'before',
            state: 'active',
            source: 'local sum = 0 for at = 1, 400000 do sum = sum + at end',
        };
        for (const of of [firm, other]) await of.create('rules', rule);
        assert.equal((await quotasOf(firm)).rule_time.bound, 20_000);
        await set('rule_time=1');
        expectStatus(await write(firm, 'First'), 201);
        assert.ok((await quotasOf(firm)).rule_time.use >= 1);
        assert.ok((await figure('tenant_rule_time{tenant="1"}')) >= 1);
        const problem = expectReached(await write(firm, 'Second'), 'rule_time', 1);
        assert.ok(problem.quota.use >= 1);
        assert.match(problem.detail, /let rules do less/);
        expectStatus(await write(other, 'Neighbour'), 201);
        // What runs no rule goes on.
        await firm.create('views', { name: 'All', entity: 'contact' });
        await set('rule_time=0');
        expectReached(await write(firm, 'Second'), 'rule_time', 0);
        await set('rule_time=default');
        expectStatus(await write(firm, 'Second'), 201);
        assert.equal((await quotaEvent(firm, 'rule_time')).actor_kind, 'system');
    });

    test('that is used up is waited for by jobs, not failed for', async () => {
        await set('rule_time=0');
        const table = 'name\r\nImported\r\n';
        const csv = { 'content-type': 'text/csv' };
        const begun = await firm.call('POST', 'contacts/import', table, csv);
        const { id } = expectStatus(begun, 202).body;
        const tries = await figure('rules_refused_share_total');
        const isTriedTwice = async () => (await figure('rules_refused_share_total')) >= tries + 2;
        await until(isTriedTwice, 'the job is tried again');
        const job = expectStatus(await firm.call('GET', `jobs/${id}`), 200).body;
        assert.ok(['queued', 'running'].includes(job.state), job.state);
        await set('rule_time=default');
        assert.equal((await jobEnded(firm, begun)).state, 'done');
        assert.equal((await firm.all('contacts', 'name=Imported')).length, 1);
    });
});

describe('streams of events', () => {
    test('are as many as the quota says, from the next one on', async () => {
        await set('streams=2');
        const open = [await openEvents(firm), await openEvents(firm)];
        assert.deepEqual(
            open.map((stream) => stream.status),
            [200, 200],
        );
        const { streams } = await quotasOf(firm);
        assert.deepEqual([streams.use, streams.bound], [2, 2]);
        const problem = expectReached((await openEvents(firm)).refusal, 'streams', 2);
        assert.match(problem.detail, /close streams/);
        const foreign = await openEvents(other);
        assert.equal(foreign.status, 200);
        await set('streams=3');
        open.push(foreign, await openEvents(firm));
        assert.equal(open.at(-1).status, 200);
        for (const stream of open) stream.close();
        await until(async () => (await quotasOf(firm)).streams.use === 0);
        await set('streams=0');
        expectReached((await openEvents(firm)).refusal, 'streams', 0);
        await set('streams=default');
    });
});
