// The table of mutants (tests/mutants) still fits the code: what each breaks is there, once, and so
// are the tests that kill it.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { root } from '../door/program.mjs';
import { mutants } from '../mutants/mutants.mjs';

const places = fs
    .readdirSync(path.join(root, 'tests'), { recursive: true })
    .filter((place) => /\.(c|test\.mjs)$/.test(place));

test('each mutant breaks one place that is there', () => {
    assert.ok(mutants.length >= 20);
    for (const { name, tests, also = [], ...first } of mutants) {
        for (const { file, from, to } of [first, ...also]) {
            const text = fs.readFileSync(path.join(root, file), 'utf8');
            const count = text.split(from).length - 1;
            assert.equal(count, 1, `${name}: ${file} has not one \`${from}\``);
            assert.notEqual(from, to, name);
        }
        assert.ok(tests.length > 0, name);
        for (const filter of tests)
            assert.ok(
                places.some((place) => place.includes(filter)),
                `${name}: there is no test ${filter}`,
            );
    }
    assert.equal(new Set(mutants.map(({ name }) => name)).size, mutants.length);
});
