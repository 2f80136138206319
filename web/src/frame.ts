// What the pages of both doors have in common: coming in, the frame around what is shown, and the
// address behind `#`, which is the only state.
import { Problem, provenBy, signOut, whoAmI, type Me } from './api';
import { button, element, notice } from './element';
import { enterPage, linkPage } from './enter';
import { askProof } from './proof';

const page = document.getElementById('page') as HTMLElement;

/** A way to a part of the page. */
export interface Way {
    text: string;
    /** What stands behind `#/`; empty: the first page. */
    place: string;
}

/** The page of somebody who has entered. */
export interface Inside {
    firm: string;
    /** What the list of ways is called for those who do not see it. */
    waysAre: string;
    ways: Way[];
    /** Before the name of who is signed in. */
    aside: HTMLElement | null;
    /** Above whatever is shown. */
    banner: HTMLElement | null;
    /** What the address leads to. */
    part: () => Promise<HTMLElement>;
}

/** A door of the firm. */
export interface Door {
    name: string;
    /** Whether a mailed link signs in. */
    hasLinks: boolean;
    /** Null: who is signed in has nothing to do here. */
    enter: (me: Me) => Promise<Inside | null>;
}

/** What the address behind `#` names: a part, what of it, and what is given along. */
export function placeNow(): { part: string; rest: string; given: Record<string, string> } {
    const [path = '', query = ''] = window.location.hash.slice(1).split('?');
    const [, part = '', rest = ''] = path.split('/');
    return { part, rest, given: Object.fromEntries(new URLSearchParams(query)) };
}

function frameOf(inside: Inside, me: Me, main: HTMLElement, leave: () => void): HTMLElement {
    const skip = element('a', { class: 'skip', href: '#main' }, 'Skip to the content');
    skip.addEventListener('click', (event) => {
        event.preventDefault();
        main.focus();
    });
    const out = button('Sign out', leave, { class: 'quiet' });
    const who = element('span', { class: 'who' }, me.name || me.email);
    const brand = element('a', { class: 'brand', href: '#/' }, inside.firm);
    const side = element('div', { class: 'me' }, inside.aside, who, out);
    const ways = inside.ways.map(({ text, place }) =>
        element('li', {}, element('a', { href: `#/${place}` }, text)),
    );
    return element(
        'div',
        { class: 'frame' },
        skip,
        element('header', { class: 'top' }, brand, side),
        element('nav', { 'aria-label': inside.waysAre }, element('ul', {}, ...ways)),
        element('div', { class: 'middle' }, inside.banner, main),
    );
}

function markPlace(): void {
    const here = `#/${placeNow().part}`;
    for (const link of page.querySelectorAll('nav a')) {
        if (link.getAttribute('href') === here) link.setAttribute('aria-current', 'page');
        else link.removeAttribute('aria-current');
    }
}

let redraw: () => void = () => {};

/** Shows anew what the address leads to. */
export function drawAgain(): void {
    redraw();
}

let start: () => Promise<void> = async () => {};

/** Begins anew: who is signed in, and what that one sees. */
export function startAgain(): Promise<void> {
    return start();
}

async function show(inside: Inside, main: HTMLElement): Promise<void> {
    markPlace();
    const place = window.location.hash;
    try {
        const part = await inside.part();
        if (window.location.hash !== place) return;
        main.replaceChildren(part);
        const heading = main.querySelector('h1')?.textContent ?? '';
        document.title = [heading, inside.firm].filter((text) => text !== '').join(' – ');
    } catch (error) {
        if (error instanceof Problem && error.status === 401) return start();
        const isGone = error instanceof Problem && error.status === 404;
        const text = error instanceof Problem ? error.message : String(error);
        main.replaceChildren(
            element('h1', {}, isGone ? 'Not here' : 'Something went wrong'),
            element('p', {}, text),
        );
    }
}

function showForm(door: Door, title: string, main: HTMLElement): void {
    document.title = [title, door.name].filter((text) => text !== '').join(' – ');
    page.replaceChildren(main);
    page.querySelector('input')?.focus();
}

async function startAt(door: Door): Promise<void> {
    redraw = () => void start();
    const form = linkPage(start);
    if (form !== null) return showForm(door, '', element('main', {}, form));
    const me = await whoAmI();
    const inside = me === null ? null : await door.enter(me);
    if (me === null || inside === null)
        return showForm(door, 'Sign in', enterPage(start, door.hasLinks));
    const main = element('main', { id: 'main', tabindex: -1 });
    page.replaceChildren(frameOf(inside, me, main, () => void signOut().then(start)));
    redraw = () => void (linkPage(start) === null ? show(inside, main) : start());
    redraw();
}

/** The whole page of a door, from now on. */
export function openDoor(door: Door): void {
    start = () => startAt(door);
    provenBy(askProof);
    window.addEventListener('hashchange', drawAgain);
    start().catch((error: unknown) => {
        const text = error instanceof Error ? error.message : String(error);
        const heading = element('h1', {}, door.name);
        page.replaceChildren(element('main', {}, heading, element('p', {}, text)));
        notice(text);
    });
}
