// A firm's own fields: made by a record, in force with the next request.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { expectFault, expectProblem, expectStatus } from '../door/expect.mjs';
import { jobEnded } from '../door/jobs.mjs';
import { openServer } from '../door/server.mjs';
import { until } from '../door/wait.mjs';

let server;
let firm;
let other;
before(async () => {
    server = await openServer(['acme', 'other']);
    firm = server.firms.acme;
    other = server.firms.other;
});
after(() => server.close());

const field = (words, of = firm) =>
    of.call('POST', 'custom_fields', { entity: 'client', ...words });
const makeField = async (words, of = firm) => expectStatus(await field(words, of), 201).body;
let clients = 0;
const client = (words = {}, of = firm) =>
    of.call('POST', 'clients', {
        name: `Client ${++clients}`,
        primary_contact: { name: 'Ann Lee' },
        ...words,
    });

describe('a field of each kind', () => {
    const kinds = [
        [{ kind: 'text' }, 'blue', 'blue', 'red'],
        [{ kind: 'number' }, 7.5, '7.5', 8],
        [{ kind: 'decimal', scale: 2 }, 12.25, '12.25', 3],
        [
            { kind: 'money' },
            { amount: 1250, currency: 'EUR' },
            null,
            { amount: 1, currency: 'EUR' },
        ],
        [{ kind: 'date' }, '2026-03-01', '2026-03-01', '2027-01-01'],
        [{ kind: 'time' }, '2026-03-01T10:00:00.000Z', '2026-03-01T10:00:00Z', null],
        [{ kind: 'boolean' }, true, 'true', false],
        [{ kind: 'choices', open: true }, ['a', 'b'], 'a', ['c']],
        [{ kind: 'url' }, 'https://acme.example', 'https://acme.example', null],
        [{ kind: 'country' }, 'DE', 'DE', 'FR'],
        [{ kind: 'currency' }, 'EUR', 'EUR', 'USD'],
        [{ kind: 'language' }, 'de', 'de', 'fr'],
        [{ kind: 'long_text' }, 'a\nb', null, 'c'],
        [{ kind: 'object' }, { deep: [1, { er: true }] }, null, null],
    ];
    for (const [words, value, filter, next] of kinds)
        test(`${words.kind}: written, shown, found, changed, cleared`, async () => {
            const name = `x_a_${words.kind}`;
            const made = await makeField({ name, ...words });
            assert.equal(made.state, 'ready');
            assert.ok(made.number >= 4096);
            const record = expectStatus(await client({ [name]: value }), 201).body;
            assert.deepEqual(record[name], value);
            assert.deepEqual((await firm.get('clients', record.id))[name], value);
            if (filter !== null) {
                // A list has no order to sort by.
                const sort = words.kind === 'choices' ? '' : `&sort=-${name}`;
                const query = `clients?${name}=${encodeURIComponent(filter)}${sort}`;
                const found = expectStatus(await firm.call('GET', query), 200).body.data;
                assert.deepEqual(
                    found.map((one) => one.id),
                    [record.id],
                );
            }
            const patched = await firm.call('PATCH', `clients/${record.id}`, { [name]: next });
            const absent = words.kind === 'choices' ? [] : null;
            assert.deepEqual(expectStatus(patched, 200).body[name], next ?? absent);
            const cleared = await firm.call('PATCH', `clients/${record.id}`, { [name]: null });
            assert.deepEqual(expectStatus(cleared, 200).body[name], absent);
        });

    test('a reference leads to a record that is there, and holds it', async () => {
        await makeField({ name: 'x_partner', kind: 'reference', to: 'contact' });
        const contact = await firm.create('contacts', { name: 'Bo' });
        const record = expectStatus(await client({ x_partner: contact.id }), 201).body;
        assert.equal(record.x_partner, contact.id);
        expectFault(await client({ x_partner: record.id }), 'x_partner', 'missing');
        expectProblem(await firm.call('DELETE', `contacts/${contact.id}`), 409, 'x_partner');
        const shown = await firm.call('GET', `clients/${record.id}?expand=x_partner`);
        assert.equal(shown.body.x_partner.name, 'Bo');
    });
});

