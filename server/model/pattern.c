#include "model/pattern.h"

#include "base/require.h"

constexpr uint32_t RANGES_MAX = 64; /** of one set */
constexpr uint32_t GROUPS_MAX = 20; /** nested; bounds the recursion of the parser */
constexpr uint32_t NO_MOST = UINT32_MAX;
constexpr uint32_t CODE_MAX = 0x10FFFF;

struct range {
    uint32_t low;
    uint32_t high;
};

/** Code points that one step takes. */
struct code_set {
    bool is_negated;
    uint32_t count;
    struct range ranges[RANGES_MAX];
};

enum node_kind : uint8_t { NODE_EMPTY, NODE_SET, NODE_SEQUENCE, NODE_EITHER, NODE_REPEAT };

struct node {
    enum node_kind kind;
    uint32_t least, most; /** of a repeat */
    uint32_t step_count;  /** that it is written as; more than PATTERN_STEPS_MAX: too many */
    const struct code_set *set;
    const struct node *left, *right;
};

enum step_kind : uint8_t { STEP_SET, STEP_SPLIT, STEP_JUMP, STEP_END };

struct step {
    enum step_kind kind;
    uint16_t to, other; /** of a jump or split */
    const struct code_set *set;
};

struct pattern {
    uint32_t step_count;
    struct step steps[PATTERN_STEPS_MAX + 1];
};

struct parser {
    struct arena *arena;
    struct cursor at;
    uint32_t depth;
    const char *why; /** nullptr: no fault so far */
};

/** The next code point of valid UTF-8; the cursor is not at its end. */
static uint32_t next_code(struct cursor *cursor)
{
    require(cursor->at < cursor->end);
    uint8_t lead = (uint8_t)*cursor->at++;
    uint32_t rest = lead < 0x80 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    uint32_t code = rest == 0 ? lead : lead & (0x3FU >> rest);
    for (; rest > 0 && cursor->at < cursor->end; rest--)
        code = code << 6 | ((uint8_t)*cursor->at++ & 0x3FU);
    return code;
}

static void refuse(struct parser *parser, const char *why)
{
    if (parser->why == nullptr) parser->why = why;
    parser->at.at = parser->at.end;
}

static bool take_if(struct parser *parser, char byte)
{
    if (parser->at.at == parser->at.end || *parser->at.at != byte) return false;
    parser->at.at++;
    return true;
}

static bool is_next(const struct parser *parser, char byte)
{
    return parser->at.at < parser->at.end && *parser->at.at == byte;
}

static void add_range(struct parser *parser, struct code_set *set, uint32_t low, uint32_t high)
{
    if (set->count == RANGES_MAX) {
        refuse(parser, "has a set with too many parts");
        return;
    }
    set->ranges[set->count++] = (struct range){low, high};
}

static bool is_punctuation(uint32_t code)
{
    return code > ' ' && code < 0x7F && !(code >= '0' && code <= '9') &&
           !((code | 0x20) >= 'a' && (code | 0x20) <= 'z');
}

/** What stands behind a `\`; true when it was a single character, given in `code_out`. */
static bool parse_escape(struct parser *parser, struct code_set *set, uint32_t *code_out)
{
    if (parser->at.at == parser->at.end) {
        refuse(parser, "ends in a \\");
        return false;
    }
    uint32_t code = next_code(&parser->at);
    if (code == 'd' || code == 'w') add_range(parser, set, '0', '9');
    if (code == 'w') {
        add_range(parser, set, 'a', 'z');
        add_range(parser, set, 'A', 'Z');
        add_range(parser, set, '_', '_');
    }
    if (code == 's') {
        add_range(parser, set, '\t', '\r');
        add_range(parser, set, ' ', ' ');
        add_range(parser, set, 0xA0, 0xA0);
    }
    if (is_punctuation(code)) {
        *code_out = code;
        return true;
    }
    if (code != 'd' && code != 'w' && code != 's')
        refuse(parser, "has a \\ before a letter it does not know");
    return false;
}

