// Lists: filters, sorts, cursors and search, against a model of the same records held by the test.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { expectProblem, expectStatus } from '../door/expect.mjs';
import { chooseSeed, makeRandom } from '../door/random.mjs';
import { openServer } from '../door/server.mjs';

let server;
let firm;
const records = [];
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
    const words = ['Birch', 'Cedar', 'Elm', 'Fir', 'Oak', 'Pine', 'Ünder', 'yew'];
    const places = [
        ['Berlin', 'DE'],
        ['Lyon', 'FR'],
        ['Oslo', 'NO'],
        ['Graz', 'AT'],
    ];
    for (let at = 0; at < 60; at++) {
        const [city, country] = places[at % places.length];
        const made = await firm.create('clients', {
            name: `${words[at % words.length]} ${String(at % 20).padStart(2, '0')} Ltd`,
            kind: at % 3 === 0 ? 'individual' : 'company',
            stage: ['lead', 'prospect', 'customer'][at % 3],
            status: ['active', 'past', 'potential', 'inactive'][at % 4],
            tags: [`tag-${at % 5}`, ...(at % 7 === 0 ? ['vip'] : [])],
            emails: [`mail${at}@trees.example`],
            phones: [`+49 30 555${String(at).padStart(4, '0')}`],
            primary_contact: { name: `Person ${at}`, emails: [`person${at}@trees.example`] },
            default_address: { line1: `Road ${at}`, city, country },
        });
        records.push({ ...made, country, city, at });
    }
});
after(() => server.close());

const ids = (list) => list.map((record) => record.id).sort();
const chosen = (test) => ids(records.filter(test));

const filters = [
    ['one value', 'status=active', (r) => r.status === 'active'],
    ['any of several', 'status=active&status=past', (r) => ['active', 'past'].includes(r.status)],
    ['two fields', 'status=active&stage=lead', (r) => r.status === 'active' && r.stage === 'lead'],
    [
        'three fields',
        'status=active&kind=company&tags=vip',
        (r) => r.status === 'active' && r.kind === 'company' && r.tags.includes('vip'),
    ],
    ['an item of a list', 'tags=tag-3', (r) => r.tags.includes('tag-3')],
    ['not', 'status[ne]=active', (r) => r.status !== 'active'],
    ['a prefix, folded', 'name[prefix]=UND', (r) => r.name.startsWith('Ünder')],
    ['the whole name, folded', 'name=yew%2007%20ltd', (r) => r.name === 'yew 07 Ltd'],
    ['a range of text', 'name[gte]=c&name[lt]=f', (r) => /^[CE]/.test(r.name)],
    ['emptiness', 'website[empty]=true', () => true],
    ['no emptiness', 'website[empty]=false', () => false],
    ['a time', 'created_at[gt]=2020-01-01T00:00:00Z', () => true],
    ['a time to come', 'created_at[gt]=2099-01-01', () => false],
    ['an e-mail address', 'emails=mail7@trees.example', (r) => r.at === 7],
];

describe('filters', () => {
    for (const [name, query, holds] of filters) {
        test(`by ${name}: ${query}`, async () => {
            assert.deepEqual(ids(await firm.all('clients', query)), chosen(holds));
        });
    }

    test('of addresses by country', async () => {
        const found = await firm.all('addresses', 'country=NO');
        assert.deepEqual(
            found.map((address) => address.client).sort(),
            chosen((r) => r.country === 'NO'),
        );
    });

    test('are bounded: a page has what it says, and a cursor only when there is more', async () => {
        const small = expectStatus(await firm.call('GET', 'clients?limit=7'), 200).body;
        assert.equal(small.data.length, 7);
        assert.equal(typeof small.next, 'string');
        const standard = expectStatus(await firm.call('GET', 'clients'), 200).body;
        assert.equal(standard.data.length, 50);
        const whole = expectStatus(await firm.call('GET', 'clients?limit=200'), 200).body;
        assert.equal(whole.data.length, 60);
        assert.equal(whole.next, null);
    });

    test('can be counted', async () => {
        const answer = expectStatus(
            await firm.call('GET', 'clients?status=active&limit=2&count=true'),
            200,
        ).body;
        assert.equal(answer.data.length, 2);
        assert.deepEqual(answer.count, { value: 15, exact: true });
        const all = expectStatus(await firm.call('GET', 'clients?count=true&limit=1'), 200).body;
        assert.equal(all.count.value, 60);
    });

    test('by what nothing has give an empty page', async () => {
        const answer = expectStatus(await firm.call('GET', 'clients?tags=nowhere'), 200).body;
        assert.deepEqual(answer, { data: [], next: null });
    });
});

