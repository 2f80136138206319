// Formula fields: computed by a runner, stored, sorted and filtered by; hostile ones harm nobody.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { expectFault, expectProblem, expectStatus } from '../door/expect.mjs';
import { addField, untilReady } from '../door/fields.mjs';
import { binary } from '../door/program.mjs';
import { openServer } from '../door/server.mjs';
import { until } from '../door/wait.mjs';

let server;
let firm;

const formula = (name, source, more = {}) => ({
    entity: 'client',
    name,
    kind: 'formula',
    formula: source,
    ...more,
});
let number = 0;
const client = (more = {}, of = firm) =>
    of.create('clients', { name: `Client ${++number}`, kind: 'individual', ...more });

before(async () => {
    server = await openServer(['acme', 'hostile']);
    firm = server.firms.acme;
    await addField(firm, { entity: 'client', name: 'x_hours', kind: 'number' });
    await addField(firm, { entity: 'client', name: 'x_rate', kind: 'money' });
    await addField(firm, { entity: 'client', name: 'x_start', kind: 'date' });
});
after(() => server.close());

describe('a formula', () => {
    test('is computed for those there are, then with each change', async () => {
        const one = await client({ x_hours: 3, tags: ['formula'] });
        await addField(firm, formula('x_double', '(record.x_hours or 0) * 2'));
        assert.equal((await firm.get('clients', one.id)).x_double, 6);
        const two = await client({ tags: ['formula'] });
        assert.equal(two.x_double, 0);
        const answer = await firm.call('PATCH', `clients/${two.id}`, { x_hours: 4.5 });
        assert.equal(answer.body.x_double, 9);
        const list = await firm.all('clients', 'tags=formula&sort=-x_double&x_double[gt]=1');
        assert.deepEqual(
            list.map((record) => record.id),
            [two.id, one.id],
        );
    });

    test('gives money, dates and texts, and rests on others', async () => {
        await addField(
            firm,
            formula(
                'x_price',
                'record.x_rate and money(record.x_rate.amount * (record.x_hours or 0), ' +
                    'record.x_rate.currency) or nil',
                { result: 'money' },
            ),
        );
        await addField(
            firm,
            formula('x_end', 'record.x_start and months(record.x_start, 3) or nil', {
                result: 'date',
            }),
        );
        await addField(
            firm,
            formula(
                'x_label',
                'record.name .. (record.x_end and " until " .. record.x_end or "")',
                { result: 'text' },
            ),
        );
        const made = await client({
            name: 'Ann',
            x_hours: 2,
            x_rate: { amount: 5000, currency: 'EUR' },
            x_start: '2025-11-30',
        });
        assert.deepEqual(made.x_price, { amount: 10000, currency: 'EUR' });
        assert.equal(made.x_end, '2026-02-28');
        assert.equal(made.x_label, 'Ann until 2026-02-28');
        const plain = await client({ name: 'Bob' });
        assert.deepEqual([plain.x_price, plain.x_end, plain.x_label], [null, null, 'Bob']);
    });

    test('that fails leaves its field absent, and says so in `incomplete`', async () => {
        await addField(firm, formula('x_half', 'record.x_hours / 2'));
        const without = await client();
        assert.equal(without.x_half, null);
        assert.deepEqual(without.incomplete, ['x_half']);
        const found = await firm.all('clients', 'incomplete=x_half');
        assert.ok(found.some((record) => record.id === without.id));
        const answer = await firm.call('PATCH', `clients/${without.id}`, { x_hours: 5 });
        assert.equal(answer.body.x_half, 2.5);
        assert.deepEqual(answer.body.incomplete, []);
    });

    test('that is changed is computed again', async () => {
        const made = await addField(firm, formula('x_more', '(record.x_hours or 0) + 1'));
        const one = await client({ x_hours: 1 });
        assert.equal(one.x_more, 2);
        const answer = await firm.call('PATCH', `custom_fields/${made.id}`, {
            formula: '(record.x_hours or 0) + 10',
        });
        expectStatus(answer, 200);
        await untilReady(firm, made.id);
        assert.equal((await firm.get('clients', one.id)).x_more, 11);
    });

    test('is computed for each row of an import', async () => {
        const rows = Array.from({ length: 30 }, (_, at) => `Row ${at},${at},Street ${at}`);
        const text = ['Company Name,x_hours,Street', ...rows].join('\n');
        const map = { 'Company Name': 'name', x_hours: 'x_hours', Street: 'default_address.line1' };
        const file = path.join(server.folder, 'rows.csv');
        fs.writeFileSync(file, text);
        fs.writeFileSync(`${file}.map`, JSON.stringify(map));
        const words = ['import', '--tenant', 'acme', '--entity', 'clients', '--map', `${file}.map`];
        await server.mustRun([...words, file]);
        const list = await firm.all('clients', 'name[prefix]=Row&fields=x_hours,x_double');
        assert.equal(list.length, 30);
        for (const record of list) assert.equal(record.x_double, record.x_hours * 2);
    });

    test('cannot be given', async () => {
        expectFault(
            await firm.call('POST', 'clients', { name: 'X', kind: 'individual', x_double: 1 }),
            'x_double',
            'read_only',
        );
    });
});

