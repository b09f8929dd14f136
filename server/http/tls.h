#pragma once
/*
 * TLS by OpenSSL: one context for all workers, one session per connection. TLS 1.3 is preferred;
 * 1.2 is spoken with ECDHE and AEAD only, for small devices.
 *
 * A context may be used from every thread. Reloading (SIGHUP) reads the files again; connections
 * that are open keep what they began with.
 */
#include "lib/base/err.h"
#include "server/http/io.h"

struct tls_context;

/* PEM files: the certificate with its chain, and the private key. */
MUST_USE bool tls_context_open(const char *cert_path, const char *key_path,
                               struct tls_context **out, struct err *err);
/* On failure the old certificate stays in use. */
MUST_USE bool tls_context_reload(struct tls_context *context, struct err *err);
void tls_context_close(struct tls_context *context);

/* The server's side of a connection; the descriptor stays the caller's. NULL when OpenSSL has no
 * memory for it. */
struct tls_session *tls_session_new(struct tls_context *context, int fd);
void tls_session_free(struct tls_session *session);
enum io_result tls_handshake(struct tls_session *session);
enum io_result tls_read(struct tls_session *session, void *data, size_t len, size_t *done);
enum io_result tls_write(struct tls_session *session, const void *data, size_t len, size_t *done);
/* Bytes were read from the socket already: it will not wake us for them. */
bool tls_has_pending(struct tls_session *session);
/* Says that nothing more will be sent. */
void tls_end(struct tls_session *session);
