// Sessions from their making to their end: where they are listed, and who ends them.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { expectProblem, expectStatus } from '../door/expect.mjs';
import { linkIn, mailTo } from '../door/mails.mjs';
import { join } from '../door/people.mjs';
import { enter } from '../door/portal.mjs';
import { openServer, password } from '../door/server.mjs';
import { Visitor } from '../door/visitor.mjs';
import { pause, until } from '../door/wait.mjs';

let server;
let firm;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
});
after(() => server.close());

const signedIn = (more) => Visitor.signIn(firm, firm.owner, password, more);

describe('the list of sessions', () => {
    test('tells where each was begun, and which one asks', async () => {
        const one = await signedIn({ 'user-agent': 'Test/1.0' });
        const two = await signedIn({ 'user-agent': 'x'.repeat(1000) });
        const list = expectStatus(await one.call('GET', 'sessions'), 200).body.data;
        const mine = list.filter((session) => session.current);
        assert.equal(mine.length, 1);
        assert.equal(mine[0].user_agent, 'Test/1.0');
        assert.equal(mine[0].address, '127.0.0.1');
        assert.ok(list.some((session) => session.user_agent === 'x'.repeat(200)));
        const { body } = expectStatus(await one.call('GET', 'me'), 200);
        assert.equal(body.session.id, mine[0].id);
        assert.ok(!JSON.stringify(list).includes(one.cookie.split('=')[1]));
        expectStatus(await two.call('DELETE', 'session'), 204);
    });

    test('is of oneself: a session of somebody else is not there', async () => {
        const one = await signedIn();
        const [{ id }] = expectStatus(await one.call('GET', 'sessions'), 200).body.data;
        const other = await firm.create('users', { name: 'Bea', email: 'bea@firm.example' });
        const list = await firm.call('GET', `users/${other.id}/sessions`);
        assert.deepEqual(expectStatus(list, 200).body.data, []);
        expectProblem(await one.call('DELETE', `sessions/${other.id}`), 404);
        expectStatus(await one.call('DELETE', `sessions/${id}`), 204);
    });
});

describe('ending', () => {
    test('one session leaves the others, and all others leave this one', async () => {
        const [one, two, three] = [await signedIn(), await signedIn(), await signedIn()];
        const me = expectStatus(await two.call('GET', 'me'), 200).body;
        expectStatus(await one.call('DELETE', `sessions/${me.session.id}`), 204);
        expectProblem(await two.call('GET', 'me'), 401);
        expectStatus(await three.call('GET', 'me'), 200);
        expectStatus(await one.call('DELETE', 'sessions'), 204);
        expectProblem(await three.call('GET', 'me'), 401);
        const left = expectStatus(await one.call('GET', 'sessions'), 200).body.data;
        assert.equal(left.length, 1);
    });

    test("a user's sessions is for who may edit users, and takes all of them", async () => {
        const one = await signedIn();
        const me = expectStatus(await one.call('GET', 'me'), 200).body;
        const { id } = me.user;
        const where = `users/${id}/sessions`;
        const list = expectStatus(await firm.call('GET', where), 200).body.data;
        assert.ok(list.some((session) => session.id === me.session.id));
        assert.ok(!JSON.stringify(list).includes(one.cookie.split('=')[1]));
        const pm = await join(firm, 'Paul Manager', 'pm');
        expectProblem(await pm.call('DELETE', where), 403);
        expectStatus(await one.call('GET', 'me'), 200);
        expectStatus(await firm.call('DELETE', where), 204);
        expectProblem(await one.call('GET', 'me'), 401);
        const nobody = 'users/00000000-0000-7000-8000-000000000000/sessions';
        expectProblem(await firm.call('GET', nobody), 404);
    });
});

const chosenPassword = 'some right words';

/** Somebody new, as a script and as a visitor who came by an invitation. */
async function invited(name) {
    const user = await join(firm, name, 'pm');
    expectStatus(await firm.call('POST', `users/${user.user.id}/invite`), 202);
    const { token } = linkIn(await mailTo(firm, user.email));
    const chosen = { token, password: chosenPassword };
    expectStatus(await new Visitor(firm).call('POST', 'invitations/accept', chosen), 204);
    return { user, visitor: await Visitor.signIn(firm, user.email, chosenPassword) };
}

test('a user who is deleted is out at once, by session and by token', async () => {
    const { user, visitor } = await invited('Dee Leted');
    for (const who of [user, visitor]) expectStatus(await who.call('GET', 'clients'), 200);
    expectStatus(await firm.call('DELETE', `users/${user.user.id}`), 204);
    for (const who of [user, visitor]) expectProblem(await who.call('GET', 'clients'), 401);
    const again = { email: user.email, password: chosenPassword };
    expectProblem(await new Visitor(firm).call('POST', 'session', again), 401);
    expectStatus(await firm.call('POST', `users/${user.user.id}/restore`), 200);
    for (const who of [user, visitor]) expectProblem(await who.call('GET', 'clients'), 401);
    const { data } = (await firm.call('GET', `users/${user.user.id}/tokens`)).body;
    assert.deepEqual(data, []);
});

