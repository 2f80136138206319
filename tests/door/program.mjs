// The program under test, run as a person would: its words, its exit status, what it printed.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { HANG_MS } from './wait.mjs';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const binary = process.env.ATRIUM_BINARY ?? path.join(root, 'zig-out/bin/atrium');

// Settings that the program takes over; those of the tests themselves begin alike and do not reach
// it.
const ownSettings = ['ATRIUM_RUNNER', 'ATRIUM_SCHEMA'];

export function environment(more = {}) {
    const kept = Object.entries(process.env).filter(
        ([name]) => !name.startsWith('ATRIUM_') || ownSettings.includes(name),
    );
    const leaks = `suppressions=${path.join(root, 'tests/door/lsan.txt')}:print_suppressions=0`;
    return { ...Object.fromEntries(kept), LSAN_OPTIONS: leaks, ...more };
}

/** Whether the program watches itself, and so is slow and stands no library put before its own. */
function isWatched() {
    if (!fs.existsSync(binary)) return false;
    const bytes = fs.readFileSync(binary);
    return bytes.includes('__asan_init') || bytes.includes('__tsan_init');
}

export const isSanitized = isWatched();

const toldFault = /^.*(?:ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|: runtime error: )[^]*/m;

/** What a sanitizer or the compiler's own checks say of a fault, or null. */
export const sanitizerFault = (output) => output.match(toldFault)?.[0] ?? null;

/** Runs one command to its end: `{status, out, err}`; a signal's name stands in `signal`. */
export function command(words, options = {}) {
    return new Promise((resolve, reject) => {
        const child = spawn(binary, words, {
            cwd: options.folder ?? root,
            env: environment(options.environment),
            stdio: ['ignore', 'pipe', 'pipe'],
            timeout: options.timeoutMs ?? HANG_MS,
            killSignal: 'SIGKILL',
        });
        const parts = { out: [], err: [] };
        child.stdout.on('data', (bytes) => parts.out.push(bytes));
        child.stderr.on('data', (bytes) => parts.err.push(bytes));
        child.on('error', reject);
        child.on('close', (status, signal) => {
            const text = (list) => Buffer.concat(list).toString('utf8');
            const err = text(parts.err);
            const fault = sanitizerFault(err);
            if (fault !== null) reject(new Error(`atrium ${words.join(' ')}: ${fault}`));
            resolve({ status, signal, out: text(parts.out), err, pid: child.pid });
        });
    });
}

/** As `command`, but fails loudly unless the program ended well. */
export async function mustRun(words, options = {}) {
    const ended = await command(words, options);
    if (ended.status !== 0) {
        const how = ended.status ?? ended.signal;
        throw new Error(
            `${path.basename(binary)} ${words.join(' ')} ended with ${how}:\n` +
                ended.err +
                ended.out,
        );
    }
    return ended;
}

/** The compiler that the build itself uses, for the small C parts of tests and benchmarks. */
export function compile(source, output, words) {
    const zig = path.join(root, 'node_modules/.bin/zig');
    const ended = spawnSync(zig, ['cc', '-std=gnu2x', '-O2', '-o', output, source, ...words], {
        encoding: 'utf8',
    });
    if (ended.status !== 0) throw new Error(`cannot compile ${source}:\n${ended.stderr}`);
    return output;
}
