/*
 * What the client's workflow needs of the heap: at most 1 MiB plus four times the largest role
 * file. Every allocation of this program is counted, also those of libraries; the sanitizer's
 * allocator cannot be counted, so there the test is left out.
 */
#include <criterion/criterion.h>

#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "lib/tuf/tuf.h"
#include "tests/support/tuf_repo.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifndef SANITIZED

/* glibc's own, under the names it keeps for those who replace malloc. */
void *__libc_malloc(size_t size);               /* NOLINT(bugprone-reserved-identifier): glibc's */
void *__libc_calloc(size_t count, size_t size); /* NOLINT(bugprone-reserved-identifier): glibc's */
void *__libc_realloc(void *p, size_t size);     /* NOLINT(bugprone-reserved-identifier): glibc's */
void __libc_free(void *p);                      /* NOLINT(bugprone-reserved-identifier): glibc's */

static struct {
    bool on;
    size_t now, peak;
} heap;

static void *count(void *p)
{
    if (heap.on && p) {
        heap.now += malloc_usable_size(p);
        heap.peak = heap.now > heap.peak ? heap.now : heap.peak;
    }
    return p;
}

static void discount(void *p)
{
    size_t size = heap.on && p ? malloc_usable_size(p) : 0;

    heap.now -= size < heap.now ? size : heap.now;
}

/* Parameters are called as in glibc's headers. */
void *malloc(size_t __size)
{
    return count(__libc_malloc(__size));
}

void *calloc(size_t __nmemb, size_t __size)
{
    return count(__libc_calloc(__nmemb, __size));
}

void *realloc(void *__ptr, size_t __size)
{
    discount(__ptr);
    return count(__libc_realloc(__ptr, __size));
}

void free(void *__ptr)
{
    discount(__ptr);
    __libc_free(__ptr);
}

enum { OS_KEY = TUF_ROLE_COUNT };

static void add_entries(json_t *targets, const char *pattern, int entries)
{
    for (int i = 0; i < entries; i++) {
        char path[TUF_PATH_MAX];

        (void)snprintf(path, sizeof(path), "%s/v%d/rootfs.img", pattern, i);
        cr_assert_eq(json_object_set_new(targets, path, tuf_repo_entry("h1", (uint64_t)i + 1, 1)),
                     0);
    }
}

/* Targets and a delegated role near the limit, and a snapshot as full of values as one of that
 * length can be. */
static struct tuf_repo *big_repository(void)
{
    struct tuf_repo *repo = tuf_repo_new();
    json_t *roles[300];
    json_t *entries = json_object();
    json_t *body;
    json_t *filler = json_array();

    for (size_t i = 0; i < COUNT(roles); i++) {
        char name[32];
        char pattern[64];

        (void)snprintf(name, sizeof(name), "os-h%zu", i);
        (void)snprintf(pattern, sizeof(pattern), "os/h%zu/*/*", i);
        roles[i] = tuf_repo_delegation(repo, name, OS_KEY, pattern);
    }
    repo->delegations = tuf_repo_delegations(repo, roles, COUNT(roles));
    add_entries(repo->targets, "os/old", 270);
    add_entries(entries, "os/h1", 500);
    tuf_repo_put_root(repo, 1);
    tuf_repo_trust(repo, "1.root.json");
    tuf_repo_put_role(repo, "os-h1", 1, entries, NULL, OS_KEY);
    tuf_repo_put_targets(repo, 1);
    body = tuf_repo_snapshot(repo, 1, 1);
    for (int i = 0; i < 32000; i++)
        cr_assert_eq(json_array_append_new(filler, json_integer(100)), 0);
    cr_assert_eq(json_object_set_new(body, "x", filler), 0);
    tuf_repo_put(repo, "1.snapshot.json", body, &repo->key_of[TUF_SNAPSHOT], 1);
    tuf_repo_put_timestamp(repo, 1, 1);
    return repo;
}

static void update(struct tuf_repo *repo, bool is_counted)
{
    struct tuf_set *set = NULL;
    struct tuf_target target = {0};
    struct err err = {0};

    heap.now = 0;
    heap.peak = 0;
    heap.on = is_counted;
    cr_assert(tuf_refresh(&repo->io, &tuf_limits_device, repo->now_ms, &set, &err), "%s", err.text);
    cr_assert(tuf_find(set, "os/h1/v499/rootfs.img", "h1", &target, &err), "%s", err.text);
    tuf_target_done(&target);
    tuf_set_free(set);
    heap.on = false;
}

Test(memory, of_an_update_is_bounded_by_the_largest_role_file)
{
    struct tuf_repo *repo = big_repository();
    static const char *const names[] = {"1.snapshot.json", "1.targets.json", "1.os-h1.json"};
    static const char *const kept[] = {"snapshot.json", "targets.json", "os-h1.json"};
    size_t largest = 0;

    for (size_t i = 0; i < COUNT(names); i++) {
        size_t len = tuf_repo_file(repo, names[i])->len;

        cr_expect_gt(len, 110000, "%s: %zu", names[i], len);
        largest = len > largest ? len : largest;
    }
    update(repo, false); /* the store's own buffers are there */
    update(repo, true);  /* everything is loaded */
    cr_expect_leq(heap.peak, (1 << 20) + (4 * largest), "loaded: %zu", heap.peak);
    cr_expect_gt(heap.peak, largest, "nothing was counted");
    for (size_t i = 0; i < COUNT(kept); i++)
        tuf_repo_forget(repo, kept[i]);
    update(repo, true); /* everything is fetched */
    cr_expect_leq(heap.peak, (1 << 20) + (4 * largest), "fetched: %zu", heap.peak);
    cr_expect_eq(heap.now, 0);
    tuf_repo_free(repo);
}

#endif
