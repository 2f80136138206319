// Many operations at once: in one change that happens whole or not at all, or each by itself in a
// job that keeps what came of each.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { expectProblem, expectStatus } from '../door/expect.mjs';
import { jobEnded, resultsOf } from '../door/jobs.mjs';
import { openServer } from '../door/server.mjs';

let server;
let firm;
before(async () => {
    server = await openServer(['acme', 'borg']);
    firm = server.firms.acme;
});
after(() => server.close());

const contact = (name) => ({ name });
const bulk = (body, of = firm) => of.call('POST', 'contacts/bulk', body);
const countOf = async (query) =>
    (await firm.call('GET', `contacts?limit=1&count=true&${query}`)).body.count.value;
const missing = '01890000-0000-7000-8000-000000000000';

describe('in one change', () => {
    test('creates, patches and deletes are one group', async () => {
        const kept = await firm.create('contacts', contact('Kept'));
        const gone = await firm.create('contacts', contact('Gone'));
        const { headers } = await firm.call('GET', `contacts/${kept.id}`);
        const answer = await bulk([
            { create: contact('Made') },
            { patch: { id: kept.id, title: 'Boss' }, if_match: headers.etag },
            { delete: gone.id },
        ]);
        expectStatus(answer, 200);
        const { group, results } = answer.body;
        assert.equal(group, answer.headers['atrium-group']);
        assert.deepEqual(
            results.map((result) => [result.index, result.operation, result.status]),
            [
                [0, 'create', 201],
                [1, 'patch', 200],
                [2, 'delete', 204],
            ],
        );
        assert.equal((await firm.get('contacts', results[0].id)).name, 'Made');
        assert.equal((await firm.get('contacts', kept.id)).title, 'Boss');
        const now = await firm.call('GET', `contacts/${kept.id}`);
        assert.equal(results[1].etag, now.headers.etag);
        expectStatus(await firm.call('GET', `contacts/${gone.id}`), 404);
        const history = await firm.call('GET', `contacts/${kept.id}/history`);
        assert.equal(history.body.data[0].group, group);
    });

    test('faults name their operation, and nothing happens', async () => {
        const answer = await bulk({
            operations: [
                { create: contact('Half A') },
                { create: { name: '', colour: 'red' } },
                { create: contact('Half B') },
                { patch: { id: missing.slice(1), name: 'X' } },
                { dance: true },
            ],
        });
        expectProblem(answer, 422);
        const fields = answer.body.errors.map((error) => error.field);
        assert.ok(fields.includes('operations[1].name'), fields.join());
        assert.ok(fields.includes('operations[1].colour'), fields.join());
        assert.ok(fields.includes('operations[3].patch.id'), fields.join());
        assert.ok(fields.includes('operations[4].dance'), fields.join());
        assert.equal(await countOf('name[prefix]=half'), 0);
    });

    test('what is missing or was changed meanwhile stops all, and is named', async () => {
        const kept = await firm.create('contacts', contact('Tagged'));
        for (const [status, operation] of [
            [404, { delete: missing }],
            [404, { patch: { id: missing, name: 'X' } }],
            [412, { patch: { id: kept.id, name: 'X' }, if_match: '"7.7"' }],
        ]) {
            const answer = await bulk([{ create: contact('Stopped') }, operation]);
            expectProblem(answer, status);
            assert.match(answer.body.detail, /^operations\[1\]: /);
        }
        assert.equal(await countOf('name=Stopped'), 0);
    });

    test('1,000 are taken, 1,001 are not', async () => {
        const many = Array.from({ length: 1001 }, (_, at) => ({ create: contact(`Many ${at}`) }));
        expectProblem(await bulk(many), 413);
        assert.equal(await countOf('name[prefix]=many'), 0);
        const answer = await bulk(many.slice(1));
        expectStatus(answer, 200);
        assert.equal(answer.body.results.length, 1000);
        assert.equal(await countOf('name[prefix]=many'), 1000);
    });

    test('an empty list does nothing', async () => {
        const answer = await bulk([]);
        expectStatus(answer, 200);
        assert.deepEqual(answer.body, { group: null, results: [] });
        assert.equal(answer.headers['atrium-group'], undefined);
    });

    test('a body that is none of the forms is told what there is', async () => {
        const wrong = [
            [{}, ''],
            [{ operations: {} }, 'operations'],
            [{ operations: [], filter: {} }, ''],
            [{ filter: { name: 'x' } }, 'patch'],
            [{ filter: { name: 'x' }, patch: {}, delete: true }, 'patch'],
            [{ filter: { colour: 'x' }, patch: { name: 'y' } }, 'filter.colour'],
            [{ operations: [], patch: {} }, 'patch'],
            [{ upload: 'here', atomic: true }, 'atomic'],
            [{ upload: 'here' }, 'upload'],
            [{ operations: [], atomic: 'no' }, 'atomic'],
            [{ operations: [], colour: 1 }, 'colour'],
            [7, ''],
        ];
        for (const [body, field] of wrong) expectProblem(await bulk(body), 422, field);
        expectStatus(await firm.call('POST', 'settings/bulk', []), 404);
    });
});

