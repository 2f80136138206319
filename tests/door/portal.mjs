// The portal's door, as a contact's browser comes through it.
import { expectStatus } from './expect.mjs';

export const contactPassword = 'a horse of the client';

export class Contact {
    constructor(firm, account) {
        this.firm = firm;
        this.account = account;
        this.cookie = '';
        this.csrf = '';
    }

    get host() {
        return portalHost(this.firm);
    }

    /** A request by its session; a path that does not begin with `/` lies below the API. */
    async call(method, where, body, headers = {}) {
        const session = this.cookie === '' ? {} : { cookie: this.cookie };
        const own = method === 'GET' ? {} : { origin: `http://${this.host}` };
        const csrf = method === 'GET' || this.csrf === '' ? {} : { 'x-csrf-token': this.csrf };
        return this.firm.server.send({
            method,
            path: where.startsWith('/') ? where : `/api/v1/${where}`,
            body,
            headers: { host: this.host, ...session, ...own, ...csrf, ...headers },
        });
    }

    /** By password, or by whatever else `given` has. */
    async signIn(given = { email: this.account.email, password: contactPassword }) {
        this.cookie = this.csrf = '';
        const answer = expectStatus(await this.call('POST', 'session', given), 201);
        [this.cookie] = answer.headers['set-cookie'][0].split(';');
        this.csrf = answer.body.csrf;
        return answer.body;
    }

    async get(where) {
        return expectStatus(await this.call('GET', where), 200).body;
    }

    async all(collection, query = '') {
        return (await this.get(`${collection}?limit=200&${query}`)).data;
    }
}

export function portalHost(firm) {
    return `${firm.name}-portal.localhost:${firm.server.port}`;
}

/** A contact of these clients who has signed in, with `right` to each. */
export async function enter(firm, clients, contact, right = 'all') {
    let account;
    for (const client of clients) {
        const links = await firm.all('client_contacts', `client=${client}&contact=${contact}`);
        if (links.length === 0) await firm.create('client_contacts', { client, contact });
        const email = `${contact.slice(-12)}@client.example`;
        const opened = await firm.call('POST', `clients/${client}/enable_portal`, {
            contact,
            email,
            right,
        });
        account = expectStatus(opened, 200).body.portal_account;
    }
    const where = `portal_accounts/${account.id}/password`;
    expectStatus(await firm.call('POST', where, { password: contactPassword }), 204);
    const entered = new Contact(firm, account);
    await entered.signIn();
    return entered;
}
