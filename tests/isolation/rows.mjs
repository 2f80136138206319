// Fails the build when a route of the server has no row in routes.mjs, or a row no route, so that a
// call cannot be built before somebody has said who may not ask it.
//
//   node tests/isolation/rows.mjs server/api/routes.c
//
// The table is read as it is written, which costs milliseconds and needs no server. What is not
// written as every row is fails too: each route says what it answers, once.
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { routes } from './routes.mjs';

/** The table's rows as `GET /clients/{id}`, of a source text. */
export function rowsOf(source) {
    const [, table] = /^const struct route routes\[\] = \{\n(.*?)^\};$/ms.exec(source) ?? [];
    if (table === undefined) throw new Error('the table `struct route routes[]` is not there');
    const found = [...table.matchAll(/^ {4}\{METHOD_([A-Z]+),\s+T\("([^"]+)"\),/gm)];
    const [odd] = table.match(/^(?! {4}\{METHOD_| {5}| {4}\/\*|$).*$/m) ?? [];
    const answering = table.match(/\.answers\s*=/g)?.length ?? 0;
    if (odd !== undefined || found.length === 0 || found.length !== answering)
        throw new Error(
            `${found.length} routes begin with {METHOD_…, T("…"), in four columns, ${answering} ` +
                `say what they answer; write each as the others are: ${odd ?? 'none is odd'}`,
        );
    const rest = table.split(/^ {4}\{/m).slice(1);
    return found
        .filter((_, at) => !rest[at].includes('.is_for_the_rest'))
        .map(([, method, pattern]) => `${method} ${pattern.replace(/^\/api\/v1(?=\/)/, '')}`);
}

/** What is wrong between the server's rows and those of the matrix, as lines. */
export function differences(rows, known) {
    const missing = rows.filter((row) => !Object.hasOwn(known, row));
    const left = Object.keys(known).filter((row) => !rows.includes(row));
    return [
        ...missing.map((row) => `${row}: no row in tests/isolation/routes.mjs; add '${row}': KIND`),
        ...(missing.length > 0 ? ['KIND says who may not ask it; the kinds head that file.'] : []),
        ...left.map((row) => `${row}: the server has no such route; remove it from routes.mjs.`),
    ];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    const wrong = differences(rowsOf(fs.readFileSync(process.argv[2], 'utf8')), routes);
    for (const line of wrong) process.stderr.write(`${line}\n`);
    process.exitCode = wrong.length > 0 ? 1 : 0;
}
