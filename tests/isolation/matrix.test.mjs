// Who may not, at every call and every entity: made from what the server says of itself, so that a
// call, an entity or a field that comes later is asked too. See routes.mjs for what is expected.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { expectStatus } from '../door/expect.mjs';
import { fill } from '../door/fill.mjs';
import { openServer, password } from '../door/server.mjs';
import { makeBrief, untilPast } from '../door/tokens.mjs';
import { outcomes, routes } from './routes.mjs';

let server;
let acme;
let borg;
let catalog;
let calls;
const ids = {};
const actors = {};

/** A user of the firm in this role, with a token. */
async function userOf(firm, role, email) {
    const user = await firm.create('users', { name: email, email, role });
    const words = ['token', 'create', '--tenant', firm.name, '--user', email];
    const { out } = await server.mustRun(words);
    return { id: user.id, token: out.trim() };
}

/** The headers of a new session at this host. */
async function signIn(host, email, secret) {
    const headers = { host, origin: `http://${host}` };
    const body = { email, password: secret };
    const signedIn = await server.send({ method: 'POST', path: '/api/v1/session', headers, body });
    expectStatus(signedIn, 201);
    const [cookie] = signedIn.headers['set-cookie'][0].split(';');
    return { ...headers, cookie, 'x-csrf-token': signedIn.body.csrf };
}

/** A new session of a contact at the portal; those before it end. */
async function contactOf(firm, made) {
    const { id, email } = await firm.get('portal_accounts', made.portal_account);
    const secret = 'a password of the contact';
    const path = `portal_accounts/${id}/password`;
    expectStatus(await firm.call('POST', path, { password: secret }), 200, 204);
    return signIn(firm.host.replace(/^[^.]+/, `${firm.name}-portal`), email, secret);
}

/** Every described call, once for each entity that has it: `{method, template, row, entity}`. */
async function describedCalls() {
    const { paths } = expectStatus(await acme.call('GET', 'openapi.json'), 200).body;
    const entityOf = new Map(catalog.entities.map((entity) => [entity.plural, entity]));
    const found = [];
    for (const [whole, methods] of Object.entries(paths)) {
        const template = whole.replace(/^\/api\/v1/, '');
        const [, first] = template.split('/');
        for (const method of Object.keys(methods)) {
            const as = (path) => `${method.toUpperCase()} ${path}`;
            const general = as(template.replace(/^\/[^/]+/, '/{collection}'));
            const isOfItsOwn = routes[as(template)] !== undefined;
            const row = isOfItsOwn || !entityOf.has(first) ? as(template) : general;
            const entity = entityOf.get(first);
            found.push({ method: method.toUpperCase(), whole, row, entity });
        }
    }
    return found;
}

/** The path with what is acme's under its first client put in. */
function pathOf({ whole, entity }, made) {
    const [, , , first] = whole.split('/');
    const id = made[entity?.name] ?? made[first] ?? made.client;
    return whole.replace('{part}', '1').replace(/\{[^}]+\}/g, id);
}

const bodyOf = ({ method }) => (['POST', 'PUT', 'PATCH'].includes(method) ? {} : undefined);

const AT_ONCE = 8;

/** What each call answers this actor: a status, or the words of what failed. */
async function answersTo(headersOf, made = ids.one) {
    const answers = new Map();
    const askOne = async (call) => {
        const request = { method: call.method, path: pathOf(call, made), body: bodyOf(call) };
        try {
            const { status } = await server.send({ ...request, headers: headersOf(call) });
            answers.set(call, status);
        } catch (error) {
            answers.set(call, error.message);
        }
    };
    const isEnd = ({ row }) => row === 'DELETE /session';
    const rest = calls.filter((call) => !isEnd(call));
    const askRest = async () => {
        for (let next = rest.shift(); next; next = rest.shift()) await askOne(next);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, askRest));
    // Whoever has a session may end it.
    for (const call of calls.filter(isEnd)) await askOne(call);
    return answers;
}

