// Tables out: safe to open, exact when they come back, with the filters of the list.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { jobEnded } from '../door/jobs.mjs';
import { openServer } from '../door/server.mjs';

let server;
let firm;
before(async () => {
    server = await openServer(['acme', 'north', 'south', 'west']);
    firm = server.firms.acme;
    const of = { primary_contact: { name: '-Bo-' }, website: 'https://x.example' };
    for (const client of [
        {
            name: 'Plain GmbH',
            reference: 'E-1',
            tags: ['vip', 'Smith, Ltd'],
            emails: [{ value: 'a@plain.example', label: 'work' }, 'b@plain.example'],
            phones: ['+43 1 5550100'],
            observations: 'two\nlines, "quoted"; and more',
            admitted_on: '2024-02-29',
            primary_contact: { name: 'Ann Lee', emails: ['ann@plain.example'], title: 'CEO' },
            default_address: { line1: 'Weg 1', city: 'Köln', country: 'DE', postal_code: '01067' },
        },
        { name: '=HYPERLINK("http://evil.example")', reference: '+1', tags: ['@home'], ...of },
        { name: "'=already", reference: '-2', tax_id: "''+two", ...of },
        { name: "'tis fine", reference: "'", status: 'past', kind: 'individual' },
    ])
        await firm.create('clients', client);
});
after(() => server.close());

const get = async (where, headers = {}) => {
    const answer = await firm.call('GET', where, undefined, headers);
    assert.equal(answer.status, 200, answer.text);
    return answer;
};

/** Rows of CSV. */
function cells(text, separator = ',') {
    const rows = [[]];
    const cell = `("(?:[^"]|"")*"|[^${separator}"\\r\\n]*)`;
    const form = new RegExp(`${cell}(${separator}|\\r\\n|$)`, 'gy');
    for (let match; form.lastIndex < text.length && (match = form.exec(text)); ) {
        const quoted = match[1].startsWith('"');
        rows.at(-1).push(quoted ? match[1].slice(1, -1).replaceAll('""', '"') : match[1]);
        if (match[2] === '\r\n') rows.push([]);
    }
    return rows.slice(0, -1);
}
function objects(text, separator) {
    const [header, ...rows] = cells(text, separator);
    return rows.map((row) => Object.fromEntries(header.map((name, at) => [name, row[at]])));
}

async function take(into, text, type, query = '') {
    const begun = await into.call('POST', `clients/import?${query}`, text, {
        'content-type': type,
    });
    const job = await jobEnded(into, begun);
    assert.equal(job.state, 'done', JSON.stringify(job));
    assert.equal(job.result.failed, 0, JSON.stringify(job.result));
    return job;
}

/** What a record says apart from its own history. */
const substance = (record, inner = ['primary_contact', 'default_address']) => {
    const kept = { ...record };
    for (const name of ['id', 'created_at', 'created_by', 'updated_at', 'updated_by', 'client'])
        delete kept[name];
    for (const name of inner) if (kept[name]) kept[name] = substance(kept[name], []);
    return kept;
};
const everything = async (of) =>
    (await of.all('clients', 'sort=name&expand=primary_contact,default_address')).map((client) =>
        substance(client),
    );

