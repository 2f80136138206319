// Clients and credentials of one firm whose sealed values are known, so that they can be compared
// whatever happens to the keys.
import assert from 'node:assert/strict';
import { expectStatus } from './expect.mjs';
import { password } from './server.mjs';
import { Visitor } from './visitor.mjs';

/** A German IBAN of this number, with its check digits. */
export function ibanOf(number) {
    const account = String(number).padStart(18, '0');
    const rest = Number(BigInt(`${account}131400`) % 97n);
    return `DE${String(98 - rest).padStart(2, '0')}${account}`;
}

export class Vault {
    constructor(firm, random) {
        Object.assign(this, { firm, random, clients: new Map(), secrets: new Map(), next: 1 });
    }

    /** Signs the owner in, who may reveal. */
    async open(count = 0) {
        this.owner = await Visitor.signIn(this.firm, this.firm.owner, password);
        for (let at = 0; at < count; at++) await this.add();
        return this;
    }

    #any(map) {
        const known = [...map].filter(([, value]) => value !== null);
        return known[this.random.below(known.length)];
    }

    async add() {
        const iban = ibanOf(this.next++);
        const name = `Client ${iban}`;
        const primary_contact = { name: `Contact of ${name}` };
        const client = await this.firm.create('clients', { name, iban, primary_contact });
        this.clients.set(client.id, iban);
        const secret = `secret of ${iban}`;
        const made = { client: client.id, platform: 'FTP', secret };
        this.secrets.set((await this.firm.create('credentials', made)).id, secret);
    }

    async change() {
        const [id] = this.#any(this.clients) ?? [];
        if (id === undefined) return;
        const iban = ibanOf(1_000_000 + this.next++);
        this.clients.set(id, null); // until it is answered nobody knows which
        expectStatus(await this.firm.call('PATCH', `clients/${id}`, { iban }), 200);
        this.clients.set(id, iban);
    }

    /** One that is there is read, and found by its value. */
    async read() {
        const [id, iban] = this.#any(this.clients) ?? [];
        if (id === undefined) return;
        const record = await this.firm.get('clients', id);
        if (this.clients.get(id) === iban) assert.equal(record.iban, iban);
        const found = await this.firm.call('GET', `clients?iban=${iban}`);
        if (this.clients.get(id) !== iban) return;
        const ids = expectStatus(found, 200).body.data.map((one) => one.id);
        assert.deepEqual(ids, [id]);
    }

    async reveal([id, secret] = this.#any(this.secrets)) {
        const where = `credentials/${id}/reveal`;
        const shown = await this.owner.call('POST', where, { field: 'secret' });
        assert.equal(expectStatus(shown, 200).body.value, secret);
    }

    /** One of all that may be done, by chance. */
    act() {
        const die = this.random.below(8);
        if (die === 0) return this.add();
        if (die === 1) return this.change();
        return die === 2 ? this.reveal() : this.read();
    }

    /** Everything, one by one. */
    async verify() {
        for (const record of await this.firm.all('clients')) {
            const iban = this.clients.get(record.id);
            if (iban) assert.equal(record.iban, iban);
        }
        for (const one of this.secrets) await this.reveal(one);
    }
}
