// What must hold of a rule when it is saved: who saves it, what it names, what it may set off.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { expectProblem, expectStatus } from '../door/expect.mjs';
import { openServer } from '../door/server.mjs';

let server;
let firm;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
});
after(() => server.close());

const plain = { name: 'A rule', entity: 'client', point: 'before', reject: 'no' };
const save = (rule) => firm.call('POST', 'rules', { ...plain, ...rule });
/** Saved, and taken away again when the test is over. */
async function saved(t, rule) {
    const made = expectStatus(await save(rule), 201).body;
    t.after(() => firm.call('DELETE', `rules/${made.id}`));
    return made;
}
/** The faults as `field code`. */
const faults = (answer) =>
    expectProblem(answer, 422).errors.map(({ field, code }) => `${field} ${code}`);
const message = (answer, at = 0) => expectProblem(answer, 422).errors[at].message;

describe('what a rule names', () => {
    const rows = [
        ['an entity that is not there', { entity: 'clients' }, ['entity unknown']],
        ['users', { entity: 'user' }, ['entity unfit']],
        ['rules', { entity: 'rule' }, ['entity unfit']],
        ['fields of its own firm', { entity: 'custom_field' }, ['entity unfit']],
        ['the settings', { entity: 'settings' }, ['entity unfit']],
        ['a field that is not there', { changed: ['stauts'] }, ['changed unknown']],
        ['a condition on one', { when: { stauts: 'active' } }, ['when.stauts unknown']],
        [
            'a condition of no form',
            { when: { status: { above: 1 } } },
            ['when.status.above unknown'],
        ],
        ['a field to reject on', { reject_field: 'nmae' }, ['reject_field unknown']],
        [
            'values of fields',
            { reject: null, set: { nmae: 'x', name: 7 } },
            ['set.name type', 'set.nmae unknown'],
        ],
        [
            'a computed field to set',
            { reject: null, set: { updated_at: null } },
            ['set.updated_at read_only'],
        ],
        ['nothing to do', { reject: null }, ['source required']],
        ['a clock at another point', { every: 'day' }, ['every unfit']],
        ['imports at another point', { in_imports: 'once' }, ['in_imports unfit']],
        ['a built-in rule that is not there', { builtin: 'nothing' }, ['builtin unknown']],
    ];
    for (const [what, rule, expected] of rows)
        test(`is judged: ${what}`, async () => {
            assert.deepEqual(faults(await save(rule)).sort(), expected);
        });

    test('is told with the nearest name', async () => {
        assert.match(message(await save({ changed: ['stauts'] })), /status/);
        assert.match(message(await save({ builtin: 'nothing' })), /account_manager_required/);
    });

    test('is judged in drafts as well, and again when it is changed', async (t) => {
        const rule = await saved(t, {});
        const patch = (change) => firm.call('PATCH', `rules/${rule.id}`, change);
        assert.deepEqual(faults(await patch({ changed: ['nmae'] })), ['changed unknown']);
        expectStatus(await patch({ changed: ['name'] }), 200);
    });

    test('is kept as what it reads and writes', async (t) => {
        const rule = await saved(t, {
            when: { status: 'active', 'default_address.country': 'DE' },
            changed: ['name'],
        });
        assert.deepEqual(rule.reads, [
            'address.country',
            'client.default_address',
            'client.name',
            'client.status',
        ]);
        assert.deepEqual(rule.writes, []);
        const setting = await saved(t, { reject: null, set: { source: 'other' } });
        assert.deepEqual(setting.writes, ['client.source']);
    });
});

