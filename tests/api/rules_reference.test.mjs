// What authors of rules read in the product: the guide, the limits, the names, the examples.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { expectProblem, expectStatus } from '../door/expect.mjs';
import { root } from '../door/program.mjs';
import { openServer } from '../door/server.mjs';

let server;
let firm;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
});
after(() => server.close());

/** `constexpr uint64_t RULE_FUEL_MAX = 5'000'000;` as the server was compiled with it. */
function limitInSource(name) {
    const text = fs.readFileSync(path.join(root, 'server/base/limits.h'), 'utf8');
    const found = text.match(new RegExp(`\\b${name} =\\s*([^;]+);`));
    const value = found[1].replaceAll("'", '').replace('KIB', '1024').replace('MIB', '1048576');
    return value.split('*').reduce((product, factor) => product * Number.parseInt(factor, 10), 1);
}

describe('the reference for authors', () => {
    test('is JSON unless something else is asked for', async () => {
        const { body, headers } = expectStatus(await firm.call('GET', 'rules/reference'), 200);
        assert.match(headers['content-type'], /^application\/json/);
        assert.match(body.guide, /^# Writing rules\n/);
    });

    test('has the numbers the server was compiled with', async () => {
        const { body } = expectStatus(await firm.call('GET', 'rules/reference'), 200);
        const names = Object.keys(body.limits);
        assert.ok(names.length >= 15);
        for (const name of names) assert.equal(body.limits[name], limitInSource(name), name);
        const { RULE_FUEL_MAX } = body.limits;
        assert.match(body.guide, new RegExp(`\\| instructions \\| ${RULE_FUEL_MAX} \\|`));
        assert.doesNotMatch(body.guide, /\{RULE/, 'a number is missing');
    });

    test('has all names that a script sees, and the worked examples', async () => {
        const { body } = expectStatus(await firm.call('GET', 'rules/reference'), 200);
        const names = body.names.map(({ table, name }) => (table ? `${table}.${name}` : name));
        for (const name of ['record', 'old', 'changed', 'reject', 'db.find', 'queue.mail'])
            assert.ok(names.includes(name), name);
        for (const name of ['text.fold', 'date.business_days', 'money.add', 'ipairs', 'log'])
            assert.ok(names.includes(name), name);
        assert.equal(new Set(names).size, names.length);
        const { rule } = body.examples.find(({ example }) => example === 'no_test_clients');
        assert.match(rule.source, /reject/);
    });

    test('is one text of Markdown', async () => {
        const answer = await firm.call('GET', 'rules/reference', undefined, {
            accept: 'text/markdown',
        });
        expectStatus(answer, 200);
        assert.match(answer.headers['content-type'], /^text\/markdown/);
        assert.match(answer.text, /^# Writing rules\n/);
        for (const part of [/^## Reference$/m, /^ {4}db\.find\(entity/m, /^### No test clients$/m])
            assert.match(answer.text, part);
    });

    test('is a page, in which nothing is left of the Markdown', async () => {
        const answer = await firm.call('GET', 'rules/reference', undefined, {
            accept: 'text/html,application/xhtml+xml,*/*;q=0.8',
        });
        expectStatus(answer, 200);
        assert.match(answer.headers['content-type'], /^text\/html/);
        assert.match(answer.text, /<h1>Writing rules<\/h1>/);
        assert.match(answer.text, /<th><code>point<\/code><\/th>/);
        assert.match(answer.text, /\{&quot;status&quot;: &quot;active&quot;\}/);
        assert.doesNotMatch(answer.text, /^(#|\||```)/m);
    });

    test('takes no parameters and needs a session or a token', async () => {
        expectProblem(await firm.call('GET', 'rules/reference?x=1'), 400);
        const stranger = await server.send({
            method: 'GET',
            path: '/api/v1/rules/reference',
            headers: { host: firm.host },
        });
        expectProblem(stranger, 401);
    });
});
