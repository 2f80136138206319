// Saved views, groups with counts, filter trees, several sorts, and search across entities.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { expectProblem, expectStatus } from '../door/expect.mjs';
import { Firm, openServer } from '../door/server.mjs';

let server;
let firm;
const records = [];
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
    for (let at = 0; at < 24; at++)
        records.push(
            await firm.create('clients', {
                name: `Tree ${String(at).padStart(2, '0')}`,
                kind: at % 2 === 0 ? 'individual' : 'company',
                status: ['active', 'past', 'potential'][at % 3],
                stage: ['lead', 'customer'][at % 2],
                tags: at % 4 === 0 ? ['vip', 'Old Oak'] : ['plain'],
                primary_contact: { name: `Person ${at}` },
                default_address: { line1: `Road ${at}`, city: at === 5 ? 'Graz' : 'Lyon' },
            }),
        );
});
after(() => server.close());

const tree = (filter) => `filter=${encodeURIComponent(JSON.stringify(filter))}`;
const names = (list) => list.map((record) => record.name);
const chosen = (holds) => names(records.filter(holds));
const list = async (query) => expectStatus(await firm.call('GET', `clients?${query}`), 200).body;

const either = { or: [{ status: 'past' }, { tags: 'vip' }] };
const isEither = (record) => record.status === 'past' || record.tags.includes('vip');

describe('filter trees', () => {
    const trees = [
        [{}, () => true],
        [
            { status: 'active', kind: 'company' },
            (r) => r.status === 'active' && r.kind === 'company',
        ],
        [{ status: ['active', 'past'] }, (r) => r.status !== 'potential'],
        [either, isEither],
        [{ not: either }, (r) => !isEither(r)],
        [{ name: { gte: 'tree 03', lt: 'tree 07' } }, (r) => /0[3-6]$/.test(r.name)],
        [{ 'default_address.city': 'Graz' }, (r) => r.name === 'Tree 05'],
        [{ website: null }, () => true],
        [{ website: { empty: false } }, () => false],
    ];
    for (const [filter, holds] of trees)
        test(`${JSON.stringify(filter)}`, async () => {
            const page = await list(`${tree(filter)}&sort=name&limit=200&count=true`);
            assert.deepEqual(names(page.data), chosen(holds));
            assert.deepEqual(page.count, { value: page.data.length, exact: true });
        });

    test('stand beside single filters', async () => {
        const page = await list(`${tree(either)}&kind=company`);
        assert.deepEqual(
            names(page.data),
            chosen((r) => r.kind === 'company' && isEither(r)),
        );
    });

    test('are bounded in depth, tests and values', async () => {
        const nested = (depth) =>
            `${'{"not":'.repeat(depth)}{"kind":"company"}${'}'.repeat(depth)}`;
        const ask = (text) => firm.call('GET', `clients?filter=${encodeURIComponent(text)}`);
        expectStatus(await ask(nested(4)), 200);
        for (const depth of [40, 900]) expectProblem(await ask(nested(depth)), 400, 'filter');
        const many = (count) =>
            JSON.stringify({ or: Array.from({ length: count }, () => ({ kind: 'company' })) });
        expectStatus(await ask(many(60)), 200);
        for (const count of [65, 400]) expectProblem(await ask(many(count)), 400, 'filter');
        const values = (count) =>
            JSON.stringify({ name: Array.from({ length: count }, (_, at) => `n${at}`) });
        expectStatus(await ask(values(100)), 200);
        expectProblem(await ask(values(101)), 400, 'filter');
    });

    const wrong = [
        ['{', 'filter'],
        ['[]', 'filter'],
        ['{"or":[{},{"statsu":"x"}]}', 'filter.or[1].statsu'],
        ['{"status":"sleeping"}', 'filter.status'],
        ['{"observations":"x"}', 'filter.observations'],
        ['{"name":{"like":"x"}}', 'filter.name.like'],
    ];
    for (const [text, word] of wrong)
        test(`that are wrong are told where: ${text}`, async () => {
            const answer = await firm.call('GET', `clients?filter=${encodeURIComponent(text)}`);
            expectProblem(answer, 400, word);
        });
});

