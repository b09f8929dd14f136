/*
 *   idle -> claiming -> making (child runs) -> storing (hash, sync, rename) -> noting -> idle
 *
 * The child gets paths of blobs, which never change, and writes beside them. It is asked whether
 * it has ended by a timer: no signal handler, and a server without children pays nothing.
 */
#include "server/jobs/delta.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/json/json.h"
#include "lib/log/log.h"
#include "lib/loop/loop.h"
#include "lib/os/memory.h"
#include "lib/os/spawn.h"
#include "server/artifact/store.h"
#include "server/limits.h"
#include "server/store/store_delta.h"

enum {
    LOOK_MS = 100,                       /* how often a running child is looked at */
    RENEW_MS = DELTA_LEASE_S * 1000 / 4, /* three renewals may be lost */
    READ_BYTES = 64 << 10,
    SPARE_BYTES = 512 << 20, /* left to the server; and of addresses, to the child's code */
};

/* The address sanitizer maps terabytes of shadow, here and in the deltagen built beside us. */
#if defined(__SANITIZE_ADDRESS__)
enum { ADDRESSES_ARE_LIMITED = false };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_SHADOW 1
#endif
#endif
#if !defined(__SANITIZE_ADDRESS__)
#ifdef HAS_SHADOW
enum { ADDRESSES_ARE_LIMITED = false };
#else
enum { ADDRESSES_ARE_LIMITED = true };
#endif
#endif

enum delta_step { DELTA_IDLE, DELTA_CLAIMING, DELTA_MAKING, DELTA_STORING, DELTA_NOTING };

struct delta_worker {
    struct delta_place place;
    char *program;
    struct loop_timer *look;
    enum delta_step step;
    bool planning;
    bool again;  /* something changed since the planning began */
    pid_t child; /* 0: none */
    int output;  /* what the child says; -1 */
    int64_t renewed_mono_ms;
    int64_t collect_mono_ms; /* when the idle ones are looked for next */
    uint64_t image_bytes;    /* of both images */
    bool told_room;          /* that there is no room for a child */
    struct store_delta_made made;
    bool stored; /* what the background thread did */
    struct err err;
    char patch[ARTIFACT_PATH_ROOM];
};

static void on_look(void *arg);

static char *program_beside_us(void)
{
    char path[4096];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
    char *slash;

    if (len <= 0)
        return mem_strdup("deltagen");
    path[len] = '\0';
    slash = strrchr(path, '/');
    return mem_printf("%.*s/deltagen", slash ? (int)(slash - path) : 0, path);
}

struct delta_worker *delta_worker_new(const struct delta_place *place)
{
    struct delta_worker *worker = mem_alloc(sizeof(*worker));

    worker->place = *place;
    worker->program = place->program[0] ? mem_strdup(place->program) : program_beside_us();
    worker->look = loop_timer_new(place->loop, on_look, worker);
    worker->output = -1;
    return worker;
}

void delta_worker_free(struct delta_worker *worker)
{
    if (!worker)
        return;
    if (worker->child > 0) {
        (void)kill(-worker->child, SIGKILL); /* it may have ended by itself */
        (void)waitpid(worker->child, NULL, 0);
    }
    cleanup_close(&worker->output);
    loop_timer_free(worker->look);
    mem_free(worker->program);
    mem_free(worker);
}

/* --- the end of a piece of work ----------------------------------------------------------------
 */

static void claim(struct delta_worker *worker);

/* A row that could not be written stays claimed until its lease runs out. */
static void on_noted(const struct db_result *result, const struct err *err, void *arg)
{
    struct delta_worker *worker = arg;

    (void)result;
    worker->step = DELTA_IDLE;
    if (err)
        LOG_WARNING("delta.not_noted", "delta=%" PRId64 " error=%s", worker->made.id, err->text);
    else
        claim(worker);
}

static void note_failure(struct delta_worker *worker, const struct err *err)
{
    LOG_WARNING("delta.failed", "delta=%" PRId64 " error=%s", worker->made.id, err->text);
    (void)unlink(worker->patch); /* it may not be there */
    worker->step = DELTA_NOTING;
    store_delta_failed(worker->place.db, worker->made.id, err->text, on_noted, worker);
}

static void note_made(struct delta_worker *worker)
{
    LOG_INFO("delta.made", "delta=%" PRId64 " kept=%s bytes=%" PRIu64 " full_zstd_bytes=%" PRIu64,
             worker->made.id, worker->made.kept ? "yes" : "no", worker->made.length,
             worker->made.full_zstd_length);
    worker->step = DELTA_NOTING;
    store_delta_made(worker->place.db, &worker->made, on_noted, worker);
}

/* --- storing: on the background thread ---------------------------------------------------------
 */

