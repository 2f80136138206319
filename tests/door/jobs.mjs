// Long work as its caller sees it.
import { expectStatus } from './expect.mjs';

const LOOKS_MAX = 3000;

/** The job of a 202, once it is over. */
export async function jobEnded(firm, begun) {
    expectStatus(begun, 202);
    for (let looks = 0; looks < LOOKS_MAX; looks++) {
        const answer = await firm.call('GET', `jobs/${begun.body.id}`);
        expectStatus(answer, 200);
        if (!['queued', 'running'].includes(answer.body.state)) return answer.body;
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`the job ${begun.body.id} never ended`);
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
