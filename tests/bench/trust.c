/*
 * How fast, and in how much memory, a device verifies a full update chain: of the image repository
 * root, timestamp, snapshot, targets and one delegated role, of the director root, timestamp,
 * snapshot and targets, then the cross-check. From memory, on one core.
 *
 * The rate is also given as a share of what the bare signature checks cost in the same run; the
 * memory is counted at malloc() itself, for a role file as large as a device takes.
 */
#include <dlfcn.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/crypto/sign.h"
#include "tests/support/tuf_repo.h"

enum { ROUND_MS = 3000, SIGNATURES = 9 };
#define DEVICE "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define PATH "os/board/2/rootfs.img"

/* --- malloc, counted ----------------------------------------------------------------------------
 */

static size_t held_bytes;
static size_t peak_bytes;

static void count(void *block)
{
    if (!block)
        return;
    held_bytes += malloc_usable_size(block);
    if (held_bytes > peak_bytes)
        peak_bytes = held_bytes;
}

static void discount(void *block)
{
    if (block)
        held_bytes -= malloc_usable_size(block);
}

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t items, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void __libc_free(void *block);

/* Under libc's names for the linker, so that every allocation of the program comes through here. */
void *counted_malloc(size_t size) __asm__("malloc");
void *counted_calloc(size_t items, size_t size) __asm__("calloc");
void *counted_realloc(void *block, size_t size) __asm__("realloc");
void counted_free(void *block) __asm__("free");

void *counted_malloc(size_t size)
{
    void *block = __libc_malloc(size);

    count(block);
    return block;
}

void *counted_calloc(size_t items, size_t size)
{
    void *block = __libc_calloc(items, size);

    count(block);
    return block;
}

void *counted_realloc(void *block, size_t size)
{
    void *grown;

    discount(block);
    grown = __libc_realloc(block, size);
    count(grown);
    return grown;
}

void counted_free(void *block)
{
    discount(block);
    __libc_free(block);
}

/* --- the two repositories -----------------------------------------------------------------------
 */

static const size_t role_key = TUF_ROLE_COUNT; /* of the delegated role */

/* `count` releases in one delegated role. */
static void make_image_repository(struct tuf_repo *repo, unsigned releases)
{
    json_t *delegations[] = {tuf_repo_delegation(repo, "os-board", role_key, "os/board/*/*")};
    json_t *targets = json_object();

    for (unsigned i = 1; i <= releases; i++) {
        AUTO_FREE char *path = mem_printf("os/board/%u/rootfs.img", i);

        ASSERT(json_object_set_new(targets, path, tuf_repo_entry("board", i, (uint8_t)i)) == 0);
    }
    json_decref(repo->delegations);
    repo->delegations = tuf_repo_delegations(repo, delegations, COUNT(delegations));
    tuf_repo_put_root(repo, 1);
    tuf_repo_put_targets(repo, 1);
    tuf_repo_put_role(repo, "os-board", 1, targets, NULL, role_key);
    tuf_repo_put_snapshot(repo, 1, 1);
    tuf_repo_put_timestamp(repo, 1, 1);
}

static void make_director(struct tuf_repo *repo)
{
    json_t *entry = tuf_repo_entry("board", 2, 2);
    json_t *custom = json_object_get(entry, "custom");
    json_t *body;
    AUTO_JSON *targets = json_object();

    ASSERT(json_object_set_new(custom, "ecus",
                               json_pack("{s:{s:s}}", DEVICE "-main", "hwid", "board")) == 0);
    ASSERT(json_object_set_new(custom, "action", json_string("install")) == 0);
    ASSERT(json_object_set_new(targets, PATH, entry) == 0);
    body = tuf_make_targets(1, repo->expires_ms, targets, NULL);
    ASSERT(json_object_set_new(body, "x-device", json_string(DEVICE)) == 0);
    ASSERT(json_object_set_new(body, "x-bundle", json_string("r2")) == 0);
    tuf_repo_put_root(repo, 1);
    tuf_repo_put(repo, "1.targets.json", body, &repo->key_of[TUF_TARGETS], 1);
    tuf_repo_put_snapshot(repo, 1, 1);
    tuf_repo_put_timestamp(repo, 1, 1);
}

/* --- the walk -----------------------------------------------------------------------------------
 */

