// A server of a test's own: a fresh data directory, a free port, firms with an owner and a token
// each.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Judge } from './document.mjs';
import { closeConnections, send } from './http.mjs';
import { binary, command, environment, mustRun, root, sanitizerFault } from './program.mjs';
import { standingFaults } from './standing.mjs';
import { HANG_MS, until } from './wait.mjs';
import { Watch } from './watch.mjs';

export const password = 'correct horse battery';

/** One firm, as its owner's script sees it. */
export class Firm {
    constructor(server, name, token) {
        this.server = server;
        this.name = name;
        this.token = token;
        this.owner = 'owner@firm.example';
    }

    get host() {
        return `${this.name}.localhost:${this.server.port}`;
    }

    /**
     * A request with this firm's host and token; a path that does not begin with `/` lies below the
     * API.
     */
    call(method, where, body, headers = {}) {
        const target = where.startsWith('/') ? where : `/api/v1/${where}`;
        const authorization = this.token ? { authorization: `Bearer ${this.token}` } : {};
        return this.server.send({
            method,
            path: target,
            body,
            headers: { host: this.host, ...authorization, ...headers },
        });
    }

    /** The same, again and again while the server has no time: what a slow machine may say. */
    callPatiently(...request) {
        return until(async () => {
            const answer = await this.call(...request);
            return answer.status !== 503 && answer;
        }, request.slice(0, 2).join(' '));
    }

    /** The record, or an error that shows what came instead. */
    async create(collection, record) {
        const answer = await this.call('POST', collection, record);
        if (answer.status !== 201)
            throw new Error(`POST ${collection}: ${answer.status} ${answer.text}`);
        return answer.body;
    }

    async get(collection, id) {
        const answer = await this.call('GET', `${collection}/${id}`);
        if (answer.status !== 200)
            throw new Error(`GET ${collection}/${id}: ${answer.status} ${answer.text}`);
        return answer.body;
    }

    /** Every record of a list, page by page. */
    async all(collection, query = '') {
        const found = [];
        let after = '';
        for (let page = 0; page < 10_000; page++) {
            const words = ['limit=200', query, after && `after=${encodeURIComponent(after)}`];
            const answer = await this.call(
                'GET',
                `${collection}?${words.filter(Boolean).join('&')}`,
            );
            if (answer.status !== 200)
                throw new Error(`GET ${collection}?${query}: ${answer.status} ${answer.text}`);
            found.push(...answer.body.data);
            if (answer.body.next === null) return found;
            after = answer.body.next;
        }
        throw new Error(`the pages of ${collection} do not end`);
    }
}

export class Server {
    constructor(folder, options) {
        this.folder = folder;
        this.options = options;
        this.port = 0;
        this.adminPort = 0;
        this.securePort = 0;
        this.child = null;
        this.output = '';
        this.earlierOutput = '';
        const path = '/api/v1/openapi.json';
        const read = (headers) => send({ port: this.port, method: 'GET', path, headers });
        this.judge = new Judge(read);
        this.watch = new Watch();
    }

    get directory() {
        return path.join(this.folder, 'atrium');
    }

    /** A command on this data directory, whoever owns it. */
    command(words, options) {
        return command([...words, '--data', this.directory], options);
    }

    mustRun(words, options) {
        return mustRun([...words, '--data', this.directory], options);
    }

    async makeFirm(name, title = name.toUpperCase()) {
        const file = path.join(this.folder, 'password');
        await fs.writeFile(file, `${password}\n`, { mode: 0o600 });
        const owner = 'owner@firm.example';
        await this.mustRun([
            'tenant',
            'create',
            name,
            '--title',
            title,
            '--owner',
            owner,
            '--password-file',
            file,
        ]);
        const token = await this.mustRun(['token', 'create', '--tenant', name, '--user', owner]);
        const firm = new Firm(this, name, token.out.trim());
        return firm;
    }

    /** Starts serving and waits for the printed address; `port`: the one to listen at. */
    async start(more = {}) {
        const words = [
            'serve',
            '--data',
            this.directory,
            '--http',
            `127.0.0.1:${more.port ?? 0}`,
            ...(this.options.words ?? []),
            ...(more.words ?? []),
        ];
        const child = spawn(binary, words, {
            cwd: root,
            env: environment({ ...this.options.environment, ...more.environment }),
            stdio: ['ignore', 'pipe', 'pipe'],
        });
        this.child = child;
        this.earlierOutput += this.output;
        this.output = '';
        this.ended = new Promise((resolve) => {
            child.on('close', (status, signal) => {
                if (this.child === child) this.child = null;
                resolve({ status, signal });
            });
        });
        await new Promise((resolve, reject) => {
            const late = setTimeout(
                () => reject(new Error(`does not listen:\n${this.output}`)),
                HANG_MS,
            );
            const read = (bytes) => {
                this.output += bytes.toString('utf8');
                if (this.readAddresses()) {
                    clearTimeout(late);
                    resolve();
                }
            };
            child.stdout.on('data', read);
            child.stderr.on('data', read);
            child.on('error', reject);
            this.ended.then(({ status, signal }) => {
                clearTimeout(late);
                reject(new Error(`ended with ${status ?? signal} at start:\n${this.output}`));
            });
        });
        return this;
    }

