// Imports: what real exports look like, and rows that are broken.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openServer } from '../door/server.mjs';

let server;
let firm;
let count = 0;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
});
after(() => server.close());

/** Imports these bytes as a file; gives how the command ended and the file's name. */
async function load(bytes, ...more) {
    const file = path.join(server.folder, `list-${++count}.csv`);
    await fs.writeFile(file, bytes);
    const ended = await server.command([
        'import',
        '--tenant',
        'acme',
        '--entity',
        'clients',
        ...more,
        file,
    ]);
    return { ...ended, file, text: ended.out + ended.err };
}
const total = async () => (await firm.call('GET', 'clients?count=true&limit=1')).body.count.value;
const named = (prefix) =>
    firm.all('clients', `name[prefix]=${encodeURIComponent(prefix)}&sort=name`);

describe('a list', () => {
    const forms = {
        'with semicolons': 'Name;City;Country\nSemi One;Bonn;Germany\nSemi Two;Köln;DE\n',
        'with tabs': 'Name\tCity\tCountry\nTabs One\tBonn\tGermany\nTabs Two\tKöln\tDE\n',
        'with a mark and CRLF':
            '\ufeffName,City,Country\r\nMark One,Bonn,Germany\r\nMark Two,Köln,DE\r\n',
        'with quotes':
            '"Name","City","Country"\n"Quot One","Bonn","Germany"\n"Quot Two","Köln","DE"\n',
        'without a last line end': 'Name,City,Country\nLast One,Bonn,Germany\nLast Two,Köln,DE',
        'with blank lines': 'Name,City,Country\n\nGaps One,Bonn,Germany\n\nGaps Two,Köln,DE\n\n',
        'in Windows-1252': Buffer.from(
            'Name;City;Country\r\nWin1 One;Bonn;Germany\r\nWin1 Two;K\xf6ln;DE\r\n',
            'latin1',
        ),
    };
    for (const [name, bytes] of Object.entries(forms)) {
        test(name, async () => {
            const ended = await load(bytes);
            assert.equal(ended.status, 0, ended.text);
            const prefix = /([A-Z][a-z0-9]{3}) One/.exec(bytes.toString('latin1'))[1];
            const found = await named(prefix);
            assert.deepEqual(
                found.map((client) => client.name),
                [`${prefix} One`, `${prefix} Two`],
            );
            const address = await firm.get('addresses', found[1].default_address);
            assert.deepEqual([address.city, address.country], ['Köln', 'DE']);
        });
    }

    test('with quoted commas, quotes and line ends keeps them', async () => {
        const ended = await load('Name,Notes\n"Quoted, ""Deep"" Inc","one\ntwo, ""three"""\n');
        assert.equal(ended.status, 0, ended.text);
        const [client] = await named('Quoted');
        assert.equal(client.name, 'Quoted, "Deep" Inc');
        assert.equal(client.observations, 'one\ntwo, "three"');
    });

    test('with a map of its own', async () => {
        const map = path.join(server.folder, 'map.json');
        await fs.writeFile(
            map,
            JSON.stringify({
                Bezeichnung: 'name',
                Chef: 'primary_contact.name',
                Ort: 'default_address.city',
            }),
        );
        const ended = await load('Bezeichnung,Chef,Ort\nMapped AG,Frau Chef,Wien\n', '--map', map);
        assert.equal(ended.status, 0, ended.text);
        const [client] = await named('Mapped');
        assert.equal((await firm.get('contacts', client.primary_contact)).name, 'Frau Chef');
        assert.equal((await firm.get('addresses', client.default_address)).city, 'Wien');
    });

    test('of companies without contacts is taken and flagged', async () => {
        const ended = await load('Company Name\nLonely One\n');
        assert.equal(ended.status, 0, ended.text);
        const [client] = await named('Lonely');
        assert.equal(client.primary_contact, null);
        assert.match(JSON.stringify(client), /primary_contact.*"incomplete"|"incomplete".*primary/);
    });
});

describe('a list that is broken', () => {
    test('at row 5,000 loses only that row, and the row is kept as a file', async () => {
        const rows = Array.from(
            { length: 6000 },
            (_, at) =>
                `Bulk ${String(at + 2).padStart(5, '0')}` +
                `,bulk${at + 2}@bulk.example,Bonn,Germany`,
        );
        rows[4998] = 'Bulk 05000,this is no address,Bonn,Germany';
        const ended = await load(`Name,Email,City,Country\n${rows.join('\n')}\n`);
        assert.match(ended.text, /5,?000/);
        assert.match(ended.text, /5,?999/);
        const found = await named('Bulk');
        assert.equal(found.length, 5999);
        assert.ok(!found.some((client) => client.name === 'Bulk 05000'));
        const beside = (await fs.readdir(server.folder)).filter((name) =>
            /fail|reject|fault/i.test(name),
        );
        assert.equal(beside.length, 1, `files: ${await fs.readdir(server.folder)}`);
        const failed = await fs.readFile(path.join(server.folder, beside[0]), 'utf8');
        assert.ok(failed.includes('Bulk 05000') && failed.includes('this is no address'));
        assert.ok(!failed.includes('Bulk 04999'));
        await fs.rm(path.join(server.folder, beside[0]));
    });

    test('in its quoting loses that row alone', async () => {
        const rows = Array.from({ length: 100 }, (_, at) => `Torn ${1000 + at},Bonn`);
        rows[48] = '"Torn 1048" oops,Bonn';
        const ended = await load(`Name,City\n${rows.join('\n')}\n`);
        assert.match(ended.text, /\b50\b/);
        assert.equal((await named('Torn')).length, 99);
    });

    const refused = {
        'because it is empty': '',
        'because it has too many columns': `${'name,'.repeat(600)}\n`,
        'because no column is known': 'Foo,Bar\n1,2\n',
        'because it is binary': Buffer.from(
            Array.from({ length: 2000 }, (_, at) => (at * 37) % 256),
        ),
        'because it is UTF-16': Buffer.from('\ufeffName,City\nWide,Bonn\n', 'utf16le'),
    };
    for (const [name, bytes] of Object.entries(refused)) {
        test(`is refused as a whole ${name}`, async () => {
            const before = await total();
            const ended = await load(bytes);
            assert.equal(ended.status, 1, ended.text);
            assert.match(ended.err, /\S/);
            assert.equal(/is empty/.test(ended.err), bytes.length === 0, ended.err);
            assert.equal(await total(), before);
        });
    }

    test('or not there, or for nobody, is one line', async () => {
        const words = [
            'import',
            '--tenant',
            'acme',
            '--entity',
            'clients',
            '/nonexistent/list.csv',
        ];
        const missing = await server.command(words);
        assert.equal(missing.status, 1);
        assert.match(missing.err, /list\.csv/);
        const nobody = await server.command([
            'import',
            '--tenant',
            'nobody',
            '--entity',
            'clients',
            '/dev/null',
        ]);
        assert.equal(nobody.status, 1);
        assert.match(nobody.err, /nobody/);
        const nothing = await server.command([
            'import',
            '--tenant',
            'acme',
            '--entity',
            'nothings',
            '/dev/null',
        ]);
        assert.ok([1, 2].includes(nothing.status));
        assert.match(nothing.err, /nothings/);
    });
});
