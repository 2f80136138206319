// The staff page: who is signed in, which part is shown. The address behind `#` is the only state.
import { list, Problem, signOut, whoAmI, type Me } from './api';
import { entityByPlural, headingOf, mainEntities, readCatalog, type Catalog } from './catalog';
import { button, element, notice } from './element';
import { enterPage, linkPage } from './enter';
import { ListView } from './list';
import { recordPage } from './record';

const page = document.getElementById('page') as HTMLElement;

/** The first page: what there is, and where programs find it. */
function home(catalog: Catalog): HTMLElement {
    const body = element('tbody');
    for (const entity of catalog.entities) {
        const address = `/api/v1/${entity.plural}`;
        const open = element('a', { href: `#/${entity.plural}` }, headingOf(entity));
        body.append(
            element(
                'tr',
                {},
                element('th', { scope: 'row' }, open),
                element('td', {}, element('a', { href: address }, address)),
                element('td', { class: 'number' }, String(entity.fields.length)),
            ),
        );
    }
    const heads = ['Records', 'Address of the API', 'Fields'].map((text) =>
        element('th', { scope: 'col' }, text),
    );
    const table = element('table', {}, element('thead', {}, element('tr', {}, ...heads)), body);
    const others = [
        ['me', 'who is signed in'],
        ['schema', 'the catalog that this page is built from'],
        ['openapi.json', 'the description of the whole API'],
        ['changes', 'the feed of all changes'],
    ].map(([path, text]) =>
        element(
            'li',
            {},
            element('a', { href: `/api/v1/${path}` }, `/api/v1/${path}`),
            ` – ${text}`,
        ),
    );
    return element(
        'section',
        {},
        element('h1', {}, 'What there is'),
        element('div', { class: 'scroll' }, table),
        element('h2', {}, 'Further entry points'),
        element('ul', {}, ...others),
    );
}

function frame(catalog: Catalog, me: Me, main: HTMLElement): HTMLElement {
    const skip = element('a', { class: 'skip', href: '#main' }, 'Skip to the content');
    skip.addEventListener('click', (event) => {
        event.preventDefault();
        main.focus();
    });
    const out = button('Sign out', () => void signOut().then(start), { class: 'quiet' });
    const who = element('span', { class: 'who' }, me.name || me.email);
    const brand = element('a', { class: 'brand', href: '#/' }, me.firm || 'Atrium');
    const links = mainEntities(catalog).map((entity) =>
        element('li', {}, element('a', { href: `#/${entity.plural}` }, headingOf(entity))),
    );
    const nav = element('nav', { 'aria-label': 'Records' }, element('ul', {}, ...links));
    const top = element(
        'header',
        { class: 'top' },
        brand,
        element('div', { class: 'me' }, who, out),
    );
    return element('div', { class: 'frame' }, skip, top, nav, main);
}

function markPlace(): void {
    const [, plural] = window.location.hash.split(/[/?]/);
    for (const link of page.querySelectorAll('nav a')) {
        const isHere = link.getAttribute('href') === `#/${plural ?? ''}`;
        if (isHere) link.setAttribute('aria-current', 'page');
        else link.removeAttribute('aria-current');
    }
}

async function partOf(catalog: Catalog): Promise<HTMLElement> {
    const [path = '', query = ''] = window.location.hash.slice(1).split('?');
    const [, plural = '', id = ''] = path.split('/');
    const given = Object.fromEntries(new URLSearchParams(query));
    const entity = entityByPlural(catalog, plural);
    if (entity === undefined) return home(catalog);
    if (id !== '') return recordPage(catalog, entity, id, given);
    if (!entity.isSingle) return new ListView(catalog, entity).element;
    const { rows } = await list(entity.plural, new URLSearchParams({ limit: '1' }));
    return recordPage(catalog, entity, rows[0]?.id ?? '', given);
}

async function show(catalog: Catalog, main: HTMLElement): Promise<void> {
    markPlace();
    const place = window.location.hash;
    try {
        const part = await partOf(catalog);
        if (window.location.hash !== place) return;
        main.replaceChildren(part);
        const heading = main.querySelector('h1')?.textContent ?? '';
        document.title = heading === '' ? 'Atrium' : `${heading} – Atrium`;
    } catch (error) {
        if (error instanceof Problem && error.status === 401) return start();
        const text = error instanceof Problem ? error.message : String(error);
        const isGone = error instanceof Problem && error.status === 404;
        main.replaceChildren(
            element('h1', {}, isGone ? 'Not here' : 'Something went wrong'),
            element('p', {}, text),
        );
    }
}

let redraw: () => void = () => {};
window.addEventListener('hashchange', () => redraw());

async function start(): Promise<void> {
    redraw = () => void start();
    const form = linkPage(start);
    if (form !== null) {
        page.replaceChildren(element('main', {}, form));
        page.querySelector('input')?.focus();
        return;
    }
    const me = await whoAmI();
    if (me === null) {
        document.title = 'Sign in – Atrium';
        page.replaceChildren(enterPage(start, false));
        page.querySelector('input')?.focus();
        return;
    }
    const catalog = await readCatalog();
    const main = element('main', { id: 'main', tabindex: -1 });
    page.replaceChildren(frame(catalog, me, main));
    redraw = () => (linkPage(start) === null ? void show(catalog, main) : void start());
    redraw();
}

start().catch((error: unknown) => {
    const text = error instanceof Error ? error.message : String(error);
    page.replaceChildren(element('main', {}, element('h1', {}, 'Atrium'), element('p', {}, text)));
    notice(text);
});
