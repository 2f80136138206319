// The table of checks (checks.mjs) is whole, and every test that it names is there.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { root } from '../door/program.mjs';
import { checks } from './checks.mjs';

const COUNT = 88;
const CONNECTS = /\b(?:connect|h2o_socket_connect|getaddrinfo|gethostbyname)\(/;

const named = [
    /\b(?:test|describe)\(\s*(['"`])((?:\\.|(?!\1).)+)\1/g, // through the front door
    /^(TEST)\((\w+)\)/gm, // units
    /^\s+(['"`])(.+)\1,$/gm, // a test whose name stands in a line of its own
];

/** What the tests of a file are called; of a template, as it is written. */
function titles(place) {
    const text = fs.readFileSync(place, 'utf8');
    return named.flatMap((form) => [...text.matchAll(form)].map(([, , title]) => title));
}

test('each check has a test that is there, or says why it has none', () => {
    assert.deepEqual(
        checks.map(({ number }) => number),
        Array.from({ length: COUNT }, (_, at) => at + 1),
    );
    for (const { number, check, tests = [], not } of checks) {
        const told = `${number}, ${check}`;
        assert.ok(tests.length > 0 || not !== undefined, `${told}: neither a test nor a reason`);
        // Beside tests, `not` says which part of the check they leave out.
        if (not !== undefined) assert.match(not, /^\S.{20,}\.$/, told);
        for (const shown of tests) {
            const file = shown.slice(0, shown.indexOf(': '));
            const words = shown.slice(file.length + 2);
            const place = path.join(root, 'tests', file);
            assert.ok(fs.existsSync(place), `${told}: there is no tests/${file}`);
            assert.ok(titles(place).includes(words), `${told}: no test "${words}" in ${file}`);
        }
    }
});

// What connects to an address that somebody names needs the defences of row 64; today nothing does.
test('the server connects nowhere but to its own socket', () => {
    const sources = fs
        .readdirSync(path.join(root, 'server'), { recursive: true })
        .filter((name) => name.endsWith('.c'))
        .map((name) => `server/${name}`);
    assert.ok(sources.length > 100);
    const connecting = sources.filter((name) =>
        CONNECTS.test(fs.readFileSync(path.join(root, name), 'utf8')),
    );
    assert.deepEqual(connecting, ['server/store/control.c']);
    const control = fs.readFileSync(path.join(root, 'server/store/control.c'), 'utf8');
    assert.ok(control.includes('AF_UNIX') && !/AF_INET|AF_UNSPEC/.test(control));
});

// Whoever reads the lists of known faults each month reads them for these.
test('what is linked is what is to be watched, each from a package of Debian', (t) => {
    const sources = {
        'libh2o-evloop': 'h2o',
        libssl: 'openssl',
        libcrypto: 'openssl',
        liboath: 'oath-toolkit',
        liblmdb: 'lmdb',
        libsodium: 'libsodium',
        libutf8proc: 'utf8proc',
        libjansson: 'jansson',
        libzip: 'libzip',
        libexpat: 'expat',
        'liblua5.4': 'lua5.4',
        libseccomp: 'libseccomp',
    };
    const build = fs.readFileSync(path.join(root, 'tests/variant.zig'), 'utf8');
    const linked = [...build.matchAll(/const \w+_libraries = ([^;]+);/g)].flatMap(([, text]) =>
        text.replaceAll(/["+\s]+/g, ' ').trim().split(' '),
    );
    const ofC = ['pthread', 'm'];
    const headersAlone = ['msgpackc']; // All of its code that is used.
    const named = new Set(linked.filter((name) => ![...ofC, ...headersAlone].includes(name)));
    const watched = new Set(Object.keys(sources).map((name) => name.replace(/^lib/, '')));
    assert.deepEqual([...named].sort(), [...watched].sort());
    const words = ['-W', '-f', '${source:Package} ${source:Version}\n'];
    const { stdout } = spawnSync('dpkg-query', words, { encoding: 'utf8' });
    const versions = new Map(stdout.split('\n').map((line) => line.split(' ')));
    for (const source of new Set([...Object.values(sources), 'msgpack-c'])) {
        assert.ok(versions.has(source), `${source} is no installed package`);
        t.diagnostic(`${source} ${versions.get(source)}`);
    }
});
