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

    constructor(status: number, title: string, faults: Fault[]) {
        super(title);
        this.status = status;
        this.faults = faults;
    }
}

export interface Answer {
    status: number;
    etag: string;
    body: Json;
}

export interface Me {
    name: string;
    email: string;
    firm: string;
    csrf: string;
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
    );
}

/** Sends one request below the API; throws a Problem for anything but success. */
export async function call(
    method: string,
    path: string,
    body?: Json,
    headers: Record<string, string> = {},
): Promise<Answer> {
    const all: Record<string, string> = { accept: 'application/json', ...headers };
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
    const text = await response.text();
    let answer: Json = null;
    try {
        answer = text === '' ? null : (JSON.parse(text) as Json);
    } catch {
        throw new Problem(response.status, 'The answer cannot be read.', []);
    }
    if (!response.ok) throw problemOf(response.status, answer);
    return { status: response.status, etag: response.headers.get('etag') ?? '', body: answer };
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
        };
    } catch (problem) {
        if (problem instanceof Problem && problem.status === 401) return null;
        throw problem;
    }
}

export async function signIn(email: string, password: string): Promise<void> {
    await call('POST', 'session', { email, password });
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
