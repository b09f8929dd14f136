#include "server/http/tls.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/os/file.h"
#include "tests/support/front.h"

#define HOST "Host: a\r\n"

enum { TURNS_MAX = 100000 };

/* A certificate and its key in a temporary folder. */
struct pair {
    char dir[32];
    char *cert;
    char *key;
};

static void write_pair(const struct pair *pair)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    FILE *file;

    cr_assert_not_null(key);
    cr_assert_eq(X509_set_version(cert, 2), 1);
    cr_assert_eq(ASN1_INTEGER_set(X509_get_serialNumber(cert), 1), 1);
    cr_assert_not_null(X509_gmtime_adj(X509_getm_notBefore(cert), -3600));
    cr_assert_not_null(X509_gmtime_adj(X509_getm_notAfter(cert), 3600));
    cr_assert_eq(X509_set_pubkey(cert, key), 1);
    cr_assert_eq(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                            (const unsigned char *)"slipway.test", -1, -1, 0),
                 1);
    cr_assert_eq(X509_set_issuer_name(cert, name), 1);
    cr_assert(X509_sign(cert, key, EVP_sha256()) > 0);
    file = fopen(pair->cert, "w");
    cr_assert(file && PEM_write_X509(file, cert) == 1 && fclose(file) == 0);
    file = fopen(pair->key, "w");
    cr_assert(file && PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1 &&
              fclose(file) == 0);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void pair_make(struct pair *pair)
{
    *pair = (struct pair){.dir = "/tmp/slipway-tls-XXXXXX"};
    cr_assert_not_null(mkdtemp(pair->dir));
    pair->cert = mem_printf("%s/cert.pem", pair->dir);
    pair->key = mem_printf("%s/key.pem", pair->dir);
    write_pair(pair);
}

static void pair_done(struct pair *pair)
{
    struct err err = {0};

    cr_expect(file_remove_tree(pair->dir, &err), "%s", err.text);
    mem_free(pair->cert);
    mem_free(pair->key);
}

/* A front over TLS with one client. */
struct bench {
    struct pair pair;
    struct tls_context *context;
    struct front *front;
    struct peer *client;
    SSL_CTX *ctx;
    SSL *ssl;
};

static void connect_client(struct bench *bench)
{
    bench->client = peer_open(bench->front);
    bench->ctx = SSL_CTX_new(TLS_client_method());
    bench->ssl = SSL_new(bench->ctx);
    cr_assert_eq(SSL_set_fd(bench->ssl, bench->client->fd), 1);
}

static void disconnect_client(struct bench *bench)
{
    SSL_free(bench->ssl);
    SSL_CTX_free(bench->ctx);
    peer_close(bench->client);
}

static void bench_open(struct bench *bench)
{
    struct err err = {0};

    pair_make(&bench->pair);
    cr_assert(tls_context_open(bench->pair.cert, bench->pair.key, &bench->context, &err), "%s",
              err.text);
    bench->front = front_open(bench->context);
    connect_client(bench);
}

static void bench_close(struct bench *bench)
{
    disconnect_client(bench);
    front_close(bench->front);
    tls_context_close(bench->context);
    pair_done(&bench->pair);
}

/* True to try again, after a turn; false when it is lost. */
static bool again(struct bench *bench, int returned)
{
    int error = SSL_get_error(bench->ssl, returned);

    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
        return false;
    front_turn(bench->front);
    return true;
}

static bool shake_hands(struct bench *bench)
{
    for (int i = 0; i < TURNS_MAX; i++) {
        int returned = SSL_connect(bench->ssl);

        if (returned == 1)
            return true;
        if (!again(bench, returned))
            return false;
    }
    return false;
}

static void say(struct bench *bench, const void *data, size_t len)
{
    const char *at = data;

    SSL_set_mode(bench->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE);
    for (int i = 0; len && i < TURNS_MAX; i++) {
        size_t done = 0;
        int returned = SSL_write_ex(bench->ssl, at, len, &done);

        if (returned == 1) {
            at += done;
            len -= done;
        } else if (!again(bench, returned)) {
            return;
        }
    }
}

/* Reads until `len` bytes came; how many did. */
static size_t hear(struct bench *bench, uint8_t *out, size_t len)
{
    size_t at = 0;

    for (int i = 0; at < len && i < TURNS_MAX; i++) {
        size_t done = 0;
        int returned = SSL_read_ex(bench->ssl, out + at, len - at, &done);

        if (returned == 1)
            at += done;
        else if (!again(bench, returned))
            break;
    }
    return at;
}

/* Reads up to an empty line. */
static void hear_head(struct bench *bench, char *out, size_t room)
{
    size_t at = 0;

    do {
        cr_assert_lt(at, room - 1);
        cr_assert_eq(hear(bench, (uint8_t *)out + at, 1), 1);
        out[++at] = '\0';
    } while (at < 4 || strcmp(out + at - 4, "\r\n\r\n") != 0);
}

