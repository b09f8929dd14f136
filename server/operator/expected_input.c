/* A line is parsed by itself, so that a mistake in a list of 100,000 is told by its line. */
#include "server/operator/expected_input.h"

#include <inttypes.h>
#include <string.h>

#include "lib/base/mem.h"
#include "server/operator/tags_input.h"

static const struct json_limits limits = {
    .bytes_max = EXPECTED_LINE_BYTES_MAX,
    .depth_max = 3,
    .containers_max = 4,
};

/* The id that a device's key hashes to. */
static bool read_device(const json_t *line, uint8_t out[HASH_BYTES], struct err *err)
{
    uint8_t key[HASH_BYTES];
    bool has_device = json_object_get(line, "device") != NULL;

    if (has_device == (json_object_get(line, "public_key") != NULL))
        return err_set(err, ERR_INVALID, "one of 'device' and 'public_key' is needed");
    if (has_device)
        return json_field_hex(line, "", "device", out, HASH_BYTES, err);
    if (!json_field_hex(line, "", "public_key", key, sizeof(key), err))
        return false;
    hash_blake2b(key, sizeof(key), out);
    return true;
}

static bool read_group(const json_t *line, const char *group, struct arena *arena, const char **out,
                       struct err *err)
{
    *out = group;
    if (json_object_get(line, "group") &&
        !json_field_text(line, "", "group", EXPECTED_GROUP_MAX, out, err))
        return false;
    if (!*out || (*out)[0] == '\0')
        return err_set(err, ERR_INVALID, "field 'group' is missing");
    *out = arena_strdup(arena, *out);
    return true;
}

static bool read_tags(const json_t *line, struct arena *arena, const char **out, struct err *err)
{
    const json_t *tags = json_object_get(line, "tags");
    AUTO_FREE char *json = NULL;

    *out = "{}";
    if (!tags)
        return true;
    if (!tags_check(tags, "tags", false, err))
        return false;
    json = json_text(tags);
    *out = arena_strdup(arena, json);
    return true;
}

static bool read_line(const char *text, size_t len, const char *group, struct arena *arena,
                      struct expected_list *out, struct err *err)
{
    static const char *const fields[] = {"device", "public_key", "group", "tags", NULL};
    AUTO_JSON *line = NULL;
    size_t at = out->count;

    if (len == 0)
        return err_set(err, ERR_INVALID, "it is empty");
    if (!json_parse(text, len, &limits, &line, err))
        return false;
    if (!json_is_object(line))
        return err_set(err, ERR_INVALID, "it is not a JSON object");
    if (!json_fields_known(line, "", fields, err) || !read_device(line, out->devices[at], err) ||
        !read_group(line, group, arena, &out->groups[at], err) ||
        !read_tags(line, arena, &out->tags[at], err))
        return false;
    out->count++;
    return true;
}

/* What ends with a newline has no further line behind it. */
static size_t count_lines(const char *text, size_t len)
{
    size_t count = 0;

    for (size_t i = 0; i < len; i++)
        count += text[i] == '\n';
    return len > 0 && text[len - 1] != '\n' ? count + 1 : count;
}

bool expected_parse(const struct expected_lines *lines, struct arena *arena,
                    struct expected_list *out, struct err *err)
{
    const char *at = lines->text;
    const char *end = at + lines->len;
    size_t count = count_lines(lines->text, lines->len);

    if (count == 0)
        return err_set(err, ERR_INVALID, "there is no line");
    if (count > EXPECTED_LINES_MAX)
        return err_set(err, ERR_LIMIT, "there are %zu lines, %d at most in one request", count,
                       EXPECTED_LINES_MAX);
    out->devices = arena_alloc(arena, count * HASH_BYTES);
    out->groups = arena_alloc(arena, count * sizeof(*out->groups));
    out->tags = arena_alloc(arena, count * sizeof(*out->tags));
    out->count = 0;
    while (out->count < count) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((newline ? newline : end) - at);

        if (!read_line(at, len, lines->group, arena, out, err))
            return err_wrap(err, "line %" PRIu64, lines->first + out->count);
        at += newline ? len + 1 : len;
    }
    return true;
}
