/* Names that become parts of URLs and file names: one alphabet for our own, no way up or out, and
 * an encoding for the names others may have chosen for their roles. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/tuf/internal.h"

enum { ENCODED_NAME_MAX = 240 }; /* with ".json" and a temporary file's ending it is a file name */

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '~' || c == '-';
}

static bool is_word_char(char c)
{
    return is_unreserved(c) || c == '+';
}

/* The length of the safe component at `text`, 0 when there is none. */
static size_t component_len(const char *text)
{
    size_t len = 0;

    while (is_word_char(text[len]))
        len++;
    if ((len == 1 && text[0] == '.') || (len == 2 && text[0] == '.' && text[1] == '.'))
        return 0;
    return len;
}

bool tuf_path_is_safe(const char *path)
{
    if (strlen(path) > TUF_PATH_MAX)
        return false;
    for (;;) {
        size_t len = component_len(path);

        if (len == 0)
            return false;
        path += len;
        if (*path == '\0')
            return true;
        if (*path++ != '/')
            return false;
    }
}

bool tuf_word_is_safe(const char *word)
{
    size_t len = component_len(word);

    return len > 0 && len <= TUF_WORD_MAX && word[len] == '\0';
}

bool tuf_path_is_of_type(const char *path, const char *type)
{
    size_t len = strlen(type);

    return len > 0 && text_starts_with(path, type) && path[len] == '/';
}

const char *tuf_role_name(enum tuf_role role)
{
    static const char *const names[] = {
        [TUF_ROOT] = "root",
        [TUF_TIMESTAMP] = "timestamp",
        [TUF_SNAPSHOT] = "snapshot",
        [TUF_TARGETS] = "targets",
    };
    _Static_assert(COUNT(names) == TUF_ROLE_COUNT, "every role has a name");

    ASSERT(role < TUF_ROLE_COUNT);
    return names[role];
}

static void add_encoded(struct buf *out, const char *name)
{
    for (; *name; name++) {
        if (is_unreserved(*name))
            buf_add_u8(out, (uint8_t)*name);
        else
            buf_printf(out, "%%%02X", (unsigned)(uint8_t)*name);
    }
}

bool tuf_file_name(const char *role, uint64_t version, char *out, size_t room)
{
    AUTO_BUF name;

    buf_init(&name, room - 1);
    if (version)
        buf_printf(&name, "%" PRIu64 ".", version);
    add_encoded(&name, role);
    buf_add_text(&name, ".json");
    if (name.failed)
        return false;
    return text_copy(out, room, buf_text(&name));
}

bool tuf_delegated_name_is_good(const char *name)
{
    AUTO_BUF encoded;

    buf_init(&encoded, ENCODED_NAME_MAX);
    for (int role = 0; role < TUF_ROLE_COUNT; role++) {
        if (text_equal(name, tuf_role_name((enum tuf_role)role)))
            return false;
    }
    add_encoded(&encoded, name);
    return name[0] != '\0' && !encoded.failed;
}

bool tuf_role_may_sign(const char *role, const char *type)
{
    static const char *const types[] = {"boot", "os", "app", "config", "model", "evidence"};

    if (text_equal(role, tuf_role_name(TUF_TARGETS)))
        return true;
    if (text_equal(type, "trust"))
        return false;
    for (size_t i = 0; i < COUNT(types); i++) {
        size_t len = strlen(types[i]);

        if (text_starts_with(role, types[i]) && (role[len] == '-' || role[len] == '\0'))
            return text_equal(type, types[i]);
    }
    return true; /* a name that promises nothing; its paths bound it */
}
