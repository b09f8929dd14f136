/* What a compiled filter says of one device. A comparison with what the device does not have is
 * false, also `!=`: two values of truth, so that SQL and memory cannot differ by a NULL. */
#include "server/rollout/filter_internal.h"

bool filter_sign_holds(enum filter_sign sign, int compared)
{
    switch (sign) {
    case FILTER_EQUAL:
        return compared == 0;
    case FILTER_UNEQUAL:
        return compared != 0;
    case FILTER_LESS:
        return compared < 0;
    case FILTER_LESS_EQUAL:
        return compared <= 0;
    case FILTER_MORE:
        return compared > 0;
    case FILTER_MORE_EQUAL:
        return compared >= 0;
    case FILTER_SIGN_COUNT:
        break;
    }
    return false;
}

/* Numbers where both are, else bytes. */
static int compare(struct filter_text text, const struct filter_value *value)
{
    int64_t micros;

    if (value->is_number && filter_number(text, &micros))
        return (micros > value->micros) - (micros < value->micros);
    return filter_text_compare(text, value->text);
}

static bool matches_any(struct filter_text text, const struct filter_value *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (compare(text, &values[i]) == 0)
            return true;
    }
    return false;
}

static bool matches_term(const struct filter *filter, const struct filter_node *node,
                         const struct filter_subject *subject)
{
    const struct filter_value *values = &filter->values[node->first];
    struct filter_text text = node->space == FILTER_FIXED
                                  ? subject->fixed(node->fixed, subject->arg)
                                  : subject->named(node->space, node->name, subject->arg);

    if (!text.data)
        return false;
    switch (node->kind) {
    case FILTER_HAS:
        return true;
    case FILTER_COMPARE:
        return filter_sign_holds(node->sign, compare(text, values));
    case FILTER_IN:
        return matches_any(text, values, node->count);
    case FILTER_LIKE:
        return filter_like(text, values->text);
    case FILTER_VERSION:
        return filter_sign_holds(node->sign, filter_version_compare(text, values->text));
    case FILTER_OR:
    case FILTER_AND:
    case FILTER_NOT:
        break;
    }
    return false;
}

static bool matches_node(const struct filter *filter, const struct filter_node *node,
                         const struct filter_subject *subject)
{
    const struct filter_node *end = node + node->size;
    bool until = node->kind == FILTER_OR; /* the operand that decides a chain */

    switch (node->kind) {
    case FILTER_NOT:
        return !matches_node(filter, node + 1, subject);
    case FILTER_OR:
    case FILTER_AND:
        for (const struct filter_node *at = node + 1; at < end; at += at->size) {
            if (matches_node(filter, at, subject) == until)
                return until;
        }
        return !until;
    case FILTER_HAS:
    case FILTER_COMPARE:
    case FILTER_IN:
    case FILTER_LIKE:
    case FILTER_VERSION:
        break;
    }
    return matches_term(filter, node, subject);
}

bool filter_matches(const struct filter *filter, const struct filter_subject *subject)
{
    return matches_node(filter, filter->nodes, subject);
}