describe('a script', () => {
    const script = (source, rule) => ({ reject: null, source, ...rule });
    const rows = [
        ['is no Lua', 'local x = = 1', /^source syntax$/, /^line 1, column 11: /],
        ['ends in the middle', 'if record.name then\n  x()', /syntax/, /^line 2, column \d+: /],
        [
            'has a field that is not there',
            'local a = 1\nlog(record.stauts)',
            /^source unknown$/,
            /^line 2, column 12: client has no field "stauts"; did you mean status\?$/,
        ],
        ['asks whether one changed', "return changed 'stauts'", /unknown/, /did you mean status/],
        [
            'names an entity that is not there',
            "db.find('clinet', {})",
            /unknown/,
            /^line 1, column \d+: there is no entity "clinet"; did you mean client\?$/,
        ],
        [
            'names a field of another entity',
            "return db.count('address', {cti = 'x'})",
            /unknown/,
            /address has no field "cti"; did you mean city\?$/,
        ],
        [
            'writes what the system keeps',
            'record.updated_at = now',
            /read_only/,
            /^line 1, column \d+: updated_at of client is kept by the system$/,
        ],
    ];
    for (const [what, source, fault, words] of rows)
        test(`is refused when it ${what}`, async () => {
            const answer = await save(script(source));
            assert.match(faults(answer)[0], fault);
            assert.match(message(answer), words);
        });

    test('is at most 64 KiB long', async (t) => {
        const long = `-- ${'x'.repeat(65536 - 3)}`;
        await saved(t, script(long, { name: 'long' }));
        assert.deepEqual(faults(await save(script(`${long}x`))), ['source length']);
    });

    test('tells what it reads and writes', async (t) => {
        const rule = await saved(
            t,
            script(
                `if changed 'status' and record.stage == 'lead' then
                    local first = db.find('address', {client = record.id, city = 'Graz'})[1]
                    db.update('contact', record.primary_contact, {title = old.name})
                end`,
                { point: 'after', when: { kind: 'company' } },
            ),
        );
        for (const path of ['client.status', 'client.stage', 'client.kind', 'client.name'])
            assert.ok(rule.reads.includes(path), path);
        for (const path of ['address.client', 'address.city', 'client.primary_contact'])
            assert.ok(rule.reads.includes(path), path);
        assert.ok(rule.writes.includes('contact.title'));
        assert.equal(rule.remarks, null);
    });

    test('is remarked on where its point allows no writing', async (t) => {
        const write = await saved(t, script("record.name = 'x'", { point: 'after' }));
        assert.match(write.remarks, /line 1, column \d+: the record cannot be changed in after/);
        const update = "db.update('client', record.id, {name = 'x'})";
        const check = await saved(t, script(update, { point: 'check' }));
        assert.match(check.remarks, /nothing can be written in check/);
        const user = await saved(t, script("db.create('user', {})", { point: 'after' }));
        assert.match(user.remarks, /rules may not write users/);
    });

    test('keeps from deletion what it names', async (t) => {
        const field = await firm.create('custom_fields', {
            entity: 'client',
            name: 'x_size',
            label: 'Size',
            kind: 'number',
        });
        const rule = await saved(t, script('log(record.x_size)', { state: 'active' }));
        expectProblem(await firm.call('DELETE', `custom_fields/${field.id}`), 409);
        expectStatus(await firm.call('DELETE', `rules/${rule.id}`), 204);
        expectStatus(await firm.call('DELETE', `custom_fields/${field.id}`), 204);
    });
});

describe('what is worth a look', () => {
    test('is a condition that no record can fulfil', async (t) => {
        const rule = await saved(t, {
            when: { and: [{ status: 'active' }, { status: 'past' }] },
        });
        assert.match(rule.remarks, /^never runs.*$/);
        const other = await firm.call('PATCH', `rules/${rule.id}`, { when: { status: 'past' } });
        assert.equal(expectStatus(other, 200).body.remarks, null);
    });

    test('is a rule on deletions that waits for a field to change', async (t) => {
        const rule = await saved(t, { on: ['delete'], changed: ['name'] });
        assert.match(rule.remarks, /^never runs: of a record that is deleted/);
    });
});

describe('what an active rule names', () => {
    const refused = async (what, rule) => {
        const { detail } = expectProblem(await firm.call('DELETE', what), 409);
        assert.match(detail, new RegExp(`"${rule.name}".*switch them off first`));
    };
    const switchOff = async (rule) =>
        expectStatus(await firm.call('PATCH', `rules/${rule.id}`, { state: 'off' }), 200);
    const gone = async (what) => expectStatus(await firm.call('DELETE', what), 204);

    test('is not deleted from under it: a field', async (t) => {
        const field = await firm.create('custom_fields', {
            entity: 'client',
            name: 'x_tier',
            label: 'Tier',
            kind: 'text',
        });
        const rule = await saved(t, {
            name: 'on tiers',
            state: 'active',
            when: { x_tier: 'gold', name: 'Nobody' },
        });
        await refused(`custom_fields/${field.id}`, rule);
        await switchOff(rule);
        await gone(`custom_fields/${field.id}`);
        const on = await firm.call('POST', `rules/${rule.id}/activate`);
        assert.deepEqual(faults(on), ['when.x_tier unknown']);
    });

    test('is not taken from under it by an undo, nor the rule brought back without', async (t) => {
        const made = await firm.call('POST', 'custom_fields', {
            entity: 'client',
            name: 'x_grade',
            label: 'Grade',
            kind: 'text',
        });
        const field = expectStatus(made, 201).body;
        const when = { x_grade: 'gold', name: 'Nobody' };
        const rule = await saved(t, { name: 'on grades', state: 'active', when });
        const undo = (answer) =>
            firm.call('POST', `groups/${answer.headers['atrium-group']}/undo`);
        assert.match(expectProblem(await undo(made), 409).detail, /"on grades"/);
        const other = await firm.call('PATCH', `rules/${rule.id}`, { when: { name: 'Nobody' } });
        expectStatus(other, 200);
        await gone(`custom_fields/${field.id}`);
        assert.match(expectProblem(await undo(other), 409).detail, /"on grades".*x_grade/);
    });

    test('is not deleted from under it: an entity', async (t) => {
        const entity = await firm.create('custom_entities', {
            name: 'vehicle',
            plural: 'vehicles',
            label: 'Vehicle',
        });
        const rule = await saved(t, { name: 'on cars', entity: 'vehicle', state: 'active' });
        await refused(`custom_entities/${entity.id}`, rule);
        await switchOff(rule);
        await gone(`custom_entities/${entity.id}`);
    });

    test('is not deleted from under it: a choice', async (t) => {
        const make = (value) =>
            firm.create('choices', { set: 'client.status', value, label: value });
        const named = await make('sleeping');
        const other = await make('dreaming');
        const rule = await saved(t, {
            name: 'on sleepers',
            state: 'active',
            when: { status: ['active', 'sleeping'], name: 'Nobody' },
        });
        await gone(`choices/${other.id}`);
        await refused(`choices/${named.id}`, rule);
        await switchOff(rule);
        await gone(`choices/${named.id}`);
    });
});

