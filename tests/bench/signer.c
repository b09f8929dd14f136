/*
 * How many signatures a second one signer makes: director documents (targets, snapshot, timestamp)
 * of many devices through its socket, as many in flight as fit, each parsed and held against the
 * policy. A signer is one thread, so its processor time is "per core"; the wall clock stands
 * beside it.
 *
 * The ratio is against bare Ed25519 signatures over the same bytes in the same run.
 */
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/crypto/token.h"
#include "lib/os/file.h"
#include "lib/os/spawn.h"
#include "lib/os/unix.h"
#include "lib/wire/signer.h"

enum { DEVICES = 10000, KINDS = 3, DOCUMENTS = DEVICES * KINDS, SAMPLE = 97, WAIT_MS = 20000 };
enum { READ_BYTES = 256 << 10, DOCUMENT_BYTES_MAX = 2048 };
#define SHA "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

static const char *const types[KINDS] = {"targets", "snapshot", "timestamp"};

struct document {
    char device[SIGNER_DEVICE_HEX + 1];
    char *text;
    size_t len;
};

static void check(bool good, const struct err *err)
{
    if (good)
        return;
    (void)fprintf(stderr, "bench: %s\n", err->text);
    exit(1);
}

/* --- documents, as the server composes them ----------------------------------------------------
 */

static char *part_of(const char *type, const char *device, uint64_t version)
{
    if (text_equal(type, "snapshot"))
        return mem_printf("\"meta\":{\"targets.json\":{\"hashes\":{\"sha256\":\"" SHA
                          "\"},\"length\":1201,\"version\":%" PRIu64 "}},"
                          "\"spec_version\":\"1.0.31\",",
                          version);
    if (text_equal(type, "timestamp"))
        return mem_printf("\"meta\":{\"snapshot.json\":{\"hashes\":{\"sha256\":\"" SHA
                          "\"},\"length\":602,\"version\":%" PRIu64 "}},"
                          "\"spec_version\":\"1.0.31\",",
                          version);
    return mem_printf(
        "\"spec_version\":\"1.0.31\",\"targets\":{\"os/board/2.4.0/rootfs.img\":{\"custom\":{"
        "\"action\":\"install\",\"delta\":{\"from\":{\"length\":412090368,\"sha256\":\"" SHA
        "\"},\"header_length\":120,\"header_sha256\":\"" SHA
        "\",\"length\":9114112,\"mem\":8388608,\"path\":\"deltas/" SHA "\"},"
        "\"ecus\":{\"%s-main\":{\"hwid\":\"board\"}},\"match\":{\"hwids\":[\"board\"],"
        "\"name\":\"base-os\",\"release_counter\":2040,\"security_epoch\":7,\"version\":\"2.4.0\"}"
        "},\"hashes\":{\"sha256\":\"" SHA "\"},\"length\":412090368}},",
        device);
}

static void make_document(struct document *out, const char *type, unsigned device, int64_t now_ms)
{
    bool is_targets = text_equal(type, "targets");
    uint8_t id[SIGNER_DEVICE_HEX / 2];
    AUTO_FREE char *part = NULL;
    char expires[TEXT_TIME_ROOM];

    hash_sha256(&device, sizeof(device), id);
    text_from_hex_bytes(id, sizeof(id), out->device);
    text_from_time(now_ms + 24LL * 3600 * 1000, expires);
    part = part_of(type, out->device, (uint64_t)now_ms);
    out->text =
        mem_printf("{\"_type\":\"%s\",\"expires\":\"%s\",%s\"version\":%" PRId64 "%s,"
                   "\"x-device\":\"%s\",\"x-issued\":\"%s\"}",
                   type, expires, part, now_ms,
                   is_targets ? ",\"x-bundle\":\"0f8fad5b-d9cb-469f-a165-70867728950e\"" : "",
                   out->device, expires);
    out->len = strlen(out->text);
}

static struct document *make_documents(int64_t now_ms)
{
    struct document *documents = mem_array(DOCUMENTS, sizeof(*documents));

    for (unsigned i = 0; i < DOCUMENTS; i++)
        make_document(&documents[i], types[i % KINDS], i / KINDS, now_ms);
    return documents;
}

/* --- the signer ---------------------------------------------------------------------------------
 */

static bool ask_one(const char *socket, const struct signer_ask *ask, struct signer_answer *out)
{
    AUTO_CLOSE int fd = -1;
    struct err err;
    struct pollfd ready;
    uint8_t in[1024];
    ssize_t len;
    AUTO_BUF frame;

    buf_init(&frame, 1024);
    if (!unix_connect(socket, &fd, &err))
        return false;
    signer_ask_format(ask, &frame);
    ready = (struct pollfd){.fd = fd, .events = POLLIN};
    if (send(fd, frame.data, frame.len, MSG_NOSIGNAL) != (ssize_t)frame.len ||
        poll(&ready, 1, WAIT_MS) != 1)
        return false;
    len = recv(fd, in, sizeof(in), 0);
    return len > 4 && signer_answer_parse(in + 4, (size_t)len - 4, out, &err);
}

static pid_t start_signer(const char *build, const char *dir, const char *socket,
                          struct signer_keys *keys)
{
    AUTO_FREE char *program = mem_printf("%s/slipway-signer", build);
    const char *const argv[] = {program, "--socket",    socket,  "--state",
                                dir,     "--log-level", "error", NULL};
    const struct spawn_options options = {.output_fd = -1, .ends_with_us = true};
    const struct signer_ask ask = {.op = SIGNER_KEYS, .tenant = "t"};
    struct signer_answer answer = {0};
    struct err err;
    pid_t pid = 0;

