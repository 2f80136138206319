// A collection as a table: its standard columns, a search box, filters of choices, sorting, more
// rows.
import { download, list, Problem, type Row } from './api';
import { columnsOf, headingOf, type Catalog, type Entity, type Field } from './catalog';
import { button, element, newId, notice, whileBusy } from './element';
import { titleOf, valueNode } from './show';

const ROWS_EACH = 50;
const EXPANDED_MAX = 8;
const TYPING_MS = 200;

export interface ListOptions {
    /** A filter that stays, such as the parent of these rows. */
    fixed?: Record<string, string>;
    isPart?: boolean;
    /** Whether the list may be taken out as a table. */
    mayExport?: boolean;
}

export class ListView {
    readonly element = element('section', { class: 'list' });
    private readonly columns: Field[];
    private readonly body = element('tbody');
    private readonly summary = element('p', { class: 'summary', role: 'status' });
    private readonly more = button('Show more', () => void this.load(false), { hidden: true });
    private readonly heads = new Map<string, HTMLTableCellElement>();
    private readonly filters = new Map<string, string>();
    private words = '';
    private sort = '';
    private next: string | null = null;
    private shown = 0;
    private turn = 0;

    constructor(
        private readonly catalog: Catalog,
        private readonly entity: Entity,
        private readonly options: ListOptions = {},
    ) {
        const fixed = Object.keys(options.fixed ?? {});
        this.columns = columnsOf(entity).filter((field) => !fixed.includes(field.name));
        this.draw();
        void this.load(true);
    }

    private draw(): void {
        const { entity } = this;
        const isPart = this.options.isPart === true;
        const given = new URLSearchParams(this.options.fixed ?? {}).toString();
        const make = element(
            'a',
            { class: 'button', href: `#/${entity.plural}/new${given === '' ? '' : `?${given}`}` },
            `New ${entity.label.toLowerCase()}`,
        );
        const title = element(isPart ? 'h2' : 'h1', {}, headingOf(entity));
        const take = this.options.mayExport === true ? this.exporter() : null;
        const deeds = element('div', { class: 'actions' }, take, make);
        this.element.append(element('header', { class: 'bar' }, title, deeds));
        if (!isPart) this.element.append(this.tools());
        const head = element('tr');
        for (const field of this.columns) head.append(this.headOf(field));
        const caption = element('caption', { class: 'unseen' }, headingOf(entity));
        const table = element('table', {}, caption, element('thead', {}, head), this.body);
        const scroll = {
            class: 'scroll',
            tabindex: 0,
            role: 'region',
            'aria-label': headingOf(entity),
        };
        this.element.append(element('div', scroll, table), this.summary, this.more);
    }

    private tools(): HTMLElement {
        const id = newId();
        const search = element('input', {
            id,
            type: 'search',
            placeholder: 'Name, e-mail, phone, place…',
        });
        let typing = 0;
        search.addEventListener('input', () => {
            window.clearTimeout(typing);
            typing = window.setTimeout(() => {
                this.words = search.value.trim();
                void this.load(true);
            }, TYPING_MS);
        });
        const form = element('form', { class: 'tools', role: 'search' });
        form.addEventListener('submit', (event) => event.preventDefault());
        form.append(
            element('div', { class: 'field' }, element('label', { for: id }, 'Search'), search),
        );
        for (const field of this.columns) {
            if (field.kind === 'choice' && field.isIndexed) form.append(this.filterOf(field));
        }
        return form;
    }

    /** Takes out what the list shows, all pages of it. */
    private exporter(): HTMLElement {
        const { plural } = this.entity;
        const run = async (): Promise<void> => {
            const path = `${plural}/export?${this.asked().toString()}`;
            try {
                await download(path, 'text/csv', `${plural}.csv`);
            } catch (error) {
                if (!(error instanceof Problem)) throw error;
                notice(error.message);
            }
        };
        const made = button('Export', () => void whileBusy(made, run));
        return made;
    }

