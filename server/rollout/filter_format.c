/*
 * A filter for SQL and for readers.
 *
 *   ["and", PROGRAM, ...]  ["or", PROGRAM, ...]  ["not", PROGRAM]
 *   ["has", SPACE, NAME]   ["like", SPACE, NAME, PATTERN]
 *   [SIGN, SPACE, NAME, VALUE]  ["in", SPACE, NAME, VALUE, ...]  ["version", SPACE, NAME, SIGN,
 * TEXT] SPACE: "attribute", "tag", "fixed"   VALUE: ["number", TEXT] or ["text", TEXT]
 */
#include "server/rollout/filter_internal.h"

const char filter_grammar[] =
    "\n## Filters\n"
    "\n"
    "Which devices: in phases of a deployment (`phases[].filter`, `first`) and in "
    "`GET /api/v1/devices?filter=`.\n"
    "\n"
    "```\n"
    "filter  = chain { \"or\" chain }\n"
    "chain   = factor { \"and\" factor }\n"
    "factor  = \"not\" factor | \"(\" filter \")\" | test\n"
    "test    = name sign value\n"
    "        | name [\"not\"] \"in\" \"(\" value { \",\" value } \")\"\n"
    "        | name [\"not\"] \"like\" text\n"
    "        | \"version(\" name \")\" sign text\n"
    "        | \"has(\" name \")\"\n"
    "sign    = \"=\" | \"!=\" | \"<\" | \"<=\" | \">\" | \">=\"\n"
    "value   = text | number\n"
    "name    = letter { letter | digit | \"_\" | \".\" | \"-\" } | '\"' any '\"' | \"tag.\" name\n"
    "text    = \"'\" any \"'\"                 a quote within is written twice\n"
    "number  = [\"-\"] 1 to 12 digits [\".\" 1 to 6 digits]\n"
    "```\n"
    "\n"
    "A name is one of the attributes that the device reports; `tag.NAME` is a tag. `hwid`, "
    "`device`\n"
    "(its id), `group` (its name) and `counter` (the release counter of the operating system that\n"
    "it runs) are what the server knows; in double quotes they are attributes like any other, and\n"
    "so are `and`, `or`, `not`, `in`, `like`.\n"
    "\n"
    "- With a number, values that are numbers compare as numbers; everything else compares as\n"
    "  text, byte by byte. A number in quotes is a text: `fw = '1.10'` is not `1.1`.\n"
    "- A test of something that the device does not have is false, also `!=`; `has(NAME)` asks.\n"
    "- `like`: `%` is any text, `_` one character, `\\` takes the next one as it is.\n"
    "- `version(NAME)`: fields of digits are numbers, fields of letters are words and come before\n"
    "  numbers, everything else only parts them; a missing field is 0, what follows a `+` says\n"
    "  nothing: `1.2-rc1 < 1.2 = 1.2.0 < 1.10`.\n"
    "- At most 1,024 bytes, 64 tests, 16 parentheses and nots within each other. An error points\n"
    "  at the character: `filter, character 12: expected ')'`.\n"
    "\n"
    "`hwid in ('gw-1', 'gw-2') and (tag.site like 'berlin-%' or has(lab)) and not ram < 512`\n";

const char *filter_fixed_name(enum filter_fixed fixed)
{
    static const char *const names[] = {
        [FILTER_HWID] = "hwid",
        [FILTER_DEVICE] = "device",
        [FILTER_GROUP] = "group",
        [FILTER_COUNTER] = "counter",
    };

    _Static_assert(COUNT(names) == FILTER_FIXED_COUNT, "everything fixed has a name");
    return names[fixed];
}

/* Control characters do not get into names and texts. */
static void add_text(struct filter_text text, struct buf *out)
{
    buf_add_text(out, "\"");
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\')
            buf_add_text(out, "\\");
        buf_add(out, &text.data[i], 1);
    }
    buf_add_text(out, "\"");
}

static void add_values(const struct filter *filter, const struct filter_node *node, struct buf *out)
{
    for (size_t i = node->first; i < node->first + node->count; i++) {
        buf_printf(out, ",[\"%s\",", filter->values[i].is_number ? "number" : "text");
        add_text(filter->values[i].text, out);
        buf_add_text(out, "]");
    }
}

static void add_term(const struct filter *filter, const struct filter_node *node, struct buf *out)
{
    static const char *const words[] = {[FILTER_HAS] = "has",
                                        [FILTER_IN] = "in",
                                        [FILTER_LIKE] = "like",
                                        [FILTER_VERSION] = "version"};
    static const char *const spaces[] = {
        [FILTER_ATTRIBUTE] = "attribute", [FILTER_TAG] = "tag", [FILTER_FIXED] = "fixed"};
    bool is_compare = node->kind == FILTER_COMPARE;

    _Static_assert(COUNT(spaces) == FILTER_SPACE_COUNT, "every space has a name");
    buf_printf(out, "[\"%s\",\"%s\",",
               is_compare ? filter_sign_text(node->sign) : words[node->kind], spaces[node->space]);
    add_text(node->name, out);
    if (node->kind == FILTER_VERSION)
        buf_printf(out, ",\"%s\"", filter_sign_text(node->sign));
    if (is_compare || node->kind == FILTER_IN) {
        add_values(filter, node, out);
    } else if (node->count > 0) {
        buf_add_text(out, ",");
        add_text(filter->values[node->first].text, out);
    }
    buf_add_text(out, "]");
}

static void add_node(const struct filter *filter, const struct filter_node *node, struct buf *out)
{
    static const char *const words[] = {
        [FILTER_OR] = "or", [FILTER_AND] = "and", [FILTER_NOT] = "not"};

    if (node->kind > FILTER_NOT) {
        add_term(filter, node, out);
        return;
    }
    buf_printf(out, "[\"%s\"", words[node->kind]);
    for (const struct filter_node *at = node + 1; at < node + node->size; at += at->size) {
        buf_add_text(out, ",");
        add_node(filter, at, out);
    }
    buf_add_text(out, "]");
}

void filter_format_json(const struct filter *filter, struct buf *out)
{
    add_node(filter, filter->nodes, out);
}
