// A firm filled to the last field: under one client one record of every entity, and a canary
// wherever a value can be a text. Made from what the schema says, so that an entity or a field that
// comes later is filled too.
import { expectStatus } from './expect.mjs';
import { canary } from './watch.mjs';

/** What the schema alone does not tell: records whose texts mean something. */
const special = {
    custom_entity: ({ mark, key }) => ({
        name: `extra_${key}`,
        plural: `extras_${key}`,
        label: mark('label'),
    }),
    custom_field: ({ mark, key }) => ({
        entity: 'contact',
        name: `x_${key}`,
        label: mark('label'),
        kind: 'text',
    }),
    choice: ({ mark }) => ({ set: 'client.tag', value: mark('value'), label: mark('label') }),
    view: ({ mark }) => ({ name: mark('name'), entity: 'client', shared: true }),
    import_mapping: ({ mark }) => ({ name: mark('name'), entity: 'client', map: { Name: 'name' } }),
    role: ({ mark, key }) => ({
        name: `filled_${key}`,
        label: mark('label'),
        rows: ['own'],
        rights: {},
    }),
    rule: ({ mark }) => ({
        name: mark('name'),
        entity: 'contact',
        point: 'before',
        state: 'draft',
        note: mark('note'),
        set: { title: mark('set') },
    }),
    rule_test: ({ mark, made }) => ({
        rule: made.rule,
        name: mark('name'),
        expected: { outcome: 'done' },
    }),
};
/** Made along with others, or by the engine alone. */
const alongWith = new Set(['settings', 'rule_version', 'client_duplicate', 'contact_duplicate']);

const values = {
    text: (mark, field) => mark(field.name).slice(0, field.max ?? 200),
    long_text: (mark, field) => mark(field.name),
    number: () => 1,
    decimal: () => 1,
    money: () => ({ amount: 100, currency: 'EUR' }),
    date: () => '2026-01-31',
    time: () => '2026-01-31T12:00:00.000Z',
    boolean: () => false,
    emails: (mark, field) => [`${mark(field.name)}@filled.example`],
    phones: () => ['+31 20 794 0800'],
    url: (mark, field) => `https://${mark(field.name)}.example/`,
    country: () => 'NL',
    language: () => 'en',
    currency: () => 'EUR',
    timezone: () => 'Europe/Amsterdam',
    sealed: (mark, field) => (field.format === 'iban' ? 'NL91ABNA0417164300' : mark(field.name)),
    secret: (mark, field) => mark(field.name),
};

function valueOf(field, sets, mark, made) {
    if (field.computed || field.system || field.kind === 'object') return undefined;
    if (field.kind === 'reference') return made[field.to];
    if (field.kind === 'references') return made[field.to] && [made[field.to]];
    if (field.kind === 'choice' || field.kind === 'choices') {
        const set = sets.find(({ name }) => name === field.set);
        const first = set?.choices?.[0]?.value ?? (set?.open ? mark(field.name) : undefined);
        if (first === undefined) return undefined;
        return field.kind === 'choices' ? [set.open ? mark(field.name) : first] : first;
    }
    if (field.format === 'email') return `${mark(field.name)}@filled.example`;
    if (field.pattern) return undefined;
    return values[field.kind]?.(mark, field);
}

/** The record of an entity, with a value in every field that takes one. */
function recordOf(entity, sets, key, mark, made) {
    if (special[entity.name]) return special[entity.name]({ key, mark, made });
    const record = {};
    for (const field of entity.fields) {
        const value = valueOf(field, sets, mark, made);
        if (value !== undefined) record[field.name] = value;
    }
    return record;
}

const needs = (entity) =>
    entity.fields.filter(
        (field) => field.to && field.to !== entity.name && !field.computed && !field.through,
    );

/** Entities in an order in which what each refers to stands before it, as far as that goes. */
function ordered(entities) {
    const done = new Set();
    const list = [];
    let left = entities.filter(({ name }) => !alongWith.has(name));
    while (left.length > 0) {
        const isReady = (entity, isStrict) =>
            needs(entity).every(
                ({ to, required }) =>
                    done.has(to) || alongWith.has(to) || (!isStrict && !required),
            );
        const next =
            left.find((entity) => isReady(entity, true)) ??
            left.find((entity) => isReady(entity, false)) ??
            left[0];
        done.add(next.name);
        list.push(next);
        left = left.filter((entity) => entity !== next);
    }
    return list;
}

/** Of fields that exclude each other, the last one is left out. */
async function createWhatFits(firm, plural, record) {
    const rest = { ...record };
    for (;;) {
        const answer = await firm.call('POST', plural, rest);
        if (answer.status === 201) return answer.body;
        const hidden = answer.body?.errors?.filter(({ code }) => code === 'hidden') ?? [];
        if (hidden.length === 0)
            throw new Error(`POST ${plural}: ${answer.status} ${answer.text}`);
        delete rest[hidden.at(-1).field];
    }
}

/**
 * One record of every entity, under one client: `{client: id, contact: id, …}`. The canaries read
 * `canary-FIRM-KEY-ENTITY-FIELD`.
 */
export async function fill(firm, key) {
    const { entities, sets } = expectStatus(await firm.call('GET', 'schema'), 200).body;
    const made = {};
    for (const entity of ordered(entities)) {
        const mark = (field) => canary(firm.name, key, entity.name, field);
        const record = recordOf(entity, sets, key, mark, made);
        const { id } = await createWhatFits(firm, entity.plural, record);
        made[entity.name] = id;
    }
    return made;
}
