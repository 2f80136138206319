// What a change owes to rules beside its own record: what the engine writes is shown to them, what
// they write is told in history, groups and faults, and taken back with the change.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { expectFault, expectProblem, expectStatus, uuidForm } from '../door/expect.mjs';
import { addField } from '../door/fields.mjs';
import { jobEnded, resultsOf } from '../door/jobs.mjs';
import { withRule as withRuleOf } from '../door/rules.mjs';
import { openServer } from '../door/server.mjs';

let server;
let firm;

before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
    await addField(firm, { entity: 'address', name: 'x_rooms', kind: 'number' });
    await addField(firm, {
        entity: 'client',
        name: 'x_rooms',
        kind: 'rollup',
        rollup: { from: 'address', via: 'client', function: 'sum', field: 'x_rooms' },
    });
    await addField(firm, { entity: 'client', name: 'x_size', kind: 'text' });
});
after(() => server.close());

let number = 0;
const given = (more = {}) => ({ name: `Client ${++number}`, kind: 'individual', ...more });
const client = (more) => firm.create('clients', given(more));
const address = (owner, rooms) => ({ client: owner.id, line1: 'Street 1', x_rooms: rooms });
const historyOf = async (collection, id) =>
    expectStatus(await firm.call('GET', `${collection}/${id}/history`), 200).body.data;
const groupOf = (answer) => answer.headers['atrium-group'];
const rulesOf = (entry) => entry.rules?.map((rule) => rule.name);

const withRule = (rule, what) => withRuleOf(firm, rule, what);

describe('a rule on a roll-up', () => {
    const size = {
        name: 'size of clients',
        point: 'after',
        changed: ['x_rooms'],
        source: `
            local size = record.x_rooms > 10 and "large" or "small"
            if record.x_size ~= size then db.update("client", record.id, { x_size = size }) end`,
    };

    test('fires when others change it, once for all of them', async () => {
        await withRule(size, async (rule) => {
            const owner = await client();
            await firm.create('addresses', address(owner, 3));
            assert.equal((await firm.get('clients', owner.id)).x_size, 'small');
            const operations = [4, 5, 6].map((rooms) => ({ create: address(owner, rooms) }));
            const answer = await firm.call('POST', 'addresses/bulk', operations);
            const { group } = expectStatus(answer, 200).body;
            const record = await firm.get('clients', owner.id);
            assert.deepEqual([record.x_rooms, record.x_size], [18, 'large']);
            const [newest] = await historyOf('clients', owner.id);
            assert.deepEqual(newest.rules, [{ id: rule.id, name: 'size of clients' }]);
            assert.deepEqual(newest.changes.x_size, { old: 'small', new: 'large' });
            assert.equal(newest.group, group);
            const runs = expectStatus(await firm.call('GET', `rules/${rule.id}/runs`), 200);
            assert.equal(runs.body.data.length, 3, 'created, three rooms, fifteen more');
        });
    });

    test('is undone with the change that set it off', async () => {
        await withRule(size, async () => {
            const owner = await client();
            await firm.create('addresses', address(owner, 3));
            const made = await firm.call('POST', 'addresses', address(owner, 30));
            assert.equal((await firm.get('clients', owner.id)).x_size, 'large');
            const told = expectStatus(await firm.call('GET', `groups/${groupOf(made)}`), 200).body;
            assert.deepEqual(rulesOf(told), ['size of clients']);
            const undone = await firm.call('POST', `groups/${groupOf(made)}/undo`);
            assert.deepEqual(expectStatus(undone, 200).body.kept, []);
            const record = await firm.get('clients', owner.id);
            assert.deepEqual([record.x_rooms, record.x_size], [3, 'small']);
        });
    });

    test('that checks it refuses what would lead there', async () => {
        const rule = {
            name: 'at most 20 rooms',
            point: 'check',
            changed: ['x_rooms'],
            when: { x_rooms: { gt: 20 } },
            reject: 'has too many rooms',
            reject_field: 'x_rooms',
        };
        await withRule(rule, async (made) => {
            const owner = await client();
            await firm.create('addresses', address(owner, 20));
            const answer = await firm.call('POST', 'addresses', address(owner, 1));
            expectProblem(answer, 422, 'at most 20 rooms');
            assert.equal(answer.body.rule.id, made.id);
            assert.equal(answer.body.errors[0].code, 'rejected');
            assert.equal((await firm.get('clients', owner.id)).x_rooms, 20);
        });
    });

    test('does not fire when it names another field, or none', async () => {
        const rule = { point: 'check', reject: 'never', on: ['update'] };
        await withRule({ ...rule, changed: ['name'] }, async () => {
            await withRule({ ...rule, name: 'names none' }, async () => {
                const owner = await client();
                await firm.create('addresses', address(owner, 1));
                const answer = await firm.call('PATCH', `clients/${owner.id}`, { tags: ['x'] });
                expectProblem(answer, 422, 'names none');
            });
        });
    });
});

