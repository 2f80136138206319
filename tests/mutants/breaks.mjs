// Ways to break a C file by rote, each `{at, end, to}` in its text: a statement is left out, a
// condition or a part of one always or never holds, a comparison or a connective is another, a
// limit or a number is off by one, an error is told as none. Many do not compile: these are none.
// What `require` says stays, since only a bug can make it fail.

/** The text with each letter of comments, literals and `require` blotted out in its place. */
function blotted(text) {
    const told = /\/\*[^]*?\*\/|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|^#.*$/gm;
    const blot = (words) => words.replace(/[^\n]/g, /["']/.test(words[0]) ? '_' : ' ');
    return text.replace(told, blot).replace(/\b(?:require|static_assert)\([^;]*;/g, blot);
}

/** Where the bracket at `at` closes. */
function closing(code, at) {
    let depth = 0;
    for (let end = at; end < code.length; end++) {
        if ('([{'.includes(code[end])) depth += 1;
        if (')]}'.includes(code[end]) && --depth === 0) return end;
    }
    return code.length;
}

/** Where what stands left of an operator begins. */
function leftOf(code, operator) {
    let depth = 0;
    for (let at = operator - 1; at > 0; at--) {
        if (')]}'.includes(code[at])) depth += 1;
        if ('([{'.includes(code[at]) && --depth < 0) return at + 1;
        if (depth > 0) continue;
        const isAssignment = code[at] === '=' && !/[=!<>]/.test(code[at - 1] + code[at + 1]);
        if (',;?:'.includes(code[at]) || isAssignment) return at + 1;
        if (['&&', '||'].includes(code.slice(at - 1, at + 1))) return at + 1;
        if (/\breturn\s$/.test(code.slice(at - 7, at + 1))) return at;
    }
    return 0;
}

/** Where what stands right of an operator ends. */
function rightOf(code, operator) {
    let depth = 0;
    for (let end = operator + 2; end < code.length; end++) {
        if ('([{'.includes(code[end])) depth += 1;
        if (')]}'.includes(code[end]) && --depth < 0) return end;
        if (depth > 0) continue;
        if (',;?:'.includes(code[end])) return end;
        if (['&&', '||'].includes(code.slice(end, end + 2))) return end;
    }
    return code.length;
}

/** From the first letter to the last one. */
function trimmed(code, at, end) {
    const words = code.slice(at, end);
    return [at + words.length - words.trimStart().length, at + words.trimEnd().length];
}

const turned = {
    '<': '<=',
    '<=': '<',
    '>': '>=',
    '>=': '>',
    '==': '!=',
    '!=': '==',
    '&&': '||',
    '||': '&&',
};

function* operators(code) {
    for (const { 0: operator, index } of code.matchAll(/->|<<|>>|&&|\|\||[=!<>]=|[<>]/g)) {
        const to = turned[operator];
        if (to === undefined) continue;
        yield { at: index, end: index + operator.length, to };
        if (!['&&', '||'].includes(operator)) continue;
        for (const part of [
            [leftOf(code, index), index],
            [index + 2, rightOf(code, index)],
        ]) {
            const [at, end] = trimmed(code, ...part);
            yield { at, end, to: operator === '&&' ? 'true' : 'false' };
        }
    }
    for (const { index } of code.matchAll(/!(?!=)/g)) yield { at: index, end: index + 1, to: '' };
}

function* conditions(code) {
    for (const { 0: word, index } of code.matchAll(/\b(?:if|while) \(/g)) {
        const at = index + word.length;
        const end = closing(code, at - 1);
        if (word.startsWith('if')) yield { at, end, to: 'true' };
        yield { at, end, to: 'false' };
    }
    for (const { index } of code.matchAll(/ \? /g)) {
        const [at, end] = trimmed(code, leftOf(code, index), index);
        for (const to of ['true', 'false']) yield { at, end, to };
    }
}

function* numbers(code) {
    const bounds = /\b(?:[A-Z][A-Z0-9_]*_MAX|(\d+)U?L?L?)\b(?![.'])/g;
    for (const { 0: word, 1: digits, index } of code.matchAll(bounds))
        for (const by of [1, -1])
            if (digits === undefined || Number(digits) + by >= 0)
                yield { at: index, end: index + word.length, to: `(${word} + ${by})` };
}

function* returns(code) {
    const said = /\breturn (?:(false|true)|ERR_(?!NONE)\w+|fail\w*\([^;]*\));/g;
    for (const { 0: word, 1: flag, index } of code.matchAll(said)) {
        const to = { false: 'return true;', true: 'return false;' }[flag] ?? 'return ERR_NONE;';
        yield { at: index, end: index + word.length, to };
    }
}

/** Statements but returns and those that head others. */
function* statements(code) {
    const heads = 'if|for|while|switch|case|else|return';
    const begins = new RegExp(`(?<=[;{})]|\\belse)\\s+(?!(?:${heads})\\b)[\\w*(]`, 'g');
    for (const { 0: begin, index } of code.matchAll(begins)) {
        const at = index + begin.length - 1;
        const before = code.slice(0, at);
        if (before.split('(').length !== before.split(')').length) continue;
        let end = at;
        while (end < code.length && !';)]}'.includes(code[end]))
            end = '([{'.includes(code[end]) ? closing(code, end) + 1 : end + 1;
        if (code[end] !== ';') continue;
        yield { at, end: end + 1, to: ';' };
        if (code.startsWith('TRY(', at)) yield { at, end: at + 3, to: '(void)' };
    }
}

/** Those of each function's body, by where they are. */
export function breaksOf(text) {
    const found = new Map();
    for (const { 0: body, index } of blotted(text).matchAll(/^\{$[^]*?^\}$/gm))
        for (const kind of [operators, conditions, numbers, returns, statements])
            for (const { at, end, to } of kind(body)) {
                const one = { at: index + at, end: index + end, to };
                found.set(`${one.at} ${one.end} ${to}`, one);
            }
    return [...found.values()];
}
