// The password is asked for again by the page, in a dialog, before what the server holds dangerous;
// then the call is made once more.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Browser, findBrowser } from '../door/browser.mjs';
import { codeAt } from '../door/codes.mjs';
import { expectStatus } from '../door/expect.mjs';
import { openServer, password } from '../door/server.mjs';
import { Visitor } from '../door/visitor.mjs';
import { until } from '../door/wait.mjs';

const skip = findBrowser() === null ? 'there is no browser here' : false;

describe('by the page', { skip }, () => {
    let server;
    let firm;
    let browser;
    let folder;
    before(async () => {
        server = await openServer(['acme']);
        firm = server.firms.acme;
        const contact = { name: 'Ann Lee' };
        for (const name of ['First House', 'Second House'])
            await firm.create('clients', { name, kind: 'company', primary_contact: contact });
        browser = await Browser.open();
        folder = await fs.mkdtemp(path.join(os.tmpdir(), 'atrium-saved-'));
        await browser.saveTo(folder);
    });
    after(async () => {
        await browser?.close();
        await server?.close();
        await fs.rm(folder, { recursive: true, force: true });
    });

    /** From now on every proof is old, or one of ten minutes is not. */
    async function serveWith(...words) {
        const { port } = server;
        await server.stop();
        // Somebody else may have taken the port, for a moment.
        await until(
            () =>
                server.start({ port, words }).catch((error) => {
                    if (!/in use/.test(error.message)) throw error;
                }),
            'its port is free',
        );
    }
    const makeOld = () => serveWith('--proof-ms', '1');
    const makeFresh = () => serveWith();

    const holds = (text) => `document.body.innerText.includes(${JSON.stringify(text)})`;
    const isAsked = `document.querySelector('dialog[open]')`;
    const focused = (text) => `document.activeElement?.textContent.trim() === '${text}'`;
    const events = async (kind) =>
        expectStatus(await firm.call('GET', `audit?kind=${kind}`), 200).body.data;

    const saved = (name) =>
        until(async () => {
            const text = await fs.readFile(path.join(folder, name), 'utf8').catch(() => '');
            return text.endsWith('\n') && text;
        }, `${name} is saved`);

    async function signIn(email, code) {
        await browser.visit(`http://${firm.host}/`);
        await browser.type('E-mail', email);
        await browser.type('Password', password);
        await browser.click('Sign in');
        if (code !== undefined) {
            await browser.type('Code', code);
            await browser.click('Go on');
        }
        await browser.click('Clients', 'nav');
        await browser.until(`document.querySelectorAll('tbody tr').length === 2`);
    }

    async function askForExport() {
        const buttons = `[...document.querySelectorAll('button')]`;
        await browser.value(`${buttons}.find((one) => one.innerText === 'Export').focus()`);
        await browser.press('Enter');
        await browser.until(isAsked);
        await browser.until(`document.activeElement === document.querySelector('dialog input')`);
    }

    test('a list is taken out while the password is fresh', async () => {
        await signIn(firm.owner);
        await browser.click('Export');
        const text = await saved('clients.csv');
        assert.ok(text.includes('First House') && text.includes('Second House'), text);
        assert.equal(await browser.value(isAsked), null);
        await fs.rm(path.join(folder, 'clients.csv'));
    });

    test('the focus goes into the dialog, stays there, and comes back', async () => {
        await makeOld();
        await askForExport();
        for (const isThere of [focused('Cancel'), focused('Go on')]) {
            await browser.press('Tab');
            await browser.until(isThere);
        }
        await browser.press('Escape');
        await browser.until(`!${isAsked}`);
        await browser.until(focused('Export'));
        await browser.until(holds('this needs your password first'));
        assert.deepEqual(await events('proven'), []);
    });

    test('a wrong password is told, and another refusal is not asked about again', async () => {
        await askForExport();
        await browser.type('Password', 'not the password', 'dialog');
        await browser.press('Enter');
        await browser.until(`document.querySelector('dialog .fault:not([hidden])')`);
        await browser.until(holds('The password is not right.'));
        await browser.type('Password', password, 'dialog');
        await browser.press('Enter');
        await browser.until(`!${isAsked}`);
        await browser.until(focused('Export'));
        const { length } = await events('proven');
        assert.equal(length, 1);
        assert.equal((await events('exported')).length, 1);
    });

    test('a form goes on by it', async () => {
        await browser.visit(`http://${firm.host}/#/users/new`);
        await browser.type('Name', 'Petra Probe', 'form.record');
        await browser.type('E-mail', 'petra@firm.example', 'form.record');
        await browser.click('Create', 'form.record');
        await browser.until(isAsked);
        await makeFresh();
        await browser.type('Password', password, 'dialog');
        await browser.click('Go on', 'dialog');
        await browser.until(`document.querySelector('h1').innerText === 'Petra Probe'`);
        const users = await firm.all('users', 'email=petra@firm.example');
        assert.equal(users.length, 1);
    });

    test('who has one-time codes is asked for one', async () => {
        const owner = await Visitor.signIn(firm, firm.owner, password);
        const begun = expectStatus(await owner.call('POST', 'me/totp'), 200).body;
        const now = Date.now() / 1000;
        const confirm = { code: codeAt(begun.secret, now) };
        const confirmed = await owner.call('POST', 'me/totp/confirm', confirm);
        const [first, second] = expectStatus(confirmed, 200).body.recovery_codes;
        await browser.click('Sign out');
        await signIn(firm.owner, first);
        await makeOld();
        await askForExport();
        await makeFresh();
        await browser.type('Password', password, 'dialog');
        await browser.press('Enter');
        await browser.until(`document.activeElement.autocomplete === 'one-time-code'`);
        await browser.type('Code', second, 'dialog');
        await browser.press('Enter');
        await browser.until(`!${isAsked}`);
        assert.ok((await saved('clients.csv')).includes('First House'));
        assert.deepEqual(browser.complaints, []);
    });
});