describe('as a job', () => {
    test('each operation has its result, and those at fault do not stop the others', async () => {
        const kept = await firm.create('contacts', contact('Job Kept'));
        const gone = await firm.create('contacts', contact('Job Gone'));
        const begun = await bulk({
            atomic: false,
            operations: [
                { create: contact('Job Made') },
                { create: { title: 'Nobody' } },
                { patch: { id: kept.id, title: 'Boss' } },
                { patch: { id: missing, title: 'Boss' } },
                { delete: gone.id },
                { patch: { id: kept.id, title: 'X' }, if_match: '"9.9"' },
                7,
            ],
        });
        expectStatus(begun, 202);
        assert.equal(begun.headers.location, `/api/v1/jobs/${begun.body.id}`);
        assert.equal(begun.body.kind, 'bulk');
        const job = await jobEnded(firm, begun);
        assert.equal(job.state, 'done');
        assert.deepEqual([job.done, job.total], [7, 7]);
        assert.deepEqual(job.result, { created: 1, updated: 1, deleted: 1, failed: 4 });
        const results = await resultsOf(firm, job);
        assert.deepEqual(
            results.map((result) => result.status),
            [201, 422, 200, 404, 204, 412, 422],
        );
        assert.deepEqual(
            results.map((result) => result.index),
            [0, 1, 2, 3, 4, 5, 6],
        );
        assert.equal(results[1].problem.errors[0].field, 'name');
        const made = await firm.call('GET', `contacts/${results[0].id}/history`);
        assert.equal(made.body.data[0].group, job.group);
        assert.equal(made.body.data[0].cause, job.id);
    });

    test('3,000 operations come as an upload, one in each line', async () => {
        const lines = Array.from({ length: 3_000 }, (_, at) =>
            at % 1000 === 500 ? '{"create":{"name":' : `{"create":{"name":"Line ${at}"}}`,
        );
        const text = `\n${lines.join('\n')}\n\n`;
        const upload = await firm.call('POST', 'uploads', { bytes: text.length });
        expectStatus(upload, 201);
        const put = await firm.call('PUT', `uploads/${upload.body.id}/1`, text, {
            'content-type': 'application/octet-stream',
        });
        expectStatus(put, 200);
        const job = await jobEnded(firm, await bulk({ upload: upload.body.id }));
        assert.equal(job.state, 'done', JSON.stringify(job));
        assert.deepEqual(job.result, { created: 2997, updated: 0, deleted: 0, failed: 3 });
        assert.deepEqual([job.done, job.total], [3_000, 3_000]);
        const results = await resultsOf(firm, job);
        assert.equal(results.length, 3_000);
        assert.equal(results[500].status, 400);
        assert.match(results[500].problem.detail, /line 1/);
        assert.equal(await countOf('name[prefix]=line'), 2997);
        const again = await bulk({ upload: missing });
        assert.equal((await jobEnded(firm, again)).problem.status, 404);
    });

    test('one edit of all that match, or their deletion', async () => {
        for (let at = 0; at < 3; at++) await firm.create('contacts', contact(`Edit ${at}`));
        const filter = { name: { prefix: 'edit' } };
        const edited = await jobEnded(firm, await bulk({ filter, patch: { title: 'Edited' } }));
        assert.deepEqual(edited.result, { created: 0, updated: 3, deleted: 0, failed: 0 });
        assert.deepEqual([edited.kind, edited.done, edited.total], ['bulk_edit', 3, 3]);
        const found = await firm.all('contacts', 'name[prefix]=edit');
        assert.deepEqual(new Set(found.map((record) => record.title)), new Set(['Edited']));
        const failed = await jobEnded(firm, await bulk({ filter, patch: { title: 7 } }));
        assert.deepEqual(failed.result, { created: 0, updated: 0, deleted: 0, failed: 3 });
        assert.equal((await resultsOf(firm, failed))[0].problem.errors[0].field, 'title');
        const deleted = await jobEnded(firm, await bulk({ filter, delete: true }));
        assert.equal(deleted.result.deleted, 3);
        assert.equal(await countOf('name[prefix]=edit'), 0);
        const nothing = await jobEnded(firm, await bulk({ filter, delete: true }));
        assert.deepEqual([nothing.state, nothing.done, nothing.total], ['done', 0, 0]);
    });

    test('an edit leaves archived records out, unless its filter speaks of them', async () => {
        const shown = await firm.create('contacts', contact('Shelf A'));
        const away = await firm.create('contacts', contact('Shelf B'));
        expectStatus(await firm.call('POST', `contacts/${away.id}/archive`), 200);
        const filter = { name: { prefix: 'shelf' } };
        const first = await jobEnded(firm, await bulk({ filter, patch: { title: 'first' } }));
        assert.equal(first.result.updated, 1);
        assert.equal((await firm.get('contacts', shown.id)).title, 'first');
        const asked = { ...filter, archived_at: { empty: false } };
        const second = await jobEnded(firm, await bulk({ filter: asked, patch: { title: 'it' } }));
        assert.equal(second.result.updated, 1, JSON.stringify(second));
        assert.equal((await firm.get('contacts', away.id)).title, 'it');
    });

    test('what shapes the model does so at once, for the operation behind it too', async () => {
        const of = server.firms.borg;
        const field = (name) => ({ create: { entity: 'contact', name, kind: 'text' } });
        const more = { create: { entity: 'contact', name: 'x_one', kind: 'text' } };
        const made = await of.call('POST', 'custom_fields/bulk', [field('x_one'), field('x_two')]);
        expectStatus(made, 200);
        const begun = await of.call('POST', 'custom_fields/bulk', {
            atomic: false,
            operations: [field('x_three'), more, field('x_four')],
        });
        const job = await jobEnded(of, begun);
        assert.deepEqual(job.result, { created: 2, updated: 0, deleted: 0, failed: 1 });
        const fields = { x_one: '1', x_two: '2', x_three: '3', x_four: '4' };
        expectStatus(await bulk([{ create: { name: 'Shaped', ...fields } }], of), 200);
        const filter = { x_three: '3' };
        const edited = await jobEnded(of, await bulk({ filter, patch: { x_four: 'new' } }, of));
        assert.equal(edited.result.updated, 1, JSON.stringify(edited));
        const [shaped] = await of.all('contacts', 'name=Shaped');
        assert.deepEqual([shaped.x_one, shaped.x_four], ['1', 'new']);
    });

    test('a patch that makes its record match again is done once', async () => {
        await firm.create('contacts', contact('Loop'));
        const begun = await bulk({ filter: { name: 'Loop' }, patch: { title: 'again' } });
        const job = await jobEnded(firm, begun);
        assert.equal(job.result.updated, 1);
    });
});
