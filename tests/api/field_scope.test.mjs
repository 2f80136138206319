// Hidden means absent: every field of every entity that can be is put into a group which a role
// does not see, filled with a value of its own, and looked for on every road that could show it.
// Checks 35 and 36 of the threats, and the fields' part of 30 to 34.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { blindSchema } from '../door/blind.mjs';
import { expectFault, expectProblem, expectStatus } from '../door/expect.mjs';
import { addField } from '../door/fields.mjs';
import { jobEnded, resultsOf } from '../door/jobs.mjs';
import { join } from '../door/people.mjs';
import { openServer } from '../door/server.mjs';

let server;
let owner;
let blind;
let watching;
let folder;
let hidden;
let schema;
const records = {}; // by entity: the record as its owner sees it
const canaries = []; // values that only hidden fields hold

before(async () => {
    ({ folder, hidden } = await blindSchema());
    process.env.ATRIUM_SCHEMA = folder;
    server = await openServer(['acme']);
    owner = server.firms.acme;
    schema = expectStatus(await owner.call('GET', 'schema'), 200).body;
    blind = await join(owner, 'Bea', 'blind');
    watching = await join(owner, 'Will', 'watching');
    await fill();
});
after(async () => {
    await server.close();
    await fs.rm(folder, { recursive: true, force: true });
});

const entityOf = (name) => schema.entities.find((one) => one.name === name);
const hiddenOf = (name) =>
    entityOf(name).fields.filter((field) => (hidden[name] ?? []).includes(field.name));

let number = 0;
/** A value for a hidden field; what nobody else's value is becomes a canary. */
function valueFor(field) {
    const word = `canary${String(++number).padStart(3, '0')}bird`;
    const set = schema.sets.find((one) => one.name === field.set);
    const choice = set && !set.open ? set.choices.at(-1)?.value : word;
    const of = {
        text: word,
        long_text: word,
        url: `https://${word}.example/`,
        choice,
        choices: [choice],
        date: `2031-07-${String((number % 28) + 1).padStart(2, '0')}`,
        number: 7_310_000 + number,
        boolean: true,
        country: 'CH',
        language: 'rm',
        currency: 'CHF',
        timezone: 'Europe/Zurich',
        object: { name: word },
        reference: records[field.to]?.id,
        references: records[field.to] && [records[field.to].id],
    }[field.kind];
    const text = JSON.stringify(of ?? null);
    for (const one of text.match(/canary\d{3}bird|2031-07-\d\d|731\d{4}/g) ?? [])
        canaries.push(one);
    return of;
}

async function make(name, record) {
    for (const field of hiddenOf(name))
        if (!field.computed && field.kind !== 'time' && record[field.name] === undefined)
            record[field.name] = valueFor(field);
    const made = await owner.create(entityOf(name).plural, record);
    records[name] = await owner.get(entityOf(name).plural, made.id);
}

async function fill() {
    records.user = (await owner.all('users')).find((user) => user.email === owner.owner);
    await make('client', {
        name: 'Acme',
        primary_contact: { name: 'Ann' },
        default_address: { line1: 'Bahnhofstrasse' },
        portal_enabled: false,
    });
    await make('contact', { name: 'Bert' });
    const { id } = records.client;
    await make('client_contact', { client: id, contact: records.contact.id });
    await make('address', { client: id, line1: 'Hauptstrasse' });
    await make('project', { name: 'House', client: id });
    await make('task', { title: 'Dig', project: records.project.id });
    await make('team', { name: 'Builders' });
    await make('share', { client: id, team: records.team.id });
    await make('import_mapping', { name: 'Table', entity: 'client', mode: 'create' });
    const view = { where: { source: 'other' }, order: 'reference', columns: 'name,location' };
    const shown = { name: 'All', entity: 'client', shared: true, group: 'source', ...view };
    await make('view', shown);
}

