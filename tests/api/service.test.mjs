// The unit for systemd: as shut as the service allows, and naming only words that the program has.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';
import { command, root } from '../door/program.mjs';

const unit = path.join(root, 'server/atrium.service');
/** Tenths; below 20 systemd calls it OK, and each thing that is left open costs one or more. */
const EXPOSURE_MAX = 20;

describe('the unit for systemd', () => {
    const version = spawnSync('systemd-analyze', ['--version'], { encoding: 'utf8' });
    const has = version.status === 0 && Number(version.stdout.match(/systemd (\d+)/)[1]) >= 251;

    test('leaves open what the service needs', { skip: !has && 'no systemd-analyze' }, () => {
        const words = ['security', '--offline=true', `--threshold=${EXPOSURE_MAX}`, '--no-pager'];
        const judged = spawnSync('systemd-analyze', [...words, unit], { encoding: 'utf8' });
        assert.equal(judged.status, 0, judged.stdout.split('\n').slice(-3).join('\n'));
        const open = judged.stdout.split('\n').filter((line) => line.startsWith('✗'));
        for (const line of open)
            assert.doesNotMatch(
                line,
                /NoNewPrivileges|ProtectSystem|PrivateTmp|RestrictNamespaces|CAP_SYS_ADMIN|@debug/,
            );
    });

    test('says what the checks name', async () => {
        const lines = (await fs.readFile(unit, 'utf8')).split('\n');
        const sandbox = ['NoNewPrivileges=yes', 'ProtectSystem=strict', 'PrivateTmp=yes'];
        for (const line of sandbox) assert.ok(lines.includes(line), line);
        for (const name of ['RestrictAddressFamilies', 'SystemCallFilter', 'MemoryMax', 'User'])
            assert.ok(lines.some((line) => line.startsWith(`${name}=`)), name);
    });

    test('starts the program with flags that it knows', async () => {
        const text = (await fs.readFile(unit, 'utf8')).replaceAll(/\\\n\s*/g, '');
        const [, words] = text.match(/^ExecStart=\S+\/atrium (.*)$/m);
        const help = await command(['serve', '--help']);
        const flags = words.split(' ').filter((word) => word.startsWith('--'));
        assert.ok(flags.length >= 4);
        for (const flag of flags) assert.match(help.out, new RegExp(`${flag}\\b`));
    });
});
