// Repeatable choice: one seed, printed by who uses it, gives the same run again.

/** A generator of numbers in [0, 1) from a seed (mulberry32). */
export function makeRandom(seed) {
    let state = seed >>> 0;
    const next = () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
        mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
        return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
    };
    return {
        seed,
        next,
        below: (count) => Math.floor(next() * count),
        pick: (list) => list[Math.floor(next() * list.length)],
    };
}

/** The seed given by the environment, or a new one. */
export function chooseSeed() {
    const given = Number(process.env.ATRIUM_SEED);
    return Number.isInteger(given) && given > 0 ? given : (Date.now() ^ (process.pid << 8)) >>> 0;
}
