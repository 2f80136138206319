// The library that makes disk and memory fail, and what it counted. See tests/fault/preload.c.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { compile, root } from './program.mjs';

const names = [
    'syncs',
    'writes',
    'durableWrites',
    'syncCalls',
    'writeCalls',
    'allocations',
    'faults',
];
const SWITCH_AT = 7 * 8;

/** The library in a folder of its own, and places for its files. */
export class Preload {
    constructor() {
        this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'atrium-preload-'));
        this.library = compile(
            path.join(root, 'tests/fault/preload.c'),
            path.join(this.folder, 'preload.so'),
            ['-std=gnu23', '-D_GNU_SOURCE', '-shared', '-fPIC'],
        );
        this.countFile = path.join(this.folder, 'counts');
    }

    /** Settings for a server with these faults; counting begins anew. */
    environment({ fault, shadow } = {}) {
        fs.rmSync(this.countFile, { force: true });
        return {
            LD_PRELOAD: this.library,
            ATRIUM_COUNT_FILE: this.countFile,
            ...(fault ? { ATRIUM_FAULT: fault } : {}),
            ...(shadow ? { ATRIUM_SHADOW: shadow } : {}),
        };
    }

    counts() {
        const bytes = fs.readFileSync(this.countFile);
        const number = (at) => Number(bytes.readBigUInt64LE(at * 8));
        return Object.fromEntries(names.map((name, at) => [name, number(at)]));
    }

    /** For faults with N = 0: from now on, or no longer. */
    turn(isOn) {
        const file = fs.openSync(this.countFile, 'r+');
        const bytes = Buffer.alloc(8);
        bytes.writeBigUInt64LE(isOn ? 1n : 0n);
        fs.writeSync(file, bytes, 0, 8, SWITCH_AT);
        fs.closeSync(file);
    }

    close() {
        fs.rmSync(this.folder, { recursive: true, force: true });
    }
}
