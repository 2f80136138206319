// Mails that were written as files belong to their firm and to those they go to: they are handed
// over with a person's data, erased with the person, and move and go with the firm.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { expectStatus } from '../door/expect.mjs';
import { jobEnded, resultsOf } from '../door/jobs.mjs';
import { mailFolder, mailTo, mailsOf } from '../door/mails.mjs';
import { enter } from '../door/portal.mjs';
import { openServer, password } from '../door/server.mjs';
import { Visitor } from '../door/visitor.mjs';

const mark = `zq${crypto.randomBytes(8).toString('hex')}`;
const annAddress = `${mark}@x.example`;

let server;
let firm;
let owner;
const made = {};
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
    owner = await Visitor.signIn(firm, firm.owner, password);
    const queue = (to, text) => `queue.mail { to = ${to}, subject = record.name, text = ${text} }`;
    await firm.create('rules', {
        name: 'writes to contacts and of them',
        entity: 'contact',
        point: 'settled',
        state: 'active',
        source: [
            queue('record.emails[1].value', 'record.title or "-"'),
            queue('"staff@firm.example"', '"new: " .. record.emails[1].value'),
        ].join(' '),
    });
    const contact = (name, email) =>
        firm.create('contacts', { name, title: `Title of ${name}`, emails: [email] });
    made.ann = await contact(`Änne ${mark} ${'long '.repeat(20)}`, annAddress);
    made.bob = await contact('Bob', 'bob@x.example');
    const client = await firm.create('clients', {
        name: 'Acme',
        kind: 'company',
        primary_contact: made.bob.id,
    });
    made.portal = await enter(firm, [client.id], made.ann.id);
    await mailTo(firm, annAddress);
    await mailTo(firm, 'bob@x.example');
    await mailTo(firm, 'staff@firm.example', 2);
    await mailTo(firm, made.portal.account.email);
});
after(() => server.close());

const folderOf = (name) => path.join(server.directory, 'mail', name);

describe('a mail that was written', () => {
    test('is for the server’s own eyes, under a name that tells nothing', async () => {
        const mode = async (place) => (await fs.stat(place)).mode & 0o777;
        assert.equal(await mode(folderOf('acme')), 0o700);
        const names = await fs.readdir(folderOf('acme'));
        assert.ok(names.length >= 5);
        for (const name of names) {
            assert.match(name, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.eml$/);
            assert.equal(await mode(path.join(folderOf('acme'), name)), 0o600);
        }
    });

    test('is handed to whom it went, but for what lets its reader in', async () => {
        const asked = await owner.call('POST', `contacts/${made.ann.id}/person`);
        const job = await jobEnded(firm, asked);
        const lines = (await resultsOf(firm, job)).filter(({ part }) => part === 'mail');
        assert.ok(lines.every(({ state }) => state === 'written'));
        const own = lines.filter(({ to }) => to === annAddress);
        assert.deepEqual(
            own.map(({ subject, text }) => [subject, text]),
            [[made.ann.name, made.ann.title]],
        );
        const invitation = lines.filter(({ to }) => to === made.portal.account.email);
        assert.ok(invitation.length > 0 && invitation[0].subject.length > 0);
        assert.ok(invitation.every(({ text }) => text === null));
        assert.equal(lines.length, own.length + invitation.length);
        assert.equal(job.result.mails, lines.length);
    });

    test('goes along with a firm that has another name', async () => {
        const before = await mailsOf(firm);
        // Something was written under the new name already.
        await fs.mkdir(folderOf('renamed'), { recursive: true });
        await fs.writeFile(path.join(folderOf('renamed'), 'kept'), 'kept');
        await server.mustRun(['tenant', 'rename', 'acme', '--name', 'renamed']);
        await assert.rejects(fs.stat(folderOf('acme')));
        const there = { server, name: 'renamed' };
        assert.equal(mailFolder(there), folderOf('renamed'));
        assert.deepEqual(await mailsOf(there), before);
        await server.mustRun(['tenant', 'rename', 'renamed', '--name', 'acme']);
        assert.deepEqual(await mailsOf(firm), before);
        await fs.rm(path.join(folderOf('acme'), 'kept'));
    });

    test('is erased with whom it names, be it in what its coding hides', async () => {
        const asked = await owner.call('POST', `contacts/${made.ann.id}/erase`);
        assert.equal((await jobEnded(firm, asked)).state, 'done');
        const left = await mailsOf(firm);
        const text = JSON.stringify(left);
        assert.ok(!text.includes(mark), text);
        const to = left.map(({ headers }) => headers.to).sort();
        assert.deepEqual(to, ['<bob@x.example>', '<staff@firm.example>']);
    });

    test('does not outlive its firm, nor a kill behind a deletion or a renaming', async () => {
        const id = '01a20270-2b06-7002-819f-7e9d91401989';
        const ghost = folderOf('ghost');
        const beside = folderOf('beside');
        await server.stop();
        for (const folder of [ghost, beside]) {
            await fs.mkdir(folder, { recursive: true });
            await fs.writeFile(path.join(folder, `${id}.eml`), mark);
            await fs.writeFile(path.join(folder, `${id}.eml.new`), mark);
        }
        await fs.writeFile(path.join(beside, 'notes'), 'of the operator');
        await server.start();
        await assert.rejects(fs.stat(ghost));
        assert.deepEqual(await fs.readdir(beside), ['notes']);
        assert.equal((await mailsOf(firm)).length, 2);
        await fs.writeFile(path.join(folderOf('acme'), '.hidden'), mark);
        await server.mustRun(['tenant', 'delete', 'acme']);
        await assert.rejects(fs.stat(folderOf('acme')));
    });
});
