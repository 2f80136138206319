// Coming in, at either door: by password, by a link that a mail brought, and choosing a password.
import { call, Problem } from './api';
import { button, element, newId, notice, whileBusy } from './element';

export interface Ask {
    label: string;
    type: 'email' | 'password' | 'text';
    autocomplete: string;
}

/** An input with its label, and the line that holds both. */
export function field(ask: Ask): { input: HTMLInputElement; line: HTMLElement } {
    const id = newId();
    const input = element('input', { id, type: ask.type, autocomplete: ask.autocomplete });
    const label = element('label', { for: id }, ask.label);
    return { input, line: element('div', { class: 'field' }, label, input) };
}

/** What fields are called in a sentence. */
const called: { [field: string]: string } = {
    email: 'The e-mail address',
    password: 'The password',
    code: 'The code',
};

/** What was refused, as sentences about what was typed. */
export function sentencesOf(problem: Problem): string {
    const told = problem.faults.map(({ field, message }) =>
        `${called[field] ?? field} ${message}.`.trim(),
    );
    return told.length === 0 ? problem.message : told.join(' ');
}

/** A form of a few texts; `send` gets them in order, and may say what is wrong. */
function textForm(
    heading: string,
    asks: Ask[],
    deed: string,
    send: (values: string[]) => Promise<void>,
    say: (problem: Problem) => string = sentencesOf,
): HTMLFormElement {
    const fault = element('p', { class: 'fault', role: 'alert', hidden: true });
    const form = element('form', { class: 'sign-in', novalidate: true });
    const inputs = asks.map(field);
    const go = element('button', { type: 'submit', class: 'main' }, deed);
    form.append(element('h1', {}, heading), fault, ...inputs.map(({ line }) => line), go);
    form.addEventListener('submit', (event) => {
        event.preventDefault();
        void whileBusy(go, async () => {
            fault.hidden = true;
            try {
                await send(inputs.map(({ input }) => input.value));
            } catch (error) {
                if (!(error instanceof Problem)) throw error;
                fault.textContent = say(error);
                fault.hidden = false;
                inputs.at(-1)?.input.focus();
            }
        });
    });
    return form;
}

const email: Ask = { label: 'E-mail', type: 'email', autocomplete: 'username' };
export const password: Ask = {
    label: 'Password',
    type: 'password',
    autocomplete: 'current-password',
};
const chosen: Ask = { label: 'New password', type: 'password', autocomplete: 'new-password' };
export const code: Ask = { label: 'Code', type: 'text', autocomplete: 'one-time-code' };

export function isOfCode(problem: Problem): boolean {
    return problem.type === 'code_needed' || problem.type === 'code_wrong';
}

function wordsOf(problem: Problem): string {
    if (problem.status === 401 && !isOfCode(problem)) return 'E-mail or password is not right.';
    return sentencesOf(problem);
}

type Given = { [name: string]: string };

/** Sends what was given; where the account has codes, a second form asks for one and sends both. */
async function sendWithCode(
    form: HTMLFormElement,
    given: Given,
    send: (all: Given) => Promise<void>,
): Promise<void> {
    try {
        await send(given);
    } catch (error) {
        if (!(error instanceof Problem) || error.type !== 'code_needed') throw error;
        const second = textForm('One-time code', [code], 'Go on', ([digits = '']) =>
            send({ ...given, code: digits.trim() }),
        );
        form.replaceWith(second);
        second.querySelector('input')?.focus();
    }
}

/** Asks for e-mail and password, then for the code of an account that has codes. */
export function signInForm(done: () => Promise<void>): HTMLFormElement {
    const form = textForm(
        'Sign in',
        [email, password],
        'Sign in',
        ([address = '', word = '']) =>
            sendWithCode(form, { email: address.trim(), password: word }, async (all) => {
                await call('POST', 'session', all);
                await done();
            }),
        wordsOf,
    );
    return form;
}

/** Asks for an address, to which a mail goes if somebody has it. */
export function mailForm(heading: string, path: string): HTMLFormElement {
    const form = textForm(heading, [email], 'Send the mail', async ([address = '']) => {
        await call('POST', path, { email: address.trim() });
        form.replaceChildren(
            element('h1', {}, 'Look into your mail'),
            element('p', {}, 'If this address is known here, a mail with a link is on its way.'),
        );
    });
    return form;
}

/** What a link from a mail is for: nothing happens before the button is pressed. */
function linkForm(place: string, token: string, done: () => Promise<void>): HTMLElement | null {
    const choose = (heading: string, path: string): HTMLFormElement => {
        const form = textForm(heading, [chosen], 'Keep this password', ([word = '']) =>
            sendWithCode(form, { token, password: word }, async (all) => {
                await call('POST', path, all);
                notice('The password is kept. Sign in with it.');
                await done();
            }),
        );
        return form;
    };
    const press = (heading: string, deed: string, path: string): HTMLFormElement => {
        const form = textForm(heading, [], deed, () =>
            sendWithCode(form, { token }, async (all) => {
                await call('POST', path, all);
                await done();
            }),
        );
        return form;
    };
    switch (place) {
        case 'invitation':
            return choose('Welcome: choose a password', 'invitations/accept');
        case 'password':
            return choose('Choose a new password', 'password/set');
        case 'sign-in':
            return press('Sign in by this link', 'Sign in', 'session');
        case 'view':
            return press('See the portal as a contact', 'Show it', 'session/view');
        default:
            return null;
    }
}

/** The form for the link in the address, or null. Used or not, the token leaves the address. */
export function linkPage(start: () => Promise<void>): HTMLElement | null {
    const [, place = '', token = ''] = window.location.hash.split('/');
    if (token === '') return null;
    return linkForm(place, token, async () => {
        window.history.replaceState(null, '', '#/');
        await start();
    });
}

/** Sign-in, and below it the ways for who has no password at hand. */
export function enterPage(start: () => Promise<void>, hasLinks: boolean): HTMLElement {
    const main = element('main');
    const draw = (form: HTMLFormElement, ...others: HTMLElement[]): void => {
        main.replaceChildren(form, ...others);
        main.querySelector('input')?.focus();
    };
    const back = (): HTMLElement => button('Back', () => first(), { class: 'quiet' });
    const way = (text: string, path: string): HTMLElement =>
        button(text, () => draw(mailForm(text, path), back()), { class: 'quiet' });
    const first = (): void => {
        const ways = element('div', { class: 'ways' });
        if (hasLinks) ways.append(way('Send me a link to sign in', 'session/link'));
        ways.append(way('I forgot my password', 'password/reset'));
        draw(signInForm(start), ways);
    };
    first();
    return main;
}
