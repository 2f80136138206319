// Thousands of made-up requests: none ends in an error of the server, none is answered by what the
// document does not describe.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { Document } from '../door/document.mjs';
import { expectStatus } from '../door/expect.mjs';
import { chooseSeed } from '../door/random.mjs';
import { Requests } from '../door/requests.mjs';
import { openServer } from '../door/server.mjs';

const COUNT = process.env.ATRIUM_LONG ? 50_000 : 2_000;
const AT_ONCE = 8;
const BATCH = 250;

let server;
let firm;
before(async () => {
    server = await openServer(['acme']);
    firm = server.firms.acme;
});
after(() => server.close());

/** Ids by the name of their entity, so that references and paths lead somewhere. */
async function gather(document) {
    const ids = {};
    for (const [path, methods] of Object.entries(document.json.paths)) {
        const name = methods.post?.requestBody?.$ref?.match(/([a-z0-9_]+)\.new$/)?.[1];
        if (name === undefined) continue;
        const answer = expectStatus(await firm.call('GET', `${path}?limit=20`), 200);
        ids[name] = answer.body.data.map((record) => record.id);
    }
    return ids;
}

async function gatherSets() {
    const { sets } = expectStatus(await firm.call('GET', 'schema'), 200).body;
    return Object.fromEntries(
        sets.map(({ name, choices }) => [name, choices.map((choice) => choice.value)]),
    );
}

async function readDocument() {
    return Document.of(expectStatus(await firm.call('GET', 'openapi.json'), 200).text);
}

function shown({ method, path, query, headers, type, body }) {
    return JSON.stringify({ method, path, query, headers, type, body }).slice(0, 1500);
}

async function sendOne(request, counts) {
    const { method, path, query, type, body } = request;
    const isRaw = typeof body?.text === 'string' && Object.keys(body).length === 1;
    const bytes = body === undefined || isRaw ? body?.text : JSON.stringify(body);
    const headers = { ...request.headers };
    if (bytes !== undefined && type !== undefined) headers['content-type'] = type;
    let answer;
    try {
        answer = await firm.call(method, query ? `${path}?${query}` : path, bytes, headers);
    } catch (error) {
        throw new Error(`${error.message}\nto ${shown(request)}`);
    }
    assert.ok(answer.status < 500, `${answer.status} ${answer.text}\nto ${shown(request)}`);
    counts[answer.status] = (counts[answer.status] ?? 0) + 1;
}

// Sign-in takes long on purpose, and has tests of its own; a stream of events does not end.
const isLeftOut = ({ path }) => path.endsWith('/session');

test('no request made of the document breaks the server or the document', async (t) => {
    const seed = chooseSeed();
    t.diagnostic(`seed ${seed}: ATRIUM_SEED=${seed} repeats it`);
    await firm.create('clients', { name: 'First', kind: 'individual', tags: ['vip'] });
    const contact = { name: 'A' };
    await firm.create('clients', { name: 'Second', kind: 'company', primary_contact: contact });
    const counts = {};
    for (let begun = 0; begun < COUNT; begun += BATCH) {
        const document = await readDocument();
        const requests = new Requests(document, await gather(document), await gatherSets());
        const queue = fc.sample(requests.any(isLeftOut), { numRuns: BATCH, seed: seed + begun });
        const worker = async () => {
            for (let next = queue.shift(); next; next = queue.shift()) await sendOne(next, counts);
        };
        await Promise.all(Array.from({ length: AT_ONCE }, worker));
    }
    t.diagnostic(`answers by status: ${JSON.stringify(counts)}`);
    const good = Object.entries(counts).filter(([status]) => status < 300);
    const share = good.reduce((sum, [, count]) => sum + count, 0) / COUNT;
    assert.ok(share > 0.15, `only ${share} of the requests were right: nothing is tried`);
    assert.ok((counts[422] ?? 0) > 0 && (counts[400] ?? 0) > 0 && (counts[404] ?? 0) > 0);
});
