// The same rule gives the same result on every road by which a record changes. The roads stand in
// one table, and each writing call of the OpenAPI document is in it: a new one must join.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { expectStatus } from '../door/expect.mjs';
import { jobEnded, resultsOf } from '../door/jobs.mjs';
import { pack } from '../door/msgpack.mjs';
import { outboxOf } from '../door/rules.mjs';
import { openServer } from '../door/server.mjs';
import { until } from '../door/wait.mjs';

let server;
let firm;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
});
after(() => server.close());

/** The rules that are watched: one sets a value by its script, one refuses without any. */
const stamp = {
    name: 'stamp',
    point: 'before',
    source: 'record.title = "Head of " .. record.name',
};
const bar = {
    name: 'bar',
    point: 'check',
    when: { observations: 'forbidden' },
    reject: 'nobody may be forbidden',
    reject_field: 'observations',
};

/** Rules that write contacts themselves, for the roads that are rules. */
const writers = {
    // A client whose reference says so makes or changes a contact of its own name.
    after: {
        entity: 'client',
        point: 'after',
        on: ['create'],
        when: { reference: { prefix: 'rule:' } },
        source: `local parts = {}
                 for part in string.gmatch(record.reference, "[^:]+") do
                     parts[#parts + 1] = part
                 end
                 local values = {name = record.name, observations = parts[3]}
                 if parts[2] == "create" then db.create("contact", values)
                 else db.update("contact", parts[4], values) end`,
    },
    settled: {
        entity: 'client',
        point: 'settled',
        on: ['create'],
        when: { reference: { prefix: 'settled:' } },
        source: `local parts = {}
                 for part in string.gmatch(record.reference, "[^:]+") do
                     parts[#parts + 1] = part
                 end
                 db.create("contact", {name = record.name, observations = parts[2]})`,
    },
    action: {
        entity: 'contact',
        point: 'action',
        source: 'record.name = input.name record.observations = input.observations',
    },
    schedule: {
        entity: 'contact',
        point: 'schedule',
        when: { name: { prefix: 'Scheduled' } },
        source: `local name = string.gsub(record.name, "^Scheduled ", "Road ")
                 local observations = record.language == "de" and "forbidden" or "fine"
                 db.update("contact", record.id, {name = name, observations = observations})`,
    },
};
const made = {};

const call = (...words) => firm.call(...words);
const find = async (name) => {
    const [found] = await firm.all('contacts', `name=${encodeURIComponent(name)}`);
    return found;
};
/** What came of a call: the record, or the words of the refusal. */
const outcome = (answer, id = answer.body?.id) =>
    answer.status < 300 ? { id } : { refusal: answer.text };
const outcomeOfJob = async (answer, name) => {
    const job = await jobEnded(firm, answer);
    const [line] = await resultsOf(firm, job);
    return line.problem ? { refusal: JSON.stringify(line.problem) } : { id: (await find(name)).id };
};
const clientOf = (name, more) => {
    const primary_contact = { name: `${name} x` };
    return call('POST', 'clients', { name, kind: 'company', primary_contact, ...more });
};
let count = 0;

const create = 'post /{collection}';
const patch = 'patch /{collection}/{id}';
const bulk = 'post /{collection}/bulk';
const imported = 'post /{collection}/import';

/**
 * Each road writes a contact with these values: one that was there before (`old`, plainly named or,
 * with `isAsWanted`, with the values already, from before the rules), or a new one.
 */
