// API tokens: made once by who is signed in, with a role and an end of their own, and ended.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { expectFault, expectProblem, expectStatus, uuidForm } from '../door/expect.mjs';
import { jobEnded } from '../door/jobs.mjs';
import { asUser, join } from '../door/people.mjs';
import { setQuotas } from '../door/quotas.mjs';
import { Firm, openServer, password } from '../door/server.mjs';
import { makeBrief, untilPast } from '../door/tokens.mjs';
import { Visitor } from '../door/visitor.mjs';
import { until } from '../door/wait.mjs';

let server;
let firm;
let pm;
let owner;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
    pm = await join(firm, 'Paula Manager', 'pm');
    owner = await Visitor.signIn(firm, 'owner@firm.example', password);
});
after(() => server.close());

const by = (token) => new Firm(server, 'acme', token);
const make = async (body) => expectStatus(await owner.call('POST', 'tokens', body), 201).body;
const listed = async (id, who = owner) =>
    expectStatus(await who.call('GET', 'tokens'), 200).body.data.find((one) => one.id === id);

describe('a token', () => {
    test('is made by who is signed in, and its text is told once', async () => {
        const answer = await owner.call('POST', 'tokens', { name: 'Nightly' });
        const made = expectStatus(answer, 201).body;
        assert.equal(answer.headers.location, `/api/v1/tokens/${made.id}`);
        assert.match(made.id, uuidForm);
        assert.match(made.token, /^atr_[A-Za-z0-9_-]{43}$/);
        assert.ok(made.token.startsWith(made.begins_with) && made.begins_with.length === 10);
        const shown = await listed(made.id);
        const { token, ...rest } = made;
        assert.deepEqual(shown, rest);
        assert.ok(!JSON.stringify(shown).includes(token));
        const me = expectStatus(await by(token).call('GET', 'me'), 200).body;
        assert.deepEqual(me.token, {
            id: made.id,
            name: 'Nightly',
            role: null,
            expires_at: null,
        });
        assert.deepEqual(me.roles, ['owner']);
    });

    test('is not told again to a request that names itself', async () => {
        const key = { 'idempotency-key': 'made once' };
        const paths = ['tokens', `users/${pm.user.id}/tokens`];
        for (const path of paths) {
            const ask = () => owner.call('POST', path, { name: 'Named' }, key);
            const { token } = expectStatus(await ask(), 201).body;
            const again = await ask();
            expectProblem(again, 409, 'Idempotency-Key');
            assert.ok(!again.text.includes(token));
            const list = expectStatus(await owner.call('GET', path), 200).body.data;
            assert.equal(list.filter(({ name }) => name === 'Named').length, 1);
        }
    });

    test('cannot make another, and needs a fresh password to be made', async () => {
        expectProblem(await firm.call('POST', 'tokens', { name: 'By token' }), 403);
        const { token } = await make({ name: 'Proof', proof: true });
        expectProblem(await by(token).call('POST', 'tokens', { name: 'No' }), 403, 'no other');
    });

    test('is told what is wrong with it', async () => {
        const faulty = (body) => owner.call('POST', 'tokens', body);
        expectFault(await faulty({}), 'name', 'required');
        expectFault(await faulty({ name: 'x'.repeat(101) }), 'name');
        expectFault(await faulty({ name: 'X', role: 'nobody' }), 'role', 'choice');
        expectFault(await faulty({ name: 'X', expires_at: '2001-01-01T00:00:00Z' }), 'expires_at');
        expectFault(await faulty({ name: 'X', expires_at: 'soon' }), 'expires_at');
        expectFault(await faulty({ name: 'X', hash: 'x' }), 'hash', 'unknown');
    });

    test('says when it was last used, and ends at its time', async () => {
        const expires = new Date(Date.now() + 3_600_000).toISOString();
        const made = await make({ name: 'An hour', expires_at: expires });
        assert.equal(made.expires_at, expires);
        assert.equal(made.last_used_at, null);
        const begun = Date.now();
        expectStatus(await by(made.token).call('GET', 'me'), 200);
        const noted = await until(async () => (await listed(made.id)).last_used_at, 'its use');
        const used = new Date(noted).getTime();
        assert.ok(used >= begun - 1 && used <= Date.now());
        const brief = await makeBrief((body) => owner.call('POST', 'tokens', body));
        await untilPast(brief);
        expectProblem(await by(brief.token).call('GET', 'me'), 401);
        assert.equal(await listed(brief.id), undefined);
    });

    test('is ended by its user, while another goes on', async () => {
        const old = await make({ name: 'Old' });
        const fresh = await make({ name: 'New' });
        for (const { token } of [old, fresh])
            expectStatus(await by(token).call('GET', 'clients'), 200);
        expectStatus(await owner.call('DELETE', `tokens/${old.id}`), 204);
        expectProblem(await by(old.token).call('GET', 'clients'), 401);
        expectStatus(await by(fresh.token).call('GET', 'clients'), 200);
        expectProblem(await owner.call('DELETE', `tokens/${old.id}`), 404);
    });
});

