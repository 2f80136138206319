// Somebody who sees some clients and some fields, on the roads that touch many records at once:
// none reads or changes what lies outside, and no refusal names it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { expectProblem, expectStatus } from '../door/expect.mjs';
import { jobEnded, resultsOf } from '../door/jobs.mjs';
import { join } from '../door/people.mjs';
import { openServer } from '../door/server.mjs';

const NOBODY = '01890000-0000-7000-8000-000000000001';
const OUTSIDE = /canary-acme-outside/;

let server;
let firm;
let narrow;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
    const all = ['view', 'create', 'edit', 'delete', 'export'];
    const names = ['client', 'contact', 'client_contact', 'address', 'client_duplicate', 'view'];
    const rights = { user: ['view'], ...Object.fromEntries(names.map((name) => [name, all])) };
    const role = { name: 'narrow', label: 'Narrow', rows: ['managed'], sees: [], rights };
    await firm.create('roles', role);
    narrow = await join(firm, 'Nora', 'narrow');
    server.watch.forbid(narrow.token, OUTSIDE);
});
after(() => server.close());

let made = 0;
async function newClient(more = {}) {
    const primary_contact = { name: `Contact ${++made}` };
    const name = `Client ${made}`;
    return firm.create('clients', { name, kind: 'company', primary_contact, ...more });
}
const mine = (more = {}) => newClient({ account_manager: narrow.user.id, ...more });
/** What nobody but the owner may be told of. */
async function outside(more = {}) {
    const name = `canary-acme-outside-${++made}`;
    const client = await newClient({ name, primary_contact: { name }, ...more });
    server.watch.forbid(narrow.token, client.id);
    return client;
}
/** An answer without the id that was asked for, and without what each answer has of its own. */
const plain = (answer, id) => {
    const { request_id: ignored, ...rest } = answer.body;
    return JSON.stringify({ status: answer.status, ...rest }).replaceAll(id, 'ID');
};
/** What is asked about the first is answered as what is asked about nothing. */
async function expectAbsent(id, ask) {
    const [told, absent] = [await ask(id), await ask(NOBODY)];
    assert.ok(told.status >= 400, told.text);
    assert.equal(plain(told, id), plain(absent, NOBODY));
}
const isAsItWas = async (client) =>
    assert.deepEqual(await firm.get('clients', client.id), client);

describe('a merge', () => {
    test('takes nothing in from outside, nor gives anything to it', async () => {
        const [own, other] = [await mine(), await outside()];
        const merge = (into, id) => narrow.call('POST', `clients/${into}/merge`, { with: [id] });
        await expectAbsent(other.id, (id) => merge(own.id, id));
        await expectAbsent(other.id, (id) => merge(id, own.id));
        const fields = (id) => ({ with: [own.id], fields: { name: id } });
        const second = await mine();
        await expectAbsent(other.id, (id) =>
            narrow.call('POST', `clients/${second.id}/merge`, fields(id)),
        );
        await isAsItWas(other);
        await isAsItWas(own);
    });

    test('takes no value of a hidden field by its name', async () => {
        const [one, two] = [await mine(), await mine()];
        const ask = (name) => ({ with: [two.id], fields: { [name]: two.id } });
        const merge = (name) => narrow.call('POST', `clients/${one.id}/merge`, ask(name));
        const [hidden, none] = [await merge('financial_note'), await merge('nothing_such')];
        expectStatus(hidden, 422);
        assert.equal(plain(hidden, 'financial_note'), plain(none, 'nothing_such'));
    });

    test('counts and names only what is seen', async () => {
        const [one, two] = [await mine(), await mine()];
        await firm.create('credentials', { client: two.id, platform: 'FTP' });
        await firm.create('projects', { client: two.id, name: 'House' });
        await firm.create('addresses', { client: two.id, line1: 'Seen' });
        const path = `clients/${one.id}/merge?preview=true`;
        const told = expectStatus(await narrow.call('POST', path, { with: [two.id] }), 200).body;
        assert.deepEqual(Object.keys(told.moved).sort(), ['address', 'client_contact']);
        assert.deepEqual(told.dropped, {});
        const whole = expectStatus(await firm.call('POST', path, { with: [two.id] }), 200).body;
        assert.ok(whole.moved.credential === 1 && whole.moved.project === 1);
        assert.equal(whole.references - told.references, 2);
    });

    test('counts no link to a client outside', async () => {
        const [own, other] = [await mine(), await outside()];
        const shared = await firm.create('contacts', { name: 'Shared' });
        for (const client of [own.id, other.id])
            await firm.create('client_contacts', { client, contact: shared.id });
        const path = `contacts/${own.primary_contact}/merge?preview=true`;
        const told = expectStatus(await narrow.call('POST', path, { with: [shared.id] }), 200).body;
        const { moved, dropped, references } = told;
        assert.deepEqual([moved, dropped, references], [{}, { client_contact: 1 }, 1]);
    });

    test('is refused without naming what stands in its way', async () => {
        const own = await mine();
        const second = await firm.create('contacts', { name: 'Second' });
        await firm.create('client_contacts', { client: own.id, contact: second.id });
        for (const [at, contact] of [own.primary_contact, second.id].entries()) {
            const body = { contact, email: `c${at}-${made}@client.example` };
            expectStatus(await firm.call('POST', `clients/${own.id}/enable_portal`, body), 200);
        }
        const path = `contacts/${own.primary_contact}/merge`;
        const refused = await narrow.call('POST', path, { with: [second.id] });
        expectProblem(refused, 409);
        assert.ok(!/portal|account/.test(refused.text), refused.text);
    });
});

