// Checks the page's types, then writes index.html, app.js and app.css: node web/build.mjs FOLDER
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const BUNDLE_BYTES_MAX = 100 * 1024;

const here = path.dirname(fileURLToPath(import.meta.url));
const folder = process.argv[2];
if (!folder) {
    process.stderr.write('usage: node web/build.mjs FOLDER\n');
    process.exit(2);
}

const checker = path.join(here, '../node_modules/.bin/tsc');
const checked = spawnSync(checker, ['--project', here, '--pretty', 'false'], { stdio: 'inherit' });
if (checked.status !== 0) process.exit(checked.status ?? 1);

fs.mkdirSync(folder, { recursive: true });
await build({
    entryPoints: [path.join(here, 'src/main.ts')],
    outfile: path.join(folder, 'app.js'),
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    legalComments: 'none',
    logLevel: 'warning',
});
await build({
    entryPoints: [path.join(here, 'src/app.css')],
    outfile: path.join(folder, 'app.css'),
    minify: true,
    logLevel: 'warning',
});
fs.copyFileSync(path.join(here, 'src/index.html'), path.join(folder, 'index.html'));

const bytes = fs.statSync(path.join(folder, 'app.js')).size;
if (bytes > BUNDLE_BYTES_MAX) {
    process.stderr.write(`app.js has ${bytes} bytes; at most ${BUNDLE_BYTES_MAX} are allowed\n`);
    process.exit(1);
}
