// Links by mail: a new password, an invitation; what they are good for, once, and for how long.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { expectFault, expectProblem, expectStatus } from '../door/expect.mjs';
import { linkIn, mailFolder, mailsOf, mailTo } from '../door/mails.mjs';
import { openServer, password } from '../door/server.mjs';
import { Visitor } from '../door/visitor.mjs';

let server;
let firm;
let other;
before(async () => {
    server = await openServer(['acme', 'other']);
    firm = server.firms.acme;
    other = server.firms.other;
});
after(() => server.close());

let made = 0;
/** A user that nobody else uses. */
const newUser = (more = {}) =>
    firm.create('users', { name: 'Ann', email: `ann${++made}@firm.example`, ...more });
const guest = () => new Visitor(firm);
const ask = (email, headers) => guest().call('POST', 'password/reset', { email }, headers);
const set = (token, word, at = firm) =>
    new Visitor(at).call('POST', 'password/set', { token, password: word });
const accept = (token, word) =>
    guest().call('POST', 'invitations/accept', { token, password: word });
const invite = async (user) =>
    expectStatus(await firm.call('POST', `users/${user.id}/invite`), 202);
const enters = async (email, word) =>
    (await guest().call('POST', 'session', { email, password: word })).status === 201;

/** A user with a password, which came by an invitation. */
async function newcomer() {
    const user = await newUser();
    await invite(user);
    const { token } = linkIn(await mailTo(firm, user.email));
    expectStatus(await accept(token, 'my first long words'), 204);
    return user;
}
async function resetToken(user, count = 2) {
    expectStatus(await ask(user.email), 202);
    return linkIn(await mailTo(firm, user.email, count)).token;
}

describe('a new password', () => {
    test('by a link from a mail ends all sessions and is good once', async () => {
        const user = await newcomer();
        const visitor = await Visitor.signIn(firm, user.email, 'my first long words');
        const token = await resetToken(user);
        expectStatus(await set(token, 'quite another sentence'), 204);
        expectProblem(await visitor.call('GET', 'me'), 401);
        assert.ok(await enters(user.email, 'quite another sentence'));
        assert.ok(!(await enters(user.email, 'my first long words')));
        const again = expectProblem(await set(token, 'a third sentence here'), 401);
        assert.equal(again.type, 'link');
    });

    test('is answered the same for an address that nobody has, which gets none', async () => {
        const user = await newcomer();
        const known = expectStatus(await ask(user.email), 202);
        const unknown = expectStatus(await ask('nobody@firm.example'), 202);
        assert.equal(known.text, unknown.text);
        await mailTo(firm, user.email, 2);
        const all = await mailsOf(firm);
        assert.ok(!all.some((mail) => mail.headers.to.includes('nobody')));
    });

    test('has its link from the settings, whatever the request says of itself', async () => {
        const user = await newcomer();
        const answer = await server.send({
            method: 'POST',
            path: '/api/v1/password/reset',
            body: { email: user.email },
            headers: {
                host: firm.host,
                'x-forwarded-host': 'evil.example',
                forwarded: 'host=evil.example',
            },
        });
        expectStatus(answer, 202);
        const mail = await mailTo(firm, user.email, 2);
        assert.ok(linkIn(mail).url.startsWith(`http://${firm.host}/#/password/`), mail.text);
        assert.ok(!JSON.stringify(mail).includes('evil'));
    });

    test('is set by the newest link alone', async () => {
        const user = await newcomer();
        const first = await resetToken(user);
        const second = await resetToken(user, 3);
        assert.notEqual(first, second);
        expectProblem(await set(first, 'quite another sentence'), 401);
        expectStatus(await set(second, 'quite another sentence'), 204);
    });

    test('at another firm, by an invitation, or as a session is nothing', async () => {
        const user = await newcomer();
        const token = await resetToken(user);
        expectProblem(await set(token, 'quite another sentence', other), 401);
        expectProblem(await accept(token, 'quite another sentence'), 401);
        expectProblem(await guest().call('POST', 'session', { token }), 401);
        expectStatus(await set(token, 'quite another sentence'), 204);
    });

    test('kills links that were asked for before it', async () => {
        const user = await newcomer();
        const token = await resetToken(user);
        const visitor = await Visitor.signIn(firm, user.email, 'my first long words');
        const words = { password: 'my first long words', new: 'quite another sentence' };
        visitor.take(await visitor.call('POST', 'me/password', words), 200);
        expectProblem(await set(token, 'a third sentence here'), 401);
    });

    test('is judged as any other, and the link stays good', async () => {
        const user = await newcomer();
        const token = await resetToken(user);
        expectFault(await set(token, 'password1'), 'password', 'guessable');
        expectFault(await set(token, 'short'), 'password', 'length');
        expectStatus(await set(token, 'quite another sentence'), 204);
    });

    test('by the same link thirty-two times at once is set once', async () => {
        const user = await newcomer();
        const token = await resetToken(user);
        const words = Array.from({ length: 32 }, (_, at) => `the sentence number ${at} of it`);
        const answers = await Promise.all(words.map((word) => set(token, word)));
        const won = answers.filter((answer) => answer.status === 204);
        assert.equal(won.length, 1, `${answers.map((answer) => answer.status)}`);
        assert.ok(await enters(user.email, words[answers.indexOf(won[0])]));
    });

    test('asked for without end is bounded, alike for an address that nobody has', async () => {
        for (const email of ['nobody2@firm.example', (await newcomer()).email]) {
            const limited = await guest().callUntil(429, 'POST', 'password/reset', { email });
            assert.match(limited.headers['retry-after'], /^\d+$/);
        }
    });
});

