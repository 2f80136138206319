// Who may what, said a second time and as simply as it can be: firms, users, roles, teams, and
// records under clients. Nothing is kept that could be worked out; tests/reference/access.test.mjs
// compares every answer of the server with it.

/** The entities that take part: by which field each lies under a client, and its fields. */
export const entities = {
    client: {
        plural: 'clients',
        fields: ['name', 'account_manager', 'observations', 'financial_note'],
        references: { account_manager: 'user' },
        groups: { observations: 'internal', financial_note: 'financials' },
    },
    address: {
        plural: 'addresses',
        under: 'client',
        fields: ['client', 'line1'],
        references: { client: 'client' },
        title: 'line1',
    },
    project: {
        plural: 'projects',
        under: 'client',
        fields: ['client', 'name', 'members', 'description'],
        references: { client: 'client', members: 'user' },
        groups: { description: 'internal' },
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
const all = ['view', 'create', 'edit', 'delete', 'export'];
const everyEntity = (actions) =>
    Object.fromEntries([...Object.keys(entities), 'user', 'team'].map((name) => [name, actions]));

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
        rights: { ...everyEntity(['view']), task: ['view', 'create', 'edit'] },
    },
};

export class Firm {
    users = new Map(); // name → {id, role}
    teams = new Map(); // id → Set of user ids
    roles = new Map(Object.entries(builtIn));
    records = new Map(Object.keys(entities).map((name) => [name, new Map()]));

    all(entity) {
        return this.records.get(entity);
    }

    roleOf(user) {
        return this.roles.get(user.role);
    }

    may(user, entity, action) {
        return (this.roleOf(user).rights[entity] ?? []).includes(action);
    }

    /** The client that a record lies under, or is. */
    clientOf(entity, record) {
        if (entity === 'client') return record;
        const { under } = entities[entity];
        const parent = this.all(under).get(record[under]);
        return parent && this.clientOf(under, parent);
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
        const client = this.clientOf(entity, record);
        if (client === undefined) return false;
        const holders = this.holdersOf(client);
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

    /** The records of an entity that this user is shown. */
    listOf(user, entity) {
        return [...this.all(entity).values()].filter((record) => this.sees(user, entity, record));
    }

    /** Takes away a record and what goes with it. */
    remove(entity, id) {
        this.all(entity).delete(id);
        for (const [name, { under }] of Object.entries(entities))
            if (under === entity)
                for (const [other, record] of [...this.all(name)])
                    if (record[under] === id) this.remove(name, other);
    }
}
