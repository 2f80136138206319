// What contacts do at the portal, and what a firm does about them, each compared with the model: a
// part of the deeds of access.test.mjs. A contact comes by a session of its own.
import assert from 'node:assert/strict';
import { expectStatus } from '../door/expect.mjs';
import { Contact, contactPassword } from '../door/portal.mjs';
import { entities } from './access_model.mjs';

const names = Object.keys(entities);
const shownOf = (entity) => entities[entity].portal?.shows ?? [];

export const portalWeights = {
    enable: 7,
    portalState: 3,
    portalRight: 3,
    portalSwitch: 3,
    portalEnter: 2,
    portalMe: 3,
    portalChoose: 4,
    portalList: 9,
    portalGet: 6,
    portalPatch: 4,
    portalFeed: 2,
    portalGone: 2,
    shutAccount: 4,
    changeRight: 4,
};

const shown = ({ firm, deed, entity }, account) => {
    const rights = [...account.rights].map(([client, { right }]) => `${right} of ${client}`);
    const seen = account.session && firm.model.clientAt(account);
    return `${firm.name}: ${account.email} (${rights}; looks at ${seen}) ${deed} ${entity}`;
};

function check(words, answer, ...wanted) {
    const { status, text } = answer;
    assert.ok(wanted.includes(status), `${words}: ${status}, not ${wanted}: ${text}`);
    return answer.body;
}

const anyOf = (at, entity, place) => {
    const list = [...at.model.all(entity).values()];
    return list.length > 0 ? at.pick(list, place) : undefined;
};

const anyAccount = (at) => at.pick([undefined, ...at.model.accounts], 11);

/** The account of this step with its session, which is begun if there is none; undefined: none. */
async function enteredAt(at) {
    const { model, numbers } = at;
    const able = model.accounts.filter((account) => model.isIn(account));
    const some = numbers[10] % 6 === 0 || able.length === 0 ? model.accounts : able;
    const account = at.pick(some.length > 0 ? some : [undefined], 11);
    if (account === undefined || account.isDisabled) return undefined;
    if (able.includes(account)) {
        if (account.session === undefined) await enter(at, account);
        return account;
    }
    // Out as long as its contact is in the archive, and in again by the same session behind it.
    if (account.session) check(shown(at, account), await call(account, 'GET', 'me'), 401);
    return undefined;
}

/** Any record, or one that this account is shown: `[entity, record]`. */
function aimedAt(at, account) {
    const { model, entity, numbers } = at;
    const inSight = names.flatMap((name) =>
        model.portalListOf(account, name).map((record) => [name, record]),
    );
    if (numbers[9] % 2 && inSight.length > 0) return at.pick(inSight, 0);
    return [entity, anyOf(at, entity, 0)];
}

async function enter(at, account) {
    const visitor = new Contact(at.firm.owner, account);
    await visitor.signIn();
    account.session = { visitor, chosen: undefined };
}

/** Sessions that must be over, whoever held them. */
function drop(at, account) {
    if (account?.session) at.model.ended.push(account.session.visitor);
    if (account) account.session = undefined;
}

const call = (account, ...request) => account.session.visitor.call(...request);

function compare(words, entity, record, answer) {
    for (const name of entities[entity].fields) {
        const wanted = shownOf(entity).includes(name) ? (record[name] ?? null) : undefined;
        assert.deepEqual(answer[name], wanted, `${words}: ${name} of ${record.id}`);
    }
}

/** Opens a client's portal to a contact, whose account is made when there is none. */
export async function openPortal({ model, owner }, client, contact, right) {
    const words = `opens ${client} to ${contact}`;
    const known = model.accountOf(contact);
    const email = known?.email ?? `${contact}@client.example`;
    const given = { contact, email, right };
    const answer = await owner.call('POST', `clients/${client}/enable_portal`, given);
    const isTied = model.clientsOf('contact', { id: contact }).some(({ id }) => id === client);
    if (!isTied) return void check(words, answer, 422);
    if (known?.isDisabled) return void check(words, answer, 409);
    const { portal_account: made, portal_right: ofClient } = check(words, answer, 200);
    model.all('client').get(client).portal_enabled = true;
    const account = known ?? { id: made.id, contact, email, isDisabled: false, rights: new Map() };
    account.rights.set(client, { id: ofClient.id, right });
    if (known) return;
    const where = `portal_accounts/${made.id}/password`;
    expectStatus(await owner.call('POST', where, { password: contactPassword }), 204);
    model.accounts.push(account);
}