describe('an undo', () => {
    test('of what was done to both takes back what is seen alone', async () => {
        const [own, other] = [await mine(), await outside()];
        const website = 'https://a.example';
        const operations = [own, other].map(({ id }) => ({ patch: { id, website } }));
        const done = expectStatus(await firm.call('POST', 'clients/bulk', operations), 200);
        const group = done.headers['atrium-group'];
        const changed = await firm.get('clients', other.id);
        const shown = expectStatus(await narrow.call('GET', `groups/${group}`), 200).body;
        assert.deepEqual([shown.entries, shown.counted, shown.records.length], [1, 1, 1]);
        for (const query of ['?preview=true', '']) {
            const path = `groups/${group}/undo${query}`;
            const { body } = expectStatus(await narrow.call('POST', path), 200);
            assert.deepEqual([body.changed, body.kept_count, body.kept], [1, 0, []]);
        }
        assert.equal((await firm.get('clients', own.id)).website, own.website);
        await isAsItWas(changed);
    });

    test('of what was done outside is one of nothing', async () => {
        const other = await outside();
        const patch = { website: 'https://a.example' };
        const done = expectStatus(await firm.call('PATCH', `clients/${other.id}`, patch), 200);
        const group = done.headers['atrium-group'];
        await expectAbsent(group, (id) => narrow.call('GET', `groups/${id}`));
        await expectAbsent(group, (id) => narrow.call('POST', `groups/${id}/undo`));
        assert.equal((await firm.get('clients', other.id)).website, patch.website);
    });

    test('and a group of hidden fields alone is not there', async () => {
        const own = await mine();
        const patch = { financial_note: 'canary-acme-outside-note' };
        const done = expectStatus(await firm.call('PATCH', `clients/${own.id}`, patch), 200);
        const group = done.headers['atrium-group'];
        await expectAbsent(group, (id) => narrow.call('GET', `groups/${id}`));
        await expectAbsent(group, (id) => narrow.call('POST', `groups/${id}/undo`));
    });
});

