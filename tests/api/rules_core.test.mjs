// Rules on every change: where they run, in what order, on what, and what an answer says of them.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { expectFault, expectProblem, expectStatus } from '../door/expect.mjs';
import { addField } from '../door/fields.mjs';
import { openServer } from '../door/server.mjs';

let server;
let firm;
let other;

let number = 0;
const name = () => `Client ${++number}`;
const client = (more = {}, of = firm) =>
    of.create('clients', { name: name(), kind: 'individual', ...more });

/** A rule that stands while `what` runs. */
async function withRule(rule, what, of = firm) {
    const made = await of.create('rules', { name: 'A rule', state: 'active', ...rule });
    try {
        return await what(made);
    } finally {
        const answer = await of.call('PATCH', `rules/${made.id}`, { state: 'off' });
        assert.equal(answer.status, 200, answer.text);
    }
}

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
});
