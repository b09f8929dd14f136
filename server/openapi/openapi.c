/* Rows and what examples are filled with. */
#include "server/openapi/openapi.h"

#include <string.h>

#include "lib/base/text.h"

const struct openapi_row *const openapi_tables[] = {
    openapi_rows_setup,   openapi_rows_repo,    openapi_rows_fleet, openapi_rows_device,
    openapi_rows_rollout, openapi_rows_reports, openapi_rows_last,  NULL};

const struct openapi_row *openapi_find(const char *method, const char *path)
{
    for (size_t i = 0; openapi_tables[i]; i++) {
        for (const struct openapi_row *row = openapi_tables[i]; row->method; row++) {
            if (text_equal(row->method, method) && text_equal(row->path, path))
                return row;
        }
    }
    return NULL;
}

/* --- names of a path's parameters --------------------------------------------------------------
 */

static bool copy_len(const char *text, size_t len, char *out, size_t room)
{
    ASSERT(len < room);
    memcpy(out, text, len);
    out[len] = '\0';
    return true;
}

/* "id" and the like say nothing: then it is what the segment before says. */
static bool is_vague(const char *name, size_t len)
{
    return (len == 2 && memcmp(name, "id", len) == 0) ||
           (len == 4 && memcmp(name, "name", len) == 0) ||
           (len == 6 && memcmp(name, "sha256", len) == 0) ||
           (len == 4 && memcmp(name, "path", len) == 0);
}

static bool name_by_path(const char *path, unsigned n, char *out, size_t room)
{
    const char *before = "";
    size_t before_len = 0;

    for (const char *at = path; *at == '/';) {
        const char *segment = at + 1;
        size_t len = strcspn(segment, "/");

        if (segment[0] == ':' && n-- == 0) {
            size_t name_len = strcspn(segment + 1, "/*");

            return is_vague(segment + 1, name_len) && before_len > 0
                       ? copy_len(before, before_len, out, room)
                       : copy_len(segment + 1, name_len, out, room);
        }
        if (segment[0] != ':') {
            before = segment;
            before_len = len;
        }
        at = segment + len;
    }
    return false;
}

bool openapi_param_name(const struct openapi_row *row, unsigned n, char *out, size_t room)
{
    const char *at = row->names;

    if (!at)
        return name_by_path(row->path, n, out, room);
    for (; n > 0; n--) {
        at = strchr(at, ',');
        if (!at)
            return false;
        at++;
    }
    return copy_len(at, strcspn(at, ","), out, room);
}

/* --- filling in --------------------------------------------------------------------------------
 */

#define HASH "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
#define SIGNATURES "[{\"keyid\":\"" HASH "\",\"sig\":\"" HASH HASH "\"}]"

const char *openapi_sample(const char *name)
{
    /* clang-format off */
    static const struct { const char *name, *value; } samples[] = {
        {"device",      "5fb2d5a1c0e94f5d8a3b7c6e1f00912233445566778899aabbccddeeff001122"},
        {"spare",       "6fb2d5a1c0e94f5d8a3b7c6e1f00912233445566778899aabbccddeeff001122"},
        {"newcomer",    "7fb2d5a1c0e94f5d8a3b7c6e1f00912233445566778899aabbccddeeff001122"},
        {"images",      HASH},
        {"sha256",      HASH},
        {"hash",        HASH},
        {"tenant",      "default"},
        {"later",       "2026-12-24T00:00:00Z"},
        {"sooner",      "2026-11-24T00:00:00Z"},
        {"signed_2",    "{\"signed\":{\"_type\":\"targets\",\"version\":2},\"signatures\":" SIGNATURES "}"},
        {"text_3",      "\"{...}\""},
        {"signed_4",    "\"{\\\"_type\\\":\\\"targets\\\",...}\""},
        {"delta", HASH},
        {"symbols", HASH},
        {"hash_4",      HASH},
        {"signatures_4", SIGNATURES},
        {"repository",  "image"},
        {"metadata",    "timestamp.json"},
        {"label",       "timestamp"},
        {"targets",     "os/board/2.0/rootfs.img"},
    };
    /* clang-format on */

    for (size_t i = 0; i < COUNT(samples); i++) {
        if (text_equal(samples[i].name, name))
            return samples[i].value;
    }
    return "0193e2c5-7a10-7cc3-9d7e-6d1f4b8a2e30";
}

bool openapi_fill(const char *text, openapi_value_fn *value, void *arg, struct buf *out)
{
    char name[64];

    while (*text) {
        size_t plain = strcspn(text, "$");
        const char *found;

        buf_add(out, text, plain);
        text += plain;
        if (!text_starts_with(text, "${")) {
            buf_add(out, text, *text ? 1 : 0);
            text += *text ? 1 : 0;
            continue;
        }
        (void)copy_len(text + 2, strcspn(text + 2, "}"), name, sizeof(name));
        found = value(name, arg);
        if (!found)
            return false;
        buf_add_text(out, found);
        text += strlen(name) + 3;
    }
    return true;
}

bool openapi_fill_path(const struct openapi_row *row, openapi_value_fn *value, void *arg,
                       struct buf *out)
{
    unsigned n = 0;

    for (const char *at = row->path; *at;) {
        char name[64];
        const char *found;

        if (*at != ':' || at[-1] != '/') {
            buf_add(out, at++, 1);
            continue;
        }
        if (!openapi_param_name(row, n++, name, sizeof(name)))
            return false;
        found = value(name, arg);
        if (!found)
            return false;
        buf_add_text(out, found);
        at += strcspn(at, "/");
    }
    return true;
}
