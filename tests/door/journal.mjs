// A journal of acknowledged writes, kept outside the server, and the proof that all of them are
// there.
import assert from 'node:assert/strict';

const RECENT_MAX = 20;

/**
 * Writers of one firm. Each owns the clients that it made, so for each record at most one change is
 * unanswered when the server dies: that one may be there whole or not at all, everything else must
 * be.
 */
export class Journal {
    constructor(firm, random) {
        this.firm = firm;
        this.random = random;
        this.count = 0;
        this.acknowledged = 0;
        // name → {id, note, pendingNote, state: creating, there, deleting or gone}
        this.byName = new Map();
        this.recent = new Map(); // writer → entries
        this.sequence = 0; // of the feed, as far as it was read
    }

    /** What a writer made last; the rest it leaves as it is. */
    recentOf(writer) {
        const made = this.recent.get(writer) ?? [];
        this.recent.set(writer, made.slice(-RECENT_MAX));
        return this.recent.get(writer);
    }

    /** One write by one writer; false when the server did not answer. */
    async write(writer) {
        const own = this.recentOf(writer).filter((entry) => entry.state === 'there');
        const choice = this.random.below(10);
        if (own.length === 0 || choice < 5) return this.create(writer);
        if (choice < 9) return this.change(this.random.pick(own));
        return this.remove(this.random.pick(own));
    }

    async create(writer) {
        const name = `Journal ${writer} ${++this.count}`;
        const entry = { name, writer, state: 'creating', note: 'first', pendingNote: null };
        this.byName.set(name, entry);
        this.recentOf(writer).push(entry);
        const answer = await this.ask('POST', 'clients', {
            name,
            kind: 'company',
            observations: 'first',
            primary_contact: { name: `${name} contact`, emails: [`j${this.count}@j.example`] },
            default_address: { line1: `${name} street`, city: 'Bern', country: 'CH' },
        });
        if (answer === null || answer.status !== 201)
            return this.refused(answer, entry, 'creating');
        entry.id = answer.body.id;
        entry.state = 'there';
        this.acknowledged += 1;
        return true;
    }

    async change(entry) {
        entry.pendingNote = `note ${++this.count}`;
        const answer = await this.ask('PATCH', `clients/${entry.id}`, {
            observations: entry.pendingNote,
        });
        if (answer === null || answer.status !== 200) return this.refused(answer, entry, 'there');
        entry.note = entry.pendingNote;
        entry.pendingNote = null;
        this.acknowledged += 1;
        return true;
    }

    async remove(entry) {
        entry.state = 'deleting';
        const answer = await this.ask('DELETE', `clients/${entry.id}`);
        if (answer === null || answer.status !== 204)
            return this.refused(answer, entry, 'deleting');
        entry.state = 'gone';
        this.acknowledged += 1;
        return true;
    }

    async ask(...request) {
        try {
            return await this.firm.call(...request);
        } catch {
            return null;
        }
    }

    /**
     * A plain refusal must be an honest one: overloaded, full or failed, never a client's mistake.
     */
    refused(answer, entry, state) {
        entry.state = state;
        if (answer === null) return false;
        assert.ok(answer.status >= 500, `${answer.status} ${answer.text.slice(0, 300)}`);
        entry.refusals = (entry.refusals ?? 0) + 1;
        return true;
    }