describe('a group', () => {
    test('does not count what a role that sees every row may not view', async () => {
        const rights = { client: ['view'], contact: ['view'] };
        await firm.create('roles', { name: 'wide', label: 'Wide', rows: ['all'], rights });
        const wide = await join(firm, 'Will', 'wide');
        const body = {
            name: 'Counted',
            kind: 'company',
            primary_contact: { name: 'Counted too' },
            default_address: { line1: 'Not counted' },
        };
        const created = expectStatus(await firm.call('POST', 'clients', body), 201);
        const path = `groups/${created.headers['atrium-group']}`;
        const { body: told } = expectStatus(await wide.call('GET', path), 200);
        assert.deepEqual(Object.keys(told.counts).sort(), ['client', 'contact']);
        assert.deepEqual([told.entries, told.counted, told.records.length], [2, 2, 2]);
        const { body: whole } = expectStatus(await firm.call('GET', path), 200);
        assert.ok(whole.entries > 2 && 'address' in whole.counts);
    });

    test('of a list counts what is seen alone, and leads nowhere else', async () => {
        const other = await outside({ website: 'https://b.example' });
        const manager = await firm.create('users', { name: 'M', email: 'm@firm.example' });
        await firm.call('PATCH', `clients/${other.id}`, { account_manager: manager.id });
        const { body } = expectStatus(
            await narrow.call('GET', 'clients?group_by=account_manager&limit=200&count=true'),
            200,
        );
        const counted = body.groups.filter(({ count }) => count.value > 0);
        assert.deepEqual(
            counted.map(({ value, count }) => [value, count.value]),
            [[narrow.user.id, body.count.value]],
        );
        assert.ok(!body.groups.some(({ value }) => value === manager.id));
        const { data } = expectStatus(await narrow.call('GET', 'contacts?limit=200'), 200).body;
        assert.ok(data.length > 0);
    });
});

describe('a feed', () => {
    /** What is told behind a place, read in pages of so many. */
    async function toldAfter(place, limit) {
        const told = [];
        for (let after = place, isEnd = false; !isEnd; ) {
            const page = await narrow.call('GET', `changes?after=${after}&limit=${limit}`);
            const { data, next, end } = expectStatus(page, 200).body;
            told.push(...data.map(({ operation, id }) => `${operation} ${id}`));
            [after, isEnd] = [next, end];
        }
        return told;
    }

    test('tells what went with a client, in however many pages it is read', async () => {
        const [own, kept] = [await mine(), await mine()];
        const make = (client, line1) => firm.create('addresses', { client, line1 });
        const [moved, deleted, first] = [
            await make(own.id, 'Moved'),
            await make(own.id, 'Deleted'),
            await make(own.id, 'Moved first'),
        ];
        const elsewhere = await newClient({ name: `canary-acme-outside-${++made}` });
        const { next } = (await narrow.call('GET', 'changes?after=0&limit=200')).body;
        const move = ({ id }) => firm.call('PATCH', `addresses/${id}`, { client: elsewhere.id });
        expectStatus(await move(first), 200);
        const give = { account_manager: null };
        expectStatus(await firm.call('PATCH', `clients/${own.id}`, give), 200);
        for (const at of [1, 2, 3])
            expectStatus(await firm.call('PATCH', `clients/${kept.id}`, { name: `K ${at}` }), 200);
        const late = await make(own.id, 'Never seen');
        expectStatus(await move(moved), 200);
        expectStatus(await firm.call('DELETE', `addresses/${deleted.id}`), 204);
        expectStatus(await move(late), 200);
        for (const limit of [1, 2, 200]) {
            const told = await toldAfter(next, limit);
            for (const { id } of [own, moved, deleted, first])
                assert.ok(told.includes(`gone ${id}`), `${limit}: ${id} in ${told}`);
            assert.ok(!told.some((one) => one.includes(late.id)), `${limit}: ${told}`);
        }
    });
});