describe('an invitation', () => {
    test('lets a user choose a password, once, without signing in', async () => {
        const user = await newUser();
        assert.ok(!(await enters(user.email, 'my first long words')));
        await invite(user);
        const mail = await mailTo(firm, user.email);
        assert.equal(mail.headers.subject, 'You are invited');
        const { url, token } = linkIn(mail);
        assert.ok(url.startsWith(`http://${firm.host}/#/invitation/`));
        // What a scanner of mails does.
        for (let looked = 0; looked < 3; looked++)
            await server.send({ method: 'GET', path: '/', headers: { host: firm.host } });
        const answer = expectStatus(await accept(token, 'my first long words'), 204);
        assert.equal(answer.headers['set-cookie'], undefined);
        assert.ok(await enters(user.email, 'my first long words'));
        expectProblem(await accept(token, 'quite another sentence'), 401);
    });

    test('is dead once it was taken back, or another was sent', async () => {
        const user = await newUser();
        await invite(user);
        const { token } = linkIn(await mailTo(firm, user.email));
        expectStatus(await firm.call('DELETE', `users/${user.id}/invite`), 204);
        expectProblem(await accept(token, 'my first long words'), 401);
        expectProblem(await firm.call('DELETE', `users/${user.id}/invite`), 404);
        await invite(user);
        const second = linkIn(await mailTo(firm, user.email, 2)).token;
        await invite(user);
        const third = linkIn(await mailTo(firm, user.email, 3)).token;
        expectProblem(await accept(second, 'my first long words'), 401);
        expectStatus(await accept(third, 'my first long words'), 204);
    });

    test('is for one address, and for one role', async () => {
        for (const change of [{ email: `other${++made}@firm.example` }, { role: 'pm' }]) {
            const user = await newUser();
            await invite(user);
            const { token } = linkIn(await mailTo(firm, user.email));
            expectStatus(await firm.call('PATCH', `users/${user.id}`, change), 200);
            expectProblem(await accept(token, 'my first long words'), 401);
        }
    });

    test('is nothing to whoever is signed in as somebody else, or is disabled', async () => {
        const user = await newUser();
        await invite(user);
        const { token } = linkIn(await mailTo(firm, user.email));
        const owner = await Visitor.signIn(firm, firm.owner, password);
        const body = { token, password: 'my first long words' };
        expectProblem(await owner.call('POST', 'invitations/accept', body), 409);
        expectStatus(await firm.call('PATCH', `users/${user.id}`, { disabled: true }), 200);
        expectProblem(await accept(token, 'my first long words'), 401);
        expectProblem(await firm.call('POST', `users/${user.id}/invite`), 409);
    });
});

describe('what is written down', () => {
    test('of a link is its hash: no token lies in the data, the outbox or the log', async () => {
        const user = await newUser();
        await invite(user);
        const { token } = linkIn(await mailTo(firm, user.email));
        const log = expectStatus(await firm.call('GET', 'audit?limit=200'), 200);
        const feed = expectStatus(await firm.call('GET', 'changes'), 200);
        const bytes = await fs.readFile(`${server.directory}/data.mdb`, 'latin1');
        for (const text of [log.text, feed.text, bytes, server.output])
            assert.ok(!text.includes(token));
        assert.ok(log.text.includes('"invited"'), log.text.slice(0, 500));
    });

    test('of a mail is for its owner alone', async () => {
        const folder = await fs.stat(mailFolder(firm));
        assert.equal(folder.mode & 0o777, 0o700);
        for (const name of await fs.readdir(mailFolder(firm))) {
            const { mode } = await fs.stat(`${mailFolder(firm)}/${name}`);
            assert.equal(mode & 0o777, 0o600);
        }
    });
});
