// Random people of two firms do random things, by their own tokens, by such as have a role and an
// end of their own, and as contacts at the portal (access_portal.mjs). Every answer is compared
// with a small model of who may what (access_model.mjs). A run that fails is made shorter, step by
// step.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { expectStatus } from '../door/expect.mjs';
import { chooseSeed, makeRandom } from '../door/random.mjs';
import { Firm as Door, openServer, password } from '../door/server.mjs';
import { Visitor } from '../door/visitor.mjs';
import { pause } from '../door/wait.mjs';
import { Firm, entities, others } from './access_model.mjs';
import { openPortal, portalDeeds, portalWeights } from './access_portal.mjs';

const COUNT = process.env.ATRIUM_LONG ? 5_000 : 300;
const SHORTENINGS_MAX = 60;
/** Tokens that end within this, while the steps go on, are used only behind their end. */
const ENDS_SOON_MS = 5_000;
const BRIEF_MS = 300;
const HOUR_MS = 3_600_000;
/** A user has at most fifty. */
const TOKENS_MAX = 40;
const names = Object.keys(entities);
const people = ['owner', 'pat', 'emma', 'eric', 'clerk', 'guest'];
const rowWords = ['own', 'managed', 'assigned', 'shared', 'all'];
const actionWords = ['view', 'create', 'edit', 'delete'];

let server;
before(async () => {
    server = await openServer([]);
});
after(() => server?.close());

/* A step says what is tried by numbers alone, so that it means something in any run. */

const weights = { create: 30, patch: 20, remove: 6, get: 12, list: 14, history: 4, feed: 3 };
const rarely = { archive: 5, foreign: 3, role: 4, rights: 3, team: 4, me: 4 };
const ofReaders = { follow: 4, handOver: 4 };
const ofTokens = { token: 4, revoke: 2, tokens: 2 };
const allWeights = { ...weights, ...rarely, ...ofReaders, ...ofTokens, ...portalWeights };
const lot = Object.entries(allWeights).flatMap(([name, weight]) => Array(weight).fill(name));

function makeStep(random) {
    return {
        deed: random.pick(lot),
        firm: random.below(2),
        who: random.below(people.length),
        entity: random.pick(names),
        numbers: Array.from({ length: 12 }, () => random.below(1 << 20)),
    };
}

const everywhere = (actions) =>
    Object.fromEntries([...names, ...others].map((name) => [name, actions]));
const rolesAtFirst = {
    clerk: { rows: ['managed'], sees: [], edits: [], rights: everywhere(['view']) },
    guest: {
        rows: ['own', 'assigned'],
        sees: ['internal'],
        edits: ['internal'],
        rights: everywhere(actionWords),
    },
};

/** A firm with its people, on the server and in the model. */
async function openFirm(name) {
    const owner = await server.makeFirm(name);
    const model = new Firm();
    const me = expectStatus(await owner.call('GET', 'me'), 200).body;
    const settings = (await owner.call('GET', 'settings')).body.data[0];
    const lenient = { allow_clients_without_contact: true, allow_addresses_without_street: true };
    expectStatus(await owner.call('PATCH', `settings/${settings.id}`, lenient), 200);
    for (const [role, given] of Object.entries(rolesAtFirst)) {
        const { id } = await owner.create('roles', { name: role, label: role, ...given });
        model.roles.set(role, { id, ...given });
    }
    const roles = { owner: 'owner', pat: 'pm', emma: 'employee', eric: 'employee' };
    const doors = new Map([['owner', owner]]);
    model.users.set('owner', { id: me.user.id, role: 'owner' });
    for (const person of people.slice(1)) {
        const email = `${person}@firm.example`;
        const role = roles[person] ?? person;
        const { id } = await owner.create('users', { name: person, email, role });
        const words = ['token', 'create', '--tenant', name, '--user', email];
        const { out } = await server.mustRun(words);
        doors.set(person, new Door(server, name, out.trim()));
        model.users.set(person, { id, role });
    }
    for (const title of ['north', 'south'])
        model.teams.set((await owner.create('teams', { name: title })).id, new Set());
    const firm = { name, model, doors, owner, session: undefined };
    await furnish(firm);
    return firm;
}

