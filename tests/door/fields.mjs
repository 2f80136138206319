// Own fields of a firm, made and waited for.
import { expectStatus } from './expect.mjs';

const WAIT_MS = 60_000;

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** The own field once it is built. */
export async function untilReady(firm, id) {
    for (const from = Date.now(); Date.now() - from < WAIT_MS; await sleep(20)) {
        const field = await firm.get('custom_fields', id);
        if (field.state === 'ready') return field;
    }
    throw new Error(`the field ${id} is not ready`);
}

/** Adds an own field and waits until it can be sorted and filtered by. */
export async function addField(firm, field) {
    const answer = expectStatus(await firm.call('POST', 'custom_fields', field), 201);
    return untilReady(firm, answer.body.id);
}
