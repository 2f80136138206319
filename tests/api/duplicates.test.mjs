// Records that may be one and the same: found by a scan, warned of at a creation.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { expectProblem, expectStatus } from '../door/expect.mjs';
import { jobEnded } from '../door/jobs.mjs';
import { chooseSeed, makeRandom } from '../door/random.mjs';
import { openServer } from '../door/server.mjs';

let server;
before(async () => {
    server = await openServer(['acme', 'borg', 'cyan']);
});
after(() => server.close());

const client = (name, more = {}) => ({
    name,
    kind: 'company',
    primary_contact: { name: `Boss of ${name}` },
    ...more,
});
const scan = async (firm, collection = 'clients') =>
    jobEnded(firm, await firm.call('POST', `${collection}/duplicates`));
/** Found pairs as `A + B: why score`, in alphabetical order. */
async function pairsOf(firm, query = 'state=open', of = 'client') {
    const pairs = await firm.all(`${of}_duplicates`, `${query}&expand=first,second`);
    return pairs.map((pair) => {
        const names = [pair.first.name, pair.second.name].sort();
        return `${names.join(' + ')}: ${pair.why} ${pair.score}`;
    });
}

describe('a scan', () => {
    test('finds names, addresses, numbers and codes that are alike, and says why', async () => {
        const firm = server.firms.acme;
        for (const one of [
            client('Müller Maschinenbau GmbH'),
            client('MUELLER Maschinenbau', { tax_id: 'DE 811-222-333' }),
            client('Muller Maschinenbau AG & Co. KG'),
            client('Northwind Traders Ltd.', { emails: ['info@northwind.example'] }),
            client('Norhtwind Traders', { phones: ['+31 20 765 4321'] }),
            client('Wholly Other', { emails: ['INFO@northwind.example'] }),
            client('Another One', { phones: ['(020) 7654321'] }),
            client('Steel & Sons', { vat_number: 'de811222333' }),
            client('Alone'),
            client('Aline'),
            client('Studio 54'),
            client('Studio 55'),
        ])
            await firm.create('clients', one);
        const job = await scan(firm);
        assert.equal(job.state, 'done', JSON.stringify(job));
        const found = (await pairsOf(firm)).sort();
        assert.deepEqual(found, [
            'Another One + Norhtwind Traders: phones 50',
            'MUELLER Maschinenbau + Muller Maschinenbau AG & Co. KG: name 65',
            'MUELLER Maschinenbau + Müller Maschinenbau GmbH: name 65',
            'MUELLER Maschinenbau + Steel & Sons: tax_id, vat_number 95',
            'Muller Maschinenbau AG & Co. KG + Müller Maschinenbau GmbH: name 75',
            'Norhtwind Traders + Northwind Traders Ltd.: name 65',
            'Northwind Traders Ltd. + Wholly Other: emails 85',
        ]);
        assert.deepEqual(job.result, { pairs: 7, new: 7, gone: 0, more: false });
        assert.deepEqual([job.done, job.total], [12, 12]);
    });

    test('what was dismissed stays so, what is alike no more goes', async () => {
        const firm = server.firms.acme;
        const pairs = await firm.all('client_duplicates', 'expand=first,second');
        const by = (why) => pairs.find((pair) => pair.why === why);
        const dismissed = by('emails');
        const where = `client_duplicates/${dismissed.id}`;
        expectStatus(await firm.call('PATCH', where, { state: 'dismissed' }), 200);
        const changed = by('phones');
        const { id } = [changed.first, changed.second].find((one) => one.name === 'Another One');
        expectStatus(await firm.call('PATCH', `clients/${id}`, { phones: [] }), 200);
        const deleted = by('tax_id, vat_number');
        const gone = [deleted.first, deleted.second].find((one) => one.name === 'Steel & Sons');
        expectStatus(await firm.call('DELETE', `clients/${gone.id}`), 204);
        const before = (await pairsOf(firm, '')).length;
        assert.equal(before, 6);
        const job = await scan(firm);
        assert.deepEqual(job.result, { pairs: 5, new: 0, gone: 1, more: false });
        assert.equal((await firm.get('client_duplicates', dismissed.id)).state, 'dismissed');
        assert.equal((await pairsOf(firm)).length, 4);
        const best = await firm.call('GET', 'client_duplicates?state=open&sort=-score&limit=1');
        assert.equal(best.body.data[0].score, 75);
    });

    test('leaves archived records out', async () => {
        const firm = server.firms.acme;
        const [pair] = await firm.all('client_duplicates', 'state=open&sort=-score');
        expectStatus(await firm.call('POST', `clients/${pair.first}/archive`), 200);
        const job = await scan(firm);
        assert.equal(job.result.new, 0);
        assert.ok(job.result.gone >= 1);
        expectStatus(await firm.call('GET', `client_duplicates/${pair.id}`), 404);
    });

    test('says of a pair that was merged that it was', async () => {
        const firm = server.firms.acme;
        for (const name of ['Merging Mills', 'Merging Mill'])
            await firm.create('clients', client(name));
        await scan(firm);
        const [pair] = await firm.all('client_duplicates', 'sort=-created_at');
        const merged = await firm.call('POST', `clients/${pair.first}/merge`, {
            with: [pair.second],
        });
        expectStatus(merged, 200);
        await scan(firm);
        const after = await firm.get('client_duplicates', pair.id);
        assert.equal(after.state, 'merged');
        assert.equal(after.first, after.second);
    });

    test('takes words in any order, and adds up what agrees', async () => {
        const firm = server.firms.borg;
        for (const one of [
            { name: 'Ann Marie Lee' },
            { name: 'Lee, Ann-Marie' },
            { name: 'Bob Stone', emails: ['bob@stone.example'] },
            { name: 'Bob Stone', emails: ['bob@stone.example'], phones: ['+49 30 1234567'] },
            { name: 'Rob Stone' },
        ])
            await firm.create('contacts', one);
        assert.equal((await scan(firm, 'contacts')).state, 'done');
        assert.deepEqual((await pairsOf(firm, 'state=open', 'contact')).sort(), [
            'Ann Marie Lee + Lee, Ann-Marie: name 70',
            'Bob Stone + Bob Stone: name, emails 97',
            'Bob Stone + Rob Stone: name 65',
            'Bob Stone + Rob Stone: name 65',
        ]);
        assert.equal((await firm.all('client_duplicates')).length, 0);
    });

    test('is of collections that have such fields, and of no parameters', async () => {
        const firm = server.firms.borg;
        expectStatus(await firm.call('POST', 'addresses/duplicates'), 404);
        expectProblem(await firm.call('POST', 'clients/duplicates?fast=true'), 400);
        const document = await firm.call('GET', 'openapi.json');
        assert.ok(document.body.paths['/api/v1/clients/duplicates'].post);
        assert.equal(document.body.paths['/api/v1/addresses/duplicates'], undefined);
    });

    test('of many finds every planted mistake', async (t) => {
        const firm = server.firms.cyan;
        const random = makeRandom(chooseSeed());
        const letters = 'abcdefghijklmnopqrstuvwxyz';
        const letter = () => letters[random.below(26)];
        const word = () => Array.from({ length: 6 + random.below(6) }, letter).join('');
        const planted = new Set();
        const operations = [];
        for (let at = 0; at < 400; at++) {
            const name = `${word()} ${word()}`;
            operations.push({ create: { name } });
            if (at % 4 !== 0) continue;
            const place = 1 + random.below(name.length - 2);
            const kind = random.below(3);
            const tail = name.slice(place + 1);
            const middle = ['', letter(), letter() + name[place]][kind];
            const wrong = name.slice(0, place) + middle + tail;
            if (wrong.replaceAll(' ', '') === name.replaceAll(' ', '')) continue;
            operations.push({ create: { name: wrong } });
            planted.add([name, wrong].sort().join(' + '));
        }
        const made = await firm.call('POST', 'contacts/bulk', operations);
        expectStatus(made, 200);
        assert.equal((await scan(firm, 'contacts')).state, 'done');
        const found = new Set(
            (await pairsOf(firm, 'state=open', 'contact')).map((pair) => pair.split(': ')[0]),
        );
        const missed = [...planted].filter((pair) => !found.has(pair));
        t.diagnostic(`seed ${random.seed}: ${planted.size} planted, ${found.size} found`);
        assert.deepEqual(missed, [], `seed ${random.seed}`);
    });
});

