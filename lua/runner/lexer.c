#include "lexer.h"

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_word_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' ||
           is_digit(byte);
}

struct lexer lexer_of(str source)
{
    return (struct lexer){.at = cursor_of(source), .line_start = source.at, .line = 1};
}

uint32_t lexer_column(const char *line_start, const char *at)
{
    uint32_t column = 1;
    for (; line_start < at; line_start++) column += ((uint8_t)*line_start & 0xC0) != 0x80;
    return column;
}

static bool has(const struct lexer *lexer, size_t bytes)
{
    return cursor_left(&lexer->at) >= bytes;
}

/** Over one byte, or over a line's end of one or two. */
static void step(struct lexer *lexer)
{
    char byte = *lexer->at.at++;
    if (byte != '\n' && byte != '\r') return;
    bool is_pair =
        has(lexer, 1) && *lexer->at.at != byte && (*lexer->at.at == '\n' || *lexer->at.at == '\r');
    if (is_pair) lexer->at.at++;
    lexer->line++;
    lexer->line_start = lexer->at.at;
}

/** The level of a long bracket `[==[` at the cursor, or -1. */
static int bracket_level(const struct lexer *lexer)
{
    struct cursor at = lexer->at;
    int level = 0;
    if (at.at == at.end || *at.at++ != '[') return -1;
    for (; at.at < at.end && *at.at == '='; at.at++) level++;
    return at.at < at.end && *at.at == '[' ? level : -1;
}

/** Past a long bracket; what stands in it. */
static str take_long(struct lexer *lexer, int level)
{
    lexer->at.at += level + 2;
    const char *from = lexer->at.at;
    while (has(lexer, 1)) {
        const char *close = lexer->at.at;
        if (*close != ']') {
            step(lexer);
            continue;
        }
        const char *end = close + 1;
        while (end < lexer->at.end && *end == '=' && end - close - 1 < level) end++;
        lexer->at.at++;
        if (end < lexer->at.end && *end == ']' && end - close - 1 == level) {
            lexer->at.at = end + 1;
            return str_between(from, close);
        }
    }
    return str_between(from, lexer->at.at);
}

static void skip_blanks(struct lexer *lexer)
{
    while (has(lexer, 1)) {
        char byte = *lexer->at.at;
        if (byte == ' ' || (byte >= '\t' && byte <= '\r')) {
            step(lexer);
            continue;
        }
        if (!has(lexer, 2) || byte != '-' || lexer->at.at[1] != '-') return;
        lexer->at.at += 2;
        int level = bracket_level(lexer);
        if (level >= 0) (void)take_long(lexer, level);
        else
            while (has(lexer, 1) && *lexer->at.at != '\n' && *lexer->at.at != '\r') step(lexer);
    }
}

static void take_quoted(struct lexer *lexer, struct token *token)
{
    char quote = *lexer->at.at++;
    const char *from = lexer->at.at;
    while (has(lexer, 1) && *lexer->at.at != quote) {
        bool is_escape = *lexer->at.at == '\\';
        step(lexer);
        if (!is_escape) continue;
        token->is_plain = false;
        if (has(lexer, 1)) step(lexer);
    }
    token->text = str_between(from, lexer->at.at);
    if (has(lexer, 1)) lexer->at.at++;
}

/** `0x1p-4`, `3..2` is none that Lua takes. */
static void take_number(struct lexer *lexer)
{
    bool is_hex = has(lexer, 2) && (lexer->at.at[1] | 0x20) == 'x';
    char power = is_hex ? 'p' : 'e';
    while (has(lexer, 1) && (is_word_byte(*lexer->at.at) || *lexer->at.at == '.')) {
        bool is_power = (*lexer->at.at | 0x20) == power;
        lexer->at.at++;
        bool is_sign = has(lexer, 1) && (*lexer->at.at == '-' || *lexer->at.at == '+');
        if (is_power && is_sign) lexer->at.at++;
    }
}

static bool is_keyword(str word)
{
    static const str keywords[] = {
        S("and"),   S("break"), S("do"),       S("else"),  S("elseif"), S("end"),
        S("false"), S("for"),   S("function"), S("goto"),  S("if"),     S("in"),
        S("local"), S("nil"),   S("not"),      S("or"),    S("repeat"), S("return"),
        S("then"),  S("true"),  S("until"),    S("while"),
    };
    for (size_t at = 0; at < sizeof keywords / sizeof *keywords; at++)
        if (str_eq(keywords[at], word)) return true;
    return false;
}

static void take_sign(struct lexer *lexer)
{
    static const str signs[] = {S("..."), S(".."), S("=="), S("~="), S("<="),
                                S(">="),  S("//"), S("::"), S("<<"), S(">>")};
    str rest = str_between(lexer->at.at, lexer->at.end);
    size_t len = 1;
    for (size_t at = 0; len == 1 && at < sizeof signs / sizeof *signs; at++)
        if (str_starts(rest, signs[at])) len = signs[at].len;
    lexer->at.at += len;
}

struct token lexer_next(struct lexer *lexer)
{
    skip_blanks(lexer);
    const char *from = lexer->at.at;
    struct token token = {
        .line = lexer->line, .column = lexer_column(lexer->line_start, from), .text = {from, 0}};
    if (!has(lexer, 1)) return token;
    char byte = *from;
    bool is_fraction = byte == '.' && has(lexer, 2) && is_digit(from[1]);
    int level = bracket_level(lexer);
    if (byte == '"' || byte == '\'' || level >= 0) {
        token.kind = TOKEN_STRING;
        token.is_plain = true;
        if (level >= 0) token.text = take_long(lexer, level);
        else take_quoted(lexer, &token);
        return token;
    }
    if (is_digit(byte) || is_fraction) {
        token.kind = TOKEN_NUMBER;
        take_number(lexer);
    } else if (is_word_byte(byte)) {
        while (has(lexer, 1) && is_word_byte(*lexer->at.at)) lexer->at.at++;
        token.kind = TOKEN_NAME;
    } else {
        token.kind = TOKEN_SIGN;
        take_sign(lexer);
    }
    token.text = str_between(from, lexer->at.at);
    if (token.kind == TOKEN_NAME && is_keyword(token.text)) token.kind = TOKEN_KEYWORD;
    return token;
}
