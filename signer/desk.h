#pragma once
/*
 * The desk answers requests, one after the other: keys, policy and state of every tenant that was
 * asked about.
 *
 * What was signed has to be durable before its signature leaves: desk_settle() stands between the
 * answers of a batch and their sending.
 */
#include "signer/keys.h"

struct desk;

struct desk_options {
    const char *dir; /* of the states */
    struct key_shelf keys;
    int64_t not_before_ms;
};
MUST_USE bool desk_open(const struct desk_options *options, struct desk **out, struct err *err);
void desk_close(struct desk *desk);
/* One message and its answer, which is always one: refusals too. */
void desk_answer(struct desk *desk, const void *message, size_t len, int64_t now_ms,
                 struct signer_answer *out);
/* Writes the states that changed. False: none of the answers since the last time may leave. */
MUST_USE bool desk_settle(struct desk *desk, struct err *err);
