// Keys: the master key and a firm's own are replaced while everybody goes on; a passphrase; what is
// world-readable is refused.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { expectStatus } from '../door/expect.mjs';
import { command } from '../door/program.mjs';
import { chooseSeed, makeRandom } from '../door/random.mjs';
import { openServer } from '../door/server.mjs';
import { Vault } from '../door/vault.mjs';

const WRITERS = 4;
const random = makeRandom(chooseSeed());

let server;
before(async () => {
    server = await openServer(['acme', 'borg']);
});
after(() => server.close());

/** Reads, finds, reveals and writes go on while `work` runs; gives how many. */
async function under(vaults, work) {
    let isOver = false;
    let done = 0;
    const one = async (vault) => {
        while (!isOver) {
            await vault.act();
            done += 1;
        }
    };
    const busy = vaults.flatMap((vault) => Array.from({ length: WRITERS }, () => one(vault)));
    try {
        await work();
    } finally {
        isOver = true;
        await Promise.all(busy);
    }
    return done;
}

const file = async (name, text) => {
    const where = path.join(server.folder, name);
    await fs.writeFile(where, text, { mode: 0o600 });
    return where;
};
const masterKey = () => fs.readFile(path.join(server.directory, 'master.key'));

test('keys are replaced under load, and everything sealed is readable all the time', async (t) => {
    const { acme, borg } = server.firms;
    const vaults = [await new Vault(acme, random).open(8), await new Vault(borg, random).open(8)];
    const first = await masterKey();
    const head = await server.mustRun(['audit', 'head', '--tenant', 'acme']);
    const anchor = ['--tenant', 'acme', '--anchor', head.out.split(' ')[0]];
    const done = await under(vaults, async () => {
        for (let round = 0; round < 3; round++) {
            await server.mustRun(['key', 'rotate']);
            const told = await server.mustRun(['key', 'rotate', '--tenant', 'acme']);
            assert.match(told.out, /acme: \d+ records/);
        }
        await server.mustRun(['key', 'rotate']);
    });
    t.diagnostic(`seed ${random.seed}: ${done} calls meanwhile`);
    assert.ok(done > 0);
    for (const vault of vaults) await vault.verify();
    assert.notDeepEqual(await masterKey(), first);
    const audit = expectStatus(await acme.call('GET', 'audit'), 200);
    assert.ok(audit.body.data.some((event) => event.kind === 'key_rotated'));
    await server.stop();
    const checked = await server.command(['check']);
    assert.equal(checked.status, 0, `${checked.out}${checked.err}`);
    // The log was chained by five keys of the instance, one behind another.
    const proven = await server.mustRun(['check', '--audit', ...anchor]);
    assert.match(proven.out, /the anchor lies among them/);
    await server.start();
    for (const vault of vaults) await vault.verify();
});

test('a passphrase seals the key of a directory that stands, and of its backups', async () => {
    const vault = await new Vault(server.firms.borg, random).open(1);
    const right = await file('right', 'correct horse\n');
    const wrong = await file('wrong', 'battery staple\n');
    await server.mustRun(['key', 'rotate', '--new-passphrase-file', right]);
    await vault.verify();
    const backup = path.join(server.folder, 'sealed.backup');
    await server.mustRun(['backup', backup]);
    await server.stop();
    for (const words of [[], ['--passphrase-file', wrong]]) {
        const ended = await server.command(['check', ...words]);
        assert.equal(ended.status, 1);
        assert.match(ended.err, /passphrase/);
    }
    await server.mustRun(['check', '--passphrase-file', right]);
    const copy = path.join(server.folder, 'copy');
    const opened = await command(['restore', backup, '--data', copy, '--passphrase-file', right]);
    assert.equal(opened.status, 0, opened.err);
    await server.start({ words: ['--passphrase-file', right] });
    await vault.verify();
    await server.mustRun(['key', 'rotate', '--no-passphrase']);
    await server.stop();
    await server.start();
    await vault.verify();
});

test('a key that others may read is refused', async () => {
    const key = path.join(server.directory, 'master.key');
    await server.stop();
    await fs.chmod(key, 0o644);
    const ended = await server.command(['tenant', 'list']);
    assert.equal(ended.status, 1);
    assert.match(ended.err, /chmod 600/);
    await fs.chmod(key, 0o600);
    await server.start();
});

test('a new directory begins with a passphrase', async () => {
    const folder = path.join(server.folder, 'new');
    const word = await file('word', 'a word of its own\n');
    const words = ['--data', folder, '--passphrase-file', word];
    const owner = ['--title', 'New', '--owner', 'o@new.example'];
    const made = await command(['tenant', 'create', 'new', ...owner, ...words]);
    assert.equal(made.status, 0, made.err);
    assert.equal((await command(['tenant', 'list', '--data', folder])).status, 1);
    // A directory whose key is open does not pretend to be sealed.
    await server.stop();
    const open = await server.command(['check', '--passphrase-file', word]);
    assert.equal(open.status, 1);
    assert.match(open.err, /not sealed/);
    await server.start();
});

test('a backup is restored, and one firm of it alone', async () => {
    const firm = await server.makeFirm('cyan');
    const vault = await new Vault(firm, random).open(3);
    await server.mustRun(['key', 'rotate', '--tenant', 'cyan']);
    await vault.add();
    const backup = path.join(server.folder, 'drill.backup');
    const copy = path.join(server.folder, 'drill');
    const moved = path.join(server.folder, 'cyan.tenant');
    await server.mustRun(['backup', backup]);
    // What came afterwards is lost with the firm; what the backup holds is not.
    await server.mustRun(['tenant', 'delete', 'cyan']);
    const drilled = await command(['restore', backup, '--data', copy]);
    assert.equal(drilled.status, 0, drilled.err);
    assert.equal((await command(['check', '--data', copy])).status, 0);
    const taken = await command(['tenant', 'export', 'cyan', moved, '--data', copy]);
    assert.equal(taken.status, 0, taken.err);
    await server.mustRun(['tenant', 'import', moved]);
    await vault.open();
    await vault.verify();
});