/** One character or escape of a set; true when it was a single character. */
static bool parse_set_code(struct parser *parser, struct code_set *set, uint32_t *code_out)
{
    if (take_if(parser, '\\')) return parse_escape(parser, set, code_out);
    *code_out = next_code(&parser->at);
    return true;
}

/** Behind the `[`. */
static void parse_set(struct parser *parser, struct code_set *set)
{
    set->is_negated = take_if(parser, '^');
    while (parser->why == nullptr && !take_if(parser, ']')) {
        uint32_t low;
        if (parser->at.at == parser->at.end) {
            refuse(parser, "has a set that is not closed");
            return;
        }
        if (!parse_set_code(parser, set, &low)) continue;
        uint32_t high = low;
        bool is_range =
            cursor_left(&parser->at) > 1 && parser->at.at[0] == '-' && parser->at.at[1] != ']';
        if (is_range) {
            parser->at.at++;
            if (!parse_set_code(parser, set, &high) || high < low)
                refuse(parser, "has a range that goes backwards");
        }
        if (parser->why == nullptr) add_range(parser, set, low, high);
    }
    if (parser->why == nullptr && set->count == 0) refuse(parser, "has an empty set");
}

/** How many steps a node is written as, counted before they are written, so that nested repeats
 *  cost nothing. */
static uint32_t count_steps(const struct node *node)
{
    uint64_t left = node->left == nullptr ? 0 : node->left->step_count;
    uint64_t right = node->right == nullptr ? 0 : node->right->step_count;
    uint64_t count = 0;
    switch (node->kind) {
    case NODE_EMPTY:
        break;
    case NODE_SET:
        count = 1;
        break;
    case NODE_SEQUENCE:
        count = left + right;
        break;
    case NODE_EITHER:
        count = left + right + 2;
        break;
    case NODE_REPEAT:
        count = node->least * left;
        count += node->most == NO_MOST ? left + 2 : (node->most - node->least) * (left + 1);
        break;
    }
    return count > PATTERN_STEPS_MAX ? PATTERN_STEPS_MAX + 1 : (uint32_t)count;
}

static const struct node *node_make(struct parser *parser, struct node node)
{
    node.step_count = count_steps(&node);
    if (node.step_count > PATTERN_STEPS_MAX)
        refuse(parser, "is too large once its repeats are written out");
    struct node *made = arena_new(parser->arena, struct node, 1);
    *made = node;
    return made;
}

static const struct node *parse_either(struct parser *parser);

static const struct node *parse_group(struct parser *parser)
{
    if (parser->depth == GROUPS_MAX) {
        refuse(parser, "has groups nested too deep");
        return node_make(parser, (struct node){.kind = NODE_EMPTY});
    }
    parser->depth++;
    const struct node *inner = parse_either(parser);
    parser->depth--;
    if (!take_if(parser, ')')) refuse(parser, "has a group that is not closed");
    return inner;
}

static const struct node *parse_atom(struct parser *parser)
{
    if (take_if(parser, '(')) return parse_group(parser);
    struct code_set *set = arena_new(parser->arena, struct code_set, 1);
    uint32_t code;
    if (take_if(parser, '[')) {
        parse_set(parser, set);
    } else if (take_if(parser, '.')) {
        add_range(parser, set, 0, CODE_MAX);
    } else if (take_if(parser, '\\')) {
        if (parse_escape(parser, set, &code)) add_range(parser, set, code, code);
    } else {
        code = next_code(&parser->at);
        if (code == '^' || code == '$')
            refuse(parser, "always speaks of the whole text: ^ and $ need a \\ before them");
        else if (code == '*' || code == '+' || code == '?' || code == '{' || code == '}' ||
                 code == ']')
            refuse(
                parser,
                "has a sign of repetition or a bracket where it means nothing; put a \\ before it");
        else add_range(parser, set, code, code);
    }
    return node_make(parser, (struct node){.kind = NODE_SET, .set = set});
}

