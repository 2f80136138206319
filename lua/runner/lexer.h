/** lexer: the words of a Lua source, with their places, for reading a script without running it.
 *
 *  Thread  any.
 *  Memory  tokens are slices of the source.
 *  Source  Lua 5.4 reference manual, 3.1.
 */
#pragma once

#include "base/str.h"

enum token_kind : uint8_t {
    TOKEN_END,
    TOKEN_NAME,
    TOKEN_KEYWORD,
    TOKEN_STRING, /** `text` is what stands between the quotes */
    TOKEN_NUMBER,
    TOKEN_SIGN, /** one operator or bracket */
};

struct token {
    enum token_kind kind;
    bool is_plain; /** of a string: without escapes, so that `text` is its value */
    str text;
    uint32_t line, column; /** from 1; columns in characters */
};

struct lexer {
    struct cursor at;
    const char *line_start;
    uint32_t line;
};

struct lexer lexer_of(str source);
/** Of a source that Lua refuses, any token; it always comes to an end. */
struct token lexer_next(struct lexer *lexer);
/** Characters before a place in its line, and one. */
uint32_t lexer_column(const char *line_start, const char *at);
