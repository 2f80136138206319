// One-time codes: asked for behind the right password alone, good once, and recovery codes for when
// the telephone is gone.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { codeAt, secretBytes, STEP_S } from '../door/codes.mjs';
import { expectFault, expectProblem, expectStatus } from '../door/expect.mjs';
import { linkIn, mailTo } from '../door/mails.mjs';
import { openServer } from '../door/server.mjs';
import { Visitor } from '../door/visitor.mjs';
import { until } from '../door/wait.mjs';

let server;
let firm;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
});
after(() => server.close());

const now = () => Date.now() / 1000;
const codeOf = (person) => codeAt(person.secret, now());

const word = 'my first long words';
let made = 0;
async function newPerson() {
    const email = `ann${++made}@firm.example`;
    const user = await firm.create('users', { name: 'Ann', email });
    expectStatus(await firm.call('POST', `users/${user.id}/invite`), 202);
    const { token } = linkIn(await mailTo(firm, email));
    const guest = new Visitor(firm);
    const body = { token, password: word };
    expectStatus(await guest.call('POST', 'invitations/accept', body), 204);
    return { id: user.id, email };
}
const enter = (person, more = {}) =>
    new Visitor(firm).call('POST', 'session', { email: person.email, password: word, ...more });

/** With codes on: the last step's code is spent, those of now and of the next are not. */
async function guarded() {
    const person = await newPerson();
    const visitor = await Visitor.signIn(firm, person.email, word);
    const begun = expectStatus(await visitor.call('POST', 'me/totp'), 200).body;
    person.secret = begun.secret;
    person.uri = begun.uri;
    person.recovery = await until(async () => {
        const step = Math.floor(now() / STEP_S);
        const code = codeAt(person.secret, (step - 1) * STEP_S);
        const confirmed = await visitor.call('POST', 'me/totp/confirm', { code });
        // Where a step ended meanwhile, that code was of the one before the last.
        if (confirmed.status !== 200 && Math.floor(now() / STEP_S) > step) return undefined;
        return expectStatus(confirmed, 200).body.recovery_codes;
    });
    return { person, visitor };
}

