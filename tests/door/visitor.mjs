// Somebody at the page: a cookie, its CSRF token, and the origin that a browser would send.
import { expectStatus } from './expect.mjs';

export class Visitor {
    constructor(firm, host = firm.host) {
        Object.assign(this, { firm, host, cookie: undefined, csrf: undefined });
    }

    /** Signs in, which must succeed. `headers`: more of them, with that request alone. */
    static async signIn(firm, email, password, headers = {}, more = {}) {
        const visitor = new Visitor(firm, more.host);
        const body = { email, password, ...more.body };
        visitor.take(await visitor.call('POST', 'session', body, headers), 201);
        return visitor;
    }

    /** Keeps the session that an answer gives. */
    take(answer, status) {
        expectStatus(answer, status);
        this.cookie = answer.headers['set-cookie'][0].split(';')[0];
        this.csrf = answer.body.csrf;
    }

    call(method, path, body, headers = {}) {
        const own = { host: this.host, origin: `http://${this.host}` };
        if (this.cookie) Object.assign(own, { cookie: this.cookie, 'x-csrf-token': this.csrf });
        return this.firm.server.send({
            method,
            path: `/api/v1/${path}`,
            body,
            headers: { ...own, ...headers },
        });
    }

    /** The same request until it is answered so; a few hundred times at most. */
    async callUntil(status, ...request) {
        for (let tries = 0; tries < 300; tries++) {
            const answer = await this.call(...request);
            if (answer.status === status) return answer;
        }
        throw new Error(`never answered ${status}: ${request.slice(0, 2).join(' ')}`);
    }

    /** Gives the password again. */
    async prove(password, more = {}) {
        this.take(await this.call('POST', 'session/proof', { password, ...more }), 200);
    }
}