/** Something under clients, tokens, and somebody at the portal, for the first steps to find. */
async function furnish(firm) {
    const { model, owner } = firm;
    const { id: created_by } = model.users.get('owner');
    const make = async (entity, given) => {
        const kind = entity === 'client' ? { kind: 'company' } : {};
        const { id } = await owner.create(entities[entity].plural, { ...given, ...kind });
        model.all(entity).set(id, { id, created_by, ...given });
        return id;
    };
    const clients = [];
    for (const person of ['emma', 'eric', 'owner']) {
        const account_manager = model.users.get(person).id;
        const client = await make('client', { name: `name of ${person}`, account_manager });
        await make('address', { client, line1: 'name 1' });
        await make('project', { client, name: 'name 2' });
        clients.push(client);
    }
    for (const [person, role] of [
        ['emma', 'clerk'],
        ['eric', 'guest'],
        ['pat', 'employee'],
    ])
        expectStatus(await makeToken(firm, person, role, Infinity), 201);
    const contacts = [];
    for (const name of ['name 3', 'name 4']) contacts.push(await make('contact', { name }));
    for (const [client, contact, right] of [
        [clients[0], contacts[0], 'all'],
        [clients[1], contacts[0], 'own'],
        [clients[0], contacts[1], 'own'],
        [clients[2], contacts[1]],
    ]) {
        await make('client_contact', { client, contact });
        if (right) await openPortal(firm, client, contact, right);
    }
}

const SESSION_MS = 300_000;

/** The owner's session, with a fresh proof: what a token may not do. */
async function sessionOf(firm) {
    if (!(Date.now() - firm.session?.begunMs < SESSION_MS)) {
        const visitor = await Visitor.signIn(firm.owner, firm.owner.owner, password);
        firm.session = { visitor, begunMs: Date.now() };
    }
    return firm.session.visitor;
}

/** The answer; the token is in the model, too, when there is one. */
async function makeToken(firm, person, role, endsMs) {
    const given = { name: person };
    if (role !== null) given.role = role;
    if (endsMs < Infinity) given.expires_at = new Date(endsMs).toISOString();
    const session = await sessionOf(firm);
    const { id: user } = firm.model.users.get(person);
    const answer = await session.call('POST', `users/${user}/tokens`, given);
    if (answer.status !== 201) return answer;
    const { id, token } = answer.body;
    const door = new Door(server, firm.name, token);
    firm.model.tokens.push({ id, person, role, endsMs, door, isRevoked: false });
    return answer;
}

/** It was told that nobody is there, as the model says: the step is done. */
class TurnedAway extends Error {}

/** One of this person's tokens, as `{user, door}`: the first, or one that was made for him. */
async function credentialOf(firm, person, number) {
    const user = firm.model.users.get(person);
    const mine = firm.model.tokens.filter((token) => token.person === person);
    const token = [undefined, ...mine][number % (mine.length + 1)];
    if (token === undefined) return { user, door: firm.doors.get(person), token };
    // One that is near its end is used behind it: which side the server sees is nobody's to say.
    const leftMs = token.endsMs - Date.now();
    if (leftMs < ENDS_SOON_MS) await pause(leftMs + 2);
    const isOver = token.isRevoked || Date.now() > token.endsMs;
    const call = async (...request) => {
        const answer = await token.door.call(...request);
        if (!isOver) return answer;
        assert.equal(answer.status, 401, `${person}, by a token that is over: ${answer.text}`);
        firm.model.tokens = firm.model.tokens.filter((other) => other !== token);
        throw new TurnedAway();
    };
    return { user: { ...user, narrowedBy: token.role }, door: { call }, token };
}

class Run {
    constructor(firms) {
        this.firms = firms;
        this.told = 0;
    }

