// The portal in a real browser: coming in, what is seen, choosing a client, changing one's own.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Browser, findBrowser } from '../door/browser.mjs';
import { expectStatus } from '../door/expect.mjs';
import { linkIn, mailTo } from '../door/mails.mjs';
import { contactPassword, enter, portalHost } from '../door/portal.mjs';
import { openServer, password } from '../door/server.mjs';
import { Visitor } from '../door/visitor.mjs';

const skip = findBrowser() === null ? 'there is no browser here' : false;

test('the door has its own page and files, and no others', async () => {
    const server = await openServer(['acme']);
    try {
        const host = portalHost(server.firms.acme);
        const get = (path) => server.send({ method: 'GET', path, headers: { host } });
        const { text, headers } = expectStatus(await get('/'), 200);
        assert.match(headers['content-security-policy'], /script-src 'self'(;|$)/);
        assert.ok(!/<script>|style=|onclick=/.test(text), 'inline code');
        const form = /<(?:script|link)\b[^>]*(?:src|href)="(\/[^"]+)"/g;
        const named = [...text.matchAll(form)].map((found) => found[1]);
        assert.deepEqual(named.sort(), ['/app.css', '/portal.js']);
        for (const name of named) expectStatus(await get(name), 200);
        for (const path of ['/app.js', '/index.html']) expectStatus(await get(path), 404);
    } finally {
        await server.close();
    }
});