const roads = {
    create: {
        covers: create,
        run: async (values) => outcome(await call('POST', 'contacts', values)),
    },
    'create in MessagePack': {
        covers: create,
        run: async (values) =>
            outcome(
                await call('POST', 'contacts', pack(values), {
                    'content-type': 'application/msgpack',
                }),
            ),
    },
    patch: {
        covers: patch,
        run: async (values, old) => outcome(await call('PATCH', `contacts/${old}`, values)),
    },
    'patch in MessagePack': {
        covers: patch,
        run: async (values, old) =>
            outcome(
                await call('PATCH', `contacts/${old}`, pack(values), {
                    'content-type': 'application/msgpack',
                }),
            ),
    },
    'bulk, all or nothing': {
        covers: bulk,
        run: async (values) => {
            const answer = await call('POST', 'contacts/bulk', [{ create: values }]);
            return outcome(answer, answer.body?.results?.[0]?.id);
        },
    },
    'bulk patch, all or nothing': {
        covers: bulk,
        run: async (values, old) =>
            outcome(
                await call('POST', 'contacts/bulk', [{ patch: { id: old, ...values } }]),
                old,
            ),
    },
    'bulk as a job': {
        covers: bulk,
        run: async (values) =>
            outcomeOfJob(
                await call('POST', 'contacts/bulk', {
                    atomic: false,
                    operations: [{ create: values }],
                }),
                values.name,
            ),
    },
    'bulk of all that match': {
        covers: bulk,
        run: async (values, old) => {
            const { name } = await firm.get('contacts', old);
            const answer = await call('POST', 'contacts/bulk', { filter: { name }, patch: values });
            return outcomeOfJob(answer, values.name);
        },
    },
    'import by HTTP': {
        covers: imported,
        run: async (values) => {
            const text = `Name,Observations\n${values.name},${values.observations}\n`;
            const job = await jobEnded(firm, await call('POST', 'contacts/import', { text }));
            if (job.result.failed === 0) return { id: (await find(values.name)).id };
            return { refusal: JSON.stringify(job.result.faults) };
        },
    },
    'import by HTTP, of what is there': {
        covers: imported,
        run: async (values, old) => {
            const text = `id,Name,Observations\n${old},${values.name},${values.observations}\n`;
            const begun = await call('POST', 'contacts/import', {
                text,
                match: 'id',
                mode: 'update',
            });
            const job = await jobEnded(firm, begun);
            return job.result.failed === 0
                ? { id: old }
                : { refusal: JSON.stringify(job.result.faults) };
        },
    },
    'import by the command': {
        run: async (values) => {
            const file = path.join(server.folder, `road-${++count}.csv`);
            await fs.writeFile(file, `Name,Observations\n${values.name},${values.observations}\n`);
            const words = ['import', '--tenant', 'acme', '--entity', 'contacts', file];
            const ended = await server.command(words);
            if (ended.status === 0) return { id: (await find(values.name)).id };
            return { refusal: ended.out + ended.err };
        },
    },
    'a reference given as an object': {
        covers: create,
        run: async (values) => {
            const answer = await clientOf(`Around ${values.name}`, { primary_contact: values });
            return outcome(answer, answer.body?.primary_contact);
        },
    },
    'a reference given as an object in a patch': {
        covers: patch,
        run: async (values) => {
            const client = await clientOf(`Around ${values.name}`);
            const given = { primary_contact: values };
            const answer = await call('PATCH', `clients/${client.body.id}`, given);
            return outcome(answer, answer.body?.primary_contact);
        },
    },
    "another rule's db.create": {
        run: async (values) => {
            const reference = `rule:create:${values.observations}:${++count}`;
            const answer = await clientOf(values.name, { reference });
            return outcome(answer, (await find(values.name))?.id);
        },
    },
    "another rule's db.update": {
        run: async (values, old) => {
            const reference = `rule:update:${values.observations}:${old}`;
            return outcome(await clientOf(values.name, { reference }), old);
        },
    },
    merge: {
        covers: 'post /{collection}/{id}/merge',
        isAsWanted: true,
        run: async (values, old) => {
            const twin = made.twins[values.observations];
            return outcome(await call('POST', `contacts/${old}/merge`, { with: [twin] }), old);
        },
    },
    archive: {
        covers: 'post /{collection}/{id}/archive',
        isAsWanted: true,
        run: async (_values, old) => outcome(await call('POST', `contacts/${old}/archive`)),
    },
    'back from the archive': {
        covers: 'post /{collection}/{id}/restore',
        isAsWanted: true,
        isArchived: true,
        run: async (_values, old) => outcome(await call('POST', `contacts/${old}/restore`)),
    },
    'a rule by a button': {
        covers: 'post /rules/{id}/run',
        run: async (values, old) =>
            outcome(
                await call('POST', `rules/${made.action}/run`, {
                    id: old,
                    input: values,
                }),
            ),
    },
    'a rule by the clock': {
        covers: 'post /rules/{id}/run',
        prepared: (values) => ({
            name: values.name.replace('Road', 'Scheduled'),
            language: values.observations === 'forbidden' ? 'de' : 'en',
        }),
        run: async (values, old) => {
            const job = await jobEnded(firm, await call('POST', `rules/${made.schedule}/run`));
            const example = job.result.examples.find((one) => one.record === old);
            assert.equal(job.result.looked_at >= job.result.fired, true);
            assert.equal(values.name.startsWith('Road'), true);
            return example ? { refusal: JSON.stringify(example) } : { id: old };
        },
    },
    'a rule for settled changes': {
        run: async (values) => {
            const reference = `settled:${values.observations}:${++count}`;
            expectStatus(await clientOf(values.name, { reference }), 201);
            return until(async () => {
                const found = await find(values.name);
                if (found) return { id: found.id };
                const entries = await outboxOf(firm, 'kind=settled');
                const failed = entries.find((entry) => entry.tries > 0);
                return failed && { refusal: failed.problem };
            });
        },
    },
};

