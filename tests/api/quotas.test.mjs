// Quotas of what a firm has: what is refused when one is reached, and what is told. Those of what
// it does at a time stand in quotas_pace. That the counter of records holds is proven by `check` at
// the end of every test file.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { expectProblem, expectStatus } from '../door/expect.mjs';
import { send } from '../door/http.mjs';
import { jobEnded } from '../door/jobs.mjs';
import { expectReached, quotaEvent, quotasOf, setQuotas } from '../door/quotas.mjs';
import { openServer, password } from '../door/server.mjs';
import { until } from '../door/wait.mjs';

let server;
let firm;
before(async () => {
    server = await openServer(['acme', 'other'], { words: ['--admin', '127.0.0.1:0'] });
    firm = server.firms.acme;
});
after(() => server.close());

const operate = (...words) => server.mustRun(['tenant', 'quota', ...words]);
const set = (words) => setQuotas(firm, words);
const quotas = () => quotasOf(firm);
const person = (name) => ({ name });
const client = (name) => ({ name, kind: 'individual' });

describe('records', () => {
    test('are counted with each change, and refused beyond the bound', async () => {
        const { records, bytes } = await quotas();
        const made = await firm.create('contacts', person('One'));
        const now = await quotas();
        const step = now.records.use - records.use;
        assert.ok(step >= 1 && step < 10);
        assert.ok(now.bytes.use > bytes.use);
        const bound = now.records.use + step;
        await set(`records=${bound}`);
        await firm.create('contacts', person('Two'));
        const refused = await firm.call('POST', 'contacts', person('Three'));
        const problem = expectReached(refused, 'records', bound);
        assert.equal(problem.quota.use, bound);
        assert.match(problem.detail, /delete what is not needed/);
        assert.equal((await firm.all('contacts')).length, 2, 'nothing of it is kept');
        const event = await quotaEvent(firm, 'records');
        assert.equal(event.actor_kind, 'system');

        // What adds none goes on, and deleting makes room.
        expectStatus(await firm.call('PATCH', `contacts/${made.id}`, { name: 'Uno' }), 200);
        expectStatus(await firm.call('DELETE', `contacts/${made.id}`), 204);
        await firm.create('contacts', person('Four'));
        const back = await firm.call('POST', `contacts/${made.id}/restore`);
        expectReached(back, 'records', bound);
        await set('records=default');
        expectStatus(await firm.call('POST', `contacts/${made.id}/restore`), 200);
    });

    test('are refused together: of a bulk either all are there or none', async () => {
        const { records } = await quotas();
        await set(`records=${records.use + 3}`);
        const operations = Array.from({ length: 5 }, (_, at) => ({
            op: 'create',
            record: client(`Bulk ${at}`),
        }));
        const answer = await firm.call('POST', 'clients/bulk', { operations, atomic: true });
        assert.ok(answer.status >= 400, answer.text);
        assert.equal((await quotas()).records.use, records.use);
        await set('records=default');
    });

    test('end an import where the bound is reached, which says so', async () => {
        const { records } = await quotas();
        await set(`records=${records.use + 10}`);
        const rows = Array.from({ length: 40 }, (_, at) => `Imported ${at},individual`);
        const begun = await firm.call(
            'POST',
            'clients/import',
            ['name,kind', ...rows, ''].join('\r\n'),
            { 'content-type': 'text/csv' },
        );
        const job = await jobEnded(firm, begun);
        assert.equal(job.state, 'failed', JSON.stringify(job));
        assert.match(JSON.stringify(job), /quota/);
        const { use } = (await quotas()).records;
        assert.ok(use <= records.use + 10, `${use} of ${records.use + 10}`);
        await set('records=default');
    });

    test('have bytes, which are bounded too', async () => {
        const { bytes } = await quotas();
        await set(`bytes=${bytes.use + 100}`);
        const long = client('L'.repeat(200));
        expectReached(await firm.call('POST', 'clients', long), 'bytes', bytes.use + 100);
        assert.equal((await quotas()).bytes.use, bytes.use);
        await set('bytes=default');
        await firm.create('clients', long);
    });
});

describe('mails', () => {
    test('of rules are refused beyond the bound; a reset still comes', async () => {
        const rule = await firm.create('rules', {
            name: 'Greets',
            entity: 'contact',
            point: 'after',
            state: 'active',
            source: 'queue.mail {to = "a@b.example", subject = "Hello", text = "Hello"}',
        });
        const { mails } = await quotas();
        await set(`mails=${mails.use + 1}`);
        await firm.create('contacts', person('Greeted'));
        assert.equal((await quotas()).mails.use, mails.use + 1);
        const refused = await firm.call('POST', 'contacts', person('Not greeted'));
        assert.ok(refused.status >= 400, refused.text);
        assert.match(refused.text, /quota/);
        const reset = await server.send({
            method: 'POST',
            path: '/api/v1/password/reset',
            headers: { host: firm.host },
            body: { email: firm.owner },
        });
        expectStatus(reset, 202);
        await until(async () => (await quotas()).mails.use >= mails.use + 2);
        expectStatus(await firm.call('PATCH', `rules/${rule.id}`, { state: 'off' }), 200);
        await set('mails=default');
    });
});

