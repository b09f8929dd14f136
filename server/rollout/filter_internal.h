#pragma once
/*
 * What the filter's files share: the tokens, the compiled form, and how values compare.
 *
 * Compiled, a filter is an array of nodes in pre-order: a node's operands follow it, and `size`
 * tells where its subtree ends. Names and values are unescaped into one pool.
 */
#include "server/rollout/filter.h"

enum filter_token_kind {
    FILTER_END,
    FILTER_NAME,   /* foo, "any name" */
    FILTER_TEXT,   /* 'text' */
    FILTER_NUMBER, /* -12.5 */
    FILTER_SIGN,   /* = != < <= > >= */
    FILTER_OPEN,   /* ( */
    FILTER_CLOSE,  /* ) */
    FILTER_COMMA,
    FILTER_WORD_AND,
    FILTER_WORD_OR,
    FILTER_WORD_NOT,
    FILTER_WORD_IN,
    FILTER_WORD_LIKE,
};

enum filter_sign {
    FILTER_EQUAL,
    FILTER_UNEQUAL,
    FILTER_LESS,
    FILTER_LESS_EQUAL,
    FILTER_MORE,
    FILTER_MORE_EQUAL,
    FILTER_SIGN_COUNT,
};
/* "=", ... */
const char *filter_sign_text(enum filter_sign sign);
/* Of what a comparison came to. */
bool filter_sign_holds(enum filter_sign sign, int compared);

struct filter_token {
    enum filter_token_kind kind;
    size_t at; /* its first byte */
    enum filter_sign sign;
    bool is_quoted;          /* a name in "..." */
    bool is_tag;             /* tag.NAME */
    struct filter_text text; /* of a name, text or number, unescaped; in the pool */
};

struct filter_lexer {
    const char *text;
    size_t len;
    size_t at;
    char *pool; /* room for all the text */
    size_t pool_len;
};
/* The next token. */
MUST_USE bool filter_lex(struct filter_lexer *lexer, struct filter_token *out, struct err *err);
/* Sets "filter, character N: WHAT" for the byte `at`. */
bool filter_fail(struct err *err, const char *text, size_t at, const char *what);

enum filter_node_kind {
    FILTER_OR,
    FILTER_AND,
    FILTER_NOT,
    FILTER_HAS,
    FILTER_COMPARE,
    FILTER_IN,
    FILTER_LIKE,
    FILTER_VERSION,
};

struct filter_value {
    struct filter_text text;
    int64_t micros; /* of a number */
    bool is_number;
};

struct filter_node {
    enum filter_node_kind kind;
    enum filter_sign sign;   /* of FILTER_COMPARE, FILTER_VERSION */
    enum filter_space space; /* of all that look at a name */
    enum filter_fixed fixed;
    size_t size;  /* nodes of the subtree, this one included */
    size_t first; /* its values */
    size_t count;
    struct filter_text name;
};

struct filter {
    struct filter_node *nodes;
    size_t count;
    struct filter_value *values;
    size_t value_count;
    char pool[FILTER_BYTES_MAX];
};

/* -?[0-9]{1,12}(\.[0-9]{1,6})?, in millionths; so that both sides compare exactly. */
bool filter_number(struct filter_text text, int64_t *micros);
/* As bytes. */
int filter_text_compare(struct filter_text left, struct filter_text right);
/* '%' is any text, '_' one character of UTF-8, '\' takes the next one as it is. */
bool filter_like(struct filter_text text, struct filter_text pattern);
