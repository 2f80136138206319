// One record as a form, built from its entity's fields; says at each field what the server says of
// it.
import { call, isMap, Problem, type Fault, type Json, type Row } from './api';
import { editableOf, type Catalog, type Entity, type Field } from './catalog';
import { element, newId, notice, whileBusy } from './element';
import { makeWidget } from './fields/kinds';
import type { Widget } from './fields/widget';

interface Line {
    field: Field;
    widget: Widget;
    before: string;
    line: HTMLElement;
    fault: HTMLElement;
}

function isEmpty(value: Json): boolean {
    return value === null || (Array.isArray(value) && value.length === 0);
}

export interface FormOptions {
    catalog: Catalog;
    entity: Entity;
    /** The record that is changed; null makes a new one. */
    record: Row | null;
    etag: string;
    /** Values that a new record begins with. */
    given: Record<string, string>;
    saved: (record: Row, etag: string) => void;
}

export class RecordForm {
    readonly element = element('form', { class: 'record', novalidate: true });
    private readonly lines: Line[] = [];
    private readonly summary = element('div', {
        class: 'fault summary',
        role: 'alert',
        hidden: true,
    });
    private readonly save = element('button', { type: 'submit', class: 'main' });

    constructor(private readonly options: FormOptions) {
        this.save.append(options.record === null ? 'Create' : 'Save');
        const fields = editableOf(options.entity);
        const important = fields.filter((field) => field.isRequired || field.list > 0);
        const others = fields.filter((field) => !important.includes(field));
        this.element.append(this.summary, this.group(important));
        if (others.length > 0) {
            const rest = element('details', {}, element('summary', {}, 'More'), this.group(others));
            rest.open = others.some((field) => !isEmpty(options.record?.[field.name] ?? null));
            this.element.append(rest);
        }
        const path = `#/${options.entity.plural}`;
        const back = element('a', { class: 'button quiet', href: path }, 'Back to the list');
        this.element.append(element('div', { class: 'actions' }, this.save, back));
        this.element.addEventListener('submit', (event) => {
            event.preventDefault();
            void whileBusy(this.save, () => this.submit());
        });
    }

    private group(fields: Field[]): HTMLElement {
        const box = element('div', { class: 'fields' });
        for (const field of fields) box.append(this.lineOf(field));
        return box;
    }

    private lineOf(field: Field): HTMLElement {
        const { catalog, record, given } = this.options;
        const id = newId();
        const faultId = newId();
        const value = record === null ? (given[field.name] ?? field.initial) : record[field.name];
        const widget = makeWidget({ catalog, field, id, value: value ?? null });
        const label = element('label', { for: id }, field.label);
        if (field.isRequired) label.append(element('span', { class: 'required' }, ' (required)'));
        const fault = element('p', { id: faultId, class: 'fault', hidden: true });
        const kind = `field kind-${field.kind.replaceAll('_', '-')}`;
        const line = element('div', { class: kind }, label, widget.element, fault);
        line.querySelector(`#${id}`)?.setAttribute('aria-describedby', faultId);
        // What a new record begins with counts as changed, so that it is sent.
        const before = record === null ? 'null' : JSON.stringify(widget.read());
        this.lines.push({ field, widget, before, line, fault });
        return line;
    }

    /** What is to be sent: for a record that is there only what differs. */
    private changes(): { [name: string]: Json } {
        const changed: { [name: string]: Json } = {};
        const isNew = this.options.record === null;
        for (const { field, widget, before } of this.lines) {
            const value = widget.read();
            if (isNew ? isEmpty(value) : JSON.stringify(value) === before) continue;
            changed[field.name] = value;
        }
        return changed;
    }

    private async submit(): Promise<void> {
        const { entity, record, etag, saved } = this.options;
        this.showFaults('', []);
        try {
            const guard: Record<string, string> = etag === '' ? {} : { 'if-match': etag };
            const answer =
                record === null
                    ? await call('POST', entity.plural, this.changes())
                    : await call('PATCH', `${entity.plural}/${record.id}`, this.changes(), guard);
            notice(record === null ? 'Created.' : 'Saved.');
            if (isMap(answer.body)) saved(answer.body as Row, answer.etag);
        } catch (error) {
            if (!(error instanceof Problem)) throw error;
            const isOld = error.status === 412;
            const text = isOld
                ? 'Somebody else changed this meanwhile. Reload to see it; yours is still here.'
                : error.message;
            this.showFaults(text, error.faults);
        }
    }

    private showFaults(text: string, faults: Fault[]): void {
        const items = element('ul');
        let first: Widget | null = null;
        for (const { field, widget, line, fault } of this.lines) {
            const own = faults.filter(
                (item) => item.field === field.name || item.field.startsWith(`${field.name}.`),
            );
            const messages = own.map((item) =>
                item.field === field.name ? item.message : `${item.field}: ${item.message}`,
            );
            fault.textContent = messages.join(' ');
            fault.hidden = own.length === 0;
            line.classList.toggle('wrong', own.length > 0);
            const input = line.querySelector('input, select, textarea');
            if (own.length > 0) input?.setAttribute('aria-invalid', 'true');
            else input?.removeAttribute('aria-invalid');
            if (own.length > 0) {
                first ??= widget;
                const details = line.closest('details');
                if (details !== null) details.open = true;
                items.append(element('li', {}, `${field.label}: ${fault.textContent}`));
            }
        }
        this.summary.replaceChildren(element('p', {}, text), items);
        this.summary.hidden = text === '';
        if (text !== '') (first ?? { focus: () => this.summary.scrollIntoView() }).focus();
    }
}