    private filterOf(field: Field): HTMLElement {
        const id = newId();
        const select = element('select', { id }, element('option', { value: '' }, 'All'));
        for (const choice of this.catalog.sets.get(field.set)?.choices ?? [])
            select.append(element('option', { value: choice.value }, choice.label));
        select.addEventListener('change', () => {
            this.filters.set(field.name, select.value);
            void this.load(true);
        });
        const label = element('label', { for: id }, field.label);
        return element('div', { class: 'field' }, label, select);
    }

    /** Values with a list of several have no single order, so they are not sorted by. */
    private headOf(field: Field): HTMLElement {
        const head = element('th', { scope: 'col' });
        const lists = ['emails', 'phones', 'choices', 'references', 'reference'];
        if (!field.isIndexed || lists.includes(field.kind)) {
            head.append(field.label);
            return head;
        }
        head.append(button(field.label, () => this.sortBy(field), { class: 'sort' }));
        this.heads.set(field.name, head);
        return head;
    }

    private sortBy(field: Field): void {
        this.sort = this.sort === field.name ? `-${field.name}` : field.name;
        for (const [name, head] of this.heads) {
            head.removeAttribute('aria-sort');
            if (this.sort === name) head.setAttribute('aria-sort', 'ascending');
            if (this.sort === `-${name}`) head.setAttribute('aria-sort', 'descending');
        }
        void this.load(true);
    }

    /** Which records are meant, in which order. */
    private asked(): URLSearchParams {
        const query = new URLSearchParams(this.options.fixed ?? {});
        for (const [name, value] of this.filters) if (value !== '') query.set(name, value);
        if (this.words !== '') query.set('q', this.words);
        if (this.sort !== '') query.set('sort', this.sort);
        return query;
    }

    private query(): URLSearchParams {
        const query = this.asked();
        query.set('limit', String(ROWS_EACH));
        const expanded = this.columns.filter((field) => field.kind === 'reference');
        const names = expanded.slice(0, EXPANDED_MAX).map((field) => field.name);
        if (names.length > 0) query.set('expand', names.join(','));
        return query;
    }

    /**
     * Loads from the start or goes on; an answer that another question has overtaken is dropped.
     */
    private async load(isFresh: boolean): Promise<void> {
        const turn = ++this.turn;
        const query = this.query();
        if (!isFresh && this.next !== null) query.set('after', this.next);
        this.more.disabled = true;
        try {
            const page = await list(this.entity.plural, query);
            if (turn !== this.turn) return;
            const rows = page.rows.map((row) => this.rowOf(row));
            if (isFresh) this.body.replaceChildren(...rows);
            else this.body.append(...rows);
            this.shown = isFresh ? rows.length : this.shown + rows.length;
            this.next = page.next;
            this.summary.textContent = this.summaryText();
        } catch (error) {
            if (turn !== this.turn) return;
            this.summary.textContent = error instanceof Problem ? error.message : String(error);
        }
        this.more.hidden = this.next === null;
        this.more.disabled = false;
    }

    private summaryText(): string {
        if (this.next !== null) return `The first ${this.shown} are shown.`;
        if (this.shown > 0)
            return this.shown === 1 ? 'One is shown.' : `All ${this.shown} are shown.`;
        const isNarrowed =
            this.words !== '' || [...this.filters.values()].some((value) => value !== '');
        return isNarrowed
            ? 'Nothing fits. Try fewer words or other filters.'
            : 'There is none yet.';
    }

    private rowOf(row: Row): HTMLElement {
        const line = element('tr');
        const path = `#/${this.entity.plural}/${row.id}`;
        for (const [at, field] of this.columns.entries()) {
            const value = row[field.name] ?? null;
            const isTitle = field.name === this.entity.title;
            if (at === 0 && (!isTitle || field.kind === 'reference')) {
                const text = titleOf(this.catalog, this.entity.name, row);
                const shown = isTitle
                    ? text
                    : valueNode(this.catalog, field, value).textContent || text;
                line.append(element('th', { scope: 'row' }, element('a', { href: path }, shown)));
            } else if (isTitle) {
                const text = titleOf(this.catalog, this.entity.name, row);
                line.append(element('th', { scope: 'row' }, element('a', { href: path }, text)));
            } else {
                line.append(element('td', {}, valueNode(this.catalog, field, value)));
            }
        }
        return line;
    }
}
