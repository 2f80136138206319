// The portal's door, as a contact's browser comes through it.
import { expectStatus } from './expect.mjs';
import { Visitor } from './visitor.mjs';

export const contactPassword = 'a horse of the client';

export class Contact extends Visitor {
    constructor(firm, account) {
        super(firm, portalHost(firm));
        this.account = account;
    }

    /** By password, or by whatever else `given` has. */
    async signIn(given = { email: this.account.email, password: contactPassword }) {
        this.cookie = this.csrf = undefined;
        const answer = await this.call('POST', 'session', given);
        this.take(answer, 201);
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
