// Looks at everything that a test run is told for what is not its reader's: ids and canaries of
// another firm, and whatever a test has forbidden one credential to be shown. Whole answers come by
// `see`, streams of events piece by piece by `hear`, and what comes over raw sockets by `seeBytes`.
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

/**
 * The hosts that bytes name, the way a server reads them: of HTTP/1 in its first line and `Host`
 * fields, of HTTP/2 wherever one stands among the frames.
 */
function hostsOf(sent) {
    if (sent.startsWith('PRI * HTTP/2')) return sent.match(/[a-z0-9-]{1,63}\.localhost/gi) ?? [];
    const lines = sent.matchAll(/^(?:host:[ \t]*|[a-z]+ https?:\/\/)([^\s/]*)/gim);
    return [...lines].flatMap(([, hosts]) => hosts.split(/[,@]/)).filter(Boolean);
}

/** Of servers that run, by the ports they listen on. */
const watches = new Map();

/** The watch over the server at this port, for what reaches it by no other way. */
export const watchOf = (port) => watches.get(port);

export class Watch {
    #ownerOfId = new Map();
    /** By firm, the ids that it named itself, whosever they are: those may be said back. */
    #named = new Map();
    #forbidden = new Map();
    /** Hosts of firms' own, to the firm's name. */
    hosts = new Map();
    complaints = [];
    seen = 0;

    /** Looks from now on at what comes from these ports. */
    listen(...ports) {
        for (const port of ports) if (port > 0) watches.set(port, this);
    }

    /** No answer to this credential may hold the text or fit the pattern. */
    forbid(credential, ...patterns) {
        const those = this.#forbidden.get(credential) ?? [];
        this.#forbidden.set(credential, [...those, ...patterns]);
    }

    /** Throws when the answer shows what it must not. */
    see(request, answer) {
        const host = headerOf(request.headers, 'host');
        if (host === undefined) return;
        this.#look({
            what: `${request.method} ${request.path} → ${answer.status}`,
            readers: [firmOf(host, this.hosts)],
            told: `${request.path} ${textOf(request.body)} ${JSON.stringify(request.headers)}`,
            shown: `${JSON.stringify(answer.headers)}\n${answer.text}`,
            credential: credentialOf(request.headers),
            isGood: answer.status < 300,
        });
    }

    /** The same of a piece of an answer that is still open; nobody waits for it, so it is only kept
     *  as a complaint. */
    hear(request, text) {
        this.#quietly(() => this.see(request, { status: 200, headers: {}, text }));
    }

    /**
     * The same of what was written to a socket and what came back, as latin1; several firms may be
     * asked on one connection. Whose an id is, is not learnt here. Keeps a complaint, too.
     */
    hearBytes(sent, received) {
        const [, bearer] = /^authorization: *bearer ([^\r\n]*)/im.exec(sent) ?? [];
        const [, cookie] = /^cookie: *([^\r\n]*)/im.exec(sent) ?? [];
        const look = {
            what: `raw bytes, ${JSON.stringify(sent.slice(0, 120))}`,
            readers: hostsOf(sent).map((host) => firmOf(host, this.hosts)),
            told: sent,
            // What a chunk's end cuts in two is put together.
            shown: received.replace(/\r\n[0-9a-f]+\r\n/g, ''),
            credential: bearer ?? cookie ?? '',
            isGood: false,
        };
        this.#quietly(() => this.#look(look));
    }

    #quietly(look) {
        const count = this.complaints.length;
        try {
            look();
        } catch (error) {
            if (this.complaints.length === count) throw error;
        }
    }

    #complain(what, why) {
        const complaint = `${what}: ${why}`;
        this.complaints.push(complaint);
        throw new Error(`an answer shows what is not its reader's: ${complaint}`);
    }

    #look({ what, readers, told, shown, credential, isGood }) {
        this.seen += 1;
        const names = readers.join(' and ') || 'nobody';
        for (const [text, owner] of shown.matchAll(canaryForm))
            if (!readers.includes(owner.toLowerCase()) && !told.includes(text))
                this.#complain(what, `"${text}" is not of ${names}`);
        this.#lookAtIds({ what, readers, names, told, shown, isGood });
        for (const pattern of this.#forbidden.get(credential) ?? []) {
            const isThere =
                pattern instanceof RegExp ? pattern.test(shown) : shown.includes(pattern);
            const isEcho = typeof pattern === 'string' && told.includes(pattern);
            if (isThere && !isEcho) this.#complain(what, `it holds ${pattern}`);
        }
    }

    #lookAtIds({ what, readers, names, told, shown, isGood }) {
        const isNamed = (id) =>
            readers.some((firm) => this.#named.get(firm)?.has(id)) || told.includes(id);
        for (const [id] of told.matchAll(idForm))
            for (const firm of readers)
                if (this.#ownerOfId.get(id) !== firm) {
                    if (!this.#named.has(firm)) this.#named.set(firm, new Set());
                    this.#named.get(firm).add(id);
                }
        for (const [id] of shown.matchAll(idForm)) {
            if (EXAMPLE.test(id) || isNamed(id)) continue;
            const owner = this.#ownerOfId.get(id);
            if (owner !== undefined && !readers.includes(owner))
                this.#complain(what, `the id ${id} is of ${owner}, not of ${names}`);
            if (owner === undefined && isGood && this.#ownerOfId.size < IDS_MAX)
                this.#ownerOfId.set(id, readers[0]);
        }
    }
}