describe('what is said of a field', () => {
    test('its words bound values', async () => {
        await makeField({ name: 'x_code', kind: 'text', pattern: '[A-Z]{2}\\d+', unique: true });
        await makeField({ name: 'x_age', kind: 'number', min: 18, max: 99 });
        expectFault(await client({ x_code: 'ab1' }), 'x_code', 'pattern');
        expectFault(await client({ x_age: 17 }), 'x_age', 'range');
        expectStatus(await client({ x_code: 'AB1', x_age: 18 }), 201);
        expectProblem(await client({ x_code: 'AB1' }), 409, 'x_code');
    });

    test('a default, as a person writes it', async () => {
        await makeField({ name: 'x_since', kind: 'date', default: '31.12.2025' });
        await makeField({ name: 'x_open', kind: 'boolean', default: 'yes' });
        const record = expectStatus(await client(), 201).body;
        assert.equal(record.x_since, '2025-12-31');
        assert.equal(record.x_open, true);
    });

    test('its words find the record', async () => {
        await makeField({ name: 'x_nickname', kind: 'text' });
        const record = expectStatus(await client({ x_nickname: 'Zebulon' }), 201).body;
        const found = await firm.call('GET', 'clients?q=zebulon');
        assert.deepEqual(
            found.body.data.map((one) => one.id),
            [record.id],
        );
    });

    test('a label may change, a name and a kind may not', async () => {
        const made = await makeField({ name: 'x_label', kind: 'text' });
        assert.equal(made.label, 'Label');
        const where = `custom_fields/${made.id}`;
        const renamed = expectStatus(await firm.call('PATCH', where, { label: 'Other' }), 200).body;
        assert.equal(renamed.label, 'Other');
        expectFault(await firm.call('PATCH', where, { name: 'x_other' }), 'name', 'read_only');
        expectFault(await firm.call('PATCH', where, { kind: 'number' }), 'kind', 'read_only');
        expectFault(await firm.call('PATCH', where, { entity: 'contact' }), 'entity', 'read_only');
    });

    const wrong = [
        ['an entity that is not there', { entity: 'clint' }, 'entity'],
        ['a name without its mark', { name: 'tier' }, 'name'],
        ['a name with a hyphen', { name: 'x_a-b' }, 'name'],
        ['no kind', { kind: null }, 'kind'],
        ['an unknown kind', { kind: 'colour' }, 'kind'],
        ['a decimal without scale', { kind: 'decimal' }, 'scale'],
        ['a scale out of range', { kind: 'decimal', scale: 12 }, 'scale'],
        ['a reference to nothing', { kind: 'reference' }, 'to'],
        ['a reference to no entity', { kind: 'reference', to: 'thing' }, 'to'],
        ['a pattern that does not end', { pattern: '(' }, 'pattern'],
        ['a pattern of a number', { kind: 'number', pattern: 'a' }, 'pattern'],
        ['a most of no sense', { max: 0 }, 'max'],
        ['a least above the most', { kind: 'number', min: 5, max: 4 }, 'min'],
        ['a unique yes or no', { kind: 'boolean', unique: true }, 'unique'],
        ['an index of a long text', { kind: 'long_text', index: true }, 'index'],
        ['a default that does not fit', { kind: 'date', default: 'soon' }, 'default'],
        ['a set of a text', { set: 'client.status' }, 'set'],
        ['a formula without one', { kind: 'formula' }, 'formula'],
        ['a formula of a text', { formula: 'record.name' }, 'formula'],
    ];
    for (const [name, words, fault] of wrong)
        test(`refuses ${name}`, async () => {
            expectFault(await field({ name: 'x_wrong', kind: 'text', ...words }), fault);
            expectFault(await client({ x_wrong: 1 }), 'x_wrong', 'unknown');
        });

    test('a name is given once', async () => {
        await makeField({ name: 'x_once', kind: 'text' });
        expectFault(await field({ name: 'x_once', kind: 'text' }), 'name', 'taken');
        await makeField({ entity: 'contact', name: 'x_once', kind: 'number' });
    });

    test('what shapes the model has no own fields', async () => {
        const answer = await field({ entity: 'custom_field', name: 'x_self', kind: 'text' });
        expectFault(answer, 'entity', 'reserved');
    });
});