    /** Does one step; throws where server and model differ. */
    async step(step) {
        const firm = this.firms[step.firm];
        const person = people[step.who];
        const at = {
            ...step,
            firm,
            other: this.firms[1 - step.firm],
            model: firm.model,
            person,
            ...(await credentialOf(firm, person, step.numbers[11])),
            pick: (list, place) => list[step.numbers[place] % list.length],
        };
        this.told += 1;
        try {
            await deeds[step.deed](at);
        } catch (error) {
            if (!(error instanceof TurnedAway)) throw error;
        }
    }
}

const shown = ({ firm, person, user, model, deed, entity }) => {
    const { rows, sees, rights } = model.roleOf(user);
    const can = (rights[entity] ?? []).join(' ');
    const role = user.narrowedBy ? `${user.role} by a token of ${user.narrowedBy}` : user.role;
    const who = `${person} (${role}: rows ${rows}; sees ${sees}; ${entity}: ${can})`;
    return `${firm.name}: ${who} ${deed}`;
};

const anyOf = (at, entity, place) => {
    const list = [...at.model.all(entity).values()];
    return list.length > 0 ? at.pick(list, place) : undefined;
};

function idFor(at, to, place) {
    if (to === 'user') return at.pick([...at.model.users.values()], place).id;
    if (to === 'team') return at.pick([...at.model.teams.keys()], place);
    return anyOf(at, to, place)?.id;
}

const membersOf = ([team, members]) => [team, ...members].join();

/** One page more for somebody who reads on; whether it is the last. */
async function follow(door, reader, limit) {
    const where = `changes?after=${reader.after}&limit=${limit}`;
    const { body } = expectStatus(await door.call('GET', where), 200);
    for (const { entity, id, operation } of body.data) {
        const name = `${entity} ${id}`;
        if (!names.includes(entity)) continue;
        if (operation === 'gone' || operation === 'delete') reader.held.delete(name);
        else reader.held.add(name);
    }
    reader.after = body.next;
    return body.end;
}

const isList = (name) => name === 'members';

/** A value for a field; undefined where there is nothing to refer to. */
function valueFor(at, entity, name, place) {
    const to = entities[entity].references?.[name];
    if (to === undefined) return `${name} ${at.numbers[place] % 50}`;
    const id = idFor(at, to, place);
    return isList(name) ? [id] : id;
}

/** What must be given, for one to be made at all or at least for it to be somebody's. */
const neededOf = (entity) => {
    const { needs, title = 'name', under } = entities[entity];
    return needs ?? [title, under, ...(entity === 'share' ? ['user', 'team'] : [])];
};

/** The record as it is given to be made: all that must be there, and some that may. */
function givenFor(at) {
    const given = {};
    entities[at.entity].fields.forEach((name, place) => {
        if (at.entity === 'share' && name === (at.numbers[9] % 2 ? 'user' : 'team')) return;
        const isNeeded = neededOf(at.entity).includes(name);
        if (!isNeeded && at.numbers[10 - place] % 2) return;
        const value = valueFor(at, at.entity, name, place);
        if (value !== undefined) given[name] = value;
    });
    if (at.entity === 'client') given.kind = 'company';
    return given;
}

const references = (entity, given) =>
    Object.entries(entities[entity].references ?? {}).flatMap(([name, to]) =>
        [given[name] ?? []].flat().map((id) => ({ name, to, id })),
    );

/**
 * The fields at fault for what the user does not see: as if they, or what they name, were not. What
 * the record holds already is no change of it, whatever it names.
 */
function faultsOf(at, given, record = {}) {
    const { model, user, entity } = at;
    const seen = [...model.seenFields(user, entity), 'kind'];
    const hidden = Object.keys(given).filter((name) => !seen.includes(name));
    const isKept = (name) => JSON.stringify(record[name]) === JSON.stringify(given[name]);
    const foreign = references(entity, given).filter(
        ({ name, to, id }) => !isKept(name) && !model.seesId(user, to, id),
    );
    return [...new Set([...hidden, ...foreign.map(({ name }) => name)])];
}

