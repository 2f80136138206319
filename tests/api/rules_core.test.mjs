// Rules on every change: where they run, in what order, on what, and what an answer says of them.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { expectFault, expectProblem, expectStatus } from '../door/expect.mjs';
import { addField } from '../door/fields.mjs';
import { withRule as withRuleOf } from '../door/rules.mjs';
import { openServer } from '../door/server.mjs';

let server;
let firm;
let other;

let number = 0;
const name = () => `Client ${++number}`;
const client = (more = {}, of = firm) =>
    of.create('clients', { name: name(), kind: 'individual', ...more });

const withRule = (rule, what) => withRuleOf(firm, rule, what);

before(async () => {
    server = await openServer(['acme', 'other']);
    firm = server.firms.acme;
    other = server.firms.other;
    await addField(firm, { entity: 'client', name: 'x_note', kind: 'text' });
    await addField(firm, { entity: 'client', name: 'x_count', kind: 'number' });
});
after(() => server.close());

describe('a rule without a script', () => {
    test('rejects, and the answer names it', async () => {
        const rule = {
            name: 'no test clients',
            entity: 'client',
            point: 'before',
            when: { name: { prefix: 'test' } },
            reject: 'is a test client',
            reject_field: 'name',
        };
        await withRule(rule, async (made) => {
            const answer = await firm.call('POST', 'clients', {
                name: 'Test & Sons',
                kind: 'individual',
            });
            const problem = expectProblem(answer, 422, 'rejected');
            assert.deepEqual(problem.errors, [
                { field: 'name', code: 'rejected', message: 'is a test client' },
            ]);
            assert.equal(problem.rule.id, made.id);
            assert.equal(problem.rule.name, 'no test clients');
            assert.match(problem.rule.run, /^[0-9a-f-]{36}$/);
            assert.match(problem.detail, /no test clients/);
            await client();
        });
        await client({ name: 'Test & Sons' });
    });

    test('sets values before the record is saved', async () => {
        const rule = {
            name: 'notes',
            entity: 'client',
            point: 'before',
            on: ['create'],
            set: { x_note: 'from the rule', tags: ['ruled'], website: null },
        };
        await withRule(rule, async (made) => {
            const one = await client({ x_note: 'mine', website: 'https://one.example' });
            assert.equal(one.x_note, 'from the rule');
            assert.deepEqual(one.tags, ['ruled']);
            assert.equal(one.website, null);
            const history = await firm.call('GET', `clients/${one.id}/history`);
            assert.deepEqual(history.body.data.at(-1).rules, [{ id: made.id, name: 'notes' }]);
            const changed = await firm.call('PATCH', `clients/${one.id}`, { x_note: 'again' });
            assert.equal(changed.body.x_note, 'again');
        });
    });

    test('sets what is checked as if somebody had sent it', async () => {
        const rule = {
            name: 'wrong choice',
            entity: 'client',
            point: 'before',
            set: { status: 'no such status' },
        };
        await withRule(rule, async () => {
            const answer = await firm.call('POST', 'clients', { name: name(), kind: 'individual' });
            expectFault(answer, 'status', 'choice');
        });
    });

    test('writes its own record after it was saved, and does not fire on that', async () => {
        const rule = {
            name: 'counts',
            entity: 'client',
            point: 'after',
            changed: ['x_count'],
            set: { x_note: 'counted' },
        };
        await withRule(rule, async (made) => {
            const one = await client();
            assert.equal(one.x_note, null);
            const two = await client({ x_count: 1 });
            assert.equal(two.x_note, 'counted');
            const answer = await firm.call('PATCH', `clients/${one.id}`, { x_count: 5 });
            assert.equal(answer.body.x_note, 'counted');
            const history = await firm.call('GET', `clients/${one.id}/history`);
            assert.equal(history.body.data[0].rules[0].id, made.id);
        });
    });

    test('is asked for the operations that it names', async () => {
        const rule = {
            name: 'stays',
            entity: 'client',
            point: 'before',
            on: ['delete'],
            when: { x_note: 'keep' },
            reject: 'is kept',
        };
        await withRule(rule, async () => {
            const one = await client({ x_note: 'keep' });
            const two = await client();
            const answer = await firm.call('DELETE', `clients/${one.id}`);
            expectProblem(answer, 422, 'is kept');
            assert.equal((await firm.get('clients', one.id)).x_note, 'keep');
            expectStatus(await firm.call('DELETE', `clients/${two.id}`), 204);
        });
    });

    test('looks at the final state of the change in a check', async () => {
        const rule = {
            name: 'counted clients have a note',
            entity: 'client',
            point: 'check',
            when: { and: [{ x_count: { gt: 0 } }, { x_note: { empty: true } }] },
            reject: 'needs a note',
            reject_field: 'x_note',
        };
        await withRule(rule, async () => {
            const answer = await firm.call('POST', 'clients', {
                name: name(),
                kind: 'individual',
                x_count: 2,
            });
            expectFault(answer, 'x_note', 'rejected');
            await client({ x_count: 2, x_note: 'there' });
        });
    });

    test('runs in order of priority, and sees what the one before it made', async () => {
        const first = {
            name: 'first',
            entity: 'client',
            point: 'before',
            priority: 10,
            set: { x_count: 7 },
        };
        const second = {
            name: 'second',
            entity: 'client',
            point: 'before',
            priority: 20,
            when: { x_count: 7 },
            set: { x_note: 'seven' },
        };
        await withRule(second, () =>
            withRule(first, async () => {
                const one = await client();
                assert.equal(one.x_note, 'seven');
            }),
        );
        await withRule({ ...second, priority: 5 }, () =>
            withRule(first, async () => assert.equal((await client()).x_note, null)),
        );
    });

    test('of one firm does nothing in another', async () => {
        const rule = { entity: 'client', point: 'before', reject: 'nobody' };
        await withRule(rule, async () => {
            expectStatus(
                await firm.call('POST', 'clients', { name: name(), kind: 'individual' }),
                422,
            );
            await client({}, other);
        });
    });

    test('cannot be about what decides who may what: it could never be switched off', async () => {
        for (const entity of ['user', 'rule', 'rule_version', 'custom_field', 'settings']) {
            const answer = await firm.call('POST', 'rules', {
                name: 'locks all',
                entity,
                point: 'before',
                reject: 'no',
                state: 'active',
            });
            expectFault(answer, 'entity');
        }
    });

    test('that is a draft or off does nothing', async () => {
        const rule = { name: 'draft', entity: 'client', point: 'before', reject: 'nobody' };
        await firm.create('rules', { ...rule, state: 'draft' });
        await client();
    });

    test('stands again when its change is undone', async () => {
        const made = await firm.create('rules', {
            name: 'undone',
            entity: 'client',
            point: 'before',
            when: { x_note: 'undone' },
            reject: 'stands',
            state: 'active',
        });
        const refused = () =>
            firm.call('POST', 'clients', { name: name(), kind: 'individual', x_note: 'undone' });
        expectStatus(await refused(), 422);
        const off = await firm.call('PATCH', `rules/${made.id}`, { state: 'off' });
        expectStatus(off, 200);
        expectStatus(await refused(), 201);
        const history = await firm.call('GET', `rules/${made.id}/history`);
        const undo = await firm.call('POST', `groups/${history.body.data[0].group}/undo`);
        expectStatus(undo, 200);
        expectStatus(await refused(), 422);
        expectStatus(await firm.call('DELETE', `rules/${made.id}`), 204);
        expectStatus(await refused(), 201);
    });

    test('that names a field which is gone fails what it would fire on', async () => {
        const field = await addField(firm, { entity: 'client', name: 'x_gone', kind: 'text' });
        const rule = {
            name: 'left behind',
            entity: 'client',
            point: 'before',
            on: ['delete'],
            when: { x_gone: 'yes' },
            reject: 'no',
        };
        await withRule(rule, async () => {
            const one = await client();
            const gone = await firm.call('DELETE', `custom_fields/${field.id}`);
            if (gone.status !== 204) return; // a field that an active rule names stays
            await client();
            const answer = await firm.call('DELETE', `clients/${one.id}`);
            expectProblem(answer, 422, 'left behind', 'x_gone');
        });
    });
});
