/* The first byte chooses: a stream of frames with requests, or one answer. What parses formats to
 * the same bytes again. */
#include <string.h>

#include "lib/wire/signer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_asks(const uint8_t *data, size_t len)
{
    struct err err = {0};
    size_t message;
    bool whole;

    while (signer_frame_find(data, len, &whole, &message, &err) && whole) {
        struct signer_ask ask;
        AUTO_BUF again;

        buf_init(&again, SIGNER_FRAME_BYTES_MAX);
        if (signer_ask_parse(data + 4, message, &ask, &err)) {
            signer_ask_format(&ask, &again);
            ASSERT(again.len == message + 4 && memcmp(again.data, data, again.len) == 0);
        } else {
            ASSERT(err.code == ERR_INVALID);
        }
        data += message + 4;
        len -= message + 4;
    }
}

static void try_answer(const uint8_t *data, size_t len)
{
    struct signer_answer answer;
    struct err err = {0};
    AUTO_BUF again;

    buf_init(&again, SIGNER_FRAME_BYTES_MAX);
    if (!signer_answer_parse(data, len, &answer, &err)) {
        ASSERT(err.code == ERR_INVALID);
        return;
    }
    signer_answer_format(&answer, &again);
    ASSERT(again.len == len + 4 && memcmp(again.data + 4, data, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] == 'q')
        try_asks(data + 1, size - 1);
    else
        try_answer(data + 1, size - 1);
    return 0;
}
