// Names of a firm: another one, and host names of its own with a door each.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { expectProblem, expectStatus } from '../door/expect.mjs';
import { openServer } from '../door/server.mjs';

let server;
let acme;
before(async () => {
    server = await openServer(['acme', 'other']);
    acme = server.firms.acme;
    const own = ['crm.acme.example', 'kunden.acme.example', 'one.example', 'stays.example'];
    for (const name of own) server.watch.hosts.set(name, 'acme');
});
after(() => server.close());

const at = (host, path = '/api/v1/me', token = acme.token) =>
    server.send({ method: 'GET', path, headers: { host, authorization: `Bearer ${token}` } });
const host = (...words) => server.command(['tenant', 'host', ...words]);

describe('a host name of its own', () => {
    test('leads to the firm by its door, at once and until it is removed', async () => {
        const unknown = await at('crm.acme.example');
        expectProblem(unknown, 404);
        const added = await host('acme', '--add', 'crm.acme.example', '--door', 'staff');
        assert.equal(added.status, 0, added.err);
        assert.equal(added.out, 'crm.acme.example\tstaff\n');
        expectStatus(await at('crm.acme.example'), 200);
        expectStatus(await at('CRM.Acme.Example:8443'), 200);
        expectStatus(await at(acme.host), 200);
        const removed = await host('acme', '--remove', 'crm.acme.example');
        assert.equal(removed.out, '');
        const again = expectProblem(await at('crm.acme.example'), 404);
        // Who asks for a name that is nobody's learns nothing.
        assert.equal(again.title, unknown.body.title);
        assert.equal(again.detail, unknown.body.detail);
        assert.ok(!JSON.stringify(again).includes('acme'));
    });

    test('is of the portal where that is its door', async () => {
        await host('acme', '--add', 'kunden.acme.example', '--door', 'portal');
        expectStatus(await at('kunden.acme.example', '/api/v1/clients'), 401, 404);
        const { out } = await host('acme', '--add', 'kunden.acme.example', '--door', 'staff');
        assert.equal(out, 'kunden.acme.example\tstaff\n');
        expectStatus(await at('kunden.acme.example', '/api/v1/clients'), 200);
    });

    test('belongs to one firm', async () => {
        await host('acme', '--add', 'one.example', '--door', 'staff');
        const taken = await host('other', '--add', 'one.example', '--door', 'staff');
        assert.equal(taken.status, 1);
        assert.match(taken.err, /another tenant/);
        const foreign = await host('other', '--remove', 'one.example');
        assert.match(foreign.err, /other has no host name one.example/);
        expectProblem(await at('one.example', '/api/v1/me', server.firms.other.token), 401);
    });

    const wrong = [
        'acme.localhost',
        'localhost',
        'www.localhost',
        'intranet',
        'Upper.example',
        'a..b',
        'a.b.',
        '.a.b',
        '-a.example',
        'a_b.example',
        '127.0.0.1',
        '1.2.3',
        'a b.example',
        `${'a'.repeat(64)}.example`,
        `${'abcdefgh.'.repeat(28)}example`,
        'x.example/path',
        'x.example:80',
        'münchen.example',
    ];
    for (const name of wrong)
        test(`is refused: ${name.slice(0, 40)}`, async () => {
            const { status, err } = await host('acme', '--add', name, '--door', 'staff');
            assert.equal(status, 1);
            assert.equal(err.trim().split('\n').length, 1);
        });

    test('needs a door, and does not come without end', async () => {
        const doorless = await host('acme', '--add', 'two.example');
        assert.equal(doorless.status, 2);
        assert.match(doorless.err, /--door/);
        for (let count = 0; count < 20; count++)
            await host('other', '--add', `n${count}.example`, '--door', 'staff');
        const more = await host('other', '--add', 'n20.example', '--door', 'staff');
        assert.match(more.err, /at most 20/);
    });
});

describe('another name', () => {
    test('leads there alone; sessions, tokens, records and own hosts stay', async () => {
        await host('acme', '--add', 'stays.example', '--door', 'staff');
        const client = await acme.create('clients', { name: 'Ann Lee', kind: 'individual' });
        const renamed = await server.mustRun(['tenant', 'rename', 'acme', '--name', 'apex']);
        assert.match(renamed.out, /apex\.localhost/);
        expectProblem(await at(`acme.localhost:${server.port}`), 404);
        acme.name = 'apex';
        server.watch.hosts.set('apex.localhost', 'acme');
        server.watch.hosts.set('acme.localhost', 'heir');
        assert.equal((await acme.get('clients', client.id)).name, 'Ann Lee');
        expectStatus(await at('stays.example'), 200);
        const log = await acme.call('GET', 'audit?kind=tenant_changed');
        const words = expectStatus(log, 200).body.data.map((event) => event.words);
        assert.ok(words.includes('renamed to apex'));
        assert.ok(words.includes('host stays.example, staff'));
        // The name it had is free, and who takes it gets nothing of the firm that left it.
        const heir = await server.makeFirm('acme');
        assert.equal((await heir.call('GET', 'clients')).body.data.length, 0);
        expectProblem(await at(heir.host), 401);
    });

    test('is no other firm’s, and a name', async () => {
        const rename = (name) => server.command(['tenant', 'rename', 'apex', '--name', name]);
        assert.match((await rename('other')).err, /another tenant/);
        assert.match((await rename('No Name')).err, /letters, digits/);
        assert.match((await rename('x-portal')).err, /-portal/);
        const nobody = await server.command(['tenant', 'rename', 'nobody', '--name', 'somebody']);
        assert.match(nobody.err, /no tenant named nobody/);
        expectStatus(await acme.call('GET', 'me'), 200);
    });

    test('goes with its host names when the firm is deleted', async () => {
        await server.mustRun(['tenant', 'delete', 'apex']);
        expectProblem(await at('stays.example'), 404);
        const taken = await host('other', '--remove', 'n0.example');
        assert.equal(taken.status, 0);
        const added = await host('other', '--add', 'stays.example', '--door', 'staff');
        assert.equal(added.status, 0, added.err);
        expectProblem(await at('stays.example'), 401);
    });
});
