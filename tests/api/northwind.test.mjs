// The main job on real input: a customer list of 91 companies, imported with no map given.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { root } from '../door/program.mjs';
import { openServer } from '../door/server.mjs';

const file = path.resolve(root, '../shared/data/northwind/customers.csv');
const skip = fs.existsSync(file) ? false : `${file} is not here`;

describe('the Northwind customers', { skip }, () => {
    let server;
    let firm;
    const named = async (name) => {
        const found = await firm.all('clients', `name=${encodeURIComponent(name)}`);
        assert.equal(found.length, 1, `${found.length} clients are named ${name}`);
        return found[0];
    };
    before(async () => {
        server = await openServer(['acme'], { isIdle: true });
        firm = server.firms.acme;
        const words = ['import', '--tenant', 'acme', '--entity', 'clients'];
        const seen = await server.mustRun([...words, '--preview', file]);
        assert.match(seen.out, /companyName/);
        await server.start();
        assert.equal((await firm.all('clients')).length, 0, 'a preview wrote something');
        const ended = await server.mustRun([...words, file]);
        assert.match(ended.out + ended.err, /91/);
    });
    after(() => server?.close());

    test('are 91 clients, 91 primary contacts with titles, 91 default addresses', async () => {
        const clients = await firm.all('clients', 'expand=primary_contact,default_address');
        assert.equal(clients.length, 91);
        assert.equal((await firm.all('contacts')).length, 91);
        assert.equal((await firm.all('addresses')).length, 91);
        for (const client of clients) {
            assert.match(client.primary_contact.name, /\S/, client.name);
            assert.match(client.primary_contact.title, /\S/, client.name);
            assert.match(client.default_address.line1, /\S/, client.name);
            assert.match(client.default_address.country, /^[A-Z]{2}$/, client.name);
            assert.equal(client.kind, 'company');
        }
    });

    test('have no word NULL anywhere', async () => {
        for (const collection of ['clients', 'contacts', 'addresses']) {
            for (const record of await firm.all(collection))
                assert.ok(!/"NULL"/i.test(JSON.stringify(record)), JSON.stringify(record));
        }
    });

    test('keep their accents', async () => {
        const client = await named('Antonio Moreno Taquería');
        const address = await firm.get('addresses', client.default_address);
        assert.equal(address.city, 'México D.F.');
        assert.equal(address.country, 'MX');
        assert.equal(address.line1, 'Mataderos  2312');
        assert.equal(address.postal_code, '05023');
        assert.equal(address.region, null);
        const contact = await firm.get('contacts', client.primary_contact);
        assert.deepEqual([contact.name, contact.title], ['Antonio Moreno', 'Owner']);
    });

    test('have their telephone and their fax apart', async () => {
        const client = await named('Alfreds Futterkiste');
        const phones = client.phones.map((phone) => [phone.value, phone.label]);
        assert.equal(phones.length, 2, JSON.stringify(phones));
        assert.equal(phones[0][0], '030-0074321');
        assert.deepEqual(phones[1], ['030-0076545', 'fax']);
        const other = await named('Antonio Moreno Taquería');
        assert.equal(other.phones.length, 1);
    });

    test('are found by country', async () => {
        for (const [code, count] of [
            ['DE', 11],
            ['US', 13],
            ['GB', 7],
            ['MX', 5],
            ['FR', 11],
        ]) {
            const found = await firm.all('addresses', `country=${code}`);
            assert.equal(found.length, count, code);
        }
    });

    test('are sorted by name', async () => {
        const names = (await firm.all('clients', 'sort=name')).map((client) => client.name);
        assert.equal(names[0], 'Alfreds Futterkiste');
        assert.equal(names.at(-1), 'Wolski  Zajazd');
        const down = (await firm.all('clients', 'sort=-name')).map((client) => client.name);
        assert.deepEqual(down, names.reverse());
    });

    test("are found by a word, by the contact's name, by the last digits of a phone", async () => {
        const names = async (words) =>
            (await firm.all('clients', `q=${encodeURIComponent(words)}`))
                .map((client) => client.name)
                .sort();
        assert.ok((await names('anton')).includes('Antonio Moreno Taquería'));
        assert.deepEqual(await names('3932'), ['Antonio Moreno Taquería']);
        assert.deepEqual(await names('taqueria'), ['Antonio Moreno Taquería']);
        assert.deepEqual(await names('futterkiste'), ['Alfreds Futterkiste']);
    });

    test('imported again with a match on their reference change and are not doubled', async () => {
        const client = await named('Alfreds Futterkiste');
        assert.equal(client.reference, 'ALFKI');
        await firm.call('PATCH', `clients/${client.id}`, { name: 'Renamed Meanwhile' });
        await server.mustRun([
            'import',
            '--tenant',
            'acme',
            '--entity',
            'clients',
            '--match',
            'reference',
            '--mode',
            'upsert',
            file,
        ]);
        assert.equal((await firm.all('clients')).length, 91);
        assert.equal((await firm.get('clients', client.id)).name, 'Alfreds Futterkiste');
        assert.equal((await firm.all('addresses')).length, 91);
        assert.equal((await firm.all('contacts')).length, 91);
    });
});
