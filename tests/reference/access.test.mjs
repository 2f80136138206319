// Random people of two firms do random things, and every answer is compared with a small model of
// who may what (access_model.mjs). A run that fails is made shorter, step by step.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { expectStatus } from '../door/expect.mjs';
import { chooseSeed, makeRandom } from '../door/random.mjs';
import { Firm as Door, openServer } from '../door/server.mjs';
import { Firm, entities } from './access_model.mjs';

const COUNT = process.env.ATRIUM_LONG ? 5_000 : 400;
const SHORTENINGS_MAX = 60;
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
const rarely = { foreign: 3, role: 4, rights: 3, team: 4 };
const lot = Object.entries({ ...weights, ...rarely }).flatMap(([name, weight]) =>
    Array(weight).fill(name),
);

function makeStep(random) {
    return {
        deed: random.pick(lot),
        firm: random.below(2),
        who: random.below(people.length),
        entity: random.pick(names),
        numbers: Array.from({ length: 12 }, () => random.below(1 << 20)),
    };
}

/** A firm with its people, on the server and in the model. */
async function openFirm(name) {
    const owner = await server.makeFirm(name);
    const model = new Firm();
    const me = expectStatus(await owner.call('GET', 'me'), 200).body;
    const settings = (await owner.call('GET', 'settings')).body.data[0];
    const lenient = { allow_clients_without_contact: true, allow_addresses_without_street: true };
    expectStatus(await owner.call('PATCH', `settings/${settings.id}`, lenient), 200);
    for (const role of ['clerk', 'guest']) {
        const none = { name: role, label: role, rows: [], rights: {} };
        const { id } = await owner.create('roles', none);
        model.roles.set(role, { id, rows: [], sees: [], rights: {} });
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
    return { name, model, doors, owner };
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
            user: firm.model.users.get(person),
            door: firm.doors.get(person),
            pick: (list, place) => list[step.numbers[place] % list.length],
        };
        this.told += 1;
        await deeds[step.deed](at);
    }
}

const shown = ({ firm, person, user, model, deed, entity }) => {
    const { rows, sees, rights } = model.roleOf(user);
    const can = (rights[entity] ?? []).join(' ');
    const who = `${person} (${user.role}: rows ${rows}; sees ${sees}; ${entity}: ${can})`;
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

const isList = (name) => name === 'members';

/** A value for a field; undefined where there is nothing to refer to. */
function valueFor(at, entity, name, place) {
    const to = entities[entity].references?.[name];
    if (to === undefined) return `${name} ${at.numbers[place] % 50}`;
    const id = idFor(at, to, place);
    return isList(name) ? [id] : id;
}

/** The record as it is given to be made: all that must be there, and some that may. */
function givenFor(at) {
    const given = {};
    entities[at.entity].fields.forEach((name, place) => {
        if (at.entity === 'share' && name === (at.numbers[9] % 2 ? 'user' : 'team')) return;
        const isNeeded = ['name', 'client', 'project', 'title', 'user', 'team'].includes(name);
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

/** The fields at fault for what the user does not see: as if they, or what they name, were not. */
function faultsOf(at, given) {
    const { model, user, entity } = at;
    const seen = [...model.seenFields(user, entity), 'kind'];
    const hidden = Object.keys(given).filter((name) => !seen.includes(name));
    const foreign = references(entity, given).filter(({ to, id }) => !model.seesId(user, to, id));
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

const path = (at, id = '') => `${entities[at.entity].plural}${id && `/${id}`}`;

/** What a write must have come to by the model; a writer never writes himself out of a record. */
function wantedOf(at, given, record) {
    const { model, user, entity } = at;
    if (faultsOf(at, given).length > 0) return 422;
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
        const needed = entities[entity].under ?? 'name';
        const answer = await door.call('POST', path(at), given);
        if (!model.may(user, entity, 'create')) return check(at, answer, 403);
        if (given[needed] === undefined) return check(at, answer, 422);
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
        check(at, answer, 204);
        model.remove(entity, record.id);
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
        const wanted = model.listOf(user, entity).filter(isMeant);
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

    /** A record of the other firm is nowhere. */
    async foreign(at) {
        const record = [...at.other.model.all(at.entity).values()][at.numbers[0] % 7];
        if (record === undefined) return;
        check(at, await at.door.call('GET', path(at, record.id)), 403, 404);
        check(at, await at.door.call('PATCH', path(at, record.id), {}), 403, 404);
        check(at, await at.door.call('DELETE', path(at, record.id)), 403, 404);
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
        [...names, 'user', 'team'].forEach((name, place) => {
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