/** Writing calls by which no rule is to run on a contact, and why. */
const others = {
    'post /session': 'no record',
    'delete /session': 'no record',
    'post /session/client': 'no record',
    'post /session/view': 'no record',
    'post /session/proof': 'no record',
    'post /session/link': 'no record',
    'post /me/password': 'no record',
    'post /me/totp': 'no record',
    'delete /me/totp': 'no record',
    'post /me/totp/confirm': 'no record',
    'post /password/reset': 'no record',
    'post /password/set': 'no record; an account that was invited becomes active by the engine',
    'post /invitations/accept': 'as with a password that is set',
    'post /users/{id}/invite': 'no record',
    'delete /users/{id}/invite': 'no record',
    'delete /sessions': 'no record',
    'delete /sessions/{id}': 'no record',
    'delete /users/{id}/sessions': 'no record',
    'post /tokens': 'no record',
    'delete /tokens/{id}': 'no record',
    'post /users/{id}/tokens': 'no record',
    'post /portal_accounts/{id}/invite': 'no record',
    'post /portal_accounts/{id}/view_as': 'no record',
    'post /portal_accounts/{id}/password': 'no record',
    'post /{collection}/{id}/enable_portal': 'writes as a patch of the client does',
    'post /{collection}/{id}/erase': 'deletes what no rule may keep: the law wants it',
    'post /{collection}/{id}/reveal': 'writes nothing but the audit log',
    'post /{collection}/{id}/person': 'writes nothing but the audit log',
    'post /jobs/{id}/cancel': 'no record',
    'post /uploads': 'no record',
    'put /uploads/{id}/{part}': 'no record',
    'delete /uploads/{id}': 'no record',
    'post /outbox/{id}/retry': 'no record; the settled rule is a road of its own',
    'delete /outbox/{id}': 'no record',
    'post /{collection}/duplicates': 'tells which may be one',
    'delete /{collection}/{id}': 'rules of deletions are tested by themselves',
    'post /groups/{id}/undo': 'brings back what was, which rules have judged already',
    'post /rules/{id}/activate': 'a rule is not changed by rules',
    'post /rules/{id}/test': 'writes nothing',
    'post /rules/test': 'writes nothing',
    'post /rules/{id}/backtest': 'writes nothing',
    'post /rules/{id}/explain': 'writes nothing',
    'post /rules/{id}/restore': 'a rule is not changed by rules',
    'post /runs/{id}/replay': 'writes nothing',
    'post /runs/{id}/keep': 'makes a test of a rule, which no rule changes',
};

