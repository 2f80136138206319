// One widget for each kind of field; a kind that has none here is edited as text.
import * as choice from './choice';
import * as reference from './reference';
import * as rows from './rows';
import * as text from './text';
import type { Widget, WidgetMaker, WidgetPlace } from './widget';

const makers: Record<string, () => WidgetMaker> = {
    text: () => text.text,
    long_text: () => text.longText,
    number: () => text.number,
    decimal: () => text.number,
    money: () => text.money,
    date: () => text.date,
    time: () => text.time,
    boolean: () => text.boolean,
    choice: () => choice.choice,
    choices: () => choice.choices,
    emails: () => rows.emails,
    phones: () => rows.phones,
    url: () => text.url,
    country: () => choice.country,
    language: () => choice.language,
    currency: () => choice.currency,
    timezone: () => choice.timezone,
    reference: () => reference.reference,
    references: () => reference.references,
    sealed: () => text.text,
    secret: () => text.secret,
};

export function makeWidget(place: WidgetPlace): Widget {
    const maker = makers[place.field.kind];
    return maker === undefined ? text.text(place) : maker()(place);
}
