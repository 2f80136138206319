// A firm that was deleted, and then compacted away, leaves no byte: not of any field of any entity,
// of history, search words, files, work that waits, answers, jobs, traces or host names; and a
// backup that was made while it was there says nothing without its key.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { expectProblem, expectStatus } from '../door/expect.mjs';
import { addField } from '../door/fields.mjs';
import { mailFolder, mailsOf } from '../door/mails.mjs';
import { command } from '../door/program.mjs';
import { openServer } from '../door/server.mjs';
import { until } from '../door/wait.mjs';

/** In every canary; letters and digits, so that it is one word for search. */
const mark = `zq${crypto.randomBytes(8).toString('hex')}`;
const canary = (place) => `${mark}${place.replace(/[^a-z0-9]/g, '')}`;

let server;
let firm;
let schema;
const placed = [];

/** A value of this kind with a canary in it; undefined: kinds that hold none. */
function valueOf(entity, field) {
    const text = canary(`${entity.name}${field.name}`);
    const values = {
        text: text.slice(0, field.max ?? 100),
        long_text: `${text} ${text.repeat(20)}`,
        emails: [`${text}@firm.example`],
        phones: [{ value: '+43 1 234567', label: text.slice(0, 30) }],
        url: `https://${text.slice(0, 60)}.example/${text}`,
    };
    return values[field.kind];
}

/** What such a record needs besides, or cannot have any value for. */
const special = {
    user: () => ({ role: 'owner', email: `${canary('useremail')}@firm.example` }),
    portal_account: () => ({ email: `${canary('portal')}@firm.example` }),
    view: () => ({ entity: 'client', order: 'name', columns: 'name', group: null }),
    role: () => ({ name: canary('role').slice(0, 40) }),
    choice: () => ({ set: 'client.tags', color: null, value: canary('choice') }),
    share: async () => ({ user: await make('user') }),
    import_mapping: () => ({ entity: 'client', match: null, map: { [canary('column')]: 'name' } }),
    rule: () => ({
        entity: 'client',
        point: 'settled',
        state: 'active',
        source:
            `log('${canary('log')}') ` +
            `queue.mail { to = '${canary('to')}@x.example', ` +
            `subject = '${canary('subject')}', text = 'about it' }`,
        reject: null,
        reject_field: null,
    }),
};
/** Made with others, or by the engine alone. */
const byOthers = [
    'custom_entity',
    'custom_field',
    'rule_version',
    'rule_test',
    'client_duplicate',
    'contact_duplicate',
    'settings',
    'credential',
];
const made = {};

async function make(name) {
    if (made[name]) return made[name];
    const entity = schema.entities.find((each) => each.name === name);
    const record = {};
    for (const field of entity.fields) {
        if (field.read_only || field.system || /_(at|by)$/.test(field.name)) continue;
        const value = valueOf(entity, field);
        if (value !== undefined) record[field.name] = value;
        if (field.kind === 'reference' && field.required && field.to !== name)
            record[field.name] = await make(field.to);
        if (field.kind === 'choice' && field.required && field.default === undefined) {
            const set = schema.sets.find((each) => each.name === field.set);
            record[field.name] = (set?.values ?? set?.choices ?? field.choices)?.[0]?.value;
        }
    }
    Object.assign(record, await special[name]?.());
    for (const key of Object.keys(record)) if (record[key] === null) delete record[key];
    let answer = await firm.call('POST', entity.plural, record);
    for (let tries = 0; answer.status === 422 && tries < 3; tries++) {
        for (const { field, code } of answer.body.errors)
            if (code === 'unknown' || code === 'read_only' || code === 'not_shown')
                delete record[field];
        answer = await firm.call('POST', entity.plural, record);
    }
    assert.equal(answer.status, 201, `${name}: ${answer.text}\n${JSON.stringify(record)}`);
    placed.push(name);
    made[name] = answer.body.id;
    return answer.body.id;
}

/** The files of a folder, all the way down. */
async function files(folder) {
    const found = await fs.readdir(folder, { recursive: true, withFileTypes: true });
    return found
        .filter((entry) => entry.isFile())
        .map((entry) => path.join(entry.parentPath ?? entry.path, entry.name));
}

/** Where the mark stands, or its beginning in another writing. */
async function places(folder) {
    const found = [];
    for (const file of await files(folder)) {
        const bytes = await fs.readFile(file);
        const forms = [mark, mark.toUpperCase(), Buffer.from(mark, 'utf16le')];
        if (forms.some((form) => bytes.includes(form)) || file.includes(mark)) found.push(file);
    }
    return found;
}