function compare(at, record, answer) {
    const seen = at.model.seenFields(at.user, at.entity);
    for (const name of entities[at.entity].fields) {
        const there = record[name] ?? (isList(name) ? [] : null);
        const wanted = seen.includes(name) ? there : undefined;
        assert.deepEqual(answer[name], wanted, `${shown(at)}: ${name} of ${record.id}`);
    }
}

function check(at, answer, ...wanted) {
    const { status, text } = answer;
    assert.ok(wanted.includes(status), `${shown(at)}: ${status}, not ${wanted}: ${text}`);
    return answer.body;
}

const archivable = ['client', 'contact'];
const archivedToo = '&archived=all';

const path = (at, id = '') => `${entities[at.entity].plural}${id && `/${id}`}`;

/** What a write must have come to by the model; a writer never writes himself out of a record. */
function wantedOf(at, given, record) {
    const { model, user, entity } = at;
    if (faultsOf(at, given, record).length > 0) return 422;
    const list = model.all(entity);
    list.set(record.id, { ...record, ...given });
    const isKept = model.isAmongRows(user, entity, list.get(record.id));
    list.set(record.id, record);
    return isKept ? 200 : 'beyond';
}

const deeds = {
    async create(at) {
        const { model, user, entity, door } = at;
        const given = givenFor(at);
        const needs = entities[entity].needs ?? [entities[entity].under ?? 'name'];
        const answer = await door.call('POST', path(at), given);
        if (!model.may(user, entity, 'create')) return check(at, answer, 403);
        if (needs.some((name) => given[name] === undefined)) return check(at, answer, 422);
        if (faultsOf(at, given).length > 0) return check(at, answer, 422);
        const record = { id: 'new', created_by: user.id, ...given };
        model.all(entity).set('new', record);
        const isAmong = model.isAmongRows(user, entity, record);
        model.all(entity).delete('new');
        if (!isAmong) return check(at, answer, 403, 422);
        const body = check(at, answer, 201);
        const made = { ...record, id: body.id ?? answer.headers.location.split('/').at(-1) };
        model.all(entity).set(made.id, made);
        if (model.sees(user, entity, made)) compare(at, made, body);
        return undefined;
    },

    async patch(at) {
        const { model, user, entity, door } = at;
        const record = anyOf(at, entity, 0);
        if (record === undefined) return;
        if (entity === 'share') return; // whose it is, and with whom, is said once
        const name = at.pick(entities[entity].fields, 1);
        const value = valueFor(at, entity, name, 2);
        if (value === undefined) return;
        const given = { [name]: value };
        const answer = await door.call('PATCH', path(at, record.id), given);
        if (!model.may(user, entity, 'edit')) return void check(at, answer, 403, 404);
        if (!model.sees(user, entity, record)) return void check(at, answer, 404);
        const wanted = wantedOf(at, given, record);
        if (wanted !== 200 && wanted !== 'beyond') return void check(at, answer, wanted);
        if (wanted === 'beyond' && answer.status >= 400) return void check(at, answer, 403, 422);
        check(at, answer, 200, 204);
        Object.assign(record, given);
    },

    async remove(at) {
        const { model, user, entity, door } = at;
        const record = anyOf(at, entity, 0);
        if (record === undefined) return;
        const answer = await door.call('DELETE', path(at, record.id));
        if (!model.may(user, entity, 'delete')) return void check(at, answer, 403, 404);
        if (!model.sees(user, entity, record)) return void check(at, answer, 404);
        const holds = [...model.all('project').values()].some(({ client }) => client === record.id);
        if (entity === 'client' && holds) return void check(at, answer, 409);
        const isShut = entity === 'contact' && !model.reaches(user, model.accountOf(record.id));
        if (isShut) return void check(at, answer, 403);
        check(at, answer, 204);
        model.remove(entity, record.id);
    },

    /** Into the archive, or back from there. */
    async archive(at) {
        const { model, user, door, numbers } = at;
        const entity = at.pick(archivable, 1);
        const record = anyOf(at, entity, 0);
        if (record === undefined) return;
        const action = record.isArchived || numbers[2] % 4 === 0 ? 'restore' : 'archive';
        const where = `${entities[entity].plural}/${record.id}/${action}`;
        const answer = await door.call('POST', where);
        if (!model.may(user, entity, 'edit')) return void check(at, answer, 403, 404);
        if (!model.sees(user, entity, record)) return void check(at, answer, 404);
        if (action === 'restore' && !record.isArchived) return void check(at, answer, 409);
        const isOther = (action === 'archive') !== (record.isArchived ?? false);
        const isShut = entity === 'contact' && !model.reaches(user, model.accountOf(record.id));
        if (isOther && isShut) return void check(at, answer, 403);
        check(at, answer, 200);
        record.isArchived = action === 'archive';
    },

    async get(at) {
        const { model, user, entity, door } = at;
        const record = anyOf(at, entity, 0);
        if (record === undefined) return;
        const answer = await door.call('GET', path(at, record.id));
        if (!model.may(user, entity, 'view')) return void check(at, answer, 403, 404);
        if (!model.sees(user, entity, record)) return void check(at, answer, 404);
        compare(at, record, check(at, answer, 200));
    },

    async list(at) {
        const { model, user, entity, door } = at;
        const title = entities[entity].title ?? 'name';
        const hidden = entities[entity].fields.filter(
            (name) => !model.seenFields(user, entity).includes(name),
        );
        const ways = [
            ['', () => true],
            ...(archivable.includes(entity) ? [[archivedToo, () => true]] : []),
            ...(entity === 'client' ? [['&sort=name', () => true]] : []),
            ...(entity === 'client' ? [['&sort=-name', () => true]] : []),
            ...(['client', 'project'].includes(entity)
                ? [['&name[prefix]=name%201', (record) => record.name?.startsWith('name 1')]]
                : []),
            ...hidden.map((name) => [`&${name}=x`, null]),
            ...hidden.map((name) => [`&sort=${name}`, null]),
            ...hidden.map((name) => [`&fields=${name}`, null]),
        ];
        const [query, isMeant] = at.pick(ways, 0);
        const answer = await door.call('GET', `${path(at)}?limit=200&count=true${query}`);
        if (!model.may(user, entity, 'view')) return void check(at, answer, 403);
        if (isMeant === null) return void check(at, answer, 400);
        const { data, count } = check(at, answer, 200);
        const wanted = model.listOf(user, entity, query === archivedToo).filter(isMeant);
        const sorted = (list) => list.map(({ id }) => id).sort();
        assert.deepEqual(sorted(data), sorted(wanted), `${shown(at)} ${query} ${title}`);
        if (count.exact) assert.equal(count.value, wanted.length, `${shown(at)} ${query}`);
        for (const found of data) compare(at, model.all(entity).get(found.id), found);
    },

    async history(at) {
        const { model, user, entity, door } = at;
        const record = anyOf(at, entity, 0);
        if (record === undefined) return;
        const answer = await door.call('GET', `${path(at, record.id)}/history`);
        if (!model.may(user, entity, 'view')) return void check(at, answer, 403, 404);
        if (!model.sees(user, entity, record)) return void check(at, answer, 404);
        const seen = model.seenFields(user, entity);
        const hidden = entities[entity].fields.filter((name) => !seen.includes(name));
        for (const { changes } of check(at, answer, 200).data)
            for (const name of hidden)
                assert.ok(!(name in (changes ?? {})), `${shown(at)}: ${name} in the history`);
    },

    /** Of what is there now, the feed names what is seen and nothing else. */
    async feed(at) {
        const { model, user, door } = at;
        const told = new Set();
        for (let after = 0, isEnd = false; !isEnd; ) {
            const { body } = expectStatus(await door.call('GET', `changes?after=${after}`), 200);
            for (const { entity, id, operation } of body.data)
                if (operation !== 'gone' && operation !== 'delete') told.add(`${entity} ${id}`);
            isEnd = body.end;
            after = body.next;
        }
        for (const entity of names)
            for (const [id, record] of model.all(entity)) {
                const wanted = model.sees(user, entity, record);
                assert.equal(told.has(`${entity} ${id}`), wanted, `${shown(at)}: ${entity} ${id}`);
            }
    },

    /** Whoever reads on where he was holds nothing that he does not see: it was told gone. */
    async follow(at) {
        const { model, user, door, person, token, numbers } = at;
        if (token !== undefined) return;
        const sight = JSON.stringify([model.roleOf(user), [...model.teams].map(membersOf)]);
        let reader = model.readers.get(person);
        // Other rights are told apart from changes: then all is asked for again.
        if (reader?.sight !== sight) reader = { after: 0, sight, held: new Set() };
        const limit = reader.after === 0 ? 200 : [1, 7, 200][numbers[10] % 3];
        while (!(await follow(door, reader, limit)));
        model.readers.set(person, reader);
        for (const held of reader.held) {
            const [entity, id] = held.split(' ');
            const record = model.all(entity).get(id);
            const isSeen = record !== undefined && model.sees(user, entity, record);
            assert.ok(isSeen, `${shown(at)}: still holds ${held}`);
        }
    },

    /** A client gets another manager: who had it reads on before and behind that. */
    async handOver(at) {
        const { firm, model } = at;
        const client = anyOf(at, 'client', 0);
        const holder = [...model.users].find(([, { id }]) => id === client?.account_manager);
        if (holder === undefined) return;
        const [person, user] = holder;
        const reader = { ...at, person, user, door: firm.doors.get(person), token: undefined };
        await deeds.follow(reader);
        const account_manager = model.users.get(at.pick(people, 1)).id;
        const where = path({ ...at, entity: 'client' }, client.id);
        check(at, await firm.owner.call('PATCH', where, { account_manager }), 200);
        client.account_manager = account_manager;
        await deeds.follow(reader);
    },

    /** A record of the other firm is nowhere. */
    async foreign(at) {
        const record = [...at.other.model.all(at.entity).values()][at.numbers[0] % 7];
        if (record === undefined) return;
        check(at, await at.door.call('GET', path(at, record.id)), 403, 404);
        check(at, await at.door.call('PATCH', path(at, record.id), {}), 403, 404);
        check(at, await at.door.call('DELETE', path(at, record.id)), 403, 404);
    },

    /** What he is told that he may. */
    async me(at) {
        const { model, user, door, token } = at;
        const { body } = expectStatus(await door.call('GET', 'me'), 200);
        assert.deepEqual(body.roles, [user.role], shown(at));
        assert.equal(body.token.role ?? null, token?.role ?? null, shown(at));
        for (const name of [...names, ...others]) {
            const told = actionWords.filter((word) => body.entities[name]?.includes(word));
            const may = actionWords.filter((word) => model.may(user, name, word));
            assert.deepEqual(told, may, `${shown(at)}: ${name}`);
        }
        const { sees } = model.roleOf(user);
        for (const group of ['financials', 'internal'])
            assert.equal(body.groups[group].includes('view'), sees.includes(group), shown(at));
    },

    /** A token for somebody: perhaps with a role, perhaps with an end that comes soon. */
    async token(at) {
        const { firm, model, person } = at;
        if (model.tokens.filter((token) => token.person === person).length >= TOKENS_MAX) return;
        const role = at.pick([null, null, 'pm', 'employee', 'clerk', 'guest', 'owner'], 0);
        const endsMs = Date.now() + at.pick([Infinity, HOUR_MS, BRIEF_MS], 1);
        const answer = await makeToken(firm, person, role, endsMs);
        // Under load it was over already.
        if (answer.status !== 422 || Date.now() < endsMs) check(at, answer, 201);
    },

    async revoke(at) {
        const token = at.pick([undefined, ...at.model.tokens], 0);
        if (token === undefined || token.endsMs - Date.now() < ENDS_SOON_MS) return;
        const session = await sessionOf(at.firm);
        check(at, await session.call('DELETE', `tokens/${token.id}`), token.isRevoked ? 404 : 204);
        token.isRevoked = true;
    },

    /** His own, which are those of the model and the one he began with. */
    async tokens(at) {
        const { model, person, door } = at;
        const { data } = check(at, await door.call('GET', 'tokens'), 200);
        const soon = model.tokens.filter(({ endsMs }) => endsMs - Date.now() < ENDS_SOON_MS);
        const wanted = model.tokens
            .filter((token) => token.person === person && !token.isRevoked)
            .filter((token) => !soon.includes(token));
        const of = ({ id, role }) => `${id} ${role}`;
        const told = data.filter(({ id }) => !soon.some((token) => token.id === id));
        assert.equal(told.length, wanted.length + 1, shown(at));
        const first = told.filter((token) => !wanted.some(({ id }) => id === token.id));
        assert.equal(first.length, 1, shown(at));
        assert.deepEqual([...wanted, ...first].map(of).sort(), told.map(of).sort(), shown(at));
    },

    async role(at) {
        const person = at.pick(['emma', 'eric', 'clerk', 'guest'], 0);
        const role = at.pick(['pm', 'employee', 'clerk', 'guest'], 1);
        const { id } = at.model.users.get(person);
        expectStatus(await at.firm.owner.call('PATCH', `users/${id}`, { role }), 200);
        at.model.users.get(person).role = role;
    },

    async rights(at) {
        const role = at.model.roles.get(at.pick(['clerk', 'guest'], 0));
        const rows = rowWords.filter((_, place) => at.numbers[1] & (1 << place));
        const sees = ['financials', 'internal'].filter((_, place) => at.numbers[2] & (1 << place));
        const rights = {};
        [...names, ...others].forEach((name, place) => {
            const bits = at.numbers[3 + (place % 8)];
            const actions = actionWords.filter((_, bit) => bits & (1 << bit));
            // What may be changed can be seen.
            rights[name] = actions.length > 0 ? [...new Set(['view', ...actions])] : [];
        });
        const given = { rows, sees, edits: sees, rights };
        expectStatus(await at.firm.owner.call('PATCH', `roles/${role.id}`, given), 200);
        Object.assign(role, { rows, sees, rights });
    },

    async team(at) {
        const team = at.pick([...at.model.teams.keys()], 0);
        const members = [...at.model.users.values()]
            .filter((_, place) => at.numbers[1] & (1 << place))
            .map(({ id }) => id);
        expectStatus(await at.firm.owner.call('PATCH', `teams/${team}`, { members }), 200);
        at.model.teams.set(team, new Set(members));
    },

    ...portalDeeds,
};