describe('everywhere', () => {
    test('another firm has none of it', async () => {
        await makeField({ name: 'x_secret', kind: 'text' });
        expectFault(await client({ x_secret: 'a' }, other), 'x_secret', 'unknown');
        expectProblem(await other.call('GET', 'clients?x_secret=a'), 400, 'x_secret');
        const schema = (await other.call('GET', 'schema')).text;
        assert.ok(!schema.includes('x_secret'));
        await makeField({ name: 'x_secret', kind: 'number' }, other);
        expectStatus(await client({ x_secret: 3 }, other), 201);
        expectStatus(await client({ x_secret: 'three' }), 201);
    });

    test('the schema and the description of the API name it', async () => {
        await makeField({ name: 'x_shown', kind: 'decimal', scale: 1, label: 'Shown so' });
        const schema = expectStatus(await firm.call('GET', 'schema'), 200).body;
        const shown = schema.entities
            .find((one) => one.name === 'client')
            .fields.find((one) => one.name === 'x_shown');
        assert.equal(shown.label, 'Shown so');
        assert.equal(shown.scale, 1);
        assert.equal(shown.custom, true);
        const description = expectStatus(await firm.call('GET', 'openapi.json'), 200).body;
        assert.ok(description.components.schemas.client.properties.x_shown);
        const theirs = expectStatus(await other.call('GET', 'openapi.json'), 200).body;
        assert.ok(!theirs.components.schemas.client.properties.x_shown);
    });

    /** Imports the rows of CSV and gives the job when it is over. */
    async function load(text, meanwhile = () => {}) {
        const begun = await firm.call('POST', 'clients/import', text, {
            'content-type': 'text/csv',
        });
        await meanwhile();
        const job = await jobEnded(firm, begun);
        assert.equal(job.state, 'done', JSON.stringify(job));
        assert.equal(job.result.failed, 0, JSON.stringify(job.result));
        return job;
    }

    test('an import knows it by its name, its label and its choices by theirs', async () => {
        await makeField({ name: 'x_rank', kind: 'choice', label: 'Rank of client' });
        await makeField({ name: 'x_paid', kind: 'date', synonyms: ['last payment'] });
        await makeField({ name: 'x_row', kind: 'number' });
        await firm.create('choices', { set: 'client.x_rank', value: 'a1', label: 'First class' });
        const rows = 'name,Rank of client,Last Payment,x_row\nImported,First class,1.2.2026,7\n';
        await load(rows);
        const found = (await firm.call('GET', 'clients?x_row=7')).body.data[0];
        assert.deepEqual([found.x_rank, found.x_paid], ['a1', '2026-02-01']);
        const exported = await firm.call('GET', 'clients/export?x_row=7', undefined, {
            accept: 'text/csv',
        });
        assert.match(expectStatus(exported, 200).text, /x_rank|Rank of client/);
    });

    test('what is made while an import runs holds for its rows', async () => {
        const rows = Array.from({ length: 1500 }, (_, at) => `Row ${at},note ${at}`);
        const before = (await firm.call('GET', 'clients?count=true')).body.count.value;
        await load(`name,source_note\n${rows.join('\n')}\n`, async () => {
            await makeField({ name: 'x_late', kind: 'text', default: 'late' });
            await makeField({ name: 'x_size', kind: 'formula', formula: '#record.name' });
        });
        const count = (await firm.call('GET', 'clients?count=true')).body.count.value;
        assert.equal(count, before + 1500);
        await server.mustRun(['check']);
    });

    test('it is kept over a restart, and all holds', async () => {
        await makeField({ name: 'x_kept', kind: 'text' });
        const record = expectStatus(await client({ x_kept: 'still' }), 201).body;
        await server.stop();
        await server.mustRun(['check']);
        await server.start();
        assert.equal((await firm.get('clients', record.id)).x_kept, 'still');
        const found = await firm.call('GET', 'clients?x_kept=still');
        assert.equal(found.body.data.length, 1);
    });
});

describe('a deleted field', () => {
    test('is gone from records, and keeps its name and its history', async () => {
        const made = await makeField({ name: 'x_gone', kind: 'text' });
        const record = expectStatus(await client({ x_gone: 'seen' }), 201).body;
        expectStatus(await firm.call('DELETE', `custom_fields/${made.id}`), 204);
        const shown = await firm.get('clients', record.id);
        assert.ok(!('x_gone' in shown));
        expectProblem(await firm.call('GET', 'clients?x_gone=seen'), 400, 'x_gone');
        const history = (await firm.call('GET', `clients/${record.id}/history`)).body.data;
        assert.equal(history.at(-1).changes.x_gone.new, 'seen');
        expectFault(await field({ name: 'x_gone', kind: 'number' }), 'name', 'taken');
        await until(async () => (await firm.all('clients', 'q=seen')).length === 0);
        const again = await until(async () => {
            const answer = await field({ name: 'x_gone', kind: 'text' });
            return answer.status !== 422 && answer;
        }, 'its name is free again');
        assert.equal(expectStatus(again, 201).body.number, made.number);
        assert.equal((await firm.get('clients', record.id)).x_gone, null);
    });

    test('comes back by undo, and its number with it', async () => {
        const made = await makeField({ name: 'x_undone', kind: 'number' });
        expectStatus(await client({ x_undone: 1 }), 201);
        const gone = await firm.call('DELETE', `custom_fields/${made.id}`);
        const group = expectStatus(gone, 204).headers['atrium-group'];
        const undone = await firm.call('POST', `groups/${group}/undo`);
        expectStatus(undone, 200, 202);
        const back = await firm.get('custom_fields', made.id);
        assert.equal(back.number, made.number);
        const { id } = expectStatus(await client({ x_undone: 2 }), 201).body;
        const found = await firm.call('GET', 'clients?x_undone=2');
        assert.deepEqual(
            found.body.data.map((one) => one.id),
            [id],
        );
        await server.mustRun(['check']);
    });
});
