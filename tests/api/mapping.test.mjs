// Mappings that are kept by a name, and four lists as real firms have them: their headers are
// understood as they stand, and what is wrong is said in words.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { jobEnded } from '../door/jobs.mjs';
import { openServer } from '../door/server.mjs';

let server;
let firm;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
});
after(() => server.close());

async function load(text, query = '', into = 'clients') {
    const begun = await firm.call('POST', `${into}/import?${query}`, text, {
        'content-type': 'text/csv',
    });
    const job = await jobEnded(firm, begun);
    assert.equal(job.state, 'done', JSON.stringify(job));
    return job.result;
}
const named = async (name) => {
    const query = `name=${encodeURIComponent(name)}&expand=primary_contact,default_address`;
    const [found] = (await firm.call('GET', `clients?${query}`)).body.data;
    assert.ok(found, `no client ${name}`);
    return found;
};

describe('a saved mapping', () => {
    test('is used by its name or id, and what the call says counts more', async () => {
        const mapping = await firm.create('import_mappings', {
            name: 'Branch list',
            entity: 'client',
            map: { Bez: 'name', Nr: 'reference', Weg: 'website' },
            match: 'reference',
            mode: 'upsert',
            settings: { empty: 'clear', empty_words: ['-', 'none'] },
        });
        const table = 'Bez;Nr;Weg;Rest\nMapped One;M-1;one.example;x\nMapped Two;M-2;-;y\n';
        const first = await load(table, 'mapping=Branch%20list');
        assert.deepEqual([first.created, first.failed], [2, 0]);
        assert.deepEqual(
            first.left_out.map((column) => [column.header, column.why]),
            [['Rest', 'the map does not name it']],
        );
        const cleared = await load('Bez;Nr;Weg\nMapped One;M-1;none\n', `mapping=${mapping.id}`);
        assert.deepEqual([cleared.created, cleared.updated], [0, 1]);
        assert.equal((await named('Mapped One')).website, null);
        const third = 'Bez;Nr;Weg\nMapped Three;M-1;\n';
        const other = await load(third, 'mapping=Branch%20list&mode=create');
        assert.deepEqual([other.created, other.failed], [0, 1]);
        const unknown = await firm.call('POST', 'clients/import', {
            text: table,
            mapping: 'Branch lists',
        });
        assert.equal(unknown.status, 422);
        const foreign = await firm.call('POST', 'contacts/import', {
            text: table,
            mapping: 'Branch list',
        });
        assert.match(foreign.text, /for tables of client/);
    });
});

/** Lists that are made, with the faults that such lists have. */
const lists = {
    // A German book-keeping program: semicolons, Windows-1252, comma in amounts, no contact.
    semicolons() {
        const rows = [
            'Debitorennummer;Firma;Straße;PLZ;Ort;Land;Telefon;Telefax;E-Mail;USt-ID Nr.;' +
                'Kunde seit;Bemerkung',
        ];
        const lands = ['Deutschland', 'Österreich', 'D', 'Schweiz'];
        for (let at = 0; at < 200; at++)
            rows.push(
                `1${String(at).padStart(4, '0')};Bäckerei Müßig ${at};Königstraße ${at};` +
                    `0${1000 + at};Köln;${lands[at % 4]};` +
                    `0221/${555000 + at};;info@baeckerei${at}.example;DE${100000000 + at};` +
                    `${String((at % 28) + 1).padStart(2, '0')}.03.20${10 + (at % 14)};`,
            );
        rows[11] = rows[11].replace(/Köln;[^;]+;/, 'Köln;Ruritanien;');
        rows[21] = rows[21].replace('info@', 'info(at)');
        rows[31] = rows[31].replace(/\d\d\.03\.20\d\d/, '31.02.2020');
        return Buffer.from(`${rows.join('\r\n')}\r\n`, 'latin1');
    },
    // What is copied out of a spreadsheet: tabs, several e-mail columns, people beside firms.
    tabs() {
        const head = 'Company Name|Contact Person|Job Title|Email|Email 2|Mobile|City|State|Zip|';
        const rows = [`${head}Country|Tags`];
        for (let at = 0; at < 200; at++)
            rows.push(
                `Harbor Supply ${at}|Pat Doe ${at}|Buyer|pat${at}@harbor.example|` +
                    `${at % 3 ? '' : `sales${at}@harbor.example`}|+1 555 0${1000 + at}|Boston|MA|` +
                    `0${2100 + at}|USA|retail; east`,
            );
        rows[50] = rows[50].split('|').slice(0, 7).join('|');
        return Buffer.from(rows.join('\n').replaceAll('|', '\t'));
    },
    // A shop's export: a mark, quotes, line ends within notes.
    quotes() {
        const rows = ['"Customer No","Customer Name","Website","Notes","Lead Source","Status"'];
        for (let at = 0; at < 200; at++)
            rows.push(
                `"Q-${at}","Atelier ""Nº ${at}""","atelier${at}.example",` +
                    `"first line\nsecond, with comma","Google","Active"`,
            );
        rows[5] = '"Q-4","Atelier ""Nº 4"""," two words.example","","Google","Active"';
        rows[6] = '"Q-5","Atelier ""Nº 5""","","","Carrier pigeon","Active"';
        return Buffer.from(`\ufeff${rows.join('\r\n')}\r\n`);
    },
    // A large system's dump: 200 columns, of which a few mean something here.
    wide() {
        const known = {
            3: ['AccountName', (at) => `Globex ${at}`],
            17: ['Account Owner', () => 'owner@firm.example'],
            40: ['Billing Street', (at) => `${at} Main St`],
            41: ['Billing City', () => 'Springfield'],
            42: ['Billing Zip', (at) => `${12000 + at}`],
            43: ['Billing Country', () => 'United States'],
            77: ['Phone', (at) => `555-01${at}`],
            120: ['Industry', () => ''],
            150: ['Account Number', (at) => `W-${at}`],
        };
        const columns = Array.from({ length: 200 }, (_, at) => at);
        const rows = [columns.map((at) => known[at]?.[0] ?? `Custom_Field_${at}__c`)];
        for (let row = 0; row < 100; row++)
            rows.push(columns.map((at) => known[at]?.[1](row) ?? (at % 7 ? '' : `v${at}`)));
        rows[10][17] = 'somebody@else.example';
        rows[20][3] = '';
        return Buffer.from(rows.map((row) => row.join(',')).join('\n'));
    },
};

