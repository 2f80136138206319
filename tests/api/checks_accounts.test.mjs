// What the table of checks (isolation/checks.mjs) demands of accounts, and no other test shows.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { expectProblem, expectStatus } from '../door/expect.mjs';
import { linkIn, mailTo } from '../door/mails.mjs';
import { openServer, password } from '../door/server.mjs';
import { Visitor } from '../door/visitor.mjs';
import { until } from '../door/wait.mjs';

let server;
let firm;
before(async () => {
    server = await openServer(['acme', 'other']);
    firm = server.firms.acme;
});
after(() => server.close());

/** A sign-in's answer without what differs from request to request. */
async function refusal(email, word, where = firm) {
    const answer = await new Visitor(where).call('POST', 'session', { email, password: word });
    const { request_id: request, ...body } = expectProblem(answer, 401);
    const { date, 'x-request-id': id, ...headers } = answer.headers;
    assert.ok(request && id && date);
    return { status: answer.status, headers, body };
}

test('a wrong password, an unknown address and a disabled account get one answer', async () => {
    const off = await firm.create('users', { name: 'Off', email: 'off@firm.example' });
    expectStatus(await firm.call('POST', `users/${off.id}/invite`), 202);
    const { token } = linkIn(await mailTo(firm, off.email));
    const guest = new Visitor(firm);
    const chosen = { token, password: 'right words' };
    expectStatus(await guest.call('POST', 'invitations/accept', chosen), 204);
    await Visitor.signIn(firm, off.email, 'right words');
    expectStatus(await firm.call('PATCH', `users/${off.id}`, { disabled: true }), 200);
    const never = await firm.create('users', { name: 'Never', email: 'never@firm.example' });
    const one = await refusal(firm.owner, 'quite a wrong one');
    for (const email of ['nobody@firm.example', off.email, never.email])
        assert.deepEqual(await refusal(email, 'right words'), one, email);
});

test('signing in, failing to and signing out stand in the log, without any secret', async () => {
    const visitor = await Visitor.signIn(firm, firm.owner, password);
    const me = expectStatus(await visitor.call('GET', 'me'), 200).body;
    await refusal(firm.owner, 'canary of a wrong password');
    await refusal('nobody.at.all@firm.example', 'canary of a wrong password');
    const { cookie, csrf } = visitor;
    expectStatus(await visitor.call('DELETE', 'session'), 204);
    const kinds = ['sign_in', 'sign_in_refused', 'sign_out'];
    for (const kind of kinds) {
        const found = await until(async () => {
            const log = expectStatus(await firm.call('GET', `audit?kind=${kind}`), 200);
            const secrets = [cookie.split('=')[1], csrf, password, 'canary of', firm.token];
            for (const secret of secrets) assert.ok(!log.text.includes(secret), kind);
            return log.body.data.find((event) => event.actor === me.user.id);
        }, `${kind} is noted`);
        assert.equal(found.address, '127.0.0.1', kind);
        assert.ok(Date.parse(found.at) <= Date.now(), kind);
    }
});

test('tokens of sessions are random, and neither the data nor the log holds any', async () => {
    const cookies = new Set();
    const visitors = [];
    for (let at = 0; at < 12; at++) {
        const visitor = await Visitor.signIn(firm, firm.owner, password);
        visitors.push(visitor);
        cookies.add(visitor.cookie.split('=')[1]);
    }
    assert.equal(cookies.size, visitors.length);
    const bytes = await fs.readFile(`${server.directory}/data.mdb`);
    const texts = [...cookies, firm.token.replace(/^atr_/, '')];
    let ones = 0;
    for (const text of texts) {
        assert.match(text, /^[A-Za-z0-9_-]{43}$/);
        const raw = Buffer.from(text, 'base64url');
        assert.equal(raw.length, 32);
        for (const byte of raw) ones += byte.toString(2).replaceAll('0', '').length;
        assert.ok(!bytes.includes(text) && !bytes.includes(raw), 'a token lies in the data');
        assert.ok(!server.output.includes(text), 'a token stands in the log');
    }
    // Of 13 × 256 fair bits; ten standard deviations either way.
    assert.ok(Math.abs(ones - texts.length * 128) < 10 * Math.sqrt(texts.length * 64), `${ones}`);
});

test('one address at two firms is two accounts', async () => {
    const { other } = server.firms;
    const twin = await other.create('users', { name: 'Twin', email: 'twin@firm.example' });
    await firm.create('users', { name: 'Twin', email: 'twin@firm.example' });
    assert.equal(other.owner, firm.owner);
    const visitor = await Visitor.signIn(firm, firm.owner, password);
    const there = new Visitor(other);
    Object.assign(there, { cookie: visitor.cookie, csrf: visitor.csrf });
    expectProblem(await there.call('GET', 'me'), 401);
    expectStatus(await other.call('PATCH', `users/${twin.id}`, { disabled: true }), 200);
    const [mine] = await firm.all('users', 'email=twin@firm.example');
    assert.ok(!mine.disabled);
});
