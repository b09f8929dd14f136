/*
 * Recursive descent, one function per rule of the grammar; `and` and `or` are chains, so only
 * parentheses and `not` go deeper. A node is written before its operands; its size is filled in
 * when they are through.
 *
 * A chain's node is only known to be needed after its first operand: it is then put in front of
 * it, which moves that operand by one. Nodes name their values by number, so moving is copying.
 */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "server/rollout/filter_internal.h"

struct parser {
    struct filter_lexer lexer;
    struct filter_token now;
    struct filter *filter;
    size_t node_room;
    size_t value_room;
    unsigned depth;
    unsigned terms;
};

static bool fail(const struct parser *p, size_t at, const char *what, struct err *err)
{
    return filter_fail(err, p->lexer.text, at, what);
}

static bool step(struct parser *p, struct err *err)
{
    return filter_lex(&p->lexer, &p->now, err);
}

static bool expect(struct parser *p, enum filter_token_kind kind, const char *what, struct err *err)
{
    if (p->now.kind != kind)
        return fail(p, p->now.at, what, err);
    return step(p, err);
}

/* --- building ----------------------------------------------------------------------------------
 */

static size_t node_add(struct parser *p, enum filter_node_kind kind)
{
    struct filter *filter = p->filter;

    if (filter->count == p->node_room) {
        p->node_room = p->node_room ? 2 * p->node_room : 8;
        filter->nodes = mem_resize(filter->nodes, p->node_room, sizeof(*filter->nodes));
    }
    filter->nodes[filter->count] =
        (struct filter_node){.kind = kind, .size = 1, .first = filter->value_count};
    return filter->count++;
}

/* Puts a node in front of the subtree that begins at `at` and ends the array. */
static void node_insert(struct parser *p, size_t at, enum filter_node_kind kind)
{
    struct filter_node *nodes;

    (void)node_add(p, kind);
    nodes = p->filter->nodes;
    memmove(nodes + at + 1, nodes + at, (p->filter->count - 1 - at) * sizeof(*nodes));
    nodes[at] = (struct filter_node){.kind = kind};
}

static void node_end(struct parser *p, size_t at)
{
    p->filter->nodes[at].size = p->filter->count - at;
}

/* A text or a number. */
static bool value_add(struct parser *p, size_t node, bool only_text, struct err *err)
{
    struct filter *filter = p->filter;
    struct filter_value value = {.text = p->now.text};

    value.is_number = p->now.kind == FILTER_NUMBER && filter_number(value.text, &value.micros);
    if (p->now.kind != FILTER_TEXT && (only_text || !value.is_number))
        return fail(p, p->now.at, only_text ? "expected a 'text'" : "expected a 'text' or a number",
                    err);
    if (filter->value_count == p->value_room) {
        p->value_room *= 2;
        filter->values = mem_resize(filter->values, p->value_room, sizeof(*filter->values));
    }
    filter->values[filter->value_count++] = value;
    filter->nodes[node].count++;
    return step(p, err);
}

/* --- terms -------------------------------------------------------------------------------------
 */

static bool parse_name(struct parser *p, size_t node, struct err *err)
{
    struct filter_node *out = &p->filter->nodes[node];

    if (p->now.kind != FILTER_NAME)
        return fail(p, p->now.at, "expected a name", err);
    out->name = p->now.text;
    out->space = p->now.is_tag ? FILTER_TAG : FILTER_ATTRIBUTE;
    for (unsigned i = 0; i < FILTER_FIXED_COUNT && !p->now.is_tag && !p->now.is_quoted; i++) {
        const char *name = filter_fixed_name((enum filter_fixed)i);

        if (out->name.len == strlen(name) && memcmp(out->name.data, name, out->name.len) == 0) {
            out->space = FILTER_FIXED;
            out->fixed = (enum filter_fixed)i;
        }
    }
    return step(p, err);
}

static bool parse_list(struct parser *p, size_t node, struct err *err)
{
    if (!expect(p, FILTER_OPEN, "expected '(' and values", err))
        return false;
    while (value_add(p, node, false, err)) {
        if (p->now.kind == FILTER_CLOSE)
            return step(p, err);
        if (!expect(p, FILTER_COMMA, "expected ',' or ')'", err))
            return false;
    }
    return false;
}

/* What SQL would call an error, a '\' with nothing behind it, is one here. */
static bool parse_pattern(struct parser *p, size_t node, struct err *err)
{
    const struct filter_text pattern = p->now.text;
    size_t at = p->now.at;

    if (!value_add(p, node, true, err))
        return false;
    for (size_t i = 0; i < pattern.len; i++) {
        if (pattern.data[i] == '\\' && ++i == pattern.len)
            return fail(p, at, "the pattern ends with a '\\' that has nothing behind it", err);
    }
    return true;
}

/* Behind a name: a sign, or `in`, or `like`, the words with `not` in front or not. */
static bool parse_test(struct parser *p, size_t node, struct err *err)
{
    size_t at = node;

    if (p->now.kind == FILTER_SIGN) {
        p->filter->nodes[node].sign = p->now.sign;
        return step(p, err) && value_add(p, node, false, err);
    }
    if (p->now.kind == FILTER_WORD_NOT) {
        node_insert(p, node, FILTER_NOT);
        at = node + 1;
        if (!step(p, err))
            return false;
    }
    p->filter->nodes[at].kind = p->now.kind == FILTER_WORD_IN ? FILTER_IN : FILTER_LIKE;
    if (p->now.kind == FILTER_WORD_IN) {
        if (!step(p, err) || !parse_list(p, at, err))
            return false;
    } else if (p->now.kind != FILTER_WORD_LIKE) {
        return fail(p, p->now.at, "expected = != < <= > >=, 'in' or 'like'", err);
    } else if (!step(p, err) || !parse_pattern(p, at, err)) {
        return false;
    }
    node_end(p, node);
    return true;
}

