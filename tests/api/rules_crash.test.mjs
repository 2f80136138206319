// Settled rules and kills: what they write is there exactly once, whenever the server ends.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { chooseSeed, makeRandom } from '../door/random.mjs';
import { untilSettled } from '../door/rules.mjs';
import { openServer } from '../door/server.mjs';
import { pause, until } from '../door/wait.mjs';

const KILLS = 4;
const AT_ONCE = 8;
const LIFE_MS = 150;

let server;
let firm;
before(async () => {
    server = await openServer(['acme'], { words: ['--mail', 'held'] });
    firm = server.firms.acme;
});
after(() => server.close());

/** Creates until the server is gone; gives the names that were answered. */
async function createUntilGone(life, answered) {
    const work = async (lane) => {
        for (let at = 0; ; at++) {
            const name = `Life ${life} ${lane} ${at}`;
            try {
                const answer = await firm.call('POST', 'contacts', { name });
                if (answer.status === 201) answered.push(name);
            } catch {
                return;
            }
        }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, (_, lane) => work(lane)));
}

test('killed at any moment, neither loses nor doubles what a settled rule writes', async (t) => {
    const random = makeRandom(chooseSeed());
    t.diagnostic(`seed ${random.seed}`);
    await firm.create('rules', {
        name: 'echo',
        entity: 'contact',
        point: 'settled',
        on: ['create'],
        state: 'active',
        when: { name: { prefix: 'Life' } },
        source: `db.create("contact", {name = "Echo of " .. record.name})
                 queue.mail {to = "a@acme.example", subject = record.name, text = "Hello"}`,
    });
    const answered = [];
    for (let life = 0; life < KILLS; life++) {
        const gone = createUntilGone(life, answered);
        await pause(20 + random.below(LIFE_MS));
        await until(() => answered.length > life, 'something is answered');
        await server.kill();
        await gone;
        await server.start();
    }
    await untilSettled(firm);
    const names = (await firm.all('contacts')).map((contact) => contact.name);
    const made = names.filter((name) => name.startsWith('Life'));
    const echoes = names.filter((name) => name.startsWith('Echo of'));
    for (const name of answered) assert.ok(made.includes(name), `${name} is lost`);
    assert.deepEqual(echoes.toSorted(), made.map((name) => `Echo of ${name}`).toSorted());
    const mails = [];
    for (let next = ''; next !== null; ) {
        const page = await firm.call('GET', `outbox?kind=mail&limit=200${next}`);
        mails.push(...page.body.data.map((entry) => entry.given.subject));
        next = page.body.next === null ? null : `&after=${page.body.next}`;
    }
    assert.deepEqual(mails.toSorted(), made.toSorted());
});
