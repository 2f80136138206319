// Workbooks in: cells of every form, sheets by name, and archives that are made to hurt.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { jobEnded } from '../door/jobs.mjs';
import { openServer } from '../door/server.mjs';
import { workbook, zip } from '../door/workbook.mjs';

const type = {
    'content-type': 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
};
let server;
let firm;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
});
after(() => server.close());

const day = (number, style = 'day') => ({ number, style });
const send = (bytes, query = '') => firm.call('POST', `clients/import?${query}`, bytes, type);
async function preview(bytes, query = '') {
    const answer = await send(bytes, `preview=true&${query}`);
    assert.equal(answer.status, 200, answer.text);
    return answer.body;
}
async function refused(bytes, form, query = '') {
    const answer = await send(bytes, `preview=true&${query}`);
    assert.equal(answer.status, 400, answer.text);
    assert.match(answer.body.detail, form);
}

describe('a workbook', () => {
    test('gives texts, numbers, days and what formulas gave', async () => {
        const told = await preview(
            workbook({
                Kunden: [
                    ['Firma', 'Kunde seit', 'Kundennummer', 'Steuernummer', 'Notes', 'PLZ', 'Tags'],
                    null,
                    ['Ölmühle & Söhne', day(45292), 1001, '007', true, 10115],
                    [{ inline: 'Inline <AG>' }, day(45292, 'own'), { formula: 'F-7' }],
                    [{ rich: ['Rich', ' Text'] }, day(59), 12.5, 1234567890123],
                ],
            }),
        );
        assert.equal(told.format, 'xlsx');
        assert.deepEqual(told.faults, []);
        assert.deepEqual(
            told.rows.map((row) => row.row),
            [3, 4, 5],
        );
        const [first, second, third] = told.rows.map((row) => row.values);
        assert.deepEqual(
            [first.name, first.admitted_on, first.reference, first.tax_id, first.observations],
            ['Ölmühle & Söhne', '2024-01-01', '1001', '007', 'true'],
        );
        assert.equal(first.default_address.postal_code, '10115');
        assert.deepEqual(
            [second.name, second.admitted_on, second.reference],
            ['Inline <AG>', '2024-01-01', 'F-7'],
        );
        assert.deepEqual(
            [third.name, third.admitted_on, third.reference, third.tax_id],
            ['Rich Text', '1900-02-28', '12.5', '1234567890123'],
        );
    });

    test('of old Macs counts its days from 1904', async () => {
        const rows = [
            ['Name', 'Client since'],
            ['Mac', day(43830)],
        ];
        const told = await preview(workbook({ One: rows }, { has1904Days: true }));
        assert.equal(told.rows[0].values.admitted_on, '2024-01-01');
    });

    test('gives the first sheet, or the one that is named', async () => {
        const book = workbook({
            First: [['Name'], ['From the first']],
            Second: [['Name'], ['From the second']],
        });
        assert.equal((await preview(book)).rows[0].values.name, 'From the first');
        const second = await preview(book, 'sheet=second');
        assert.equal(second.rows[0].values.name, 'From the second');
        await refused(book, /no sheet Third; it has First, Second/, 'sheet=Third');
    });

    test('makes records, and gives failed rows back as CSV', async () => {
        const rows = Array.from({ length: 800 }, (_, at) => [`Sheet ${at}`, `s${at}@s.example`]);
        rows[700][1] = 'no address';
        const begun = await send(workbook({ One: [['Name', 'Email'], ...rows] }));
        const job = await jobEnded(firm, begun);
        assert.equal(job.state, 'done', JSON.stringify(job));
        assert.deepEqual([job.result.created, job.result.failed], [799, 1]);
        assert.equal(job.result.faults[0].row, 702);
        const failed = await firm.call('GET', job.result.failed_rows);
        assert.ok(failed.text.startsWith('\ufeffName,Email,fault\r\nSheet 700,no address,'));
        assert.equal((await firm.all('clients', 'name[prefix]=Sheet')).length, 799);
    });
});

describe('an archive that is no workbook', () => {
    test('is refused in words', async () => {
        const book = workbook({ One: [['Name'], ['x']] });
        await refused(zip({ 'a.txt': 'hello' }), /no part xl\/workbook\.xml/);
        await refused(book.subarray(0, book.length - 30), /no whole zip archive/);
        await refused(Buffer.from('PK\x03\x04 and nothing else'), /no whole zip archive/);
        await refused(workbook({ One: [] }), /empty/);
        const many = Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`p${at}`, '']));
        await refused(zip(many), /more than 4096 parts/);
    });

    test('and unfolds without end is stopped', async () => {
        const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
        const bomb =
            `<worksheet xmlns="${main}"><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>` +
            `${' '.repeat(60_000_000)}</t></is></c></row></sheetData></worksheet>`;
        const parts = { 'xl/worksheets/sheet1.xml': bomb };
        const book = workbook({ One: [['Name']] }, { parts });
        assert.ok(book.length < 2 ** 20);
        await refused(book, /unfolds to more than it may/);
        const strings = `<sst xmlns="${main}">${'<si><t>a</t></si>'.repeat(1_200_000)}</sst>`;
        const full = workbook({ One: [['Name']] }, { parts: { 'xl/sharedStrings.xml': strings } });
        await refused(full, /too much text|unfolds to more than it may/);
    });

    test('or nests, or declares entities, is stopped', async () => {
        const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
        const deep = '<a>'.repeat(100) + '</a>'.repeat(100);
        const nested = `<worksheet xmlns="${main}"><sheetData>${deep}</sheetData></worksheet>`;
        const sheet = (xml) =>
            workbook({ One: [['Name']] }, { parts: { 'xl/worksheets/sheet1.xml': xml } });
        await refused(sheet(nested), /too deep/);
        const laughs =
            '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>' +
            `<worksheet xmlns="${main}"><sheetData><row><c t="inlineStr"><is><t>&b;</t></is></c>` +
            '</row></sheetData></worksheet>';
        await refused(sheet(laughs), /document type/);
        await refused(sheet('<worksheet><sheetData><row>'), /XML is damaged/);
    });
});
