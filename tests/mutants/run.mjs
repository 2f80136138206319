// Breaks the server on purpose, one place at a time, and demands that some test notices:
//   node tests/mutants/run.mjs [PART OF A NAME…]
// Works in a clone of the last commit, so nothing here is touched. It stays in zig-out/mutants,
// since what is built in one place is of no use in another: only the first run builds everything.
// A mutant that does not fit or build, or that no test kills, is a fault of the table or of the
// suite; then the exit status is 1.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { mutants } from './mutants.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const wanted = process.argv.slice(2);
const RUN_MS_MAX = 600_000;

const folder = path.join(root, 'zig-out/mutants');
const copy = path.join(folder, 'atrium');
// What tests leave behind when they are ended goes with it.
const scratch = path.join(folder, 'tmp');

let running;
/** A mutant may hang, and its servers with it: what it began ends as a group. */
function endGroup() {
    if (running === undefined) return;
    try {
        process.kill(-running.pid, 'SIGKILL');
    } catch {
        // It had ended.
    }
}

for (const signal of ['SIGINT', 'SIGTERM'])
    process.on(signal, () => {
        endGroup();
        fs.rmSync(scratch, { recursive: true, force: true });
        process.exit(1);
    });

/** `{isGood, said}` of a command in the clone. */
function run(words) {
    return new Promise((resolve) => {
        const chunks = [];
        running = spawn(words[0], words.slice(1), {
            cwd: copy,
            detached: true,
            env: { ...process.env, TMPDIR: scratch },
            stdio: ['ignore', 'pipe', 'pipe'],
        });
        const timer = setTimeout(() => {
            chunks.push(`\n✖ it took more than ${RUN_MS_MAX / 1000} s\n`);
            endGroup();
        }, RUN_MS_MAX);
        for (const stream of [running.stdout, running.stderr])
            stream.on('data', (chunk) => chunks.push(chunk));
        running.on('close', (code, signal) => {
            clearTimeout(timer);
            if (signal !== null) chunks.push(`\n✖ ended by ${signal}\n`);
            endGroup();
            running = undefined;
            resolve({ isGood: code === 0, said: chunks.join('') });
        });
    });
}

async function must(words) {
    const { isGood, said } = await run(words);
    if (!isGood) throw new Error(`${words.join(' ')}\n${said}`);
}

/** Whether the process that wrote its number there is still at it. */
function isAtWork(place) {
    try {
        process.kill(Number(fs.readFileSync(place, 'utf8')), 0);
        return true;
    } catch {
        return false;
    }
}

/** The clone is for one run at a time. */
function claim() {
    const place = path.join(folder, 'pid');
    fs.mkdirSync(folder, { recursive: true });
    if (isAtWork(place)) throw new Error(`another run is at work in ${folder}`);
    fs.writeFileSync(place, `${process.pid}`);
}

/** The last commit, and what was built of an earlier one. */
async function prepare() {
    fs.rmSync(scratch, { recursive: true, force: true });
    fs.mkdirSync(scratch);
    if (!fs.existsSync(copy)) {
        fs.mkdirSync(copy);
        await must(['git', 'init', '-q']);
        await must(['cp', '-al', path.join(root, 'node_modules'), '.']);
    }
    await must(['git', 'fetch', '-q', root, 'HEAD']);
    await must(['git', 'reset', '-q', '--hard', 'FETCH_HEAD']);
    await must(['git', 'clean', '-q', '-d', '-f']);
    await must(['./zigw', 'build']);
    await must(['rm', '-rf', 'zig-out-whole']);
    await must(['cp', '-a', 'zig-out', 'zig-out-whole']);
}

const isUnit = (filter) => filter.startsWith('unit/');

/** Units by the build, which makes their programs and keeps to itself what a failing one said: that
 *  one is asked again. All else by a server that was built; that none ran is no success. */
async function runTest(filter, built = 'zig-out') {
    if (!isUnit(filter)) {
        const words = ['node', 'tests/run.mjs', `${built}/bin/atrium`, 'tests/api', filter];
        const { isGood, said } = await run(words);
        return { isGood: isGood && /^ℹ pass [1-9]/m.test(said), said };
    }
    const units = await run(['./zigw', 'build', 'unit', `-Dfilter=${filter}`]);
    const failed = /^failed command: .*?(\S+\/o\/[0-9a-f]+\/\w+)$/m.exec(units.said);
    return units.isGood || failed === null ? units : run([failed[1]]);
}

/** What a failing test said first, or undefined: then it was no test that failed. */
const firstWord = (said) =>
    /^ *(?:✖ (?!failing tests).*|.*\.[ch]:\d+: (?:is |failed|required).*|.*runtime error.*)$/m
        .exec(said)?.[0]
        .trim();

const notBuilt = (said) => /^\S*: (?:fatal )?error: .*$/m.exec(said)?.[0];

/** Those that pass while nothing is broken, and those that do not: these kill nobody. */
const soundTests = new Map();
async function isSound(filter) {
    if (!soundTests.has(filter))
        soundTests.set(filter, (await runTest(filter, 'zig-out-whole')).isGood);
    return soundTests.get(filter);
}

/** The test that fails, `{filter, word}`; or `{fault}`. */
async function killerOf(tests) {
    let isBuilt = false;
    for (const filter of tests) {
        if (!isUnit(filter) && !isBuilt) {
            const built = await run(['./zigw', 'build']);
            if (!built.isGood) return { fault: `does not build:\n${built.said.slice(0, 2000)}` };
            isBuilt = true;
        }
        const { isGood, said } = await runTest(filter);
        if (isGood) continue;
        const word = notBuilt(said) === undefined ? firstWord(said) : undefined;
        if (word === undefined)
            return { fault: `does not build, or ${filter} not run:\n${said.slice(0, 2000)}` };
        return { filter, word };
    }
    return { fault: `lives: ${tests.join(', ')} noticed nothing` };
}

/** Puts the changes in; gives what is to be put back, or undefined when one does not fit. */
function breakIn(changes) {
    const whole = new Map();
    for (const { file, from, to } of changes) {
        const place = path.join(copy, file);
        const text = fs.readFileSync(place, 'utf8');
        if (!text.includes(from)) return putBack(whole);
        if (!whole.has(place)) whole.set(place, text);
        fs.writeFileSync(
            place,
            text.replace(from, () => to),
        );
    }
    return whole;
}

function putBack(whole) {
    for (const [place, text] of whole) fs.writeFileSync(place, text);
}

/** Whether it was killed, and by what; or why it was not. */
async function outcomeOf({ tests, also = [], ...first }) {
    const whole = breakIn([first, ...also]);
    if (whole === undefined) return { fault: 'does not fit: there is no such place' };
    let killer;
    try {
        killer = await killerOf(tests);
    } finally {
        putBack(whole);
    }
    if (killer.fault) return killer;
    if (!(await isSound(killer.filter))) return { fault: `${killer.filter} fails without it, too` };
    return { by: `${killer.filter}, ${killer.word}` };
}

const chosen = mutants.filter(
    ({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)),
);
let killed = 0;
claim();
try {
    await prepare();
    for (const mutant of chosen) {
        const begun = Date.now();
        const { by, fault } = await outcomeOf(mutant);
        killed += fault === undefined;
        const seconds = Math.round((Date.now() - begun) / 1000);
        process.stdout.write(`${mutant.name}: ${fault ?? `killed by ${by}`} (${seconds} s)\n`);
    }
    process.stdout.write(`${killed} of ${chosen.length} killed\n`);
} finally {
    fs.rmSync(scratch, { recursive: true, force: true });
}
process.exitCode = killed === chosen.length ? 0 : 1;
