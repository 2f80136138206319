// People of a firm in their roles, each with a token of his own.
import { Firm } from './server.mjs';

/** A user in this role; gives the firm as that user's script sees it, with the record as `user`. */
export async function join(firm, name, role, more = {}) {
    const email = `${name.toLowerCase().replace(/\W+/g, '.')}@firm.example`;
    const user = await firm.create('users', { name, email, role, ...more });
    return Object.assign(await asUser(firm, email), { user, email });
}

/** The firm as a user's script sees it. */
export async function asUser(firm, email, words = []) {
    const command = ['token', 'create', '--tenant', firm.name, '--user', email, ...words];
    const made = await firm.server.mustRun(command);
    return new Firm(firm.server, firm.name, made.out.trim());
}