Test(tls, speaks_the_newest_version_and_the_older_one_only_with_good_ciphers)
{
    static const struct {
        const char *what;
        int max;
        const char *ciphers;
        const char *version; /* NULL: refused */
    } cases[] = {
        {"1.3", TLS1_3_VERSION, "ALL", "TLSv1.3"},
        {"1.2", TLS1_2_VERSION, "ALL", "TLSv1.2"},
        {"1.2 with CBC only", TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA256", NULL},
        {"1.1", TLS1_1_VERSION, "ALL:@SECLEVEL=0", NULL},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct bench bench;
        bool good;

        bench_open(&bench);
        cr_assert_eq(SSL_set_max_proto_version(bench.ssl, cases[i].max), 1);
        cr_assert_eq(SSL_set_cipher_list(bench.ssl, cases[i].ciphers), 1);
        good = shake_hands(&bench);
        cr_expect_eq(good, cases[i].version != NULL, "%s", cases[i].what);
        if (good && cases[i].version)
            cr_expect_str_eq(SSL_get_version(bench.ssl), cases[i].version);
        bench_close(&bench);
    }
}

Test(tls, agrees_on_http_1_1_or_on_nothing)
{
    static const struct {
        const char *offer;
        bool good;
    } cases[] = {{"\x02h2\x08http/1.1", true}, {"\x02h2", false}};

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct bench bench;

        bench_open(&bench);
        cr_assert_eq(SSL_set_alpn_protos(bench.ssl, (const unsigned char *)cases[i].offer,
                                         (unsigned)strlen(cases[i].offer)),
                     0);
        cr_expect_eq(shake_hands(&bench), cases[i].good, "%zu", i);
        bench_close(&bench);
    }
}

Test(tls, serves_requests_files_and_streamed_bodies)
{
    static const char put[] = "PUT /stream HTTP/1.1\r\n" HOST
                              "Authorization: Bearer good\r\nContent-Length: 3145728\r\n\r\n";
    static const char get[] =
        "GET /hello HTTP/1.1\r\n" HOST "\r\nGET /file HTTP/1.1\r\n" HOST "Range: bytes=5-\r\n\r\n";
    struct bench bench;
    struct http_stats stats;
    uint8_t *data = mem_alloc(FRONT_FILE_BYTES);
    char head[1000];

    bench_open(&bench);
    cr_assert(shake_hands(&bench));
    say(&bench, get, strlen(get));
    hear_head(&bench, head, sizeof(head));
    cr_expect_eq(strncmp(head, "HTTP/1.1 200", 12), 0);
    cr_expect_eq(hear(&bench, data, 5), 5);
    cr_expect_eq(memcmp(data, "hello", 5), 0);
    hear_head(&bench, head, sizeof(head));
    cr_expect_eq(strncmp(head, "HTTP/1.1 206", 12), 0);
    cr_expect_eq(hear(&bench, data, FRONT_FILE_BYTES - 5), FRONT_FILE_BYTES - 5);
    cr_expect_eq(memcmp(data, bench.front->file + 5, FRONT_FILE_BYTES - 5), 0);

    say(&bench, put, strlen(put));
    say(&bench, bench.front->file, FRONT_FILE_BYTES);
    hear_head(&bench, head, sizeof(head));
    cr_expect_eq(strncmp(head, "HTTP/1.1 201", 12), 0);
    cr_expect_eq(bench.front->streamed, FRONT_FILE_BYTES);
    http_server_stats(bench.front->server, &stats);
    cr_expect_eq(stats.connections, 1, "kept all the time");
    mem_free(data);
    bench_close(&bench);
}

Test(tls, answers_later_over_tls_too)
{
    static const char get[] = "GET /later HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n";
    struct bench bench;
    char head[1000];
    uint8_t end;

    bench_open(&bench);
    cr_assert(shake_hands(&bench));
    say(&bench, get, strlen(get));
    while (!bench.front->waiting)
        front_turn(bench.front);
    http_answer(bench.front->waiting, 204, NULL, NULL, 0);
    hear_head(&bench, head, sizeof(head));
    cr_expect_eq(strncmp(head, "HTTP/1.1 204", 12), 0);
    cr_expect_eq(hear(&bench, &end, 1), 0);
    cr_expect_eq(SSL_get_shutdown(bench.ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN,
                 "the end is said, not torn");
    bench_close(&bench);
}

Test(tls, plain_http_on_a_tls_port_ends_the_connection)
{
    struct bench bench;

    bench_open(&bench);
    peer_say(bench.client, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
    cr_expect_eq(peer_ask(bench.client, ""), -1);
    cr_expect_eq(bench.front->handled, 0);
    bench_close(&bench);
}

Test(tls, a_reload_serves_the_new_certificate_and_a_failed_one_the_old)
{
    struct bench bench;
    struct err err = {0};
    X509 *first;
    X509 *second;

    bench_open(&bench);
    cr_assert(shake_hands(&bench));
    first = SSL_get1_peer_certificate(bench.ssl);
    write_pair(&bench.pair);
    cr_expect(tls_context_reload(bench.context, &err), "%s", err.text);
    say(&bench, "GET ", 4); /* the open connection goes on */
    disconnect_client(&bench);

    cr_assert_eq(truncate(bench.pair.cert, 10), 0);
    cr_expect_not(tls_context_reload(bench.context, &err));
    cr_expect_eq(err.code, ERR_INVALID);
    connect_client(&bench);
    cr_assert(shake_hands(&bench));
    second = SSL_get1_peer_certificate(bench.ssl);
    cr_expect_neq(X509_cmp(first, second), 0);
    X509_free(first);
    X509_free(second);
    bench_close(&bench);
}

Test(tls, a_context_needs_a_certificate_and_its_key)
{
    struct pair a;
    struct pair b;
    struct tls_context *context;

    pair_make(&a);
    pair_make(&b);
    {
        const char *const cases[][2] = {
            {"/nonexistent", a.key}, {a.cert, "/nonexistent"}, {a.cert, b.key}, {a.key, a.cert}};

        for (size_t i = 0; i < COUNT(cases); i++) {
            struct err err = {0};

            cr_expect_not(tls_context_open(cases[i][0], cases[i][1], &context, &err), "%zu", i);
            cr_expect_eq(err.code, ERR_INVALID, "%s", err.text);
        }
    }
    tls_context_close(NULL);
    pair_done(&a);
    pair_done(&b);
}
