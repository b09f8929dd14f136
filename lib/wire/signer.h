#pragma once
/*
 * The words between the server and slipway-signer, over a UNIX stream socket: frames of a u32
 * length (little-endian) and a message of that many bytes. A connection may have any number of
 * requests in flight; they are answered in order of arrival, one answer each. docs/FORMATS.md
 * draws them.
 *
 * The signer believes nothing in a request: what it signs it parses itself (signer/policy.h).
 */
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/crypto/hash.h"
#include "lib/crypto/sign.h"

enum {
    SIGNER_PROTOCOL = 1, /* the first byte of every request */
    SIGNER_MESSAGE_BYTES_MAX = 1 << 20,
    SIGNER_FRAME_BYTES_MAX = 4 + SIGNER_MESSAGE_BYTES_MAX,
    SIGNER_DATA_BYTES_MAX = SIGNER_MESSAGE_BYTES_MAX - 128, /* leaves room for the other fields */
    SIGNER_TENANT_MAX = 63, /* [a-z0-9-], as the server names tenants */
    SIGNER_DEVICE_HEX = 64,
    SIGNER_SEED_BYTES = 32,
    SIGNER_TEXT_MAX = 239, /* of a refusal */
};

/* What a tenant's online keys are for. */
enum signer_label {
    SIGNER_SNAPSHOT,
    SIGNER_TIMESTAMP,
    SIGNER_DIRECTOR,
    SIGNER_TIME,
    SIGNER_LABEL_COUNT,
};
const char *signer_label_name(enum signer_label label); /* "snapshot", ... */
MUST_USE bool signer_label_parse(const char *name, enum signer_label *out);
/* [a-z0-9][a-z0-9-]{0,62}: it becomes part of file names. */
bool signer_tenant_is_good(const char *tenant, size_t len);

enum signer_op {
    SIGNER_PING,
    SIGNER_KEYS,
    SIGNER_SIGN,
    SIGNER_IMPORT,
    SIGNER_PUBLISHED, /* a snapshot it signed is what devices see: nothing lower from now on */
    SIGNER_NEXT,      /* the key that shall take a label's place is made; answered as KEYS */
    SIGNER_OP_COUNT,
};

/* A request, parsed. The bytes are borrowed from the frame. */
struct signer_ask {
    enum signer_op op;
    char tenant[SIGNER_TENANT_MAX + 1]; /* all but PING */
    enum signer_label label;            /* SIGN, IMPORT, NEXT */
    char device[SIGNER_DEVICE_HEX + 1]; /* SIGN: "", or lower-case hex */
    char keyid[HASH_HEX_ROOM];          /* SIGN: which key: "" the present one, or hex */
    const uint8_t *data; /* SIGN: canonical bytes; IMPORT: the seed; PUBLISHED: the file */
    size_t len;
};

/* The public keys of one tenant, by label. */
struct signer_keys {
    uint8_t public_key[SIGNER_LABEL_COUNT][SIGN_PUBLIC_BYTES];
    uint8_t next[SIGNER_LABEL_COUNT][SIGN_PUBLIC_BYTES]; /* zeros: there is none */
    /* Snapshots and timestamps were signed up to this version, published or not: the next ones are
     * above it. */
    uint64_t signed_max;
};

struct signer_signature {
    char keyid[HASH_HEX_ROOM];
    uint8_t sig[SIGN_BYTES];
};

/* An answer, parsed. */
struct signer_answer {
    bool refused;
    struct err err; /* of a refusal: one of ERR_*, and the signer's sentence */
    enum signer_op op;
    struct signer_keys keys;           /* KEYS, NEXT */
    struct signer_signature signature; /* SIGN */
};

/* Is there a whole frame at the start of the `len` bytes? `*message_len` is then its message's
 * length, which follows the 4 bytes. 0: not yet; ERR_LIMIT: longer than any message. */
MUST_USE bool signer_frame_find(const void *data, size_t len, bool *whole, size_t *message_len,
                                struct err *err);

/* Append a whole frame. The values of `ask` are the caller's own: asserted. */
void signer_ask_format(const struct signer_ask *ask, struct buf *out);
void signer_answer_format(const struct signer_answer *answer, struct buf *out);
/* One message, without its length; all of it or ERR_INVALID. */
MUST_USE bool signer_ask_parse(const void *message, size_t len, struct signer_ask *out,
                               struct err *err);
MUST_USE bool signer_answer_parse(const void *message, size_t len, struct signer_answer *out,
                                  struct err *err);
