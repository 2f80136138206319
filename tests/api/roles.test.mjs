// Roles: what the built-in ones may, a firm's own, and field groups.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { expectFault, expectProblem, expectStatus } from '../door/expect.mjs';
import { join } from '../door/people.mjs';
import { openServer } from '../door/server.mjs';

let server;
let firm;
let pm;
let employee;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
    pm = await join(firm, 'Paula Manager', 'pm');
    employee = await join(firm, 'Emil Worker', 'employee');
});
after(() => server.close());

const me = async (who) => expectStatus(await who.call('GET', 'me'), 200).body;
const all = ['view', 'create', 'edit', 'delete', 'export'];
const person = (name) => ({ name, kind: 'individual' });

/** A refusal that names the right, and says that an owner can grant it. */
function expectRefusal(answer, right, role) {
    const problem = expectProblem(answer, 403);
    assert.deepEqual(problem.right, right);
    assert.deepEqual(problem.granted_by, ['owner']);
    assert.ok(problem.detail.includes(`the role ${role} does not have`), problem.detail);
    assert.ok(problem.detail.includes('owner can grant it'), problem.detail);
}

describe('the built-in roles', () => {
    // Rows 150 to 156 of the product's table; `view` of an employee is narrowed by rows.
    const matrix = [
        ['client', 'view', true, true],
        ['client', 'create', true, false],
        ['client', 'edit', true, false],
        ['client', 'delete', false, false],
        ['client', 'export', true, false],
        ['portal_account', 'view', true, false],
        ['portal_account', 'create', true, false],
        ['portal_account', 'edit', true, false],
        ['portal_account', 'delete', true, false],
        ['user', 'edit', false, false],
        ['role', 'edit', false, false],
        ['settings', 'edit', false, false],
        ['rule', 'edit', false, false],
    ];

    test('are owner, project manager and employee', async () => {
        const { sets } = expectStatus(await firm.call('GET', 'schema'), 200).body;
        const roles = sets.find((set) => set.name === 'user.role').choices;
        assert.deepEqual(
            roles.map((choice) => choice.value),
            ['owner', 'pm', 'employee'],
        );
    });

    test('may what the table says, as /me tells it', async () => {
        const [owner, manager, worker] = await Promise.all([firm, pm, employee].map(me));
        assert.deepEqual(owner.roles, ['owner']);
        assert.deepEqual(manager.role, { name: 'pm', label: 'Project manager' });
        assert.deepEqual(owner.rows, ['all']);
        assert.deepEqual(manager.rows, ['all']);
        assert.deepEqual(worker.rows, ['managed', 'assigned', 'shared']);
        for (const [entity, action, ofManager, ofWorker] of matrix) {
            const words = `${action} ${entity}`;
            if (entity !== 'settings' || action !== 'create')
                assert.ok(owner.entities[entity].includes(action), words);
            assert.equal(manager.entities[entity].includes(action), ofManager, `pm: ${words}`);
            assert.equal(worker.entities[entity].includes(action), ofWorker, `employee: ${words}`);
        }
        assert.deepEqual(owner.entities.client, all);
        assert.deepEqual(owner.groups.financials, ['view', 'edit']);
        assert.deepEqual(manager.groups.financials, ['view', 'edit']);
        assert.deepEqual(worker.groups.financials, []);
    });

    test('do it: a client is made and changed by owner and manager alone', async () => {
        const made = expectStatus(await pm.call('POST', 'clients', person('By Paula')), 201).body;
        const path = `clients/${made.id}`;
        expectStatus(await pm.call('PATCH', path, { name: 'By Paula too' }), 200);
        expectRefusal(
            await pm.call('DELETE', path),
            { entity: 'client', action: 'delete' },
            'Project manager',
        );
        expectRefusal(
            await employee.call('POST', 'clients', person('By Emil')),
            { entity: 'client', action: 'create' },
            'Employee',
        );
        expectRefusal(
            await employee.call('PATCH', path, { name: 'By Emil' }),
            { entity: 'client', action: 'edit' },
            'Employee',
        );
        expectRefusal(
            await employee.call('GET', 'clients/export'),
            { entity: 'client', action: 'export' },
            'Employee',
        );
        expectStatus(await firm.call('DELETE', path), 204);
    });

    test('have portal accounts managed by owner and manager alone', async () => {
        expectStatus(await pm.call('GET', 'portal_accounts'), 200);
        expectRefusal(
            await employee.call('GET', 'portal_accounts'),
            { entity: 'portal_account', action: 'view' },
            'Employee',
        );
    });

    test('leave users, roles and settings to the owner', async () => {
        const settings = (await firm.all('settings'))[0];
        for (const who of [pm, employee]) {
            expectStatus(await who.call('GET', 'users'), 200);
            expectProblem(
                await who.call('PATCH', `settings/${settings.id}`, { title: 'Mine' }),
                403,
                '"settings"',
            );
            expectProblem(await who.call('GET', 'outbox'), 403, '"edit"');
            expectProblem(await who.call('GET', 'audit'), 403, '"edit"');
            expectProblem(await who.call('GET', 'runs'), 403);
        }
    });
});

