// Open streams of events: whoever loses a right, or all, hears nothing more by it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openEvents } from '../door/events.mjs';
import { expectStatus } from '../door/expect.mjs';
import { join } from '../door/people.mjs';
import { openServer, password } from '../door/server.mjs';
import { Visitor } from '../door/visitor.mjs';

let server;
let firm;
before(async () => {
    // Nothing here rests on the keep-alive: it comes once an hour.
    server = await openServer(['acme', 'other'], { words: ['--keep-alive-ms', '3600000'] });
    firm = server.firms.acme;
});
after(() => server.close());

let made = 0;
/** A change that every role with contacts hears of, and what shows that it was heard. */
const tell = () => firm.create('contacts', { name: `Heard ${made++}` });
const hears = (stream, id) => stream.events.some((event) => event.data.id === id);
const told = (stream) => stream.events.filter((event) => event.type === 'rights').length;

async function listening(name, role, more) {
    const who = await join(firm, name, role, more);
    const stream = await openEvents(who);
    const { id } = await tell();
    await stream.until((one) => hears(one, id), 'the first change');
    return { who, stream };
}

describe('an open stream', () => {
    test('has the rights of another role once its user has it', async () => {
        await firm.create('roles', { name: 'deaf', label: 'Deaf', rows: ['all'], rights: {} });
        const { who, stream } = await listening('Rita Role', 'pm');
        const path = `users/${who.user.id}`;
        expectStatus(await firm.call('PATCH', path, { role: 'deaf' }), 200);
        await stream.until((one) => told(one) === 1, 'word of other rights');
        const { id } = await tell();
        expectStatus(await firm.call('PATCH', path, { role: 'pm' }), 200);
        await stream.until((one) => told(one) === 2, 'word of other rights');
        const last = await tell();
        await stream.until((one) => hears(one, last.id), 'a later change');
        assert.ok(!hears(stream, id));
        stream.close();
    });

    test('has those of its role once that is changed', async () => {
        const rights = { contact: 'view' };
        const role = await firm.create('roles', {
            name: 'ears',
            label: 'Ears',
            rows: ['all'],
            rights,
        });
        const { stream } = await listening('Edna Ears', 'ears');
        const path = `roles/${role.id}`;
        expectStatus(await firm.call('PATCH', path, { rights: {} }), 200);
        await stream.until((one) => told(one) === 1, 'word of other rights');
        const { id } = await tell();
        expectStatus(await firm.call('PATCH', path, { rights }), 200);
        await stream.until((one) => told(one) === 2, 'word of other rights');
        const last = await tell();
        await stream.until((one) => hears(one, last.id), 'a later change');
        assert.ok(!hears(stream, id));
        stream.close();
    });

    test('ends when its user is disabled, or deleted', async () => {
        const one = await listening('Dora Disabled', 'pm');
        const path = `users/${one.who.user.id}`;
        expectStatus(await firm.call('PATCH', path, { disabled: true }), 200);
        await one.stream.ended();
        const two = await listening('Dan Deleted', 'pm');
        expectStatus(await firm.call('DELETE', `users/${two.who.user.id}`), 204);
        await two.stream.ended();
    });

    test('ends with its token, and with its session', async () => {
        const { who, stream } = await listening('Tom Token', 'pm');
        const me = expectStatus(await who.call('GET', 'me'), 200).body;
        expectStatus(await firm.call('DELETE', `tokens/${me.token.id}`), 204);
        await stream.ended();
        const visitor = await Visitor.signIn(firm, 'owner@firm.example', password);
        const ofSession = await openEvents(
            { ...firm, host: firm.host, token: undefined },
            { headers: { cookie: visitor.cookie } },
        );
        const { id } = await tell();
        await ofSession.until((one) => hears(one, id), 'a change');
        expectStatus(await visitor.call('DELETE', 'session'), 204);
        await ofSession.ended();
    });

    test('hears no more of a client that is shared no longer, or with a team left', async () => {
        const who = await join(firm, 'Sam Shared', 'employee');
        const team = await firm.create('teams', { name: 'Listeners', members: [who.user.id] });
        const client = (name) => firm.create('clients', { name, kind: 'individual' });
        const [mine, ours] = [await client('Shared with Sam'), await client('Shared with all')];
        const share = await firm.create('shares', { client: mine.id, user: who.user.id });
        await firm.create('shares', { client: ours.id, team: team.id });
        const stream = await openEvents(who);
        const change = async ({ id }, name) =>
            expectStatus(await firm.call('PATCH', `clients/${id}`, { name }), 200);
        const names = () => JSON.stringify(stream.events);
        await change(mine, 'Mine, heard');
        await change(ours, 'Ours, heard');
        await stream.until(() => names().includes('Ours, heard'), 'of a client of the team');
        assert.ok(names().includes('Mine, heard'));
        expectStatus(await firm.call('DELETE', `shares/${share.id}`), 204);
        await change(mine, 'Mine, unheard');
        await change(ours, 'Ours, heard again');
        await stream.until(() => names().includes('Ours, heard again'), 'of a client of the team');
        expectStatus(await firm.call('PATCH', `teams/${team.id}`, { members: [] }), 200);
        await stream.until((one) => told(one) === 1, 'word of other rights');
        await change(ours, 'Ours, unheard');
        const { id } = await firm.create('shares', { client: mine.id, user: who.user.id });
        await change(mine, 'Mine, heard at last');
        await stream.until(() => names().includes('heard at last'), 'of a client shared again');
        assert.ok(!names().includes('"new":"Mine, unheard'), names());
        assert.ok(!names().includes('Ours, unheard'), names());
        expectStatus(await firm.call('DELETE', `shares/${id}`), 204);
        stream.close();
    });

    test('ends when the firm is suspended', async () => {
        const other = server.firms.other;
        const stream = await openEvents(other);
        await other.create('contacts', { name: 'Before' });
        await stream.until((one) => one.events.length > 0, 'a change');
        await server.mustRun(['tenant', 'suspend', 'other']);
        await stream.ended();
    });
});