/** No canary, and no hidden field by its name, whatever the form. */
function expectNothing(answer, name, what) {
    const text = answer.text ?? '';
    for (const canary of canaries)
        assert.ok(!text.includes(canary), `${what}: shows ${canary}: ${text.slice(0, 1200)}`);
    if (name === undefined) return;
    for (const field of hidden[name] ?? []) {
        const shown = new RegExp(`"${field}" *:`).test(text) && !isNamedElsewhere(name, field);
        assert.ok(!shown, `${what}: names ${field}: ${text.slice(0, 1200)}`);
    }
}

/** A seen field of another entity, a member of the answer's own, or of the record's. */
const members = ['entity', 'group', 'fields', 'title', 'on', 'set', 'source', 'list', 'number'];
const isNamedElsewhere = (name, field) => members.includes(field);

const made = () => Object.keys(records).filter((name) => hidden[name] && name !== 'user');
const look = async (name, where, what = where, headers = {}) => {
    const answer = await blind.call('GET', where, undefined, headers);
    expectStatus(answer, 200);
    expectNothing(answer, name, what);
    return answer;
};

const linesOf = async (who, begun) => resultsOf(who, await jobEnded(who, begun));

describe('a role that does not see the group', () => {
    test('meets no field of it where records are shown', async () => {
        assert.ok(made().length > 8);
        assert.ok(canaries.length > 25, `${canaries.length}`);
        const lookAt = async (name) => {
            const { plural } = entityOf(name);
            const { id } = records[name];
            const shown = await look(name, `${plural}/${id}`);
            for (const field of hidden[name])
                assert.ok(!(field in shown.body), `${plural}.${field} is shown`);
            await look(name, plural);
            await look(name, `${plural}?limit=1&count=true&sort=-created_at`);
            await look(name, `${plural}/${id}/history`);
            await look(name, `${plural}/${id}?at=${encodeURIComponent(new Date().toISOString())}`);
            await look(name, `${plural}/export`);
            const ndjson = { accept: 'application/x-ndjson' };
            await look(name, `${plural}/export`, `${plural} as lines`, ndjson);
            await look(name, `${plural}/template`);
            const packed = { accept: 'application/msgpack' };
            const answer = await blind.call('GET', `${plural}/${id}`, undefined, packed);
            for (const field of hidden[name])
                assert.ok(!(field in answer.body), `${plural}.${field} is packed`);
        };
        await Promise.all(made().map(lookAt));
        await look(undefined, 'changes?after=0&limit=200');
        const clients = await look('client', 'clients?expand=primary_contact');
        const contact = clients.body.data[0].primary_contact;
        assert.equal(contact.name, 'Ann');
        for (const field of hidden.contact) assert.ok(!(field in contact), field);
        const tasks = await look('task', 'tasks?expand=project');
        for (const field of hidden.project)
            assert.ok(!(field in tasks.body.data[0].project), field);
    });

    test('gets a schema and a description without them', async () => {
        const { body } = expectStatus(await blind.call('GET', 'schema'), 200);
        for (const entity of body.entities) {
            const names = entity.fields.map((field) => field.name);
            for (const field of hidden[entity.name] ?? []) assert.ok(!names.includes(field), field);
        }
        assert.ok(!body.sets.some((set) => set.name === 'client.source'));
        const document = expectStatus(await blind.call('GET', 'openapi.json'), 200).body;
        for (const [name, fields] of Object.entries(hidden))
            for (const field of fields)
                for (const side of ['', '.new', '.patch']) {
                    // Of what may not be made there is nothing to describe.
                    const of = document.components.schemas[`${name}${side}`]?.properties;
                    assert.ok(of !== undefined || side !== '', name);
                    assert.ok(!(field in (of ?? {})), `${name}${side} describes ${field}`);
                    assert.ok(!(`${name}.${field}` in document.components.parameters));
                }
        const whole = expectStatus(await owner.call('GET', 'openapi.json'), 200).body;
        assert.ok('financial_note' in whole.components.schemas.client.properties);
    });

    test('cannot name one: each is as unknown as one that never was', async () => {
        const nobody = 'zzqqxxzz';
        const told = (answer, word) =>
            expectProblem(answer, 400)
                .detail.replaceAll(`"${word}"`, '')
                .replaceAll(new RegExp(`sort: ${word}|${word}(?=[:[.])`, 'g'), '')
                .replace(/; (did you mean|perhaps)[^"]*/, '');
        const refusals = new Map();
        const refusalOf = (path) => {
            const asked = refusals.get(path) ?? blind.call('GET', path);
            refusals.set(path, asked);
            return asked;
        };
        /** The same refusal but for the name that was asked for. */
        const expectUnknown = async (where, name) => {
            const other = await refusalOf(where(nobody));
            const one = await blind.call('GET', where(name));
            assert.equal(told(one, name), told(other, nobody), where(name));
            expectNothing(one, undefined, where(name));
        };
        const tree = (word) => `{"not":{"or":[{"${word}":{"empty":true}}]}}`;
        for (const name of made()) {
            const { plural } = entityOf(name);
            const forms = [
                (word) => `${plural}?fields=${word}`,
                (word) => `${plural}?expand=${word}`,
                (word) => `${plural}?sort=${word}`,
                (word) => `${plural}?group_by=${word}`,
                (word) => `${plural}?${word}%5Bgte%5D=2`,
                (word) => `${plural}?${word}%5Bempty%5D=true`,
                (word) => `${plural}?filter=${tree(word)}`,
            ];
            const asked = hidden[name].flatMap((field) => forms.map((form) => [form, field]));
            await Promise.all(asked.map(([form, field]) => expectUnknown(form, field)));
        }
        await expectUnknown((word) => `clients?primary_contact.${word}=a`, 'title');
        await expectUnknown((word) => `tasks?project.${word}=a`, 'starts_on');
    });

    test('is told nothing by suggestions, and by no saved view of others', async () => {
        for (const near of ['financial_not', 'observation', 'referenc'])
            for (const where of [`clients?${near}=a`, `clients?sort=${near}`]) {
                const answer = expectStatus(await blind.call('GET', where), 400);
                assert.ok(!/financial_note|observations|reference\b/.test(answer.text));
            }
        expectStatus(await owner.call('GET', `clients?view=${records.view.id}`), 200);
        expectProblem(await blind.call('GET', `clients?view=${records.view.id}`), 400);
        const own = { name: 'Own', entity: 'client', shared: true };
        expectFault(await blind.call('POST', 'views', { ...own, where: {} }), 'where', 'unknown');
    });

    test('finds nothing by their words', async () => {
        const words = records.client;
        const found = async (who, where) => expectStatus(await who.call('GET', where), 200).body;
        const texts = [words.reference, words.location, words.website, records.address.city];
        for (const text of texts) {
            const word = text.match(/canary\d+bird/)[0];
            const asked = encodeURIComponent(word);
            for (const more of ['', 'Acme ']) {
                const q = `clients?q=${encodeURIComponent(more)}${asked}&count=true`;
                assert.equal((await found(owner, q)).data.length, 1, word);
                const none = await found(blind, q);
                assert.equal(none.data.length, 0, word);
                assert.equal(none.count.value, 0, word);
            }
            assert.equal((await found(blind, `search?q=${asked}`)).data.length, 0, word);
            assert.ok((await found(owner, `search?q=${asked}`)).data.length > 0, word);
        }
        assert.equal((await found(blind, 'clients?q=Acme')).data.length, 1);
    });

    test('writes none, by no road, and is told that there is none', async () => {
        for (const name of made()) {
            const { plural } = entityOf(name);
            for (const field of hidden[name]) {
                const value = records[name][field] ?? 'x';
                const patch = { [field]: value };
                const where = `${plural}/${records[name].id}`;
                expectFault(await blind.call('PATCH', where, patch), field, 'unknown');
                if (Array.isArray(value)) {
                    const add = { [field]: { $add: value } };
                    expectFault(await blind.call('PATCH', where, add), field, 'unknown');
                }
                const bulk = [{ patch: { id: records[name].id, ...patch } }];
                const answer = await blind.call('POST', `${plural}/bulk`, bulk);
                expectProblem(answer, 422, `is no field of ${name}`);
                expectNothing(answer, undefined, `bulk ${plural}.${field}`);
            }
            assert.deepEqual(await owner.get(plural, records[name].id), records[name]);
        }
        const nested = { name: 'N', primary_contact: { name: 'M', title: 'Boss' } };
        expectFault(await blind.call('POST', 'clients', nested), 'primary_contact.title');
    });

    test('is shown none in the answers to its writes', async () => {
        const { id } = records.client;
        const patched = await blind.call('PATCH', `clients/${id}`, { name: 'Acme' });
        expectStatus(patched, 200);
        expectNothing(patched, 'client', 'patched');
        const { headers } = await blind.call('GET', `clients/${id}`);
        const noted = { observations: valueFor({ kind: 'text' }) };
        expectStatus(await owner.call('PATCH', `clients/${id}`, noted), 200);
        const late = await blind.call('PATCH', `clients/${id}`, { name: 'Acme 2' }, {
            'if-match': headers.etag,
        });
        expectStatus(late, 412);
        expectNothing(late, undefined, '412');
        for (const field of hidden.client) assert.ok(!(field in late.body.record), field);
        const key = { 'idempotency-key': 'blind-1' };
        for (let time = 0; time < 2; time++) {
            const contact = { name: 'Cleo' };
            const created = await blind.call('POST', 'contacts', contact, key);
            expectStatus(created, 201);
            expectNothing(created, 'contact', 'created');
        }
        const bulk = [{ patch: { id, name: 'Acme' } }];
        const many = expectStatus(await blind.call('POST', 'clients/bulk', bulk), 200);
        expectNothing(many, 'client', 'bulk');
        const filter = { filter: { source: 'other' }, patch: { name: 'Taken' } };
        expectProblem(await blind.call('POST', 'clients/bulk', filter), 422, 'source');
        assert.equal((await owner.get('clients', id)).name, 'Acme');
    });

    test('has an import in which they are no columns', async () => {
        const csv = 'Name,Reference,Financial note\nOne,RRR,NNN\n';
        const type = { 'content-type': 'text/csv' };
        const where = 'clients/import?mode=create&preview=true';
        const seen = expectStatus(await owner.call('POST', where, csv, type), 200).body;
        assert.equal(seen.columns.filter((column) => column.path).length, 3);
        const cut = expectStatus(await blind.call('POST', where, csv, type), 200).body;
        assert.deepEqual(
            cut.columns.filter((column) => column.path).map((column) => column.path),
            ['name'],
        );
        const map = encodeURIComponent(JSON.stringify({ Name: 'name', Reference: 'reference' }));
        const mapped = await blind.call('POST', `${where}&map=${map}`, csv, type);
        expectProblem(mapped, 422, 'is no field of clients');
        const match = `clients/import?mode=update&match=reference&preview=true`;
        expectProblem(await blind.call('POST', match, csv, type), 422, 'no indexed field');
    });

    test('merges without seeing what it merges', async () => {
        const note = { observations: 'canary901bird', financial_note: 'canary902bird' };
        canaries.push(...Object.values(note));
        const contact = { primary_contact: { name: 'Dora' } };
        const second = await owner.create('clients', { name: 'Second', ...note, ...contact });
        const first = await owner.create('clients', { name: 'First', ...contact });
        const where = `clients/${first.id}/merge`;
        const fields = { observations: second.id };
        const chosen = { with: [second.id], fields };
        expectFault(await blind.call('POST', where, chosen), 'fields.observations', 'unknown');
        const wanted = { with: [second.id] };
        const preview = await blind.call('POST', `${where}?preview=true`, wanted);
        expectStatus(preview, 200);
        expectNothing(preview, 'client', 'preview of a merge');
        const merged = expectStatus(await blind.call('POST', where, wanted), 200);
        expectNothing(merged, 'client', 'merge');
        assert.equal((await owner.get('clients', first.id)).observations, note.observations);
        await look('client', 'clients/trash', 'trash');
    });

    test('takes back what it did, not what it does not see', async () => {
        const made = await owner.create('clients', {
            name: 'Undone',
            primary_contact: { name: 'Eve' },
        });
        const changed = { name: 'Done', observations: 'canary903bird' };
        canaries.push('canary903bird');
        await owner.call('PATCH', `clients/${made.id}`, changed);
        const history = await owner.call('GET', `clients/${made.id}/history`);
        const { group } = history.body.data[0];
        const undone = await blind.call('POST', `groups/${group}/undo`);
        if (undone.status === 202) {
            const job = await jobEnded(blind, undone);
            expectNothing({ text: JSON.stringify(await resultsOf(blind, job)) }, 'client', 'job');
        } else {
            expectStatus(undone, 200, 403);
            expectNothing(undone, 'client', 'undo');
        }
        const now = await owner.get('clients', made.id);
        assert.equal(now.observations, changed.observations);
    });

    test('hears nothing of a change that only they had', async () => {
        const { id } = records.client;
        const before = await look('client', `clients/${id}/history`);
        const patch = { observations: 'canary904bird' };
        canaries.push('canary904bird');
        expectStatus(await owner.call('PATCH', `clients/${id}`, patch), 200);
        const after = await look('client', `clients/${id}/history`);
        assert.equal(after.body.data.length, before.body.data.length);
        const last = await owner.call('GET', `clients/${id}/history`);
        assert.equal(last.body.data[0].changes.observations.new, patch.observations);
        const feed = await look(undefined, 'changes?after=0&limit=200');
        assert.ok(!feed.body.data.some((entry) => entry.sequence === last.body.data[0].sequence));
    });

    test('neither saves a rule nor tries one', async () => {
        const rule = { name: 'R', entity: 'client', point: 'before' };
        const made = await owner.create('rules', { ...rule, source: 'record.name = "X"' });
        expectProblem(await blind.call('POST', 'rules', { ...rule, name: 'S' }), 403);
        const record = { record: records.client.id };
        for (const [method, where, body] of [
            ['POST', 'rules/test', { rule: { ...rule, source: 'log(record.reference)' }, record }],
            ['POST', `rules/${made.id}/test`, record],
            ['POST', `rules/${made.id}/backtest`, {}],
            ['GET', 'runs'],
        ])
            assert.ok([403, 404].includes((await blind.call(method, where, body)).status), where);
    });
});

test('a rule that faults a field out of sight does not name it', async () => {
    const source = 'if record.name == "Bad" then reject("no", "observations") end';
    const rule = { name: 'Judge', entity: 'client', point: 'before', on: ['update'], source };
    const made = await owner.create('rules', { ...rule, state: 'active' });
    const where = `clients/${records.client.id}`;
    expectFault(await owner.call('PATCH', where, { name: 'Bad' }), 'observations');
    const told = expectProblem(await blind.call('PATCH', where, { name: 'Bad' }), 422);
    assert.deepEqual(told.errors.map((error) => error.field), ['']);
    const patch = { id: records.client.id, name: 'Bad' };
    for (const body of [
        { atomic: false, operations: [{ patch }] },
        { filter: { name: 'Acme' }, patch: { name: 'Bad' } },
    ]) {
        const [line] = await linesOf(blind, await blind.call('POST', 'clients/bulk', body));
        assert.equal(line.status, 422);
        expectNothing({ text: JSON.stringify(line) }, undefined, 'a line of a job');
        assert.ok(!JSON.stringify(line).includes('observations'), JSON.stringify(line));
    }
    const table = `id,name\n${records.client.id},Bad\n`;
    const load = (more) =>
        blind.call('POST', `clients/import?match=id&mode=update${more}`, table, {
            'content-type': 'text/csv',
        });
    const preview = expectStatus(await load('&preview=true'), 200).body;
    const loaded = await jobEnded(blind, await load(''));
    for (const faults of [preview.faults, loaded.result.faults])
        assert.ok(faults.length === 1 && !JSON.stringify(faults).includes('observations'));
    expectStatus(await owner.call('PATCH', `rules/${made.id}`, { state: 'off' }), 200);
});

test('a kept answer is not given again under other rights', async () => {
    const late = await join(owner, 'Lea', 'watching');
    const key = { 'idempotency-key': 'late-1' };
    const act = () => late.call('POST', `clients/${records.client.id}/archive`, undefined, key);
    const first = expectStatus(await act(), 200);
    assert.ok('observations' in first.body);
    assert.equal((await act()).headers['idempotency-replayed'], 'true');
    expectStatus(await owner.call('PATCH', `users/${late.user.id}`, { role: 'blind' }), 200);
    const again = expectStatus(await act(), 409, 422);
    expectNothing(again, undefined, 'replayed');
    await owner.call('POST', `clients/${records.client.id}/restore`);
});

test('a field of the firm is in a group, and so is what rests on it', async () => {
    const field = { entity: 'client', name: 'x_margin', kind: 'number', group: 'financials' };
    await addField(owner, field);
    const sum = { entity: 'client', name: 'x_twice', kind: 'formula', result: 'number' };
    sum.formula = '(record.x_margin or 0) * 2';
    expectFault(await owner.call('POST', 'custom_fields', sum), 'group', 'group');
    await addField(owner, { ...sum, group: 'financials' });
    const must = { entity: 'client', name: 'x_must', kind: 'text', required: true };
    const refused = await owner.call('POST', 'custom_fields', { ...must, group: 'financials' });
    expectFault(refused, 'group', 'group');
    const shown = { entity: 'client', name: 'x_shown', kind: 'text' };
    const when = { visible_when: { x_margin: { gt: 5 } } };
    expectFault(await owner.call('POST', 'custom_fields', { ...shown, ...when }), 'group', 'group');
    const { id } = records.client;
    const where = `clients/${id}`;
    const set = expectStatus(await owner.call('PATCH', where, { x_margin: 21 }), 200);
    assert.equal(set.body.x_twice, 42);
    const seen = expectStatus(await blind.call('GET', where), 200).body;
    assert.ok(!('x_margin' in seen) && !('x_twice' in seen));
    for (const name of ['x_margin', 'x_twice']) {
        const query = `clients?${name}%5Bgte%5D=1`;
        expectProblem(await blind.call('GET', query), 400, 'is no field of client');
        expectProblem(await blind.call('GET', `clients?sort=${name}`), 400);
    }
    expectFault(await blind.call('PATCH', where, { x_margin: 1 }), 'x_margin', 'unknown');
});

test('what is seen but not edited is refused with the right that is missing', async () => {
    for (const name of made()) {
        const { plural } = entityOf(name);
        const shown = await watching.call('GET', `${plural}/${records[name].id}`);
        expectStatus(shown, 200);
        for (const field of hiddenOf(name)) {
            assert.ok(field.name in shown.body, `${plural}.${field.name}`);
            if (field.computed) continue;
            const patch = { [field.name]: records[name][field.name] };
            const answer = await watching.call('PATCH', `${plural}/${records[name].id}`, patch);
            const { right } = expectProblem(answer, 403);
            assert.deepEqual(right, { group: 'hidden', action: 'edit' });
        }
    }
    const { id } = records.client;
    expectStatus(await watching.call('PATCH', `clients/${id}`, { name: 'Acme' }), 200);
    const fields = (await watching.call('GET', 'schema')).body.entities.find(
        (one) => one.name === 'client',
    ).fields;
    const note = fields.find((field) => field.name === 'financial_note');
    assert.deepEqual([note.group, note.read_only], ['hidden', true]);
});

test('what the server keeps is nobody to be given, not even to the owner', async () => {
    for (const name of made()) {
        const { plural } = entityOf(name);
        for (const field of entityOf(name).fields) {
            if (!field.computed || field.kind === 'reference') continue;
            const patch = { [field.name]: records[name][field.name] };
            const answer = await owner.call('PATCH', `${plural}/${records[name].id}`, patch);
            expectFault(answer, field.name, 'read_only');
        }
        for (const word of ['id', 'revision', 'version', 'clients', 'holders', 'created_by']) {
            const patch = { [word]: records.user.id };
            const answer = await owner.call('PATCH', `${plural}/${records[name].id}`, patch);
            expectFault(answer, word);
        }
    }
});