describe('codes that are on', () => {
    test('are asked for behind the right password alone', async () => {
        const { person } = await guarded();
        const needed = expectProblem(await enter(person), 401);
        assert.equal(needed.type, 'code_needed');
        const wrong = expectProblem(await enter(person, { password: 'wrong words here' }), 401);
        assert.equal(wrong.type, 'unauthenticated');
        const code = codeOf(person);
        const both = { password: 'wrong words here', code };
        assert.equal(expectProblem(await enter(person, both), 401).type, 'unauthenticated');
        expectStatus(await enter(person, { code }), 201);
    });

    test('are good once, and one step to either side', async () => {
        const { person } = await guarded();
        const code = codeOf(person);
        expectStatus(await enter(person, { code }), 201);
        assert.equal(expectProblem(await enter(person, { code }), 401).type, 'code_wrong');
        const late = codeAt(person.secret, now() - 3 * STEP_S);
        assert.equal(expectProblem(await enter(person, { code: late }), 401).type, 'code_wrong');
        const early = codeAt(person.secret, now() + 3 * STEP_S);
        assert.equal(expectProblem(await enter(person, { code: early }), 401).type, 'code_wrong');
    });

    test('thirty-two times at once let one in', async () => {
        const { person } = await guarded();
        const code = person.recovery[0];
        const answers = await Promise.all(
            Array.from({ length: 32 }, () => enter(person, { code })),
        );
        const statuses = answers.map((answer) => answer.status);
        assert.equal(statuses.filter((status) => status === 201).length, 1, `${statuses}`);
        assert.ok(
            statuses.every((status) => [201, 401, 429, 503].includes(status)),
            `${statuses}`,
        );
    });

    test('are no way to guess', async () => {
        const { person } = await guarded();
        const begun = Date.now();
        let guesses = 0;
        let last;
        for (; guesses < 100 && last?.status !== 429; guesses++)
            last = await enter(person, { code: String(guesses).padStart(6, '0') });
        expectProblem(last, 429);
        const forgotten = Math.floor((Date.now() - begun) / 30_000);
        assert.ok(guesses <= 12 + forgotten, `${guesses} guesses`);
        assert.match(last.headers['retry-after'], /^\d+$/);
    });

    test('are no way to guess, whatever is written around them', async () => {
        const { person } = await guarded();
        await new Visitor(firm).call('POST', 'password/reset', { email: person.email });
        const { token } = linkIn(await mailTo(firm, person.email, 2));
        const guess = (at, more) => ({ ...more, code: String(at).padStart(6, '0') });
        const blank = (at) => ({ email: ' '.repeat(2000 - at) + person.email });
        const link = { token, password: 'quite other words' };
        const set = (given) => new Visitor(firm).call('POST', 'password/set', given);
        const ways = [
            (at) => enter(person, guess(at, blank(at))),
            (at) => set(guess(at, link)),
        ];
        // What has no meaning is refused before anything is tried.
        const other = { ...link, email: 'x@firm.example' };
        expectFault(await set(guess(1, other)), 'email', 'unknown');
        expectFault(await enter(person, guess(1, { token: '' })), 'token', 'required');
        const begun = now();
        const bounded = new Set();
        let guesses = 0;
        for (let at = 0; bounded.size < ways.length && at < 60; at++) {
            const answer = await ways[at % ways.length](at);
            if (answer.status === 429) bounded.add(at % ways.length);
            else guesses += Number(expectProblem(answer, 401).type === 'code_wrong');
        }
        assert.equal(bounded.size, ways.length, `${[...bounded]} of the ways`);
        /* Ten, and what a bucket gives back meanwhile. */
        assert.ok(guesses <= 11 + (now() - begun) / STEP_S, `${guesses} guesses`);
    });

    test('of recovery are ten, each good once, however they are typed', async () => {
        const { person } = await guarded();
        assert.equal(new Set(person.recovery).size, 10);
        const [one, two] = person.recovery;
        assert.match(one, /^([A-Z2-7]{4}-){5}[A-Z2-7]{4}$/);
        expectStatus(await enter(person, { code: one }), 201);
        assert.equal(expectProblem(await enter(person, { code: one }), 401).type, 'code_wrong');
        expectStatus(await enter(person, { code: two.toLowerCase().replaceAll('-', ' ') }), 201);
    });

    test('stand between a mailed link and the password', async () => {
        const { person } = await guarded();
        expectStatus(
            await new Visitor(firm).call('POST', 'password/reset', { email: person.email }),
            202,
        );
        const { token } = linkIn(await mailTo(firm, person.email, 2));
        const set = (more) =>
            new Visitor(firm).call('POST', 'password/set', {
                token,
                password: 'quite another sentence',
                ...more,
            });
        assert.equal(expectProblem(await set(), 401).type, 'code_needed');
        assert.equal(expectProblem(await set({ code: '000000' }), 401).type, 'code_wrong');
        expectStatus(await set({ code: codeOf(person) }), 204);
        assert.equal(
            expectProblem(await enter(person, { password: 'quite another sentence' }), 401).type,
            'code_needed',
        );
    });

    test('belong to a proof too', async () => {
        const { person, visitor } = await guarded();
        const bare = await visitor.call('POST', 'session/proof', { password: word });
        assert.equal(expectProblem(bare, 401).type, 'code_needed');
        await visitor.prove(word, { code: codeOf(person) });
        expectStatus(await visitor.call('DELETE', 'me/totp'), 204);
        expectStatus(await enter(person), 201);
    });
});

describe('a secret', () => {
    test('is on when its first code was given, not before', async () => {
        const person = await newPerson();
        const visitor = await Visitor.signIn(firm, person.email, word);
        const one = expectStatus(await visitor.call('POST', 'me/totp'), 200).body;
        const two = expectStatus(await visitor.call('POST', 'me/totp'), 200).body;
        assert.notEqual(one.secret, two.secret);
        assert.match(two.secret, /^[A-Z2-7]{32}$/);
        assert.ok(two.uri.startsWith('otpauth://totp/') && two.uri.includes(two.secret));
        expectStatus(await enter(person), 201);
        const stale = { code: codeAt(one.secret, now()) };
        expectFault(await visitor.call('POST', 'me/totp/confirm', stale), 'code', 'wrong');
        const code = codeAt(two.secret, now());
        expectStatus(await visitor.call('POST', 'me/totp/confirm', { code }), 200);
        assert.equal(expectProblem(await enter(person), 401).type, 'code_needed');
        expectProblem(await visitor.call('POST', 'me/totp'), 409);
        expectProblem(await visitor.call('POST', 'me/totp/confirm', { code }), 409);
    });

    test('and its recovery codes lie nowhere in clear', async () => {
        const { person } = await guarded();
        const raw = secretBytes(person.secret);
        const stored = await fs.readFile(`${server.directory}/data.mdb`);
        assert.ok(!stored.includes(raw) && !stored.includes(person.secret));
        for (const code of person.recovery) assert.ok(!stored.includes(code.replaceAll('-', '')));
    });
});
