// Quotas of a firm, as the operator sets them and its owner sees them.
import assert from 'node:assert/strict';
import { expectProblem, expectStatus } from './expect.mjs';
import { until } from './wait.mjs';

/** `words` as of `--set`; answers what is printed. */
export const setQuotas = async (firm, words) =>
    (await firm.server.mustRun(['tenant', 'quota', firm.name, '--set', words])).out;

/** By name: `{unit, bound, use}`. */
export async function quotasOf(firm) {
    const { data } = expectStatus(await firm.call('GET', 'quotas'), 200).body;
    return Object.fromEntries(data.map((quota) => [quota.name, quota]));
}

/** A refusal by this quota, whole. */
export function expectReached(answer, name, bound) {
    const problem = expectProblem(answer, 429, name, `at most ${bound} `);
    assert.equal(problem.type, 'quota');
    assert.equal(problem.quota.name, name);
    assert.equal(problem.quota.bound, bound);
    assert.ok(Number(answer.headers['retry-after']) >= 1);
    return problem;
}

/** The event that says so in the firm's log, once it lies there. */
export function quotaEvent(firm, name) {
    return until(async () => {
        const { body } = await firm.call('GET', 'audit?kind=quota_reached');
        return body.data.find((event) => event.words.startsWith(name));
    }, `an event of the quota ${name}`);
}
