/* Memory and SQL say the same of every filter and every device: thousands of random pairs, made
 * of values that are nearly numbers, nearly versions, nearly equal. */
#include "server/rollout/filter.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "server/db/sync.h"
#include "tests/support/pg.h"

enum { PAIRS = 1500, ROUNDS = 6, NAMES = 6, TEXT_MAX = 1400 };

/* A small generator, so that every run sees the same pairs; a failure prints its filter. */
static uint64_t next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static size_t below(uint64_t *state, size_t count)
{
    return (size_t)(next(state) % count);
}

static const char *const values[] = {
    "",
    "0",
    "-0",
    "00",
    "7",
    "07",
    "7.0",
    "7.000001",
    "7.0000001",
    "-7",
    "- 7",
    "+7",
    "7e1",
    " 7",
    "7\n",
    "70",
    "100",
    "99",
    "a",
    "A",
    "b",
    "ab",
    "aB",
    "a%",
    "a_",
    "a\\",
    "%",
    "_",
    "\\",
    "'",
    "''",
    "\"",
    "é",
    "e\xcc\x81",
    "Z",
    "z",
    "ß",
    "日本",
    "日",
    "\xf0\x9f\x98\x80",
    "1.2",
    "1.10",
    "1.2.0",
    "v1.2",
    "1.2-rc1",
    "1.2rc1",
    "1.2+b",
    "1-2",
    "1..2",
    "01.02",
    "1.2.a",
    "rc",
    "999999999999",
    "-999999999999.999999",
    "1000000000000",
    "18446744073709551617",
    "a-b",
    "a b",
    "ab%cd",
    "abab",
};

static const char *const patterns[] = {
    "",    "%",     "_",    "__",   "a%",    "%a",  "%a%",  "a_",    "_b",  "%b_",
    "\\%", "a\\%",  "a\\_", "\\\\", "%\\\\", "%%",  "%_%",  "_%_",   "1.%", "%日%",
    "_本", "e_",    "a%b",  "a%b%", "%ab",   "a b", "\\a%", "%\\%%", "7",   "\xf0\x9f\x98\x80",
    "Z_%", "%.%.%",
};

static const char *const names[NAMES] = {"a", "b", "c", "\"d e\"", "tag.t", "tag.\"u\"\"v\""};
static const char *const keys[NAMES] = {"a", "b", "c", "d e", "t", "u\"v"};
static const char *const fixed_names[] = {"hwid", "device", "group", "counter"};

/* --- a device --- */

struct device {
    const char *named[NAMES]; /* NULL: it has none */
    const char *fixed[FILTER_FIXED_COUNT];
};

static struct device device_make(uint64_t *state)
{
    struct device device;

    for (size_t i = 0; i < NAMES; i++)
        device.named[i] = below(state, 5) == 0 ? NULL : values[below(state, COUNT(values))];
    for (size_t i = 0; i < FILTER_FIXED_COUNT; i++)
        device.fixed[i] = below(state, 5) == 0 ? NULL : values[below(state, COUNT(values))];
    return device;
}

static struct filter_text text_of(const char *text)
{
    return (struct filter_text){text, text ? strlen(text) : 0};
}

static struct filter_text named(enum filter_space space, struct filter_text name, const void *arg)
{
    const struct device *device = arg;

    for (size_t i = 0; i < NAMES; i++) {
        if ((i >= 4) == (space == FILTER_TAG) && strlen(keys[i]) == name.len &&
            memcmp(keys[i], name.data, name.len) == 0)
            return text_of(device->named[i]);
    }
    return text_of(NULL);
}

static struct filter_text fixed(enum filter_fixed name, const void *arg)
{
    const struct device *device = arg;

    return text_of(device->fixed[name]);
}

/* --- a filter, as text --- */

static void add_quoted(const char *text, struct buf *out)
{
    buf_add_text(out, "'");
    for (; *text; text++)
        buf_printf(out, *text == '\'' ? "''" : "%c", *text);
    buf_add_text(out, "'");
}