describe('a feed of who made a client', () => {
    test('tells what lies under it gone once it is in other hands, not itself', async () => {
        const names = ['client', 'contact', 'client_contact'];
        const makes = names.map((name) => [name, ['view', 'create']]);
        const rights = { address: ['view'], user: ['view'], ...Object.fromEntries(makes) };
        const rows = ['own', 'managed'];
        await firm.create('roles', { name: 'maker', label: 'Maker', rows, rights });
        const maker = await join(firm, 'Mara', 'maker');
        const given = { name: 'Made', kind: 'individual', account_manager: maker.user.id };
        const { id } = await maker.create('clients', given);
        const address = await firm.create('addresses', { client: id, line1: 'Street' });
        const tell = async (after) =>
            expectStatus(await maker.call('GET', `changes?after=${after}&limit=200`), 200).body;
        const before = await tell(0);
        assert.ok(before.data.some((one) => one.id === address.id));
        const give = { account_manager: null };
        expectStatus(await firm.call('PATCH', `clients/${id}`, give), 200);
        expectStatus(await maker.call('GET', `clients/${id}`), 200);
        expectStatus(await maker.call('GET', `addresses/${address.id}`), 404);
        const { data } = await tell(before.next);
        assert.deepEqual(
            data.map((one) => [one.operation, one.id]),
            [
                ['gone', address.id],
                ['update', id],
            ],
        );
    });
});

test('a feed tells what lies under a lost client to who sees no clients', async () => {
    const rights = { address: ['view'] };
    await firm.create('roles', { name: 'postal', label: 'Postal', rows: ['managed'], rights });
    const postal = await join(firm, 'Poul', 'postal');
    const client = await newClient({ account_manager: postal.user.id });
    const address = await firm.create('addresses', { client: client.id, line1: 'Street' });
    const tell = async (after) =>
        expectStatus(await postal.call('GET', `changes?after=${after}&limit=200`), 200).body;
    const before = await tell(0);
    assert.deepEqual(
        before.data.map((one) => one.id),
        [address.id],
    );
    const give = { account_manager: null };
    expectStatus(await firm.call('PATCH', `clients/${client.id}`, give), 200);
    const { data } = await tell(before.next);
    assert.deepEqual(
        data.map((one) => [one.operation, one.entity, one.id]),
        [['gone', 'address', address.id]],
    );
});

describe('a figure', () => {
    const paths = ['clients?name[prefix]=canary', 'clients?sort=website&limit=1', 'clients?q=acme'];

    test('of the keys that an answer took is for who sees everything', async () => {
        for (const path of [...paths, 'clients/trash', 'search?q=acme', 'changes?after=0']) {
            const [all, own] = [await firm.call('GET', path), await narrow.call('GET', path)];
            assert.ok(Number(expectStatus(all, 200).headers['atrium-keys-touched']) > 0, path);
            assert.equal(expectStatus(own, 200).headers['atrium-keys-touched'], undefined, path);
        }
    });

    test('of what has no index names what was asked for', async () => {
        const other = await outside();
        expectStatus(await firm.call('POST', `clients/${other.id}/archive`), 200);
        const { headers } = await narrow.call('GET', 'clients?name[prefix]=c&stage=lead&sort=name');
        assert.equal(headers['atrium-unindexed'], 'name, stage sorted by name');
    });

    test('of a page of the trash does not tell what was deleted outside', async () => {
        const gone = [await outside(), await mine(), await mine()];
        for (const { id } of gone) expectStatus(await firm.call('DELETE', `clients/${id}`), 204);
        const { body } = expectStatus(await narrow.call('GET', 'clients/trash?limit=2'), 200);
        assert.deepEqual([body.data.length, body.next], [2, null]);
    });
});

