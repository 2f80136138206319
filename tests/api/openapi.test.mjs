// The document that the server makes of itself: it is valid, true, and enough to build a client.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import openapiTypes from 'openapi-typescript';
import { Document } from '../door/document.mjs';
import { expectStatus } from '../door/expect.mjs';
import { root } from '../door/program.mjs';
import { openServer } from '../door/server.mjs';

let server;
let firm;
let text;
let json;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
    text = expectStatus(await firm.call('GET', 'openapi.json'), 200).text;
    json = JSON.parse(text);
});
after(() => server.close());

const calls = () =>
    Object.entries(json.paths).flatMap(([where, methods]) =>
        Object.entries(methods).map(([method, call]) => ({ where, method, call })),
    );

test('is valid OpenAPI 3.1', async () => {
    const result = await new Validator().validate(structuredClone(json));
    assert.ok(result.valid, JSON.stringify(result.errors ?? '', null, 1));
    assert.equal(json.openapi, '3.1.0');
});

test('gives every call a name of its own, an answer, and what its path holds', () => {
    const names = new Set();
    for (const { where, method, call } of calls()) {
        const shown = `${method} ${where}`;
        assert.ok(!names.has(call.operationId), `${shown}: ${call.operationId} twice`);
        names.add(call.operationId);
        assert.ok(call.summary.length > 5, shown);
        const good = Object.keys(call.responses).filter((status) => /^[23]/.test(status));
        assert.ok(good.length > 0, `${shown} has no good answer`);
        assert.ok(call.responses.default, `${shown} has no problem`);
        const document = Document.of(text);
        const parameters = (call.parameters ?? []).map((one) => document.resolve(one));
        const wanted = [...where.matchAll(/\{([^}]+)\}/g)].map((match) => match[1]);
        const given = parameters.filter((one) => one.in === 'path').map((one) => one.name);
        assert.deepEqual(given.sort(), wanted.sort(), shown);
        const keys = parameters.map((one) => `${one.in} ${one.name}`);
        assert.equal(new Set(keys).size, keys.length, `${shown}: a parameter twice`);
    }
});

test('every reference leads somewhere', () => {
    const document = Document.of(text);
    const references = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1]);
    assert.ok(references.length > 100);
    for (const $ref of new Set(references)) assert.ok(document.resolve({ $ref }), $ref);
});

test('its examples are taken', async () => {
    const document = Document.of(text);
    for (const [where, methods] of Object.entries(json.paths)) {
        const body = document.resolve(methods.post?.requestBody);
        const schema = document.resolve(body?.content?.['application/json']?.schema);
        const [example] = schema?.examples ?? [];
        // A token is no person, and has no mails.
        if (example === undefined || /\{|session|password|invitation|totp/.test(where)) continue;
        const answer = await firm.call('POST', where, example);
        // What an example refers to, and what a set of choices holds, only the firm knows.
        // Several examples name the same address, which the first of them has taken.
        if (answer.status === 422 || answer.status === 409) {
            const codes = answer.body.errors.map((fault) => fault.code);
            const ofFirm = ['choice', 'missing', 'pattern', 'reference', 'taken', 'unknown'];
            const isOfFirm = (code) => ofFirm.includes(code);
            assert.ok(codes.every(isOfFirm), `${where}: ${answer.text}`);
        } else expectStatus(answer, 200, 201, 202);
    }
});

test('an answer that it does not describe is found out', async () => {
    const record = await firm.create('clients', { name: 'Judged', kind: 'individual' });
    const where = `/api/v1/clients/${record.id}`;
    const answer = expectStatus(await firm.call('GET', where), 200);
    const document = Document.of(text);
    const complaint = (body, more = {}) =>
        document.complaintOf('GET', where, { ...answer, body, ...more });
    assert.equal(complaint(answer.body), undefined);
    assert.match(complaint({ ...answer.body, surprise: 1 }), /additional/);
    assert.match(complaint({ ...answer.body, created_at: 'yesterday' }), /date-time/);
    assert.match(complaint({ ...answer.body, id: undefined }), /id/);
    assert.match(complaint(answer.body, { status: 202 }), /no 202/);
    assert.match(complaint(answer.body, { type: 'text/html' }), /text\/html/);
    assert.match(
        document.complaintOf('GET', '/api/v1/nothing', { ...answer, status: 200 }),
        /no such call/,
    );
    const entry = expectStatus(await firm.call('GET', 'changes?limit=1'), 200).body.data[0];
    const event = { event: 'message', id: '1', data: entry };
    const told = (more) => document.eventComplaintOf('/api/v1/changes', { ...event, ...more });
    assert.equal(told({}), undefined);
    assert.equal(told({ event: 'rights', id: '1', data: {} }), undefined);
    assert.match(told({ event: 'rights' }), /data/);
    assert.match(told({ data: {} }), /required/);
    assert.match(told({ event: 'nothing' }), /event/);
    assert.match(document.eventComplaintOf('/api/v1/clients', event), /no such events/);
});

/** What the TypeScript compiler says of a program beside the types. */
async function compile(folder, program) {
    const file = path.join(folder, 'program.ts');
    await fs.writeFile(file, program);
    const words = ['--noEmit', '--strict', '--target', 'es2022', '--module', 'nodenext', file];
    return spawnSync(path.join(root, 'node_modules/.bin/tsc'), words, { encoding: 'utf8' });
}

test('typed clients are generated from it', async () => {
    const folder = path.join(server.folder, 'client');
    await fs.mkdir(folder);
    await fs.writeFile(path.join(folder, 'api.d.ts'), await openapiTypes(structuredClone(json)));
    const program = `
import type { components, operations, paths } from './api.js';
type Client = components['schemas']['client'];
const made: components['schemas']['client.new'] = {
    name: 'Acme',
    kind: 'company',
    emails: [{ value: 'a@acme.example', primary: true }],
    primary_contact: { name: 'Ann Lee' },
};
const change: components['schemas']['client.patch'] = { tags: { $add: ['vip'] }, website: null };
type Page = operations['get_clients']['responses'][200]['content']['application/json'];
export const names = (page: Page): (string | null | undefined)[] =>
    page.data.map((client: Client) => client.name);
type Problem = paths['/api/v1/clients/{id}']['get']['responses']['default'];
export const why = (problem: Problem['content']['application/problem+json']): string =>
    problem.errors?.[0]?.message ?? problem.title;
export { made, change };
`;
    const right = await compile(folder, program);
    assert.equal(right.status, 0, right.stdout);
    const wrong = await compile(folder, program.replace("kind: 'company'", "knd: 'company'"));
    assert.notEqual(wrong.status, 0);
    assert.match(wrong.stdout, /knd/);
    const number = await compile(folder, program.replace("name: 'Acme'", 'name: 12'));
    assert.notEqual(number.status, 0);
});