describe('sorts', () => {
    const fold = (text) => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();

    for (const limit of [1, 7, 60, 200]) {
        test(`by name, up and down, in pages of ${limit}`, async () => {
            for (const sort of ['name', '-name']) {
                const found = await pageThrough(`sort=${sort}`, limit);
                const names = found.map((record) => fold(record.name));
                const wanted = records.map((record) => fold(record.name)).sort();
                if (sort === '-name') wanted.reverse();
                assert.deepEqual(names, wanted);
                assert.deepEqual(
                    ids(found),
                    chosen(() => true),
                );
            }
        });
    }

    test('by time of creation is the order of creation', async () => {
        const found = await pageThrough('sort=created_at', 13);
        assert.deepEqual(
            found.map((record) => record.id),
            records.map((record) => record.id),
        );
        const down = await pageThrough('sort=-created_at', 13);
        assert.deepEqual(
            down.map((record) => record.id).reverse(),
            records.map((r) => r.id),
        );
    });

    test('with a filter keep both', async () => {
        const found = await pageThrough('sort=-name&status=past&kind=company', 4);
        assert.deepEqual(
            ids(found),
            chosen((r) => r.status === 'past' && r.kind === 'company'),
        );
        const names = found.map((record) => fold(record.name));
        assert.deepEqual(names, [...names].sort().reverse());
    });

    test('put records without a value behind the others', async () => {
        const some = records.slice(0, 5);
        for (const [at, record] of some.entries())
            await firm.call('PATCH', `clients/${record.id}`, {
                website: `https://w${at}.example/`,
            });
        const listed = await firm.call('GET', 'schema');
        expectStatus(listed, 200);
        const answer = await firm.call('GET', 'clients?sort=website&limit=200');
        const { data } = expectStatus(answer, 200).body;
        assert.deepEqual(
            data.slice(0, 5).map((r) => r.id),
            some.map((r) => r.id),
        );
        assert.equal(data.length, 60);
        assert.ok(data.slice(5).every((record) => record.website === null));
    });
});

/** All records of a query in pages of this size, in the order given. */
async function pageThrough(query, limit) {
    const found = [];
    let after = '';
    for (let page = 0; page < 500; page++) {
        const from = after === '' ? '' : `&after=${encodeURIComponent(after)}`;
        const where = `clients?${query}&limit=${limit}${from}`;
        const { data, next } = expectStatus(await firm.call('GET', where), 200).body;
        found.push(...data);
        assert.ok(data.length <= limit);
        if (next === null) return found;
        after = next;
    }
    throw new Error('the pages do not end');
}

describe('search', () => {
    const searches = [
        ['a word of the name', 'birch', (r) => r.name.startsWith('Birch')],
        ['the beginning of a word', 'ced', (r) => r.name.startsWith('Cedar')],
        ['a folded word', 'under', (r) => r.name.startsWith('Ünder')],
        ['an accented word', 'Ünder', (r) => r.name.startsWith('Ünder')],
        ['two words, both', 'oak 04', (r) => r.name.startsWith('Oak 04')],
        ['an e-mail address', 'mail12@trees.example', (r) => r.at === 12],
        ['a phone by its last digits', '5550031', (r) => r.at === 31],
        ['a phone as written', '+49 30 5550017', (r) => r.at === 17],
        ['the city of an address', 'graz', (r) => r.city === 'Graz'],
        ['nothing', 'zebra', () => false],
    ];
    for (const [name, words, holds] of searches) {
        test(`by ${name}: ${words}`, async () => {
            const found = await firm.all('clients', `q=${encodeURIComponent(words)}`);
            assert.deepEqual(ids(found), chosen(holds));
        });
    }

    test('with a filter keeps both', async () => {
        const found = await firm.all('clients', 'q=lyon&status=active');
        assert.deepEqual(
            ids(found),
            chosen((r) => r.city === 'Lyon' && r.status === 'active'),
        );
    });

    test('follows a change', async () => {
        const record = records[59];
        await firm.call('PATCH', `clients/${record.id}`, { name: 'Quokka House' });
        assert.deepEqual(ids(await firm.all('clients', 'q=quokka')), [record.id]);
        await firm.call('PATCH', `clients/${record.id}`, { name: record.name });
        assert.deepEqual(ids(await firm.all('clients', 'q=quokka')), []);
        const address = await firm.get('addresses', record.default_address);
        await firm.call('PATCH', `addresses/${address.id}`, { city: 'Timbuktu' });
        assert.deepEqual(ids(await firm.all('clients', 'q=timbuktu')), [record.id]);
        await firm.call('PATCH', `addresses/${address.id}`, { city: record.city });
    });
});