static void forget_all(struct tuf_repo *repo)
{
    static const char *const names[] = {"timestamp.json", "snapshot.json", "targets.json",
                                        "os-board.json"};

    for (size_t i = 0; i < COUNT(names); i++)
        tuf_repo_forget(repo, names[i]);
    tuf_repo_trust(repo, "1.root.json");
    repo->fetch_count = 0;
    repo->fetched[0] = '\0';
}

static bool verify(struct tuf_repo *image, struct tuf_repo *director, struct err *err)
{
    const struct tuf_device device = {.hwid = "board", .type = "os"};
    struct tuf_set *image_set = NULL;
    struct tuf_set *director_set = NULL;
    AUTO_TUF_DIRECTOR said = {0};
    AUTO_TUF_TARGET target = {0};
    bool good =
        tuf_refresh(&director->io, &tuf_limits_device, director->now_ms, &director_set, err) &&
        tuf_director_read(director_set, DEVICE, 0, &said, err) &&
        tuf_refresh(&image->io, &tuf_limits_device, image->now_ms, &image_set, err) &&
        tuf_find(image_set, said.targets[0].path, "board", &target, err) &&
        tuf_cross_check(&said, 0, &target, &device, err);

    tuf_set_free(image_set);
    tuf_set_free(director_set);
    return good;
}

/* Of this process: what others do on the machine does not count. */
static int64_t core_ms(void)
{
    struct rusage used;

    ASSERT(getrusage(RUSAGE_SELF, &used) == 0);
    return ((int64_t)used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000 +
           (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000;
}

static double rate(struct tuf_repo *image, struct tuf_repo *director)
{
    int64_t began = core_ms();
    int64_t now;
    unsigned rounds = 0;
    struct err err;

    do {
        forget_all(image);
        forget_all(director);
        if (!verify(image, director, &err)) {
            (void)fprintf(stderr, "bench-trust: %s\n", err.text);
            exit(1);
        }
        rounds++;
        now = core_ms();
    } while (now - began < ROUND_MS);
    return rounds * 1000.0 / (double)(now - began);
}

/* So many bare signature checks over 2 KiB. */
static double bare_rate(void)
{
    AUTO_SIGN_KEY struct sign_key *key = sign_key_new();
    uint8_t data[2048] = {1};
    uint8_t sig[SIGN_BYTES];
    int64_t began = core_ms();
    int64_t now;
    unsigned rounds = 0;

    sign_make(key, data, sizeof(data), sig);
    do {
        for (int i = 0; i < SIGNATURES; i++)
            ASSERT(sign_check(sign_key_public(key), data, sizeof(data), sig));
        rounds++;
        now = core_ms();
    } while (now - began < ROUND_MS);
    return rounds * 1000.0 / (double)(now - began);
}

static void measure_speed(void)
{
    struct tuf_repo *image = tuf_repo_new();
    struct tuf_repo *director = tuf_repo_new();
    double chains;
    double bare;

    make_image_repository(image, 20);
    make_director(director);
    chains = rate(image, director);
    bare = bare_rate();
    (void)printf(
        "full chain (%d signatures): %.0f a second of one core; bare signature checks: %.0f; "
        "ratio %.2f\n",
        SIGNATURES, chains, bare, chains / bare);
    tuf_repo_free(image);
    tuf_repo_free(director);
}

/* As many releases as fit a device's largest role file. */
static void measure_memory(void)
{
    struct tuf_repo *image = tuf_repo_new();
    struct tuf_repo *director = tuf_repo_new();
    size_t before;
    size_t len;
    struct err err;

    make_image_repository(image, 380);
    make_director(director);
    len = tuf_repo_file(image, "1.os-board.json")->len;
    forget_all(image);
    forget_all(director);
    before = held_bytes;
    peak_bytes = held_bytes;
    if (!verify(image, director, &err)) {
        (void)fprintf(stderr, "bench-trust: %s\n", err.text);
        exit(1);
    }
    (void)printf(
        "memory for a role file of %zu bytes: %zu bytes at most, of %zu allowed (1 MiB + 4 "
        "times the file); ratio %.2f\n",
        len, peak_bytes - before, ((size_t)1 << 20) + 4 * len,
        (double)(peak_bytes - before) / (double)(((size_t)1 << 20) + 4 * len));
    tuf_repo_free(image);
    tuf_repo_free(director);
}

int main(void)
{
    measure_speed();
    measure_memory();
    return 0;
}