before(async () => {
    server = await openServer(['stays']);
    firm = await server.makeFirm('doomed', canary('title'));
    schema = expectStatus(await firm.call('GET', 'schema'), 200).body;
});
after(() => server.close());

describe('a firm with a canary in every place', () => {
    test('in every field of every entity', async () => {
        for (const entity of schema.entities)
            if (!byOthers.includes(entity.name)) await make(entity.name);
        const name = `x_${canary('field').slice(0, 30)}`;
        await addField(firm, { entity: 'client', name, kind: 'text', label: canary('label') });
        assert.ok(placed.length >= 12, placed.join());
    });

    test('in history, trash, jobs, uploads, answers, refusals and host names', async () => {
        const { body: client } = await firm.call('GET', `clients/${made.client}`);
        await firm.call('PATCH', `clients/${client.id}`, { name: canary('later') });
        const contact = (word) => ({ name: canary(word), emails: [`${canary(word)}@x.example`] });
        const gone = await firm.create('contacts', contact('trash'));
        expectStatus(await firm.call('DELETE', `contacts/${gone.id}`), 204);
        const key = { 'idempotency-key': canary('key') };
        expectStatus(await firm.call('POST', 'contacts', contact('once'), key), 201);
        const begun = await firm.call('POST', 'uploads', { name: canary('file'), bytes: 40 });
        const where = `uploads/${expectStatus(begun, 201).body.id}/1`;
        const binary = { 'content-type': 'application/octet-stream' };
        const part = Buffer.from(canary('upload').padEnd(40).slice(0, 40));
        expectStatus(await firm.call('PUT', where, part, binary), 200);
        const rows = ['name,email', `${canary('row')},a@x.example`, `,${canary('failed')}`];
        const table = rows.join('\n');
        await firm.call('POST', 'clients/import', table, { 'content-type': 'text/csv' });
        await firm.call('GET', `clients?q=${canary('sought')}`);
        const refused = { name: canary('refused'), [canary('unknown')]: 1 };
        expectProblem(await firm.call('POST', 'clients', refused), 422);
        await firm.call('PATCH', 'settings', { title: canary('settings') });
        const host = `${canary('host')}.example`;
        await server.mustRun(['tenant', 'host', 'doomed', '--add', host, '--door', 'staff']);
        // What runs by itself has run: the settled rule's trace and mail are there.
        await until(async () => {
            const { body } = await firm.call('GET', 'runs');
            const mails = JSON.stringify(await mailsOf(firm));
            return body.data.length > 0 && mails.includes(mark);
        }, 'a rule has run, and has written a mail');
    });
});

describe('afterwards', () => {
    const backup = () => path.join(server.folder, 'backup');

    test('it is found while the firm is there, but not in a backup', async () => {
        await server.mustRun(['backup', backup()]);
        assert.notDeepEqual(await places(server.directory), []);
        assert.ok(!(await fs.readFile(backup())).includes(mark));
    });

    test('it is nowhere once the firm is deleted and the data compacted', async () => {
        await server.mustRun(['tenant', 'delete', 'doomed']);
        expectProblem(await firm.call('GET', 'me'), 404);
        await assert.rejects(fs.stat(mailFolder(firm)), 'its mails lie there');
        await server.stop();
        await server.mustRun(['compact']);
        assert.deepEqual(await places(server.directory), []);
        assert.ok(!server.output.includes(mark), 'the log names it');
        await server.start();
        const { stays } = server.firms;
        await stays.create('clients', { name: 'Still here', kind: 'individual' });
    });

    test('a backup of then brings it back only elsewhere, with its key', async () => {
        const elsewhere = path.join(server.folder, 'elsewhere');
        const key = await fs.readFile(`${backup()}.key`);
        await fs.rm(`${backup()}.key`);
        const keyless = await command(['restore', backup(), '--data', elsewhere]);
        assert.notEqual(keyless.status, 0);
        await fs.writeFile(`${backup()}.key`, key, { mode: 0o600 });
        const restored = await command(['restore', backup(), '--data', elsewhere]);
        assert.equal(restored.status, 0, restored.err);
        assert.notDeepEqual(await places(elsewhere), []);
        // Into a directory that is in use nothing is restored.
        const over = await server.command(['restore', backup()]);
        assert.notEqual(over.status, 0);
        assert.deepEqual(await places(server.directory), []);
    });
});