describe('what a query cannot mean', () => {
    const bad = [
        ['an unknown parameter', 'colour=red', 'colour'],
        ['an unknown operator', 'name[like]=x', 'like'],
        ['a choice that is none', 'status=sleeping', 'status'],
        ['a limit of 0', 'limit=0', 'limit'],
        ['a limit of 201', 'limit=201', 'limit'],
        ['a limit that is no number', 'limit=ten', 'limit'],
        ['an unknown sort', 'sort=colour', 'colour'],
        ['an unknown field', 'fields=name,colour', 'colour'],
        ['an unknown expansion', 'expand=colour', 'colour'],
        ['an expansion of what is no reference', 'expand=name', 'name'],
        ['a cursor of nonsense', 'after=nonsense', 'after'],
        ['a time that is none', 'created_at[gt]=yesterday', 'created_at'],
        ['an id that is none', 'primary_contact=42', 'primary_contact'],
        ['emptiness that is neither', 'website[empty]=perhaps', 'website'],
        ['a count that is neither', 'count=perhaps', 'count'],
        ['broken percent encoding', 'name=%zz', ''],
        ['bad UTF-8', 'name=%ff', ''],
        ['a NUL', 'name=a%00b', ''],
    ];
    for (const [name, query, word] of bad) {
        test(`${name}: ${query}`, async () => {
            expectProblem(await firm.call('GET', `clients?${query}`), 400, word);
        });
    }

    test('a cursor of another sort', async () => {
        const page = expectStatus(await firm.call('GET', 'clients?sort=name&limit=3'), 200).body;
        const after = encodeURIComponent(page.next);
        expectProblem(
            await firm.call('GET', `clients?sort=-created_at&after=${after}`),
            400,
            'after',
        );
    });

    test('more filters than a query may hold', async () => {
        const query = Array.from({ length: 100 }, (_, at) => `tags=t${at}`).join('&');
        expectStatus(await firm.call('GET', `clients?${query}`), 200);
        const fields = Array.from({ length: 65 }, () => 'name[gt]=x').join('&');
        expectProblem(await firm.call('GET', `clients?${fields}`), 400);
        expectProblem(await firm.call('GET', `clients?${query}&tags=one-more`), 400, 'tags');
    });
});

test('pages stay right while records come and go: none is missed or doubled', async () => {
    const random = makeRandom(chooseSeed());
    console.log(`seed ${random.seed}`);
    const stayed = new Set(records.map((record) => record.id));
    const passing = [];
    let isOver = false;
    const churn = async () => {
        while (!isOver) {
            if (passing.length > 20 || (passing.length > 0 && random.below(2) === 0)) {
                const at = random.below(passing.length);
                const [id] = passing.splice(at, 1);
                expectStatus(await firm.call('DELETE', `clients/${id}`), 204);
            } else {
                const word = random.pick(['Birch', 'Elm', 'Oak', 'yew']);
                const name = `${word} ${random.below(99)} Ltd`;
                const made = await firm.create('clients', { name, kind: 'individual' });
                passing.push(made.id);
            }
        }
    };
    const writers = [churn(), churn()];
    try {
        for (const query of [
            'sort=name',
            'sort=-name',
            'sort=created_at',
            'sort=-created_at',
            'q=ltd',
        ]) {
            const found = (await pageThrough(query, 3)).map((record) => record.id);
            const kept = found.filter((id) => stayed.has(id));
            assert.equal(
                new Set(found).size,
                found.length,
                `seed ${random.seed}: ${query} doubles`,
            );
            assert.equal(kept.length, stayed.size, `seed ${random.seed}: ${query} misses`);
        }
    } finally {
        isOver = true;
        await Promise.all(writers);
    }
});

test('what a list touched is told, and is about what it shows', async () => {
    const answer = expectStatus(await firm.call('GET', 'clients?sort=name&limit=10'), 200);
    const keys = Number(answer.headers['atrium-keys-touched']);
    assert.ok(keys >= 10 && keys <= 60, `touched ${answer.headers['atrium-keys-touched']} keys`);
});