describe('circles among rules', () => {
    const point = 'after';
    const sets = (t, name, from, set, rule = {}) =>
        saved(t, { name, point, state: 'active', reject: null, changed: [from], set, ...rule });

    test('are told by the rules that are in them', async (t) => {
        const type = await sets(t, 'type', 'source', { type: 'x' });
        const note = await sets(t, 'note', 'type', { source_note: 'y' });
        assert.deepEqual([type.remarks, note.remarks], [null, null]);
        const source = await sets(t, 'source', 'source_note', { source: 'other' });
        assert.match(source.remarks, /circle: source → type → note → source;/);
        await firm.call('PATCH', `rules/${note.id}`, { state: 'off' });
        const again = await firm.call('PATCH', `rules/${source.id}`, { changed: ['source_note'] });
        assert.equal(expectStatus(again, 200).body.remarks, source.remarks, 'it is as it was');
        const other = await firm.call('PATCH', `rules/${source.id}`, { set: { source: 'google' } });
        assert.equal(expectStatus(other, 200).body.remarks, null);
    });

    test('are none where a rule would only set off itself', async (t) => {
        const rule = await sets(t, 'itself', 'type', { type: 'z' });
        assert.equal(rule.remarks, null);
    });

    test('are none where `before` rules write one record in turn', async (t) => {
        await sets(t, 'first', 'source', { type: 'x' }, { point: 'before' });
        const second = await sets(t, 'second', 'type', { source: 'other' }, { point: 'before' });
        assert.equal(second.remarks, null);
    });

    test('are none where the other waits for deletions', async (t) => {
        await sets(t, 'first', 'source', { type: 'x' });
        const second = await saved(t, {
            name: 'on deletions',
            point,
            state: 'active',
            on: ['delete'],
        });
        assert.equal(second.remarks, null);
    });
});

test('a firm has at most 500 rules', async () => {
    const many = await openServer(['many']);
    try {
        const other = many.firms.many;
        const rules = Array.from({ length: 499 }, (_, at) => ({ ...plain, name: `${at}` }));
        while (rules.length > 0) {
            const operations = rules.splice(0, 50).map((create) => ({ create }));
            expectStatus(await other.callPatiently('POST', 'rules/bulk', operations), 200);
        }
        const last = await other.create('rules', plain);
        const { detail } = expectProblem(await other.call('POST', 'rules', plain), 409);
        assert.match(detail, /at most 500 rules/);
        expectStatus(await other.call('PATCH', `rules/${last.id}`, { reject: 'yes' }), 200);
        // Nor by a rule that comes back: with more of them no change could be judged any more.
        const gone = expectStatus(await other.call('DELETE', `rules/${last.id}`), 204);
        const group = gone.headers['atrium-group'];
        await other.create('rules', plain);
        expectProblem(await other.call('POST', `groups/${group}/undo`), 409, 'at most 500 rules');
        const restored = await other.call('POST', `rules/${last.id}/restore`);
        expectProblem(restored, 409, 'at most 500 rules');
        await other.create('clients', { name: 'Client', kind: 'individual' });
    } finally {
        await many.close();
    }
});
