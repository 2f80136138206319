// The portal's page: what a contact sees of the client that it has chosen, built from what the
// server says there is. The address behind `#` is the only state.
import { call, list, Problem, signOut, whoAmI, type Me, type Portal, type Row } from './api';
import { editableOf, entityByPlural, headingOf, readCatalog } from './catalog';
import { columnsOf, type Catalog, type Entity, type Field } from './catalog';
import { button, element, newId, notice } from './element';
import { enterPage, linkPage } from './enter';
import { RecordForm } from './form';
import { titleOf, valueNode } from './show';

const ROWS_SHOWN = 200;
const ROWS_AT_HOME = 5;

const page = document.getElementById('page') as HTMLElement;

interface Seen {
    catalog: Catalog;
    me: Me;
    portal: Portal;
}

function referencesOf(entity: Entity): string {
    const names = entity.fields.filter((field) => field.kind === 'reference' && !field.isSystem);
    return names.map((field) => field.name).join(',');
}

async function rowsOf(entity: Entity, limit: number, words = ''): Promise<Row[]> {
    const query = new URLSearchParams({ limit: String(limit) });
    const expanded = referencesOf(entity);
    if (expanded !== '') query.set('expand', expanded);
    if (words !== '') query.set('q', words);
    return (await list(entity.plural, query)).rows;
}

function shownFields(entity: Entity): Field[] {
    return entity.fields.filter((field) => !field.isSystem);
}

function mayEdit({ me, portal }: Seen, entity: Entity): boolean {
    return portal.viewedBy === '' && (me.entities[entity.name] ?? []).includes('edit');
}

/** All that a record says, as a list of names and values. */
function details({ catalog }: Seen, entity: Entity, row: Row): HTMLElement {
    const all = element('dl', { class: 'details' });
    for (const field of shownFields(entity)) {
        const value = valueNode(catalog, field, row[field.name] ?? null, 20);
        if (value.textContent === '') continue;
        all.append(element('dt', {}, field.label), element('dd', {}, value));
    }
    return all;
}

function tableOf({ catalog }: Seen, entity: Entity, rows: Row[]): HTMLElement {
    const columns = columnsOf(entity).slice(0, 5);
    const head = element('tr');
    for (const field of columns) head.append(element('th', { scope: 'col' }, field.label));
    const body = element('tbody');
    for (const row of rows) {
        const line = element('tr');
        columns.forEach((field, at) => {
            if (at > 0)
                line.append(element('td', {}, valueNode(catalog, field, row[field.name] ?? null)));
            else {
                const link = { href: `#/${entity.plural}/${row.id}` };
                const title = titleOf(catalog, entity.name, row);
                line.append(element('th', { scope: 'row' }, element('a', link, title)));
            }
        });
        body.append(line);
    }
    const caption = element('caption', { class: 'unseen' }, headingOf(entity));
    const table = element('table', {}, caption, element('thead', {}, head), body);
    return element('div', { class: 'scroll' }, table);
}

interface Part {
    element: HTMLElement;
    isOfClient: boolean;
}

async function part(seen: Seen, entity: Entity): Promise<Part | null> {
    const rows = await rowsOf(entity, ROWS_AT_HOME + 1);
    const [first] = rows;
    if (first === undefined) return null;
    const id = newId();
    const heading = element('h2', { id }, rows.length > 1 ? headingOf(entity) : entity.label);
    const section = element('section', { class: 'part', 'aria-labelledby': id }, heading);
    if (rows.length > 1) section.append(tableOf(seen, entity, rows.slice(0, ROWS_AT_HOME)));
    else section.append(details(seen, entity, first));
    const more = { class: 'more', href: `#/${entity.plural}` };
    if (rows.length > ROWS_AT_HOME) section.append(element('a', more, 'See all'));
    if (rows.length === 1 && mayEdit(seen, entity)) {
        const change = { class: 'more', href: `#/${entity.plural}/${first.id}` };
        section.append(element('a', change, 'Change'));
    }
    return { element: section, isOfClient: first.id === seen.portal.client };
}

async function home(seen: Seen): Promise<HTMLElement> {
    const { portal, me, catalog } = seen;
    const client = portal.clients.find((known) => known.id === portal.client);
    const section = element('section', {}, element('h1', {}, client?.name ?? `Hello, ${me.name}`));
    const parts = await Promise.all(catalog.entities.map((entity) => part(seen, entity)));
    const there = parts.filter((made) => made !== null);
    // What is said of the client itself stands first.
    there.sort((a, b) => Number(b.isOfClient) - Number(a.isOfClient));
    section.append(...there.map((made) => made.element));
    if (there.length === 0)
        section.append(element('p', {}, 'There is nothing to see here at the moment.'));
    return section;
}

async function listPage(seen: Seen, entity: Entity): Promise<HTMLElement> {
    const id = newId();
    const input = element('input', { id, type: 'search', autocomplete: 'off' });
    const body = element('div');
    const summary = element('p', { class: 'summary', role: 'status' });
    const draw = async (): Promise<void> => {
        const rows = await rowsOf(entity, ROWS_SHOWN, input.value.trim());
        body.replaceChildren(...(rows.length > 0 ? [tableOf(seen, entity, rows)] : []));
        summary.textContent = rows.length === 0 ? 'Nothing was found.' : '';
    };
    const search = element('form', { class: 'tools', role: 'search' });
    search.append(element('label', { for: id }, 'Search'), input);
    search.addEventListener('submit', (event) => {
        event.preventDefault();
        void draw();
    });
    await draw();
    return element('section', {}, element('h1', {}, headingOf(entity)), search, body, summary);
}