describe('many operations', () => {
    test('in one change name what is outside as what is not there', async () => {
        const [own, other] = [await mine(), await outside()];
        for (const of of [
            (id) => ({ patch: { id, name: 'Taken' } }),
            (id) => ({ delete: id }),
        ]) {
            const one = { patch: { id: own.id, name: 'Not so' } };
            const ask = (id) => narrow.call('POST', 'clients/bulk', [one, of(id)]);
            await expectAbsent(other.id, ask);
        }
        const street = (client) => [{ create: { client, line1: 'Street 1' } }];
        await expectAbsent(other.id, (id) => narrow.call('POST', 'addresses/bulk', street(id)));
        await isAsItWas(own);
        await isAsItWas(other);
    });

    test('one by one do so in their lines', async () => {
        const own = await mine();
        // Its id is said back, in the answer to another request than the one that named it.
        const other = await newClient({ name: `canary-acme-outside-${++made}` });
        const operations = [own.id, other.id, NOBODY].map((id) => ({ patch: { id, name: 'So' } }));
        const body = { atomic: false, operations };
        const job = await jobEnded(narrow, await narrow.call('POST', 'clients/bulk', body));
        const lines = await resultsOf(narrow, job);
        const told = lines.slice(1).map((line) => JSON.stringify({ ...line, index: 0 }));
        assert.equal(told[0].replaceAll(other.id, 'ID'), told[1].replaceAll(NOBODY, 'ID'));
        assert.equal((await firm.get('clients', own.id)).name, 'So');
        await isAsItWas(other);
    });

    test('by a filter mean what is seen alone', async () => {
        const website = 'https://filtered.example';
        const [own, other] = [await mine({ website }), await outside({ website })];
        for (const deed of [{ patch: { stage: 'prospect' } }, { delete: true }]) {
            const body = { filter: { website }, ...deed };
            const job = await jobEnded(narrow, await narrow.call('POST', 'clients/bulk', body));
            assert.deepEqual([job.state, job.done, job.total], ['done', 1, 1], JSON.stringify(job));
            assert.equal((await resultsOf(narrow, job)).length, 1);
        }
        expectStatus(await firm.call('GET', `clients/${own.id}`), 404);
        await isAsItWas(other);
    });

    test('by a hidden field are as by none', async () => {
        const patch = { stage: 'lead' };
        const bulk = (name) =>
            narrow.call('POST', 'clients/bulk', { filter: { [name]: 'x' }, patch });
        const [hidden, none] = [await bulk('iban'), await bulk('zzqq')];
        assert.ok(hidden.status >= 400 && hidden.status < 500, hidden.text);
        assert.equal(plain(hidden, 'iban'), plain(none, 'zzqq'));
        const write = (name) =>
            narrow.call('POST', 'clients/bulk', { filter: {}, patch: { [name]: 'x' } });
        const [one, other] = [await write('financial_note'), await write('zzqq')];
        if (one.status >= 400) assert.equal(plain(one, 'financial_note'), plain(other, 'zzqq'));
        else {
            const jobs = [await jobEnded(narrow, one), await jobEnded(narrow, other)];
            for (const job of jobs) assert.equal(job.result?.updated ?? 0, 0, JSON.stringify(job));
        }
    });
});

describe('an import', () => {
    test('matches by no hidden field', async () => {
        const load = (name) =>
            narrow.call('POST', `clients/import?match=${name}`, `${name},Name\nx,Y\n`, {
                'content-type': 'text/csv',
            });
        const [hidden, none] = [await load('iban'), await load('zzqq')];
        assert.ok(hidden.status >= 400, hidden.text);
        assert.equal(plain(hidden, 'iban'), plain(none, 'zzqq'));
    });
});

describe('a match of an import', () => {
    test('is not hidden behind what others have', async () => {
        const website = 'https://matched.example';
        const create = { name: `canary-acme-outside-${++made}`, kind: 'individual', website };
        const many = Array.from({ length: 70 }, () => ({ create }));
        const { body } = expectStatus(await firm.call('POST', 'clients/bulk', many), 200);
        server.watch.forbid(narrow.token, new RegExp(body.results.map(({ id }) => id).join('|')));
        const own = await mine({ website });
        const rows = `Website,Name\n${website},Matched\n`;
        const job = await jobEnded(
            narrow,
            await narrow.call('POST', 'clients/import?match=website&mode=update', rows, {
                'content-type': 'text/csv',
            }),
        );
        assert.equal(job.result.updated, 1, JSON.stringify(job));
        assert.equal((await firm.get('clients', own.id)).name, 'Matched');
    });
});