describe('a creation', () => {
    const warned = async (firm, body, collection = 'clients') => {
        const answer = await firm.call('POST', `${collection}?duplicates=warn`, body);
        expectStatus(answer, 201);
        return answer.body.warnings;
    };

    test('warns of records that are alike, best first, and refuses nothing', async () => {
        const firm = server.firms.borg;
        const first = await firm.create(
            'clients',
            client('Tallis Bakery', { emails: ['hello@tallis.example'], tax_id: 'NL-1234.56' }),
        );
        const phones = ['0301112223'];
        const second = await firm.create('clients', client('Talis Bakery', { phones }));
        const warnings = await warned(
            firm,
            client('Tallis Bakery Ltd', {
                emails: ['hello@tallis.example'],
                phones: ['+49 30 111 2223'],
            }),
        );
        assert.deepEqual(
            warnings.map((warning) => [warning.code, warning.field, warning.records[0]]),
            [
                ['duplicate', 'name', first.id],
                ['duplicate', 'name', second.id],
            ],
        );
        assert.ok(warnings[0].score > warnings[1].score);
        assert.match(warnings[0].message, /client .* name, emails/);
        assert.equal(await warned(firm, client('Unlike Anything')), undefined);
        const plain = await firm.call('POST', 'clients', client('Tallis Bakery'));
        expectStatus(plain, 201);
        assert.equal(plain.body.warnings, undefined);
    });

    test('with chosen fields warns too; other words and other calls do not', async () => {
        const firm = server.firms.borg;
        const answer = await firm.call(
            'POST',
            'clients?duplicates=warn&fields=name',
            client('Tallis Bakery'),
        );
        expectStatus(answer, 201);
        assert.deepEqual(Object.keys(answer.body).sort(), ['id', 'name', 'warnings']);
        expectProblem(await firm.call('POST', 'clients?duplicates=refuse', client('X')), 400);
        const where = `clients/${answer.body.id}?duplicates=warn`;
        expectProblem(await firm.call('PATCH', where, { name: 'Y' }), 400);
        expectStatus(
            await firm.call('POST', 'users?duplicates=warn', { name: 'U', email: 'u@b.example' }),
            201,
        );
    });
});
