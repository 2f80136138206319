// Random scripts that write, fail half-way, catch their failures and set each other off; behind
// them all indexes, references, roll-ups and histories still say the same.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { expectStatus } from '../door/expect.mjs';
import { addField } from '../door/fields.mjs';
import { chooseSeed, makeRandom } from '../door/random.mjs';
import { openServer } from '../door/server.mjs';

const ROUNDS = 3;
const RULES = 4;
const CHANGES = 25;

let server;
let firm;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
    await addField(firm, { entity: 'address', name: 'x_rooms', kind: 'number' });
    await addField(firm, { entity: 'client', name: 'x_code', kind: 'text', unique: true });
    await addField(firm, {
        entity: 'client',
        name: 'x_rooms',
        kind: 'rollup',
        rollup: { from: 'address', via: 'client', function: 'sum', field: 'x_rooms' },
    });
    await addField(firm, {
        entity: 'client',
        name: 'x_double',
        kind: 'formula',
        formula: '(record.x_rooms or 0) * 2',
    });
});
after(() => server.close());

// What a script may do with any record `it`, a client; much of it is refused now and then.
const deeds = [
    (at) => `db.update(it, {x_code = "code ${at % 5}"})`,
    () => 'db.update(it, {x_code = null})',
    (at) => `db.update(it, {reference = "${at}", tags = {"a", "b${at % 3}"}})`,
    (at) => `db.update(it, {name = it.name .. "${at}"})`,
    (at) => `db.create("address", {client = it.id, line1 = "Street", x_rooms = ${at}})`,
    () => 'local one = db.find("address", {client = it.id})[1] if one then db.delete(one) end',
    () => `local one, to = db.find("address", {client = it.id})[1], pick()
           if one and to then db.update(one, {client = to.id}) end`,
    (at) => `local one = db.find("address", {client = it.id})[1]
             if one then db.update(one, {x_rooms = ${at}, is_default = true}) end`,
    () => 'if random(8) == 1 then db.delete(it) end',
    (at) => `db.create("client", {name = "Made ${at}", kind = "individual"})`,
    (at) => `db.create("client", {name = "Made ${at}", kind = "individual", x_code = "code 1"})`,
    (at) => `db.update(it, {primary_contact = {name = "Contact ${at}"}})`,
    () => 'local c = db.get("contact", it.primary_contact) if c then db.delete(c) end',
    () => 'local c = db.find("contact", {})[1] db.link(it, "primary_contact", c and c.id)',
    (at) => `db.update(it, {status = "no such status", reference = "${at}"})`,
    () => 'queue.mail {to = "a@acme.example", subject = "s", text = "t"}',
    () => 'if random(2) == 1 then error("on purpose") end',
    () => 'if random(4) == 1 then reject("on purpose") end',
];

function makeScript(random, entity) {
    const lines = [
        `local function pick()
             local found = db.find("client", {}, {limit = 50})
             return found[1] and found[random(#found)]
         end
         local it`,
    ];
    const count = 1 + random.below(4);
    for (let at = 0; at < count; at++) {
        const own = entity === 'address' ? 'record.client' : 'record.id';
        lines.push(`it = ${random.below(2) ? 'pick()' : `db.get("client", ${own})`}`);
        const inner = [];
        for (let of = 0; of <= random.below(3); of++) {
            inner.push(random.pick(deeds)(random.below(100)));
        }
        const body = inner.map((line) => `do ${line} end`).join(' ');
        const isCaught = random.below(4) > 0;
        lines.push(
            isCaught ? `pcall(function() if it then ${body} end end)` : `if it then ${body} end`,
        );
    }
    return lines.join('\n');
}

function makeRule(random, at) {
    const entity = random.pick(['client', 'client', 'address', 'contact']);
    return {
        name: `Random ${at}`,
        entity,
        point: random.pick(['after', 'after', 'after', 'settled']),
        on: random.pick([['create'], ['update'], ['create', 'update'], ['delete']]),
        state: 'active',
        source: makeScript(random, entity),
    };
}

const ids = async (collection) => (await firm.all(collection)).map((record) => record.id);

/** What somebody does, whatever comes of it. */
async function change(random, at) {
    const clients = await ids('clients');
    const one = clients.length > 0 ? random.pick(clients) : undefined;
    switch (one === undefined ? 0 : random.below(6)) {
        case 0:
            return firm.call('POST', 'clients', { name: `Client ${at}`, kind: 'individual' });
        case 1:
            return firm.call('PATCH', `clients/${one}`, { reference: `R${at}` });
        case 2:
            return firm.call('POST', 'addresses', { client: one, line1: 'Way', x_rooms: at });
        case 3:
            return firm.call('DELETE', `clients/${one}`);
        case 4:
            return firm.call('POST', 'clients/bulk', [
                { create: { name: `Bulk ${at}`, kind: 'individual' } },
                { patch: { id: one, reference: `B${at}` } },
            ]);
        default: {
            const answer = await firm.call('PATCH', `clients/${one}`, { source_note: `S${at}` });
            const group = answer.headers['atrium-group'];
            return group ? firm.call('POST', `groups/${group}/undo`) : answer;
        }
    }
}

test('whatever rules do and undo, all that is stored stays of one piece', async (t) => {
    const random = makeRandom(chooseSeed());
    t.diagnostic(`seed ${random.seed}`);
    const statuses = {};
    for (let round = 0; round < ROUNDS; round++) {
        const rules = [];
        for (let at = 0; at < RULES; at++)
            rules.push(await firm.create('rules', makeRule(random, at)));
        for (let at = 0; at < CHANGES; at++) {
            const { status, text } = await change(random, at);
            statuses[status] = (statuses[status] ?? 0) + 1;
            assert.ok(status < 500, `${at}: ${status} ${text}`);
        }
        for (const { id } of rules)
            expectStatus(await firm.call('PATCH', `rules/${id}`, { state: 'off' }), 200);
        await server.mustRun(['check']);
    }
    t.diagnostic(JSON.stringify(statuses));
    for (const client of await firm.all('clients')) {
        const addresses = await firm.all('addresses', `client=${client.id}`);
        const rooms = addresses.reduce((sum, address) => sum + (address.x_rooms ?? 0), 0);
        assert.equal(client.x_rooms ?? 0, rooms, client.id);
        assert.equal(client.x_double, 2 * rooms, client.id);
    }
});
