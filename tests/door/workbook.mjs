// Workbooks as Excel writes them, made here, so that nothing real need be kept.
import zlib from 'node:zlib';

const table = Array.from({ length: 256 }, (_, byte) => {
    let rest = byte;
    for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
    return rest >>> 0;
});
function crc32(bytes) {
    let crc = 0xffffffff;
    for (const byte of bytes) crc = table[(crc ^ byte) & 0xff] ^ (crc >>> 8);
    return (crc ^ 0xffffffff) >>> 0;
}

/** A zip archive of parts, name to text or bytes. `claim` changes the sizes that it states. */
export function zip(parts, { claim = (size) => size } = {}) {
    const bodies = [];
    const entries = [];
    let at = 0;
    for (const [name, content] of Object.entries(parts)) {
        const plain = Buffer.from(content);
        const packed = zlib.deflateRawSync(plain, { level: 9 });
        const head = Buffer.alloc(26);
        head.writeUInt16LE(20, 0);
        head.writeUInt16LE(0x800, 2);
        head.writeUInt16LE(8, 4);
        head.writeUInt32LE(crc32(plain), 10);
        head.writeUInt32LE(packed.length, 14);
        head.writeUInt32LE(claim(plain.length), 18);
        head.writeUInt16LE(Buffer.byteLength(name), 22);
        const local = Buffer.concat([Buffer.from('PK\x03\x04'), head, Buffer.from(name), packed]);
        const more = Buffer.alloc(14);
        more.writeUInt32LE(at, 10);
        const made = Buffer.from([20, 0]);
        entries.push(
            Buffer.concat([Buffer.from('PK\x01\x02'), made, head, more, Buffer.from(name)]),
        );
        bodies.push(local);
        at += local.length;
    }
    const directory = Buffer.concat(entries);
    const end = Buffer.alloc(18);
    end.writeUInt16LE(entries.length, 4);
    end.writeUInt16LE(entries.length, 6);
    end.writeUInt32LE(directory.length, 8);
    end.writeUInt32LE(at, 12);
    return Buffer.concat([...bodies, directory, Buffer.from('PK\x05\x06'), end]);
}

const signs = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (text) => text.replace(/[&<>"]/g, (sign) => signs[sign]);
const letters = (column) =>
    (column >= 26 ? letters(Math.floor(column / 26) - 1) : '') +
    String.fromCharCode(65 + (column % 26));

const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
const office = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const relations = (items) =>
    '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/' +
    `relationships">${items
        .map(
            ([id, type, target]) =>
                `<Relationship Id="${id}" Type="${office}/${type}" Target="${target}"/>`,
        )
        .join('')}</Relationships>`;

/** Cell styles of the workbooks made here, by name. */
const styles = { plain: 0, day: 1, moment: 2, own: 3, money: 4 };
const stylePart =
    `<styleSheet xmlns="${main}"><numFmts count="2"><numFmt numFmtId="164" ` +
    'formatCode="[$-407]d\\. mmmm yyyy"/><numFmt numFmtId="165" ' +
    'formatCode="#,##0.00 &quot;day&quot;"/></numFmts><cellStyleXfs count="1">' +
    '<xf numFmtId="14"/></cellStyleXfs><cellXfs count="5">' +
    '<xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="22"/><xf numFmtId="164"/>' +
    '<xf numFmtId="165"/></cellXfs></styleSheet>';

/**
 * A workbook of sheets, name to rows. A cell is a text, a number, a boolean, null, or
 * `{inline}`, `{formula}`, `{number, style}`, `{rich: [texts]}`. Rows may be null: left out.
 */
export function workbook(sheets, { has1904Days = false, parts = {} } = {}) {
    const strings = [];
    const shared = (xml) => {
        strings.push(xml);
        return strings.length - 1;
    };
    const cell = (value, where) => {
        const at = ` r="${where}"`;
        if (value === null || value === undefined) return '';
        if (typeof value === 'string')
            return `<c${at} t="s"><v>${shared(`<t>${escaped(value)}</t>`)}</v></c>`;
        if (typeof value === 'number') return `<c${at}><v>${value}</v></c>`;
        if (typeof value === 'boolean') return `<c${at} t="b"><v>${value ? 1 : 0}</v></c>`;
        if (value.rich) {
            const runs = value.rich.map((text) => `<r><rPr><b/></rPr><t>${escaped(text)}</t></r>`);
            const aid = '<rPh sb="0" eb="1"><t>aid</t></rPh>';
            return `<c${at} t="s"><v>${shared(runs.join('') + aid)}</v></c>`;
        }
        if (value.inline)
            return `<c${at} t="inlineStr"><is><t>${escaped(value.inline)}</t></is></c>`;
        if (value.formula) return `<c${at} t="str"><f>A1</f><v>${escaped(value.formula)}</v></c>`;
        return `<c${at} s="${styles[value.style]}"><v>${value.number}</v></c>`;
    };
    const names = Object.keys(sheets);
    const sheetParts = names.map((name, number) => [
        `xl/worksheets/sheet${number + 1}.xml`,
        `<worksheet xmlns="${main}"><sheetData>${sheets[name]
            .map((row, at) => {
                if (row === null) return '';
                const cells = row.map((value, column) => cell(value, letters(column) + (at + 1)));
                return `<row r="${at + 1}">${cells.join('')}</row>`;
            })
            .join('')}</sheetData></worksheet>`,
    ]);
    return zip({
        '[Content_Types].xml': '<Types/>',
        '_rels/.rels': relations([['rId1', 'officeDocument', 'xl/workbook.xml']]),
        'xl/workbook.xml':
            `<workbook xmlns="${main}" xmlns:r="${office}"><workbookPr` +
            `${has1904Days ? ' date1904="1"' : ''}/><sheets>${names
                .map((name, at) => [name, at + 1])
                .map(([name, id]) => `<sheet name="${name}" sheetId="${id}" r:id="rId${id}"/>`)
                .join('')}</sheets></workbook>`,
        'xl/_rels/workbook.xml.rels': relations([
            ...names.map((_, at) => [
                `rId${at + 1}`,
                'worksheet',
                at % 2 ? `/xl/worksheets/sheet${at + 1}.xml` : `worksheets/sheet${at + 1}.xml`,
            ]),
            ['rId90', 'sharedStrings', 'sharedStrings.xml'],
            ['rId91', 'styles', 'styles.xml'],
        ]),
        ...Object.fromEntries(sheetParts),
        'xl/sharedStrings.xml': `<sst xmlns="${main}">${strings
            .map((xml) => `<si>${xml}</si>`)
            .join('')}</sst>`,
        'xl/styles.xml': stylePart,
        ...parts,
    });
}
