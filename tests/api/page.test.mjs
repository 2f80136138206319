// The page at the front door: its files, its types, and what a browser is told about them.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { expectStatus } from '../door/expect.mjs';
import { openServer } from '../door/server.mjs';

let server;
let firm;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
});
after(() => server.close());

const get = (path, headers = {}) =>
    server.send({ method: 'GET', path, headers: { host: firm.host, ...headers } });

test('/ is a page that needs no sign-in and allows no script but its own', async () => {
    const answer = expectStatus(await get('/'), 200);
    assert.match(answer.type, /^text\/html/);
    assert.match(answer.text, /<!doctype html>/i);
    const policy = answer.headers['content-security-policy'] ?? '';
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /script-src 'self'(;|$)/);
    assert.ok(!policy.includes('unsafe'), policy);
    assert.equal(answer.headers['x-content-type-options'], 'nosniff');
});

test('every file that the page names is there, with its type', async () => {
    const { text } = await get('/');
    const named = [...text.matchAll(/<(?:script|link)\b[^>]*(?:src|href)="(\/[^"]+)"/g)].map(
        (found) => found[1],
    );
    assert.ok(
        named.some((name) => name.endsWith('.js')) && named.some((name) => name.endsWith('.css')),
    );
    for (const name of named) {
        const answer = expectStatus(await get(name), 200);
        if (name.endsWith('.js')) assert.match(answer.type, /javascript/);
        if (name.endsWith('.css')) assert.match(answer.type, /^text\/css/);
        assert.ok(answer.text.length > 100, name);
    }
    assert.ok(!/<script>|style=|onclick=/.test(text), 'inline code, which the policy forbids');
});

test('the catalog tells the page what it needs to build lists and forms', async () => {
    const answer = expectStatus(await firm.call('GET', 'schema'), 200);
    const entities = answer.body.entities ?? answer.body.data;
    assert.ok(Array.isArray(entities), answer.text.slice(0, 300));
    const client = entities.find((entity) => entity.plural === 'clients');
    assert.ok(client, 'clients');
    const name = client.fields.find((field) => field.name === 'name');
    assert.equal(name.kind, 'text');
    assert.equal(name.required, true);
    assert.equal(name.list, 1);
    const status = client.fields.find((field) => field.name === 'status');
    assert.equal(status.kind, 'choice');
});

test('the description of the API is OpenAPI 3.1 and names every collection', async () => {
    const answer = expectStatus(await firm.call('GET', 'openapi.json'), 200);
    assert.match(answer.body.openapi, /^3\.1/);
    const paths = Object.keys(answer.body.paths);
    for (const name of ['clients', 'contacts', 'addresses', 'client_contacts', 'users', 'choices'])
        assert.ok(
            paths.some((path) => path.endsWith(`/${name}`)),
            `${name} in ${paths}`,
        );
});
