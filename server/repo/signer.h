#pragma once
/*
 * The server's side of slipway-signer: one connection per loop, many requests in flight. The
 * online keys are the signer's; here are only public keys and signatures.
 *
 * Nothing blocks. `done` runs exactly once per call, later, from the loop; when the connection is
 * lost or cannot be made it gets ERR_UNAVAILABLE, and the next call connects again. Whether a
 * request that got ERR_UNAVAILABLE was signed is unknown: asking again with a higher version is
 * always right. What the signer's policy refuses is ERR_DENIED with its sentence.
 */
#include "lib/wire/signer.h"

struct loop;
struct signer; /* one connection */

/* Does not fail because the signer is not there yet, only for a path that cannot be a socket's. */
MUST_USE bool signer_open(struct loop *loop, const char *socket_path, struct signer **out,
                          struct err *err);
/* What is in flight, and what is asked by those who hear that, gets ERR_UNAVAILABLE before this
 * returns. NULL is fine. */
void signer_close(struct signer *signer);

struct signer_request {
    const char *tenant;
    enum signer_label label;
    const char *device; /* "" or the 64 hex digits the document is for */
    const char *keyid;  /* which key the newest root names; NULL: the present one */
    const void *data;   /* canonical bytes of "signed"; copied */
    size_t len;
};
/* `signatures` are in the order of the requests, borrowed for the call; NULL with `err`: all or
 * nothing (what the signer signed of a failed group is thrown away). */
typedef void signer_done_fn(const struct signer_signature *signatures, size_t count,
                            const struct err *err, void *arg);
void signer_sign(struct signer *signer, const struct signer_request *requests, size_t count,
                 signer_done_fn *done, void *arg);

/* The tenant's public keys, made by the signer when missing. */
typedef void signer_keys_fn(const struct signer_keys *keys, const struct err *err, void *arg);
void signer_keys(struct signer *signer, const char *tenant, signer_keys_fn *done, void *arg);

/* Tells the signer that this snapshot, whole as it is served, is published: from now on it signs
 * none that drops or lowers a role of it. Until then a publication that it signed may still fail
 * here. A note; if it gets lost the next one says more. */
void signer_published(struct signer *signer, const char *tenant, const void *snapshot, size_t len);

/* Makes the key that shall take the label's place, if there is none yet. It does as soon as a
 * document is to be signed by it; that of the time at once. */
void signer_next(struct signer *signer, const char *tenant, enum signer_label label,
                 signer_keys_fn *done, void *arg);

/* Gives the signer a key of the time when keys lived in the database. ERR_CONFLICT: it has
 * another one for this label. The same one again is fine. */
typedef void signer_imported_fn(const struct err *err, void *arg);
void signer_import(struct signer *signer, const char *tenant, enum signer_label label,
                   const uint8_t seed[32], signer_imported_fn *done, void *arg);
