// Requests to the server that this page came from, and what they answer.

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type Row = { id: string } & { [name: string]: Json };

export interface Fault {
    field: string;
    code: string;
    message: string;
}

/** An answer that is no success, in the server's own words. */
export class Problem extends Error {
    readonly status: number;
    readonly faults: Fault[];
    /** The server's word for it, such as `code_needed`. */
    readonly type: string;

    constructor(status: number, title: string, faults: Fault[], type = '') {
        super(title);
        this.status = status;
        this.faults = faults;
        this.type = type;
    }
}

export interface Answer {
    status: number;
    etag: string;
    body: Json;
}

/** What a contact may choose among at the portal. */
export interface Portal {
    client: string;
    clients: { id: string; name: string }[];
    /** Who looks at the portal as this contact; empty: the contact itself. */
    viewedBy: string;
}

export interface Me {
    name: string;
    email: string;
    firm: string;
    csrf: string;
    /** What may be done with the records of each entity. */
    entities: { [name: string]: string[] };
    portal: Portal | null;
}

let csrf = '';

function isMap(value: Json | undefined): value is { [name: string]: Json } {
    return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function textOf(value: Json | undefined): string {
    return typeof value === 'string' ? value : '';
}

function problemOf(status: number, body: Json): Problem {
    const map = isMap(body) ? body : {};
    const faults = Array.isArray(map['errors']) ? map['errors'] : [];
    const title = textOf(map['detail']) || textOf(map['title']) || `The server answered ${status}.`;
    return new Problem(
        status,
        title,
        faults.filter(isMap).map((fault) => ({
            field: textOf(fault['field']),
            code: textOf(fault['code']),
            message: textOf(fault['message']),
        })),
        textOf(map['type']),
    );
}

function jsonOf(status: number, text: string): Json {
    try {
        return text === '' ? null : (JSON.parse(text) as Json);
    } catch {
        throw new Problem(status, 'The answer cannot be read.', []);
    }
}

/** Sends one request below the API; throws a Problem for anything but success. */
async function send(
    method: string,
    path: string,
    body: Json | undefined,
    headers: Record<string, string>,
): Promise<Response> {
    const all = { ...headers };
    if (body !== undefined) all['content-type'] = 'application/json';
    if (csrf !== '' && method !== 'GET') all['x-csrf-token'] = csrf;
    let response: Response;
    try {
        response = await fetch(`/api/v1/${path}`, {
            method,
            headers: all,
            credentials: 'same-origin',
            ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
    } catch {
        throw new Problem(0, 'The server cannot be reached. Nothing was lost; try again.', []);
    }
    if (response.ok) return response;
    throw problemOf(response.status, jsonOf(response.status, await response.text()));
}

/** Lets the person give the password again; whether that was done. */
export type Prove = () => Promise<boolean>;
let prove: Prove = async () => false;
export function provenBy(ask: Prove): void {
    prove = ask;
}

function isAsked(problem: unknown): boolean {
    return problem instanceof Problem && problem.type === 'step_up';
}

/** Does it again, once, when the server wants the password first and it was given. */
async function proven(attempt: () => Promise<Response>): Promise<Response> {
    try {
        return await attempt();
    } catch (problem) {
        if (!isAsked(problem)) throw problem;
    }
    try {
        if (await prove()) return await attempt();
    } catch (problem) {
        if (!isAsked(problem)) throw problem;
    }
    // The server's own words say how a program gives it.
    throw new Problem(403, 'Nothing was done: this needs your password first.', [], 'step_up');
}

/** One call of the API; throws a Problem for anything but success. */
export async function call(
    method: string,
    path: string,
    body?: Json,
    headers: Record<string, string> = {},
): Promise<Answer> {
    const all = { accept: 'application/json', ...headers };
    const response = await proven(() => send(method, path, body, all));
    const answer = jsonOf(response.status, await response.text());
    return { status: response.status, etag: response.headers.get('etag') ?? '', body: answer };
}

/** Saves what a call answers as a file. */
export async function download(path: string, type: string, name: string): Promise<void> {
    const response = await proven(() => send('GET', path, undefined, { accept: type }));
    const address = URL.createObjectURL(await response.blob());
    const link = document.createElement('a');
    link.href = address;
    link.download = name;
    link.click();
    // The browser takes the bytes a moment later.
    window.setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/** Gives the password again; the session goes on under a new token. */
export async function giveProof(password: string, code: string): Promise<void> {
    const given = code === '' ? { password } : { password, code };
    const { body } = await call('POST', 'session/proof', given);
    if (isMap(body)) csrf = textOf(body['csrf']);
}

function portalOf(given: Json | undefined): Portal | null {
    if (!isMap(given)) return null;
    const clients = Array.isArray(given['clients']) ? given['clients'].filter(isMap) : [];
    const viewer = given['viewed_by'];
    return {
        client: textOf(given['client']),
        clients: clients.map((one) => ({ id: textOf(one['id']), name: textOf(one['name']) })),
        viewedBy: isMap(viewer) ? textOf(viewer['name']) : '',
    };
}

function entitiesOf(given: Json | undefined): { [name: string]: string[] } {
    const entries = Object.entries(isMap(given) ? given : {});
    return Object.fromEntries(
        entries.map(([name, words]) => [name, Array.isArray(words) ? words.map(textOf) : []]),
    );
}

/** Who is signed in, or null. Also learns the token that changing requests must carry. */
export async function whoAmI(): Promise<Me | null> {
    try {
        const { body } = await call('GET', 'me');
        const me = isMap(body) ? body : {};
        const user = isMap(me['user']) ? me['user'] : me;
        const tenant = isMap(me['tenant']) ? me['tenant'] : {};
        csrf = textOf(me['csrf']);
        return {
            name: textOf(user['name']),
            email: textOf(user['email']),
            firm: textOf(tenant['title']) || textOf(tenant['name']),
            csrf,
            entities: entitiesOf(me['entities']),
            portal: portalOf(me['portal']),
        };
    } catch (problem) {
        if (problem instanceof Problem && problem.status === 401) return null;
        throw problem;
    }
}

export async function signOut(): Promise<void> {
    await call('DELETE', 'session');
    csrf = '';
}

export interface Page {
    rows: Row[];
    next: string | null;
}

/** One page of a collection. */
export async function list(collection: string, query: URLSearchParams): Promise<Page> {
    const { body } = await call('GET', `${collection}?${query.toString()}`);
    if (!isMap(body) || !Array.isArray(body['data'])) throw new Problem(0, 'This is no list.', []);
    return { rows: body['data'].filter(isMap) as Row[], next: textOf(body['next']) || null };
}

export { isMap };
