// What a rule said at one time: numbers, the way back, what is other, drafts beside the active one.
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

let count = 0;
/** Gone when the test is over, so that it refuses nothing of the others. */
async function makeRule(t, rule = {}) {
    const made = await firm.create('rules', {
        name: `Rule ${count++}`,
        entity: 'client',
        point: 'before',
        when: { name: 'Nobody' },
        reject: 'first',
        note: 'the first one',
        ...rule,
    });
    t.after(() => firm.call('DELETE', `rules/${made.id}`));
    return made;
}
const patch = async (rule, change) =>
    expectStatus(await firm.call('PATCH', `rules/${rule.id}`, change), 200).body;
const activate = (rule, body) => firm.call('POST', `rules/${rule.id}/activate`, body);
const versions = async (rule) => {
    const list = await firm.all('rule_versions', `rule=${rule.id}`);
    return list.sort((a, b) => a.version_number - b.version_number);
};
const difference = async (rule, query) =>
    expectStatus(await firm.call('GET', `rules/${rule.id}/difference?${query}`), 200).body;

describe('versions of a rule', () => {
    test('are made with each change of what it does, in the same change', async (t) => {
        const rule = await makeRule(t);
        assert.equal(rule.version_number, 1);
        assert.equal((await patch(rule, { reject: 'second', note: 'better' })).version_number, 2);
        assert.equal((await patch(rule, { name: 'Another name' })).version_number, 2);
        assert.equal((await patch(rule, { state: 'off' })).version_number, 2);
        const answer = await firm.call('PATCH', `rules/${rule.id}`, { when: null });
        assert.equal(expectStatus(answer, 200).body.version_number, 3);
        const group = await firm.call('GET', `groups/${answer.headers['atrium-group']}`);
        const touched = expectStatus(group, 200).text;
        assert.match(touched, /rule_version/);
        const said = (await versions(rule)).map(({ version_number, reject, when, note }) => [
            version_number,
            reject,
            when,
            note,
        ]);
        assert.deepEqual(said, [
            [1, 'first', { name: 'Nobody' }, 'the first one'],
            [2, 'second', { name: 'Nobody' }, 'better'],
            [3, 'second', null, 'better'],
        ]);
    });

    test('are brought back, with their number, and the rule is active then', async (t) => {
        const rule = await makeRule(t);
        await patch(rule, { reject: 'second', changed: ['name'] });
        const back = expectStatus(await activate(rule, { version: 1 }), 200).body;
        assert.equal(back.version_number, 1);
        assert.equal(back.reject, 'first');
        assert.deepEqual(back.changed, []);
        assert.equal(back.state, 'active');
        assert.equal((await versions(rule)).length, 2);
        const refused = await firm.call('POST', 'clients', { name: 'Nobody', kind: 'individual' });
        assert.match(expectProblem(refused, 422).errors[0].message, /first/);
        assert.equal((await patch(rule, { reject: 'third' })).version_number, 3);
    });

    test('become active as the rule stands, when none is named', async (t) => {
        const rule = await makeRule(t);
        assert.equal(rule.state, 'draft');
        assert.equal(expectStatus(await activate(rule), 200).body.state, 'active');
        const again = expectStatus(await activate(rule, {}), 200).body;
        assert.equal(again.version_number, 1);
    });

    test('can be worked on beside the active one', async (t) => {
        const rule = await makeRule(t, { state: 'active' });
        const draft = await firm.create('rule_versions', {
            rule: rule.id,
            reject: 'draft',
            reject_field: 'name',
            note: 'to be tried',
        });
        assert.equal(draft.version_number, 2);
        assert.equal((await firm.get('rules', rule.id)).reject, 'first');
        const after = expectStatus(await activate(rule, { version: 2 }), 200).body;
        assert.equal(after.version_number, 2);
        assert.equal(after.reject, 'draft');
        assert.equal(after.when, null);
        assert.equal(after.note, 'to be tried');
        assert.equal((await versions(rule)).length, 2);
    });

    test('keep their numbers to themselves, also when they are deleted', async (t) => {
        const rule = await makeRule(t);
        await patch(rule, { reject: 'second' });
        for (const { id } of await versions(rule))
            expectStatus(await firm.call('DELETE', `rule_versions/${id}`), 204);
        const next = await firm.create('rule_versions', { rule: rule.id, reject: 'third' });
        assert.equal(next.version_number, 3);
    });

    test('are judged as the rule itself is', async (t) => {
        const rule = await makeRule(t);
        const answer = await firm.call('POST', 'rule_versions', {
            rule: rule.id,
            reject: 'x',
            changed: ['nmae'],
        });
        const [fault] = expectProblem(answer, 422).errors;
        assert.equal(fault.field, 'changed');
        assert.match(fault.message, /name/);
        const nothing = await firm.call('POST', 'rule_versions', { rule: rule.id });
        assert.equal(expectProblem(nothing, 422).errors[0].field, 'source');
        const stranger = await firm.call('POST', 'rule_versions', {
            rule: '01890000-0000-7000-8000-000000000001',
            reject: 'x',
        });
        assert.equal(expectProblem(stranger, 422).errors[0].field, 'rule');
    });

    test('that are not there, or are no number, are refused', async (t) => {
        const rule = await makeRule(t);
        expectProblem(await activate(rule, { version: 7 }), 404);
        expectProblem(await activate(rule, { version: 'one' }), 422);
        expectProblem(await activate(rule, { versoin: 1 }), 422);
        expectProblem(await activate({ id: '01890000-0000-7000-8000-000000000001' }), 404);
        expectProblem(await firm.call('GET', `rules/${rule.id}/difference?from=0`), 400);
        expectProblem(await firm.call('GET', `rules/${rule.id}/difference?from=9`), 404);
        expectProblem(await firm.call('GET', `rules/${rule.id}/difference?form=1`), 400);
    });

    test('go with the rule, and come back with it', async (t) => {
        const rule = await makeRule(t, { state: 'active' });
        await patch(rule, { reject: 'second' });
        expectStatus(await firm.call('DELETE', `rules/${rule.id}`), 204);
        assert.deepEqual(await versions(rule), []);
        const refused = () => firm.call('POST', 'clients', { name: 'Nobody', kind: 'individual' });
        const client = expectStatus(await refused(), 201).body;
        await firm.call('DELETE', `clients/${client.id}`);
        expectStatus(await firm.call('POST', `rules/${rule.id}/restore`), 200);
        assert.equal((await versions(rule)).length, 2);
        expectProblem(await refused(), 422);
    });

    test('are undone with the change that made them', async (t) => {
        const rule = await makeRule(t, { state: 'active', when: { name: 'Undone' } });
        const answer = await firm.call('PATCH', `rules/${rule.id}`, { when: { name: 'Redone' } });
        const group = expectStatus(answer, 200).headers['atrium-group'];
        expectStatus(await firm.call('POST', `groups/${group}/undo`), 200);
        const now = await firm.get('rules', rule.id);
        assert.equal(now.version_number, 1);
        assert.deepEqual(now.when, { name: 'Undone' });
        assert.equal((await versions(rule)).length, 1);
        const client = { name: 'Undone', kind: 'individual' };
        expectProblem(await firm.call('POST', 'clients', client), 422);
        assert.equal((await patch(rule, { reject: 'again' })).version_number, 2);
    });
});

