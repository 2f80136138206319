// Roles: what the built-in ones may, a firm's own, and that nobody gives what he does not have.
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

describe('nobody gives what he does not have', () => {
    let admin;
    let role;
    before(async () => {
        role = await firm.create('roles', {
            name: 'admin',
            label: 'User admin',
            rows: ['all'],
            rights: {
                user: 'all',
                role: 'all',
                team: 'all',
                client: ['view', 'create'],
                contact: ['view', 'create'],
                custom_field: 'all',
            },
        });
        admin = await join(firm, 'Ada Admin', 'admin');
        await firm.create('roles', {
            name: 'viewer',
            label: 'Viewer',
            rows: ['all'],
            rights: { client: 'view' },
        });
    });

    test('makes users in roles that may no more than he', async () => {
        const user = { name: 'Vic Viewer', email: 'vic@firm.example', role: 'viewer' };
        const made = expectStatus(await admin.call('POST', 'users', user), 201).body;
        for (const more of ['owner', 'pm', 'employee']) {
            const answer = await admin.call('PATCH', `users/${made.id}`, { role: more });
            expectProblem(answer, 403, 'may more than you');
            const other = { name: 'X', email: `x.${more}@firm.example`, role: more };
            expectProblem(await admin.call('POST', 'users', other), 403, 'may more than you');
        }
        const nested = {
            ...person('With a manager'),
            account_manager: { name: 'Y', email: 'y@firm.example', role: 'owner' },
        };
        expectProblem(await admin.call('POST', 'clients', nested), 403, 'may more than you');
        const bulk = { operations: [{ update: { id: made.id, role: 'owner' } }] };
        expectStatus(await admin.call('POST', 'users/bulk', bulk), 403, 422);
        assert.equal((await firm.get('users', made.id)).role, 'viewer');
        expectStatus(await admin.call('DELETE', `users/${made.id}`), 204);
    });

    test('cannot raise himself, by his role, its record, or a team', async () => {
        expectProblem(
            await admin.call('PATCH', `users/${admin.user.id}`, { role: 'owner' }),
            403,
            'may more than you',
        );
        const rights = { ...role.rights, client: 'all' };
        expectProblem(await admin.call('PATCH', `roles/${role.id}`, { rights }), 403);
        expectProblem(await admin.call('PATCH', `roles/${role.id}`, { sees: ['vault'] }), 403);
        const override = { name: 'pm', label: 'Mine', rows: ['all'], rights: {} };
        expectProblem(await admin.call('POST', 'roles', override), 403, 'may more than you');
        const more = { name: 'more', label: 'More', rights: { settings: 'all' } };
        expectProblem(await admin.call('POST', 'roles', more), 403, 'may more than you');
        const less = { name: 'less', label: 'Less', rights: { client: 'view' } };
        expectStatus(await admin.call('POST', 'roles', less), 201);
        assert.deepEqual(await firm.get('roles', role.id), role);
    });

    test('does not take over, disable or delete one who may more', async () => {
        const owner = (await firm.all('users', 'role=owner'))[0];
        const tries = [
            ['PATCH', `users/${owner.id}`, { email: 'mine@firm.example' }],
            ['PATCH', `users/${owner.id}`, { role: 'viewer' }],
            ['PATCH', `users/${pm.user.id}`, { disabled: true }],
            ['DELETE', `users/${pm.user.id}`],
        ];
        for (const request of tries)
            expectProblem(await admin.call(...request), 403, 'may more than you');
        expectStatus(await admin.call('PATCH', `users/${admin.user.id}`, { language: 'de' }), 200);
    });

    test('neither brings back by an undo what he could not do', async () => {
        const user = { name: 'Una Undone', email: 'una@firm.example', role: 'owner' };
        const made = await firm.create('users', user);
        const down = await firm.call('PATCH', `users/${made.id}`, { role: 'viewer' });
        const group = expectStatus(down, 200).headers['atrium-group'];
        expectProblem(await admin.call('POST', `groups/${group}/undo`), 403, 'may more than you');
        assert.equal((await firm.get('users', made.id)).role, 'viewer');
        expectStatus(await firm.call('POST', `groups/${group}/undo`), 200);
        assert.equal((await firm.get('users', made.id)).role, 'owner');
        expectStatus(await firm.call('DELETE', `users/${made.id}`), 204);
    });

    test('neither by an import', async () => {
        const text = 'Name,E-mail,Role\nIvo Import,ivo@firm.example,owner\n';
        const begun = await admin.call('POST', 'users/import', { text });
        expectStatus(begun, 200, 202);
        for (let tries = 0; tries < 200; tries++) {
            const job = await admin.call('GET', `jobs/${begun.body.id}`);
            if (!['queued', 'running'].includes(job.body.state)) break;
            await new Promise((resolve) => setTimeout(resolve, 20));
        }
        assert.ok(!(await firm.all('users')).some((one) => one.email === 'ivo@firm.example'));
    });

    test('who does not see all clients makes no roles and no teams', async () => {
        await firm.create('roles', {
            name: 'narrow',
            label: 'Narrow',
            rows: ['own'],
            rights: { role: 'all', team: 'all', user: 'all' },
        });
        const who = await join(firm, 'Nora Narrow', 'narrow');
        const made = { name: 'mini', label: 'Mini', rows: ['own'], rights: {} };
        expectProblem(await who.call('POST', 'roles', made), 403, 'sees all clients');
        const team = { name: 'Mine', members: [who.user.id] };
        expectProblem(await who.call('POST', 'teams', team), 403, 'sees all clients');
    });
});

describe('the last owner', () => {
    test('stays, whatever is tried', async () => {
        const owner = (await firm.all('users', 'role=owner'))[0];
        const other = { name: 'No Door', email: 'no.door@firm.example', role: 'owner' };
        const made = await firm.create('users', other);
        const fresh = await join(firm, 'Other Owner', 'owner');
        const path = `users/${owner.id}`;
        for (const body of [{ role: 'pm' }, { disabled: true }])
            expectStatus(await fresh.call('PATCH', path, body), 200);
        expectStatus(await fresh.call('PATCH', path, { role: 'owner', disabled: false }), 200);
        for (const body of [{ role: 'pm' }, { disabled: true }])
            expectStatus(await firm.call('PATCH', `users/${fresh.user.id}`, body), 200);
        for (const body of [{ role: 'pm' }, { disabled: true }])
            expectProblem(await firm.call('PATCH', path, body), 409, 'at least one owner');
        expectStatus(await firm.call('DELETE', `users/${made.id}`), 204);
        expectProblem(await firm.call('DELETE', path), 409);
    });
});

describe('teams', () => {
    test('have members in at most fifteen', async () => {
        const who = await join(firm, 'Tim Teams', 'employee');
        for (let at = 0; at < 15; at++)
            await firm.create('teams', { name: `Team ${at}`, members: [who.user.id] });
        const more = await firm.call('POST', 'teams', { name: 'One more', members: [who.user.id] });
        assert.match(expectFault(more, 'members', 'limit').message, /Tim Teams/);
        const [first] = await firm.all('teams', 'name=Team%200');
        expectStatus(await firm.call('PATCH', `teams/${first.id}`, { members: [] }), 200);
        await firm.create('teams', { name: 'One more', members: [who.user.id] });
        expectStatus(await firm.call('DELETE', `users/${who.user.id}`), 204);
    });
});
