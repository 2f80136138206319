// Rules that count and then act, while many act at once: a firm's changes run one after another, so
// what a rule has counted still holds when it is done.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { expectStatus } from '../door/expect.mjs';
import { openServer } from '../door/server.mjs';
import { untilReady } from '../door/fields.mjs';

const AT_ONCE = 64;
const MOST = 3;

let server;
let firm;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
    await firm.create('custom_entities', { name: 'venture', plural: 'ventures', label: 'Venture' });
    const fields = [
        { name: 'x_client', kind: 'reference', to: 'client', required: true },
        { name: 'x_open', kind: 'boolean' },
    ];
    for (const field of fields) {
        const made = await firm.create('custom_fields', { entity: 'venture', ...field });
        await untilReady(firm, made.id);
    }
});
after(() => server.close());

const rule = (more) => firm.create('rules', { state: 'active', ...more });
const off = (made) => firm.call('PATCH', `rules/${made.id}`, { state: 'off' });
const prospect = (name) =>
    firm.create('clients', {
        name,
        status: 'potential',
        primary_contact: { name: `${name} head` },
    });
const openOf = (client) => firm.all('ventures', `x_client=${client.id}&x_open=true`);
const atOnce = (act) => Promise.all(Array.from({ length: AT_ONCE }, (_, at) => act(at)));

test('at most 3 open ventures for a prospect, whoever creates them at once', async () => {
    const made = await rule({
        name: 'three open ventures',
        entity: 'venture',
        point: 'before',
        when: { x_open: true },
        source: `local client = db.get("client", record.x_client)
                 local count = db.count("venture", {x_client = record.x_client, x_open = true})
                 if client.status == "potential" and count >= ${MOST} then
                     reject("a prospect has at most ${MOST} open ventures", "x_open")
                 end`,
    });
    const [first, second] = [await prospect('First'), await prospect('Second')];
    const answers = await atOnce((at) =>
        firm.call('POST', 'ventures', {
            name: `Venture ${at}`,
            x_client: at % 2 === 0 ? first.id : second.id,
            x_open: true,
        }),
    );
    const done = answers.filter((answer) => answer.status === 201);
    assert.equal(done.length, 2 * MOST);
    for (const answer of answers.filter((one) => one.status !== 201)) {
        expectStatus(answer, 422);
        assert.deepEqual(
            [answer.body.type, answer.body.rule.id, answer.body.errors[0].field],
            ['rejected', made.id, 'x_open'],
        );
    }
    for (const client of [first, second]) assert.equal((await openOf(client)).length, MOST);
    // A closed one makes room for exactly one more.
    const [some] = await openOf(first);
    expectStatus(await firm.call('PATCH', `ventures/${some.id}`, { x_open: false }), 200);
    const more = await atOnce((at) =>
        firm.call('POST', 'ventures', { name: `More ${at}`, x_client: first.id, x_open: true }),
    );
    assert.equal(more.filter((answer) => answer.status === 201).length, 1);
    assert.equal((await openOf(first)).length, MOST);
    expectStatus(await off(made), 200);
});

test('a rule that creates while there are fewer creates exactly as many', async () => {
    const made = await rule({
        name: 'first ventures',
        entity: 'client',
        point: 'after',
        on: ['update'],
        changed: ['website'],
        source: `if db.count("venture", {x_client = record.id}) < ${MOST} then
                     local values = {name = record.website, x_client = record.id, x_open = true}
                     db.create("venture", values)
                 end`,
    });
    const client = await prospect('Third');
    const answers = await atOnce((at) =>
        firm.call('PATCH', `clients/${client.id}`, { website: `https://w${at}.example/` }),
    );
    for (const answer of answers) expectStatus(answer, 200);
    assert.equal((await openOf(client)).length, MOST);
    expectStatus(await off(made), 200);
});