describe('the difference of two versions', () => {
    test('is told field by field', async (t) => {
        const rule = await makeRule(t);
        await patch(rule, { reject: 'second', changed: ['name'] });
        assert.deepEqual(await difference(rule, 'from=1&to=2'), {
            from: 1,
            to: 2,
            fields: {
                changed: { from: null, to: ['name'] },
                reject: { from: 'first', to: 'second' },
            },
            source: [],
        });
    });

    test('is told line by line of the script', async (t) => {
        const rule = await makeRule(t, { reject: null, source: 'log(1)\nlog(2)' });
        await patch(rule, { source: 'log(1)\nlog(3)' });
        assert.deepEqual((await difference(rule, 'from=1&to=2')).source, [
            { op: 'same', from_line: 1, to_line: 1, text: 'log(1)' },
            { op: 'removed', from_line: 2, text: 'log(2)' },
            { op: 'added', to_line: 2, text: 'log(3)' },
        ]);
    });

    test('is told of scripts as long as they may be', async (t) => {
        const long = (word) => `${`-- ${word}\n`.repeat(8000)}`.slice(0, 65000);
        const rule = await makeRule(t, { reject: null, source: long('a') });
        await patch(rule, { source: long('b') });
        const { source } = await difference(rule, 'from=1&to=2');
        assert.equal(source.filter(({ op }) => op === 'same').length, 0);
        assert.ok(source.length > 16000 - 1000);
    });

    test('is that from a version to what the rule says now, when one is left out', async (t) => {
        const rule = await makeRule(t);
        await patch(rule, { reject: 'second' });
        const back = await difference(rule, 'to=1');
        assert.deepEqual([back.from, back.to], [2, 1]);
        assert.deepEqual(back.fields, { reject: { from: 'second', to: 'first' } });
    });
});

