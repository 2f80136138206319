// Who may what, said a second time and as simply as it can be: firms, users, roles, teams, tokens,
// records under clients, and contacts at the portal. Nothing is kept that could be worked out;
// tests/reference/access.test.mjs compares every answer of the server with it.

/**
 * The entities that take part: by which field each lies under a client, and its fields; what the
 * portal shows of it, and lets a contact change.
 */
export const entities = {
    client: {
        plural: 'clients',
        fields: ['name', 'account_manager', 'observations', 'financial_note'],
        references: { account_manager: 'user' },
        groups: { observations: 'internal', financial_note: 'financials' },
        portal: { shows: ['name'], own: () => true },
    },
    address: {
        plural: 'addresses',
        under: 'client',
        fields: ['client', 'line1'],
        references: { client: 'client' },
        title: 'line1',
        portal: { shows: ['line1'], own: () => false },
    },
    contact: {
        plural: 'contacts',
        fields: ['name', 'title', 'observations'],
        portal: {
            shows: ['name', 'title'],
            edits: ['name'],
            own: (record, contact) => record.id === contact,
        },
    },
    client_contact: {
        plural: 'client_contacts',
        under: 'client',
        fields: ['client', 'contact'],
        references: { client: 'client', contact: 'contact' },
        needs: ['client', 'contact'],
        title: 'client',
    },
    project: {
        plural: 'projects',
        under: 'client',
        fields: ['client', 'name', 'members', 'description'],
        references: { client: 'client', members: 'user' },
        groups: { description: 'internal' },
        needs: ['client', 'name'],
        portal: { shows: ['name'], own: () => false },
    },
    task: {
        plural: 'tasks',
        under: 'project',
        fields: ['project', 'title', 'note'],
        references: { project: 'project' },
        title: 'title',
    },
    share: {
        plural: 'shares',
        under: 'client',
        fields: ['client', 'user', 'team'],
        references: { client: 'client', user: 'user', team: 'team' },
    },
};
/** Those that rights speak of besides. */
export const others = ['user', 'team', 'portal_account', 'portal_right'];

const all = ['view', 'create', 'edit', 'delete', 'export'];
const everyEntity = (actions) =>
    Object.fromEntries([...Object.keys(entities), ...others].map((name) => [name, actions]));

/** Rows 150 to 156 of the features, and what follows for what lies under clients. */
export const builtIn = {
    owner: { rows: ['all'], sees: ['financials', 'internal'], rights: everyEntity(all) },
    pm: {
        rows: ['all'],
        sees: ['financials', 'internal'],
        rights: {
            ...everyEntity(all),
            client: ['view', 'create', 'edit', 'export'],
            user: ['view'],
        },
    },
    employee: {
        rows: ['managed', 'assigned', 'shared'],
        sees: ['internal'],
        rights: {
            ...everyEntity(['view']),
            task: ['view', 'create', 'edit'],
            portal_account: [],
            portal_right: [],
        },
    },
};

/** The rows that both leave. */
function rowsOfBoth(one, other) {
    if (one.includes('all')) return other;
    return other.includes('all') ? one : one.filter((row) => other.includes(row));
}

const both = (one, other) => one.filter((word) => other.includes(word));

export class Firm {
    users = new Map(); // name → {id, role}; with `narrowedBy`, by a token with a role of its own
    tokens = []; // {id, person, role, endsMs, isRevoked}
    teams = new Map(); // id → Set of user ids
    roles = new Map(Object.entries(builtIn));
    readers = new Map(); // name → {after, sight, held}: who reads the changes on and on
    records = new Map(Object.keys(entities).map((name) => [name, new Map()]));

    all(entity) {
        return this.records.get(entity);
    }

    roleOf(user) {
        const role = this.roles.get(user.role);
        if (!user.narrowedBy) return role;
        const other = this.roles.get(user.narrowedBy);
        const rights = Object.entries(role.rights).map(([name, actions]) => [
            name,
            both(actions, other.rights[name] ?? []),
        ]);
        return {
            rows: rowsOfBoth(role.rows, other.rows),
            sees: both(role.sees, other.sees),
            rights: Object.fromEntries(rights),
        };
    }

    may(user, entity, action) {
        return (this.roleOf(user).rights[entity] ?? []).includes(action);
    }

    /** The clients that a record lies under, or is; a contact has many, by what ties it to them. */
    clientsOf(entity, record) {
        if (entity === 'client') return [record];
        if (entity === 'contact') return this.#clientsTiedTo(record.id);
        if (entity === 'portal_right') return [this.all('client').get(record.client)];
        const { under } = entities[entity];
        const parent = this.all(under).get(record[under]);
        return parent ? this.clientsOf(under, parent) : [];
    }