describe('by the page', { skip }, () => {
    let server;
    let firm;
    let browser;
    let contact;
    let clients;
    before(async () => {
        server = await openServer(['acme']);
        firm = server.firms.acme;
        const ann = await firm.create('contacts', { name: 'Ann Lee', emails: ['ann@a.example'] });
        clients = [];
        for (const name of ['Baker & Sons', 'Second House']) {
            const made = { name, kind: 'company', primary_contact: ann.id };
            clients.push(await firm.create('clients', made));
        }
        for (const city of ['Delft', 'Leiden'])
            await firm.create('addresses', { client: clients[0].id, line1: `${city} 1`, city });
        contact = await enter(
            firm,
            clients.map((client) => client.id),
            ann.id,
        );
        browser = await Browser.open();
    });
    after(async () => {
        await browser?.close();
        await server?.close();
    });
    const sees = (text) =>
        browser.until(`document.body.innerText.includes(${JSON.stringify(text)})`);

    test('a contact signs in and sees its client, and nothing of the firm', async () => {
        await browser.visit(`http://${portalHost(firm)}/`);
        await browser.type('E-mail', contact.account.email);
        await browser.type('Password', 'not the password');
        await browser.click('Sign in');
        await sees('not right');
        await browser.type('Password', contactPassword);
        await browser.click('Sign in');
        await browser.until(`document.querySelector('h1')?.innerText === 'Baker & Sons'`);
        await sees('Delft 1');
        await sees('Ann Lee');
    });

    test('a list leads to a record', async () => {
        await browser.click('Addresses', 'nav');
        await browser.until(`document.querySelectorAll('tbody tr').length === 2`);
        await browser.click('Leiden 1', 'tbody');
        await browser.until(`document.querySelector('h1').innerText === 'Leiden 1'`);
        await browser.until(`document.querySelector('form.record') === null`);
    });

    test('what may be changed is changed', async () => {
        await browser.click('Contacts', 'nav');
        await browser.click('Ann Lee', 'tbody');
        await browser.until(`document.querySelector('form.record') !== null`);
        await browser.type('Name', 'Ann Lee-Novak', 'form.record');
        await browser.click('Save');
        await browser.until(`document.querySelector('h1').innerText === 'Ann Lee-Novak'`);
        const changed = await firm.get('contacts', contact.account.contact);
        assert.equal(changed.name, 'Ann Lee-Novak');
    });

    test('another client is chosen, and signing out ends it', async () => {
        await browser.choose('Client', 'Second House');
        await browser.until(`document.querySelector('h1')?.innerText === 'Second House'`);
        await browser.click('Sign out');
        await sees('I forgot my password');
        assert.deepEqual(browser.complaints.filter((text) => !text.includes('401')), []);
    });

    test('a link from the mail lets a contact choose a password and come in', async () => {
        const bob = await firm.create('contacts', { name: 'Bob', emails: ['bob@a.example'] });
        await firm.create('client_contacts', { client: clients[1].id, contact: bob.id });
        const where = `clients/${clients[1].id}/enable_portal`;
        expectStatus(await firm.call('POST', where, { contact: bob.id }), 200);
        await browser.visit(linkIn(await mailTo(firm, 'bob@a.example')).url);
        await browser.type('New password', 'words of bob alone');
        await browser.click('Keep this password');
        await browser.type('E-mail', 'bob@a.example');
        await browser.type('Password', 'words of bob alone');
        await browser.click('Sign in');
        await browser.until(`document.querySelector('h1')?.innerText === 'Second House'`);
        await browser.click('Sign out');
        await sees('I forgot my password');
    });

    test('what is not ours is shown as text, in every list and on every page', async () => {
        const evil = (mark) => `"'><img src=x onerror="document.title='harmed'"><b>${mark}</b>`;
        const eve = await firm.create('contacts', {
            name: evil('contact'),
            title: evil('title'),
            emails: [{ value: 'eve@a.example', label: '<b>label</b>' }],
        });
        const client = await firm.create('clients', {
            name: evil('client'),
            business_name: evil('business'),
            kind: 'company',
            tags: [evil('tag')],
            phones: [{ value: '+43 1 5550100', label: '<b>label</b>' }],
            reference: evil('reference').slice(0, 100),
            primary_contact: eve.id,
            default_address: { line1: evil('street'), city: evil('city'), country: 'AT' },
        });
        await firm.create('projects', { name: evil('project'), client: client.id });
        const her = await enter(firm, [client.id], eve.id);
        await browser.visit(`http://${portalHost(firm)}/`);
        await browser.type('E-mail', her.account.email);
        await browser.type('Password', contactPassword);
        await browser.click('Sign in');
        await sees('<b>client</b>');
        const { entities } = await her.get('schema');
        const shown = { clients: '', contacts: '', addresses: '', projects: '' };
        assert.deepEqual(
            entities.map(({ plural }) => plural).filter((plural) => plural in shown).sort(),
            Object.keys(shown).sort(),
        );
        let seen = 0;
        for (const plural of Object.keys(shown))
            for (const record of await her.all(plural))
                for (const page of [plural, `${plural}/${record.id}`]) {
                    await browser.value(`window.location.hash = '#/${page}'`);
                    const sign = page.includes('/') ? 'h1' : 'tbody';
                    await browser.until(
                        `document.querySelector('${sign}')?.innerText.includes('<b>')`,
                    );
                    const made = 'img, main b, script:not([src]), a[href^="javascript"]';
                    const count = `[...document.querySelectorAll('${made}')].length`;
                    assert.equal(await browser.value(count), 0, page);
                    assert.notEqual(await browser.value('document.title'), 'harmed', page);
                    seen += 1;
                }
        assert.ok(seen >= 8, `${seen} pages`);
        await browser.click('Sign out');
        await sees('I forgot my password');
        assert.deepEqual(browser.complaints.filter((text) => !text.includes('401')), []);
    });

    test('the staff sees it as the contact, is told so, and can change nothing', async () => {
        const staff = await Visitor.signIn(firm, firm.owner, password);
        const where = `portal_accounts/${contact.account.id}/view_as`;
        const { address } = expectStatus(await staff.call('POST', where), 200).body;
        await browser.visit(address);
        await browser.click('Show it');
        await sees('Nothing can be changed.');
        await browser.click('Contacts', 'nav');
        await browser.click('Ann Lee-Novak', 'tbody');
        await browser.until(`document.querySelector('dl.details') !== null`);
        assert.equal(await browser.value(`document.querySelector('form.record')`), null);
        assert.equal(await browser.value('location.hash.includes("view")'), false);
    });
});
