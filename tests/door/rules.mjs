// Rules that stand for a while, and what comes of them behind a commit.
import { expectStatus } from './expect.mjs';
import { until } from './wait.mjs';

/** Entries of the firm's outbox. */
export async function outboxOf(firm, query = '') {
    const answer = await firm.call('GET', `outbox?${query}`);
    return expectStatus(answer, 200).body.data;
}

/** No rule for settled changes waits any more. */
export const untilSettled = (firm) =>
    until(async () => (await outboxOf(firm, 'kind=settled')).length === 0);

/** An active rule of clients, unless it says otherwise, that stands while `what` runs. */
export async function withRule(firm, rule, what) {
    const made = await firm.create('rules', {
        name: 'A rule',
        entity: 'client',
        state: 'active',
        ...rule,
    });
    try {
        return await what(made);
    } finally {
        expectStatus(await firm.call('PATCH', `rules/${made.id}`, { state: 'off' }), 200);
    }
}
