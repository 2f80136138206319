// What the server says its records are: everything this page shows is built from it.
import { call, isMap, textOf, type Json } from './api';

export interface Choice {
    value: string;
    label: string;
    color: string;
    /** Not offered any more, but records may have it. */
    isInactive: boolean;
}

export interface Field {
    name: string;
    label: string;
    kind: string;
    isRequired: boolean;
    isIndexed: boolean;
    isComputed: boolean;
    /** The engine's own: when it was made, and by whom. */
    isSystem: boolean;
    /** Others may fill it in, but not who is signed in. */
    isReadOnly: boolean;
    /** The column of the standard list, 0: none. */
    list: number;
    max: number;
    /** The set of a choice. */
    set: string;
    /** The entity that a reference leads to. */
    to: string;
    initial: Json;
}

export interface Entity {
    name: string;
    plural: string;
    label: string;
    title: string;
    isSingle: boolean;
    /** Lies under another record, whose page lists it. */
    isPart: boolean;
    fields: Field[];
}

export interface ChoiceSet {
    isOpen: boolean;
    choices: Choice[];
}

export interface Catalog {
    entities: Entity[];
    sets: Map<string, ChoiceSet>;
}

function numberOf(value: Json | undefined): number {
    return typeof value === 'number' ? value : 0;
}

function mapsOf(value: Json | undefined): { [name: string]: Json }[] {
    return Array.isArray(value) ? value.filter(isMap) : [];
}

function fieldOf(given: { [name: string]: Json }): Field {
    return {
        name: textOf(given['name']),
        label: textOf(given['label']) || textOf(given['name']),
        kind: textOf(given['kind']),
        isRequired: given['required'] === true,
        isIndexed: given['indexed'] === true,
        isComputed: given['computed'] === true,
        isSystem: given['system'] === true,
        isReadOnly: given['read_only'] === true,
        list: numberOf(given['list']),
        max: numberOf(given['max']),
        set: textOf(given['set']),
        to: textOf(given['to']),
        initial: given['default'] ?? null,
    };
}

function setOf(given: { [name: string]: Json }): ChoiceSet {
    return {
        isOpen: given['open'] === true,
        choices: mapsOf(given['choices']).map((choice) => ({
            value: textOf(choice['value']),
            label: textOf(choice['label']) || textOf(choice['value']),
            color: textOf(choice['color']),
            isInactive: choice['inactive'] === true,
        })),
    };
}

export async function readCatalog(): Promise<Catalog> {
    const { body } = await call('GET', 'schema');
    const map = isMap(body) ? body : {};
    const entities = mapsOf(map['entities']).map((given) => ({
        name: textOf(given['name']),
        plural: textOf(given['plural']),
        label: textOf(given['label']) || textOf(given['name']),
        title: textOf(given['title']),
        isSingle: given['single'] === true,
        isPart: textOf(given['via']) !== '',
        fields: mapsOf(given['fields']).map(fieldOf),
    }));
    const sets = new Map(mapsOf(map['sets']).map((given) => [textOf(given['name']), setOf(given)]));
    return { entities, sets };
}

export function entityByPlural(catalog: Catalog, plural: string): Entity | undefined {
    return catalog.entities.find((entity) => entity.plural === plural);
}

export function entityByName(catalog: Catalog, name: string): Entity | undefined {
    return catalog.entities.find((entity) => entity.name === name);
}

/** A collection's name as a heading: `line_items` is `Line items`. */
export function headingOf(entity: Entity): string {
    const words = entity.plural.replaceAll('_', ' ');
    return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Entities that one begins with: the richest first, what there is only one of last. */
export function mainEntities(catalog: Catalog): Entity[] {
    const rank = (entity: Entity): number => (entity.isSingle ? 0 : entity.fields.length);
    const chosen = catalog.entities.filter((entity) => !entity.isPart);
    return chosen.sort((a, b) => rank(b) - rank(a));
}

/** Columns of the standard list, in their order. */
export function columnsOf(entity: Entity): Field[] {
    const chosen = entity.fields.filter((field) => field.list > 0);
    if (chosen.length === 0) return entity.fields.filter((field) => field.name === entity.title);
    return chosen.sort((a, b) => a.list - b.list);
}

/** Fields that a person may fill in. */
export function editableOf(entity: Entity): Field[] {
    return entity.fields.filter((field) => !field.isComputed && !field.isReadOnly);
}
