// Widgets of single values that are typed: texts, numbers, days, times, links.
import { isMap, textOf, type Json } from '../api';
import { element } from '../element';
import type { Widget, WidgetMaker, WidgetPlace } from './widget';

type Input = HTMLInputElement | HTMLTextAreaElement;

function widgetOf(input: Input, read: (text: string) => Json): Widget {
    return {
        element: input,
        read: () => (input.value.trim() === '' ? null : read(input.value)),
        focus: () => input.focus(),
    };
}

function makeInput(place: WidgetPlace, type: string, text: string): HTMLInputElement {
    const { field, id } = place;
    const input = element('input', {
        id,
        type,
        maxlength: type === 'text' && field.max > 0 ? field.max : null,
        'aria-required': field.isRequired,
        autocomplete: 'off',
    });
    input.value = text;
    return input;
}

export const text: WidgetMaker = (place) =>
    widgetOf(makeInput(place, 'text', textOf(place.value)), (value) => value);

/** What is there is not shown; left empty it stays. */
export const secret: WidgetMaker = (place) => {
    const input = makeInput(place, 'password', '');
    const isThere = place.value === true;
    if (isThere) input.placeholder = '••••••••';
    input.autocomplete = 'new-password';
    return {
        element: input,
        read: () => (input.value === '' ? (isThere ? true : null) : input.value),
        focus: () => input.focus(),
    };
};

export const url: WidgetMaker = (place) => {
    const input = makeInput(place, 'url', textOf(place.value));
    input.placeholder = 'https://';
    return widgetOf(input, (value) => value.trim());
};

export const longText: WidgetMaker = ({ id, value }) => {
    const input = element('textarea', { id, rows: 4 });
    input.value = textOf(value);
    return widgetOf(input, (given) => given);
};

/** What is no number goes to the server as it is, which says why it does not take it. */
export const number: WidgetMaker = (place) => {
    const input = makeInput(place, 'text', place.value === null ? '' : String(place.value));
    input.inputMode = 'decimal';
    return widgetOf(input, (value) => {
        const given = Number(value.trim().replace(',', '.'));
        return Number.isNaN(given) ? value : given;
    });
};

export const date: WidgetMaker = (place) =>
    widgetOf(makeInput(place, 'date', textOf(place.value)), (value) => value);

/** Shown in the reader's own time zone, sent in UTC. */
export const time: WidgetMaker = (place) => {
    const given = textOf(place.value);
    let local = '';
    if (given !== '') {
        const moment = new Date(given);
        const shifted = new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000);
        local = shifted.toISOString().slice(0, 16);
    }
    return widgetOf(makeInput(place, 'datetime-local', local), (value) =>
        value === local ? given : new Date(value).toISOString(),
    );
};

export const boolean: WidgetMaker = ({ id, value }) => {
    const input = element('input', { id, type: 'checkbox' });
    input.checked = value === true;
    return { element: input, read: () => input.checked, focus: () => input.focus() };
};

export const money: WidgetMaker = (place) => {
    const given = isMap(place.value) ? place.value : {};
    const digitsOf = (code: string): number => {
        try {
            const format = new Intl.NumberFormat('en', { style: 'currency', currency: code });
            return format.resolvedOptions().maximumFractionDigits ?? 2;
        } catch {
            return 2;
        }
    };
    const code = textOf(given['currency']) || 'EUR';
    const units = typeof given['amount'] === 'number' ? given['amount'] : null;
    const shown = units === null ? '' : (units / 10 ** digitsOf(code)).toFixed(digitsOf(code));
    const amount = makeInput(place, 'text', shown);
    amount.inputMode = 'decimal';
    const currency = element('input', { type: 'text', 'aria-label': 'Currency', size: 4 });
    currency.value = code;
    return {
        element: element('div', { class: 'pair' }, amount, currency),
        read: () => {
            if (amount.value.trim() === '') return null;
            const chosen = currency.value.trim().toUpperCase();
            const typed = Number(amount.value.trim().replace(',', '.'));
            if (Number.isNaN(typed)) return amount.value;
            return { amount: Math.round(typed * 10 ** digitsOf(chosen)), currency: chosen };
        },
        focus: () => amount.focus(),
    };
};