describe("a firm's own role", () => {
    for (const [at, action] of all.entries()) {
        test(`may one thing alone: ${action}`, async () => {
            const name = `only_${action}`;
            await firm.create('roles', {
                name,
                label: `Only ${action}`,
                rows: ['all'],
                rights: { contact: [...new Set(['view', action])] },
            });
            const who = await join(firm, `Only ${action}`, name);
            const { id } = await firm.create('contacts', { name: `For ${action} ${at}` });
            const tries = {
                view: [200, 'GET', `contacts/${id}`],
                create: [201, 'POST', 'contacts', { name: `New of ${action}` }],
                edit: [200, 'PATCH', `contacts/${id}`, { name: `Other ${action}` }],
                export: [200, 'GET', 'contacts/export'],
                delete: [204, 'DELETE', `contacts/${id}`],
            };
            for (const [word, [status, ...request]] of Object.entries(tries)) {
                const answer = await who.call(...request);
                if (word === action || word === 'view') expectStatus(answer, status);
                else expectRefusal(answer, { entity: 'contact', action: word }, `Only ${action}`);
            }
            expectProblem(await who.call('GET', 'clients'), 403);
            assert.deepEqual((await me(who)).entities.client, []);
        });
    }

    test('is told what is wrong with it', async () => {
        const role = (more) => firm.call('POST', 'roles', { name: 'odd', label: 'Odd', ...more });
        const near = await role({ rights: { clint: ['view'] } });
        assert.match(expectFault(near, 'rights').message, /clint.*perhaps client/);
        expectFault(await role({ rights: { client: ['edit'] } }), 'rights');
        expectFault(await role({ rights: { client: ['fly'] } }), 'rights');
        expectFault(await role({ rows: ['some'] }), 'rows');
        expectFault(await role({ sees: ['nothing'] }), 'sees');
        expectFault(await role({ sees: [], edits: ['vault'] }), 'edits');
        expectFault(await role({ name: 'owner' }), 'name');
        expectFault(await role({ name: 'Not A Name' }), 'name');
        expectFault(
            await firm.call('POST', 'choices', { set: 'user.role', value: 'x', label: 'X' }),
            'set',
        );
        assert.ok(!(await firm.all('roles')).some((one) => one.name === 'odd'));
    });

    test('cannot be renamed, and not be deleted while somebody has it', async () => {
        const role = await firm.create('roles', { name: 'guest', label: 'Guest', rights: {} });
        expectFault(await firm.call('PATCH', `roles/${role.id}`, { name: 'host' }), 'name');
        const who = await join(firm, 'Gina Guest', 'guest');
        expectProblem(await firm.call('DELETE', `roles/${role.id}`), 409, 'Gina Guest');
        expectStatus(await firm.call('PATCH', `users/${who.user.id}`, { role: 'employee' }), 200);
        expectStatus(await firm.call('DELETE', `roles/${role.id}`), 204);
        expectFault(await firm.call('PATCH', `users/${who.user.id}`, { role: 'guest' }), 'role');
    });

    test('stands in the place of a built-in one, until it goes', async () => {
        const role = await firm.create('roles', {
            name: 'employee',
            label: 'Helper',
            rows: ['all'],
            rights: { contact: 'all' },
        });
        const narrowed = await me(employee);
        assert.equal(narrowed.role.label, 'Helper');
        assert.deepEqual(narrowed.entities.client, []);
        assert.deepEqual(narrowed.entities.contact, all);
        expectStatus(await employee.call('POST', 'contacts', { name: 'Now' }), 201);
        expectStatus(await firm.call('DELETE', `roles/${role.id}`), 204);
        assert.deepEqual((await me(employee)).entities.client, ['view']);
        expectProblem(await employee.call('POST', 'contacts', { name: 'No more' }), 403);
    });

    test('holds at the next request after it was changed', async () => {
        const role = await firm.create('roles', {
            name: 'shifting',
            label: 'Shifting',
            rows: ['all'],
        });
        const who = await join(firm, 'Sheila Shift', 'shifting');
        expectProblem(await who.call('GET', 'contacts'), 403);
        for (let round = 0; round < 5; round++) {
            const path = `roles/${role.id}`;
            const rights = { contact: ['view', 'create'] };
            expectStatus(await firm.call('PATCH', path, { rights }), 200);
            expectStatus(await who.call('POST', 'contacts', { name: `Round ${round}` }), 201);
            expectStatus(await firm.call('PATCH', path, { rights: { contact: 'view' } }), 200);
            expectProblem(await who.call('POST', 'contacts', { name: 'No' }), 403);
        }
    });
});

describe('field groups', () => {
    test('are seen, or changed, only by a role that says so', async () => {
        await firm.create('roles', {
            name: 'bookkeeper',
            label: 'Bookkeeper',
            rows: ['all'],
            rights: { client: ['view', 'edit'] },
            sees: ['financials'],
            edits: [],
        });
        const who = await join(firm, 'Bea Keeper', 'bookkeeper');
        assert.deepEqual((await me(who)).groups, {
            financials: ['view'],
            internal: [],
            vault: [],
        });
    });
});
