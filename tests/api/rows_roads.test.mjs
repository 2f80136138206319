// Somebody who sees some clients and no users, on the roads that lead over the log: a group of
// changes, its undo, the history, the feed and the trash.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { expectStatus } from '../door/expect.mjs';
import { jobEnded, resultsOf } from '../door/jobs.mjs';
import { join } from '../door/people.mjs';
import { openServer } from '../door/server.mjs';

let server;
let firm;
let who;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
    await firm.create('roles', {
        name: 'desk',
        label: 'Desk',
        rows: ['managed'],
        rights: { client: ['view', 'create', 'edit', 'delete'], contact: ['view'] },
    });
    who = await join(firm, 'Dee Desk', 'desk');
});
after(() => server.close());

/** A client of the desk's and one that it does not see, changed by the owner in one group. */
async function changeBoth() {
    const one = { name: 'Before', kind: 'individual' };
    const mine = await firm.create('clients', { ...one, account_manager: who.user.id });
    const other = await firm.create('clients', one);
    const operations = [mine, other].map(({ id }) => ({ patch: { id, business_name: 'After' } }));
    expectStatus(await firm.call('POST', 'clients/bulk', operations), 200);
    const history = await firm.call('GET', `clients/${mine.id}/history`);
    return { mine, other, group: history.body.data[0].group };
}

test('a group tells of the records that are seen', async () => {
    const { mine, other, group } = await changeBoth();
    const told = expectStatus(await who.call('GET', `groups/${group}`), 200);
    assert.ok(told.text.includes(mine.id), told.text);
    assert.ok(!told.text.includes(other.id), told.text);
    const whole = expectStatus(await firm.call('GET', `groups/${group}`), 200);
    assert.ok(whole.text.includes(mine.id) && whole.text.includes(other.id), whole.text);
});

test('an undo takes back what is seen, and leaves the rest without a word of it', async () => {
    const { mine, other, group } = await changeBoth();
    for (const query of ['?preview=true', '']) {
        const undone = await who.call('POST', `groups/${group}/undo${query}`);
        let { text } = expectStatus(undone, 200, 202);
        if (undone.status === 202) {
            const job = await jobEnded(who, undone);
            text += JSON.stringify([job, await resultsOf(who, job)]);
        }
        assert.ok(!text.includes(other.id), text);
    }
    assert.equal((await firm.get('clients', mine.id)).business_name, null);
    assert.equal((await firm.get('clients', other.id)).business_name, 'After');
});

test('who did it is told by name to those alone who see users', async () => {
    const { name } = expectStatus(await firm.call('GET', 'me'), 200).body.user;
    const { mine, group } = await changeBoth();
    const gone = (await changeBoth()).mine;
    expectStatus(await firm.call('DELETE', `clients/${gone.id}`), 204);
    for (const where of [
        `clients/${mine.id}/history`,
        `groups/${group}`,
        'changes?after=0&limit=200',
        'clients/trash',
    ]) {
        const [told, whole] = [await who.call('GET', where), await firm.call('GET', where)];
        assert.ok(expectStatus(whole, 200).text.includes(`"actor_name":"${name}"`), where);
        assert.ok(expectStatus(told, 200).text.includes('"actor_name":null'), told.text);
        assert.ok(!told.text.includes(name), `${where}: ${told.text}`);
    }
});