let opened = 0;
async function openRun() {
    const firms = [];
    for (let at = 0; at < 2; at++) firms.push(await openFirm(`firm${(opened += 1)}`));
    return new Run(firms);
}

/** How the steps end in new firms: nothing, or what went wrong at which step. */
async function failureOf(steps) {
    const run = await openRun();
    for (const step of steps) {
        try {
            await run.step(step);
        } catch (error) {
            return { error, steps: steps.slice(0, run.told) };
        }
    }
    return null;
}

/** Leaves out ever smaller parts, as long as it still fails. */
async function shortened(failure) {
    let best = failure;
    let tries = 0;
    for (let part = best.steps.length >> 1; part >= 1 && tries < SHORTENINGS_MAX; part >>= 1) {
        for (let from = 0; from < best.steps.length - 1 && tries < SHORTENINGS_MAX; ) {
            const rest = [...best.steps.slice(0, from), ...best.steps.slice(from + part)];
            tries += 1;
            const again = rest.length > 0 ? await failureOf(rest) : null;
            if (again === null) from += part;
            else best = again;
        }
    }
    return best;
}

test('everybody is told what the model says, and no more', async (t) => {
    const seed = chooseSeed();
    t.diagnostic(`seed ${seed}: ATRIUM_SEED=${seed} repeats it`);
    const random = makeRandom(seed);
    const steps = Array.from({ length: COUNT }, () => makeStep(random));
    const failure = await failureOf(steps);
    if (failure === null) return;
    const short = await shortened(failure);
    const story = short.steps.map((step) => JSON.stringify(step)).join('\n');
    const count = `after ${short.steps.length} steps`;
    assert.fail(`seed ${seed}: ${short.error.message}\n${count}:\n${story}`);
});
