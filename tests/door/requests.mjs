// Requests made up from an OpenAPI document: right ones, nearly right ones, and hostile ones.
import fc from 'fast-check';

/** Texts that have broken servers. */
const hostile = [
    '',
    ' ',
    '\u0000',
    '\u001f',
    '\u202e',
    'a\u0301',
    '😀'.repeat(60),
    '\ufeffx',
    'x'.repeat(5000),
    '../../etc/passwd',
    '%00',
    '%',
    "' OR 1=1 --",
    '<script>',
    '{"and":[]}',
    '{"and":[{"not":{"or":[]}}]}',
    '[]',
    '[gte]',
    ',,,',
    ';',
    '-',
    '-0',
    '1e999',
    'NaN',
    'null',
    'true',
    '9223372036854775807',
    '9223372036854775808',
    '18446744073709551616',
    '2026-02-30',
    '9999-12-31T23:59:59.999Z',
    '-99999-01-01',
    '00000000-0000-0000-0000-000000000000',
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
    '"1.1"',
    'W/"*"',
    '*',
];
const numbers = [0, -0, 1, -1, 0.1, 1e-7, 2 ** 31, 2 ** 53, -(2 ** 63), 2 ** 64, 1e308];

const anyText = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...hostile) },
    { weight: 2, arbitrary: fc.string({ maxLength: 30 }) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) },
);
const anyJson = fc.oneof(
    anyText,
    fc.constantFrom(...numbers),
    fc.constantFrom(null, true, false, [], {}, [[[[[[]]]]]], { $add: null }, { $add: [{}] }),
    fc.jsonValue({ maxDepth: 3 }),
);

export class Requests {
    /** `ids`: of records that are there, by entity; `sets`: values of choices, by set. */
    constructor(document, ids, sets) {
        this.document = document;
        this.ids = ids;
        this.sets = sets;
        this.calls = Object.entries(document.json.paths).flatMap(([path, methods]) =>
            Object.entries(methods).map(([method, call]) => ({ path, method, call })),
        );
    }