/** Asks all calls as this actor; `expected` says which statuses are right for a call. */
async function ask(headersOf, expected, made = ids.one) {
    const wrong = [];
    for (const [call, status] of await answersTo(headersOf, made)) {
        const right = expected(call);
        const isRight = right === 'any' ? Number.isInteger(status) : right.includes(status);
        if (isRight) continue;
        const wanted = right === 'any' ? 'an answer' : right.join(' or ');
        wrong.push(`${call.method} ${call.whole}: ${status}, not ${wanted}`);
    }
    assert.deepEqual(wrong, []);
}

/** Whether its records lie under clients: by a chain of `via`, or as contacts do. */
function isUnderClient({ name, via, fields }) {
    if (name === 'client' || name === 'contact') return true;
    const to = fields.find((field) => field.name === via)?.to;
    return to !== undefined && isUnderClient(catalog.entities.find((other) => other.name === to));
}

const bearer = (host, token) => () => ({ host, authorization: `Bearer ${token}` });
const kindOf = ({ row }) => routes[row];
/** What is open to anybody answers; everything else says 401. */
const closed = (call) => (kindOf(call) === 'open' ? 'any' : [401]);

/** What the firm's owner sees of all its records, to be compared. */
async function everything(firm) {
    const seen = {};
    for (const { name, plural, single } of catalog.entities)
        if (!single) seen[name] = await firm.all(plural, 'archived=all').catch(() => []);
    return JSON.stringify(seen);
}

before(async () => {
    server = await openServer(['acme', 'borg']);
    ({ acme, borg } = server.firms);
    ids.one = await fill(acme, 'one');
    ids.two = await fill(acme, 'two');
    ids.borg = await fill(borg, 'one');
    const upload = await acme.call('POST', 'uploads', { name: 'canary-acme-one-upload', bytes: 1 });
    const bulk = { atomic: false, operations: [{ create: { name: 'canary-acme-one-bulk' } }] };
    const job = expectStatus(await acme.call('POST', 'contacts/bulk', bulk), 200, 202).body;
    Object.assign(ids.one, { uploads: upload.body.id, jobs: job.id, groups: job.group });
    catalog = expectStatus(await acme.call('GET', 'schema'), 200).body;
    calls = await describedCalls();
    await acme.create('roles', { name: 'powerless', label: 'May nothing', rights: {} });
    actors.powerless = await userOf(acme, 'powerless', 'powerless@firm.example');
    actors.outsider = await userOf(acme, 'employee', 'outsider@firm.example');
    actors.leaving = await userOf(acme, 'owner', 'leaving@firm.example');
    actors.contact = await contactOf(acme, ids.two);
    // What lies under the first client is for none of them.
    const under = catalog.entities.filter(isUnderClient).map(({ name }) => name);
    const theirs = new RegExp(`canary-acme-one-(${under.join('|')})-`);
    server.watch.forbid(actors.powerless.token, theirs);
    server.watch.forbid(actors.outsider.token, theirs);
    server.watch.forbid(actors.contact.cookie, /canary-acme-one-/);
});
after(() => server?.close());

test('every call has a row, and every row a call', () => {
    const described = new Set(calls.map(({ row }) => row));
    assert.deepEqual([...described].filter((row) => !routes[row]), []);
    assert.deepEqual(Object.keys(routes).filter((row) => !described.has(row)), []);
});