/* Control characters do not get into a filter, only into values. */
static const char *speakable(uint64_t *state)
{
    const char *value;

    do {
        value = values[below(state, COUNT(values))];
    } while (strchr(value, '\n'));
    return value;
}

static void add_value(uint64_t *state, struct buf *out)
{
    static const char *const numbers[] = {
        "0", "-0", "7", "07", "7.0", "7.000001", "-7", "100", "99.5", "70", "999999999999.999999"};

    if (below(state, 3) == 0)
        buf_add_text(out, numbers[below(state, COUNT(numbers))]);
    else
        add_quoted(speakable(state), out);
}

static void add_test(uint64_t *state, struct buf *out)
{
    static const char *const signs[] = {"=", "!=", "<", "<=", ">", ">="};
    size_t at = below(state, NAMES + COUNT(fixed_names));
    const char *name = at < NAMES ? names[at] : fixed_names[at - NAMES];

    switch (below(state, 6)) {
    case 0:
        buf_printf(out, "has(%s)", name);
        break;
    case 1:
        buf_printf(out, "version(%s) %s ", name, signs[below(state, COUNT(signs))]);
        add_quoted(speakable(state), out);
        break;
    case 2:
        buf_printf(out, "%s %slike ", name, below(state, 2) ? "not " : "");
        add_quoted(patterns[below(state, COUNT(patterns))], out);
        break;
    case 3:
        buf_printf(out, "%s in (", name);
        for (size_t i = below(state, 3) + 1; i > 0; i--) {
            add_value(state, out);
            buf_add_text(out, i > 1 ? ", " : ")");
        }
        break;
    default:
        buf_printf(out, "%s %s ", name, signs[below(state, COUNT(signs))]);
        add_value(state, out);
    }
}

static void add_filter(uint64_t *state, unsigned depth, struct buf *out)
{
    size_t kind = below(state, 5);

    if (depth == 0 || kind == 0) {
        add_test(state, out);
    } else if (kind == 1) {
        buf_add_text(out, "not ");
        add_filter(state, depth - 1, out);
    } else {
        buf_add_text(out, "(");
        add_filter(state, depth - 1, out);
        buf_add_text(out, kind == 2 ? " or " : " and ");
        add_filter(state, depth - 1, out);
        buf_add_text(out, ")");
    }
}

/* --- both sides --- */