describe('sorts by several fields', () => {
    test('go by the first, then by the next', async () => {
        const page = await list('sort=status,-name&limit=200');
        const wanted = [...records].sort(
            (a, b) => a.status.localeCompare(b.status) || b.name.localeCompare(a.name),
        );
        assert.deepEqual(names(page.data), names(wanted));
    });

    test('go on behind a cursor that holds all parts', async () => {
        const found = [];
        for (let after = ''; ; ) {
            const page = await list(`sort=-stage,status,-created_at&limit=5${after}`);
            found.push(...page.data);
            if (page.next === null) break;
            after = `&after=${encodeURIComponent(page.next)}`;
        }
        const whole = await list('sort=-stage,status,-created_at&limit=200');
        assert.deepEqual(names(found), names(whole.data));
        assert.equal(found.length, records.length);
    });

    test('are refused when they cannot be', async () => {
        expectProblem(await firm.call('GET', 'clients?sort=name,name'), 400, 'twice');
        expectProblem(await firm.call('GET', 'clients?sort=name,tags'), 400, 'list');
        expectProblem(await firm.call('GET', 'clients?sort=id,name'), 400, 'creation');
    });
});

describe('groups', () => {
    test('count each choice, those without records and none too', async () => {
        const { groups } = await list('group_by=status&limit=1');
        assert.deepEqual(
            groups.map((group) => [group.value, group.label, group.count.value]),
            [
                ['active', 'Active', 8],
                ['past', 'Past', 8],
                ['potential', 'Potential', 8],
                ['inactive', 'Inactive', 0],
                [null, null, 0],
            ],
        );
        assert.ok(groups.every((group) => group.count.exact));
    });

    test('count the values of an open list as they are written, under the filters', async () => {
        const { groups } = await list('group_by=tags&kind=individual&limit=1');
        const counts = Object.fromEntries(groups.map((g) => [g.value, g.count.value]));
        assert.deepEqual(counts, { 'Old Oak': 6, plain: 6, vip: 6, null: 0 });
    });

    test('go by what has groups', async () => {
        expectProblem(await firm.call('GET', 'clients?group_by=name'), 400, 'group_by');
        expectProblem(await firm.call('GET', 'clients?group_by=colour'), 400, 'group_by');
    });
});

