// One record's page: its form, what lies under it, its history, and its deletion.
import { call, isMap, Problem, textOf, type Json, type Row } from './api';
import { entityByName, headingOf, type Catalog, type Entity, type Field } from './catalog';
import { button, confirmed, element, notice } from './element';
import { RecordForm } from './form';
import { ListView } from './list';
import { titleOf, valueNode } from './show';

const EXPANDED_MAX = 8;
const LISTED_MAX = 20;

/** References of other entities that lead to this one: what may be listed under it. */
function partsOf(catalog: Catalog, entity: Entity): { part: Entity; field: Field }[] {
    const parts: { part: Entity; field: Field }[] = [];
    for (const part of catalog.entities) {
        for (const field of part.fields) {
            const leadsHere = field.kind === 'reference' && field.to === entity.name;
            if (leadsHere && field.isIndexed && field.isRequired && part !== entity)
                parts.push({ part, field });
        }
    }
    return parts;
}

async function readRecord(entity: Entity, id: string): Promise<{ row: Row; etag: string }> {
    const references = entity.fields.filter(
        (field) => field.kind === 'reference' || field.kind === 'references',
    );
    const names = references.slice(0, EXPANDED_MAX).map((field) => field.name);
    const query = names.length > 0 ? `?expand=${names.join(',')}` : '';
    const { body, etag } = await call('GET', `${entity.plural}/${id}${query}`);
    return { row: body as Row, etag };
}

export async function recordPage(
    catalog: Catalog,
    entity: Entity,
    id: string,
    given: Record<string, string>,
): Promise<HTMLElement> {
    const page = element('section');
    if (id === 'new') {
        const open = (made: Row): void => {
            window.location.hash = `#/${entity.plural}/${made.id}`;
        };
        const options = { catalog, entity, record: null, etag: '', given, saved: open };
        const title = element('h1', {}, `New ${entity.label.toLowerCase()}`);
        page.append(element('header', { class: 'bar' }, title), new RecordForm(options).element);
        return page;
    }
    const draw = async (): Promise<void> => {
        const { row, etag } = await readRecord(entity, id);
        const title = element('h1', {}, titleOf(catalog, entity.name, row));
        const over = element('a', { href: `#/${entity.plural}` }, headingOf(entity));
        const heading = element('div', {}, element('p', { class: 'over' }, over), title);
        const bar = element('header', { class: 'bar' }, heading);
        if (!entity.isSingle) bar.append(deletion(entity, row, etag));
        const saved = (): void => void draw();
        const form = new RecordForm({ catalog, entity, record: row, etag, given: {}, saved });
        const parts = partsOf(catalog, entity).map(
            ({ part, field }) =>
                new ListView(catalog, part, { fixed: { [field.name]: id }, isPart: true }).element,
        );
        page.replaceChildren(bar, form.element, ...parts, history(catalog, entity, id));
    };
    await draw();
    return page;
}

function deletion(entity: Entity, row: Row, etag: string): HTMLElement {
    const run = async (): Promise<void> => {
        const what = entity.label.toLowerCase();
        const question = `Delete this ${what}? What lies under it goes with it.`;
        if (!(await confirmed(question, 'Delete'))) return;
        try {
            await call('DELETE', `${entity.plural}/${row.id}`, undefined, { 'if-match': etag });
            notice('Deleted.');
            window.location.hash = `#/${entity.plural}`;
        } catch (error) {
            if (!(error instanceof Problem)) throw error;
            notice(error.message);
        }
    };
    return button('Delete', () => void run(), { class: 'danger' });
}

/** `Status: Active → Past`, as the values are shown everywhere else. */
function changeLine(catalog: Catalog, entity: Entity, name: string, change: Json): HTMLElement {
    const field = entity.fields.find((item) => item.name === name);
    const pair = isMap(change) ? change : {};
    const shown = (value: Json | undefined): Node => {
        const isNone = value === null || value === undefined;
        if (isNone || (Array.isArray(value) && value.length === 0))
            return document.createTextNode('—');
        if (field === undefined) return document.createTextNode(JSON.stringify(value));
        return valueNode(catalog, field, value, LISTED_MAX);
    };
    const line = element('li', {}, `${field?.label ?? name}: `);
    line.append(shown(pair['old']), ' → ', shown(pair['new']));
    return line;
}

/** Names of those who changed something, each asked for once. */
class Actors {
    private readonly known = new Map<string, string>();
    private readonly target: Entity | undefined;

    constructor(
        private readonly catalog: Catalog,
        entity: Entity,
    ) {
        const field = entity.fields.find((item) => item.name === 'updated_by');
        this.target = entityByName(catalog, field?.to ?? '');
    }

    async of(id: string): Promise<string> {
        if (this.target === undefined || id === '') return '';
        if (!this.known.has(id)) {
            const answer = await call('GET', `${this.target.plural}/${id}`).catch(() => null);
            const row = answer?.body as Row | undefined;
            const isThere = row !== undefined && row !== null;
            this.known.set(id, isThere ? titleOf(this.catalog, this.target.name, row) : '');
        }
        return this.known.get(id) ?? '';
    }
}

/** Loaded only when it is opened. */
function history(catalog: Catalog, entity: Entity, id: string): HTMLElement {
    const entries = element('ol', { class: 'history' });
    const details = element('details', {}, element('summary', {}, 'History'), entries);
    details.addEventListener('toggle', async () => {
        if (!details.open || entries.childElementCount > 0) return;
        const names = new Actors(catalog, entity);
        const { body } = await call('GET', `${entity.plural}/${id}/history`);
        const data = isMap(body) && Array.isArray(body['data']) ? body['data'].filter(isMap) : [];
        for (const entry of data) {
            const moment = new Date(textOf(entry['at']));
            const who = await names.of(textOf(entry['actor']));
            const what = [textOf(entry['operation']), who].filter((text) => text !== '').join(', ');
            const changes = isMap(entry['changes']) ? Object.entries(entry['changes']) : [];
            const lines = changes.map(([name, change]) =>
                changeLine(catalog, entity, name, change),
            );
            const head = element('p', {}, element('time', {}, moment.toLocaleString()), ` ${what}`);
            entries.append(element('li', {}, head, element('ul', {}, ...lines)));
        }
    });
    return details;
}
