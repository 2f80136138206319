// Looks at every answer of a test run for what is not its reader's: ids and canaries of another
// firm, and whatever a test has forbidden one credential to be shown.
//
// A canary is a text that names its firm: `canary-acme-…`. Tests put them wherever a value can be.
const IDS_MAX = 200_000;
/** Of examples, in the document and the guide for authors of rules. */
const EXAMPLE = /^018[9f]0000-0000-7000-8000-/;

const idForm = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const canaryForm = /canary-([a-z0-9]+)[a-z0-9-]*/gi;

/** A text of this firm that no other may ever be shown. */
export const canary = (firm, ...words) => `canary-${firm}-${words.join('-')}`;

const headerOf = (headers, wanted) =>
    Object.entries(headers ?? {}).find(([name]) => name.toLowerCase() === wanted)?.[1];

/** What a request was made with: a token, a session's cookie, or nothing. */
export const credentialOf = (headers) =>
    headerOf(headers, 'authorization')?.replace(/^Bearer /, '') ??
    headerOf(headers, 'cookie') ??
    '';

/** The firm that a host leads to; hosts of a firm's own are told by `hosts`. */
function firmOf(host, hosts) {
    const [name] = host.toLowerCase().split(':');
    return hosts.get(name) ?? name.split('.')[0].replace(/-portal$/, '');
}

const textOf = (body) =>
    Buffer.isBuffer(body) ? body.toString('latin1') : (JSON.stringify(body) ?? '');

export class Watch {
    #ownerOfId = new Map();
    /** By firm, the ids that it named itself, whosever they are: those may be said back. */
    #named = new Map();
    #forbidden = new Map();
    /** Hosts of firms' own, to the firm's name. */
    hosts = new Map();
    complaints = [];
    seen = 0;

    /** No answer to this credential may hold the text or fit the pattern. */
    forbid(credential, ...patterns) {
        const those = this.#forbidden.get(credential) ?? [];
        this.#forbidden.set(credential, [...those, ...patterns]);
    }

    #complain(request, answer, why) {
        const text = `${request.method} ${request.path} → ${answer.status}: ${why}`;
        this.complaints.push(text);
        throw new Error(`an answer shows what is not its reader's: ${text}`);
    }

    /** Throws when the answer shows what it must not. */
    see(request, answer) {
        const host = headerOf(request.headers, 'host');
        if (host === undefined) return;
        this.seen += 1;
        const firm = firmOf(host, this.hosts);
        const told = `${request.path} ${textOf(request.body)} ${JSON.stringify(request.headers)}`;
        const shown = `${JSON.stringify(answer.headers)}\n${answer.text}`;
        for (const [text, owner] of shown.matchAll(canaryForm))
            if (owner.toLowerCase() !== firm && !told.includes(text))
                this.#complain(request, answer, `"${text}" is not of ${firm}`);
        const named = this.#named.get(firm) ?? new Set();
        this.#named.set(firm, named);
        for (const [id] of told.matchAll(idForm))
            if (this.#ownerOfId.get(id) !== firm) named.add(id);
        for (const [id] of shown.matchAll(idForm)) {
            if (named.has(id) || EXAMPLE.test(id)) continue;
            const owner = this.#ownerOfId.get(id);
            if (owner !== undefined && owner !== firm)
                this.#complain(request, answer, `the id ${id} is of ${owner}, not of ${firm}`);
            if (owner === undefined && answer.status < 300 && this.#ownerOfId.size < IDS_MAX)
                this.#ownerOfId.set(id, firm);
        }
        for (const pattern of this.#forbidden.get(credentialOf(request.headers)) ?? []) {
            const isThere =
                pattern instanceof RegExp ? pattern.test(shown) : shown.includes(pattern);
            const isEcho = typeof pattern === 'string' && told.includes(pattern);
            if (isThere && !isEcho) this.#complain(request, answer, `it holds ${pattern}`);
        }
    }
}
