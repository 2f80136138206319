// Checks the page's types, then writes the files of both doors: node web/build.mjs FOLDER
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
const pages = [
    { file: 'index.html', title: 'Atrium', script: 'app.js', source: 'main.ts' },
    { file: 'portal.html', title: 'Portal', script: 'portal.js', source: 'portal.ts' },
];
const frame = fs.readFileSync(path.join(here, 'src/page.html'), 'utf8');
for (const { file, title, script, source } of pages) {
    const page = frame.replace('{title}', title).replace('{script}', script);
    fs.writeFileSync(path.join(folder, file), page);
    await build({
        entryPoints: [path.join(here, 'src', source)],
        outfile: path.join(folder, script),
        bundle: true,
        minify: true,
        format: 'esm',
        target: 'es2022',
        legalComments: 'none',
        logLevel: 'warning',
    });
}
await build({
    entryPoints: [path.join(here, 'src/app.css')],
    outfile: path.join(folder, 'app.css'),
    minify: true,
    logLevel: 'warning',
});

for (const { script } of pages) {
    const bytes = fs.statSync(path.join(folder, script)).size;
    if (bytes <= BUNDLE_BYTES_MAX) continue;
    process.stderr.write(`${script} has ${bytes} bytes; at most ${BUNDLE_BYTES_MAX} are allowed\n`);
    process.exit(1);
}
