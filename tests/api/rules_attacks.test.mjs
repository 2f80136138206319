// Hostile scripts on the real road: saved as rules, set off by a change over HTTP. Those in
// tests/attacks, and those that others wrote down (../shared/lua-attacks, where it lies beside the
// tree). Of those that burn their whole budget a few, chosen by the seed; all with ATRIUM_LONG=1.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { expectStatus } from '../door/expect.mjs';
import { chooseSeed, makeRandom } from '../door/random.mjs';
import { openServer } from '../door/server.mjs';

const isLong = Boolean(process.env.ATRIUM_LONG);
const BURNING = 8; // of a quick run
const random = makeRandom(chooseSeed());
const firms = ['one', 'two', 'three'];

/** The scripts of a folder: {name, source, burns}. */
function scriptsOf(folder) {
    if (!fs.existsSync(folder)) return [];
    return fs
        .readdirSync(folder)
        .filter((name) => name.endsWith('.lua'))
        .sort()
        .map((name) => {
            const source = fs.readFileSync(path.join(folder, name), 'utf8');
            const ends = /^-- ENDS: (.*)$/m.exec(source)?.[1] ?? 'overran';
            return { name, source, burns: ends.includes('overran') };
        });
}

/** All that end soon, and some of the others. */
function choose(scripts) {
    if (isLong) return scripts;
    const burning = scripts.filter((script) => script.burns);
    const chosen = new Set();
    while (chosen.size < Math.min(BURNING, burning.length))
        chosen.add(burning[random.below(burning.length)]);
    return scripts.filter((script) => !script.burns || chosen.has(script));
}

let server;
let number = 0;
const outcomes = {}; // how many ended how
const count = (outcome) => (outcomes[outcome] = (outcomes[outcome] ?? 0) + 1);

const honest = {
    name: 'honest',
    entity: 'client',
    point: 'before',
    state: 'active',
    priority: 900,
    source: `if record.name == "never" then leaked = 1 end
record.business_name = type(leaked) .. tostring(1.5) .. ("a"):upper() .. #today`,
};

before(async () => {
    server = await openServer([...firms, 'quiet']);
    for (const name of [...firms, 'quiet'])
        await server.firms[name].create('rules', honest);
});
after(() => server.close());

/** Saves the script, sets it off, and looks at what is said of it. */
async function attack(firm, script) {
    const target = `Target ${++number}`;
    const saved = await firm.call('POST', 'rules', {
        name: `attack ${number}`,
        entity: 'client',
        point: 'before',
        state: 'active',
        when: { name: target },
        source: script.source,
    });
    assert.ok([201, 422].includes(saved.status), `${script.name}: ${saved.text}`);
    assert.doesNotMatch(saved.text, /0x[0-9a-f]{6}/, script.name);
    if (saved.status === 422) return count('not saved');
    const answer = await firm.call('POST', 'clients', { name: target, kind: 'individual' });
    assert.ok([201, 422].includes(answer.status), `${script.name}: ${answer.text}`);
    assert.doesNotMatch(answer.text, /0x[0-9a-f]{6}/, script.name);
    assert.ok(answer.text.length < 16384, `${script.name} says too much`);
    assert.doesNotMatch(answer.text, /its process stopped/, script.name);
    if (answer.status === 201) count('done');
    else {
        assert.equal(answer.body.type, 'rejected', script.name);
        assert.equal(answer.body.rule.id, saved.body.id, script.name);
        const code = answer.body.errors[0].code;
        assert.ok(['rejected', 'rule_failed', 'rule_overran'].includes(code), script.name);
        count(code);
    }
    await nothingIsLeft(firm, script);
}

/** The next change, of the same firm, is as if nothing had been. */
async function nothingIsLeft(firm, script) {
    const next = await firm.create('clients', { name: `Next ${++number}`, kind: 'individual' });
    assert.equal(next.business_name, 'nil1.5A10', script.name);
}

async function attackAll(scripts) {
    const lanes = firms.map((name, lane) => ({
        firm: server.firms[name],
        scripts: scripts.filter((_, at) => at % firms.length === lane),
    }));
    await Promise.all(
        lanes.map(async ({ firm, scripts: own }) => {
            for (const script of own) await attack(firm, script);
        }),
    );
    const health = await server.send({ method: 'GET', path: '/healthz' });
    assert.equal(expectStatus(health, 200).text.trim(), 'ok');
    await nothingIsLeft(server.firms.quiet, { name: 'a quiet firm' });
}

describe('a hostile script', () => {
    test('of ours ends alone, whatever it is aimed at', async (t) => {
        const scripts = scriptsOf('tests/attacks');
        assert.ok(scripts.length > 60);
        t.diagnostic(`seed ${random.seed}`);
        await attackAll(choose(scripts));
        t.diagnostic(JSON.stringify(outcomes));
        assert.ok(outcomes.rule_overran >= 3 && outcomes.done >= 5, JSON.stringify(outcomes));
    });

    test('that others wrote down ends alone', async (t) => {
        const scripts = scriptsOf('../shared/lua-attacks');
        if (scripts.length === 0) return t.skip('../shared/lua-attacks is not there');
        // Most of them die because a name is absent, so they are quick although nothing says so.
        return attackAll(isLong ? scripts : scripts.map((one) => ({ ...one, burns: false })));
    });
});
