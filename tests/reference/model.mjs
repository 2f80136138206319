// What a firm's records should be, told a second time: in another language, from the contract
// alone, without a thought for speed. Rules of entities come from the catalog that the server
// shows; the two flags (primary contact, default address) stand here as data.

const flags = {
    client_contact: {
        flag: 'is_primary',
        of: 'client',
        target: 'contact',
        field: 'primary_contact',
    },
    address: { flag: 'is_default', of: 'client', target: 'id', field: 'default_address' },
};
const needed = { client: ['primary_contact'] };

export class Refused extends Error {
    constructor(status, why) {
        super(why);
        this.status = status;
    }
}

const copy = (value) => structuredClone(value);

export class Model {
    /** `catalog`: what GET /schema says; `actor`: who does everything. */
    constructor(catalog, actor) {
        this.actor = actor;
        this.entities = new Map(catalog.entities.map((entity) => [entity.name, entity]));
        this.sets = new Map(catalog.sets.map((set) => [set.name, set]));
        this.records = new Map(catalog.entities.map(({ name }) => [name, new Map()]));
        this.touched = new Map();
        this.computed = {};
    }

    all(entity) {
        return this.records.get(entity);
    }

    get(entity, id) {
        const found = this.all(entity).get(id);
        if (found === undefined) throw new Refused(404, `${entity} ${id}`);
        return found;
    }

    /**
     * Does a deed whole or not at all. Gives what `deed` gives, and which records were touched:
     * by somebody, or by the engine alone.
     */
    change(deed) {
        const before = this.records;
        this.records = new Map(
            [...before].map(([name, list]) => [
                name,
                new Map([...list].map(([id, record]) => [id, { ...record }])),
            ]),
        );
        this.touched = new Map();
        try {
            const done = deed();
            this.#compute();
            return done;
        } catch (error) {
            this.records = before;
            this.touched = new Map();
            throw error;
        }
    }