describe('a rejection', () => {
    const rule = {
        name: 'no spam',
        entity: 'contact',
        point: 'before',
        when: { name: { prefix: 'Spam' } },
        reject: 'looks like spam',
        reject_field: 'name',
    };
    const isTold = (problem, made) => {
        assert.equal(problem.type, 'rejected');
        assert.deepEqual([problem.rule.id, problem.rule.name], [made.id, 'no spam']);
        assert.match(problem.rule.run, uuidForm);
        const [fault] = problem.errors;
        assert.deepEqual([fault.code, fault.message], ['rejected', 'looks like spam']);
        return fault.field;
    };

    test('names its field where the record lies in another one', async () => {
        await withRule(rule, async (made) => {
            const company = { name: 'Firm', kind: 'company', primary_contact: { name: 'Spam' } };
            const answer = expectStatus(await firm.call('POST', 'clients', company), 422);
            assert.equal(isTold(answer.body, made), 'primary_contact.name');
        });
    });

    test('names the operation of a bulk that it refuses', async () => {
        await withRule(rule, async (made) => {
            const operations = [{ create: { name: 'Good' } }, { create: { name: 'Spam 1' } }];
            const answer = await firm.call('POST', 'contacts/bulk', operations);
            assert.equal(isTold(expectStatus(answer, 422).body, made), 'operations[1].name');
        });
    });

    test('stands in the results of a job', async () => {
        await withRule(rule, async (made) => {
            const operations = [{ create: { name: 'Spam 2' } }, { create: { name: 'Good 2' } }];
            const begun = await firm.call('POST', 'contacts/bulk', { atomic: false, operations });
            const results = await resultsOf(firm, await jobEnded(firm, begun));
            assert.deepEqual(
                results.map((result) => result.status),
                [422, 201],
            );
            assert.equal(isTold(results[0].problem, made), 'name');
        });
    });

    test('stands in the failed rows of an import', async () => {
        await withRule(rule, async () => {
            const text = 'Name\nGood 3\nSpam 3\n';
            const begun = await firm.call('POST', 'contacts/import', { text });
            const job = await jobEnded(firm, begun);
            assert.deepEqual([job.result.created, job.result.failed], [1, 1]);
            const answer = await firm.call('GET', `jobs/${job.id}/results`);
            assert.match(answer.text, /Name: rule ""no spam"": ""Spam 3"" looks like spam/);
        });
    });
});

describe('history', () => {
    test('names the rules of each entry, under the names that they had', async () => {
        const rule = { name: 'tags it', point: 'before', set: { tags: ['by rule'] } };
        const record = await withRule(rule, async (made) => {
            const one = await client();
            const renamed = await firm.call('PATCH', `rules/${made.id}`, { name: 'renamed' });
            expectStatus(renamed, 200);
            return one;
        });
        await firm.call('PATCH', `clients/${record.id}`, { name: 'By hand' });
        const [byHand, byRule] = await historyOf('clients', record.id);
        assert.deepEqual([rulesOf(byHand), rulesOf(byRule)], [undefined, ['tags it']]);
        const feed = await firm.call('GET', `changes?after=${byRule.sequence - 1}&limit=1`);
        assert.deepEqual(expectStatus(feed, 200).body.data[0].rules, byRule.rules);
    });

    test('names no rule that only looked', async () => {
        const rule = { name: 'looks', point: 'after', source: 'log(record.name)' };
        const record = await withRule(rule, () => client());
        const [entry] = await historyOf('clients', record.id);
        assert.equal(entry.rules, undefined);
    });
});

