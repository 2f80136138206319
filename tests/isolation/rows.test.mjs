// What compares the routes of the server with the rows of the matrix while it is built: it must
// find what is missing on either side, and must not pass over a row that it cannot read.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { differences, rowsOf } from './rows.mjs';
import { routes } from './routes.mjs';

const source = fs.readFileSync(new URL('../../server/api/routes.c', import.meta.url), 'utf8');
const row = (method, pattern, more = '') =>
    `    {METHOD_${method}, T("${pattern}"), T("Says"), NEED_IDENTITY,\n` +
    `     ROAD_READ,${more} .answers = "200 x", .run = run},\n`;
const table = (...rows) => `const struct route routes[] = {\n${rows.join('')}};\n`;

test('every route of the server is read, and has its row', () => {
    const rows = rowsOf(source);
    assert.ok(rows.includes('GET /') && rows.includes('GET /healthz'));
    assert.ok(rows.includes('POST /{collection}/{id}/merge'));
    assert.ok(!rows.some((one) => one.includes('{action}')));
    assert.equal(new Set(rows).size, rows.length);
    assert.deepEqual(differences(rows, routes), []);
});

test('what is on one side alone is named, and where it belongs', () => {
    const rows = rowsOf(table(row('GET', '/api/v1/me'), row('POST', '/api/v1/late/{id}')));
    assert.deepEqual(rows, ['GET /me', 'POST /late/{id}']);
    const [late, kinds, gone] = differences(rows, { 'GET /me': 'self', 'GET /gone': 'open' });
    assert.match(late, /^POST \/late\/\{id\}: no row in tests\/isolation\/routes\.mjs/);
    assert.match(kinds, /kinds/);
    assert.match(gone, /^GET \/gone: .*remove it/);
    const inherited = differences(rowsOf(table(row('GET', '/api/v1/me'))), {});
    assert.equal(inherited.length, 2);
});

test('a row that is written otherwise is no way around it', () => {
    const good = row('GET', '/api/v1/me');
    assert.equal(rowsOf(table(good, '    /* Why. */\n', good)).length, 2);
    const hidden = row('GET', '/x', ' .is_for_the_rest = true,');
    assert.deepEqual(rowsOf(table(hidden, good)), ['GET /me']);
    const odd = [
        good.replace('T("/api/v1/me")', 'S("/api/v1/me")'),
        good.replace('METHOD_GET', 'READING'),
        good.replace('    {', '  {'),
        '#include "more_routes.h"\n',
        '    MORE_ROUTES\n',
        ` ${good}`,
        good.replace(' .answers = "200 x",', ''),
    ];
    for (const text of odd) assert.throws(() => rowsOf(table(good, text)), /as the others/, text);
    assert.throws(() => rowsOf(table()), /as the others/);
    assert.throws(() => rowsOf('const struct route others[] = {\n};\n'), /not there/);
});
