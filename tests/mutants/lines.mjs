// Which test fails if I change this line? A developer's question, not part of the tests:
//   node tests/mutants/lines.mjs [--take N] [--seed S] [--again] [FILE…]
// Breaks the files by rote (breaks.mjs; all of tests_of.mjs, if none is named), a place at a time,
// and runs the file's tests until one fails. What lives is printed: then a test is missing, or the
// line. Nothing in the tree is touched: the broken file is compiled beside it and put before the
// library of `./zigw build`, which takes a second.
//   --take N    so many of each file, chosen by the seed; without, all
//   --again     those that lived before; else only those that have not been tried
//   --filter P  only tests whose path holds P, such as unit/: then --again, with all, what lives
// Each outcome is kept in zig-out/lines, by the words around the place, and so survives changes of
// other lines. Two runs may be at work at once, on different files.
import { spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { breaksOf } from './breaks.mjs';
import { testsOf } from './tests_of.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const results = path.join(root, 'zig-out/lines');
const scratch = path.join(results, `run-${process.pid}`);
const { values: wanted, positionals } = parseArgs({
    allowPositionals: true,
    options: {
        take: { type: 'string', default: '1000000' },
        seed: { type: 'string', default: '1' },
        again: { type: 'boolean', default: false },
        filter: { type: 'string', default: '' },
    },
});
const BUILD_MS_MAX = 600_000;

let running;
/** Servers of a test are of its group. */
function endGroup() {
    try {
        if (running !== undefined) process.kill(-running.pid, 'SIGKILL');
    } catch {
        // It had ended.
    }
}

/** `{isGood, said}` of a command; ended after a time, or as soon as it says what `until` tells. */
function run(words, { ms = BUILD_MS_MAX, until, environment } = {}) {
    return new Promise((resolve) => {
        let said = '';
        running = spawn(words[0], words.slice(1), {
            cwd: root,
            detached: true,
            env: { ...process.env, TMPDIR: path.join(scratch, 'tmp'), ...environment },
            stdio: ['ignore', 'pipe', 'pipe'],
        });
        const timer = setTimeout(endGroup, ms);
        for (const stream of [running.stdout, running.stderr])
            stream.on('data', (chunk) => {
                said += chunk;
                if (until?.test(said)) endGroup();
            });
        running.on('close', (code) => {
            clearTimeout(timer);
            endGroup();
            running = undefined;
            resolve({ isGood: code === 0, said });
        });
    });
}

/** How the build compiles and links what is plain, of its own words. */
async function readBuild() {
    const words = ['./zigw', 'build', 'unit', '-Dfilter=unit/base/arena', '--verbose'];
    const { isGood, said } = await run(words);
    const line = said.split('\n').find((one) => / build-exe .*\/server\/main\.c /.test(one));
    if (!isGood || line === undefined) throw new Error(said);
    const all = line.split(' ');
    const flags = all.slice(all.indexOf('-cflags') + 1, all.indexOf('--'));
    const libraries = all.filter((word) => /^-l./.test(word) && word !== '-lc');
    return {
        zig: all[0],
        flags: [...flags, '-w', '-fsanitize=undefined', '-Iserver', '-Itests', '-Ilua'],
        core: all.find((word) => word.endsWith('/libcore.a')),
        libraries: [...libraries, '-lpthread', '-lm'],
    };
}

const place = (name) => path.join(scratch, name.replaceAll('/', '_'));

/** Whether it compiles; the object lies at place(name). */
async function compile(build, file, name) {
    const environment = { ZIG_LOCAL_CACHE_DIR: path.join(scratch, 'cache') };
    const words = [build.zig, 'cc', ...build.flags, '-c', file, '-o', place(name)];
    return (await run(words, { environment })).isGood;
}

/** The program of one main and of an object that stands before the library's own. */
async function link(build, main, object, to) {
    const objects = [place(`${main}.o`), ...(object ? [place(object)] : []), build.core];
    if (!fs.existsSync(place(`${main}.o`)) && !(await compile(build, main, `${main}.o`)))
        throw new Error(`${main} does not compile`);
    const words = [build.zig, 'cc', '-fsanitize=undefined', ...objects, ...build.libraries];
    const environment = { ZIG_LOCAL_CACHE_DIR: path.join(scratch, 'cache') };
    const { isGood, said } = await run([...words, '-o', to], { environment });
    if (!isGood) throw new Error(said);
}

const isUnit = (test) => test.startsWith('unit/');

/** Runs a test against an object, or against what is whole. */
async function runTest(build, test, object, ms) {
    if (isUnit(test)) {
        await link(build, `tests/${test}.c`, object, place('unit'));
        return run([place('unit')], { ms });
    }
    const binary = path.join(scratch, 'bin/atrium');
    await link(build, 'server/main.c', object, binary);
    const words = ['node', 'tests/run.mjs', binary, 'tests/api', test];
    const { isGood, said } = await run(words, { ms, until: /^ *✖ /m });
    return { isGood: isGood && /^ℹ pass [1-9]/m.test(said), said };
}

/** What a test may take until it counts as failed; only those that pass on what is whole kill. */
const allowances = new Map();
async function allowanceOf(build, test) {
    if (!allowances.has(test)) {
        const begun = Date.now();
        const { isGood, said } = await runTest(build, test, undefined, BUILD_MS_MAX);
        if (!isGood) throw new Error(`${test} fails as it is:\n${said}`);
        allowances.set(test, 10_000 + 8 * (Date.now() - begun));
    }
    return allowances.get(test);
}

/** The test that fails, 'nothing' when it does not compile, or undefined: it lives. */
async function killerOf(build, file, broken) {
    const source = path.join(scratch, path.basename(file));
    fs.writeFileSync(source, broken);
    if (!(await compile(build, source, 'broken.o'))) return 'nothing';
    for (const test of (testsOf[file] ?? []).filter((one) => one.includes(wanted.filter))) {
        const ms = await allowanceOf(build, test);
        if (!(await runTest(build, test, 'broken.o', ms)).isGood) return test;
    }
    return undefined;
}

const lineOf = (text, at) => text.slice(0, at).split('\n').length;

/** What tells one place from all others of its file, whatever lines come before it: the function,
 *  the line, and which of such lines of the function it is. */
function named(text, { at, end, to }) {
    const lines = text.slice(0, at).split('\n');
    const line = text.split('\n')[lines.length - 1];
    const head = lines.findLastIndex((one) => one === '{');
    const same = lines.slice(head, -1).filter((one) => one === line).length;
    const from = text.slice(at, end).replace(/\s+/g, ' ');
    const words = [lines[head - 1], line.trim(), same, lines.at(-1).trim().length, from, to];
    return { key: JSON.stringify(words), line: line.trim(), from };
}

async function tryFile(build, file) {
    const text = fs.readFileSync(path.join(root, file), 'utf8');
    const kept = path.join(results, `${file.replaceAll('/', '_')}.json`);
    const outcomes = fs.existsSync(kept) ? JSON.parse(fs.readFileSync(kept, 'utf8')) : {};
    const order = (key) =>
        crypto.createHash('sha256').update(`${wanted.seed} ${key}`).digest('hex');
    const chosen = breaksOf(text)
        .map((one) => ({ ...one, ...named(text, one) }))
        .sort((a, b) => (order(a.key) < order(b.key) ? -1 : 1))
        .slice(0, Number(wanted.take));
    const count = { killed: 0, lived: 0, nothing: 0 };
    for (const { at, end, to, key, line, from } of chosen) {
        const isKnown = key in outcomes && !(wanted.again && outcomes[key] === null);
        if (!isKnown) {
            const broken = text.slice(0, at) + to + text.slice(end);
            outcomes[key] = (await killerOf(build, file, broken)) ?? null;
            fs.writeFileSync(kept, JSON.stringify(outcomes, null, 1));
        }
        const by = outcomes[key];
        count[by === null ? 'lived' : by === 'nothing' ? by : 'killed'] += 1;
        if (by === null)
            process.stdout.write(
                `${file}:${lineOf(text, at)}: lives: ${from} -> ${to || 'nothing'}\n    ${line}\n`,
            );
    }
    const { killed, lived, nothing } = count;
    process.stdout.write(
        `${file}: ${killed + lived} tried, ${killed} killed, ${lived} lived ` +
            `(${nothing} did not compile)\n`,
    );
}

function leave() {
    endGroup();
    fs.rmSync(scratch, { recursive: true, force: true });
    process.exit(1);
}

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, leave);
fs.mkdirSync(path.join(scratch, 'tmp'), { recursive: true });
try {
    const build = await readBuild();
    fs.cpSync(path.join(root, 'zig-out/bin'), path.join(scratch, 'bin'), { recursive: true });
    fs.cpSync(path.join(root, 'zig-out/share'), path.join(scratch, 'share'), { recursive: true });
    for (const file of positionals.length > 0 ? positionals : Object.keys(testsOf))
        await tryFile(build, file);
} finally {
    fs.rmSync(scratch, { recursive: true, force: true });
}