/** A number of a repetition; absent: false. */
static bool parse_count(struct parser *parser, uint32_t *count_out)
{
    const char *from = parser->at.at;
    uint32_t count = 0;
    while (parser->at.at < parser->at.end && *parser->at.at >= '0' && *parser->at.at <= '9') {
        count = count * 10 + (uint32_t)(*parser->at.at++ - '0');
        if (count > PATTERN_REPEATS_MAX) {
            refuse(parser, "repeats more than 100 times");
            return false;
        }
    }
    *count_out = count;
    return parser->at.at > from;
}

static const struct node *parse_repeat(struct parser *parser)
{
    const struct node *node = parse_atom(parser);
    uint32_t signs = 0;
    while (parser->why == nullptr && parser->at.at < parser->at.end) {
        uint32_t least = 0;
        uint32_t most = NO_MOST;
        if (take_if(parser, '+')) {
            least = 1;
        } else if (take_if(parser, '?')) {
            most = 1;
        } else if (take_if(parser, '{')) {
            if (!parse_count(parser, &least)) refuse(parser, "has a { without a number behind it");
            most = least;
            if (take_if(parser, ',') && !parse_count(parser, &most)) most = NO_MOST;
            if (!take_if(parser, '}') || most < least)
                refuse(parser, "has a {n,m} that makes no sense");
        } else if (!take_if(parser, '*')) {
            break;
        }
        if (++signs > 2) refuse(parser, "has too many signs of repetition in a row");
        node = node_make(
            parser, (struct node){.kind = NODE_REPEAT, .least = least, .most = most, .left = node});
    }
    return node;
}

static const struct node *parse_sequence(struct parser *parser)
{
    const struct node *node = node_make(parser, (struct node){.kind = NODE_EMPTY});
    while (parser->at.at < parser->at.end && !is_next(parser, '|') && !is_next(parser, ')')) {
        const struct node *next = parse_repeat(parser);
        node = node_make(parser, (struct node){.kind = NODE_SEQUENCE, .left = node, .right = next});
    }
    return node;
}

static const struct node *parse_either(struct parser *parser)
{
    const struct node *node = parse_sequence(parser);
    while (take_if(parser, '|')) {
        const struct node *other = parse_sequence(parser);
        node = node_make(parser, (struct node){.kind = NODE_EITHER, .left = node, .right = other});
    }
    return node;
}

/** A new step at the end; its place. */
static uint16_t emit(struct pattern *pattern, struct step step)
{
    require(pattern->step_count < PATTERN_STEPS_MAX + 1);
    pattern->steps[pattern->step_count] = step;
    return (uint16_t)pattern->step_count++;
}

static void emit_node(struct pattern *pattern, const struct node *node);

/** `most` without end is a loop; else each optional turn may be left for the end. */
static void emit_repeat(struct pattern *pattern, const struct node *node)
{
    for (uint32_t i = 0; i < node->least; i++) emit_node(pattern, node->left);
    if (node->most == NO_MOST) {
        uint16_t split = emit(pattern, (struct step){.kind = STEP_SPLIT});
        pattern->steps[split].to = (uint16_t)pattern->step_count;
        emit_node(pattern, node->left);
        emit(pattern, (struct step){.kind = STEP_JUMP, .to = split});
        pattern->steps[split].other = (uint16_t)pattern->step_count;
        return;
    }
    uint16_t splits[PATTERN_REPEATS_MAX];
    uint32_t split_count = 0;
    for (uint32_t i = node->least; i < node->most; i++) {
        uint16_t split = emit(pattern, (struct step){.kind = STEP_SPLIT});
        pattern->steps[split].to = (uint16_t)pattern->step_count;
        splits[split_count++] = split;
        emit_node(pattern, node->left);
    }
    for (uint32_t i = 0; i < split_count; i++)
        pattern->steps[splits[i]].other = (uint16_t)pattern->step_count;
}

static void emit_either(struct pattern *pattern, const struct node *node)
{
    uint16_t split = emit(pattern, (struct step){.kind = STEP_SPLIT});
    pattern->steps[split].to = (uint16_t)pattern->step_count;
    emit_node(pattern, node->left);
    uint16_t jump = emit(pattern, (struct step){.kind = STEP_JUMP});
    pattern->steps[split].other = (uint16_t)pattern->step_count;
    emit_node(pattern, node->right);
    pattern->steps[jump].to = (uint16_t)pattern->step_count;
}