describe('a source', () => {
    const refused = async (source, ...words) =>
        expectProblem(
            await firm.call('POST', 'custom_fields', formula('x_bad', source)),
            422,
            ...words,
        );

    test('that is no expression is refused with what Lua says', async () => {
        await refused('1 +', 'unexpected symbol');
        await refused('return 1', 'unexpected symbol');
        await refused('1; x = 2', "')' expected");
    });

    test('that misspells a field is told the nearest', async () => {
        await refused('record.x_hour * 2', 'x_hours');
        await refused('record.nam', 'name');
    });

    test('that names a field otherwise than by record.name is refused', async () => {
        await refused('record[("x_hours")]', 'record.name');
        await refused('(function(r) return r.x_hours end)(record)', 'record.name');
    });

    test('that is too long or too deep is refused', async () => {
        await refused(`${'1 + '.repeat(1500)}1`, '4096');
        await refused('('.repeat(2000), 'formula');
    });
});

describe('a hostile formula', () => {
    const sources = [
        '(function() while true do end end)()',
        '(function() local s = "x" while true do s = s .. s end end)()',
        '(function() local t = {} for i = 1, 1e9 do t[i] = i end end)()',
        'setmetatable({}, {__index = function() return 1 end}).x',
        '("x"):rep(1e9)',
        '("aaaaaaaaaaaaaaaaaaaaaaaaaa"):find(("a-"):rep(20) .. "b") and error()',
        'string.format("%99999s", "x")',
        'load("while true do end")()',
        'os.exit(1)',
        'io.open("/etc/passwd"):read("a")',
        '(function() string.upper = nil end)()',
        '(function() local function f() return f() + 1 end return f() end)()',
    ];

    test('fails alone: its firm can write, and other firms do not notice', async () => {
        const bad = server.firms.hostile;
        for (const [at, source] of sources.entries())
            await addField(bad, formula(`x_bad_${at}`, source));
        await addField(bad, formula('x_good', '#record.name'));
        const made = await client({ name: 'Four' }, bad);
        for (const at of sources.keys()) assert.equal(made[`x_bad_${at}`], null, sources[at]);
        assert.equal(made.x_good, 4);
        const patched = await bad.call('PATCH', `clients/${made.id}`, { name: 'Fives' });
        assert.equal(expectStatus(patched, 200).body.x_good, 5);
        assert.equal((await client({ x_hours: 7 })).x_double, 14);
    });
});

/** The runners of a server that is running, by their process numbers. */
function runnersOf(parent) {
    return fs
        .readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name))
        .filter((name) => {
            try {
                const status = fs.readFileSync(`/proc/${name}/status`, 'utf8');
                return status.includes(`\nPPid:\t${parent}\n`) && !/State:\s+Z/.test(status);
            } catch {
                return false; // it has ended meanwhile
            }
        });
}

describe('a runner', () => {
    test('holds one socket and nothing else, and does not outlive the server', async () => {
        await client();
        const runners = runnersOf(server.pid);
        assert.ok(runners.length > 0, 'no runner is there');
        // A sanitizer needs more; and only root may look into what has given its rights away.
        const mayLook = process.getuid() === 0 && !binary.includes('/tsan/');
        for (const runner of mayLook ? runners : []) {
            const files = fs.readdirSync(`/proc/${runner}/fd`);
            assert.deepEqual(files, ['0']);
            assert.match(fs.readlinkSync(`/proc/${runner}/fd/0`), /^socket:/);
            assert.equal(fs.readFileSync(`/proc/${runner}/environ`, 'utf8'), '');
            assert.match(fs.readFileSync(`/proc/${runner}/status`, 'utf8'), /Seccomp:\s+2/);
        }
        await server.kill();
        const isThere = (runner) => fs.existsSync(`/proc/${runner}`);
        await until(() => !runners.some(isThere), 'no runner is there any more');
        await server.start();
        assert.equal((await client({ x_hours: 8 })).x_double, 16);
    });
});
