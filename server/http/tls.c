/*
 * The choices here are about memory and time per connection: buffers are released while idle, one
 * ticket per handshake, ticket keys are the context's, so a device may resume at any worker.
 */
#include "server/http/tls.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <string.h>

#include "lib/base/mem.h"

struct tls_context {
    char *cert_path;
    char *key_path;
    pthread_mutex_t mutex;
    SSL_CTX *current; /* under the mutex */
};

/* There is no struct tls_session: the name stands for OpenSSL's. */
static SSL *ssl_of(struct tls_session *session)
{
    return (SSL *)(void *)session;
}

static bool fail(struct err *err, const char *what)
{
    unsigned long code = ERR_get_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;

    ERR_clear_error();
    return err_set(err, ERR_INVALID, "%s: %s", what, reason ? reason : "OpenSSL gave no reason");
}

/* Only HTTP/1.1 is spoken; a client that offers protocols must offer it. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *offered, unsigned offered_len, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen;

    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, offered, offered_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static bool set_up(SSL_CTX *ctx)
{
    static const unsigned char id[] = "slipway";
    char groups[] = "X25519:P-256"; /* OpenSSL's macro wants it writable */

    (void)SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                       SSL_OP_CIPHER_SERVER_PREFERENCE);
    (void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 &&
           SSL_CTX_set1_groups_list(ctx, groups) == 1 && SSL_CTX_set_num_tickets(ctx, 1) == 1 &&
           SSL_CTX_set_session_id_context(ctx, id, sizeof(id) - 1) == 1;
}

static bool ctx_open(const char *cert_path, const char *key_path, SSL_CTX **out, struct err *err)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    bool good = false;

    if (!ctx || !set_up(ctx))
        (void)fail(err, "could not set up TLS");
    else if (SSL_CTX_use_certificate_chain_file(ctx, cert_path) != 1)
        (void)fail(err, cert_path);
    else if (SSL_CTX_use_PrivateKey_file(ctx, key_path, SSL_FILETYPE_PEM) != 1)
        (void)fail(err, key_path);
    else
        good = true;
    if (!good) {
        SSL_CTX_free(ctx);
        return err_wrap(err, "could not load the TLS certificate and key");
    }
    *out = ctx;
    return true;
}

bool tls_context_open(const char *cert_path, const char *key_path, struct tls_context **out,
                      struct err *err)
{
    struct tls_context *context;
    SSL_CTX *ctx = NULL;

    if (!ctx_open(cert_path, key_path, &ctx, err))
        return false;
    context = mem_alloc(sizeof(*context));
    context->cert_path = mem_strdup(cert_path);
    context->key_path = mem_strdup(key_path);
    context->current = ctx;
    (void)pthread_mutex_init(&context->mutex, NULL); /* cannot fail with defaults */
    *out = context;
    return true;
}

bool tls_context_reload(struct tls_context *context, struct err *err)
{
    SSL_CTX *fresh = NULL;
    SSL_CTX *old;

    if (!ctx_open(context->cert_path, context->key_path, &fresh, err))
        return false;
    (void)pthread_mutex_lock(&context->mutex);
    old = context->current;
    context->current = fresh;
    (void)pthread_mutex_unlock(&context->mutex);
    SSL_CTX_free(old); /* counted: open sessions hold it */
    return true;
}

void tls_context_close(struct tls_context *context)
{
    if (!context)
        return;
    SSL_CTX_free(context->current);
    (void)pthread_mutex_destroy(&context->mutex);
    mem_free(context->cert_path);
    mem_free(context->key_path);
    mem_free(context);
}

struct tls_session *tls_session_new(struct tls_context *context, int fd)
{
    SSL *ssl;

    (void)pthread_mutex_lock(&context->mutex);
    ssl = SSL_new(context->current); /* takes its own count of the context */
    (void)pthread_mutex_unlock(&context->mutex);
    if (ssl && SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        ssl = NULL;
    }
    if (!ssl)
        ERR_clear_error();
    return (struct tls_session *)(void *)ssl;
}

void tls_session_free(struct tls_session *session)
{
    if (session)
        SSL_free(ssl_of(session));
}

/* The error queue is the thread's: what one connection left there must not be read as another's,
 * so it is empty before and after every call. */
static enum io_result result_of(SSL *ssl, int returned)
{
    int error = SSL_get_error(ssl, returned);

    ERR_clear_error();
    if (returned > 0)
        return IO_DONE;
    if (error == SSL_ERROR_WANT_READ)
        return IO_WANTS_READ;
    if (error == SSL_ERROR_WANT_WRITE)
        return IO_WANTS_WRITE;
    return error == SSL_ERROR_ZERO_RETURN ? IO_ENDED : IO_FAILED;
}

enum io_result tls_handshake(struct tls_session *session)
{
    SSL *ssl = ssl_of(session);

    return result_of(ssl, SSL_accept(ssl));
}

enum io_result tls_read(struct tls_session *session, void *data, size_t len, size_t *done)
{
    SSL *ssl = ssl_of(session);

    return result_of(ssl, SSL_read_ex(ssl, data, len, done));
}

enum io_result tls_write(struct tls_session *session, const void *data, size_t len, size_t *done)
{
    SSL *ssl = ssl_of(session);

    return result_of(ssl, SSL_write_ex(ssl, data, len, done));
}

bool tls_has_pending(struct tls_session *session)
{
    return SSL_has_pending(ssl_of(session)) == 1;
}

void tls_end(struct tls_session *session)
{
    (void)SSL_shutdown(ssl_of(session)); /* a client that is gone already needs no farewell */
    ERR_clear_error();
}
