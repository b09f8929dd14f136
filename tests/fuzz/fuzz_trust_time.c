/* An answer about the time, by somebody who does not have the key: it is never believed. */
#include "device-client/trust/time.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char anchors_text[] =
        "{\"_type\":\"anchors\",\"version\":1,\"time_key\":{\"keytype\":\"ed25519\",\"keyval\":{"
        "\"public\":\"ebd141c3acc763619e74a1e8de615e10b35f069dd0704fe12629e8f26474db82\"},"
        "\"scheme\":\"ed25519\"}}";
    static const uint8_t nonce[TIME_NONCE_BYTES] = {0xab};
    static struct anchors anchors;
    int64_t time_ms = -1;
    struct err err = {0};
    AUTO_BUF answer;

    buf_init(&answer, size + 1);
    buf_add(&answer, data, size);
    ASSERT(anchors_parse(anchors_text, strlen(anchors_text), &anchors, &err));
    ASSERT(!time_answer_check(&anchors, &answer, nonce, 0, &time_ms, &err));
    ASSERT(err.refusal == REFUSAL_TIME_SIGNATURE && time_ms == -1);
    return 0;
}
