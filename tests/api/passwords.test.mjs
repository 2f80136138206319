// Passwords: which are taken, how they are changed, what a change ends; and addresses that look
// alike.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { expectFault, expectProblem, expectStatus } from '../door/expect.mjs';
import { send } from '../door/http.mjs';
import { linkIn, mailTo } from '../door/mails.mjs';
import { openServer } from '../door/server.mjs';
import { Visitor } from '../door/visitor.mjs';

let server;
let firm;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
});
after(() => server.close());

let made = 0;
async function newPerson(password, email = `bea${++made}@firm.example`) {
    const user = await firm.create('users', { name: 'Bea', email });
    expectStatus(await firm.call('POST', `users/${user.id}/invite`), 202);
    const { token } = linkIn(await mailTo(firm, email));
    const guest = new Visitor(firm);
    expectStatus(await guest.call('POST', 'invitations/accept', { token, password }), 204);
    return email;
}
const enter = (email, password) => new Visitor(firm).call('POST', 'session', { email, password });
const change = (visitor, password, word) =>
    visitor.call('POST', 'me/password', { password, new: word });

describe('a password', () => {
    test('is changed by whoever knows it, and all other sessions end', async () => {
        const email = await newPerson('the first sentence');
        const [one, two] = [
            await Visitor.signIn(firm, email, 'the first sentence'),
            await Visitor.signIn(firm, email, 'the first sentence'),
        ];
        const guessed = await change(one, 'not the first one', 'the next sentence');
        expectFault(guessed, 'password', 'wrong');
        const before = one.cookie;
        one.take(await change(one, 'the first sentence', 'the next sentence'), 200);
        assert.notEqual(one.cookie, before);
        expectStatus(await one.call('GET', 'me'), 200);
        expectProblem(await two.call('GET', 'me'), 401);
        expectProblem(await enter(email, 'the first sentence'), 401);
        expectStatus(await enter(email, 'the next sentence'), 201);
    });

    test('counts whole: each letter, blanks at its ends, up to a thousand bytes', async () => {
        const words = [
            `${'long enough '.repeat(10)}a`,
            ` leads and trails with blanks `,
            'ünïcödé pässwörd with ẞ and 猫',
            'x1'.repeat(31) + 'yz',
            'abcdefgh '.repeat(113) + '1234567',
        ];
        const tryWord = async (word) => {
            const email = await newPerson(word);
            expectStatus(await enter(email, word), 201);
            for (const near of [`${word.slice(0, -1)}#`, word.trim(), word.slice(0, 72)])
                if (near !== word) expectProblem(await enter(email, near), 401);
        };
        await Promise.all(words.map(tryWord));
    });

    test('is one however its accents are typed', async () => {
        const email = await newPerson('caf\u00e9 and cr\u00e8me');
        expectStatus(await enter(email, 'cafe\u0301 and cre\u0300me'), 201);
    });

    test('that is short, long or guessed first is refused', async () => {
        const email = await newPerson('the first sentence');
        const visitor = await Visitor.signIn(firm, email, 'the first sentence');
        const faults = {
            length: ['short', 'x'.repeat(1025), 'é'.repeat(513)],
            guessable: [
                'password', 'Password1', '12345678', 'qwertyuiop', 'iloveyou', 'sunshine1',
                'baseball', 'football1', 'superman', 'trustno1', 'letmein!', 'aaaaaaaa',
                'abcabcabc', 'starwars', 'princess1', '1q2w3e4r', 'qwerty123', 'welcome1',
                'dragon123', 'monkey12', email,
            ],
        };
        for (const [code, words] of Object.entries(faults))
            for (const word of words)
                expectFault(await change(visitor, 'the first sentence', word), 'new', code);
    });

    test('of megabytes is refused before it is looked at', async () => {
        const body = { email: firm.owner, password: 'x'.repeat(10 << 20) };
        const headers = { host: firm.host };
        const { port } = server;
        // Not by the road that looks at each letter of what is sent.
        const answer = await send({ port, method: 'POST', path: '/api/v1/session', headers, body });
        expectProblem(answer, 413);
    });

    test('is needed again once the last proof is old', async () => {
        const strict = await openServer(['acme'], { words: ['--proof-ms', '1'] });
        try {
            const own = strict.firms.acme;
            const visitor = await Visitor.signIn(own, own.owner, 'correct horse battery');
            const words = { password: 'correct horse battery', new: 'another one here' };
            const dangerous = [
                ['POST', 'me/password', words],
                ['POST', 'me/totp'],
                ['DELETE', 'me/totp'],
                ['POST', 'me/totp/confirm', { code: '123456' }],
            ];
            for (const request of dangerous) {
                const problem = expectProblem(await visitor.call(...request), 403);
                assert.equal(problem.type, 'step_up', request[1]);
            }
            expectStatus(await visitor.call('GET', 'me'), 200);
        } finally {
            await strict.close();
        }
    });
});

describe('an address', () => {
    test('that differs by the form of its accents or by case is the same one', async () => {
        const email = await newPerson('the first sentence', 'jos\u00e9@firm.example');
        for (const same of ['jose\u0301@firm.example', 'JOS\u00c9@FIRM.example', ` ${email} `])
            expectStatus(await enter(same, 'the first sentence'), 201);
        const upper = ['JOS\u00c9@firm.example', 'Jos\u00e9@Firm.Example'];
        for (const same of ['jose\u0301@firm.example', ...upper]) {
            const twin = await firm.call('POST', 'users', { name: 'Twin', email: same });
            expectStatus(twin, 409, 422);
        }
    });

    test('that hides a letter, or borrows one of another alphabet, is none', async () => {
        const contact = await firm.create('contacts', { name: 'Con' });
        for (const email of [
            'jo\u200bse@firm.example',
            'jo\u00adse@firm.example',
            'a\u202eb@firm.example',
            'j\u043ese@firm.example',
            'jose@f\u0456rm.example',
            'two@firm.example,three@firm.example',
        ]) {
            const user = await firm.call('POST', 'users', { name: 'Hidden', email });
            expectFault(user, 'email', 'format');
            const account = { contact: contact.id, email };
            expectFault(await firm.call('POST', 'portal_accounts', account), 'email', 'format');
            const emails = [email];
            const other = await firm.call('PATCH', `contacts/${contact.id}`, { emails });
            expectStatus(other, 422);
        }
    });
});