    check(spawn_start(argv, &options, &pid, &err), &err);
    while (!ask_one(socket, &ask, &answer))
        (void)poll(NULL, 0, 10);
    *keys = answer.keys;
    return pid;
}

/* How long it worked, in seconds of processor time. */
static double stop_signer(pid_t pid)
{
    struct rusage used;

    (void)kill(pid, SIGTERM);
    (void)wait4(pid, NULL, 0, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

/* --- a run ---------------------------------------------------------------------------------------
 */

struct run {
    const struct document *documents;
    const struct signer_keys *keys;
    int fd;
    struct buf out;
    struct buf in;
    unsigned asked;
    unsigned answered;
};

static void fill_output(struct run *run)
{
    while (run->asked < DOCUMENTS && run->out.len < READ_BYTES) {
        const struct document *document = &run->documents[run->asked++];
        struct signer_ask ask = {.op = SIGNER_SIGN,
                                 .tenant = "t",
                                 .label = SIGNER_DIRECTOR,
                                 .data = (const uint8_t *)document->text,
                                 .len = document->len};

        (void)text_copy(ask.device, sizeof(ask.device), document->device); /* the same room */
        signer_ask_format(&ask, &run->out);
    }
}

/* One in SAMPLE is verified; all of them would measure verification. */
static void take_answer(struct run *run, const struct signer_answer *answer)
{
    const struct document *document = &run->documents[run->answered++];

    check(!answer->refused, &answer->err);
    if (run->answered % SAMPLE == 0 &&
        !sign_check(run->keys->public_key[SIGNER_DIRECTOR], document->text, document->len,
                    answer->signature.sig)) {
        (void)fprintf(stderr, "bench: a signature is wrong\n");
        exit(1);
    }
}

static void take_answers(struct run *run)
{
    struct signer_answer answer;
    struct err err;
    size_t used = 0;
    size_t message = 0;
    bool whole;

    for (;;) {
        check(signer_frame_find(run->in.data + used, run->in.len - used, &whole, &message, &err),
              &err);
        if (!whole)
            break;
        check(signer_answer_parse(run->in.data + used + 4, message, &answer, &err), &err);
        take_answer(run, &answer);
        used += 4 + message;
    }
    buf_consume(&run->in, used);
}

static void turn(struct run *run)
{
    struct pollfd ready = {.fd = run->fd, .events = POLLIN};
    ssize_t len;

    fill_output(run);
    ready.events |= run->out.len > 0 ? POLLOUT : 0;
    (void)poll(&ready, 1, WAIT_MS);
    if (ready.revents & POLLOUT) {
        len = send(run->fd, run->out.data, run->out.len, MSG_NOSIGNAL);
        buf_consume(&run->out, len > 0 ? (size_t)len : 0);
    }
    if (ready.revents & POLLIN) {
        uint8_t *at = buf_reserve(&run->in, READ_BYTES);

        len = recv(run->fd, at, READ_BYTES, 0);
        run->in.len += len > 0 ? (size_t)len : 0;
        take_answers(run);
    }
}

static void run_all(struct run *run, const char *socket)
{
    struct err err;

    buf_init(&run->out, 8 << 20);
    buf_init(&run->in, 8 << 20);
    check(unix_connect(socket, &run->fd, &err), &err);
    while (run->answered < DOCUMENTS)
        turn(run);
    cleanup_close(&run->fd);
    buf_done(&run->out);
    buf_done(&run->in);
}

static double sign_bare(const struct document *documents)
{
    AUTO_SIGN_KEY struct sign_key *key = sign_key_new();
    struct rusage before;
    struct rusage after;
    uint8_t sig[SIGN_BYTES];

    (void)getrusage(RUSAGE_SELF, &before);
    for (unsigned i = 0; i < DOCUMENTS; i++)
        sign_make(key, documents[i].text, documents[i].len, sig);
    (void)getrusage(RUSAGE_SELF, &after);
    return (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec) +
           (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec) / 1e6;
}

int main(int argc, char **argv)
{
    char dir[] = "/tmp/slipway-bench-XXXXXX";
    AUTO_FREE char *socket = NULL;
    struct document *documents;
    struct signer_keys keys;
    struct run run = {0};
    struct err err;
    int64_t started_ms;
    double wall_s;
    double signer_s;
    double bare_s;
    size_t bytes = 0;
    pid_t pid;

    if (argc != 2 || !mkdtemp(dir))
        return 2;
    socket = mem_printf("%s/socket", dir);
    pid = start_signer(argv[1], dir, socket, &keys);
    documents = make_documents(clock_now_ms());
    started_ms = clock_mono_ms();
    run.documents = documents;
    run.keys = &keys;
    run_all(&run, socket);
    wall_s = (double)(clock_mono_ms() - started_ms) / 1000;
    signer_s = stop_signer(pid);
    bare_s = sign_bare(documents);

    for (unsigned i = 0; i < DOCUMENTS; i++) {
        bytes += documents[i].len;
        mem_free(documents[i].text);
    }
    mem_free(documents);
    check(file_remove_tree(dir, &err), &err);
    printf("signer: %d director documents of %zu bytes on average\n", (int)DOCUMENTS,
           bytes / DOCUMENTS);
    printf("  through the socket, per core   %8.0f signatures/s (at least 10000 are wanted)\n",
           DOCUMENTS / signer_s);
    printf("  through the socket, by clock   %8.0f signatures/s\n", DOCUMENTS / wall_s);
    printf("  bare Ed25519                   %8.0f signatures/s\n", DOCUMENTS / bare_s);
    printf("  ratio                          %8.2f of bare signing\n", bare_s / signer_s);
    return 0;
}