describe('an export as CSV', () => {
    test('cannot be taken for formulas, and numbers stay numbers', async () => {
        const { text, headers } = await get('clients/export?sort=name');
        assert.match(headers['content-type'], /^text\/csv/);
        assert.equal(headers['content-disposition'], 'attachment; filename="clients.csv"');
        for (const row of cells(text))
            for (const cell of row) assert.ok(!/^[=+\-@\t\r]/.test(cell), cell);
        const names = objects(text).map((row) => row.name);
        assert.ok(names.includes('\'=HYPERLINK("http://evil.example")'));
        assert.ok(names.includes("''=already") && names.includes("'tis fine"));
        const plain = objects(text).find((row) => row.reference === 'E-1');
        assert.deepEqual(
            [plain['primary_contact.name'], plain['default_address.postal_code'], plain.tags],
            ['Ann Lee', '01067', 'vip; Smith, Ltd'],
        );
        assert.equal(plain.phones, "'+43 1 5550100");
    });

    test('comes back as it was', async () => {
        const { text } = await get('clients/export');
        await take(server.firms.north, text, 'text/csv');
        const plainly = (client) => {
            const lists = { ...client };
            for (const of of [lists, lists.primary_contact ?? {}])
                for (const name of ['emails', 'phones'])
                    if (of[name]) of[name] = of[name].map((item) => item.value);
            return lists;
        };
        const before = (await everything(firm)).map(plainly);
        const after = (await everything(server.firms.north)).map(plainly);
        assert.deepEqual(after, before);
    });

    test('has the filters, the order and the fields that are asked for', async () => {
        const past = await get('clients/export?status=past&fields=name,status');
        assert.deepEqual(cells(past.text), [
            ['id', 'name', 'status'],
            [objects(past.text)[0].id, "'tis fine", 'past'],
        ]);
        const order = objects((await get('clients/export?sort=-name&fields=name')).text);
        const names = (await firm.all('clients', 'sort=-name')).map((client) => client.name);
        assert.equal(order.length, names.length);
        assert.equal(order[0].name.replace(/^'(?='*[=+@-])/, ''), names[0]);
        const german = await get('clients/export?separator=%3B&bom=true&fields=name');
        assert.ok(german.text.startsWith('\ufeffid;name\r\n'));
    });

    test('is refused in words', async () => {
        for (const [query, form] of [
            ['limit=5', /limit: no such parameter/],
            ['nonsense=1', /nonsense/],
            ['format=pdf', /csv or ndjson/],
            ['separator=x', /separator/],
            ['fields=nome', /nome/],
        ]) {
            const answer = await firm.call('GET', `clients/export?${query}`);
            assert.equal(answer.status, 400, answer.text);
            assert.match(answer.text, form);
        }
    });
});

describe('an export as NDJSON', () => {
    test('comes back equal in every value', async () => {
        const { text, headers } = await get('clients/export', { accept: 'application/x-ndjson' });
        assert.match(headers['content-type'], /ndjson/);
        assert.equal(text.trimEnd().split('\n').length, 4);
        await take(server.firms.south, text, 'application/x-ndjson');
        assert.deepEqual(await everything(server.firms.south), await everything(firm));
        const again = await take(firm, text, 'application/x-ndjson', 'match=id');
        assert.deepEqual([again.result.unchanged, again.result.updated], [4, 0]);
    });

    test('goes on over many slices, while records come and go', async () => {
        const { west } = server.firms;
        const rows = Array.from({ length: 1000 }, (_, at) => `West ${at},note ${'n'.repeat(50)}`);
        await take(west, `Name,Notes\n${rows.join('\n')}\n`, 'text/csv');
        const first = await west.all('clients');
        const [answer] = await Promise.all([
            west.call('GET', 'clients/export?format=ndjson'),
            west.create('clients', { name: 'West late', primary_contact: { name: 'L' } }),
            west.call('DELETE', `clients/${first[700].id}`),
        ]);
        assert.equal(answer.status, 200);
        const ids = answer.text
            .trimEnd()
            .split('\n')
            .map((line) => JSON.parse(line).id);
        assert.equal(new Set(ids).size, ids.length);
        const there = new Set(ids);
        for (const client of first)
            if (client.id !== first[700].id) assert.ok(there.has(client.id), client.name);
    });
});

describe('a template', () => {
    for (const collection of ['clients', 'contacts'])
        test(`of ${collection} is taken as it is, every column of it`, async () => {
            const { text } = await get(`${collection}/template`);
            assert.ok(text.startsWith('\ufeff'));
            const told = await firm.call('POST', `${collection}/import`, { preview: true, text });
            assert.equal(told.status, 200, told.text);
            for (const column of told.body.columns)
                assert.notEqual(column.path, null, `${column.header}: ${column.why}`);
            assert.deepEqual(told.body.faults, []);
            assert.equal(told.body.forecast.created, 1);
        });
});
