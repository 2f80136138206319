// What a list of one's own costs beside one of all: an employee with few of many clients. Of the
// keys that a page touches, which nobody is told who does not see everything, there is a unit test
// (tests/unit/record/rows_plan.c). node bench/scoped.mjs BINARY [CLIENTS]
import { promises as fs } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const isAlone = process.argv[1] === fileURLToPath(import.meta.url);
if (isAlone)
    process.env.ATRIUM_BINARY = path.resolve(process.argv[2] ?? 'zig-out/release/bin/atrium');
process.env.ATRIUM_UNJUDGED = '1';
const { openServer } = await import('../tests/door/server.mjs');
const { join } = await import('../tests/door/people.mjs');
const { Table } = await import('./measure.mjs');

const CLIENTS = Number(process.argv[3] ?? 100_000);
const MINE = 500;
const ROUNDS = 20;

/** How many are shown, and the middle one of some times in milliseconds. */
async function page(firm, query) {
    const times = [];
    let shown = 0;
    for (let round = 0; round < ROUNDS; round++) {
        const begun = performance.now();
        const answer = await firm.call('GET', query);
        times.push(performance.now() - begun);
        if (answer.status !== 200) throw new Error(`${query}: ${answer.status}`);
        shown = answer.body.data.length;
    }
    times.sort((a, b) => a - b);
    return { shown, ms: times[ROUNDS / 2] };
}

export async function measureScoped(table) {
    const server = await openServer(['scoped'], { isUnchecked: true });
    try {
        const firm = server.firms.scoped;
        const employee = await join(firm, 'Eve', 'employee');
        const file = path.join(server.folder, 'clients.csv');
        const every = Math.floor(CLIENTS / MINE);
        const lines = Array.from(
            { length: CLIENTS },
            (_, at) =>
                `Client ${String((at * 7919) % CLIENTS).padStart(6, '0')},company,` +
                (at % every === 0 ? employee.email : ''),
        );
        await fs.writeFile(file, `name,kind,account_manager\n${lines.join('\n')}\n`);
        const words = ['--tenant', 'scoped', '--entity', 'clients', file];
        await server.mustRun(['import', ...words], { timeout: 600_000 });
        const counted = await employee.call('GET', 'clients?limit=1&count=true');
        process.stderr.write(`  ${JSON.stringify(counted.body.count)} are the employee's\n`);
        for (const sort of ['name', '-name', '-updated_at', 'id']) {
            const all = await page(firm, `clients?limit=50&sort=${sort}`);
            const own = await page(employee, `clients?limit=50&sort=${sort}`);
            const ratio = own.ms / all.ms;
            table.add(
                `a page of ${own.shown} of ${MINE} of ${CLIENTS} clients by ${sort}`,
                `${own.ms.toFixed(1)} ms, of all ${all.ms.toFixed(1)} ms`,
                '< 3×',
                ratio < 3 && own.shown === 50,
            );
        }
    } finally {
        await server.close();
    }
}

if (isAlone) {
    const table = new Table();
    await measureScoped(table);
    table.print();
}
