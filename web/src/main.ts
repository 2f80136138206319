// The staff page: what there is, lists of records, and their forms.
import { list, type Me } from './api';
import { entityByPlural, headingOf, mainEntities, readCatalog, type Catalog } from './catalog';
import { element } from './element';
import { openDoor, placeNow } from './frame';
import { ListView } from './list';
import { recordPage } from './record';

/** The first page: what there is, and where programs find it. */
function home(catalog: Catalog): HTMLElement {
    const body = element('tbody');
    for (const entity of catalog.entities) {
        const address = `/api/v1/${entity.plural}`;
        const open = element('a', { href: `#/${entity.plural}` }, headingOf(entity));
        body.append(
            element(
                'tr',
                {},
                element('th', { scope: 'row' }, open),
                element('td', {}, element('a', { href: address }, address)),
                element('td', { class: 'number' }, String(entity.fields.length)),
            ),
        );
    }
    const heads = ['Records', 'Address of the API', 'Fields'].map((text) =>
        element('th', { scope: 'col' }, text),
    );
    const table = element('table', {}, element('thead', {}, element('tr', {}, ...heads)), body);
    const others = [
        ['me', 'who is signed in'],
        ['schema', 'the catalog that this page is built from'],
        ['openapi.json', 'the description of the whole API'],
        ['changes', 'the feed of all changes'],
    ].map(([path, text]) =>
        element(
            'li',
            {},
            element('a', { href: `/api/v1/${path}` }, `/api/v1/${path}`),
            ` – ${text}`,
        ),
    );
    return element(
        'section',
        {},
        element('h1', {}, 'What there is'),
        element('div', { class: 'scroll' }, table),
        element('h2', {}, 'Further entry points'),
        element('ul', {}, ...others),
    );
}

async function partOf(catalog: Catalog, me: Me): Promise<HTMLElement> {
    const { part, rest, given } = placeNow();
    const entity = entityByPlural(catalog, part);
    if (entity === undefined) return home(catalog);
    if (rest !== '') return recordPage(catalog, entity, rest, given);
    const mayExport = (me.entities[entity.name] ?? []).includes('export');
    if (!entity.isSingle) return new ListView(catalog, entity, { mayExport }).element;
    const { rows } = await list(entity.plural, new URLSearchParams({ limit: '1' }));
    return recordPage(catalog, entity, rows[0]?.id ?? '', given);
}

openDoor({
    name: 'Atrium',
    hasLinks: false,
    enter: async (me) => {
        const catalog = await readCatalog();
        const ways = mainEntities(catalog).map((entity) => ({
            text: headingOf(entity),
            place: entity.plural,
        }));
        const part = (): Promise<HTMLElement> => partOf(catalog, me);
        const firm = me.firm || 'Atrium';
        return { firm, waysAre: 'Records', ways, aside: null, banner: null, part };
    },
});
