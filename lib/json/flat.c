/*
 * One pass over the text writes the nodes; a stack of the open containers is all the state. A node
 * knows where its text is and how many nodes its subtree has, so walking is arithmetic.
 *
 * Keys are compared as they are written while parsing an object: a sorted index finds the
 * duplicates after its end, so that a document of one object with many keys costs n log n. Texts
 * with escapes are marked, and resolved whenever they are looked at.
 */
#include "lib/json/flat.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/json/flat_node.h"

#define NUMBER_MAX ((UINT64_C(1) << 53) - 1)
enum { DEPTH_MAX = 64, NODES_SPARE = 64, BYTES_A_NODE = 4 };
static const size_t bytes_ever = (size_t)1 << 27; /* offsets and counts fit their fields */

const struct flat_limits flat_limits_metadata = {
    .bytes_max = 5000000, .nodes_max = 2000000, .depth_max = 32};

struct parser {
    const uint8_t *text;
    size_t len;
    size_t at;
    const struct flat_limits *limits;
    struct flat *doc;
    size_t room;
    uint32_t open[DEPTH_MAX];   /* the containers around `at`, */
    uint32_t newest[DEPTH_MAX]; /* and the newest value in each */
    unsigned depth;
};

static bool refuse(const struct parser *p, struct err *err, const char *what)
{
    return err_refuse(err, REFUSAL_JSON_STRICT, "JSON at byte %zu: %s", p->at, what);
}

static void skip_space(struct parser *p)
{
    while (p->at < p->len && (p->text[p->at] == ' ' || p->text[p->at] == '\t' ||
                              p->text[p->at] == '\n' || p->text[p->at] == '\r'))
        p->at++;
}

/* NULL, with the error, when there are too many. */
static struct flat_node *node_add(struct parser *p, enum flat_type kind, struct err *err)
{
    struct flat *doc = p->doc;
    struct flat_node *node;

    if (doc->count == p->room) {
        size_t most = p->len / BYTES_A_NODE + NODES_SPARE;

        if (most > p->limits->nodes_max)
            most = p->limits->nodes_max;
        if (doc->count >= most) {
            (void)err_set(err, ERR_LIMIT, "JSON at byte %zu: more than %zu values", p->at, most);
            return NULL;
        }
        p->room = p->room ? p->room * 2 : NODES_SPARE;
        if (p->room > most)
            p->room = most;
        doc->nodes = mem_resize(doc->nodes, p->room, sizeof(*doc->nodes));
    }
    node = &doc->nodes[doc->count++];
    *node = (struct flat_node){.start = (uint32_t)p->at, .size = 1, .kind = (uint32_t)kind & 7U};
    return node;
}

/* --- texts --------------------------------------------------------------------------------------
 */

/* At the opening quote. */
static bool parse_text(struct parser *p, struct err *err)
{
    struct flat_node *node = node_add(p, FLAT_TEXT, err);
    bool escaped = false;
    size_t start;

    if (!node)
        return false;
    start = ++p->at;
    while (p->at < p->len && p->text[p->at] != '"') {
        uint8_t scratch[4];
        size_t scratch_len;
        size_t used;

        if (p->text[p->at] == '\\') {
            used = flat_escape_read(p->text + p->at + 1, p->len - p->at - 1, scratch, &scratch_len);
            if (used == 0)
                return refuse(p, err, "no escape");
            escaped = true;
            p->at += used + 1;
            continue;
        }
        if (p->text[p->at] < ' ')
            return refuse(p, err, "a control character in a text");
        used = text_utf8_len(p->text + p->at, p->len - p->at);
        if (used == 0)
            return refuse(p, err, "no UTF-8");
        p->at += used;
    }
    if (p->at == p->len)
        return refuse(p, err, "a text without an end");
    node->start = (uint32_t)start;
    node->len = (uint32_t)(p->at - start);
    node->escaped = escaped;
    p->at++;
    return true;
}

static bool check_keys(const struct parser *p, uint32_t object, struct err *err)
{
    uint32_t count = p->doc->nodes[object].count;
    AUTO_FREE struct flat_keyed *keys = NULL;

    if (count < 2)
        return true;
    keys = flat_sorted_keys(p->doc, object);
    for (uint32_t i = 1; i < count; i++) {
        if (flat_compare_keys(&keys[i - 1], &keys[i]) == 0)
            return err_refuse(err, REFUSAL_JSON_STRICT, "JSON at byte %u: a key twice",
                              p->doc->nodes[keys[i].at].start);
    }
    return true;
}

/* --- values -------------------------------------------------------------------------------------
 */