const faultsOf = (result) =>
    result.faults.map((fault) => `${fault.row} ${fault.column}: ${fault.message}`);

describe('a list by its headers alone', () => {
    test('with semicolons in Windows-1252', async () => {
        const result = await load(lists.semicolons());
        assert.deepEqual([result.created, result.failed], [197, 3], JSON.stringify(result));
        assert.deepEqual(result.left_out, []);
        const faults = faultsOf(result);
        assert.match(faults[0], /^12 Land: "Ruritanien" .*country/);
        assert.match(faults[1], /^22 E-Mail: "info\(at\)baeckerei20\.example" .*address/);
        assert.match(faults[2], /^32 Kunde seit: "31\.02\.2020" .*day|date/);
        const client = await named('Bäckerei Müßig 1');
        assert.deepEqual(
            [client.reference, client.vat_number, client.admitted_on, client.phones[0].value],
            ['10001', 'DE100000001', '2011-03-02', '0221/555001'],
        );
        const { line1, postal_code, city, country } = client.default_address;
        const place = [line1, postal_code, city, country];
        assert.deepEqual(place, ['Königstraße 1', '01001', 'Köln', 'AT']);
    });

    test('with tabs and people', async () => {
        const result = await load(lists.tabs());
        assert.deepEqual([result.created, result.failed], [199, 1], JSON.stringify(result));
        assert.deepEqual(result.left_out, []);
        assert.match(faultsOf(result)[0], /^51 null: has 7 cells where the header has 11/);
        const client = await named('Harbor Supply 3');
        assert.deepEqual(
            client.emails.map((email) => email.value),
            ['pat3@harbor.example', 'sales3@harbor.example'],
        );
        assert.deepEqual(client.tags, ['retail', 'east']);
        assert.equal(client.phones[0].label, 'mobile');
        assert.deepEqual(
            [client.primary_contact.name, client.primary_contact.title],
            ['Pat Doe 3', 'Buyer'],
        );
        const { region, country } = client.default_address;
        assert.deepEqual([region, country], ['MA', 'US']);
    });

    test('with quoted line ends behind a mark', async () => {
        const result = await load(lists.quotes());
        assert.deepEqual([result.created, result.failed], [198, 2], JSON.stringify(result));
        assert.deepEqual(result.left_out, []);
        const faults = faultsOf(result);
        assert.match(faults[0], /^6 Website: "two words\.example"/);
        assert.match(faults[1], /^7 Lead Source: "Carrier pigeon" .*google/);
        const client = await named('Atelier "Nº 7"');
        assert.equal(client.observations, 'first line\nsecond, with comma');
        assert.deepEqual([client.source, client.status], ['google', 'active']);
    });

    test('with two hundred columns', async () => {
        const result = await load(lists.wide());
        assert.deepEqual([result.created, result.failed], [98, 2], JSON.stringify(result.faults));
        assert.equal(result.left_out.length, 192);
        assert.ok(result.left_out.some((column) => column.header === 'Industry'));
        const faults = faultsOf(result);
        assert.match(faults[0], /^11 Account Owner: "somebody@else\.example" names no record/);
        assert.match(faults[1], /^21 AccountName: is required/);
        const client = await named('Globex 7');
        assert.equal(client.reference, 'W-7');
        assert.notEqual(client.account_manager, null);
        assert.equal(client.default_address.country, 'US');
    });
});