static bool hash_file(const char *path, uint8_t out[HASH_BYTES], struct err *err)
{
    AUTO_FREE uint8_t *piece = mem_alloc(READ_BYTES);
    AUTO_SHA256 struct sha256 *hash = sha256_new();
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len;

    if (fd < 0)
        return err_system(err, "could not open '%s'", path);
    while ((len = read(fd, piece, READ_BYTES)) > 0)
        sha256_add(hash, piece, (size_t)len);
    if (len < 0)
        return err_system(err, "could not read '%s'", path);
    sha256_peek(hash, out);
    return true;
}

static void store_patch(void *arg)
{
    struct delta_worker *worker = arg;

    worker->stored = hash_file(worker->patch, worker->made.sha256, &worker->err) &&
                     artifact_store_adopt(worker->place.artifacts, worker->patch,
                                          worker->made.sha256, &worker->err);
}

static void on_patch_stored(void *arg)
{
    struct delta_worker *worker = arg;

    if (worker->stored)
        note_made(worker);
    else
        note_failure(worker, &worker->err);
}

/* --- the child ---------------------------------------------------------------------------------
 */

/* Everything the child said, as text; at most DELTA_LOG_BYTES_MAX. */
static void read_output(const struct delta_worker *worker, struct buf *out)
{
    uint8_t *piece;
    ssize_t len;

    buf_init(out, DELTA_LOG_BYTES_MAX + 1);
    piece = buf_reserve(out, DELTA_LOG_BYTES_MAX);
    ASSERT(piece);
    len = pread(worker->output, piece, DELTA_LOG_BYTES_MAX, 0);
    if (len > 0)
        out->len += (size_t)len;
    while (out->len > 0 && out->data[out->len - 1] == '\n')
        out->len--;
    buf_add_u8(out, '\0');
}

static bool parse_output(const char *text, struct store_delta_made *made, struct err *err)
{
    const char *last = strrchr(text, '\n'); /* warnings come before it */
    const char *line = strchr(last ? last : text, '{');
    AUTO_JSON *tree = NULL;

    if (!line)
        return err_set(err, ERR_SYSTEM, "deltagen gave no result: '%.100s'", text);
    if (!json_parse(line, strlen(line), &json_limits_api, &tree, err) ||
        !json_field_u64(tree, "", "patch_bytes", 1, INT64_MAX, &made->length, err) ||
        !json_field_u64(tree, "", "full_zstd_bytes", 1, INT64_MAX, &made->full_zstd_length, err) ||
        !json_field_bool(tree, "", "pays", &made->kept, err) ||
        !json_field_u64(tree, "", "header_length", 1, INT64_MAX, &made->header_length, err) ||
        !json_field_hex(tree, "", "header_sha256", made->header_sha256, HASH_BYTES, err) ||
        !json_field_u64(tree, "", "memory_bytes", 1, INT64_MAX, &made->memory_bytes, err))
        return err_wrap(err, "deltagen's result");
    return true;
}

static bool child_result(struct delta_worker *worker, int wait_status, struct err *err)
{
    int status = spawn_exit_status(wait_status);
    AUTO_BUF output;

    read_output(worker, &output);
    if (status != 0)
        return err_set(err, ERR_SYSTEM, "deltagen ended with status %d: '%.150s'", status,
                       buf_text(&output));
    return parse_output(buf_text(&output), &worker->made, err);
}

static void child_ended(struct delta_worker *worker, int wait_status)
{
    bool good = child_result(worker, wait_status, &worker->err);

    cleanup_close(&worker->output);
    worker->output = -1;
    if (!good) {
        note_failure(worker, &worker->err);
    } else if (worker->made.kept) {
        worker->step = DELTA_STORING;
        offload_send(worker->place.offload, worker->place.loop, store_patch, on_patch_stored,
                     worker);
    } else {
        (void)unlink(worker->patch); /* or else the next start removes it */
        note_made(worker);
    }
}

static void renew(struct delta_worker *worker)
{
    int64_t now_mono_ms = clock_mono_ms();

    if (now_mono_ms - worker->renewed_mono_ms < RENEW_MS)
        return;
    worker->renewed_mono_ms = now_mono_ms;
    store_delta_renew(worker->place.db, worker->made.id, DELTA_LEASE_S, NULL, NULL);
}

static uint64_t milliseconds(const struct timeval *time)
{
    return (uint64_t)time->tv_sec * 1000 + (uint64_t)time->tv_usec / 1000;
}

static void on_look(void *arg)
{
    struct delta_worker *worker = arg;
    int wait_status;
    struct rusage used;
    pid_t ended = wait4(worker->child, &wait_status, WNOHANG, &used);

    if (ended == 0) {
        renew(worker);
        loop_timer_set(worker->look, LOOK_MS);
        return;
    }
    worker->child = 0;
    worker->made.cpu_ms =
        ended > 0 ? milliseconds(&used.ru_utime) + milliseconds(&used.ru_stime) : 0;
    child_ended(worker, ended > 0 ? wait_status : -1);
}