describe('every call tells nothing to', () => {
    let was;
    before(async () => {
        was = await everything(acme);
    });
    after(async () => assert.equal(await everything(acme), was));

    test('somebody who has not signed in', () => ask(() => ({ host: acme.host }), closed));

    test('a token that nobody has', () =>
        ask(bearer(acme.host, 'atr_0123456789012345678901234567890123456789012'), closed));

    test("another firm's owner, at this firm's host", () =>
        ask(bearer(acme.host, borg.token), closed));

    // With a session, whose password was just given: a token may not ask for what is dangerous.
    test("another firm's owner, at his own host", async () => {
        const headers = await signIn(borg.host, borg.owner, password);
        const isForeign = (call) => kindOf(call) !== 'open' && call.whole.includes('{id}');
        await ask(() => headers, (call) => (isForeign(call) ? [404] : 'any'));
    });

    test('a role without any right', () =>
        ask(bearer(acme.host, actors.powerless.token), (call) =>
            outcomes.powerless[kindOf(call)]));

    test('an employee whose rows it is not among', () =>
        ask(bearer(acme.host, actors.outsider.token), (call) =>
            call.entity && !isUnderClient(call.entity)
                ? 'any'
                : outcomes.outsider[kindOf(call)]));

    test('a contact of another client, at the portal', () =>
        ask(
            () => actors.contact,
            (call) => outcomes.contact[kindOf(call)],
        ));

    test("a contact's session at the door of the staff", () =>
        ask(() => ({ ...actors.contact, host: acme.host, origin: `http://${acme.host}` }), closed));

    test("the owner's token at the portal's door", () =>
        ask(bearer(actors.contact.host, acme.token), (call) =>
            kindOf(call) === 'open' ? 'any' : [401, 404]));
});

describe('every call is closed to', () => {
    test('a user who was disabled', async () => {
        const { id, token } = actors.leaving;
        expectStatus(await acme.call('PATCH', `users/${id}`, { disabled: true }), 200);
        await ask(bearer(acme.host, token), closed);
    });

    test('a session that has ended', async () => {
        const headers = await signIn(acme.host, acme.owner, password);
        const path = '/api/v1/session';
        expectStatus(await server.send({ method: 'DELETE', path, headers }), 204);
        await ask(() => headers, closed);
    });

    test('a token that is past its end', async () => {
        const headers = await signIn(acme.host, acme.owner, password);
        const request = { method: 'POST', path: '/api/v1/tokens', headers };
        const made = await makeBrief((body) => server.send({ ...request, body }));
        const brief = bearer(acme.host, made.token);
        const me = { method: 'GET', path: '/api/v1/me', headers: brief() };
        const { status } = await server.send(me);
        assert.ok(status === 200 || Date.now() >= made.endMs, `it was no token: ${status}`);
        await untilPast(made);
        await ask(brief, closed);
    });

    // The server is begun anew with a short limit over the same sessions, as if time had passed.
    for (const [limit, who, enter] of [
        ['--session-idle-ms', 'the owner', () => signIn(acme.host, acme.owner, password)],
        ['--session-age-ms', 'a contact', () => contactOf(acme, ids.two)],
    ])
        test(`a session of ${who} that is past ${limit}`, async () => {
            const { host: was, ...session } = await enter();
            const headersNow = () => {
                const host = was.replace(/\d+$/, server.port);
                return { ...session, host, origin: `http://${host}` };
            };
            const path = '/api/v1/me';
            const me = () => server.send({ method: 'GET', path, headers: headersNow() });
            expectStatus(await me(), 200);
            await server.stop();
            await server.start({ words: [limit, '1'] });
            // What this door does not serve is not there, for a stranger too.
            const { host } = headersNow();
            const toStranger = await answersTo(() => ({ host }));
            const isOpen = (call) => kindOf(call) === 'open';
            assert.ok([...toStranger].filter(([, status]) => status === 401).length > 20);
            await ask(headersNow, (call) => (isOpen(call) ? 'any' : [toStranger.get(call)]));
            await server.stop();
            await server.start();
            // Nothing but time was against it.
            expectStatus(await me(), 200);
        });

    test('everybody of a firm that is suspended', async () => {
        const contact = await contactOf(acme, ids.two);
        await server.mustRun(['tenant', 'suspend', 'acme']);
        const refused = (call) => (kindOf(call) === 'open' ? 'any' : [401, 403]);
        for (const token of [acme.token, actors.powerless.token, actors.outsider.token])
            await ask(bearer(acme.host, token), refused);
        const isAbsent = (call) => (kindOf(call) === 'open' ? 'any' : [401, 403, 404]);
        await ask(() => contact, isAbsent);
    });
});