    /** After a restart: each acknowledged write is there, and nothing is there by half. */
    async verify(place) {
        const { firm } = this;
        const clients = new Map((await firm.all('clients')).map((record) => [record.name, record]));
        const contacts = new Map((await firm.all('contacts')).map((record) => [record.id, record]));
        const addresses = new Map(
            (await firm.all('addresses')).map((record) => [record.id, record]),
        );
        const links = await firm.all('client_contacts');
        const linksOf = new Map(links.map((link) => [link.client, []]));
        for (const link of links) linksOf.get(link.client).push(link);
        for (const entry of this.byName.values()) {
            const record = clients.get(entry.name);
            const where = `${place}, ${firm.name}, ${entry.name} (${entry.state})`;
            if (entry.state === 'there') assert.ok(record, `${where}: lost`);
            if (entry.state === 'gone') assert.equal(record, undefined, `${where}: came back`);
            if (record !== undefined) {
                const allowed = [entry.note, entry.pendingNote].filter((note) => note !== null);
                assert.ok(
                    allowed.includes(record.observations),
                    `${where}: says ${record.observations}, wrote ${allowed}`,
                );
                const contact = contacts.get(record.primary_contact);
                assert.equal(contact?.name, `${entry.name} contact`, `${where}: contact`);
                const address = addresses.get(record.default_address);
                assert.equal(address?.line1, `${entry.name} street`, `${where}: address`);
                assert.equal(address.client, record.id, where);
                const own = linksOf.get(record.id) ?? [];
                assert.deepEqual(
                    own.map((link) => [link.contact, link.is_primary]),
                    [[contact.id, true]],
                    where,
                );
            }
            this.settle(entry, record);
        }
        this.verifyNoHalf(place, clients, contacts, addresses, links);
        await this.verifyFeed(place);
    }

    /** What was unanswered is known now. */
    settle(entry, record) {
        if (record === undefined) {
            if (entry.state === 'creating') this.byName.delete(entry.name);
            else entry.state = 'gone';
            return;
        }
        entry.id = record.id;
        entry.state = 'there';
        entry.note = record.observations;
        entry.pendingNote = null;
    }

    verifyNoHalf(place, clients, contacts, addresses, links) {
        const known = new Set([...clients.values()].map((record) => record.id));
        for (const name of clients.keys()) {
            if (name.startsWith('Journal ')) assert.ok(this.byName.has(name), `${place}: ${name}`);
        }
        for (const address of addresses.values())
            assert.ok(known.has(address.client), `${place}: an address without its client`);
        for (const link of links) {
            assert.ok(known.has(link.client), `${place}: a link without its client`);
            assert.ok(contacts.has(link.contact), `${place}: a link without its contact`);
        }
        for (const contact of contacts.values()) {
            const owner = / contact$/.test(contact.name) && contact.name.slice(0, -8);
            if (owner)
                assert.ok(this.byName.has(owner), `${place}: ${contact.name} without its client`);
        }
    }

    /** Each change once, in order. That nothing is missing between is proven by `atrium check`. */
    async verifyFeed(place) {
        for (;;) {
            const { body } = await this.firm.call('GET', `changes?after=${this.sequence}`);
            for (const { sequence } of body.data) {
                assert.ok(sequence > this.sequence, `${place}: ${sequence} out of order`);
                this.sequence = sequence;
            }
            if (body.end) break;
            this.sequence = Math.max(this.sequence, body.next);
        }
    }
}

/** How many writes of them all were acknowledged. */
export const acknowledgedIn = (journals) =>
    journals.reduce((sum, journal) => sum + journal.acknowledged, 0);

/** Of what is in the change log, but no change of a record. */
export async function auditSequences(firm, after = 0) {
    const found = [];
    for (let next = ''; next !== null; ) {
        const { body } = await firm.call('GET', `audit?limit=200${next && `&after=${next}`}`);
        const sequences = body.data.map((event) => event.sequence);
        found.push(...sequences.filter((sequence) => sequence > after));
        next = found.length > 0 && sequences.at(-1) > after ? body.next : null;
    }
    return found;
}

/** Writers for all journals until `isOver()` says so or the server is gone. */
export async function writeUntil(journals, writerCount, isOver) {
    const writers = journals.flatMap((journal) =>
        Array.from({ length: writerCount }, async (_, writer) => {
            while (!isOver()) {
                if (!(await journal.write(`${journal.firm.name} ${writer}`))) return;
            }
        }),
    );
    await Promise.all(writers);
}
