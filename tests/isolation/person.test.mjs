// What is handed to a person is all that is kept about that person, and nothing that is kept about
// another: what was planted of both is compared with what came out, as sets.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { expectProblem, expectStatus } from '../door/expect.mjs';
import { jobEnded, resultsOf } from '../door/jobs.mjs';
import { mailFolder } from '../door/mails.mjs';
import { Contact, contactPassword, enter } from '../door/portal.mjs';
import { openServer, password } from '../door/server.mjs';
import { Visitor } from '../door/visitor.mjs';

const run = crypto.randomBytes(5).toString('hex');
/** What was planted, by whom it is about. */
const planted = { ann: new Set(), bob: new Set(), acme: new Set(), other: new Set() };
function canary(whose, place) {
    const word = `zq${run}${whose}${place}q`;
    planted[whose].add(word);
    return word;
}
const secret = `zq${run}secretq`;
const iban = 'DE89370400440532013000';

let server;
let firm;
let owner;
const made = {};

/** A person with all that can be said of one. */
const person = (whose, at = '') => ({
    name: `Name ${canary(whose, `name${at}`)}`,
    title: canary(whose, `title${at}`),
    emails: [`${canary(whose, `mail${at}`)}@x.example`],
    phones: [{ value: '+43 1 234567', label: canary(whose, `phone${at}`) }],
    observations: `said ${canary(whose, `observed${at}`)}`,
});

const company = (whose, primary_contact) => ({
    name: `Name ${canary(whose, 'name')}`,
    kind: 'company',
    primary_contact,
    emails: [`${canary(whose, 'mail')}@x.example`],
    observations: canary(whose, 'observed'),
    financial_note: canary(whose, 'financial'),
    reference: canary(whose, 'reference'),
});

async function linked(client, contact, role) {
    const links = await firm.all('client_contacts', `client=${client}&contact=${contact}`);
    const where = `client_contacts/${links[0].id}`;
    expectStatus(await firm.call('PATCH', where, { role }), 200);
    return links[0].id;
}

before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
    owner = await Visitor.signIn(firm, firm.owner, password);
    // A file where the folder of mails would be: they all wait.
    await fs.mkdir(path.dirname(mailFolder(firm)), { recursive: true });
    await fs.writeFile(mailFolder(firm), '');
    await firm.create('rules', {
        name: 'writes to contacts',
        entity: 'contact',
        point: 'settled',
        state: 'active',
        source:
            'if operation ~= "delete" then queue.mail { to = record.emails[1].value, ' +
            'subject = record.name, text = record.title or "-" } end',
    });
    made.ann = await firm.create('contacts', person('ann'));
    made.twin = await firm.create('contacts', person('ann', 'twin'));
    made.bob = await firm.create('contacts', person('bob'));
    made.acme = await firm.create('clients', company('acme', made.ann.id));
    made.other = await firm.create('clients', company('other', made.bob.id));
    for (const contact of [made.twin, made.bob])
        await firm.create('client_contacts', { client: made.acme.id, contact: contact.id });
});
after(() => server.close());

describe('what is kept about a person', () => {
    test('is in many places', async () => {
        const ann = `contacts/${made.ann.id}`;
        for (const at of ['second', 'third'])
            expectStatus(await firm.call('PATCH', ann, person('ann', at)), 200);
        const merged = await firm.call('POST', `${ann}/merge`, { with: [made.twin.id] });
        expectStatus(merged, 200);
        made.link = await linked(made.acme.id, made.ann.id, 'decision_maker');
        made.bobLink = await linked(made.acme.id, made.bob.id, 'billing_contact');
        for (const [whose, contact, client] of [
            ['ann', made.ann, made.acme],
            ['bob', made.bob, made.other],
        ]) {
            const entered = await enter(firm, [client.id], contact.id);
            const where = `portal_accounts/${entered.account.id}`;
            const email = `${canary(whose, 'portal')}@x.example`;
            expectStatus(await firm.call('PATCH', where, { email }), 200);
            await new Contact(firm, { email }).signIn({ email, password: contactPassword });
            expectStatus(await entered.call('GET', `clients/${client.id}`), 200);
            made[`${whose}Account`] = entered.account.id;
        }
        for (const whose of ['acme', 'other']) {
            const client = made[whose].id;
            const line1 = canary(whose, 'address');
            const address = await firm.create('addresses', { client, line1, country: 'AT' });
            const gone = await firm.create('addresses', {
                client,
                line1: canary(whose, 'left'),
                country: 'AT',
            });
            expectStatus(await firm.call('DELETE', `addresses/${gone.id}`), 204);
            assert.ok(address.id);
            await firm.create('credentials', {
                client,
                platform: canary(whose, 'platform'),
                secret,
                note: canary(whose, 'note'),
            });
            const name = canary(whose, 'project');
            const project = await firm.create('projects', { client, name });
            await firm.create('tasks', { project: project.id, title: canary(whose, 'task') });
        }
        expectStatus(await firm.call('PATCH', `clients/${made.acme.id}`, { iban }), 200);
    });

    test('is taken out only by who may everything, and has just proven who he is', async () => {
        const where = `contacts/${made.ann.id}/person`;
        expectProblem(await firm.call('POST', where), 403, 'step_up');
        const missing = '00000000-0000-7000-8000-000000000000';
        expectProblem(await owner.call('POST', `contacts/${missing}/person`), 404);
        expectProblem(await owner.call('POST', `users/${missing}/person`), 404);
    });
});

