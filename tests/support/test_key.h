#pragma once
/*
 * Key pairs of every kind that update metadata may be signed with, for tests that forge it.
 */
#include "lib/json/json.h"

enum test_key_kind { TEST_KEY_ED25519, TEST_KEY_ECDSA, TEST_KEY_RSA, TEST_KEY_KIND_COUNT };

struct test_key;

/* A new random pair (RSA of 3072 bits). */
struct test_key *test_key_new(enum test_key_kind kind);
void test_key_free(struct test_key *key);
/* The public key object of update metadata, and its keyid; the key's. */
const json_t *test_key_json(const struct test_key *key);
const char *test_key_id(const struct test_key *key);
/* {"keyid","sig"} over the bytes; the caller owns it. */
json_t *test_key_sign(const struct test_key *key, const struct buf *bytes);