describe('a role of its own', () => {
    test('leaves what both it and its user may', async () => {
        await firm.create('roles', {
            name: 'reader',
            label: 'Reader',
            rows: ['all'],
            rights: { client: ['view'], user: 'all' },
        });
        const { token } = await make({ name: 'Reads', role: 'reader' });
        const reader = by(token);
        const me = expectStatus(await reader.call('GET', 'me'), 200).body;
        assert.equal(me.token.role, 'reader');
        assert.deepEqual(me.entities.client, ['view']);
        assert.deepEqual(me.groups.financials, []);
        expectStatus(await reader.call('GET', 'clients'), 200);
        const made = await reader.call('POST', 'clients', { name: 'X', kind: 'individual' });
        const problem = expectProblem(made, 403);
        assert.match(problem.detail, /the role Reader does not have/);
        const mine = await asUser(firm, pm.email, ['--role', 'reader']);
        const entities = expectStatus(await mine.call('GET', 'me'), 200).body.entities;
        assert.deepEqual(entities.user, ['view']);
        assert.deepEqual(entities.client, ['view']);
        assert.deepEqual(entities.contact, []);
        const wider = await asUser(firm, pm.email, ['--role', 'owner']);
        const wide = expectStatus(await wider.call('GET', 'me'), 200).body.entities;
        assert.ok(!wide.client.includes('delete') && wide.client.includes('edit'));
    });

    test('holds for the jobs that it starts, and they end with it', async () => {
        await firm.create('roles', {
            name: 'editor',
            label: 'Editor',
            rows: ['all'],
            rights: { contact: ['view', 'edit'] },
        });
        const { token } = await make({ name: 'Edits', role: 'editor' });
        const operations = [{ create: { name: 'Made by a job' } }];
        const begun = await by(token).call('POST', 'contacts/bulk', { atomic: false, operations });
        assert.equal((await jobEnded(firm, begun)).state, 'failed');
        const [found] = await firm.all('contacts', 'name=Made%20by%20a%20job');
        assert.equal(found, undefined);
        // One that has begun, or waits, goes no further once its token is taken away.
        const large = await make({ name: 'Makes many' });
        const many = Array.from({ length: 1000 }, () => ({ create: { name: 'One of many' } }));
        const body = { atomic: false, operations: many };
        const rule = { name: 'Looks on', entity: 'contact', point: 'before', state: 'active' };
        await firm.create('rules', { ...rule, source: 'log(record.name)' });
        // Jobs wait for the time of rules, so that none is over before the token is.
        await setQuotas(firm, 'rule_time=0');
        const before = await owner.call('POST', 'contacts/bulk', body);
        const cut = await by(large.token).call('POST', 'contacts/bulk', body);
        expectStatus(await owner.call('DELETE', `tokens/${large.id}`), 204);
        await setQuotas(firm, 'rule_time=default');
        const ended = await jobEnded(firm, cut);
        assert.equal(ended.state, 'failed');
        assert.match(JSON.stringify(ended), /is over|may no longer/);
        assert.equal((await jobEnded(firm, before)).state, 'done');
    });

    test('that is none is refused on the command line too', async () => {
        const words = ['token', 'create', '--tenant', 'acme', '--user', pm.email, '--role', 'none'];
        const made = await server.command(words);
        assert.equal(made.status, 1);
        assert.match(made.err, /field is at fault|no role/);
    });
});

describe('tokens of others', () => {
    test('are made and ended by who may change users, and may as much', async () => {
        const path = `users/${pm.user.id}/tokens`;
        const made = expectStatus(await owner.call('POST', path, { name: 'For Paula' }), 201).body;
        assert.equal(made.user, pm.user.id);
        const names = expectStatus(await owner.call('GET', path), 200).body.data;
        assert.ok(names.some((one) => one.id === made.id && one.token === undefined));
        expectStatus(await by(made.token).call('GET', 'clients'), 200);
        const [mine] = expectStatus(await owner.call('GET', 'tokens'), 200).body.data;
        expectProblem(await pm.call('GET', path), 403, '"user"');
        expectProblem(await pm.call('DELETE', `tokens/${mine.id}`), 404);
        expectStatus(await owner.call('DELETE', `tokens/${made.id}`), 204);
        expectProblem(await by(made.token).call('GET', 'clients'), 401);
    });

    test('of one who may more are left alone', async () => {
        await firm.create('roles', {
            name: 'personnel',
            label: 'Personnel',
            rows: ['all'],
            rights: { user: 'all' },
        });
        const who = await join(firm, 'Petra Personnel', 'personnel');
        const ownerId = (await firm.all('users', 'role=owner'))[0].id;
        expectProblem(await who.call('GET', `users/${ownerId}/tokens`), 403, 'may more than you');
        const made = await make({ name: 'Mine' });
        expectProblem(await who.call('DELETE', `tokens/${made.id}`), 403, 'may more than you');
        expectStatus(await by(made.token).call('GET', 'me'), 200);
    });
});

test('a user has at most fifty', async () => {
    const who = await join(firm, 'Maja Many', 'pm');
    for (let at = 0; at < 49; at++)
        expectStatus(
            await owner.call('POST', `users/${who.user.id}/tokens`, { name: `Nr. ${at}` }),
            201,
        );
    const more = await owner.call('POST', `users/${who.user.id}/tokens`, { name: 'Too many' });
    expectProblem(more, 409, '50 tokens');
});
