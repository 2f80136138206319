// Runs the tests that go through the front door: node tests/run.mjs BINARY FOLDER [FILTER]
// Every *.test.mjs below FOLDER, tests/isolation, tests/crash and tests/reference whose path holds
// FILTER.
import fs from 'node:fs';
import path from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';

const FILES_AT_ONCE = 2;
const FILE_MS_MAX = process.env.ATRIUM_LONG ? 3_600_000 : 900_000;

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const [binary, folder, filter = ''] = process.argv.slice(2);
if (!binary || !folder) {
    process.stderr.write('usage: node tests/run.mjs BINARY FOLDER [FILTER]\n');
    process.exit(2);
}

function testsBelow(place) {
    const whole = path.resolve(root, place);
    if (!fs.existsSync(whole)) return [];
    return fs
        .readdirSync(whole, { withFileTypes: true })
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .flatMap((entry) => {
            const name = path.join(whole, entry.name);
            if (entry.isDirectory()) return testsBelow(name);
            return entry.name.endsWith('.test.mjs') ? [name] : [];
        });
}

const files = [folder, 'tests/isolation', 'tests/crash', 'tests/reference']
    .flatMap(testsBelow)
    .filter((file) => path.relative(root, file).includes(filter));
if (files.length === 0) {
    process.stdout.write(`no test through the front door has ${filter} in its path\n`);
    process.exit(0);
}

process.env.ATRIUM_BINARY = path.resolve(binary);
const stream = run({ files, concurrency: FILES_AT_ONCE, timeout: FILE_MS_MAX });
let failed = 0;
stream.on('test:fail', (test) => {
    if (test.todo === undefined) failed += 1;
});
stream.on('end', () => {
    process.exitCode = failed === 0 ? 0 : 1;
});
const report = typeof spec === 'function' && spec.prototype ? new spec() : spec;
stream.compose(report).pipe(process.stdout);