test('a link that was mailed is dead once its user was disabled', async () => {
    const user = await join(firm, 'Lin Ked', 'employee');
    expectStatus(await firm.call('POST', `users/${user.user.id}/invite`), 202);
    const { token } = linkIn(await mailTo(firm, user.email));
    for (const disabled of [true, false])
        expectStatus(await firm.call('PATCH', `users/${user.user.id}`, { disabled }), 200);
    const chosen = { token, password: chosenPassword };
    expectProblem(await new Visitor(firm).call('POST', 'invitations/accept', chosen), 401, 'link');
    expectStatus(await user.call('GET', 'clients'), 200);
});

test('who may enter again after a while does so anew, at both doors', async () => {
    const { user, visitor } = await invited('Abby Sent');
    const contact = await firm.create('contacts', { name: 'Ab Sent' });
    const client = await firm.create('clients', { name: 'Absent', primary_contact: contact.id });
    const guest = await enter(firm, [client.id], contact.id);
    const accounts = [
        [visitor, `users/${user.user.id}`, { disabled: true }, { name: 'Abby', disabled: false }],
        [guest, `portal_accounts/${guest.account.id}`, { state: 'disabled' }, { state: 'active' }],
    ];
    for (const [who, where, shut, open] of accounts) {
        expectStatus(await firm.call('PATCH', where, open), 200);
        expectStatus(await who.call('GET', 'me'), 200);
        expectStatus(await firm.call('PATCH', where, shut), 200);
        expectStatus(await firm.call('PATCH', where, open), 200);
        expectProblem(await who.call('GET', 'me'), 401);
    }
    await guest.signIn();
    await Visitor.signIn(firm, user.email, chosenPassword);
});

describe('a proof', () => {
    test('is nothing that a token can give', async () => {
        expectProblem(await firm.call('POST', 'session/proof', { password }), 403);
    });

    test('gives a new token, and the old one is dead', async () => {
        const visitor = await signedIn();
        const before = { ...visitor };
        const was = expectStatus(await visitor.call('GET', 'me'), 200).body.session;
        await visitor.prove(password);
        assert.notEqual(visitor.cookie, before.cookie);
        assert.notEqual(visitor.csrf, before.csrf);
        const is = expectStatus(await visitor.call('GET', 'me'), 200).body.session;
        assert.equal(is.id, was.id);
        assert.ok(is.proven_at > was.proven_at);
        visitor.cookie = before.cookie;
        expectProblem(await visitor.call('GET', 'me'), 401);
    });

    test('with a wrong password leaves the session, and is no way to guess', async () => {
        const visitor = await signedIn();
        const limited = await visitor.callUntil(429, 'POST', 'session/proof', { password: 'no' });
        assert.match(limited.headers['retry-after'], /^\d+$/);
        expectStatus(await visitor.call('GET', 'me'), 200);
    });
});

const AGE_MS = 1500;
const IDLE_MS = 1000;

test('a limit of age ends a session that is in use', async () => {
    const brief = await openServer(['acme'], { words: ['--session-age-ms', `${AGE_MS}`] });
    try {
        const begun = Date.now();
        const used = await Visitor.signIn(brief.firms.acme, brief.firms.acme.owner, password);
        const ended = await until(async () => {
            const answer = await used.call('GET', 'me');
            return answer.status !== 200 && answer;
        }, 'an end');
        expectProblem(ended, 401);
        assert.ok(Date.now() - begun >= AGE_MS, 'it ended, but not before its age');
    } finally {
        await brief.close();
    }
});

test('a limit of idleness ends a session that nobody uses, and no other', async () => {
    const brief = await openServer(['acme'], { words: ['--session-idle-ms', `${IDLE_MS}`] });
    try {
        const own = brief.firms.acme;
        const idle = await Visitor.signIn(own, own.owner, password);
        let isUsed = false;
        // On a machine that stands still between two uses, both sessions are idle: once more then.
        while (!isUsed) {
            let since = Date.now();
            const used = await Visitor.signIn(own, own.owner, password);
            const begun = Date.now();
            isUsed = true;
            while (isUsed && Date.now() - begun <= IDLE_MS) {
                await pause(50);
                const asked = Date.now();
                const { status } = await used.call('GET', 'me');
                isUsed = Date.now() - since < IDLE_MS / 2;
                if (isUsed) assert.equal(status, 200);
                since = asked;
            }
        }
        expectProblem(await idle.call('GET', 'me'), 401);
    } finally {
        await brief.close();
    }
});
