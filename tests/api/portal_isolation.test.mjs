// What a contact sees of its own firm: its own client, in the fields that are declared for it, and
// nothing else of anybody. Each client has a canary in every field; so has what is the firm's own.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openEvents } from '../door/events.mjs';
import { expectProblem, expectStatus } from '../door/expect.mjs';
import { enter } from '../door/portal.mjs';
import { openServer } from '../door/server.mjs';

let server;
let firm;
let one;
let two;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
    one = await makeSide('one');
    two = await makeSide('two');
});
after(() => server.close());

/** What the schema declares the portal to show; all else of these entities is the firm's own. */
const shown = {
    clients: 'name emails phones website default_address primary_contact language currency',
    contacts: 'name title emails phones',
    addresses: 'kind line1 line2 city region postal_code country is_default',
    projects: 'name status starts_on ends_on',
};
for (const name of Object.keys(shown)) shown[name] = shown[name].split(' ');

/** A value for a field that nobody else has; undefined where a kind has room for none. */
function canary(word, field) {
    const text = `${word}-${field.name}-canary`;
    switch (field.kind) {
        case 'text':
        case 'long_text':
            return field.pattern ? undefined : text.slice(0, field.max ?? 100);
        case 'emails':
            return [`${text.replaceAll('_', '.')}@mail.example`];
        case 'url':
            return `https://${text.replaceAll('_', '-')}.example/`;
        case 'choice':
        case 'choices':
            if (!field.isOpen) return undefined;
            return field.kind === 'choices' ? [text] : text;
        default:
            return undefined;
    }
}

/** A record of the collection whose every free field holds a canary. */
async function filled(schema, collection, word, more) {
    const entity = schema.entities.find((known) => known.plural === collection);
    const record = {};
    for (const field of entity.fields) {
        if (field.computed || field.system) continue;
        const set = schema.sets.find((known) => known.name === field.set);
        const value = canary(word, { ...field, isOpen: set?.open });
        if (value !== undefined) record[field.name] = value;
    }
    return firm.create(collection, { ...record, ...more });
}

/** A client with a contact that has all of it, one that has its own, and records under it. */
async function makeSide(word) {
    const schema = (await firm.call('GET', 'schema')).body;
    const head = await filled(schema, 'contacts', `${word}-head`, { status: 'active' });
    const client = await filled(schema, 'clients', word, { primary_contact: head.id });
    const address = await filled(schema, 'addresses', word, { client: client.id });
    const project = await filled(schema, 'projects', word, { client: client.id });
    const task = await filled(schema, 'tasks', word, { project: project.id });
    const clerk = await filled(schema, 'contacts', `${word}-clerk`, {});
    const all = await enter(firm, [client.id], head.id, 'all');
    const own = await enter(firm, [client.id], clerk.id, 'own');
    return { word, client, head, clerk, address, project, task, all, own };
}

/** Everything that a contact may ask for, in many ways; all answers as one text. */
async function everything(contact) {
    const texts = [];
    const ask = async (where) => {
        const answer = await contact.call('GET', where);
        texts.push(answer.text, JSON.stringify(answer.headers));
        return answer;
    };
    await ask('me');
    await ask('schema');
    await ask('changes?limit=200');
    await ask('sessions');
    for (const [collection, fields] of Object.entries(shown)) {
        const page = await ask(`${collection}?limit=200&count=true&sort=-id`);
        assert.equal(page.status, 200, page.text);
        await ask(`${collection}?expand=${expandable[collection] ?? ''}`);
        await ask(`${collection}?fields=${fields.join(',')}`);
        for (const word of ['canary', 'one', 'two']) await ask(`${collection}?q=${word}`);
        for (const side of [one, two])
            for (const record of records(side)) await ask(`${collection}/${record.id}`);
        for (const record of page.body?.data ?? []) await ask(`${collection}/${record.id}`);
    }
    return texts.join('\n');
}
const expandable = { clients: 'primary_contact,default_address' };
const records = ({ client, head, clerk, address, project, task }) => [
    ...[client, head, clerk, address, project, task],
];

