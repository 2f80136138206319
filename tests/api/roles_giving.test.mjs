// What nobody can do by roles: give himself or others what he does not have, or leave the firm
// without an owner.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { expectFault, expectProblem, expectStatus } from '../door/expect.mjs';
import { jobEnded } from '../door/jobs.mjs';
import { join } from '../door/people.mjs';
import { openServer } from '../door/server.mjs';

let server;
let firm;
let pm;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
    pm = await join(firm, 'Paula Manager', 'pm');
});
after(() => server.close());

const person = (name) => ({ name, kind: 'individual' });

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
            ['PATCH', `users/${owner.id}`, { name: 'Somebody Else' }],
            ['PATCH', `users/${pm.user.id}`, { disabled: true }],
            ['DELETE', `users/${pm.user.id}`],
        ];
        for (const request of tries)
            expectProblem(await admin.call(...request), 403, 'may more than you');
        expectStatus(await admin.call('PATCH', `users/${admin.user.id}`, { language: 'de' }), 200);
        const { name } = owner;
        expectStatus(await admin.call('PATCH', `users/${owner.id}`, { name }), 200);
    });

    test('moves no field into a group that he does not see, nor out of it', async () => {
        const field = (name, group) => ({ entity: 'client', name, kind: 'number', group });
        const inside = await firm.create('custom_fields', field('x_margin', 'financials'));
        const outside = await firm.create('custom_fields', field('x_open'));
        for (const request of [
            ['POST', 'custom_fields', field('x_mine', 'financials')],
            ['PATCH', `custom_fields/${outside.id}`, { group: 'financials' }],
            ['PATCH', `custom_fields/${inside.id}`, { group: null }],
            ['DELETE', `custom_fields/${inside.id}`],
        ])
            expectProblem(await admin.call(...request), 403, 'financials');
        assert.equal((await firm.get('custom_fields', inside.id)).group, 'financials');
        expectStatus(await admin.call('POST', 'custom_fields', field('x_mine')), 201);
        expectStatus(await admin.call('DELETE', `custom_fields/${outside.id}`), 204);
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
        await jobEnded(admin, begun);
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