static bool child_start(struct delta_worker *worker, const uint8_t from[HASH_BYTES],
                        const uint8_t to[HASH_BYTES], struct err *err)
{
    char old_path[ARTIFACT_PATH_ROOM];
    char new_path[ARTIFACT_PATH_ROOM];
    char log_path[ARTIFACT_PATH_ROOM];
    char memory[32];
    const char *const argv[] = {worker->program, "diff",   "--json", "--threads",   "1", "--memory",
                                memory,          old_path, new_path, worker->patch, NULL};
    /* Beside what it is told to keep to it maps both images and its own code. */
    struct spawn_options options = {.memory_bytes = ADDRESSES_ARE_LIMITED
                                                        ? 2 * worker->place.memory_bytes +
                                                              worker->image_bytes + SPARE_BYTES
                                                        : 0,
                                    .cpu_s = DELTA_RUN_S_MAX,
                                    .own_group = true,
                                    .ends_with_us = true}; /* the loop is the main thread's */

    (void)snprintf(memory, sizeof(memory), "%" PRIu64, worker->place.memory_bytes);
    artifact_store_path(worker->place.artifacts, from, old_path);
    artifact_store_path(worker->place.artifacts, to, new_path);
    artifact_store_temp(worker->place.artifacts, worker->patch);
    artifact_store_temp(worker->place.artifacts, log_path);
    worker->output = open(log_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (worker->output < 0)
        return err_system(err, "could not make '%s'", log_path);
    (void)unlink(log_path); /* it lives as long as its descriptors */
    options.output_fd = worker->output;
    if (!spawn_start(argv, &options, &worker->child, err)) {
        worker->child = 0;
        return false;
    }
    return true;
}

/* --- claiming ----------------------------------------------------------------------------------
 */

static void on_claimed(const struct db_result *result, const struct err *err, void *arg)
{
    struct delta_worker *worker = arg;
    uint8_t from[HASH_BYTES];
    uint8_t to[HASH_BYTES];

    worker->step = DELTA_IDLE;
    if (err || db_rows(result) == 0)
        return; /* the next run of the job asks again */
    ASSERT(db_bytes(result, 0, 2, from, sizeof(from)) && db_bytes(result, 0, 4, to, sizeof(to)));
    worker->made = (struct store_delta_made){.id = db_i64(result, 0, 0)};
    worker->image_bytes = (uint64_t)db_i64(result, 0, 3) + (uint64_t)db_i64(result, 0, 5);
    worker->renewed_mono_ms = clock_mono_ms();
    if (!child_start(worker, from, to, &worker->err)) {
        note_failure(worker, &worker->err);
        return;
    }
    worker->step = DELTA_MAKING;
    loop_timer_set(worker->look, LOOK_MS);
}

/* A deltagen beside the server, never instead of it: none starts while the machine has no room. */
static bool has_room(struct delta_worker *worker)
{
    uint64_t available = 0;
    bool known = os_memory_available(&available);
    bool room = !known || available >= worker->place.memory_bytes + SPARE_BYTES;

    if (!room && !worker->told_room)
        LOG_WARNING("delta.waits", "available=%" PRIu64 " wanted=%" PRIu64, available,
                    worker->place.memory_bytes + SPARE_BYTES);
    worker->told_room = !room;
    return room;
}

static void claim(struct delta_worker *worker)
{
    if (!has_room(worker)) {
        worker->step = DELTA_IDLE; /* the next run looks again */
        return;
    }
    worker->step = DELTA_CLAIMING;
    store_delta_claim(worker->place.db, DELTA_LEASE_S, on_claimed, worker);
}

static void plan(struct delta_worker *worker);

static void on_planned(const struct db_result *result, const struct err *err, void *arg)
{
    struct delta_worker *worker = arg;

    worker->planning = false;
    if (err && err->code != ERR_UNAVAILABLE)
        LOG_ERROR("delta.not_planned", "error=%s", err->text);
    if (worker->again || (!err && db_i64(result, 0, 0) == STORE_DELTA_PLANNED_MAX))
        plan(worker);
    if (worker->step == DELTA_IDLE)
        claim(worker);
}

static void plan(struct delta_worker *worker)
{
    worker->planning = true;
    worker->again = false;
    store_delta_plan(worker->place.db, (int64_t)worker->place.devices_min, on_planned, worker);
}

void delta_worker_collect(struct delta_worker *worker)
{
    store_delta_collect(worker->place.db, NULL, NULL);
}

void delta_worker_run(struct delta_worker *worker)
{
    if (worker->planning)
        worker->again = true;
    else
        plan(worker);
    if (clock_mono_ms() >= worker->collect_mono_ms) {
        worker->collect_mono_ms = clock_mono_ms() + DELTA_COLLECT_RUN_MS;
        delta_worker_collect(worker);
    }
}