describe('stored tests', () => {
    const source = 'record.type = text.upper(record.name)';
    const given = { record: { name: 'Nobody', kind: 'individual' } };
    const upper = [{ entity: 'client', fields: { type: { to: 'NOBODY' } } }];
    const addTest = (rule, expected, more = {}) =>
        firm.create('rule_tests', { rule: rule.id, name: 'upper case', given, expected, ...more });
    const refused = (answer) => {
        const [fault] = expectProblem(answer, 422).errors;
        assert.equal(fault.code, 'test_failed');
        return fault.message;
    };

    test('run before a rule is activated, and one that fails refuses it', async (t) => {
        const rule = await makeRule(t, { reject: null, source });
        const stored = await addTest(rule, { outcome: 'done', changes: upper });
        expectStatus(await activate(rule), 200);
        const wrong = { source: "record.type = record.name .. '!'" };
        const message = refused(await firm.call('PATCH', `rules/${rule.id}`, wrong));
        assert.match(message, /^the test "upper case": changes\[1\]\.fields\.type\.to: /);
        assert.match(message, /expected "NOBODY", got "Nobody!"$/);
        assert.equal((await firm.get('rules', rule.id)).version_number, 1);
        expectStatus(await firm.call('PATCH', `rules/${rule.id}`, { name: 'Renamed' }), 200);
        expectStatus(await firm.call('PATCH', `rules/${rule.id}`, { state: 'off' }), 200);
        expectStatus(await firm.call('PATCH', `rules/${rule.id}`, wrong), 200);
        refused(await activate(rule));
        refused(await firm.call('PATCH', `rules/${rule.id}`, { state: 'active' }));
        expectStatus(await activate(rule, { version: 1 }), 200);
        refused(await activate(rule, { version: 2 }));
        expectStatus(await firm.call('DELETE', `rule_tests/${stored.id}`), 204);
        expectStatus(await activate(rule, { version: 2 }), 200);
    });

    test('change nothing', async (t) => {
        const rule = await makeRule(t, { reject: null, source });
        await addTest(rule, { outcome: 'done' });
        const before = (await firm.all('clients')).length;
        expectStatus(await activate(rule), 200);
        assert.equal((await firm.all('clients')).length, before);
    });

    test('ask what is about to be, whatever stood there before', async (t) => {
        const rule = await makeRule(t, { reject: null, source, when: { name: 'Somebody' } });
        await addTest(rule, { fired: true });
        assert.match(refused(await activate(rule)), /fired: expected true, got false$/);
        expectStatus(await firm.call('PATCH', `rules/${rule.id}`, { when: null }), 200);
        expectStatus(await activate(rule), 200);
    });

    test('that cannot be run refuse as well', async (t) => {
        const rule = await makeRule(t, { reject: null, source });
        await addTest(rule, { outcome: 'done' }, { given: { record: { nmae: 'x' } } });
        assert.match(refused(await activate(rule)), /^the test "upper case": cannot be run: /);
    });

    test('are at most 50 of one rule', async (t) => {
        const rule = await makeRule(t);
        const create = { rule: rule.id, name: 'x', given, expected: { fired: true } };
        const operations = Array.from({ length: 50 }, () => ({ create }));
        expectStatus(await firm.call('POST', 'rule_tests/bulk', operations), 200);
        const answer = await firm.call('POST', 'rule_tests', create);
        assert.match(expectProblem(answer, 409).detail, /at most 50 tests/);
    });
});

test('a rule keeps its newest 1000 versions', async (t) => {
    const rule = await makeRule(t);
    const create = { rule: rule.id, reject: 'x' };
    const operations = Array.from({ length: 999 }, () => ({ create }));
    expectStatus(await firm.call('POST', 'rule_versions/bulk', operations), 200);
    assert.equal((await versions(rule)).length, 1000);
    assert.equal((await patch(rule, { reject: 'newest' })).version_number, 1001);
    const kept = await versions(rule);
    assert.equal(kept.length, 1000);
    assert.deepEqual([kept[0].version_number, kept.at(-1).version_number], [2, 1001]);
    expectProblem(await activate(rule, { version: 1 }), 404);
});
