// The links that mails bring, as a person meets them: what was typed is told in sentences, and an
// account with one-time codes is asked for one instead of being turned away.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Browser, findBrowser } from '../door/browser.mjs';
import { codeAt } from '../door/codes.mjs';
import { expectStatus } from '../door/expect.mjs';
import { linkIn, mailTo } from '../door/mails.mjs';
import { openServer, password } from '../door/server.mjs';
import { Visitor } from '../door/visitor.mjs';

const skip = findBrowser() === null ? 'there is no browser here' : false;

describe('by the page', { skip }, () => {
    let server;
    let firm;
    let browser;
    let recovery;
    before(async () => {
        server = await openServer(['acme']);
        firm = server.firms.acme;
        const owner = await Visitor.signIn(firm, firm.owner, password);
        const { secret } = expectStatus(await owner.call('POST', 'me/totp'), 200).body;
        const code = codeAt(secret, Math.floor(Date.now() / 1000));
        const confirmed = await owner.call('POST', 'me/totp/confirm', { code });
        recovery = expectStatus(confirmed, 200).body.recovery_codes;
        browser = await Browser.open();
    });
    after(async () => {
        await browser?.close();
        await server?.close();
    });
    const sees = (text) =>
        browser.until(`document.body.innerText.includes(${JSON.stringify(text)})`);

    test('a mail is not said to be on its way to no address', async () => {
        await browser.visit(`http://${firm.host}/`);
        await browser.click('I forgot my password');
        await browser.click('Send the mail');
        await sees('The e-mail address is needed.');
        await browser.type('E-mail', 'no address');
        await browser.click('Send the mail');
        await sees('The e-mail address is not an address');
    });

    test('a forgotten password is set anew by who has codes', async () => {
        await browser.type('E-mail', firm.owner);
        await browser.click('Send the mail');
        await sees('Look into your mail');
        await browser.visit(linkIn(await mailTo(firm, firm.owner)).url);
        await browser.type('New password', 'short');
        await browser.click('Keep this password');
        await sees('The password is shorter than');
        await browser.type('New password', 'another horse battery');
        await browser.click('Keep this password');
        await sees('One-time code');
        await browser.type('Code', recovery[0]);
        await browser.click('Go on');
        await sees('The password is kept.');
        await browser.type('E-mail', firm.owner);
        await browser.type('Password', 'another horse battery');
        await browser.click('Sign in');
        await browser.type('Code', recovery[1]);
        await browser.click('Go on');
        await sees('Sign out');
        assert.deepEqual(browser.complaints, []);
    });
});
