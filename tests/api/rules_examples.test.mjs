// The worked examples of lua/examples/: each is saved as a firm's admin would save it, and does
// what its own tests say, by POST /rules/test and as stored tests.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { expectStatus } from '../door/expect.mjs';
import { root } from '../door/program.mjs';
import { openServer } from '../door/server.mjs';

const files = fs
    .readdirSync(path.join(root, 'lua/examples'))
    .filter((name) => name.endsWith('.lua'))
    .map((name) => name.slice(0, -4));

let server;
let firm;
/** As the reference shows them, by the names of their files. */
const examples = new Map();
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
    const { body } = expectStatus(await firm.call('GET', 'rules/reference'), 200);
    for (const { example, rule } of body.examples) examples.set(example, rule);
});
after(() => server.close());

/** Each member that is named, and lists item by item. */
function assertFits(came, expected, where) {
    if (Array.isArray(expected)) {
        assert.equal(came?.length, expected.length, `${where}: ${JSON.stringify(came)}`);
        expected.forEach((item, at) => assertFits(came[at], item, `${where}[${at}]`));
    } else if (expected !== null && typeof expected === 'object') {
        const isNothing = Object.keys(expected).length === 0 && Array.isArray(came);
        if (isNothing) assert.deepEqual(came, [], where);
        for (const name of Object.keys(expected))
            assertFits(came?.[name], expected[name], `${where}.${name}`);
    } else {
        assert.deepEqual(came, expected, where);
    }
}

function ruleOf(example) {
    const { tests, ...rule } = example;
    return { tests: Array.isArray(tests) ? tests : [], rule };
}

test('there are at least a dozen, each with tests of its own', () => {
    assert.ok(files.length >= 12, `${files.length}`);
    for (const name of files) assert.ok(ruleOf(examples.get(name)).tests.length > 0, name);
});

for (const name of files) {
    describe(`the example ${name}`, () => {
        test('does what its tests say', async () => {
            const { rule, tests } = ruleOf(examples.get(name));
            for (const { name: what, given, expected } of tests) {
                const answer = await firm.call('POST', 'rules/test', { ...given, rule });
                const came = expectStatus(answer, 200).body;
                assertFits(came, expected, `${what}: ${answer.text}`);
            }
        });

        test('is saved, with its tests, and activated', async () => {
            const { rule, tests } = ruleOf(examples.get(name));
            const saved = await firm.create('rules', rule);
            assert.equal(saved.remarks, null);
            for (const one of tests) await firm.create('rule_tests', { ...one, rule: saved.id });
            const active = await firm.call('POST', `rules/${saved.id}/activate`);
            assert.equal(expectStatus(active, 200).body.state, 'active');
            expectStatus(await firm.call('DELETE', `rules/${saved.id}`), 204);
        });
    });
}