static bool parse_number(struct parser *p, struct err *err)
{
    struct flat_node *node;
    uint64_t value = 0;
    size_t start = p->at;

    while (p->at < p->len && p->text[p->at] >= '0' && p->text[p->at] <= '9') {
        value = value * 10 + (uint64_t)(p->text[p->at] - '0');
        if (value > NUMBER_MAX)
            return refuse(p, err, "a number above 2^53 - 1");
        p->at++;
    }
    if (p->at == start)
        return refuse(p, err, "no value");
    if (p->text[start] == '0' && p->at - start > 1)
        return refuse(p, err, "a number with a leading zero");
    if (p->at < p->len && (p->text[p->at] == '.' || (p->text[p->at] | 0x20) == 'e'))
        return refuse(p, err, "a number that is no integer");
    node = node_add(p, FLAT_NUMBER, err);
    if (!node)
        return false;
    node->start = (uint32_t)start;
    node->len = (uint32_t)(p->at - start);
    return true;
}

static bool parse_word(struct parser *p, struct err *err)
{
    static const struct {
        const char *word;
        enum flat_type type;
    } words[] = {{"true", FLAT_TRUE}, {"false", FLAT_FALSE}, {"null", FLAT_NULL}};

    for (size_t i = 0; i < COUNT(words); i++) {
        size_t len = strlen(words[i].word);

        if (p->len - p->at < len || memcmp(p->text + p->at, words[i].word, len) != 0)
            continue;
        if (!node_add(p, words[i].type, err))
            return false;
        p->at += len;
        return true;
    }
    return parse_number(p, err);
}

static bool open_container(struct parser *p, enum flat_type type, struct err *err)
{
    if (p->depth >= p->limits->depth_max || p->depth >= DEPTH_MAX)
        return refuse(p, err, "nested too deeply");
    if (!node_add(p, type, err))
        return false;
    p->open[p->depth++] = (uint32_t)(p->doc->count - 1);
    p->at++;
    return true;
}

static bool close_container(struct parser *p, struct err *err)
{
    uint32_t at = p->open[--p->depth];

    if (p->doc->nodes[at].count)
        p->doc->nodes[p->newest[p->depth]].last = 1;
    p->doc->nodes[at].size = (uint32_t)(p->doc->count - at);
    p->at++;
    return p->doc->nodes[at].kind != FLAT_OBJECT || check_keys(p, at, err);
}

/* A scalar, or the opening of a container. */
static bool parse_value(struct parser *p, struct err *err)
{
    skip_space(p);
    if (p->at == p->len)
        return refuse(p, err, "cut short");
    switch (p->text[p->at]) {
    case '{':
        return open_container(p, FLAT_OBJECT, err);
    case '[':
        return open_container(p, FLAT_ARRAY, err);
    case '"':
        return parse_text(p, err);
    default:
        return parse_word(p, err);
    }
}

static bool parse_key(struct parser *p, struct err *err)
{
    skip_space(p);
    if (p->at == p->len || p->text[p->at] != '"')
        return refuse(p, err, "no key");
    if (!parse_text(p, err))
        return false;
    skip_space(p);
    if (p->at == p->len || p->text[p->at] != ':')
        return refuse(p, err, "no ':' after a key");
    p->at++;
    return true;
}

/* One step inside the innermost container: its end, or its next member or item. */
static bool parse_step(struct parser *p, struct err *err)
{
    uint32_t at = p->open[p->depth - 1];
    bool is_object;
    uint8_t end;
    uint32_t child;

    ASSERT(p->doc->nodes); /* there is the container's */
    is_object = p->doc->nodes[at].kind == FLAT_OBJECT;
    end = is_object ? '}' : ']';
    skip_space(p);
    if (p->at == p->len)
        return refuse(p, err, "cut short");
    if (p->text[p->at] == end)
        return close_container(p, err);
    if (p->doc->nodes[at].count > 0) {
        if (p->text[p->at] != ',')
            return refuse(p, err, "no ',' or end");
        p->at++;
    }
    p->doc->nodes[at].count++;
    if (is_object && !parse_key(p, err))
        return false;
    child = (uint32_t)p->doc->count;
    p->newest[p->depth - 1] = child;
    if (!parse_value(p, err))
        return false;
    p->doc->nodes[child].member = is_object;
    return true;
}

static bool parse(struct parser *p, struct err *err)
{
    if (!parse_value(p, err))
        return false;
    while (p->depth > 0) {
        if (!parse_step(p, err))
            return false;
    }
    skip_space(p);
    return p->at == p->len || refuse(p, err, "more after the end");
}

bool flat_parse(const void *text, size_t len, const struct flat_limits *limits, struct flat *out,
                struct err *err)
{
    struct flat doc = {.text = text, .len = len};
    struct parser parser = {.text = text, .len = len, .limits = limits, .doc = &doc};

    *out = (struct flat){0};
    if (len > limits->bytes_max || len > bytes_ever)
        return err_set(err, ERR_LIMIT, "JSON of %zu bytes is longer than %zu", len,
                       limits->bytes_max);
    if (!parse(&parser, err)) {
        flat_done(&doc);
        return false;
    }
    doc.nodes = mem_resize(doc.nodes, doc.count, sizeof(*doc.nodes)); /* it may be kept for long */
    *out = doc;
    return true;
}

void flat_done(struct flat *doc)
{
    mem_free(doc->nodes);
    *doc = (struct flat){0};
}