    #clientsTiedTo(contact) {
        return [...this.all('client_contact').values()]
            .filter((link) => link.contact === contact)
            .map((link) => this.all('client').get(link.client));
    }

    /** Who holds a client, and by what. */
    holdersOf(client) {
        const found = [];
        if (client.account_manager) found.push(`managed ${client.account_manager}`);
        for (const share of this.all('share').values())
            if (share.client === client.id) found.push(`shared ${share.user ?? share.team}`);
        for (const project of this.all('project').values())
            if (project.client === client.id)
                for (const member of project.members ?? []) found.push(`assigned ${member}`);
        return found;
    }

    /** As what somebody can hold a client. */
    keysOf(user) {
        const mine = [...this.teams].filter(([, members]) => members.has(user.id));
        return this.roleOf(user).rows.flatMap((row) => [
            `${row} ${user.id}`,
            ...(row === 'shared' ? mine.map(([team]) => `shared ${team}`) : []),
        ]);
    }

    /** Whether the record is among this user's rows. */
    isAmongRows(user, entity, record) {
        const { rows } = this.roleOf(user);
        if (rows.includes('all')) return true;
        if (rows.includes('own') && record.created_by === user.id) return true;
        const holders = this.clientsOf(entity, record).flatMap((client) => this.holdersOf(client));
        return this.keysOf(user).some((key) => holders.includes(key));
    }

    sees(user, entity, record) {
        return this.may(user, entity, 'view') && this.isAmongRows(user, entity, record);
    }

    /** What may be named by a field that refers: users and teams are no client's. */
    seesId(user, entity, id) {
        if (entity === 'user' || entity === 'team') return this.may(user, entity, 'view');
        const record = this.all(entity).get(id);
        return record !== undefined && this.sees(user, entity, record);
    }

    seenFields(user, entity) {
        const { groups = {}, fields } = entities[entity];
        const { sees } = this.roleOf(user);
        return fields.filter((name) => !groups[name] || sees.includes(groups[name]));
    }

    /** The records of an entity that this user is shown; those in the archive must be asked for. */
    listOf(user, entity, isWithArchived = false) {
        return [...this.all(entity).values()].filter(
            (record) =>
                this.sees(user, entity, record) && (isWithArchived || !record.isArchived),
        );
    }

    /** Takes away a record and what goes with it. */
    remove(entity, id) {
        this.all(entity).delete(id);
        for (const [name, { under }] of Object.entries(entities))
            if (under === entity || (entity === 'contact' && name === 'client_contact'))
                for (const [other, record] of [...this.all(name)])
                    if (record[entity] === id) this.remove(name, other);
        for (const account of this.accounts) account.rights.delete(id);
        const account = this.accountOf(id);
        if (account) this.removeAccount(account);
    }

    /* The portal: an account is of a contact, `{id, contact, email, isDisabled, rights, session}`.
     * `rights` leads from clients to `{id, right}`, oldest first; `session` has what it chose. */

    accounts = [];
    ended = []; // sessions of accounts that are no more, or were disabled

    /** Whether the user sees every client that the account leads to, and so may shut it. */
    reaches(user, account) {
        return [...(account?.rights.keys() ?? [])].every((client) =>
            this.isAmongRows(user, 'client', this.all('client').get(client)),
        );
    }

    removeAccount(account) {
        if (account.session) this.ended.push(account.session.visitor);
        this.accounts = this.accounts.filter((other) => other !== account);
    }

    accountOf(contact) {
        return this.accounts.find((account) => account.contact === contact);
    }

    /** The clients that an account may look at, oldest right first. */
    openTo(account) {
        return [...account.rights.keys()].filter((id) => {
            const client = this.all('client').get(id);
            return client.portal_enabled && !client.isArchived;
        });
    }

    /** Whether its contact may come in, and stay. */
    isIn(account) {
        return !account.isDisabled && !this.all('contact').get(account.contact).isArchived;
    }

    /** The one that its session shows: the chosen one, as long as it is open; undefined: none. */
    clientAt(account) {
        const open = this.openTo(account);
        const { chosen } = account.session;
        return open.includes(chosen) ? chosen : open[0];
    }

    /** Whether the contact is shown this record, of what its session shows. */
    portalSees(account, entity, record) {
        const { portal } = entities[entity];
        const client = this.clientAt(account);
        if (!portal || client === undefined) return false;
        if (!this.clientsOf(entity, record).some(({ id }) => id === client)) return false;
        const { right } = account.rights.get(client);
        return right === 'all' || portal.own(record, account.contact);
    }

    portalListOf(account, entity) {
        return [...this.all(entity).values()].filter(
            (record) => this.portalSees(account, entity, record) && !record.isArchived,
        );
    }
}
