/* Everything is driven by the table; a type is one row of functions. */
#include "lib/config/config.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"

/* --- types --------------------------------------------------------------------------------------
 */

static void *field_of(void *config, const struct config_key *key)
{
    return (char *)config + key->field;
}

static bool out_of_range(const struct config_key *key, const char *what, struct err *err)
{
    return err_set(err, ERR_INVALID, "'%s' is %s between %" PRIu64 " and %" PRIu64, key->name, what,
                   key->min, key->max);
}

static bool set_text(const struct config_key *key, const char *value, void *field, struct err *err)
{
    char **text = field;
    size_t len = strlen(value);

    if (len < key->min || len > key->max)
        return out_of_range(key, "a text with a length", err);
    mem_free(*text);
    *text = mem_strdup(value);
    return true;
}

static bool set_uint(const struct config_key *key, const char *value, void *field, struct err *err)
{
    return text_to_u64(value, strlen(value), key->min, key->max, field) ||
           out_of_range(key, "a number", err);
}

static bool set_size(const struct config_key *key, const char *value, void *field, struct err *err)
{
    uint64_t size;

    if (!text_to_size(value, &size) || size < key->min || size > key->max)
        return out_of_range(key, "a size (like 64K, 3M, 2G)", err);
    *(uint64_t *)field = size;
    return true;
}

static bool set_bool(const struct config_key *key, const char *value, void *field, struct err *err)
{
    bool is_true = text_equal(value, "true");

    if (!is_true && !text_equal(value, "false"))
        return err_set(err, ERR_INVALID, "'%s' is 'true' or 'false'", key->name);
    *(bool *)field = is_true;
    return true;
}

static void print_text(const void *field, struct buf *out)
{
    buf_add_text(out, *(const char *const *)field);
}

static void print_uint(const void *field, struct buf *out)
{
    buf_printf(out, "%" PRIu64, *(const uint64_t *)field);
}

static void print_bool(const void *field, struct buf *out)
{
    buf_add_text(out, *(const bool *)field ? "true" : "false");
}

static const struct {
    const char *name;
    bool (*set)(const struct config_key *key, const char *value, void *field, struct err *err);
    void (*print)(const void *field, struct buf *out);
} types[] = {
    [CONFIG_TEXT] = {"text", set_text, print_text},
    [CONFIG_UINT] = {"number", set_uint, print_uint},
    [CONFIG_SIZE] = {"size", set_size, print_uint},
    [CONFIG_BOOL] = {"true or false", set_bool, print_bool},
};
_Static_assert(COUNT(types) == CONFIG_TYPE_COUNT, "every type has its functions");

/* --- reading ------------------------------------------------------------------------------------
 */

static bool set(const struct config_key *key, const char *value, void *config, struct err *err)
{
    for (const char *c = value; *c; c++) {
        if (iscntrl((unsigned char)*c))
            return err_set(err, ERR_INVALID, "'%s' holds a control character", key->name);
    }
    return types[key->type].set(key, value, field_of(config, key), err);
}

static bool set_defaults(const struct config_table *table, void *config, struct err *err)
{
    ASSERT(table->count <= CONFIG_KEYS_MAX);
    for (size_t i = 0; i < table->count; i++) {
        if (table->keys[i].type == CONFIG_TEXT)
            *(char **)field_of(config, &table->keys[i]) = NULL;
    }
    for (size_t i = 0; i < table->count; i++) {
        if (!set(&table->keys[i], table->keys[i].fallback, config, err))
            return false;
    }
    return true;
}

static const struct config_key *find(const struct config_table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++) {
        if (text_equal(table->keys[i].name, name))
            return &table->keys[i];
    }
    return NULL;
}

/* Cuts the blanks around a text, in place. */
static char *trim(char *text)
{
    static const char blanks[] = " \t\r";
    size_t len;

    text += strspn(text, blanks);
    len = strlen(text);
    while (len > 0 && strchr(blanks, text[len - 1]))
        text[--len] = '\0';
    return text;
}

static bool read_line(const struct config_table *table, char *line, bool *seen, void *config,
                      struct err *err)
{
    const struct config_key *key;
    char *equals;