    #anId() {
        const all = Object.values(this.ids).flat();
        return all.length === 0 ? fc.uuid() : fc.oneof(fc.constantFrom(...all), fc.uuid());
    }

    /** Values that a schema describes, often; formats are kept. */
    valid(given, depth = 0) {
        const schema = this.document.resolve(given);
        if (schema === undefined || schema === true || depth > 4) return fc.constant(null);
        if (schema.const !== undefined) return fc.constant(schema.const);
        if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
        const ways = schema.anyOf ?? schema.oneOf;
        const choices = this.sets[schema['x-set']];
        if (choices?.length > 0)
            return ways[0].type === 'array'
                ? fc.subarray(choices, { maxLength: Math.min(2, choices.length) })
                : fc.constantFrom(...choices);
        if (ways !== undefined) {
            const own = this.ids[schema['x-to']];
            if (own?.length > 0)
                return fc.oneof(fc.constantFrom(...own), this.valid(ways.at(-1), depth + 1));
            return fc.oneof(...ways.map((way) => this.valid(way, depth + 1)));
        }
        const types = [schema.type].flat();
        return fc.oneof(...types.map((type) => this.#ofType(type, schema, depth)));
    }

    #ofType(type, schema, depth) {
        switch (type) {
            case 'null':
                return fc.constant(null);
            case 'boolean':
                return fc.boolean();
            case 'integer':
                return fc.integer({ min: schema.minimum ?? -1000, max: schema.maximum ?? 100000 });
            case 'number':
                return fc.constantFrom(0, 1, 12.5, -3, 1000);
            case 'array':
                return fc.array(this.valid(schema.items, depth + 1), { maxLength: 3 });
            case 'object':
                return this.#object(schema, depth);
            default:
                return this.#text(schema);
        }
    }

    #text(schema) {
        switch (schema.format) {
            case 'uuid':
                return this.#anId();
            case 'date':
                return fc.constantFrom('2026-01-31', '1970-01-01', '2400-02-29');
            case 'date-time':
                return fc.constantFrom('2026-01-31T12:00:00.000Z', '1969-12-31T23:59:59.999Z');
            case 'email':
                return fc.constantFrom('a@b.example', 'Ann.Lee@firm.example');
            case 'uri':
                return fc.constantFrom('https://firm.example/', 'http://a.b.example/x?y=z#w');
            default:
                break;
        }
        if (schema.pattern === '^[A-Z]{3}$') return fc.constantFrom('EUR', 'USD', 'JPY');
        if (schema.pattern === '^[A-Z]{2}$') return fc.constantFrom('NL', 'DE', 'AT');
        return fc.oneof(
            fc.constantFrom('Acme', 'vip', 'active', 'company', 'x_one', 'client', 'name'),
            fc.string({ maxLength: 20 }),
        );
    }

    #object(schema, depth) {
        const properties = Object.entries(schema.properties ?? {});
        if (properties.length === 0) return fc.dictionary(fc.string({ maxLength: 5 }), anyJson);
        const required = schema.required ?? [];
        const shape = {};
        for (const [name, value] of properties)
            if (required.includes(name) || depth < 3) shape[name] = this.valid(value, depth + 1);
        // A few of many: each alone must work, all at once hardly ever does.
        const names = Object.keys(shape).filter((name) => !required.includes(name));
        return fc
            .subarray(names, { maxLength: Math.min(names.length, 4) })
            .chain((chosen) =>
                fc.record(
                    Object.fromEntries(
                        [...required, ...chosen]
                            .filter((name) => shape[name] !== undefined)
                            .map((name) => [name, shape[name]]),
                    ),
                ),
            );
    }

    /** A body by its schema, then perhaps spoilt in one place. */
    #body(schema) {
        const resolved = this.document.resolve(schema);
        const names = Object.keys(resolved?.properties ?? {});
        const right = this.valid(schema);
        if (names.length === 0) return fc.oneof(right, anyJson);
        const spoilt = fc
            .tuple(right, fc.constantFrom(...names, 'surprise', '', '__proto__'), anyJson)
            .map(([body, name, value]) =>
                body === null || typeof body !== 'object'
                    ? body
                    : Object.defineProperty({ ...body }, name, {
                          value,
                          enumerable: true,
                          configurable: true,
                      }),
            );
        return fc.oneof(
            { weight: 5, arbitrary: right },
            { weight: 5, arbitrary: spoilt },
            { weight: 1, arbitrary: anyJson },
        );
    }

    #rawBody(type) {
        return fc.constantFrom(
            '',
            '{',
            '[1,]',
            '{"a":1,"a":2}',
            '"\\ud800"',
            '\u0000',
            '['.repeat(2000),
            `{"name":"${'y'.repeat(70_000)}"}`,
            type,
        );
    }

    #query(call) {
        const described = (call.parameters ?? [])
            .map((one) => this.document.resolve(one))
            .filter((one) => one.in === 'query');
        const right = described.map((one) =>
            fc.tuple(fc.constant(one.name), this.#parameter(one)),
        );
        const wrong = [fc.tuple(anyText, anyText)];
        for (const one of described) wrong.push(fc.tuple(fc.constant(one.name), anyText));
        const fields = described.map((one) => one.name.replace(/\[.*/, ''));
        const few = { maxLength: Math.min(3, fields.length) };
        wrong.push(fc.subarray(fields, few).map((list) => ['sort', list.join(',-')]));
        const of = (pairs) => fc.array(fc.oneof(...pairs), { maxLength: 3 });
        return fc
            .oneof(
                { weight: 4, arbitrary: fc.constant([]) },
                { weight: 4, arbitrary: right.length === 0 ? fc.constant([]) : of(right) },
                { weight: 3, arbitrary: of(wrong) },
            )
            .map((list) =>
                list
                    .flatMap(([name, value]) => [value].flat().map((item) => [name, item]))
                    .map((pair) => pair.map((part) => encodeURIComponent(wellFormed(part))))
                    .map((pair) => pair.join('='))
                    .join('&'),
            );
    }

    /** A value that a parameter may have: by its name where its schema says only `string`. */
    #parameter(one) {
        if (one.name === 'filter') return this.#tree().map((tree) => JSON.stringify(tree));
        if (one.name === 'sort') return fc.constantFrom('-created_at', 'created_at', 'updated_at');
        if (one.name === 'fields') return fc.constantFrom('created_at', 'id,updated_at');
        if (one.name === 'expand') return fc.constantFrom('created_by', 'updated_by');
        if (/(_at|_by)\b/.test(one.name) && !one.name.endsWith('[empty]'))
            return one.name.includes('_by')
                ? this.#anId()
                : fc.constantFrom('2026-01-31T12:00:00.000Z');
        return this.valid(one.schema).map((value) => [value].flat().map(String));
    }

    /** A tree of conditions over fields that may be there. */
    #tree() {
        const names = fc.constantFrom('name', 'status', 'tags', 'created_at', 'nothing', 'revenue');
        const word = fc.constantFrom('eq', 'ne', 'gt', 'lte', 'prefix', 'empty', 'in', 'like');
        return fc.letrec((tie) => ({
            leaf: fc.oneof(
                fc.tuple(names, anyJson).map(([name, value]) => ({ [name]: value })),
                fc
                    .tuple(names, word, anyJson)
                    .map(([name, op, value]) => ({ [name]: { [op]: value } })),
            ),
            tree: fc.oneof(
                { depthSize: 'small', withCrossShrink: false },
                tie('leaf'),
                fc.array(tie('tree'), { maxLength: 3 }).map((list) => ({ and: list })),
                fc.array(tie('tree'), { maxLength: 3 }).map((list) => ({ or: list })),
                tie('tree').map((tree) => ({ not: tree })),
            ),
        })).tree;
    }

    #headers(call) {
        const described = (call.parameters ?? [])
            .map((one) => this.document.resolve(one))
            .filter((one) => one.in === 'header');
        const values = fc.constantFrom('"1.1"', '"0.0"', '*', 'W/"1.1"', '""', '"', 'x', '"1.1", ');
        const parts = {};
        for (const one of described) parts[one.name] = values;
        return fc.record(parts, { requiredKeys: [] });
    }

    #path(path) {
        const entity = path.split('/')[3];
        const own = this.ids[this.#singular(entity)] ?? [];
        const right = own.length > 0 ? fc.constantFrom(...own) : this.#anId();
        const wrong = fc.oneof(this.#anId(), anyText.map((text) => wellFormed(text)));
        const hole = fc.oneof({ weight: 4, arbitrary: right }, { weight: 1, arbitrary: wrong });
        const count = path.split('{').length - 1;
        return fc.array(hole, { minLength: count, maxLength: count }).map((values) => {
            let at = 0;
            return path.replace(/\{[^}]+\}/g, () => encodeURIComponent(values[at++]));
        });
    }

    #singular(collection) {
        return Object.keys(this.ids).find((name) =>
            this.document.json.paths[`/api/v1/${collection}`]?.post?.requestBody?.$ref?.endsWith(
                `/${name}.new`,
            ),
        );
    }

    /** One request of any call, but those that `isLeftOut` names. */
    any(isLeftOut = () => false) {
        const calls = this.calls.filter((one) => !isLeftOut(one));
        const made = new Map();
        const makeOnce = (one) => {
            if (!made.has(one)) made.set(one, this.#ofCall(one));
            return made.get(one);
        };
        return fc.constantFrom(...calls).chain(makeOnce);
    }

    #ofCall({ path, method, call }) {
        const body = this.document.resolve(call.requestBody);
        const [type, media] = Object.entries(body?.content ?? {})[0] ?? [];
        const isJson = type !== undefined && /json/.test(type);
        const bodies = isJson
            ? fc.oneof(
                  { weight: 9, arbitrary: this.#body(media.schema) },
                  { weight: 1, arbitrary: this.#rawBody(type).map((text) => ({ text })) },
              )
            : fc.constant(type === undefined ? undefined : { text: 'a,b\r\n1,2\r\n' });
        return fc.record({
            method: fc.constant(method.toUpperCase()),
            template: fc.constant(path),
            path: this.#path(path),
            query: this.#query(call),
            headers: this.#headers(call),
            type: fc.oneof(
                { weight: 19, arbitrary: fc.constant(type) },
                { weight: 1, arbitrary: fc.constantFrom('text/plain', 'x', '') },
            ),
            body: bodies,
        });
    }
}

/** Without lone surrogates, which no URL can say. */
function wellFormed(text) {
    return String(text).toWellFormed();
}
