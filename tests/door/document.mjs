// The server's own OpenAPI document, and whether an answer is one that it describes.
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

/** Documents that were read, by their text: firms without fields of their own have the same. */
const known = new Map();

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
const pointer = (text) => text.replaceAll('~', '~0').replaceAll('/', '~1');

export class Document {
    #ajv = new Ajv2020({
        strict: false,
        validateSchema: false,
        inlineRefs: false,
        messages: true,
        code: { optimize: false },
    });
    #checks = new Map();
    #templates;

    /** From its JSON text. */
    static of(text) {
        let found = known.get(text);
        if (found === undefined) {
            found = new Document(JSON.parse(text));
            known.set(text, found);
        }
        return found;
    }

    constructor(json) {
        this.json = json;
        addFormats(this.#ajv);
        this.#ajv.addSchema(json, 'document');
        // Fixed paths first: `/api/v1/changes` is no collection.
        this.#templates = Object.keys(json.paths)
            .map((path) => ({
                path,
                form: new RegExp(`^${escaped(path).replace(/\\\{[^}]+\\\}/g, '[^/]+')}$`),
                holes: path.split('{').length,
            }))
            .sort((a, b) => a.holes - b.holes);
    }

    /** The template of a path, or undefined. */
    templateOf(path) {
        return this.#templates.find(({ form }) => form.test(path))?.path;
    }

    /** What stands behind a reference. */
    resolve(part) {
        if (part?.$ref === undefined) return part;
        const words = part.$ref.slice(2).split('/');
        return words.reduce(
            (at, word) => at?.[word.replaceAll('~1', '/').replaceAll('~0', '~')],
            this.json,
        );
    }

    /** The faults of a value by a schema of the document, given as words below its root. */
    faultsOf(words, value) {
        const ref = `document#/${words.map((word) => encodeURIComponent(pointer(word))).join('/')}`;
        let check = this.#checks.get(ref);
        if (check === undefined) {
            check = this.#ajv.compile({ $ref: ref });
            this.#checks.set(ref, check);
        }
        if (check(value)) return undefined;
        return this.#ajv.errorsText(check.errors, { dataVar: 'answer', separator: '; ' });
    }

    /** What is wrong with an answer, or undefined. */
    complaintOf(method, path, answer) {
        const type = (answer.type ?? '').split(';')[0].trim();
        const isJson = /^application\/(json|problem\+json|msgpack)$/.test(type);
        const template = this.templateOf(path);
        const call = template && this.json.paths[template][method.toLowerCase()];
        if (call === undefined) {
            if (answer.status < 400) return 'the document has no such call';
            if (!isJson) return undefined;
            return this.faultsOf(['components', 'schemas', 'Problem'], answer.body);
        }
        const status = String(answer.status);
        if (call.responses[status] === undefined && answer.status < 400)
            return `the document has no ${status} for it`;
        const name = call.responses[status] === undefined ? 'default' : status;
        const described = this.resolve(call.responses[name]);
        if (described.content === undefined)
            return answer.text.length > 0 ? 'the document says that nothing comes' : undefined;
        if (described.content[type] === undefined)
            return `the document has no ${type || 'answer without a type'} for ${name}`;
        if (!isJson) return undefined;
        const at = call.responses[name].$ref?.slice(2).split('/') ?? [
            'paths',
            template,
            method.toLowerCase(),
            'responses',
            name,
        ];
        return this.faultsOf([...at, 'content', type, 'schema'], answer.body);
    }

    /** What is wrong with an event of a stream, or undefined. */
    eventComplaintOf(path, event) {
        const call = this.json.paths[this.templateOf(path)]?.get;
        const { content } = this.resolve(call?.responses['200']) ?? {};
        const ref = content?.['text/event-stream']?.schema['x-event']?.$ref;
        if (ref === undefined) return 'the document has no such events';
        return this.faultsOf(ref.slice(2).split('/'), event);
    }
}

/** What of a request's headers says who asks, and where. */
function whoOf(headers) {
    const small = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
    const names = ['host', 'authorization', 'cookie'];
    return Object.fromEntries(small.filter(([name]) => names.includes(name)));
}

/** Judges a server's answers by the document of the firm that gave them. */
export class Judge {
    #documents = new Map();
    /** Answers that broke their document. */
    complaints = [];
    judged = 0;

    /** `read` asks for the document itself, with these headers: it is cut to its reader. */
    constructor(read) {
        this.read = read;
    }

    async #readFor(headers) {
        let answer = await this.read(headers).catch(() => undefined);
        // Nobody's credential: what everybody may read.
        if (answer?.status === 401)
            answer = await this.read({ host: headers.host }).catch(() => undefined);
        // A host without one, or a server that is on its way down.
        return answer?.status === 200 ? Document.of(answer.text) : undefined;
    }

    /** Who asks at the same time waits for one document. */
    async #documentOf(headers, isFresh) {
        const key = JSON.stringify(headers);
        if (isFresh || !this.#documents.has(key)) this.#documents.set(key, this.#readFor(headers));
        const document = await this.#documents.get(key);
        if (document === undefined) this.#documents.delete(key);
        return document;
    }

    /** Complains of an event that its document does not describe. */
    async judgeEvent({ path, headers }, event) {
        const [where] = path.split('?');
        const document = await this.#documentOf(whoOf(headers), false);
        const complaint = document?.eventComplaintOf(where, event);
        if (complaint !== undefined)
            this.complaints.push(`${path}: ${complaint}: ${JSON.stringify(event)}`);
    }

    /** Throws when the answer is none that its document describes. */
    async judge({ method, path, headers = {} }, answer) {
        const [where] = path.split('?');
        const who = whoOf(headers);
        if (who.host === undefined || !where.startsWith('/api/v1/') || method === 'HEAD') return;
        let document = await this.#documentOf(who, false);
        if (document === undefined) return;
        this.judged += 1;
        let complaint = document.complaintOf(method, where, answer);
        if (complaint === undefined) return;
        // The firm's fields may have changed since it was read.
        document = await this.#documentOf(who, true);
        complaint = document?.complaintOf(method, where, answer);
        if (complaint === undefined) return;
        const shown = answer.text.slice(0, 600);
        const text = `${method} ${path} → ${answer.status}: ${complaint}\n${shown}`;
        this.complaints.push(text);
        throw new Error(`the answer is not the one that openapi.json describes: ${text}`);
    }
}
