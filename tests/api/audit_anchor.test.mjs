// The head of a firm's change log in somebody's mailbox: what is kept there proves later that the
// log was neither cut off nor written anew.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { mailsOf, mailTo } from '../door/mails.mjs';
import { openServer } from '../door/server.mjs';

const keeper = 'keeper@elsewhere.example';
const link = /^\d+:[0-9a-f]{64}(?= )/;

let server;
let firm;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
});
after(() => server.close());

const mailHead = (to) => server.command(['audit', 'head', '--tenant', 'acme', '--mail-to', to]);
const prove = (anchor) =>
    server.command(['check', '--audit', '--tenant', 'acme', '--anchor', anchor]);

test('the head that is printed goes by mail, and proves the log that has grown since', async () => {
    await firm.create('clients', { name: 'Before', kind: 'individual' });
    const told = await mailHead(keeper);
    assert.equal(told.status, 0, told.err);
    const [anchor] = link.exec(told.out);
    const mail = await mailTo(firm, keeper);
    assert.equal(mail.headers.subject, `Audit log of acme: entry ${anchor.split(':')[0]}`);
    const [, mailed] = /--anchor (\S+) /.exec(mail.text);
    assert.equal(mailed, anchor);
    await firm.create('clients', { name: 'Since', kind: 'individual' });
    const proof = await prove(mailed);
    assert.equal(proof.status, 0, `${proof.out}${proof.err}`);
    assert.match(proof.out, /the anchor lies among them/);
    const forged = mailed.replace(/.$/, (digit) => (digit === '0' ? '1' : '0'));
    assert.equal((await prove(forged)).status, 1);
});

test('without a server it waits in the outbox, sealed, for the next one', async () => {
    await server.stop();
    const told = await mailHead('late@elsewhere.example');
    assert.equal(told.status, 0, told.err);
    const [anchor] = link.exec(told.out);
    assert.equal((await mailsOf(firm)).length, 1);
    await server.start();
    assert.ok((await mailTo(firm, 'late@elsewhere.example')).text.includes(anchor));
});

test('what is no address gets nothing', async () => {
    for (const wrong of ['keeper', 'a@b.example, c@d.example', 'a@b.example\nBcc: c@d.example']) {
        const told = await mailHead(wrong);
        assert.equal(told.status, 1, wrong);
        assert.match(told.err, /is not one address/);
        assert.equal(told.out, '');
    }
    assert.equal((await mailsOf(firm)).length, 2);
});