    /** The addresses printed last: after an error of the disk the server begins anew by itself. */
    readAddresses() {
        const last = (form) => Number([...this.output.matchAll(form)].at(-1)?.[1] ?? 0);
        const wanted = this.options.words ?? [];
        this.port = last(/listening on http:\/\/127\.0\.0\.1:(\d+)\n/g);
        this.securePort = last(/listening on https:\/\/[^:\s]+:(\d+)\n/g);
        this.adminPort = last(/listening on http:\/\/127\.0\.0\.1:(\d+) \(operator\)/g);
        this.watch.listen(this.port, this.securePort);
        return (
            this.port > 0 &&
            (this.securePort > 0 || !wanted.includes('--https')) &&
            (this.adminPort > 0 || !wanted.includes('--admin'))
        );
    }

    /**
     * Waits until a server answers here again: this one, begun anew by itself, or one started now.
     */
    async comeBack(more = {}) {
        await until(async () => !this.isRunning || (await this.isAnswering()), 'it is back');
        if (!this.isRunning) await this.start(more);
    }

    /** Not, while it is on its way down or up. */
    isAnswering() {
        return this.send({ method: 'GET', path: '/healthz' }).then(
            ({ status }) => status === 200,
            () => false,
        );
    }

    /** One request and its answer, which must be as the server's own document describes it. */
    async send(request) {
        const answer = await send({ port: this.port, ...request });
        this.judgeStanding(request, answer);
        this.watch.see(request, answer);
        if (!process.env.ATRIUM_UNJUDGED) await this.judge.judge(request, answer);
        return answer;
    }

    /** What must stand on every answer, in whichever test it comes. */
    judgeStanding({ method, path: where, headers = {} }, answer) {
        const isSecure = headers['x-forwarded-proto'] === 'https';
        const isPage = answer.status < 400 && !/^\/(api\/|healthz|metrics)/.test(where);
        const faults = standingFaults(answer.headers, { isSecure, isPage });
        if (faults.length === 0) return;
        const complaint = `${method} ${where}: ${answer.status}: ${faults.join('; ')}`;
        this.judge.complaints.push(complaint);
        throw new Error(complaint);
    }

    get isRunning() {
        return this.child !== null;
    }

    /**
     * The process that serves; `child` is the one that watches it, and starts it again when it
     * dies.
     */
    get pid() {
        const watcher = this.child.pid;
        const children = readFileSync(`/proc/${watcher}/task/${watcher}/children`, 'utf8');
        return Number(children.trim().split(' ')[0]);
    }

    /** Ends at once, as a power cut would for the process, and the one that watches it. */
    async kill() {
        this.child?.kill('SIGKILL');
        return this.ended;
    }

    /** Asks to end, and waits: `{status, signal}`. */
    async stop() {
        if (this.child === null) return this.ended;
        this.child.kill('SIGTERM');
        const late = setTimeout(() => this.child?.kill('SIGKILL'), HANG_MS);
        const how = await this.ended;
        clearTimeout(late);
        return how;
    }

    /**
     * What the server said of its own faults, through all its lives: its watcher starts it again
     * when it dies, so that requests alone may see nothing of it.
     */
    ownFault() {
        const output = this.earlierOutput + this.output;
        const fault = sanitizerFault(output);
        if (fault !== null || this.options.mayDie) return fault;
        return /^.*it is started again/m.test(output) ? `the server died:\n${output}` : null;
    }

    /** Stops, and proves that everything in the data directory holds. */
    async close() {
        const how = this.child === null ? null : await this.stop();
        closeConnections();
        let checked = { status: 0 };
        if (!this.options.isUnchecked) checked = await this.command(['check']);
        await fs.rm(this.folder, { recursive: true, force: true });
        const fault = this.ownFault();
        if (fault !== null) throw new Error(fault);
        if (how !== null && how.status !== 0)
            throw new Error(`the server ended with ${how.status ?? how.signal}:\n${this.output}`);
        if (checked.status !== 0)
            throw new Error(
                `atrium check ended with ${checked.status}:\n${checked.out}${checked.err}`,
            );
        // A test that expects connections to break may have swallowed it.
        const complaints = [...this.watch.complaints, ...this.judge.complaints];
        if (complaints.length > 0) throw new Error(complaints[0]);
    }
}

/**
 * A running server with these firms, each as `server.firms.NAME`. `options`: `words` more words for
 * `serve`, `environment`, `isUnchecked` leaves out the check at the end, `isIdle` does not start
 * it, `mayDie` says that the test kills the server or has it end, and that this is no fault.
 */
export async function openServer(names, options = {}) {
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'atrium-test-'));
    const server = new Server(folder, options);
    server.firms = {};
    try {
        for (const name of names) server.firms[name] = await server.makeFirm(name);
        if (!options.isIdle) await server.start();
    } catch (error) {
        await server.kill();
        await fs.rm(folder, { recursive: true, force: true });
        throw error;
    }
    return server;
}
