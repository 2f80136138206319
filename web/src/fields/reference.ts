// The widget of a reference: an existing record found by its words, or a new one made along with
// this.
import { isMap, list, textOf, type Json, type Row } from '../api';
import { columnsOf, entityByName, type Entity } from '../catalog';
import { button, element, newId } from '../element';
import { titleOf } from '../show';
import { makeWidget } from './kinds';
import type { Widget, WidgetMaker, WidgetPlace } from './widget';

const TYPING_MS = 150;
const OFFERED_MAX = 8;

/** Finds a record of one entity by what is typed: an input with a list below it. */
class Finder {
    readonly element: HTMLElement;
    readonly input: HTMLInputElement;
    chosen: string | null;
    private readonly offered: HTMLElement;
    private typing = 0;

    constructor(
        private readonly place: WidgetPlace,
        private readonly target: Entity,
    ) {
        const given = isMap(place.value) ? (place.value as Row) : null;
        this.chosen = given?.id ?? (textOf(place.value) || null);
        const listId = newId();
        this.offered = element('ul', {
            id: listId,
            class: 'offered',
            role: 'listbox',
            hidden: true,
        });
        this.input = element('input', {
            id: place.id,
            type: 'text',
            role: 'combobox',
            autocomplete: 'off',
            'aria-autocomplete': 'list',
            'aria-expanded': 'false',
            'aria-controls': listId,
            placeholder: `Find: ${target.label.toLowerCase()}`,
        });
        this.input.value = given === null ? (this.chosen ?? '') : this.titleOf(given);
        this.element = element('div', { class: 'finder' }, this.input, this.offered);
        this.listen();
    }

    private titleOf(row: Row): string {
        return titleOf(this.place.catalog, this.target.name, row);
    }

    private listen(): void {
        this.input.addEventListener('input', () => {
            this.chosen = null;
            window.clearTimeout(this.typing);
            this.typing = window.setTimeout(() => void this.offer(), TYPING_MS);
        });
        this.input.addEventListener('keydown', (event) => {
            if (event.key === 'Escape') this.show([]);
            if (event.key !== 'ArrowDown') return;
            event.preventDefault();
            (this.offered.firstElementChild as HTMLElement | null)?.focus();
        });
        this.element.addEventListener('focusout', (event) => {
            if (!this.element.contains(event.relatedTarget as Node | null)) this.show([]);
        });
    }

    private async offer(): Promise<void> {
        const words = this.input.value.trim();
        if (words === '') return this.show([]);
        const query = new URLSearchParams({ q: words, limit: String(OFFERED_MAX) });
        const { rows } = await list(this.target.plural, query).catch(() => ({ rows: [] as Row[] }));
        if (this.input.value.trim() === words) this.show(rows);
    }

    private show(rows: Row[]): void {
        this.offered.replaceChildren(...rows.map((row) => this.optionOf(row)));
        this.offered.hidden = rows.length === 0;
        this.input.setAttribute('aria-expanded', String(rows.length > 0));
    }

    private optionOf(row: Row): HTMLElement {
        const text = this.titleOf(row);
        const option = element('li', { role: 'option', tabindex: -1 }, text);
        const take = (): void => {
            this.chosen = row.id;
            this.input.value = text;
            this.input.focus();
            this.show([]);
        };
        option.addEventListener('click', take);
        option.addEventListener('keydown', (event) => {
            const before = option.previousElementSibling ?? this.input;
            if (event.key === 'Enter') take();
            else if (event.key === 'ArrowDown')
                (option.nextElementSibling as HTMLElement | null)?.focus();
            else if (event.key === 'ArrowUp') (before as HTMLElement).focus();
            else if (event.key === 'Escape') this.input.focus();
            else return;
            event.preventDefault();
        });
        return option;
    }

    /**
     * What was typed and not chosen is sent as it is: the server says that it is no such record.
     */
    read(): Json {
        return this.chosen ?? (this.input.value.trim() || null);
    }
}

/** The fields of a new record that is made in the same change. */
function newPart(place: WidgetPlace, target: Entity): Widget {
    const kinds = ['text', 'emails', 'phones', 'choice', 'country'];
    const required = target.fields.filter((field) => field.isRequired);
    const fields = [...new Set([...columnsOf(target), ...required])].filter(
        (field) => kinds.includes(field.kind) && !field.isComputed,
    );
    const body = element('fieldset', { class: 'nested' });
    body.append(element('legend', {}, `New: ${target.label.toLowerCase()}`));
    const widgets = fields.map((field) => {
        const id = newId();
        const widget = makeWidget({ catalog: place.catalog, field, id, value: field.initial });
        const label = element('label', { for: id }, field.label);
        body.append(element('div', { class: 'field' }, label, widget.element));
        return { field, widget };
    });
    const read = (): Json => {
        const made: { [name: string]: Json } = {};
        for (const { field, widget } of widgets) {
            const value = widget.read();
            const isEmpty = value === null || (Array.isArray(value) && value.length === 0);
            if (!isEmpty) made[field.name] = value;
        }
        return made;
    };
    return { element: body, read, focus: () => widgets[0]?.widget.focus() };
}

export const reference: WidgetMaker = (place) => {
    const target = entityByName(place.catalog, place.field.to);
    if (target === undefined) {
        const text = element('input', { id: place.id, type: 'text', disabled: true });
        return { element: text, read: () => place.value, focus: () => text.focus() };
    }
    const finder = new Finder(place, target);
    let part: Widget | null = null;
    const toggle = button(
        'New',
        () => {
            part?.element.remove();
            part = part === null ? newPart(place, target) : null;
            finder.element.hidden = part !== null;
            toggle.textContent = part === null ? 'New' : 'Choose an existing one';
            if (part !== null) body.append(part.element);
            (part ?? { focus: () => finder.input.focus() }).focus();
        },
        { class: 'quiet' },
    );
    const body = element('div', { class: 'reference' }, finder.element, toggle);
    return {
        element: body,
        read: () => (part ?? finder).read(),
        focus: () => (part ?? { focus: () => finder.input.focus() }).focus(),
    };
};

/** Many references: one can be taken out, and others put in. */
export const references: WidgetMaker = (place) => {
    const kept = Array.isArray(place.value) ? [...place.value] : [];
    const body = element('div', { id: place.id });
    const adder = reference({ ...place, id: newId(), value: null });
    const rowOf = (item: Json): HTMLElement => {
        const text = isMap(item)
            ? titleOf(place.catalog, place.field.to, item as Row)
            : textOf(item);
        const row = element('div', { class: 'row' }, element('span', {}, text));
        row.append(
            button(
                'Remove',
                () => {
                    kept.splice(kept.indexOf(item), 1);
                    row.remove();
                },
                { class: 'quiet', 'aria-label': `Remove ${text}` },
            ),
        );
        return row;
    };
    body.append(...kept.map(rowOf), adder.element);
    const read = (): Json => {
        const added = adder.read();
        const ids = kept.map((item) => (isMap(item) ? (item['id'] ?? null) : item));
        return added === null ? ids : [...ids, added];
    };
    return { element: body, read, focus: adder.focus };
};
