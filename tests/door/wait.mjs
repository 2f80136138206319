// Waiting for what comes by itself. Nothing that is right takes as long as HANG_MS, not on the
// slowest machine either: the bound is for what never comes, and no test measures a speed by it.

export const HANG_MS = 120_000;

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * What `look` gives, once it is true. `what` is for the one who reads the failure. There is always
 * one look more behind the bound, so that a machine that stood still has not failed by that alone.
 */
export async function until(look, what = String(look), everyMs = 10) {
    const begun = performance.now();
    for (;;) {
        const isLast = performance.now() - begun > HANG_MS;
        const found = await look();
        if (found) return found;
        if (isLast) throw new Error(`it never came to this: ${what}`);
        await pause(everyMs);
    }
}