describe('a view of somebody else', () => {
    test('lists, counts and takes out what is seen alone', async () => {
        const website = 'https://viewed.example';
        const [own] = [await mine({ website }), await outside({ website })];
        const view = { name: 'All', entity: 'client', shared: true, where: { website } };
        const { id } = await firm.create('views', view);
        const path = `clients?view=${id}&count=true&group_by=status`;
        const { body } = expectStatus(await narrow.call('GET', path), 200);
        assert.deepEqual([body.data.map((one) => one.id), body.count.value], [[own.id], 1]);
        const counts = body.groups.map(({ count }) => count.value);
        assert.equal(counts.reduce((sum, one) => sum + one, 0), 1);
        const taken = expectStatus(await narrow.call('GET', `clients/export?view=${id}`), 200);
        assert.ok(taken.text.includes(own.name));
    });
});

describe('duplicates', () => {
    test('are looked for among what is seen, and counted so', async () => {
        const phones = ['+31 20 555 0099'];
        const [one, two] = [await mine({ phones }), await mine({ phones })];
        await outside({ phones });
        const begun = await narrow.call('POST', 'clients/duplicates');
        const job = await jobEnded(narrow, begun);
        assert.equal(job.state, 'done', JSON.stringify(job));
        const counted = await narrow.call('GET', 'clients?limit=1&count=true&archived=all');
        const { value } = expectStatus(counted, 200).body.count;
        assert.deepEqual([job.done, job.total], [value, value]);
        const pairs = await narrow.all('client_duplicates');
        const ids = pairs.map(({ first, second }) => [first, second].sort());
        assert.ok(ids.some((pair) => pair.join() === [one.id, two.id].sort().join()));
        const seen = new Set((await narrow.all('clients')).map(({ id }) => id));
        for (const pair of ids) for (const id of pair) assert.ok(seen.has(id), id);
    });

    test('outside are no warning', async () => {
        const phones = ['+31 20 555 0077'];
        await outside({ phones });
        const body = {
            name: 'New',
            kind: 'individual',
            account_manager: narrow.user.id,
            phones,
        };
        const first = await narrow.call('POST', 'clients?duplicates=warn', body);
        assert.equal(expectStatus(first, 201).body.warnings, undefined);
        const second = await narrow.call('POST', 'clients?duplicates=warn', body);
        assert.deepEqual(expectStatus(second, 201).body.warnings[0].records, [first.body.id]);
    });

    test('outside hide none of those inside', async () => {
        const ways = [
            ['Beta Bakery', 'Beta Bakery', {}],
            ['Gamma Garage', 'Own Oven', { phones: ['+31 20 555 0088'] }],
            ['Delta Dairy', 'Own Olive', { emails: ['many@firm.example'] }],
        ];
        for (const [name, alike, way] of ways) {
            const one = { kind: 'individual', account_manager: narrow.user.id, ...way };
            const create = { ...one, name, account_manager: null };
            const crowd = Array.from({ length: 30 }, () => ({ create }));
            expectStatus(await firm.call('POST', 'clients/bulk', crowd), 200);
            const own = await mine({ ...one, name: alike });
            expectStatus(await firm.call('POST', 'clients/bulk', crowd), 200);
            const asked = await narrow.call('POST', 'clients?duplicates=warn', { ...one, name });
            const { warnings } = expectStatus(asked, 201).body;
            assert.ok(warnings?.some(({ records }) => records.includes(own.id)), asked.text);
        }
    });

    test('of a pair half outside are not there', async () => {
        const phones = ['+31 20 555 0055'];
        await mine({ phones });
        const other = await outside({ phones });
        await jobEnded(firm, await firm.call('POST', 'clients/duplicates'));
        const pairs = await firm.all('client_duplicates');
        const half = pairs.filter(({ first, second }) => [first, second].includes(other.id));
        assert.ok(half.length > 0);
        for (const pair of half) {
            expectStatus(await narrow.call('GET', `client_duplicates/${pair.id}`), 404);
            const patch = { state: 'dismissed' };
            expectStatus(await narrow.call('PATCH', `client_duplicates/${pair.id}`, patch), 404);
        }
        const { body } = await narrow.call('GET', 'client_duplicates?limit=200&count=true');
        assert.equal(body.count.value, body.data.length);
    });
});
