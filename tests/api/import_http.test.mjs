// Imports by call: a preview tells what would come of a table, a job does it, the failed rows come
// back.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { expectStatus } from '../door/expect.mjs';
import { jobEnded } from '../door/jobs.mjs';
import { openServer } from '../door/server.mjs';
import { pause } from '../door/wait.mjs';

const PART = 2 ** 20;

let server;
let firm;
before(async () => {
    server = await openServer(['acme', 'other']);
    firm = server.firms.acme;
});
after(() => server.close());

/** Sends a table in parts; gives the upload's id. */
async function upload(bytes, part = PART) {
    const whole = Buffer.from(bytes);
    const begun = await firm.call('POST', 'uploads', { name: 'list', bytes: whole.length });
    assert.equal(begun.status, 201, begun.text);
    for (let at = 0, number = 1; at < whole.length; at += part, number++) {
        const type = { 'content-type': 'application/octet-stream' };
        const where = `uploads/${begun.body.id}/${number}`;
        const put = await firm.call('PUT', where, whole.subarray(at, at + part), type);
        assert.equal(put.status, 200, put.text);
    }
    return begun.body.id;
}

/** Begins an import and waits for its end. */
async function load(request, collection = 'clients') {
    const begun = await firm.call('POST', `${collection}/import`, request);
    assert.equal(begun.status, 202, begun.text);
    assert.equal(begun.headers.location, `/api/v1/jobs/${begun.body.id}`);
    assert.equal(begun.body.kind, 'import');
    return jobEnded(firm, begun);
}

const preview = async (request, collection = 'clients') => {
    const answer = await firm.call('POST', `${collection}/import`, { preview: true, ...request });
    assert.equal(answer.status, 200, answer.text);
    return answer.body;
};
const total = async () => (await firm.call('GET', 'clients?count=true&limit=1')).body.count.value;
const named = (prefix) =>
    firm.all('clients', `name[prefix]=${encodeURIComponent(prefix)}&sort=name`);

