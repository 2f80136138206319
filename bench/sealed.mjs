// What sealed fields cost a reader: a page of 50 clients with an IBAN each beside the same page
// with a text of that length: node bench/sealed.mjs BINARY. Computing time of the server, in turns,
// so that whatever else the machine does counts for both alike.
import fs from 'node:fs';
import path from 'node:path';

process.env.ATRIUM_BINARY = path.resolve(process.argv[2] ?? 'zig-out/release/bin/atrium');
process.env.ATRIUM_UNJUDGED = '1';
const { openServer } = await import('../tests/door/server.mjs');
const { median } = await import('./measure.mjs');

const CLIENTS = 50;
const TURNS = 15;
const REQUESTS = 200;
const TICK_MS = 10; // of /proc/PID/stat

function ibanOf(number) {
    const account = String(number).padStart(18, '0');
    return `DE${String(98 - Number(BigInt(`${account}131400`) % 97n)).padStart(2, '0')}${account}`;
}

const server = await openServer(['acme'], { isUnchecked: true });
try {
    const firm = server.firms.acme;
    for (let number = 0; number < CLIENTS; number++) {
        const iban = ibanOf(number);
        const name = `Client ${number}`;
        const primary_contact = { name: `Contact ${number}` };
        await firm.create('clients', { name, primary_contact, iban, tax_id: iban });
    }
    /** Of a process and all that it began, in ms. */
    const usedBy = (pid) => {
        const words = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
        const children = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
        const own = (Number(words[11]) + Number(words[12])) * TICK_MS;
        return children.filter(Boolean).reduce((sum, child) => sum + usedBy(child), own);
    };
    /** Computing time of the server for one request of this page, in ms. */
    const cost = async (fields, requests) => {
        const used = () => usedBy(server.child.pid);
        const before = used();
        for (let at = 0; at < requests; at++)
            await firm.call('GET', `clients?limit=${CLIENTS}&fields=${fields}`);
        return (used() - before) / requests;
    };
    const pages = { text: 'name,tax_id', sealed: 'name,iban' };
    const times = { text: [], sealed: [] };
    for (let turn = 0; turn < TURNS; turn++)
        for (const [kind, fields] of Object.entries(pages))
            times[kind].push(await cost(fields, REQUESTS));
    const [text, sealed] = [median(times.text), median(times.sealed)];
    process.stdout.write(
        `a page of ${CLIENTS} clients: with a text ${text.toFixed(3)} ms, with an IBAN ` +
            `${sealed.toFixed(3)} ms of computing; ratio ${(sealed / text).toFixed(2)}, ` +
            `${(((sealed - text) * 1000) / CLIENTS).toFixed(1)} µs a value\n`,
    );
} finally {
    await server.close();
}
