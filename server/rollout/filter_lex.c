/* The text of a filter, token by token. Names and values are unescaped on the way: that never
 * makes them longer, so a pool as long as the text holds them all. */
#include <string.h>

#include "lib/base/text.h"
#include "server/rollout/filter_internal.h"

bool filter_fail(struct err *err, const char *text, size_t at, const char *what)
{
    size_t character = 1;

    for (size_t i = 0; i < at; i++)
        character += ((uint8_t)text[i] & 0xc0) != 0x80;
    return err_set(err, ERR_INVALID, "filter, character %zu: %s", character, what);
}

static const char *const signs[] = {
    [FILTER_EQUAL] = "=",       [FILTER_UNEQUAL] = "!=", [FILTER_LESS] = "<",
    [FILTER_LESS_EQUAL] = "<=", [FILTER_MORE] = ">",     [FILTER_MORE_EQUAL] = ">=",
};
_Static_assert(COUNT(signs) == FILTER_SIGN_COUNT, "every sign has a text");

const char *filter_sign_text(enum filter_sign sign)
{
    return signs[sign];
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool opens_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_of_name(char c)
{
    return opens_name(c) || is_digit(c) || c == '.' || c == '-';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* NUL at the end. */
static char peek(const struct filter_lexer *lexer, size_t ahead)
{
    if (lexer->at + ahead >= lexer->len)
        return '\0';
    return lexer->text[lexer->at + ahead];
}

static void keep(struct filter_lexer *lexer, char c)
{
    lexer->pool[lexer->pool_len++] = c;
}

/* '...' or "...", the quote in it written twice. */
static bool lex_quoted(struct filter_lexer *lexer, struct filter_token *out, struct err *err)
{
    char quote = peek(lexer, 0);
    size_t start = lexer->pool_len;
    size_t opened = lexer->at++;

    for (;; lexer->at++) {
        char c = peek(lexer, 0);

        if (lexer->at == lexer->len)
            return filter_fail(err, lexer->text, opened, "this quote is not closed");
        if ((uint8_t)c < 0x20 || c == 0x7f)
            return filter_fail(err, lexer->text, lexer->at, "a control character");
        if (c == quote && peek(lexer, 1) == quote)
            lexer->at++;
        else if (c == quote)
            break;
        keep(lexer, c);
    }
    lexer->at++;
    out->text = (struct filter_text){lexer->pool + start, lexer->pool_len - start};
    return true;
}

static bool lex_text(struct filter_lexer *lexer, struct filter_token *out, struct err *err)
{
    out->kind = FILTER_TEXT;
    return lex_quoted(lexer, out, err);
}

static bool lex_quoted_name(struct filter_lexer *lexer, struct filter_token *out, struct err *err)
{
    out->kind = FILTER_NAME;
    out->is_quoted = true;
    if (!lex_quoted(lexer, out, err))
        return false;
    return out->text.len > 0 || filter_fail(err, lexer->text, out->at, "a name is empty");
}

/* Words are known in any case; a name that is one goes into double quotes. */
static enum filter_token_kind word_of(struct filter_text name)
{
    static const struct {
        const char *word;
        enum filter_token_kind kind;
    } words[] = {
        {"and", FILTER_WORD_AND}, {"or", FILTER_WORD_OR},     {"not", FILTER_WORD_NOT},
        {"in", FILTER_WORD_IN},   {"like", FILTER_WORD_LIKE},
    };

    for (size_t i = 0; i < COUNT(words); i++) {
        if (name.len == strlen(words[i].word) &&
            strncasecmp(name.data, words[i].word, name.len) == 0)
            return words[i].kind;
    }
    return FILTER_NAME;
}

static bool lex_name(struct filter_lexer *lexer, struct filter_token *out, struct err *err)
{
    static const char tag[] = "tag.";
    size_t start = lexer->pool_len;

    while (is_of_name(peek(lexer, 0))) {
        keep(lexer, peek(lexer, 0));
        lexer->at++;
    }
    out->text = (struct filter_text){lexer->pool + start, lexer->pool_len - start};
    out->kind = word_of(out->text);
    if (out->text.len < sizeof(tag) - 1 || memcmp(out->text.data, tag, sizeof(tag) - 1) != 0)
        return true;
    out->is_tag = true;
    out->text.data += sizeof(tag) - 1;
    out->text.len -= sizeof(tag) - 1;
    if (out->text.len == 0 && peek(lexer, 0) == '"')
        return lex_quoted_name(lexer, out, err);
    return out->text.len > 0 || filter_fail(err, lexer->text, lexer->at, "a tag's name is missing");
}

static bool lex_number(struct filter_lexer *lexer, struct filter_token *out, struct err *err)
{
    size_t start = lexer->pool_len;
    int64_t micros;

    do {
        keep(lexer, peek(lexer, 0));
        lexer->at++;
    } while (is_of_name(peek(lexer, 0)));
    out->kind = FILTER_NUMBER;
    out->text = (struct filter_text){lexer->pool + start, lexer->pool_len - start};
    return filter_number(out->text, &micros) ||
           filter_fail(err, lexer->text, out->at,
                       "not a number (at most 12 digits and 6 behind the point); texts and "
                       "versions stand in 'single quotes'");
}

static bool lex_sign(struct filter_lexer *lexer, struct filter_token *out, struct err *err)
{
    size_t best = 0;

    for (size_t i = 0; i < COUNT(signs); i++) {
        size_t len = strlen(signs[i]);

        if (len > best && lexer->len - lexer->at >= len &&
            memcmp(lexer->text + lexer->at, signs[i], len) == 0) {
            best = len;
            out->sign = (enum filter_sign)i;
        }
    }
    out->kind = FILTER_SIGN;
    lexer->at += best;
    return best > 0 || filter_fail(err, lexer->text, lexer->at, "this is no part of a filter");
}

bool filter_lex(struct filter_lexer *lexer, struct filter_token *out, struct err *err)
{
    static const struct {
        char c;
        enum filter_token_kind kind;
    } marks[] = {{'(', FILTER_OPEN}, {')', FILTER_CLOSE}, {',', FILTER_COMMA}};
    char c;

    while (is_blank(peek(lexer, 0)))
        lexer->at++;
    *out = (struct filter_token){.kind = FILTER_END, .at = lexer->at};
    if (lexer->at == lexer->len)
        return true;
    c = peek(lexer, 0);
    for (size_t i = 0; i < COUNT(marks); i++) {
        if (c == marks[i].c) {
            out->kind = marks[i].kind;
            lexer->at++;
            return true;
        }
    }
    if (c == '\'')
        return lex_text(lexer, out, err);
    if (c == '"')
        return lex_quoted_name(lexer, out, err);
    if (is_digit(c) || c == '-')
        return lex_number(lexer, out, err);
    return opens_name(c) ? lex_name(lexer, out, err) : lex_sign(lexer, out, err);
}
