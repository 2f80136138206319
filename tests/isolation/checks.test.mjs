// The table of checks (checks.mjs) is whole, and every test that it names is there.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { root } from '../door/program.mjs';
import { checks } from './checks.mjs';

const COUNT = 88;

const named = [
    /\b(?:test|describe)\(\s*(['"`])((?:\\.|(?!\1).)+)\1/g, // through the front door
    /^(TEST)\((\w+)\)/gm, // units
    /^\s+(['"`])(.+)\1,$/gm, // a test whose name stands in a line of its own
];

/** What the tests of a file are called; of a template, as it is written. */
function titles(place) {
    const text = fs.readFileSync(place, 'utf8');
    return named.flatMap((form) => [...text.matchAll(form)].map(([, , title]) => title));
}

test('each check has a test that is there, or says why it has none', () => {
    assert.deepEqual(
        checks.map(({ number }) => number),
        Array.from({ length: COUNT }, (_, at) => at + 1),
    );
    for (const { number, check, tests = [], not } of checks) {
        const told = `${number}, ${check}`;
        assert.ok(tests.length > 0 || not !== undefined, `${told}: neither a test nor a reason`);
        // Beside tests, `not` says which part of the check they leave out.
        if (not !== undefined) assert.match(not, /^\S.{20,}\.$/, told);
        for (const shown of tests) {
            const file = shown.slice(0, shown.indexOf(': '));
            const words = shown.slice(file.length + 2);
            const place = path.join(root, 'tests', file);
            assert.ok(fs.existsSync(place), `${told}: there is no tests/${file}`);
            assert.ok(titles(place).includes(words), `${told}: no test "${words}" in ${file}`);
        }
    }
});