describe('of another client of the firm', () => {
    test('nothing is in any answer', async () => {
        for (const [mine, other] of [
            [one, two],
            [two, one],
        ])
            for (const contact of [mine.all, mine.own]) {
                const text = await everything(contact);
                assert.ok(!text.includes(`${other.word}-`), leak(text, `${other.word}-`));
            }
    });

    test('a record is as one that never was', async () => {
        const nobody = '01a201e1-0000-7000-8000-000000000000';
        const none = expectProblem(await one.all.call('GET', `clients/${nobody}`), 404);
        for (const [collection, record] of [
            ['clients', two.client],
            ['contacts', two.head],
            ['addresses', two.address],
            ['projects', two.project],
        ]) {
            for (const [method, body] of [['GET'], ['PATCH', {}]]) {
                const where = `${collection}/${record.id}`;
                const answer = await one.all.call(method, where, body);
                expectStatus(answer, ...(method === 'GET' ? [404] : [403, 404]));
                if (method === 'GET') assert.equal(answer.body.title, none.title);
                assert.ok(!answer.text.includes('two-'), answer.text);
            }
        }
        const edit = { name: 'Taken over' };
        expectProblem(await one.all.call('PATCH', `contacts/${two.head.id}`, edit), 404);
        assert.equal((await firm.get('contacts', two.head.id)).name, two.head.name);
    });
});

function leak(text, word) {
    const at = text.indexOf(word);
    return `leaks: …${text.slice(Math.max(0, at - 200), at + 100)}…`;
}