static void add_json(const char *text, struct buf *out)
{
    buf_add_text(out, "\"");
    for (; *text; text++) {
        if (*text == '\n')
            buf_add_text(out, "\\n");
        else
            buf_printf(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    }
    buf_add_text(out, "\"");
}

static void add_object(const char *const *object_keys, const char *const *object_values,
                       size_t count, struct buf *out)
{
    const char *comma = "";

    buf_add_text(out, "{");
    for (size_t i = 0; i < count; i++) {
        /* A missing value is missing, or (rarely true, and the same) a null. */
        if (!object_values[i] && i % 2 == 0)
            continue;
        buf_add_text(out, comma);
        add_json(object_keys[i], out);
        buf_add_text(out, ":");
        if (object_values[i])
            add_json(object_values[i], out);
        else
            buf_add_text(out, "null");
        comma = ",";
    }
    buf_add_text(out, "}");
}

static void add_pair(const struct filter *filter, const struct device *device, struct buf *out)
{
    buf_add_text(out, "[");
    filter_format_json(filter, out);
    buf_add_text(out, ",");
    add_object(keys, device->named, 4, out);
    buf_add_text(out, ",");
    add_object(keys + 4, device->named + 4, 2, out);
    buf_add_text(out, ",");
    add_object(fixed_names, device->fixed, FILTER_FIXED_COUNT, out);
    buf_add_text(out, "]");
}

/* What memory says of a random pair ('1', '0'); the pair goes to `out` for SQL. */
static char make_pair(uint64_t *state, char text[TEXT_MAX], struct buf *out)
{
    struct device device = device_make(state);
    const struct filter_subject subject = {named, fixed, &device};
    AUTO_FILTER *filter = NULL;
    struct err err = {0};
    AUTO_BUF wish;

    buf_init(&wish, 1 << 16);
    do {
        buf_reset(&wish);
        add_filter(state, (unsigned)below(state, 5), &wish);
    } while (wish.len > FILTER_BYTES_MAX);
    cr_assert(filter_parse(buf_text(&wish), &filter, &err), "%s: %s", buf_text(&wish), err.text);
    (void)snprintf(text, TEXT_MAX, "%s", buf_text(&wish));
    add_pair(filter, &device, out);
    return filter_matches(filter, &subject) ? '1' : '0';
}

static void compare_round(struct db_sync *sync, uint64_t *state)
{
    AUTO_FREE char(*texts)[TEXT_MAX] = mem_array(PAIRS, sizeof(*texts));
    AUTO_FREE char *memory = mem_alloc(PAIRS + 1);
    const struct db_result *result;
    const char *sql;
    struct err err = {0};
    AUTO_BUF pairs;

    buf_init(&pairs, 64 << 20);
    for (size_t i = 0; i < PAIRS; i++) {
        buf_add_text(&pairs, i == 0 ? "[" : ",");
        memory[i] = make_pair(state, texts[i], &pairs);
    }
    buf_add_text(&pairs, "]");
    sql = buf_text(&pairs);
    cr_assert(db_sync_query(sync,
                            "SELECT string_agg(CASE slipway_filter(e -> 0, e -> 1, e -> 2, e -> 3)"
                            "   WHEN true THEN '1' WHEN false THEN '0' ELSE '?' END, '' ORDER BY n)"
                            "  FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS p (e, n)",
                            &sql, 1, &result, &err),
              "%s", err.text);
    cr_assert_eq(strlen(db_text(result, 0, 0)), PAIRS);
    for (size_t i = 0; i < PAIRS; i++)
        cr_expect_eq(db_text(result, 0, 0)[i], memory[i], "memory says %c, SQL %c: %s", memory[i],
                     db_text(result, 0, 0)[i], texts[i]);
    cr_expect(strchr(memory, '1') && strchr(memory, '0'), "both answers are met");
}

Test(store_filter, says_in_sql_what_it_says_in_memory)
{
    AUTO_FREE char *database = pg_test_database();
    AUTO_DB_SYNC *sync = NULL;
    struct err err = {0};
    uint64_t state = 20261123;

    cr_assert(db_sync_open(database, &sync, &err), "%s", err.text);
    for (size_t i = 0; i < ROUNDS; i++)
        compare_round(sync, &state);
}

/* Every value with every value, so that the order itself is compared, not only samples of it. */
Test(store_filter, orders_versions_in_sql_as_in_memory)
{
    AUTO_FREE char *database = pg_test_database();
    AUTO_DB_SYNC *sync = NULL;
    const struct db_result *result;
    struct err err = {0};

    cr_assert(db_sync_open(database, &sync, &err), "%s", err.text);
    for (size_t i = 0; i < COUNT(values); i++) {
        const char *list = NULL;
        const char *left = values[i];
        AUTO_BUF json;

        buf_init(&json, 1 << 16);
        for (size_t k = 0; k < COUNT(values); k++) {
            buf_add_text(&json, k == 0 ? "[" : ",");
            add_json(values[k], &json);
        }
        buf_add_text(&json, "]");
        list = buf_text(&json);
        cr_assert(
            db_sync_query(sync,
                          "SELECT slipway_version_compare($1, v), n"
                          "  FROM jsonb_array_elements_text($2::jsonb) WITH ORDINALITY AS e (v, n)"
                          " ORDER BY n",
                          (const char *const[]){left, list}, 2, &result, &err),
            "%s", err.text);
        for (size_t k = 0; k < COUNT(values); k++)
            cr_expect_eq(db_i64(result, k, 0),
                         filter_version_compare(text_of(values[i]), text_of(values[k])),
                         "'%s' and '%s'", values[i], values[k]);
    }
}
