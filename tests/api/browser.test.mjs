// The page in a real browser: signing in, creating, finding, changing and deleting a client by
// hand.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Browser, findBrowser } from '../door/browser.mjs';
import { openServer, password } from '../door/server.mjs';

const skip = findBrowser() === null ? 'there is no browser here' : false;

describe('by the page', { skip }, () => {
    let server;
    let firm;
    let browser;
    before(async () => {
        server = await openServer(['acme']);
        firm = server.firms.acme;
        browser = await Browser.open();
    });
    after(async () => {
        await browser?.close();
        await server?.close();
    });

    test('somebody signs in, and a wrong password is told', async () => {
        await browser.visit(`http://${firm.host}/`);
        await browser.type('E-mail', firm.owner);
        await browser.type('Password', 'not the password');
        await browser.click('Sign in');
        await browser.until(`document.body.innerText.includes('not right')`);
        await browser.type('Password', password);
        await browser.click('Sign in');
        await browser.until(`document.body.innerText.includes('/api/v1/clients')`);
    });

    test('a client is created with its contact', async () => {
        await browser.click('Clients', 'nav');
        await browser.click('New client');
        await browser.type('Name', 'Browser & Söhne', 'form.record > .fields');
        await browser.click('Create');
        await browser.until(`document.querySelector('.fault.summary:not([hidden])')`);
        await browser.until(
            `document.querySelector('.wrong').innerText.includes('Primary contact')`,
        );
        await browser.click('New', '.wrong');
        await browser.type('Name', 'Petra Probe', '.nested');
        await browser.click('Create');
        await browser.until(`document.querySelector('h1').innerText === 'Browser & Söhne'`);
        const [client] = await firm.all('clients', 'expand=primary_contact');
        assert.equal(client.name, 'Browser & Söhne');
        assert.equal(client.primary_contact.name, 'Petra Probe');
    });

    test('it is found by its name', async () => {
        await firm.create('clients', { name: 'Somebody Else', kind: 'individual' });
        await browser.click('Clients', 'nav');
        await browser.until(`document.querySelectorAll('tbody tr').length === 2`);
        await browser.type('Search', 'sohne');
        await browser.until(`document.querySelectorAll('tbody tr').length === 1`);
        await browser.click('Browser & Söhne', 'tbody');
        await browser.until(`document.querySelector('h1').innerText === 'Browser & Söhne'`);
    });

    test('it is changed, and its address is added below it', async () => {
        await browser.type('Name', 'Browser & Töchter', 'form.record > .fields');
        await browser.choose('Status', 'Past');
        await browser.click('Save');
        await browser.until(`document.querySelector('h1').innerText === 'Browser & Töchter'`);
        await browser.click('New address');
        await browser.until(`document.querySelector('h1').innerText === 'New address'`);
        await browser.type('Street', 'Probeweg 1');
        await browser.type('City', 'Graz');
        await browser.click('Create');
        await browser.until(`document.querySelector('h1').innerText === 'Probeweg 1'`);
        const [client] = await firm.all('clients', 'q=tochter&expand=default_address');
        assert.equal(client.status, 'past');
        assert.equal(client.default_address.city, 'Graz');
    });

    test('it is deleted, after a question', async () => {
        await browser.click('Clients', 'nav');
        await browser.click('Browser & Töchter', 'tbody');
        await browser.click('Delete', '.bar');
        await browser.click('Cancel', 'dialog');
        assert.equal((await firm.all('clients')).length, 2);
        await browser.click('Delete', '.bar');
        await browser.click('Delete', 'dialog');
        await browser.until(`document.querySelector('h1').innerText === 'Clients'`);
        assert.equal((await firm.all('clients')).length, 1);
    });

    test('what is not ours is shown as text, in every list and on every page', async () => {
        const evil = (mark) => `"'><img src=x onerror="document.title='harmed'"><b>${mark}</b>`;
        const client = await firm.create('clients', {
            name: evil('client'),
            business_name: evil('business'),
            kind: 'company',
            reference: evil('reference').slice(0, 100),
            tags: [evil('tag')],
            emails: [{ value: 'a@b.example', label: '<b>label</b>' }],
            observations: evil('observations'),
            primary_contact: { name: evil('contact'), title: evil('title') },
            default_address: { line1: evil('street'), city: evil('city'), country: 'AT' },
        });
        const places = ['clients', 'contacts', 'addresses', 'client_contacts', 'users'];
        const records = {
            clients: client.id,
            contacts: client.primary_contact,
            addresses: client.default_address,
        };
        const pages = [
            ...places,
            ...Object.entries(records).map(([place, id]) => `${place}/${id}`),
        ];
        for (const page of pages) {
            await browser.visit(`http://${firm.host}/#/${page}`);
            const sign = page.includes('/') ? 'h1' : 'tbody';
            const text = `document.querySelector(${JSON.stringify(sign)})?.innerText`;
            const isTold = page.startsWith('users') ? text : `${text}?.includes('<b>')`;
            await browser.until(isTold);
            const made = await browser.value(
                `[...document.querySelectorAll('img, main b, a[href^="javascript"]')].length`,
            );
            assert.equal(made, 0, page);
            assert.notEqual(await browser.value('document.title'), 'harmed', page);
        }
    });

    test('somebody signs out', async () => {
        await browser.click('Sign out');
        await browser.until(`document.querySelector('h1').innerText === 'Sign in'`);
    });

    test('the page complained of nothing', () => {
        assert.deepEqual(browser.complaints, []);
    });
});
