// Rules for settled changes: run behind the commit, once each; put off when they fail; and the
// outbox in which they lie.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { expectProblem, expectStatus } from '../door/expect.mjs';
import { outboxOf as outbox, untilSettled } from '../door/rules.mjs';
import { openServer } from '../door/server.mjs';
import { until } from '../door/wait.mjs';

let server;
let firm;
let other;
before(async () => {
    server = await openServer(['acme', 'borg'], { words: ['--mail', 'held'] });
    firm = server.firms.acme;
    other = server.firms.borg;
});
after(() => server.close());

const rule = (of, more) =>
    of.create('rules', { entity: 'contact', point: 'settled', state: 'active', ...more });
const off = (of, id) => of.call('PATCH', `rules/${id}`, { state: 'off' });


test('what it writes is a change of its own, told in the history, and can be undone', async () => {
    const made = await rule(firm, {
        name: 'greet',
        on: ['create'],
        when: { name: { prefix: 'Greeted' } },
        source: `local title = "greeted by " .. actor.kind .. " " .. record.name
                 db.update("contact", record.id, {title = title})`,
    });
    const contact = await firm.create('contacts', { name: 'Greeted Ann' });
    assert.equal(contact.title, null);
    const after = await until(async () => {
        const now = await firm.get('contacts', contact.id);
        return now.title !== null && now;
    });
    assert.equal(after.title, 'greeted by user Greeted Ann');
    const history = await firm.call('GET', `contacts/${contact.id}/history`);
    const [entry, first] = history.body.data;
    assert.deepEqual(entry.rules, [{ id: made.id, name: 'greet' }]);
    assert.notEqual(entry.group, first.group);
    assert.equal(entry.actor.id ?? entry.actor, first.actor.id ?? first.actor);
    expectStatus(await firm.call('POST', `groups/${entry.group}/undo`), 200);
    assert.equal((await firm.get('contacts', contact.id)).title, null);
    await untilSettled(firm);
    expectStatus(await off(firm, made.id), 200);
});

test('one that fails is put off, dies in the end, and can be retried or forgotten', async () => {
    const made = await rule(firm, {
        name: 'fails',
        when: { name: { prefix: 'Failing' } },
        source: 'error("not like this")',
    });
    const contact = await firm.create('contacts', { name: 'Failing Bob' });
    const waiting = await until(async () => {
        const [entry] = await outbox(firm, 'kind=settled&state=waiting');
        return entry?.tries === 1 && entry;
    });
    assert.match(waiting.problem, /not like this/);
    assert.equal(waiting.rule, made.id);
    assert.equal(waiting.record, contact.id);
    assert.equal(waiting.entity, 'contact');
    assert.ok(waiting.due_at > new Date().toISOString());
    expectProblem(await firm.call('DELETE', `outbox/${waiting.id}`), 409);
    let dead = waiting;
    for (let retries = 0; dead.state !== 'dead' && retries < 5; retries++) {
        expectStatus(await firm.call('POST', `outbox/${waiting.id}/retry`), 200);
        const { tries } = dead;
        dead = await until(async () => {
            const now = await entryNow(waiting.id);
            return now.tries > tries && now;
        });
    }
    assert.equal(dead.tries, 5);
    assert.equal(dead.state, 'dead');
    assert.equal(dead.due_at, null);
    assert.ok(dead.kept_until > new Date(Date.now() + 29 * 86_400_000).toISOString());
    assert.deepEqual(
        (await outbox(firm, 'state=dead&kind=settled')).map((entry) => entry.id),
        [waiting.id],
    );
    assert.deepEqual(await outbox(firm, 'state=dead&kind=mail'), []);
    // Mended, it begins anew.
    const mended = { source: 'db.update("contact", record.id, {title = "at last"})' };
    expectStatus(await firm.call('PATCH', `rules/${made.id}`, mended), 200);
    expectStatus(await firm.call('POST', `outbox/${waiting.id}/retry`), 200);
    await until(async () => (await firm.get('contacts', contact.id)).title === 'at last');
    expectStatus(await firm.call('GET', `outbox/${waiting.id}`), 404);
    expectStatus(await off(firm, made.id), 200);
});

async function entryNow(id) {
    const answer = await firm.call('GET', `outbox/${id}`);
    expectStatus(answer, 200);
    return answer.body;
}

test('a rule that is switched off meanwhile does not run any more', async () => {
    const made = await rule(firm, {
        name: 'too late',
        when: { name: { prefix: 'Late' } },
        source: 'error("wait")',
    });
    await firm.create('contacts', { name: 'Late Lee' });
    await until(async () => (await outbox(firm, 'kind=settled'))[0]?.tries === 1);
    const [entry] = await outbox(firm, 'kind=settled');
    expectStatus(await off(firm, made.id), 200);
    expectStatus(await firm.call('POST', `outbox/${entry.id}/retry`), 200);
    await untilSettled(firm);
});

test('what is to be delivered waits, is told by kind and in pages', async () => {
    const made = await rule(firm, {
        name: 'mails',
        when: { name: { prefix: 'Mailed' } },
        source: `queue.mail {to = "ann@acme.example", subject = record.name, text = "Hello"}
                 queue.notify {to = actor.id, text = record.name}`,
    });
    for (let at = 0; at < 3; at++) await firm.create('contacts', { name: `Mailed ${at}` });
    await until(async () => (await outbox(firm, 'kind=mail')).length === 3);
    const all = await outbox(firm);
    assert.equal(all.length, 6);
    const found = [];
    for (let next = ''; next !== null; ) {
        const page = await firm.call('GET', `outbox?limit=2${next}`);
        expectStatus(page, 200);
        found.push(...page.body.data);
        next = page.body.next === null ? null : `&after=${encodeURIComponent(page.body.next)}`;
    }
    assert.deepEqual(found, all);
    const [mail] = await outbox(firm, 'kind=mail');
    assert.equal(mail.given.to, 'ann@acme.example');
    assert.equal(mail.rule, made.id);
    assert.equal(new Set(all.map((entry) => entry.id)).size, 6);
    expectStatus(await off(firm, made.id), 200);
});

test('each firm has its own outbox, and a list is asked for in known words', async () => {
    assert.deepEqual(await outbox(other), []);
    const [entry] = await outbox(firm);
    expectStatus(await other.call('GET', `outbox/${entry.id}`), 404);
    expectStatus(await other.call('POST', `outbox/${entry.id}/retry`), 404);
    expectStatus(await other.call('DELETE', `outbox/${entry.id}`), 404);
    for (const query of ['state=gone', 'after=x', 'limit=0', 'sort=id'])
        expectProblem(await firm.call('GET', `outbox?${query}`), 400);
});

test('what is told of long texts is cut between letters', async () => {
    const long = `a${'é'.repeat(58)}`;
    const made = await firm.create('rules', {
        name: 'starts what is not there',
        entity: 'contact',
        point: 'after',
        state: 'active',
        source: `queue.start {rule = "${long}"}`,
    });
    const contact = await firm.create('contacts', { name: 'Long Ann' });
    const entry = await until(async () => {
        const [first] = await outbox(firm, 'kind=start');
        return first?.problem && first;
    });
    assert.equal(entry.record, contact.id);
    assert.match(entry.problem, /no active rule `aé+` \(/);
    expectStatus(await off(firm, made.id), 200);
});