/* has(NAME), version(NAME) = 'TEXT': the parenthesis tells them from names. */
static bool parse_call(struct parser *p, size_t node, enum filter_node_kind kind, struct err *err)
{
    p->filter->nodes[node].kind = kind;
    if (!step(p, err) || !parse_name(p, node, err) || !expect(p, FILTER_CLOSE, "expected ')'", err))
        return false;
    if (kind == FILTER_HAS)
        return true;
    p->filter->nodes[node].sign = p->now.sign;
    return expect(p, FILTER_SIGN, "expected = != < <= > >=", err) && value_add(p, node, true, err);
}

static bool is_named(const struct filter_token *token, const char *name)
{
    return !token->is_quoted && !token->is_tag && token->text.len == strlen(name) &&
           memcmp(token->text.data, name, token->text.len) == 0;
}

static bool parse_term(struct parser *p, struct err *err)
{
    const struct filter_token name = p->now;
    size_t node;

    if (name.kind != FILTER_NAME)
        return fail(p, name.at, "expected a name, 'not' or '('", err);
    if (p->terms++ == FILTER_TERMS_MAX)
        return fail(p, name.at, "more than 64 comparisons", err);
    node = node_add(p, FILTER_COMPARE);
    if (!parse_name(p, node, err))
        return false;
    if (p->now.kind == FILTER_OPEN && is_named(&name, "has"))
        return parse_call(p, node, FILTER_HAS, err);
    if (p->now.kind == FILTER_OPEN && is_named(&name, "version"))
        return parse_call(p, node, FILTER_VERSION, err);
    return parse_test(p, node, err);
}
_Static_assert(FILTER_TERMS_MAX == 64, "as the message says");

/* --- not, and, or ------------------------------------------------------------------------------
 */

static bool parse_or(struct parser *p, struct err *err);

static bool parse_not(struct parser *p, struct err *err)
{
    bool is_not = p->now.kind == FILTER_WORD_NOT;
    size_t node = p->filter->count;
    bool good;

    if (!is_not && p->now.kind != FILTER_OPEN)
        return parse_term(p, err);
    if (p->depth++ == FILTER_DEPTH_MAX)
        return fail(p, p->now.at, "more than 16 parentheses and nots within each other", err);
    if (is_not)
        (void)node_add(p, FILTER_NOT);
    good =
        step(p, err) && (is_not ? parse_not(p, err)
                                : parse_or(p, err) && expect(p, FILTER_CLOSE, "expected ')'", err));
    if (good && is_not)
        node_end(p, node);
    p->depth--;
    return good;
}
_Static_assert(FILTER_DEPTH_MAX == 16, "as the message says");

typedef bool parse_fn(struct parser *p, struct err *err);

static bool parse_chain(struct parser *p, enum filter_token_kind word, enum filter_node_kind kind,
                        parse_fn *operand, struct err *err)
{
    size_t node = p->filter->count;

    if (!operand(p, err))
        return false;
    if (p->now.kind != word)
        return true;
    node_insert(p, node, kind);
    while (p->now.kind == word) {
        if (!step(p, err) || !operand(p, err))
            return false;
    }
    node_end(p, node);
    return true;
}

static bool parse_and(struct parser *p, struct err *err)
{
    return parse_chain(p, FILTER_WORD_AND, FILTER_AND, parse_not, err);
}

static bool parse_or(struct parser *p, struct err *err)
{
    return parse_chain(p, FILTER_WORD_OR, FILTER_OR, parse_and, err);
}

static bool check_text(const char *text, size_t len, struct err *err)
{
    if (len > FILTER_BYTES_MAX)
        return err_set(err, ERR_INVALID, "filter: longer than %d bytes", FILTER_BYTES_MAX);
    for (size_t at = 0; at < len;) {
        unsigned used = text_utf8_len((const uint8_t *)text + at, len - at);

        if (used == 0)
            return filter_fail(err, text, at, "not UTF-8");
        at += used;
    }
    return true;
}

bool filter_parse(const char *text, struct filter **out, struct err *err)
{
    AUTO_FILTER *filter = NULL;
    size_t len = strnlen(text, FILTER_BYTES_MAX + 1);
    struct parser p = {.lexer = {.text = text, .len = len}};

    if (!check_text(text, len, err))
        return false;
    filter = mem_alloc(sizeof(*filter));
    filter->values = mem_alloc(sizeof(*filter->values)); /* a term always has some to point to */
    p.value_room = 1;
    p.filter = filter;
    p.lexer.pool = filter->pool;
    if (!step(&p, err) || !parse_or(&p, err))
        return false;
    if (p.now.kind != FILTER_END)
        return fail(&p, p.now.at, "expected 'and', 'or' or the end", err);
    *out = TAKE(filter);
    return true;
}

void filter_free(struct filter *filter)
{
    if (!filter)
        return;
    mem_free(filter->nodes);
    mem_free(filter->values);
    mem_free(filter);
}

void filter_cleanup(struct filter **filter)
{
    filter_free(*filter);
}