describe('a rule', () => {
    const prepared = {};

    before(async () => {
        for (const [name, road] of Object.entries(roads)) {
            for (const observations of ['fine', 'forbidden']) {
                const values = { name: `Road ${name} ${observations}`, observations };
                const plain = { name: `Plain ${name} ${observations}`, ...road.prepared?.(values) };
                const old = await firm.create('contacts', road.isAsWanted ? values : plain);
                if (road.isArchived)
                    expectStatus(await call('POST', `contacts/${old.id}/archive`), 200);
                prepared[`${name} ${observations}`] = { values, old: old.id };
            }
        }
        made.twins = {};
        for (const observations of ['fine', 'forbidden']) {
            const twin = await firm.create('contacts', { name: 'Twin', phones: ['+49 228 1'] });
            made.twins[observations] = twin.id;
        }
        for (const rule of [stamp, bar])
            made[rule.name] = (
                await firm.create('rules', { entity: 'contact', state: 'active', ...rule })
            ).id;
        for (const [name, rule] of Object.entries(writers))
            made[name] = (await firm.create('rules', { name, state: 'active', ...rule })).id;
    });

    for (const [name, road] of Object.entries(roads)) {
        test(`holds for ${name}`, async () => {
            const { values, old } = prepared[`${name} fine`];
            const done = await road.run(values, old);
            assert.ok(done.id, done.refusal);
            const record = await firm.get('contacts', done.id);
            assert.equal(record.name, values.name);
            assert.equal(record.title, `Head of ${values.name}`);
            const { body } = await call('GET', `contacts/${done.id}/history?limit=1`);
            const rules = body.data[0].rules.map((rule) => rule.id);
            assert.ok(rules.includes(made.stamp), JSON.stringify(body.data[0]));
        });

        test(`refuses by ${name}`, async () => {
            const { values, old } = prepared[`${name} forbidden`];
            const before = await firm.get('contacts', old);
            const done = await road.run(values, old);
            assert.ok(done.refusal, `was not refused: ${done.id}`);
            assert.match(done.refusal, /nobody may be forbidden/);
            assert.match(done.refusal, /\bbar\b/);
            assert.deepEqual(await firm.get('contacts', old), before);
            if (!road.isAsWanted) assert.equal(await find(values.name), undefined);
        });
    }

    test('does not run where what was is brought back', async () => {
        const off = { state: 'off' };
        const on = { state: 'active' };
        expectStatus(await call('PATCH', `rules/${made.stamp}`, off), 200);
        const contact = await firm.create('contacts', { name: 'Brought back' });
        expectStatus(await call('PATCH', `rules/${made.stamp}`, on), 200);
        const gone = await call('DELETE', `contacts/${contact.id}`);
        expectStatus(gone, 204);
        expectStatus(await call('POST', `contacts/${contact.id}/restore`), 200);
        assert.equal((await firm.get('contacts', contact.id)).title, null);
    });
});

test('every writing call of the document is a road of this table, or says why not', async () => {
    const { body: document } = await call('GET', 'openapi.json');
    const { body: catalog } = await call('GET', 'schema');
    const collections = new Set(catalog.entities.map((entity) => entity.plural));
    const known = new Set(Object.keys(others));
    for (const road of Object.values(roads)) if (road.covers) known.add(road.covers);
    const unknown = new Set();
    for (const [where, methods] of Object.entries(document.paths)) {
        const own = where.replace('/api/v1', '');
        const [first, ...rest] = own.slice(1).split('/');
        const general = collections.has(first) ? `/{collection}${['', ...rest].join('/')}` : own;
        for (const method of Object.keys(methods)) {
            if (!['post', 'put', 'patch', 'delete'].includes(method)) continue;
            if (!known.has(`${method} ${own}`) && !known.has(`${method} ${general}`))
                unknown.add(`${method} ${own}`);
        }
    }
    assert.deepEqual([...unknown], []);
});