    line = trim(line);
    if (line[0] == '\0' || line[0] == '#')
        return true;
    equals = strchr(line, '=');
    if (!equals)
        return err_set(err, ERR_INVALID, "'%s' is not 'key = value'", line);
    *equals = '\0';
    key = find(table, trim(line));
    if (!key)
        return err_set(err, ERR_INVALID, "there is no key '%s'", trim(line));
    if (seen[key - table->keys])
        return err_set(err, ERR_INVALID, "key '%s' is set twice", key->name);
    seen[key - table->keys] = true;
    return set(key, trim(equals + 1), config, err);
}

static bool read_lines(const struct config_table *table, char *text, void *config, struct err *err)
{
    bool seen[CONFIG_KEYS_MAX] = {false};
    unsigned number = 1;

    for (char *line = text; line; number++) {
        char *end = strchr(line, '\n');

        if (end)
            *end++ = '\0';
        if (!read_line(table, line, seen, config, err))
            return err_wrap(err, "line %u", number);
        line = end;
    }
    return true;
}

bool config_parse(const struct config_table *table, const char *text, size_t len, void *out,
                  struct err *err)
{
    AUTO_FREE char *copy = NULL;

    if (len > CONFIG_FILE_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "configuration is longer than %d bytes",
                       CONFIG_FILE_BYTES_MAX);
    if (len > 0 && memchr(text, '\0', len))
        return err_set(err, ERR_INVALID, "configuration holds a NUL");
    copy = mem_strndup(text, len);
    if (set_defaults(table, out, err) && read_lines(table, copy, out, err))
        return true;
    config_done(table, out);
    return false;
}

/* --- the environment ----------------------------------------------------------------------------
 */

static char *variable_of(const struct config_table *table, const struct config_key *key)
{
    char *name = mem_printf("%s_%s", table->prefix, key->name);

    for (char *c = name; *c; c++)
        *c = (char)(isalnum((unsigned char)*c) ? toupper((unsigned char)*c) : '_');
    return name;
}

static bool read_environment(const struct config_table *table, void *config, struct err *err)
{
    for (size_t i = 0; i < table->count; i++) {
        AUTO_FREE char *name = variable_of(table, &table->keys[i]);
        const char *value = getenv(name);

        if (value && !set(&table->keys[i], value, config, err))
            return err_wrap(err, "environment variable %s", name);
    }
    return true;
}

bool config_load_text(const struct config_table *table, const char *text, void *out,
                      struct err *err)
{
    if (!config_parse(table, text, strlen(text), out, err))
        return false;
    if (read_environment(table, out, err))
        return true;
    config_done(table, out);
    return false;
}

bool config_load(const struct config_table *table, const char *path, void *out, struct err *err)
{
    AUTO_BUF text;

    buf_init(&text, CONFIG_FILE_BYTES_MAX);
    if (path && !file_read(path, &text, err))
        return false;
    if (text.len > 0 && memchr(text.data, '\0', text.len))
        return err_set(err, ERR_INVALID, "'%s' holds a NUL", path);
    return config_load_text(table, buf_text(&text), out, err) ||
           (path ? err_wrap(err, "'%s'", path) : false);
}

void config_done(const struct config_table *table, void *config)
{
    for (size_t i = 0; i < table->count; i++) {
        char **text = field_of(config, &table->keys[i]);

        if (table->keys[i].type != CONFIG_TEXT)
            continue;
        mem_free(*text);
        *text = NULL;
    }
}

/* --- printing -----------------------------------------------------------------------------------
 */

void config_print_help(const struct config_table *table, struct buf *out)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct config_key *key = &table->keys[i];
        AUTO_FREE char *variable = variable_of(table, key);

        buf_printf(out, "%s (%s", key->name, types[key->type].name);
        if (key->type == CONFIG_UINT)
            buf_printf(out, ", %" PRIu64 " to %" PRIu64, key->min, key->max);
        buf_printf(out, ", default %s; %s)\n    %s\n", key->fallback[0] ? key->fallback : "empty",
                   variable, key->help);
    }
}

void config_print_sample(const struct config_table *table, struct buf *out)
{
    for (size_t i = 0; i < table->count; i++)
        buf_printf(out, "%s# %s\n# %s = %s\n", i ? "\n" : "", table->keys[i].help,
                   table->keys[i].name, table->keys[i].fallback);
}

void config_format(const struct config_table *table, const void *config, struct buf *out)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct config_key *key = &table->keys[i];

        buf_printf(out, "%s = ", key->name);
        types[key->type].print((const char *)config + key->field, out);
        buf_add_u8(out, '\n');
    }
}