describe('sessions and tokens', () => {
    const signIn = (email = firm.owner) =>
        server.send({
            method: 'POST',
            path: '/api/v1/session',
            headers: { host: firm.host },
            body: { email, password },
        });

    test('where a firm has as many sessions as it may, one’s own oldest ends', async () => {
        const first = expectStatus(await signIn(), 201).headers['set-cookie'][0].split(';')[0];
        const { sessions } = await quotas();
        await set(`sessions=${sessions.use}`);
        const second = expectStatus(await signIn(), 201).headers['set-cookie'][0].split(';')[0];
        assert.equal((await quotas()).sessions.use, sessions.use);
        const me = (cookie) =>
            server.send({
                method: 'GET',
                path: '/api/v1/me',
                headers: { host: firm.host, cookie },
            });
        expectProblem(await me(first), 401);
        expectStatus(await me(second), 200);
        // Who has none to give up is refused.
        await set('sessions=0');
        const mine = await firm.call('GET', 'me');
        expectStatus(await firm.call('DELETE', `users/${mine.body.user.id}/sessions`), 204);
        expectReached(await signIn(), 'sessions', 0);
        await set('sessions=default');
        expectStatus(await signIn(), 201);
    });

    test('a token more than there may be is not made', async () => {
        const { tokens } = await quotas();
        await set(`tokens=${tokens.use}`);
        const words = ['token', 'create', '--tenant', 'acme', '--user', firm.owner];
        const refused = await server.command(words);
        assert.equal(refused.status, 1);
        assert.match(refused.err, /quota "tokens"/);
        await set('tokens=default');
        assert.equal((await server.command(words)).status, 0);
        assert.equal((await quotas()).tokens.use, tokens.use + 1);
    });
});

describe('uploads', () => {
    let other;
    before(() => {
        other = server.firms.other;
    });
    const begin = (bytes) => other.call('POST', 'uploads', { name: 'table.csv', bytes });

    test('are bounded by their number and their bytes, which deleting gives back', async () => {
        await setQuotas(other, 'uploads=2,upload_bytes=1000');
        const { id } = expectStatus(await begin(600), 201).body;
        const { uploads, upload_bytes: bytes } = await quotasOf(other);
        assert.deepEqual([uploads.use, uploads.bound], [1, 2]);
        assert.deepEqual([bytes.use, bytes.bound], [600, 1000]);
        const problem = expectReached(await begin(401), 'upload_bytes', 1000);
        assert.equal(problem.quota.use, 600);
        assert.match(problem.detail, /delete uploads/);
        expectStatus(await begin(400), 201);
        expectReached(await begin(1), 'uploads', 2);
        // A table that comes with the call is kept as one, too.
        const csv = { 'content-type': 'text/csv' };
        const table = 'name,kind\r\nLate,individual\r\n';
        expectReached(await other.call('POST', 'clients/import', table, csv), 'uploads', 2);
        expectStatus(await other.call('DELETE', `uploads/${id}`), 204);
        assert.equal((await quotasOf(other)).upload_bytes.use, 400);
        expectStatus(await begin(600), 201);
        const shown = await setQuotas(other, 'uploads=default,upload_bytes=default');
        assert.match(shown, /^upload_bytes\t1000\t4294967296\tdefault\t/m);
        expectStatus(await begin(2 ** 30), 201);
    });
});

describe('the operator', () => {
    test('sees and sets them; a wrong word changes nothing', async () => {
        const shown = await operate('acme', '--set', 'records=5000000, mails=20');
        assert.match(shown.out, /^records\t\d+\t5000000\tset\t/m);
        assert.match(shown.out, /^mails\t\d+\t20\tset\t/m);
        assert.match(shown.out, /^sessions\t\d+\t10000\tdefault\t/m);
        const wrongs = ['mails=7,cows=3', 'mails=-1', 'mails', 'mails=many', 'mails='];
        for (const words of [...wrongs, 'tokens=10001']) {
            const wrong = await server.command(['tenant', 'quota', 'acme', '--set', words]);
            assert.equal(wrong.status, 1, words);
        }
        assert.match((await operate('acme')).out, /^mails\t\d+\t20\tset\t/m);
        assert.match((await operate('other')).out, /^mails\t\d+\t10000\tdefault\t/m);
        await set('records=default,mails=default');
        const { body } = await firm.call('GET', 'audit?kind=tenant_changed&limit=1');
        assert.equal(body.data[0].words, 'quotas records=default,mails=default');
        assert.equal((await server.command(['tenant', 'quota', 'nobody'])).status, 1);
    });

    test('has them as figures, by the numbers of tenants', async () => {
        const answer = await send({ port: server.adminPort, method: 'GET', path: '/metrics' });
        const { records } = await quotas();
        const figure = new RegExp(`^atrium_tenant_records\\{tenant="1"\\} ${records.use}$`, 'm');
        assert.match(answer.text, figure);
        assert.match(answer.text, /^atrium_tenant_requests\{tenant="2"\} \d+$/m);
        assert.match(answer.text, /^atrium_audit_dropped_total \d+$/m);
        const listed = await server.mustRun(['tenant', 'list']);
        assert.match(listed.out, new RegExp(`^acme\\tACME\\t\\S+\\t${records.use}$`, 'm'));
    });

    test('finds them kept over a restart', async () => {
        await set('mails=77');
        await server.stop();
        await server.start();
        assert.equal((await quotas()).mails.bound, 77);
        await set('mails=default');
    });
});