export const portalDeeds = {
    async enable(at) {
        const link = anyOf(at, 'client_contact', 0);
        const contact = at.numbers[1] % 4 ? link?.contact : anyOf(at, 'contact', 2)?.id;
        if (link === undefined || contact === undefined) return;
        await openPortal(at.firm, link.client, contact, at.pick(['own', 'all'], 3));
    },

    /** Disabling ends what there is of sessions; who is enabled again comes in anew. */
    async portalState(at) {
        const account = anyAccount(at);
        if (account === undefined) return;
        const state = account.isDisabled ? 'active' : 'disabled';
        const where = `portal_accounts/${account.id}`;
        expectStatus(await at.firm.owner.call('PATCH', where, { state }), 200);
        account.isDisabled = state === 'disabled';
        drop(at, account);
        if (!account.isDisabled) return;
        const given = { email: account.email, password: contactPassword };
        const visitor = new Contact(at.firm.owner, account);
        check(shown(at, account), await visitor.call('POST', 'session', given), 401);
    },

    async portalRight(at) {
        const account = anyAccount(at);
        const [client, held] = at.pick([...(account?.rights ?? []), []], 0);
        if (client === undefined) return;
        const where = `portal_rights/${held.id}`;
        if (at.numbers[1] % 3 === 0) {
            expectStatus(await at.firm.owner.call('DELETE', where), 204);
            account.rights.delete(client);
            return;
        }
        const right = held.right === 'all' ? 'own' : 'all';
        expectStatus(await at.firm.owner.call('PATCH', where, { right }), 200);
        held.right = right;
    },

    async portalSwitch(at) {
        const client = anyOf(at, 'client', 0);
        if (client === undefined) return;
        const portal_enabled = !client.portal_enabled;
        const where = `clients/${client.id}`;
        expectStatus(await at.firm.owner.call('PATCH', where, { portal_enabled }), 200);
        client.portal_enabled = portal_enabled;
    },

    async portalEnter(at) {
        const account = anyAccount(at);
        if (account !== undefined && at.model.isIn(account)) await enter(at, account);
    },

    async portalMe(at) {
        const account = await enteredAt(at);
        if (account === undefined) return;
        const words = shown(at, account);
        const { model } = at;
        const me = check(words, await call(account, 'GET', 'me'), 200);
        assert.equal(me.user.id, account.id, words);
        assert.equal(me.portal.contact, account.contact, words);
        assert.equal(me.portal.client, model.clientAt(account) ?? null, words);
        const told = me.portal.clients.map(({ id, name, right }) => ({ id, name, right }));
        const wanted = model.openTo(account).map((id) => ({
            id,
            name: model.all('client').get(id).name,
            right: account.rights.get(id).right,
        }));
        assert.deepEqual(told, wanted, words);
        for (const name of names) {
            const { portal } = entities[name];
            const isEdited = portal?.edits && wanted.length > 0;
            const may = portal && (isEdited ? ['view', 'edit'] : ['view']);
            assert.deepEqual(me.entities[name], may, `${words}: ${name}`);
        }
    },

    async portalChoose(at) {
        const account = await enteredAt(at);
        const client = at.pick([...(account?.rights.keys() ?? []), anyOf(at, 'client', 0)?.id], 1);
        if (account === undefined || client === undefined) return;
        const isOpen = at.model.openTo(account).includes(client);
        const answer = await call(account, 'POST', 'session/client', { client });
        const body = check(shown(at, account), answer, isOpen ? 200 : 422);
        if (!isOpen) return;
        assert.equal(body.portal.client, client);
        account.session.chosen = client;
    },

    async portalList(at) {
        const { model, entity } = at;
        const account = await enteredAt(at);
        if (account === undefined) return;
        const words = shown(at, account);
        const hidden = entities[entity].fields.filter((name) => !shownOf(entity).includes(name));
        const sort = `&sort=-${shownOf(entity)[0]}`;
        const ways = ['', sort, ...hidden.flatMap((name) => [`&${name}=x`, `&sort=${name}`])];
        const query = at.pick(ways, 0);
        const where = `${entities[entity].plural}?limit=200&count=true${query}`;
        const answer = await call(account, 'GET', where);
        if (!entities[entity].portal) return void check(words, answer, 404);
        if (ways.indexOf(query) > 1) return void check(words, answer, 400);
        const { data, count } = check(words, answer, 200);
        const wanted = model.portalListOf(account, entity);
        const sorted = (list) => list.map(({ id }) => id).sort();
        assert.deepEqual(sorted(data), sorted(wanted), words);
        if (count.exact) assert.equal(count.value, wanted.length, words);
        for (const found of data) compare(words, entity, model.all(entity).get(found.id), found);
    },

    async portalGet(at) {
        const { model, other } = at;
        const account = await enteredAt(at);
        if (account === undefined) return;
        const [entity, own] = aimedAt(at, account);
        const foreign = [...other.model.all(entity).values()][at.numbers[1] % 7];
        const isForeign = at.numbers[2] % 8 === 0 && foreign !== undefined;
        const record = isForeign ? foreign : own;
        if (record === undefined) return;
        const words = shown(at, account);
        const answer = await call(account, 'GET', `${entities[entity].plural}/${record.id}`);
        const isSeen = !isForeign && model.portalSees(account, entity, record);
        const body = check(words, answer, isSeen ? 200 : 404);
        if (isSeen) compare(words, entity, record, body);
    },

    async portalPatch(at) {
        const { model } = at;
        const account = await enteredAt(at);
        if (account === undefined) return;
        const [entity, record] = aimedAt(at, account);
        if (record === undefined) return;
        const words = shown(at, account);
        const name = at.pick(entities[entity].fields, 1);
        if (entities[entity].references?.[name]) return;
        const value = `name ${at.numbers[2] % 50}`;
        const where = `${entities[entity].plural}/${record.id}`;
        const answer = await call(account, 'PATCH', where, { [name]: value });
        const { portal } = entities[entity];
        if (!portal) return void check(words, answer, 404);
        if (!portal.edits || model.clientAt(account) === undefined)
            return void check(words, answer, 403, 404);
        if (!model.portalSees(account, entity, record)) return void check(words, answer, 404);
        if (!portal.edits.includes(name)) return void check(words, answer, 422);
        const body = check(words, answer, 200);
        record[name] = value;
        compare(words, entity, record, body);
    },

    /** Of what is there now, the feed names what is shown and nothing else. */
    async portalFeed(at) {
        const { model } = at;
        const account = await enteredAt(at);
        if (account === undefined) return;
        const words = shown(at, account);
        const told = new Set();
        for (let after = 0, isEnd = false; !isEnd; ) {
            const body = check(words, await call(account, 'GET', `changes?after=${after}`), 200);
            for (const { entity, id, operation } of body.data)
                if (operation !== 'gone' && operation !== 'delete') told.add(`${entity} ${id}`);
            isEnd = body.end;
            after = body.next;
        }
        for (const entity of names)
            for (const [id, record] of model.all(entity)) {
                const wanted = model.portalSees(account, entity, record);
                assert.equal(told.has(`${entity} ${id}`), wanted, `${words}: ${entity} ${id}`);
            }
    },

    /** Somebody of the firm disables or deletes an account: who sees all that it leads to. */
    async shutAccount(at) {
        const { model, user, door, numbers } = at;
        const account = at.pick([undefined, ...model.accounts], 0);
        if (account === undefined) return;
        const isEnd = numbers[1] % 3 === 0;
        const where = `portal_accounts/${account.id}`;
        const state = account.isDisabled ? 'active' : 'disabled';
        const answer = isEnd
            ? await door.call('DELETE', where)
            : await door.call('PATCH', where, { state });
        const words = `${shown(at, account)} by ${at.person} (${user.role})`;
        const may = (action) => model.may(user, 'portal_account', action);
        if (!may(isEnd ? 'delete' : 'edit')) return void check(words, answer, 403, 404);
        if (!model.reaches(user, account)) return void check(words, answer, 403);
        check(words, answer, isEnd ? 204 : 200);
        if (isEnd) return void model.removeAccount(account);
        account.isDisabled = !account.isDisabled;
        drop(at, account);
    },

    /** … or changes what it may see of a client: who sees the client, or made the right. */
    async changeRight(at) {
        const { model, user, door, numbers } = at;
        const account = at.pick([undefined, ...model.accounts], 0);
        const [client, held] = at.pick([...(account?.rights ?? []), []], 1);
        if (client === undefined) return;
        const isEnd = numbers[2] % 3 === 0;
        const where = `portal_rights/${held.id}`;
        const right = held.right === 'all' ? 'own' : 'all';
        const answer = isEnd
            ? await door.call('DELETE', where)
            : await door.call('PATCH', where, { right });
        const words = `${shown(at, account)} by ${at.person} (${user.role})`;
        const may = (action) => model.may(user, 'portal_right', action);
        if (!may(isEnd ? 'delete' : 'edit')) return void check(words, answer, 403, 404);
        const record = { client, created_by: model.users.get('owner').id };
        const isSeen = model.isAmongRows(user, 'portal_right', record);
        if (!isSeen) return void check(words, answer, 404);
        check(words, answer, isEnd ? 204 : 200);
        if (isEnd) account.rights.delete(client);
        else held.right = right;
    },

    /** A session of an account that was disabled, or is no more, is over for ever. */
    async portalGone(at) {
        const visitor = at.pick([undefined, ...at.model.ended], 0);
        if (visitor === undefined) return;
        const where = at.pick(['me', 'clients', 'contacts', 'changes'], 1);
        check(`${at.firm.name}: an ended session`, await visitor.call('GET', where), 401);
    },
};
