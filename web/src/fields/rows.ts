// The widget of e-mail addresses and telephone numbers: rows with a label, one of them the main
// one.
import { isMap, textOf, type Json } from '../api';
import { button, element, newId } from '../element';
import type { WidgetMaker } from './widget';

interface Line {
    row: HTMLElement;
    value: HTMLInputElement;
    label: HTMLInputElement;
    isMain: HTMLInputElement;
}

function makeRows(type: 'email' | 'tel', what: string): WidgetMaker {
    return ({ id, value, field }) => {
        const lines: Line[] = [];
        const group = newId();
        const body = element('div', { class: 'rows' });
        const add = (given: Json, inputId: string | null): Line => {
            const map = isMap(given) ? given : { value: given };
            const line: Line = {
                row: element('div', { class: 'row' }),
                value: element('input', {
                    id: inputId,
                    type,
                    'aria-label': what,
                    autocomplete: 'off',
                }),
                label: element('input', {
                    type: 'text',
                    'aria-label': 'Label',
                    placeholder: 'label',
                }),
                isMain: element('input', { type: 'radio', name: group }),
            };
            line.value.value = textOf(map['value']);
            line.label.value = textOf(map['label']);
            line.isMain.checked = map['primary'] === true;
            const remove = button(
                'Remove',
                () => {
                    lines.splice(lines.indexOf(line), 1);
                    line.row.remove();
                },
                { class: 'quiet', 'aria-label': `Remove ${what}` },
            );
            const main = element('label', { class: 'tick' }, line.isMain, 'main');
            line.row.append(line.value, line.label, main, remove);
            lines.push(line);
            body.append(line.row);
            return line;
        };
        const items = Array.isArray(value) && value.length > 0 ? value : [null];
        items.forEach((item, at) => add(item, at === 0 ? id : null));
        const more = button(`Add another`, () => add(null, null).value.focus(), {
            class: 'quiet',
            'aria-label': `Add another of ${field.label}`,
        });
        return {
            element: element('div', {}, body, more),
            read: () =>
                lines
                    .filter((line) => line.value.value.trim() !== '')
                    .map((line) => ({
                        value: line.value.value.trim(),
                        label: line.label.value.trim() || null,
                        primary: line.isMain.checked,
                    })),
            focus: () => (lines[0]?.value ?? more).focus(),
        };
    };
}

export const emails = makeRows('email', 'E-mail address');
export const phones = makeRows('tel', 'Telephone number');
