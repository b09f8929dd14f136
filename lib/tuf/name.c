/* Names that become parts of URLs and file names: one alphabet, no way up or out. */
#include <string.h>

#include "lib/tuf/tuf.h"

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '+' || c == '~' || c == '-';
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
