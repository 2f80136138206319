// Data of a version that did not keep whose a record is yet: a backup that it wrote (golden/
// before_rows.backup: twelve clients, each fourth Ann's to manage, each fourth Bob's) is restored,
// opened, and brought up to date by a job; meanwhile nobody sees too much.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { expectProblem, expectStatus } from '../door/expect.mjs';
import { asUser } from '../door/people.mjs';
import { root } from '../door/program.mjs';
import { Firm, Server } from '../door/server.mjs';
import { until } from '../door/wait.mjs';

const COUNT = 12;
const golden = path.join(root, 'tests', 'golden', 'before_rows.backup');

let server;
let owner;
let ann;
before(async () => {
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'atrium-'));
    server = new Server(folder, {});
    const backup = path.join(folder, 'backup');
    await fs.copyFile(golden, backup);
    await fs.copyFile(`${golden}.key`, `${backup}.key`);
    await fs.chmod(`${backup}.key`, 0o600);
    await server.mustRun(['restore', backup]);
    owner = await asUser(new Firm(server, 'acme'), 'owner@firm.example');
    // Nothing has been built: no server was there since.
    ann = await asUser(owner, 'ann@firm.example');
});
after(() => server.close());

const numberOf = ({ name }) => Number(name.split(' ')[1]);
const isAnns = (client) => numberOf(client) % 4 === 0;

/** What Ann sees now: nothing, or what is hers. */
async function annSees(collection, isHers, countOfHers) {
    const answer = await ann.call('GET', `${collection}?limit=200&count=true`);
    const { data, count } = expectStatus(answer, 200).body;
    assert.ok(data.every(isHers), `${collection}: ${JSON.stringify(data)}`);
    assert.equal(count.value, data.length);
    assert.ok(data.length <= countOfHers);
    return data.length === countOfHers;
}

test('older data opens, and shows each his own or nothing until it is built', async () => {
    await server.start();
    const users = await owner.all('users');
    const idOf = (email) => users.find((user) => user.email === email).id;
    const where = `users/${idOf('ann@firm.example')}`;
    expectStatus(await owner.call('PATCH', where, { role: 'employee' }), 200);
    const [foreign] = await owner.all('clients', 'name=Client+1');
    const isStreetOfHers = ({ line1 }) => Number(line1.split(' ')[1]) % 4 === 0;
    await until(async () => {
        let isWhole = await annSees('clients', isAnns, COUNT / 4);
        isWhole = (await annSees('contacts', isAnns, COUNT / 4)) && isWhole;
        isWhole = (await annSees('addresses', isStreetOfHers, COUNT / 4)) && isWhole;
        expectProblem(await ann.call('GET', `clients/${foreign.id}`), 404);
        expectProblem(await ann.call('GET', `addresses/${foreign.default_address}`), 404);
        return isWhole;
    }, 'all that is hers');
    assert.equal((await owner.all('clients')).length, COUNT);
});

test('it is kept from then on', async () => {
    const users = await owner.all('users');
    const { id } = users.find((user) => user.email === 'ann@firm.example');
    const [foreign] = await owner.all('clients', 'name=Client+1');
    const where = `clients/${foreign.id}`;
    expectStatus(await owner.call('PATCH', where, { account_manager: id }), 200);
    expectStatus(await ann.call('GET', `addresses/${foreign.default_address}`), 200);
    expectStatus(await owner.call('PATCH', where, { account_manager: null }), 200);
    expectProblem(await ann.call('GET', `addresses/${foreign.default_address}`), 404);
});

test('it is built once, and holds', async () => {
    const jobs = (await owner.call('GET', 'jobs')).body.data.length;
    assert.ok(jobs > 0);
    await server.stop();
    await server.mustRun(['check']);
    await server.start();
    assert.equal((await owner.call('GET', 'jobs')).body.data.length, jobs);
    assert.ok(await annSees('clients', isAnns, COUNT / 4));
});
