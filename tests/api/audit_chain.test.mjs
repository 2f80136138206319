// Whoever has the disk can change the log, but not unseen: the verifier names the place. A tail
// that was cut off is shown by a head that was noted elsewhere.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { compile, root } from '../door/program.mjs';
import { openServer } from '../door/server.mjs';

let server;
let tools;
let damage;
let pristine;
before(async () => {
    server = await openServer(['acme', 'other'], { isUnchecked: true });
    for (let at = 0; at < 20; at++)
        await server.firms.acme.create('clients', { name: `Client ${at}`, kind: 'individual' });
    await server.stop();
    tools = await fs.mkdtemp(path.join(os.tmpdir(), 'atrium-damage-'));
    const program = path.join(tools, 'damage');
    compile(path.join(root, 'tests/fault/damage.c'), program, ['-llmdb']);
    damage = (how, sequence) =>
        execFileSync(program, [server.directory, how, '1', String(sequence)], { stdio: 'pipe' });
    pristine = await fs.readFile(path.join(server.directory, 'data.mdb'));
});
after(async () => {
    await server.close();
    await fs.rm(tools, { recursive: true, force: true });
});

/** A check of the logs, on data that is as it was but for this. */
async function check(how, sequence, ...more) {
    await fs.writeFile(path.join(server.directory, 'data.mdb'), pristine);
    if (how) damage(how, sequence);
    return server.command(['check', '--audit', ...more]);
}

const time = /\d{4}-\d\d-\d\dT[\d:.]+Z/.source;

describe('check --audit', () => {
    test('tells how far each log holds', async () => {
        const { status, out } = await check();
        assert.equal(status, 0);
        assert.match(out, new RegExp(`acme: [\\d,]+ entries from ${time} on hold; head \\d+:`));
        assert.match(out, /other: /);
    });

    test('names the place and the time of what was altered, deleted or moved', async () => {
        const wanted = {
            flip: `entry 30 \\(${time}\\): altered`,
            delete: `entry 30 \\(${time}\\): missing: behind entry 29 comes entry 31`,
            swap: `entry 30 \\(${time}\\): out of order: what stands here was written as entry 31`,
        };
        for (const [how, words] of Object.entries(wanted)) {
            const { status, out, err } = await check(how, 30);
            assert.equal(status, 1);
            assert.match(out, new RegExp(`fault: acme: ${words}`));
            assert.match(out, /other: [\d,]+ entries/);
            assert.match(err, /1 change logs are broken/);
        }
    });

    test('shows a tail that was cut off, and another history, by an anchor', async () => {
        await check();
        const head = await server.mustRun(['audit', 'head', '--tenant', 'acme']);
        const [, anchor] = head.out.match(new RegExp(`^(\\d+:[0-9a-f]{64}) ${time}\\n$`));
        const with_ = ['--tenant', 'acme', '--anchor'];
        const whole = await check(undefined, 0, ...with_, anchor);
        assert.equal(whole.status, 0);
        assert.match(whole.out, /the anchor lies among them/);
        assert.equal((await check('cut', 30)).status, 0, 'nobody could know');
        const cut = await check('cut', 30, ...with_, anchor);
        assert.equal(cut.status, 1);
        assert.match(cut.out, /entry 30 .*: cut off: the log ends with entry 29, but it had \d+/);
        const forged = anchor.replace(/.$/, (digit) => (digit === '0' ? '1' : '0'));
        const other = await check(undefined, 0, ...with_, forged);
        assert.equal(other.status, 1);
        assert.match(other.out, /another history/);
    });

    test('takes an anchor only with its tenant, and only in its form', async () => {
        const alone = await check(undefined, 0, '--anchor', `1:${'0'.repeat(64)}`);
        assert.equal(alone.status, 2);
        assert.match(alone.err, /--tenant/);
        const formless = await check(undefined, 0, '--tenant', 'acme', '--anchor', '1:00');
        assert.match(formless.err, /SEQUENCE:HASH/);
        const nobody = await check(undefined, 0, '--tenant', 'nobody');
        assert.match(nobody.err, /no tenant named nobody/);
    });

    test('also runs in the server that holds the data', async () => {
        await fs.writeFile(path.join(server.directory, 'data.mdb'), pristine);
        await server.start();
        const { status, out } = await server.command(['check', '--audit', '--tenant', 'acme']);
        assert.equal(status, 0);
        assert.doesNotMatch(out, /other/);
    });
});
