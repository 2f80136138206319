// The portal's page: what a contact sees of the client that it has chosen, built from what the
// server says there is.
import { call, list, type Me, type Portal, type Row } from './api';
import { editableOf, entityByPlural, headingOf, readCatalog } from './catalog';
import { columnsOf, type Catalog, type Entity, type Field } from './catalog';
import { element, newId } from './element';
import { RecordForm } from './form';
import { drawAgain, openDoor, placeNow, startAgain } from './frame';
import { titleOf, valueNode } from './show';

const ROWS_SHOWN = 200;
const ROWS_AT_HOME = 5;

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
    search.append(
        element('div', { class: 'field' }, element('label', { for: id }, 'Search'), input),
    );
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
    const form = new RecordForm({ catalog, entity, record, etag, given: {}, saved: drawAgain });
    section.append(element('h2', {}, 'Change'), form.element);
    return section;
}

async function partOf(seen: Seen): Promise<HTMLElement> {
    const { part: plural, rest: id } = placeNow();
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
        await startAgain();
    });
    return element('div', { class: 'chooser' }, element('label', { for: id }, 'Client'), select);
}

openDoor({
    name: 'Portal',
    hasLinks: true,
    enter: async (me) => {
        if (me.portal === null) return null;
        const seen = { catalog: await readCatalog(), me, portal: me.portal };
        const parts = seen.catalog.entities.map((entity) => ({
            text: headingOf(entity),
            place: entity.plural,
        }));
        const viewed = `You see the portal as ${me.name} does. Nothing can be changed.`;
        const banner = element('p', { class: 'banner', role: 'status' }, viewed);
        return {
            firm: me.firm,
            waysAre: 'Parts',
            ways: [{ text: 'Overview', place: '' }, ...parts],
            aside: chooser(seen),
            banner: me.portal.viewedBy === '' ? null : banner,
            part: () => partOf(seen),
        };
    },
});
