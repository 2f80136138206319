// What tests say about answers, in words that show the answer when it is another one.
import assert from 'node:assert/strict';

/** The answer has this status (or one of these); gives the answer. */
export function expectStatus(answer, ...statuses) {
    assert.ok(
        statuses.includes(answer.status),
        `expected ${statuses.join(' or ')}, got ${answer.status}: ${answer.text.slice(0, 600)}`,
    );
    return answer;
}

/**
 * The answer is a whole problem document (RFC 9457) of this status, whose text names each of
 * `words`.
 */
export function expectProblem(answer, status, ...words) {
    expectStatus(answer, status);
    assert.match(
        answer.type,
        /^application\/problem\+json/,
        `type of ${answer.text.slice(0, 200)}`,
    );
    const problem = answer.body;
    assert.equal(problem.status, status);
    assert.match(problem.type, /\S/);
    assert.match(problem.title, /\S/);
    assert.match(problem.request_id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-/);
    for (const word of words) {
        const text = JSON.stringify(problem);
        const isThere = word instanceof RegExp ? word.test(text) : text.includes(word);
        assert.ok(isThere, `the problem does not name ${word}: ${text.slice(0, 600)}`);
    }
    return problem;
}

/** 422 whose faults include this field, with this code when one is given. */
export function expectFault(answer, field, code) {
    const problem = expectProblem(answer, 422);
    assert.ok(Array.isArray(problem.errors), `no list of faults: ${answer.text.slice(0, 600)}`);
    const fault = problem.errors.find(
        (item) => item.field === field && (code === undefined || item.code === code),
    );
    assert.ok(fault, `no fault of ${field} ${code ?? ''}: ${JSON.stringify(problem.errors)}`);
    assert.match(fault.message, /\S/);
    return fault;
}

export const uuidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
export const timeForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
