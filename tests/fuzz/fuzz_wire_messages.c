/* The first byte chooses the message. What parses is formatted and parsed again: the second
 * parse succeeds and formats to the same bytes. */
#include <string.h>

#include "lib/wire/event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TRY(type)                                                                                  \
    do {                                                                                           \
        static struct wire_##type one, two;                                                        \
        struct err err = {0};                                                                      \
        AUTO_BUF text;                                                                             \
        AUTO_BUF again;                                                                            \
                                                                                                   \
        buf_init(&text, 1 << 20);                                                                  \
        buf_init(&again, 1 << 20);                                                                 \
        if (!wire_##type##_parse(data + 1, size - 1, &one, &err)) {                                \
            ASSERT(err.code == ERR_INVALID || err.code == ERR_LIMIT);                              \
            return 0;                                                                              \
        }                                                                                          \
        wire_##type##_format(&one, &text);                                                         \
        ASSERT(wire_##type##_parse(text.data, text.len, &two, &err));                              \
        wire_##type##_format(&two, &again);                                                        \
        ASSERT(text.len == again.len && memcmp(text.data, again.data, text.len) == 0);             \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    switch (data[0]) {
    case 'a':
        TRY(claim);
        break;
    case 'b':
        TRY(claim_answer);
        break;
    case 'c':
        TRY(nonce_answer);
        break;
    case 'd':
        TRY(session);
        break;
    case 'e':
        TRY(session_answer);
        break;
    case 'f':
        TRY(poll);
        break;
    case 'g':
        TRY(poll_answer);
        break;
    case 'h':
        TRY(activate);
        break;
    case 'i':
        TRY(activate_answer);
        break;
    case 'j':
        TRY(attributes);
        break;
    case 'k':
        TRY(report);
        break;
    case 'l':
        TRY(event);
        break;
    default:
        break;
    }
    return 0;
}