describe('views', () => {
    test('are applied: filter, order, columns, grouping', async () => {
        const view = await firm.create('views', {
            name: 'Important',
            entity: 'client',
            where: { or: [{ tags: 'vip' }, { name: 'Tree 05' }] },
            order: '-name',
            columns: 'name,status',
            group: 'status',
        });
        const page = await list(`view=${view.id}`);
        const wanted = chosen((r) => r.tags.includes('vip') || r.name === 'Tree 05').reverse();
        assert.deepEqual(names(page.data), wanted);
        assert.deepEqual(Object.keys(page.data[0]).sort(), ['id', 'name', 'status']);
        assert.equal(page.groups.length, 5);
        const other = await list(`view=${view.id}&sort=name&fields=stage&status=active`);
        assert.deepEqual(Object.keys(other.data[0]).sort(), ['id', 'stage']);
        assert.deepEqual(
            other.data.map((r) => r.id),
            records
                .filter((r) => r.status === 'active' && r.tags.includes('vip'))
                .map((r) => r.id),
        );
        expectProblem(await firm.call('GET', `contacts?view=${view.id}`), 400, 'view');
        expectProblem(await firm.call('GET', `clients?view=${records[0].id}`), 400, 'view');
    });

    test('are judged when they are saved', async () => {
        const bad = [
            [{ entity: 'unicorn' }, 'entity'],
            [{ where: { not: { colour: 'red' } } }, 'where.not.colour'],
            [{ where: { status: 'sleeping' } }, 'where.status'],
            [{ order: 'colour' }, 'order'],
            [{ columns: 'name,colour' }, 'columns'],
            [{ group: 'name' }, 'group'],
        ];
        for (const [part, field] of bad) {
            const given = { name: 'Wrong', entity: 'client', ...part };
            const { errors } = expectProblem(await firm.call('POST', 'views', given), 422);
            assert.deepEqual(
                errors.map((error) => error.field),
                [field],
            );
        }
    });

    test('of others are not there until they are shared', async () => {
        const view = await firm.create('views', { name: 'Mine', entity: 'client' });
        const email = 'other@firm.example';
        await firm.create('users', { name: 'Other', email });
        const made = await server.mustRun(['token', 'create', '--tenant', 'acme', '--user', email]);
        const other = new Firm(server, 'acme', made.out.trim());
        expectStatus(await other.call('GET', `views/${view.id}`), 404);
        expectStatus(await other.call('GET', `views/${view.id}/history`), 404);
        expectStatus(await other.call('PATCH', `views/${view.id}`, { name: 'x' }), 404);
        expectStatus(await other.call('DELETE', `views/${view.id}`), 404);
        expectStatus(await other.call('POST', `views/${view.id}/restore`), 404);
        const gone = await firm.create('views', { name: 'Gone', entity: 'client' });
        expectStatus(await firm.call('DELETE', `views/${gone.id}`), 204);
        expectStatus(await other.call('POST', `views/${gone.id}/restore`), 404);
        expectStatus(await firm.call('POST', `views/${gone.id}/restore`), 200);
        expectProblem(await other.call('GET', `clients?view=${view.id}`), 400, 'view');
        const seen = async () => names(await other.all('views', ''));
        assert.ok(!(await seen()).includes('Mine'));
        const isInFeed = async (reader) => {
            let isThere = false;
            for (let from = 0, count = 1; count > 0; ) {
                const page = await reader.call('GET', `changes?after=${from}&limit=200`);
                const { data } = expectStatus(page, 200).body;
                isThere ||= data.some((change) => change.id === view.id);
                count = data.length;
                from = data.at(-1)?.sequence ?? from;
            }
            return isThere;
        };
        assert.ok(await isInFeed(firm));
        assert.ok(!(await isInFeed(other)));
        expectStatus(await firm.call('PATCH', `views/${view.id}`, { shared: true }), 200);
        assert.ok((await seen()).includes('Mine'));
        expectStatus(await other.call('GET', `views/${view.id}`), 200);
    });
});

describe('search across entities', () => {
    const search = async (words, more = '') =>
        expectStatus(await firm.call('GET', `search?q=${encodeURIComponent(words)}${more}`), 200)
            .body.data;

    test('puts the title that was meant first', async () => {
        await firm.create('clients', { name: 'Graz', kind: 'individual' });
        await firm.create('clients', { name: 'Grazer Bau', kind: 'individual' });
        const found = await search('graz');
        assert.equal(found[0].title, 'Graz');
        assert.deepEqual(found[0].matched, ['name']);
        const titles = found.map((one) => one.title);
        assert.ok(titles.indexOf('Grazer Bau') < titles.indexOf('Road 5'));
        assert.ok(titles.indexOf('Road 5') >= 0, 'the address itself');
        const above = found.find((one) => one.title === 'Tree 05');
        assert.deepEqual(above.matched, ['address.city']);
    });

    test('goes over entities, and is bounded', async () => {
        const found = await search('person 7');
        assert.equal(found[0].entity, 'contact');
        assert.equal(found[0].collection, 'contacts');
        assert.equal(found[0].title, 'Person 7');
        assert.equal((await search('tree', '&limit=3')).length, 3);
        assert.deepEqual(await search('zebra'), []);
        expectProblem(await firm.call('GET', 'search'), 400, 'q');
        expectProblem(await firm.call('GET', 'search?q=a&limit=51'), 400, 'limit');
    });
});
