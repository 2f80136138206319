// Breaks the server on purpose, one place at a time, and demands that some test notices:
//   node tests/mutants/run.mjs [NAME…]
// Works in a clone of the last commit, so nothing here is touched. A mutant that does not build, or
// that no test kills, is a fault of the table or of the suite; then the exit status is 1.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { mutants } from './mutants.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const wanted = process.argv.slice(2);
const RUN_MS_MAX = 900_000;

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'atrium-mutants-'));
const copy = path.join(folder, 'atrium');

function run(words) {
    return spawnSync(words[0], words.slice(1), {
        cwd: copy,
        encoding: 'utf8',
        timeout: RUN_MS_MAX,
        maxBuffer: 1 << 28,
    });
}

function prepare() {
    const cloned = spawnSync('git', ['clone', '-q', root, copy], { encoding: 'utf8' });
    if (cloned.status !== 0) throw new Error(cloned.stderr);
    for (const kept of ['.zig-cache', 'node_modules']) {
        const from = path.join(root, kept);
        if (fs.existsSync(from)) spawnSync('cp', ['-al', from, path.join(copy, kept)]);
    }
}

/** Units by the build, which makes their program; all else by a server that was built. */
const runTest = (filter, built = 'zig-out') =>
    filter.startsWith('unit/')
        ? run(['./zigw', 'build', 'test', `-Dfilter=${filter}`])
        : run(['node', 'tests/run.mjs', `${built}/bin/atrium`, 'tests/api', filter]);

/** Those that pass while nothing is broken, and those that do not: these kill nobody. */
const soundTests = new Map();
function isSound(filter) {
    if (!soundTests.has(filter))
        soundTests.set(filter, runTest(filter, 'zig-out-whole').status === 0);
    return soundTests.get(filter);
}

/** The first thing that a failing test said. */
const firstFault = ({ stdout, stderr }) =>
    /^ *(?:✖|.*error:|.*failed).*$/m.exec(`${stdout}${stderr}`)?.[0].trim() ?? 'no word of it';

/** Whether it was killed, and by what; or why it was not. */
function outcomeOf({ file, from, to, tests }) {
    const place = path.join(copy, file);
    const whole = fs.readFileSync(place, 'utf8');
    if (!whole.includes(from)) return { fault: `does not fit: ${file} has no such place` };
    // The copy may share its bytes with the original.
    fs.rmSync(place);
    fs.writeFileSync(place, whole.replace(from, () => to));
    let killer;
    try {
        const built = run(['./zigw', 'build']);
        if (built.status !== 0) return { fault: `does not build:\n${built.stderr.slice(0, 2000)}` };
        for (const filter of tests) {
            const tested = runTest(filter);
            if (tested.status === 0) continue;
            killer = { by: `${filter}, ${firstFault(tested)}`, filter };
            break;
        }
    } finally {
        fs.writeFileSync(place, whole);
    }
    if (killer === undefined) return { fault: `lives: ${tests.join(', ')} noticed nothing` };
    if (!isSound(killer.filter)) return { fault: `${killer.filter} fails without it, too` };
    return killer;
}

let failed = 0;
try {
    const chosen = mutants.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
    prepare();
    if (run(['./zigw', 'build']).status !== 0) throw new Error('the last commit does not build');
    run(['cp', '-a', 'zig-out', 'zig-out-whole']);
    for (const mutant of chosen) {
        const { by, fault } = outcomeOf(mutant);
        if (fault) failed += 1;
        process.stdout.write(`${mutant.name}: ${fault ?? `killed by ${by}`}\n`);
    }
} finally {
    fs.rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failed === 0 ? 0 : 1;
