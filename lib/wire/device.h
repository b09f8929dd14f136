#pragma once
/*
 * The messages of /device/v1, as plain structs. Server, agent and fleet simulator share this
 * module; parse(format(x)) == x. Pure.
 *
 * Parsing is strict about types, lengths and duplicates. Requests with a field we do not know
 * are refused; unknown fields of answers are skipped, so that old devices live with new servers.
 * On failure the struct is all zeros and the error names the field. Texts hold valid UTF-8.
 */
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/crypto/hash.h"
#include "lib/update/state.h"
#include "lib/update/window.h"

enum {
    WIRE_NAME_ROOM = 129,  /* tenant, product, group, hwid */
    WIRE_TOKEN_ROOM = 129, /* claim and session tokens */
    WIRE_NONCE_ROOM = 257,
    WIRE_URL_ROOM = 513,
    WIRE_PATH_ROOM = 257,
    WIRE_UUID_ROOM = 37,
    WIRE_DETAIL_ROOM = 201,
    WIRE_EPOCH_BYTES = 16,
    WIRE_INSTALLED_MAX = 16,
    WIRE_TARGETS_MAX = 8,
    WIRE_DELTAS_MAX = 8,
    WIRE_ATTRIBUTES_MAX = 64,
    WIRE_KEY_ROOM = 65,
    WIRE_VALUE_ROOM = 257,
    WIRE_REQUEST_BYTES_MAX = 65536, /* no message of ours is longer */
};

/* A SHA-256 that may be missing ("" in the message). */
struct wire_hash {
    bool set;
    uint8_t bytes[HASH_BYTES];
};

/* A number that may be missing. */
struct wire_number {
    bool set;
    uint64_t value;
};

/* POST claim */
struct wire_claim {
    uint8_t public_key[32];
    char claim[WIRE_TOKEN_ROOM];
    char hwid[WIRE_NAME_ROOM];
    uint8_t signature[64];
};
struct wire_claim_answer {
    char tenant[WIRE_NAME_ROOM];
    char product[WIRE_NAME_ROOM];
    char group[WIRE_NAME_ROOM];
    uint8_t device[32];
    char image_base[WIRE_URL_ROOM];
    char director_base[WIRE_URL_ROOM];
};

/* POST session: without a body it is answered with a nonce, with one with a token. */
struct wire_nonce_answer {
    char nonce[WIRE_NONCE_ROOM];
};
struct wire_session {
    uint8_t device[32];
    char nonce[WIRE_NONCE_ROOM];
    uint8_t signature[64];
};
struct wire_session_answer {
    char token[WIRE_TOKEN_ROOM];
    int64_t expires_ms;
};

/* POST poll */
struct wire_poll {
    uint64_t assignment;
    uint8_t installed[WIRE_INSTALLED_MAX][HASH_BYTES];
    size_t installed_count;
    struct wire_hash attributes_hash;
    int64_t timestamp_expires_ms; /* 0: the device has no timestamp yet */
};
struct wire_target {
    char path[WIRE_PATH_ROOM];
    uint8_t sha256[HASH_BYTES];
};
struct wire_delta {
    char path[WIRE_PATH_ROOM]; /* relative to image_base */
    uint8_t sha256[HASH_BYTES];
    uint64_t length;
    uint8_t from[HASH_BYTES];
};
/* What else must be true for the device to switch. */
struct wire_conditions {
    struct window window;               /* when it may */
    struct wire_number activate_before; /* seconds that a permission holds without the server */
};
/* A grant to fetch when `deployment` is not empty. */
struct wire_poll_answer {
    uint64_t assignment;
    uint64_t next_poll_s;
    bool attributes;             /* the server wants PUT attributes */
    struct wire_number report_s; /* how often it wants to hear of uptime and crashes; else daily */
    char deployment[WIRE_UUID_ROOM];
    struct wire_target targets[WIRE_TARGETS_MAX];
    size_t target_count;
    struct wire_delta deltas[WIRE_DELTAS_MAX];
    size_t delta_count;
    char action[16]; /* "install" whenever there is a grant */
    struct wire_conditions conditions;
};

/* POST activate */
struct wire_activate {
    char deployment[WIRE_UUID_ROOM];
    uint64_t assignment;
};
struct wire_activate_answer {
    bool go;
    char reason[WIRE_NAME_ROOM]; /* when not: "paused", "halted", ... */
    uint64_t retry_s;            /* when not */
};

/* PUT attributes; after parsing the pairs are sorted by key. */
struct wire_attribute {
    char key[WIRE_KEY_ROOM];
    char value[WIRE_VALUE_ROOM];
};
struct wire_attributes {
    struct wire_attribute pairs[WIRE_ATTRIBUTES_MAX];
    size_t count;
};

/* POST report. Outside a deployment `deployment` is "" and `state` UPDATE_IDLE ("" on the
 * wire). */
struct wire_report {
    uint8_t epoch[WIRE_EPOCH_BYTES];
    uint64_t seq; /* from 1 */
    char deployment[WIRE_UUID_ROOM];
    enum update_state state;
    enum refusal reason;
    char detail[WIRE_DETAIL_ROOM];
    struct wire_hash image;
    uint64_t bytes;
    int64_t time_ms;
};

#define WIRE_MESSAGE(name)                                                                         \
    MUST_USE bool name##_parse(const void *data, size_t len, struct name *out, struct err *err);   \
    void name##_format(const struct name *message, struct buf *out)

WIRE_MESSAGE(wire_claim);
WIRE_MESSAGE(wire_claim_answer);
WIRE_MESSAGE(wire_nonce_answer);
WIRE_MESSAGE(wire_session);
WIRE_MESSAGE(wire_session_answer);
WIRE_MESSAGE(wire_poll);
WIRE_MESSAGE(wire_poll_answer);
WIRE_MESSAGE(wire_activate);
WIRE_MESSAGE(wire_activate_answer);
WIRE_MESSAGE(wire_attributes);
WIRE_MESSAGE(wire_report);

/* A group's window alone: {"days":["mon",...],"start":"02:00","end":"05:00"}. */
MUST_USE bool wire_window_parse(const void *data, size_t len, struct window *out, struct err *err);

/* What the device signs with its identity key; appended to `out`. */
void wire_claim_signed_bytes(const struct wire_claim *claim, struct buf *out);
void wire_session_signed_bytes(const struct wire_session *session, struct buf *out);
/* SHA-256 of the canonical JSON of the (sorted) attributes. */
void wire_attributes_hash(const struct wire_attributes *attributes, uint8_t out[HASH_BYTES]);
/* Sorts by key; what builds attributes by hand calls it before formatting or hashing. */
void wire_attributes_sort(struct wire_attributes *attributes);
/* Cuts `text` and replaces what is not printable ASCII by '?': always a valid detail,
 * or value of an attribute. */
void wire_detail_copy(char out[WIRE_DETAIL_ROOM], const char *text);
void wire_value_copy(char out[WIRE_VALUE_ROOM], const char *text);
