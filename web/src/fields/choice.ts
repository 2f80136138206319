// Widgets of values that come from a list: choices, countries, languages, currencies, time zones.
import { textOf, type Json } from '../api';
import { element, newId } from '../element';
import type { Widget, WidgetMaker, WidgetPlace } from './widget';

interface Option {
    value: string;
    label: string;
}

function select(place: WidgetPlace, options: Option[]): Widget {
    const input = element('select', { id: place.id, 'aria-required': place.field.isRequired });
    const value = textOf(place.value);
    if (!place.field.isRequired || value === '')
        input.append(element('option', { value: '' }, '—'));
    const known = options.some((option) => option.value === value);
    const all = known || value === '' ? options : [...options, { value, label: value }];
    for (const option of all)
        input.append(element('option', { value: option.value }, option.label));
    input.value = value;
    return {
        element: input,
        read: () => (input.value === '' ? null : input.value),
        focus: () => input.focus(),
    };
}

/** Free text with the known values offered. */
function combined(place: WidgetPlace, options: Option[]): Widget {
    const list = newId();
    const input = element('input', { id: place.id, type: 'text', list, autocomplete: 'off' });
    input.value = textOf(place.value);
    const offered = element('datalist', { id: list });
    for (const option of options)
        offered.append(element('option', { value: option.value }, option.label));
    return {
        element: element('div', {}, input, offered),
        read: () => (input.value.trim() === '' ? null : input.value.trim()),
        focus: () => input.focus(),
    };
}

export const choice: WidgetMaker = (place) => {
    const set = place.catalog.sets.get(place.field.set);
    const options = (set?.choices ?? []).filter((option) => !option.isInactive);
    return set?.isOpen === true ? combined(place, options) : select(place, options);
};

/** Many choices: ticked when the set is closed, typed with commas between when it is open. */
export const choices: WidgetMaker = (place) => {
    const set = place.catalog.sets.get(place.field.set);
    const chosen = Array.isArray(place.value) ? place.value.map(textOf) : [];
    if (set?.isOpen !== false) {
        const widget = combined({ ...place, value: chosen.join(', ') }, set?.choices ?? []);
        const read = (): Json => {
            const parts = textOf(widget.read())
                .split(',')
                .map((part) => part.trim());
            return parts.filter((part) => part !== '');
        };
        return { ...widget, read };
    }
    const boxes = set.choices.map((option) => {
        const box = element('input', { type: 'checkbox', value: option.value });
        box.checked = chosen.includes(option.value);
        return { box, label: element('label', { class: 'tick' }, box, option.label) };
    });
    return {
        element: element('div', { id: place.id }, ...boxes.map(({ label }) => label)),
        read: () => boxes.filter(({ box }) => box.checked).map(({ box }) => box.value),
        focus: () => boxes[0]?.box.focus(),
    };
};

/** Two-letter codes that the browser has a name for. */
function namedCodes(type: 'region' | 'language', isUpper: boolean): Option[] {
    const names = new Intl.DisplayNames(undefined, { type, fallback: 'none' });
    const letters = [...(isUpper ? 'ABCDEFGHIJKLMNOPQRSTUVWXYZ' : 'abcdefghijklmnopqrstuvwxyz')];
    const options: Option[] = [];
    for (const first of letters) {
        for (const second of letters) {
            const value = first + second;
            const label = names.of(value);
            if (label !== undefined && label !== value) options.push({ value, label });
        }
    }
    return options.sort((a, b) => a.label.localeCompare(b.label));
}

function listed(key: 'currency' | 'timeZone'): Option[] {
    return Intl.supportedValuesOf(key).map((value) => ({ value, label: value }));
}

export const country: WidgetMaker = (place) => select(place, namedCodes('region', true));
export const language: WidgetMaker = (place) => combined(place, namedCodes('language', false));
export const currency: WidgetMaker = (place) => combined(place, listed('currency'));
export const timezone: WidgetMaker = (place) => combined(place, listed('timeZone'));
