// Own fields of a firm, made and waited for.
import { expectStatus } from './expect.mjs';
import { until } from './wait.mjs';

/** The own field once it is built. */
export function untilReady(firm, id) {
    return until(async () => {
        const field = await firm.get('custom_fields', id);
        return field.state === 'ready' && field;
    }, `the field ${id} is built`);
}

/** Adds an own field and waits until it can be sorted and filtered by. */
export async function addField(firm, field) {
    const answer = expectStatus(await firm.call('POST', 'custom_fields', field), 201);
    return untilReady(firm, answer.body.id);
}