async function recordPage(seen: Seen, entity: Entity, id: string): Promise<HTMLElement> {
    const { catalog } = seen;
    const expanded = referencesOf(entity);
    const query = expanded === '' ? '' : `?expand=${expanded}`;
    const { body, etag } = await call('GET', `${entity.plural}/${id}${query}`);
    const record = body as Row;
    const over = element('a', { href: `#/${entity.plural}` }, headingOf(entity));
    const section = element('section', {}, element('p', { class: 'over' }, over));
    section.append(element('h1', {}, titleOf(catalog, entity.name, record)));
    section.append(details(seen, entity, record));
    if (!mayEdit(seen, entity) || editableOf(entity).length === 0) return section;
    const saved = (): void => redraw();
    const form = new RecordForm({ catalog, entity, record, etag, given: {}, saved });
    section.append(element('h2', {}, 'Change'), form.element);
    return section;
}

async function partOf(seen: Seen): Promise<HTMLElement> {
    const [, plural = '', id = ''] = window.location.hash.split('/');
    const entity = entityByPlural(seen.catalog, plural);
    if (entity === undefined) return home(seen);
    return id === '' ? listPage(seen, entity) : recordPage(seen, entity, id);
}

/** Which client is shown; a choice where there are several. */
function chooser({ portal }: Seen): HTMLElement | null {
    if (portal.clients.length < 2) return null;
    const id = newId();
    const select = element('select', { id });
    for (const client of portal.clients)
        select.append(element('option', { value: client.id }, client.name));
    select.value = portal.client;
    select.addEventListener('change', async () => {
        await call('POST', 'session/client', { client: select.value });
        window.history.replaceState(null, '', '#/');
        await start();
    });
    return element('div', { class: 'chooser' }, element('label', { for: id }, 'Client'), select);
}

function frame(seen: Seen, main: HTMLElement): HTMLElement {
    const { me, portal, catalog } = seen;
    const skip = element('a', { class: 'skip', href: '#main' }, 'Skip to the content');
    skip.addEventListener('click', (event) => {
        event.preventDefault();
        main.focus();
    });
    const out = button('Sign out', () => void signOut().then(start), { class: 'quiet' });
    const brand = element('a', { class: 'brand', href: '#/' }, me.firm);
    const who = element('span', { class: 'who' }, me.name || me.email);
    const side = element('div', { class: 'me' }, chooser(seen), who, out);
    const links = catalog.entities.map((entity) =>
        element('li', {}, element('a', { href: `#/${entity.plural}` }, headingOf(entity))),
    );
    const start_ = element('li', {}, element('a', { href: '#/' }, 'Overview'));
    const nav = element('nav', { 'aria-label': 'Parts' }, element('ul', {}, start_, ...links));
    const viewed = `You see the portal as ${me.name} does. Nothing can be changed.`;
    const banner =
        portal.viewedBy === '' ? null : element('p', { class: 'banner', role: 'status' }, viewed);
    return element(
        'div',
        { class: 'frame' },
        skip,
        element('header', { class: 'top' }, brand, side),
        nav,
        element('div', { class: 'middle' }, banner, main),
    );
}

function markPlace(): void {
    const [, plural = ''] = window.location.hash.split('/');
    for (const link of page.querySelectorAll('nav a')) {
        if (link.getAttribute('href') === `#/${plural}`) link.setAttribute('aria-current', 'page');
        else link.removeAttribute('aria-current');
    }
}

async function show(seen: Seen, main: HTMLElement): Promise<void> {
    markPlace();
    const place = window.location.hash;
    try {
        const made = await partOf(seen);
        if (window.location.hash !== place) return;
        main.replaceChildren(made);
        document.title = `${main.querySelector('h1')?.textContent ?? ''} – ${seen.me.firm}`;
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

let redraw: () => void = () => {};
window.addEventListener('hashchange', () => redraw());

async function start(): Promise<void> {
    redraw = () => void start();
    const form = linkPage(start);
    if (form !== null) {
        document.title = 'Portal';
        page.replaceChildren(element('main', {}, form));
        page.querySelector('input')?.focus();
        return;
    }
    const me = await whoAmI();
    if (me === null || me.portal === null) {
        document.title = 'Sign in – Portal';
        page.replaceChildren(enterPage(start, true));
        page.querySelector('input')?.focus();
        return;
    }
    const seen = { catalog: await readCatalog(), me, portal: me.portal };
    const main = element('main', { id: 'main', tabindex: -1 });
    page.replaceChildren(frame(seen, main));
    redraw = () => (linkPage(start) === null ? void show(seen, main) : void start());
    redraw();
}

start().catch((error: unknown) => {
    const text = error instanceof Error ? error.message : String(error);
    page.replaceChildren(element('main', {}, element('h1', {}, 'Portal'), element('p', {}, text)));
    notice(text);
});