/* Its depth is that of the parsed nodes: a sequence leans left, so PATTERN_BYTES_MAX bounds it. */
static void emit_node(struct pattern *pattern, const struct node *node)
{
    /* Writing nothing a hundred times a hundred times still takes its time. */
    if (node->step_count == 0) return;
    switch (node->kind) {
    case NODE_EMPTY:
        return;
    case NODE_SET:
        emit(pattern, (struct step){.kind = STEP_SET, .set = node->set});
        return;
    case NODE_SEQUENCE:
        emit_node(pattern, node->left);
        emit_node(pattern, node->right);
        return;
    case NODE_EITHER:
        emit_either(pattern, node);
        return;
    case NODE_REPEAT:
        emit_repeat(pattern, node);
        return;
    }
}

bool pattern_make(struct arena *arena, str source, const struct pattern **pattern_out,
                  const char **why_out)
{
    require(pattern_out != nullptr);
    require(why_out != nullptr);
    if (source.len == 0 || source.len > PATTERN_BYTES_MAX) {
        *why_out = "is empty or longer than 500 bytes";
        return false;
    }
    struct parser parser = {.arena = arena, .at = cursor_of(source)};
    const struct node *node = parse_either(&parser);
    if (parser.why == nullptr && parser.at.at < parser.at.end) refuse(&parser, "has a ) too many");
    *why_out = parser.why;
    if (parser.why != nullptr) return false;
    struct pattern *pattern = arena_new(arena, struct pattern, 1);
    emit_node(pattern, node);
    emit(pattern, (struct step){.kind = STEP_END});
    *pattern_out = pattern;
    return true;
}

/** The steps at which a match stands, each once. */
struct places {
    uint32_t count;
    uint16_t at[PATTERN_STEPS_MAX + 1];
    bool is_in[PATTERN_STEPS_MAX + 1];
};

/** Adds a step and all that is reached from it without taking a character. */
static void add_place(const struct pattern *pattern, struct places *places, uint16_t first)
{
    uint16_t waiting[PATTERN_STEPS_MAX + 2];
    uint32_t waiting_count = 0;
    if (!places->is_in[first]) waiting[waiting_count++] = first;
    places->is_in[first] = true;
    while (waiting_count > 0) {
        uint16_t at = waiting[--waiting_count];
        const struct step *step = &pattern->steps[at];
        places->at[places->count++] = at;
        if (step->kind != STEP_SPLIT && step->kind != STEP_JUMP) continue;
        uint16_t next[2] = {step->to, step->kind == STEP_SPLIT ? step->other : step->to};
        for (size_t i = 0; i < 2; i++) {
            if (places->is_in[next[i]]) continue;
            places->is_in[next[i]] = true;
            waiting[waiting_count++] = next[i];
        }
    }
}

static bool set_has(const struct code_set *set, uint32_t code)
{
    bool is_in = false;
    for (uint32_t i = 0; i < set->count && !is_in; i++)
        is_in = code >= set->ranges[i].low && code <= set->ranges[i].high;
    return is_in != set->is_negated;
}

bool pattern_fits(struct arena *arena, const struct pattern *pattern, str text)
{
    require(pattern != nullptr);
    struct places *now = arena_new(arena, struct places, 2);
    struct places *then = now + 1;
    add_place(pattern, now, 0);
    struct cursor cursor = cursor_of(text);
    while (cursor.at < cursor.end && now->count > 0) {
        uint32_t code = next_code(&cursor);
        then->count = 0;
        memset(then->is_in, 0, sizeof then->is_in);
        for (uint32_t i = 0; i < now->count; i++) {
            const struct step *step = &pattern->steps[now->at[i]];
            if (step->kind == STEP_SET && set_has(step->set, code))
                add_place(pattern, then, (uint16_t)(now->at[i] + 1));
        }
        struct places *swapped = now;
        now = then;
        then = swapped;
    }
    return now->is_in[pattern->step_count - 1];
}