/** All lines about a record, and which canaries are in them. */
async function takenOut(where) {
    const job = await jobEnded(firm, await owner.call('POST', `${where}/person`));
    assert.equal(job.state, 'done', JSON.stringify(job));
    const lines = await resultsOf(firm, job);
    const text = JSON.stringify(lines);
    const words = new Set(text.match(new RegExp(`zq${run}[a-z]+q`, 'g')));
    return { job, lines, text, words };
}

const sorted = (set) => [...set].sort();
const of = (lines, part, entity) =>
    lines.filter((line) => line.part === part && (entity === undefined || line.entity === entity));

describe('what is handed to a contact', () => {
    let out;
    before(async () => {
        out = await takenOut(`contacts/${made.ann.id}`);
    });

    test('is what was planted about it, no more and no less', () => {
        assert.deepEqual(sorted(out.words), sorted(planted.ann));
    });

    test('is told by entity and id, the person first', () => {
        assert.equal(out.lines[0].part, 'person');
        assert.equal(out.lines[0].id, made.ann.id);
        for (const line of out.lines) assert.ok('entity' in line && 'id' in line);
        const links = of(out.lines, 'record', 'client_contact');
        assert.deepEqual(
            links.map((line) => line.id),
            [made.link],
        );
        const accounts = of(out.lines, 'record', 'portal_account');
        assert.deepEqual(
            accounts.map((line) => line.id),
            [made.annAccount],
        );
        assert.equal(of(out.lines, 'record', 'portal_right').length, 1);
        assert.ok(!out.text.includes(made.bob.id) && !out.text.includes(made.bobAccount));
    });

    test('has old and new values, those of merged ones too', () => {
        const entries = of(out.lines, 'history', 'contact');
        const second = entries.find((line) => line.changes.title?.new?.includes('second'));
        assert.equal(second.changes.title.old, made.ann.title);
        const twin = entries.filter((line) => line.id === made.twin.id);
        assert.deepEqual([twin[0].operation, twin.at(-1).operation], ['create', 'delete']);
    });

    test('has what was done at the portal, and from where', () => {
        const events = of(out.lines, 'event');
        const viewed = events.filter((line) => line.kind === 'portal_view');
        assert.ok(viewed.length > 0 && viewed.every((line) => line.actor === made.ann.id));
        assert.ok(viewed[0].address.length > 0);
        assert.ok(events.some((line) => line.kind === 'sign_in'));
        assert.ok(of(out.lines, 'session').length >= 2);
        // Who of the firm did something is not the person's.
        const others = events.filter((line) => line.actor_kind !== 'contact');
        assert.ok(others.length > 0);
        assert.ok(others.every((line) => line.actor === null && line.address === null));
    });

    test('has the mails to it, without the links in them', () => {
        const mails = of(out.lines, 'mail');
        assert.ok(mails.some((mail) => mail.text === made.ann.title));
        const invitation = mails.find((mail) => mail.to.endsWith('@client.example'));
        assert.ok(invitation.subject.length > 0);
        assert.equal(invitation.text, null);
        assert.ok(mails.every((mail) => !mail.text?.includes('://')));
    });

    test('counts what it tells, and is in the audit log by ids alone', async () => {
        const told = Object.values(out.job.result).reduce((sum, count) => sum + count, 0);
        assert.equal(out.lines.length, told + 1);
        const log = expectStatus(await firm.call('GET', 'audit?kind=person_exported'), 200);
        assert.equal(log.body.data[0].id, made.ann.id);
        assert.ok(!log.text.includes(`zq${run}`));
    });

    test('is told of one in the trash as well', async () => {
        const gone = await firm.create('contacts', { name: 'Carl', title: 'deleted later' });
        expectStatus(await firm.call('DELETE', `contacts/${gone.id}`), 204);
        const { lines, text } = await takenOut(`contacts/${gone.id}`);
        assert.equal(of(lines, 'record').length, 0);
        assert.ok(text.includes('deleted later'));
    });
});

describe('what is handed to a client', () => {
    let out;
    before(async () => {
        out = await takenOut(`clients/${made.acme.id}`);
    });

    test('is what was planted about it, and nothing of its contacts', () => {
        assert.deepEqual(sorted(out.words), sorted(planted.acme));
    });

    test('has sealed values in plain, and no secret', () => {
        const [client] = of(out.lines, 'record', 'client');
        assert.equal(client.record.iban, iban);
        assert.ok(of(out.lines, 'history').some((line) => line.changes.iban?.new === iban));
        assert.ok(!out.text.includes(secret));
        assert.equal('secret' in of(out.lines, 'record', 'credential')[0].record, false);
    });

    test('ends where a record left it for another', async () => {
        const [{ id }] = await firm.all('addresses', `client=${made.other.id}`);
        const client = made.acme.id;
        expectStatus(await firm.call('PATCH', `addresses/${id}`, { client }), 200);
        const line2 = canary('acme', 'moved');
        expectStatus(await firm.call('PATCH', `addresses/${id}`, { line2 }), 200);
        const acme = await takenOut(`clients/${made.acme.id}`);
        assert.ok(acme.words.has(line2));
        const before = of(acme.lines, 'history').filter((line) => line.id === id);
        assert.ok(before.every((line) => line.operation !== 'create' && !line.changes.line1));
        const other = await takenOut(`clients/${made.other.id}`);
        assert.ok(!other.text.includes(line2));
        assert.ok([...planted.other].every((word) => other.words.has(word)));
    });
});
