// What the document tells each reader: the calls that he may make, the entities and fields that he
// sees, and nothing else; at the portal's door that door's calls alone.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Document } from '../door/document.mjs';
import { expectStatus } from '../door/expect.mjs';
import { addField } from '../door/fields.mjs';
import { join } from '../door/people.mjs';
import { enter, portalHost } from '../door/portal.mjs';
import { openServer } from '../door/server.mjs';

let server;
let firm;
let whole;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
    whole = await read(firm);
});
after(() => server.close());

const read = async (reader) =>
    JSON.parse(expectStatus(await reader.call('GET', 'openapi.json'), 200).text);

/** `GET /clients/{id}`, … */
const callsOf = ({ paths }) =>
    Object.entries(paths).flatMap(([path, methods]) =>
        Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );

/** `{section, name, part}` of each. */
const componentsOf = ({ components }) =>
    Object.entries(components).flatMap(([section, parts]) =>
        Object.keys(parts).map((name) => ({ section, name, part: parts[name] })),
    );

/** It is valid; its references lead somewhere, and something leads to each of its parts. */
async function expectSound(json) {
    const { valid, errors } = await new Validator().validate(structuredClone(json));
    assert.ok(valid, JSON.stringify(errors ?? '', null, 1));
    const text = JSON.stringify(json);
    const document = Document.of(text);
    const references = new Set([...text.matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1]));
    for (const $ref of references) assert.ok(document.resolve({ $ref }), $ref);
    for (const { section, name } of componentsOf(json))
        assert.ok(
            section === 'securitySchemes' || references.has(`#/components/${section}/${name}`),
            `nothing leads to ${section}/${name}`,
        );
}

/** Entities in it are those of the reader's catalog, each with its fields. */
function expectEntities(json, seen, all) {
    const shown = new Set(seen.entities.map(({ name }) => name));
    for (const { name, plural } of all.entities.filter((entity) => !shown.has(entity.name))) {
        const isOf = (word) => word === name || word.startsWith(`${name}.`);
        const found = componentsOf(json).filter((one) => isOf(one.name));
        assert.deepEqual(found, [], name);
        const form = new RegExp(`/api/v1/${plural}(/[{]id[}])?$`);
        assert.ok(!callsOf(json).some((call) => form.test(call)), plural);
        assert.ok(!JSON.stringify(json).includes(`"x-to":"${name}"`), `x-to ${name}`);
    }
    for (const { name, fields } of seen.entities) {
        const { properties } = json.components.schemas[name];
        const names = fields.map((field) => field.name);
        const told = Object.keys(properties).filter((one) => !['id', 'warnings'].includes(one));
        assert.deepEqual(told.sort(), names.filter((one) => one !== 'id').sort(), name);
        const filters = Object.keys(json.components.parameters)
            .filter((one) => one.startsWith(`${name}.`))
            .map((one) => one.split('.')[1]);
        for (const filter of filters) assert.ok(names.includes(filter), `${name}.${filter}`);
    }
}

describe('at the door of the portal', () => {
    let contact;
    let seen;
    before(async () => {
        const ann = await firm.create('contacts', { name: 'Ann Lee' });
        const client = { name: 'Ann & Sons', kind: 'company', primary_contact: ann.id };
        const made = await firm.create('clients', client);
        const field = { entity: 'client', name: 'x_canary', label: 'Canary', kind: 'text' };
        await addField(firm, field);
        contact = await enter(firm, [made.id], ann.id);
        seen = await contact.get('schema');
    });
    const stranger = () => ({
        call: (method, path) =>
            server.send({ method, path: `/api/v1/${path}`, headers: { host: portalHost(firm) } }),
    });

    for (const [who, reader] of [
        ['a contact', () => contact],
        ['whoever has not entered', stranger],
    ])
        test(`it tells ${who} what there is, and names nothing else of the firm`, async () => {
            const json = await read(reader());
            await expectSound(json);
            const catalog = expectStatus(await firm.call('GET', 'schema'), 200).body;
            expectEntities(json, seen, catalog);
            assert.ok(seen.entities.length > 3);
            assert.ok(!JSON.stringify(json).includes('x_canary'));
            assert.deepEqual(json.security, [{ session: [] }]);
            const staff = new Set(callsOf(whole));
            for (const call of callsOf(json)) assert.ok(staff.has(call), call);
            assert.ok(!callsOf(json).some((call) => /export|import|audit|tokens/.test(call)));
        });

    test('each call of it is there, and no other', async () => {
        const described = new Set(callsOf(await read(contact)));
        const id = '01890000-0000-7000-8000-000000000001';
        for (const call of callsOf(whole)) {
            const [method, path] = call.split(' ');
            if (method !== 'GET' || !path.startsWith('/api/v1/')) continue;
            const where = path.replace('/api/v1/', '').replaceAll(/\{[^}]+\}/g, id);
            const { status } = await contact.call('GET', where);
            const isOfNothing = where.includes(id) || where === 'search';
            if (!described.has(call)) assert.equal(status, 404, call);
            else assert.ok(status === 200 || (isOfNothing && status < 500), `${call}: ${status}`);
        }
    });

    test('a contact may create or change what it says, and nothing else', async () => {
        const calls = callsOf(await read(contact));
        const form = /^(POST|PATCH|DELETE) \/api\/v1\/[a-z_]+(\/\{id\})?$/;
        const changing = calls.filter((call) => form.test(call));
        const of = seen.entities.map(({ plural }) => plural);
        const records = changing.filter((call) => of.includes(call.split('/')[3]));
        assert.deepEqual(records, ['PATCH /api/v1/contacts/{id}']);
    });
});

describe('a role', () => {
    const readers = {};
    before(async () => {
        readers.pm = await join(firm, 'Paula', 'pm');
        const rights = { client: ['view'], client_contact: ['view', 'create'] };
        const narrow = { name: 'narrow', label: 'Narrow', rows: ['managed'], rights };
        await firm.create('roles', narrow);
        readers.narrow = await join(firm, 'Nora', 'narrow');
    });

    for (const name of ['pm', 'narrow'])
        test(`${name} is told the calls that it may make, and what it sees`, async () => {
            const reader = readers[name];
            const json = await read(reader);
            await expectSound(json);
            const seen = expectStatus(await reader.call('GET', 'schema'), 200).body;
            const catalog = expectStatus(await firm.call('GET', 'schema'), 200).body;
            expectEntities(json, seen, catalog);
            const described = new Set(callsOf(json));
            const id = '01890000-0000-7000-8000-000000000001';
            for (const call of callsOf(whole)) {
                const [method, path] = call.split(' ');
                // These end the token's own user, or ask for whom a script is not.
                if (!path.startsWith('/api/v1/') || /session|password|totp/.test(path)) continue;
                const where = path.replace('/api/v1/', '').replaceAll(/\{[^}]+\}/g, id);
                const answer = await reader.call(method, where, method === 'GET' ? undefined : {});
                const isRefused = answer.status === 403 && answer.body?.right !== undefined;
                if (described.has(call)) assert.ok(!isRefused, `${call}: ${answer.text}`);
                else assert.ok([403, 404].includes(answer.status), `${call}: ${answer.status}`);
            }
        });
});
