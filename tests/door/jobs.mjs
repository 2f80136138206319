// Long work as its caller sees it.
import { expectStatus } from './expect.mjs';
import { until } from './wait.mjs';

export const isOver = (job) => !['queued', 'running'].includes(job.state);

/** The job of a 202, once it is over. */
export async function jobEnded(firm, begun) {
    const { id } = expectStatus(begun, 202).body;
    return until(async () => {
        const job = expectStatus(await firm.call('GET', `jobs/${id}`), 200).body;
        return isOver(job) && job;
    }, `the end of the job ${id}`);
}

/** The lines of a job's results. */
export async function resultsOf(firm, job) {
    const answer = await firm.call('GET', `jobs/${job.id}/results`);
    expectStatus(answer, 200);
    return answer.text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line));
}
