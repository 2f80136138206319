// What waits in the outbox lies sealed under the firm's key, of whatever kind it is, and is still
// read, sent and found when that key is another.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { expectStatus } from '../door/expect.mjs';
import { linkIn, mailTo } from '../door/mails.mjs';
import { outboxOf } from '../door/rules.mjs';
import { openServer } from '../door/server.mjs';
import { Visitor } from '../door/visitor.mjs';
import { until } from '../door/wait.mjs';

const word = 'verdigris-lantern-of-nobody';

let server;
let firm;
before(async () => {
    server = await openServer(['acme'], { words: ['--mail', 'held'] });
    firm = server.firms.acme;
    await firm.create('rules', {
        name: 'queues',
        entity: 'contact',
        point: 'after',
        on: ['create'],
        state: 'active',
        // The word comes from no record and from no source, so that it lies nowhere else.
        source: `local word = table.concat({"verdigris", "lantern", "of", "nobody"}, "-")
                 queue.mail {to = "keeper@elsewhere.example", subject = word, text = word}
                 queue.task {title = word, due = today, assignee = actor.id, record = record.id}`,
    });
});
after(() => server.close());

const entries = async () => {
    const all = await outboxOf(firm, 'limit=200');
    return all.filter((entry) => JSON.stringify(entry.given ?? {}).includes(word));
};
const bytes = async () => {
    await server.stop();
    return fs.readFile(path.join(server.directory, 'data.mdb'));
};

test('no word of an entry lies open in the data', async () => {
    await firm.create('contacts', { name: 'Ann' });
    assert.deepEqual((await entries()).map((entry) => entry.kind).sort(), ['mail', 'task']);
    assert.equal((await bytes()).indexOf(word), -1);
    await server.start();
    assert.equal((await entries()).length, 2);
});

test('another key seals them anew: the old one goes, and all of them still open', async () => {
    const email = firm.owner;
    const reset = { method: 'POST', path: '/api/v1/password/reset', headers: { host: firm.host } };
    expectStatus(await server.send({ ...reset, body: { email } }), 202);
    await until(async () => {
        const mails = await outboxOf(firm, 'kind=mail');
        return mails.some((entry) => entry.given.to === email);
    }, 'the mail to the owner');
    const told = await server.mustRun(['key', 'rotate', '--tenant', 'acme']);
    assert.match(told.out, /of the older keys 1 destroyed, 0 kept/);
    assert.equal((await entries()).length, 2);
    assert.equal((await bytes()).indexOf(word), -1);
    // From now on mails are delivered.
    server.options.words = [];
    await server.start();
    assert.equal((await mailTo(firm, 'keeper@elsewhere.example')).text.trim(), word);
    const { token } = linkIn(await mailTo(firm, email));
    const given = { token, password: 'quite another sentence' };
    expectStatus(await new Visitor(firm).call('POST', 'password/set', given), 204);
});
