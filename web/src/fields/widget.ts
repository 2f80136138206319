// What a form holds for one field, whatever its kind.
import type { Json } from '../api';
import type { Catalog, Field } from '../catalog';

export interface Widget {
    element: HTMLElement;
    /** The value as the API takes it; null for none. */
    read(): Json;
    focus(): void;
}

export interface WidgetPlace {
    catalog: Catalog;
    field: Field;
    /** Of the input itself, so that its label finds it. */
    id: string;
    value: Json;
}

export type WidgetMaker = (place: WidgetPlace) => Widget;
