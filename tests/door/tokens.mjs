// Tokens that end while somebody looks on.
import { expectStatus } from './expect.mjs';
import { pause } from './wait.mjs';

const BRIEF_MS = 500;

/**
 * A token that ends soon, with `endMs`. `make(body)` asks for it; where that takes so long that it
 * would be over already, for one that ends a little later.
 */
export async function makeBrief(make) {
    for (let lifeMs = BRIEF_MS; ; lifeMs *= 2) {
        const endMs = Date.now() + lifeMs;
        const answer = await make({ name: 'Brief', expires_at: new Date(endMs).toISOString() });
        if (answer.status === 422 && Date.now() >= endMs) continue;
        return { ...expectStatus(answer, 201).body, endMs };
    }
}

/** Until its time is past, by the clock that the server reads too. */
export async function untilPast({ endMs }) {
    while (Date.now() <= endMs) await pause(endMs + 1 - Date.now());
}
