// Invented clients as CSV, the same from the same seed: node bench/generate.mjs COUNT FILE [SEED]
import fs from 'node:fs';
import { makeRandom } from '../tests/door/random.mjs';

const firstNames = [
    'Anna',
    'Béla',
    'Carlos',
    'Dóra',
    'Elif',
    'Fatima',
    'Giulia',
    'Henrik',
    'Ines',
    'Jürgen',
    'Katarzyna',
    'Lars',
    'Márta',
    'Nuno',
    'Olga',
    'Pablo',
    'Quentin',
    'Rosa',
    'Søren',
    'Tamás',
    'Ursula',
    'Vera',
    'Willem',
    'Xenia',
    'Yusuf',
    'Zoë',
];
const lastNames = [
    'Almeida',
    'Bakker',
    'Castro',
    'Dubois',
    'Eriksson',
    'Fischer',
    'García',
    'Horváth',
    'Ivanova',
    'Jansen',
    'Kowalski',
    'Lindqvist',
    'Müller',
    'Novák',
    'Olsen',
    'Petrov',
    'Quist',
    'Rossi',
    'Silva',
    'Tóth',
    'Ueda',
    'Visser',
    'Weber',
    'Ximénez',
    'Yılmaz',
    'Zimmermann',
];
const trades = [
    'Roofing',
    'Bakery',
    'Logistics',
    'Optics',
    'Gardens',
    'Printing',
    'Foods',
    'Timber',
    'Textiles',
    'Dental',
    'Energy',
    'Studio',
    'Motors',
    'Shipping',
    'Software',
    'Joinery',
    'Plumbing',
    'Ceramics',
    'Vineyards',
    'Media',
    'Partners',
    'Consulting',
    'Electric',
    'Pharma',
];
const forms = ['Ltd', 'GmbH', 'S.A.', 'B.V.', 'AB', 'Kft.', 'Inc', 'S.p.A.', 'Oy', 'sp. z o.o.'];
const places = [
    ['Berlin', 'Germany', '10115'],
    ['Lyon', 'France', '69002'],
    ['Oslo', 'Norway', '0150'],
    ['Madrid', 'Spain', '28013'],
    ['Kraków', 'Poland', '31-001'],
    ['Utrecht', 'Netherlands', '3511'],
    ['Milano', 'Italy', '20121'],
    ['Győr', 'Hungary', '9021'],
    ['Porto', 'Portugal', '4000'],
    ['Gent', 'Belgium', '9000'],
    ['Wien', 'Austria', '1010'],
    ['Brno', 'Czechia', '602 00'],
    ['Leeds', 'United Kingdom', 'LS1 4DY'],
    ['Aarhus', 'Denmark', '8000'],
    ['Graz', 'Austria', '8010'],
];
const streets = [
    'Main Street',
    'Church Road',
    'Bahnhofstraße',
    'Rue Victor Hugo',
    'Via Roma',
    'Calle Mayor',
    'Kossuth utca',
    'Storgata',
    'Dorpsstraat',
    'Rynek',
];
const titles = [
    'Owner',
    'Sales Manager',
    'Accountant',
    'Purchasing Agent',
    'Director',
    'Office Manager',
];
const stages = ['lead', 'prospect', 'customer'];
const statuses = ['Active', 'Past', 'Potential', 'Inactive'];
const sources = ['Referral', 'Google', 'Social Media', 'Website', 'Repeat', 'Other'];

const header =
    'Name,Customer ID,Email,Phone,Website,Contact Name,Contact Title,Contact Email,Address,' +
    'City,Postal Code,Country,Stage,Status,Source,Tags';
const plain = (text) =>
    text
        .normalize('NFKD')
        .replace(/[^\x20-\x7e]/g, '')
        .toLowerCase()
        .replace(/[^a-z]/g, '');

function rowOf(random, number) {
    const first = random.pick(firstNames);
    const last = random.pick(lastNames);
    const trade = random.pick(trades);
    const [city, country, code] = random.pick(places);
    const domain = `${plain(last)}-${trade.toLowerCase()}-${number}.example`;
    const digits = String(1_000_000 + random.below(8_999_999));
    return [
        `${last} ${trade} ${random.pick(forms)}`,
        `C-${String(number).padStart(7, '0')}`,
        `office@${domain}`,
        `+${30 + random.below(60)} ${10 + random.below(89)} ${digits}`,
        `https://${domain}/`,
        `${first} ${random.pick(lastNames)}`,
        random.pick(titles),
        `${plain(first)}@${domain}`,
        `"${random.pick(streets)} ${1 + random.below(200)}, floor ` + `${random.below(9)}"`,
        city,
        code,
        country,
        random.pick(stages),
        random.pick(statuses),
        random.pick(sources),
        `tag-${random.below(50)}`,
    ].join(',');
}

/** Writes rows FROM to FROM + COUNT - 1. */
export function generate(count, file, seed = 1, from = 1) {
    const random = makeRandom(seed);
    const output = fs.openSync(file, 'w');
    let lines = [header];
    for (let number = from; number < from + count; number++) {
        lines.push(rowOf(random, number));
        if (lines.length < 1000) continue;
        fs.writeSync(output, `${lines.join('\n')}\n`);
        lines = [];
    }
    if (lines.length > 0) fs.writeSync(output, `${lines.join('\n')}\n`);
    fs.closeSync(output);
}

if (process.argv[1]?.endsWith('generate.mjs')) {
    const [count, file, seed = '1'] = process.argv.slice(2);
    if (!(Number(count) > 0) || !file) {
        process.stderr.write('usage: node bench/generate.mjs COUNT FILE [SEED]\n');
        process.exit(2);
    }
    generate(Number(count), file, Number(seed));
}
