// Values of records as a person reads them, by their field's kind.
import { isMap, textOf, type Json, type Row } from './api';
import { entityByName, type Catalog, type Field } from './catalog';
import { element } from './element';

const days = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeZone: 'UTC' });
const times = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const regions = new Intl.DisplayNames(undefined, { type: 'region', fallback: 'code' });

export function titleOf(catalog: Catalog, entityName: string, row: Row): string {
    const entity = entityByName(catalog, entityName);
    const title = entity === undefined ? '' : row[entity.title];
    if (isMap(title)) return textOf(title['name']) || textOf(title['id']);
    return textOf(title) || row.id;
}

/** A link into this page. */
function recordLink(catalog: Catalog, entityName: string, row: Row): Node {
    const entity = entityByName(catalog, entityName);
    const text = titleOf(catalog, entityName, row);
    if (entity === undefined) return document.createTextNode(text);
    return element('a', { href: `#/${entity.plural}/${row.id}` }, text);
}

function choiceNode(catalog: Catalog, field: Field, value: string): Node {
    const choice = catalog.sets.get(field.set)?.choices.find((item) => item.value === value);
    const badge = element('span', { class: 'badge' }, choice?.label ?? value);
    if (choice !== undefined && /^#[0-9a-f]{6}$/.test(choice.color)) {
        const dot = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
        dot.setAttribute('viewBox', '0 0 8 8');
        dot.setAttribute('aria-hidden', 'true');
        const circle = document.createElementNS('http://www.w3.org/2000/svg', 'circle');
        for (const name of ['cx', 'cy', 'r']) circle.setAttribute(name, '4');
        circle.setAttribute('fill', choice.color);
        dot.append(circle);
        badge.prepend(dot);
    }
    return badge;
}

function addressNode(kind: string, value: string): Node {
    if (kind === 'emails')
        return element('a', { href: `mailto:${encodeURIComponent(value)}` }, value);
    const digits = value.replace(/[^+\d]/g, '');
    return element('a', { href: `tel:${digits}` }, value);
}

function linkNode(value: string): Node {
    if (!/^https?:\/\//i.test(value)) return document.createTextNode(value);
    const attributes = { href: value, rel: 'noopener noreferrer', target: '_blank' };
    return element('a', attributes, value.replace(/^https?:\/\//i, '').replace(/\/$/, ''));
}

function referenceNode(catalog: Catalog, field: Field, value: Json): Node {
    if (isMap(value)) return recordLink(catalog, field.to, value as Row);
    return document.createTextNode(textOf(value));
}

function joined(nodes: Node[]): Node {
    const all = document.createDocumentFragment();
    nodes.forEach((node, at) => all.append(...(at > 0 ? [', ', node] : [node])));
    return all;
}

function moneyText(value: Json): string {
    if (!isMap(value) || typeof value['amount'] !== 'number') return '';
    const currency = textOf(value['currency']);
    const format = new Intl.NumberFormat(undefined, { style: 'currency', currency });
    const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
    return format.format(value['amount'] / 10 ** digits);
}

function countryText(value: string): string {
    return /^[A-Z]{2}$/.test(value) ? (regions.of(value) ?? value) : value;
}

/** One value of a record; empty for none. `limit` cuts long lists in tables. */
export function valueNode(catalog: Catalog, field: Field, value: Json, limit = 3): Node {
    if (value === null || value === undefined || value === '') return document.createTextNode('');
    if (Array.isArray(value)) {
        const shown = value.slice(0, limit).map((item) => itemNode(catalog, field, item));
        if (value.length > limit) shown.push(document.createTextNode(`+${value.length - limit}`));
        return joined(shown);
    }
    switch (field.kind) {
        case 'boolean':
            return document.createTextNode(value === true ? 'Yes' : 'No');
        case 'choice':
            return choiceNode(catalog, field, textOf(value));
        case 'date':
            return document.createTextNode(days.format(new Date(textOf(value))));
        case 'time':
            return document.createTextNode(times.format(new Date(textOf(value))));
        case 'money':
            return document.createTextNode(moneyText(value));
        case 'url':
            return linkNode(textOf(value));
        case 'country':
            return document.createTextNode(countryText(textOf(value)));
        case 'reference':
            return referenceNode(catalog, field, value);
        default:
            return document.createTextNode(isMap(value) ? JSON.stringify(value) : String(value));
    }
}

function itemNode(catalog: Catalog, field: Field, item: Json): Node {
    if (field.kind === 'choices') return choiceNode(catalog, field, textOf(item));
    if (field.kind === 'references') return referenceNode(catalog, field, item);
    if (isMap(item)) return addressNode(field.kind, textOf(item['value']));
    return document.createTextNode(String(item));
}