describe('of its own client', () => {
    test('only the declared fields are shown, and known', async () => {
        for (const side of [one, two]) {
            const text = await everything(side.all);
            for (const [collection, fields] of Object.entries(shown)) {
                const page = await side.all.get(`${collection}?limit=200`);
                assert.ok(page.data.length > 0, collection);
                for (const record of page.data)
                    for (const name of Object.keys(record))
                        assert.ok(
                            [...fields, 'id'].includes(name),
                            `${collection}.${name} is shown`,
                        );
            }
            for (const record of records(side)) assertHidden(text, record);
        }
    });

    /** No value of a field that is the firm's own stands in the text. */
    function assertHidden(text, record) {
        const collection = { [one.task.id]: 'tasks', [two.task.id]: 'tasks' }[record.id];
        for (const [name, value] of Object.entries(record)) {
            const word = JSON.stringify(value).match(/[a-z]+-[a-z_.-]+canary/)?.[0];
            const isShown = Object.values(shown).some((fields) => fields.includes(name));
            if (word === undefined || (isShown && collection === undefined)) continue;
            assert.ok(!text.includes(word), leak(text, word));
        }
    }

    test('a hidden field is unknown in filters, sorts, fields, expand and writes', async () => {
        const asks = [
            ['clients', 'observations=x'],
            ['clients', 'account_manager=01a201e1-0000-7000-8000-000000000000'],
            ['clients', 'tags=one-tags-canary'],
            ['clients', 'tax_id[prefix]=one'],
            ['clients', 'sort=stage'],
            ['clients', 'fields=name,financial_note'],
            ['clients', 'expand=account_manager'],
            ['clients', 'group_by=status'],
            ['clients', `filter=${encodeURIComponent('{"status":"active"}')}`],
            ['contacts', 'observations=x'],
            ['projects', 'expand=members'],
        ];
        for (const [collection, query] of asks) {
            const hidden = await one.all.call('GET', `${collection}?${query}`);
            const name = query.match(/financial_note|account_manager|[a-z_]+(?=[=\[])/)[0];
            expectProblem(hidden, 400);
            assert.ok(!/portal|hidden|permission/i.test(hidden.text), `${name}: ${hidden.text}`);
        }
        const where = `contacts/${one.head.id}`;
        for (const body of [{ observations: 'x' }, { surprise: 'x' }, { title: 'CEO' }]) {
            const answer = expectProblem(await one.all.call('PATCH', where, body), 422);
            assert.equal(answer.errors[0].field, Object.keys(body)[0]);
        }
    });

    test('who has a right to its own alone sees itself and the client', async () => {
        assert.deepEqual(
            (await one.own.all('contacts')).map((contact) => contact.id),
            [one.clerk.id],
        );
        assert.deepEqual(
            (await one.own.all('clients')).map((client) => client.id),
            [one.client.id],
        );
        for (const collection of ['addresses', 'projects'])
            assert.deepEqual(await one.own.all(collection), [], collection);
        expectProblem(await one.own.call('GET', `contacts/${one.head.id}`), 404);
        expectProblem(await one.own.call('PATCH', `contacts/${one.head.id}`, { name: 'x' }), 404);
        const both = (await one.all.all('contacts')).map((contact) => contact.id).sort();
        assert.deepEqual(both, [one.head.id, one.clerk.id].sort());
    });

    test('words find what is shown, and nothing by what is not', async () => {
        const found = (query) => one.all.all('clients', query);
        assert.equal((await found('q=one-name-canary')).length, 1);
        assert.equal((await found('q=two-name-canary')).length, 0);
        for (const name of ['business_name', 'tax_id', 'reference', 'location'])
            assert.equal((await found(`q=one-${name}-canary`)).length, 0, name);
    });
});

describe('what a contact changes', () => {
    test('is told as its own deed, to the firm and to rules', async () => {
        await firm.create('rules', {
            name: 'who',
            entity: 'contact',
            point: 'before',
            state: 'active',
            changed: ['phones'],
            source: `record.observations = actor.kind .. " " .. actor.name .. " " .. actor.through`,
        });
        const where = `contacts/${two.clerk.id}`;
        const edit = { phones: ['+31 20 1234567'] };
        const answer = expectStatus(await two.own.call('PATCH', where, edit), 200);
        assert.equal(answer.body.phones.length, 1);
        assert.equal(answer.body.observations, undefined);
        const changed = await firm.get('contacts', two.clerk.id);
        assert.equal(changed.observations, `contact ${two.clerk.name} portal`);
        const { body } = await firm.call('GET', `${where}/history?limit=1`);
        assert.equal(body.data[0].actor, two.clerk.id);
        assert.equal(body.data[0].actor_name, two.clerk.name);
        const feed = await two.own.get('changes?limit=200');
        const entry = feed.data.at(-1);
        assert.equal(entry.actor_name, two.clerk.name);
        assert.deepEqual(Object.keys(entry.changes), ['phones']);
        assert.equal(entry.rules, undefined);
    });

    test('comes to open streams of those who see it, and of nobody else', async () => {
        const open = ({ host, cookie }) => openEvents({ server, host }, { headers: { cookie } });
        const [mine, other] = [await open(one.all), await open(two.all)];
        const edit = (side, value) =>
            side.all.call('PATCH', `contacts/${side.head.id}`, { emails: [value] });
        expectStatus(await edit(one, 'mine@mail.example'), 200);
        expectStatus(await edit(two, 'other@mail.example'), 200);
        const text = (stream) => JSON.stringify(stream.events);
        await mine.until((stream) => text(stream).includes('mine@mail'), 'event of its own');
        await other.until((stream) => text(stream).includes('other@mail'), 'event of its own');
        assert.ok(!text(mine).includes('other@mail'));
        assert.ok(!text(other).includes('mine@mail'));
        const [right] = await firm.all('portal_rights', `account=${two.all.account.id}`);
        expectStatus(await firm.call('DELETE', `portal_rights/${right.id}`), 204);
        expectStatus(await edit(one, 'again@mail.example'), 200);
        await mine.until((stream) => text(stream).includes('again@mail'), 'event of its own');
        const late = { emails: ['late@mail.example'] };
        expectStatus(await firm.call('PATCH', `contacts/${two.head.id}`, late), 200);
        expectStatus(await edit(one, 'last@mail.example'), 200);
        await mine.until((stream) => text(stream).includes('last@mail'), 'event of its own');
        assert.ok(!text(other).includes('late@mail'), text(other));
        mine.close();
        other.close();
    });
});