describe('all roads of a record', () => {
    const stamp = {
        name: 'stamps',
        point: 'before',
        source: 'record.x_size = (old and old.x_size or "") .. "+"',
    };

    test('archive and restore run rules, an undo does not', async () => {
        await withRule(stamp, async () => {
            const { id } = await client();
            const sizeOf = async () => (await firm.get('clients', id)).x_size;
            assert.equal(await sizeOf(), '+');
            const archived = await firm.call('POST', `clients/${id}/archive`);
            expectStatus(archived, 200);
            assert.equal(await sizeOf(), '++');
            expectStatus(await firm.call('POST', `groups/${groupOf(archived)}/undo`), 200);
            assert.equal(await sizeOf(), '+');
        });
    });

    test('a merge runs them on the record that stays and on the one that goes', async () => {
        const rule = {
            name: 'tells of deletions',
            point: 'after',
            on: ['delete'],
            source: 'db.create("contact", { name = "Gone: " .. old.name })',
        };
        const [one, two] = [await client(), await client({ website: 'https://two.example/' })];
        await withRule(stamp, () =>
            withRule(rule, async () => {
                const merged = { with: [two.id] };
                expectStatus(await firm.call('POST', `clients/${one.id}/merge`, merged), 200);
                assert.equal((await firm.get('clients', one.id)).x_size, '+');
                const found = await firm.all('contacts', 'q=gone');
                assert.ok(found.some((contact) => contact.name === `Gone: ${two.name}`));
            }),
        );
    });

    test('a cascade runs them on each record that goes', async () => {
        const rule = {
            name: 'keeps addresses',
            entity: 'address',
            point: 'before',
            on: ['delete'],
            when: { line1: 'Kept' },
            reject: 'this address stays',
        };
        await withRule(rule, async () => {
            const owner = await client();
            await firm.create('addresses', { client: owner.id, line1: 'Kept' });
            const answer = await firm.call('DELETE', `clients/${owner.id}`);
            expectProblem(answer, 422, 'keeps addresses');
            await firm.get('clients', owner.id);
        });
    });

    test('a rule may delete the record that set it off', async () => {
        const rule = {
            name: 'no drafts stay',
            point: 'after',
            when: { name: { prefix: 'Draft' } },
            source: `
                db.create("contact", { name = "From " .. record.name })
                db.delete("client", record.id)`,
        };
        await withRule(rule, async () => {
            const made = await firm.call('POST', 'clients', given({ name: 'Draft one' }));
            expectStatus(made, 204);
            assert.match(groupOf(made), uuidForm);
            assert.equal((await firm.all('contacts', 'name=From%20Draft%20one')).length, 1);
            const stays = await client();
            const gone = await firm.call('PATCH', `clients/${stays.id}`, { name: 'Draft two' });
            expectStatus(gone, 204);
            expectStatus(await firm.call('GET', `clients/${stays.id}`), 404);
            expectStatus(await firm.call('POST', `groups/${groupOf(gone)}/undo`), 200);
            assert.equal((await firm.get('clients', stays.id)).name, stays.name);
        });
    });

    test('a rule may write a record that is just being changed', async () => {
        const rule = {
            name: 'writes back',
            entity: 'contact',
            point: 'after',
            on: ['create'],
            source: `
                local found = db.find("client", { x_size = "waits" })
                for _, one in ipairs(found) do
                    db.update("client", one.id, { observations = "by " .. record.name })
                end`,
        };
        await withRule(rule, async () => {
            const company = { kind: 'company', primary_contact: { name: 'Ann' } };
            const owner = await client({ ...company, x_size: 'waits' });
            const patch = { primary_contact: { name: 'Bea' }, website: 'https://b.example/' };
            expectStatus(await firm.call('PATCH', `clients/${owner.id}`, patch), 200);
            const record = await firm.get('clients', owner.id);
            assert.deepEqual(
                [record.observations, record.website],
                ['by Bea', 'https://b.example/'],
            );
            await firm.call('PATCH', `clients/${owner.id}`, { x_size: 'over' });
        });
    });

    test('a link is set by its reference, and an id that is none is refused', async () => {
        const rule = {
            name: 'links',
            point: 'after',
            on: ['update'],
            changed: ['observations'],
            source: 'db.link("client", record.id, "primary_contact", record.observations)',
        };
        await withRule(rule, async () => {
            const owner = await client();
            const bea = await firm.create('contacts', { name: 'Bea' });
            const say = (text) =>
                firm.call('PATCH', `clients/${owner.id}`, { observations: text });
            expectStatus(await say(bea.id), 200);
            assert.equal((await firm.get('clients', owner.id)).primary_contact, bea.id);
            const answer = await say('01890000-0000-7000-8000-000000000000');
            expectFault(answer, '', 'rule_failed');
        });
    });
});