describe('an import', () => {
    test('of an upload in odd parts makes every row once, as one group', async () => {
        const rows = Array.from({ length: 900 }, (_, at) => `Odd ${at},odd${at}@odd.example`);
        const job = await load({
            upload: await upload(`Name,Email\n${rows.join('\n')}\n`, 7001),
            mode: 'create',
        });
        assert.equal(job.state, 'done', JSON.stringify(job));
        assert.deepEqual(
            [job.result.rows, job.result.created, job.result.failed, job.result.failed_rows],
            [900, 900, 0, null],
        );
        assert.equal(job.done, job.total);
        const found = await named('Odd ');
        assert.equal(found.length, 900);
        assert.equal(new Set(found.map((client) => client.emails[0].value)).size, 900);
        const { data } = (await firm.call('GET', `clients/${found[7].id}/history`)).body;
        assert.equal(data[0].group, job.group);
        assert.equal(data[0].cause, job.id);
    });

    test('tells what failed in words, and gives those rows back to be mended', async () => {
        const text =
            'Firma;E-Mail;Land\nGood One;good@one.example;Österreich\n' +
            'Bad Mail;not an address;Schweiz\nBad Land;x@y.example;Atlantis\n';
        const job = await load({ text });
        assert.equal(job.state, 'done', JSON.stringify(job));
        assert.deepEqual([job.result.created, job.result.failed], [1, 2]);
        const [mail, land] = job.result.faults;
        assert.deepEqual([mail.row, mail.column], [3, 'E-Mail']);
        assert.match(mail.message, /"not an address" .*address/);
        assert.deepEqual([land.row, land.column], [4, 'Land']);
        assert.match(land.message, /"Atlantis"/);
        const failed = await firm.call('GET', job.result.failed_rows);
        assert.equal(failed.status, 200);
        assert.match(failed.headers['content-type'], /^text\/csv/);
        const lines = failed.text.trimEnd().split('\r\n');
        assert.equal(lines[0], 'Firma;E-Mail;Land;fault');
        assert.equal(lines.length, 3);
        assert.ok(lines[1].startsWith('Bad Mail;not an address;Schweiz;'));
        const mended = failed.text
            .replace('not an address', 'mail@bad.example')
            .replace('Atlantis', 'Schweiz');
        const again = await load({ text: mended });
        assert.deepEqual([again.result.created, again.result.failed], [2, 0]);
        assert.equal((await firm.call('GET', `jobs/${again.id}/failed`)).status, 404);
        assert.equal((await server.firms.other.call('GET', job.result.failed_rows)).status, 404);
    });

    test('takes a table as its body, CSV or NDJSON', async () => {
        const csv = await firm.call(
            'POST',
            'clients/import?match=reference&mode=upsert',
            'Name,Customer No\nBody One,B-1\n',
            { 'content-type': 'text/csv; charset=utf-8' },
        );
        assert.equal(csv.status, 202, csv.text);
        assert.equal((await jobEnded(firm, csv)).result.created, 1);
        const lines = [
            { name: 'Body One, changed', reference: 'B-1', tags: ['vip'] },
            {
                name: 'Body Two',
                reference: 'B-2',
                primary_contact: { name: 'Bea Two', emails: ['bea@two.example'] },
                default_address: { line1: 'Weg 2', city: 'Bonn', country: 'DE' },
            },
            { name: 'Body Three', nonsense: 1 },
        ];
        const ndjson = await firm.call(
            'POST',
            'clients/import?match=reference',
            lines.map((line) => JSON.stringify(line)).join('\n'),
            { 'content-type': 'application/x-ndjson' },
        );
        assert.equal(ndjson.status, 202, ndjson.text);
        const job = await jobEnded(firm, ndjson);
        assert.deepEqual(
            [job.result.created, job.result.updated, job.result.failed],
            [1, 1, 1],
            JSON.stringify(job),
        );
        assert.match(job.result.faults[0].message, /nonsense/);
        const failed = await firm.call('GET', job.result.failed_rows);
        assert.match(failed.headers['content-type'], /ndjson/);
        const row = JSON.parse(failed.text);
        assert.equal(row.name, 'Body Three');
        assert.match(row.fault, /nonsense/);
        const [one, two] = await named('Body ');
        assert.deepEqual([one.name, one.tags], ['Body One, changed', ['vip']]);
        assert.equal((await firm.get('contacts', two.primary_contact)).name, 'Bea Two');
        assert.equal((await firm.get('addresses', two.default_address)).city, 'Bonn');
    });

    test('is cancelled where it is; what stands, stands', async () => {
        // Twice as many, where the server is done before it is asked to stop.
        let job;
        for (let length = 30_000; job?.state !== 'cancelled'; length *= 2) {
            const rows = Array.from({ length }, (_, at) => `Long ${at}`);
            const id = await upload(`Name\n${rows.join('\n')}\n`);
            const begun = await firm.call('POST', 'clients/import', { upload: id });
            const cancelled = await firm.call('POST', `jobs/${begun.body.id}/cancel`);
            job = await jobEnded(firm, begun);
            if (job.state === 'done') expectStatus(cancelled, 409);
            else expectStatus(cancelled, 200);
        }
        const count = await total();
        await pause(100);
        assert.equal(await total(), count);
    });

    test('is refused in words before it begins', async () => {
        const refused = async (request, status, form, collection = 'clients') => {
            const answer = await firm.call('POST', `${collection}/import`, request);
            assert.equal(answer.status, status, answer.text);
            assert.match(answer.text, form);
        };
        await refused({}, 422, /`upload` or `text`/);
        await refused({ text: 'Name\nx\n', mode: 'replace' }, 422, /create, update or upsert/);
        await refused({ text: 'Name\nx\n', colour: 'red' }, 422, /colour/);
        await refused({ text: 'Foo\nx\n' }, 422, /no column has the name of a field/);
        await refused({ text: 'Name\nx\n', mode: 'update' }, 422, /match/);
        await refused({ text: 'Name\nx\n', match: 'reference' }, 422, /no column gives/);
        await refused({ text: 'Name\nx\n', map: { Nome: 'name' } }, 422, /no column of this name/);
        await refused({ upload: '0192f0c1-2345-7abc-8def-0123456789ab' }, 422, /no such upload/);
        await refused({ text: 'Name\nx\n', mapping: 'none' }, 422, /no import mapping/);
        await refused({ text: 'Title\nx\n' }, 404, /./, 'settings');
        const begun = (await firm.call('POST', 'uploads', { bytes: 10 })).body.id;
        await refused({ upload: begun }, 409, /of the upload's 10 bytes 0 are there/);
    });
});

describe('a preview', () => {
    test('shows mapping, values and faults, forecasts all rows and writes nothing', async () => {
        await load({
            text: 'Name,Customer No,Website\nSeen,S-1,old.example\nSame,S-2,same.example\n',
        });
        const before = await total();
        const told = await preview({
            text:
                'Name,Customer No,Website,Colour\nSeen,S-1,new.example,red\n' +
                'Same,S-2,same.example,blue\nNew,S-3,n.example,\nTwin,S-3,t.example,\n,S-5,,\n',
            match: 'reference',
        });
        assert.equal(await total(), before);
        assert.deepEqual(
            told.columns.map((column) => [column.header, column.path]),
            [
                ['Name', 'name'],
                ['Customer No', 'reference'],
                ['Website', 'website'],
                ['Colour', null],
            ],
        );
        assert.deepEqual(told.columns[3].examples, ['red', 'blue']);
        assert.match(told.columns[3].why, /no field/);
        assert.deepEqual(
            [told.rows[0].row, told.rows[0].values.name, told.rows[0].values.website],
            [2, 'Seen', 'new.example'],
        );
        const { forecast } = told;
        const { fields, ...counts } = forecast;
        assert.deepEqual(
            counts,
            {
                rows: 5,
                created: 1,
                updated: 2,
                unchanged: 1,
                failed: 1,
                rules: { rows: 5, rules: [] },
            },
            JSON.stringify(told),
        );
        assert.deepEqual(fields, { name: 1, website: 2 });
        assert.equal(told.faults[0].row, 6);
        assert.equal((await named('New')).length, 0);
    });

    test('foretells what rows far apart do to each other, and is right', async () => {
        const rows = Array.from({ length: 700 }, (_, at) => `Far ${at},F-${at % 650}`);
        const table = { text: `Name,Customer No\n${rows.join('\n')}\n` };
        const upsert = await preview({ ...table, match: 'reference' });
        assert.deepEqual([upsert.forecast.created, upsert.forecast.updated], [650, 50]);
        const create = await preview({ ...table, mode: 'create' });
        assert.deepEqual([create.forecast.created, create.forecast.failed], [650, 50]);
        const job = await load({ ...table, match: 'reference' });
        assert.deepEqual([job.result.created, job.result.updated], [650, 50]);
    });

    test('of a large table is a job that writes nothing', async () => {
        const note = 'x'.repeat(700);
        const rows = Array.from({ length: 1600 }, (_, at) => `Wide ${at},${note}`);
        const id = await upload(`Name,Notes\n${rows.join('\n')}\n`);
        const job = await load({ upload: id, preview: true });
        assert.equal(job.state, 'done', JSON.stringify(job));
        assert.equal(job.result.forecast.created, 1600);
        assert.equal((await named('Wide ')).length, 0);
    });

    test('says of a header that fits two fields that it does', async () => {
        const told = await preview({
            text: 'Name,Notes,E-mail,E-mail 2,Client name\nA,b,a@b.example,c@d.example,x\n',
        });
        const of = Object.fromEntries(told.columns.map((column) => [column.header, column]));
        assert.equal(of['E-mail 2'].path, 'emails');
        assert.equal(of['Client name'].path, null);
        assert.match(of['Client name'].why, /`name` is taken from the column `Name`/);
    });
});
