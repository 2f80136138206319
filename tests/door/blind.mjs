// A schema in which every field that can be is in a group that the role `blind` does not see, and
// a server with it: who is blind to a field must meet it nowhere.
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { root } from './program.mjs';

const kinds =
    'text|long_text|number|decimal|money|date|time|boolean|choice|choices|emails|phones|url|' +
    'country|language|currency|timezone|reference|references|object';

/** Behind the bracket that closes the one at `from`; texts in quotes are passed over. */
function closing(text, from) {
    let depth = 0;
    for (let at = from; at < text.length; at++) {
        if (text.startsWith('[[', at)) at = text.indexOf(']]', at) + 1;
        else if (text[at] === '"') at = text.indexOf('"', at + 1);
        else if (text[at] === '{') depth++;
        else if (text[at] === '}' && --depth === 0) return at + 1;
    }
    throw new Error(`a bracket is not closed: ${text.slice(from, from + 60)}`);
}

/** Without `word = {…},`. */
function without(text, word) {
    const at = text.search(new RegExp(`\\n  ${word} = \\{`));
    if (at < 0) return text;
    const end = closing(text, text.indexOf('{', at));
    return text.slice(0, at) + text.slice(end + (text[end] === ',' ? 1 : 0));
}

const wordOf = (text, word) => text.match(new RegExp(`${word} = "([a-z_]+)"`))?.[1];

const allowed = '\n  allow = { blind = "all", watching = "all",';

/** One file of declarations; adds to `hidden` what it hid. */
function blinded(text, hidden) {
    const begun = text.indexOf('return entity');
    if (begun < 0) return text;
    const entity = text.slice(begun).match(/return entity "([a-z_]+)"/)[1];
    const rest = without(text, 'portal').replace(/\n {2}allow = \{/, allowed);
    const head = rest.slice(0, rest.indexOf('\n\n', rest.indexOf('return entity')));
    const met = ['title', 'via', 'own_unless'].map((word) => wordOf(head, word));
    const form = new RegExp(`\\n {2}(${kinds}) +"([a-z_0-9]+)" *\\{`, 'g');
    let out = '';
    let from = 0;
    for (const match of rest.matchAll(form)) {
        const open = match.index + match[0].length - 1;
        const end = closing(rest, open);
        const body = rest.slice(open, end);
        const name = match[2];
        const isMet =
            met.includes(name) ||
            name === 'archived_at' ||
            /required = true|required_when|visible_when|duplicates =|one_of/.test(body);
        out += rest.slice(from, open);
        out += isMet
            ? body
            : body.replace(/group = "[a-z]+",? ?/, '').replace(/\d+,?/, (number) =>
                  `${number.replace(',', '')}, group = "hidden",`);
        if (!isMet) (hidden[entity] ??= []).push(name);
        from = end;
    }
    return out + rest.slice(from);
}

/** The folder of the schema, and by entity the names of the fields that are hidden. */
export async function blindSchema() {
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'atrium-blind-'));
    const hidden = {};
    const from = path.join(root, 'schema');
    for (const name of await fs.readdir(from)) {
        if (!name.endsWith('.lua')) continue;
        let text = blinded(await fs.readFile(path.join(from, name), 'utf8'), hidden);
        if (name === 'role.lua')
            text = text.replace(
                'field_group "financials"',
                `role "blind" {
  label = "Blind", rows = "all", sees = {}, edits = {}, own_entities = "all",
}, role "watching" {
  label = "Watching", rows = "all", sees = { "hidden" }, edits = {}, own_entities = "all",
}, field_group "hidden" {
  label = "Hidden",
}, field_group "financials"`,
            );
        if (name === 'user.lua')
            text = text.replace(
                '{ "owner", label = "Owner" },',
                `{ "owner", label = "Owner" },
  { "blind", label = "Blind" },
  { "watching", label = "Watching" },`,
            );
        await fs.writeFile(path.join(folder, name), text);
    }
    return { folder, hidden };
}