    /** Fields that follow from others: `computed` names them and says how, by entity. */
    #compute() {
        for (const [entity, fields] of Object.entries(this.computed))
            for (const record of this.all(entity).values())
                for (const [name, formula] of Object.entries(fields)) {
                    const value = formula(record, this);
                    if (value === record[name]) continue;
                    record[name] = value;
                    this.#touch(entity, record.id, false);
                }
    }

    #touch(entity, id, isByActor) {
        const key = `${entity} ${id}`;
        this.touched.set(key, {
            entity,
            id,
            isByActor: isByActor || this.touched.get(key)?.isByActor === true,
        });
    }

    /** As it is stored: lists are lists, a bare e-mail is an entry, nothing is null. */
    #value(field, given) {
        if (given === null || given === undefined || given === '') return field.many ? [] : null;
        if (!field.many) return given;
        const list = [given].flat();
        if (field.kind !== 'emails' && field.kind !== 'phones') return [...new Set(list)];
        const entries = list.map((item) =>
            typeof item === 'string'
                ? { value: item, label: null, primary: false }
                : { value: item.value, label: item.label ?? null, primary: item.primary === true },
        );
        const hasPrimary = entries.some((entry) => entry.primary);
        if (entries.length > 0 && !hasPrimary) entries[0].primary = true;
        return entries;
    }

    #judge(entity, record) {
        for (const field of entity.fields) {
            const value = record[field.name];
            const isMissing = value === null || (Array.isArray(value) && value.length === 0);
            if (field.required && isMissing) throw new Refused(422, `${field.name} is required`);
            const set = field.set && this.sets.get(field.set);
            if (!set || set.open || isMissing) continue;
            const values = set.choices.filter((one) => !one.inactive).map((one) => one.value);
            for (const item of [value].flat())
                if (!values.includes(item)) throw new Refused(422, `${field.name}: ${item}`);
        }
        for (const field of entity.fields.filter((one) => one.unique))
            for (const other of this.all(entity.name).values()) {
                const [a, b] = [other, record].map((one) => one[field.name]?.toLowerCase());
                if (other.id !== record.id && record[field.name] !== null && a === b)
                    throw new Refused(422, `${field.name} is taken`);
            }
    }

    /** Records that are made along get their ids from the answer: `learn(entity, record)`. */
    create(name, id, given, learn) {
        const entity = this.entities.get(name);
        const record = { id };
        const made = [];
        for (const field of entity.fields) {
            if (field.computed) continue;
            let value = given[field.name];
            if (value !== null && typeof value === 'object' && field.kind === 'reference') {
                made.push([field, value]);
                value = null;
            }
            const initial = field.default === undefined ? null : field.default;
            record[field.name] = this.#value(field, value === undefined ? initial : value);
        }
        for (const field of entity.fields.filter((one) => one.computed)) record[field.name] = null;
        record.created_by = this.actor;
        record.updated_by = this.actor;
        record.incomplete = [];
        const linked = this.#takeLinked(name, record, made);
        this.#judgeReferences(entity, record);
        this.all(name).set(id, record);
        this.#touch(name, id, true);
        this.#link(name, record, linked, learn);
        this.#settleAfter(name, record, {});
        this.#judge(entity, record);
        return record;
    }

    #judgeReferences(entity, record) {
        for (const field of entity.fields) {
            if (field.kind !== 'reference' || field.computed) continue;
            const id = record[field.name];
            if (id !== null && !this.all(field.to).has(id))
                throw new Refused(422, `${field.name} leads nowhere`);
        }
    }

    /** References that follow a flag are not stored as given: a link is made or flagged. */
    #takeLinked(name, record, made) {
        const linked = [];
        for (const [link, rule] of Object.entries(flags)) {
            if (rule.of !== name) continue;
            const nested = made.find(([field]) => field.name === rule.field);
            const given = nested === undefined ? record[rule.field] : nested[1];
            record[rule.field] = null;
            if (given !== null) linked.push({ link, rule, given });
            else if (rule.field === 'primary_contact' && record.kind === 'individual') {
                const { name: title, emails, phones } = record;
                linked.push({ link, rule, given: { name: title, emails, phones } });
            }
        }
        return linked;
    }

    #link(name, record, linked, learn) {
        for (const { link, rule, given } of linked) {
            let target = given;
            if (typeof given === 'object') {
                const to = rule.target === 'id' ? link : rule.target;
                const own = { [rule.of]: record.id, [rule.flag]: true };
                const more = rule.target === 'id' ? own : {};
                target = learn(to, { ...given, ...more }, record);
                this.create(to, target, { ...given, ...more }, learn);
                if (rule.target === 'id') continue;
            } else if (rule.target === 'id') {
                const own = this.all(link).get(target);
                if (own?.[rule.of] !== record.id) throw new Refused(422, `${rule.field}: not its`);
            } else if (!this.all(rule.target).has(target)) {
                throw new Refused(422, `${rule.field} leads nowhere`);
            }
            const found = [...this.all(link).values()]
                .filter((one) => one[rule.of] === record.id && one[rule.target] === target)
                .sort((a, b) => (a.id < b.id ? -1 : 1))[0];
            if (found !== undefined) {
                this.patch(link, found.id, { [rule.flag]: true }, learn);
                continue;
            }
            const fields = { [rule.of]: record.id, [rule.target]: target, [rule.flag]: true };
            this.create(link, learn(link, fields, record), fields, learn);
        }
    }

    /** Exactly one of those that lie under a record carries the flag, and the record follows it. */
    #settle(link, parentId, preferred) {
        const rule = flags[link];
        const parent = this.all(rule.of).get(parentId);
        if (parent === undefined) return;
        const beside = [...this.all(link).values()]
            .filter((one) => one[rule.of] === parentId)
            .sort((a, b) => (a.id < b.id ? -1 : 1));
        const winner =
            beside.find((one) => one.id === preferred) ??
            beside.find((one) => one[rule.flag]) ??
            beside[0];
        for (const one of beside) {
            if (one[rule.flag] === (one === winner)) continue;
            one[rule.flag] = one === winner;
            this.#touch(link, one.id, false);
        }
        const follows = winner === undefined ? null : winner[rule.target];
        if (follows === null && (needed[rule.of] ?? []).includes(rule.field))
            throw new Refused(409, `${rule.field} would be lost`);
        if (parent[rule.field] === follows) return;
        parent[rule.field] = follows;
        this.#touch(rule.of, parentId, false);
    }

    #settleAfter(name, record, before) {
        const rule = flags[name];
        if (rule === undefined) return;
        if (before[rule.of] !== undefined && before[rule.of] !== record[rule.of])
            this.#settle(name, before[rule.of]);
        this.#settle(name, record[rule.of], record[rule.flag] ? record.id : undefined);
    }

    patch(name, id, given, learn) {
        const entity = this.entities.get(name);
        const record = this.get(name, id);
        const before = copy(record);
        const made = [];
        let linked = [];
        for (const [key, value] of Object.entries(given)) {
            const field = entity.fields.find((one) => one.name === key);
            const rule = Object.values(flags).find((one) => one.of === name && one.field === key);
            if (rule !== undefined) {
                made.push([field, value]);
                continue;
            }
            record[key] = this.#patched(field, record[key], value);
        }
        for (const [field, value] of made) {
            const [link, rule] = Object.entries(flags).find(([, one]) => one.field === field.name);
            if (value === null) throw new Refused(422, `${field.name} cannot be cleared`);
            linked.push({ link, rule, given: value });
        }
        linked = linked.filter(({ rule, given: target }) => target !== before[rule.field]);
        const rule = flags[name];
        const isTakenAway = rule && before[rule.flag] && !record[rule.flag];
        if (isTakenAway && before[rule.of] === record[rule.of])
            throw new Refused(422, `${rule.flag} cannot be taken away`);
        this.#judgeReferences(entity, record);
        this.#judge(entity, record);
        if (JSON.stringify(before) !== JSON.stringify(record)) {
            record.updated_by = this.actor;
            this.#touch(name, id, true);
        }
        if (linked.length > 0) this.#touch(name, id, true);
        this.#link(name, record, linked, learn);
        if (rule && this.touched.has(`${name} ${id}`)) this.#settleAfter(name, record, before);
        return record;
    }

    #patched(field, present, value) {
        const isPatch = value !== null && typeof value === 'object' && !Array.isArray(value);
        if (!field.many || !isPatch) return this.#value(field, value);
        const key = (item) => (typeof item === 'object' ? item.value : item).toLowerCase();
        const gone = this.#value(field, value.$remove ?? []).map(key);
        const list = copy(present).filter((item) => !gone.includes(key(item)));
        for (const item of this.#value(field, value.$add ?? []))
            if (!list.some((one) => key(one) === key(item)))
                list.push(typeof item === 'object' ? { ...item, primary: !list.length } : item);
        if (list.length > 0 && typeof list[0] === 'object' && !list.some((one) => one.primary))
            list[0].primary = true;
        return list;
    }

    /** Puts it away, or brings it back (`at` null). */
    archive(name, id, at) {
        const record = this.get(name, id);
        if ((record.archived_at === null) === (at === null)) throw new Refused(409, 'it is so');
        record.archived_at = at;
        record.updated_by = this.actor;
        this.#touch(name, id, true);
    }

    /** With what refers to it by a reference that cascades; refused where one restricts. */
    delete(name, id) {
        this.get(name, id);
        const going = new Map([[`${name} ${id}`, { name, id }]]);
        for (const { name: to, id: target } of going.values())
            for (const [from, field] of this.#referrers(to))
                for (const record of this.all(from).values()) {
                    if (record[field.name] !== target && !record[field.name]?.includes?.(target))
                        continue;
                    if (field.on_delete === 'cascade')
                        going.set(`${from} ${record.id}`, { name: from, id: record.id });
                }
        for (const { name: to, id: target } of going.values())
            for (const [from, field] of this.#referrers(to)) {
                if (field.on_delete === 'cascade') continue;
                for (const record of this.all(from).values()) {
                    if (going.has(`${from} ${record.id}`)) continue;
                    if (record[field.name] !== target) continue;
                    if (field.on_delete === 'restrict') throw new Refused(409, `${from} refers`);
                    record[field.name] = null;
                    this.#touch(from, record.id, false);
                }
            }
        const parents = [];
        for (const { name: gone, id: target } of going.values()) {
            const rule = flags[gone];
            if (rule) parents.push([gone, this.all(gone).get(target)[rule.of]]);
            this.all(gone).delete(target);
            this.#touch(gone, target, true);
        }
        for (const [link, parent] of parents) this.#settle(link, parent);
    }

    /** Fields of any entity that lead to this one and are stored there. */
    #referrers(to) {
        return [...this.entities.values()].flatMap((entity) =>
            entity.fields
                .filter((field) => field.to === to && !field.system && !field.computed)
                .filter((field) => !Object.values(flags).some((rule) => rule.field === field.name))
                .map((field) => [entity.name, field]),
        );
    }

    /* Queries. */

    #holds(record, name, op, wanted) {
        const field = name;
        const values = [record[field]]
            .flat()
            .filter((value) => value !== null && value !== undefined)
            .map((value) => (typeof value === 'object' ? value.value : value));
        const folded = (value) => (typeof value === 'string' ? value.toLowerCase() : value);
        const has = (test) => values.some((value) => test(folded(value)));
        const first = folded(wanted);
        switch (op) {
            case 'eq':
                return [wanted].flat().some((one) => has((value) => value === folded(one)));
            case 'ne':
                return ![wanted].flat().some((one) => has((value) => value === folded(one)));
            case 'empty':
                return (values.length === 0) === wanted;
            case 'prefix':
                return has((value) => value.startsWith(first));
            case 'gt':
                return has((value) => value > first);
            case 'gte':
                return has((value) => value >= first);
            case 'lt':
                return has((value) => value < first);
            case 'lte':
                return has((value) => value <= first);
            default:
                throw new Error(op);
        }
    }

    /** Those that lists show. */
    shown(name) {
        return [...this.all(name).values()].filter((record) => record.archived_at === null);
    }

    /** Records for which every condition holds: `[field, operation, wanted]`. */
    find(name, conditions) {
        return this.shown(name).filter((record) =>
            conditions.every(([field, op, wanted]) => this.#holds(record, field, op, wanted)),
        );
    }

    /** Whether a tree of conditions holds. */
    fits(record, tree) {
        if (tree.and) return tree.and.every((one) => this.fits(record, one));
        if (tree.or) return tree.or.some((one) => this.fits(record, one));
        if (tree.not) return !this.fits(record, tree.not);
        return Object.entries(tree).every(([field, given]) => {
            if (given === null || typeof given !== 'object' || Array.isArray(given))
                return this.#holds(record, field, 'eq', given);
            return Object.entries(given).every(([op, wanted]) =>
                this.#holds(record, field, op, wanted),
            );
        });
    }
}
