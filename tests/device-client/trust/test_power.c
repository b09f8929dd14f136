/*
 * The power is cut at every system call that changes the store (T53): the next start has the old or
 * the new trusted set, never neither, and the next walk arrives. The calls are this file's own:
 * they are counted in a child process, and the one whose turn it is ends it; a write is cut in its
 * middle, too.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device-client/trust/counters.h"
#include "device-client/trust/trust.h"
#include "lib/base/mem.h"
#include "lib/os/file.h"
#include "tests/support/temp.h"
#include "tests/support/tuf_repo.h"

/* --- the power ---------------------------------------------------------------------------------
 */

enum { CUT = 42, DONE = 0, FAILED = 1 };

static long cut_at; /* the call that does not happen; 0: none is counted */
static long calls;

static bool is_cut(void)
{
    return cut_at > 0 && ++calls == cut_at;
}

/* Under libc's names for the linker. */
int caught_rename(const char *from, const char *to) __asm__("rename");
ssize_t caught_write(int fd, const void *data, size_t len) __asm__("write");
ssize_t caught_pwrite(int fd, const void *data, size_t len, off_t offset) __asm__("pwrite");
int caught_unlink(const char *path) __asm__("unlink");
int caught_fsync(int fd) __asm__("fsync");

ssize_t caught_write(int fd, const void *data, size_t len)
{
    if (is_cut())
        _exit(CUT);
    if (is_cut()) {
        (void)!syscall(SYS_write, fd, data, len / 2); /* the power is gone */
        _exit(CUT);
    }
    return syscall(SYS_write, fd, data, len);
}

ssize_t caught_pwrite(int fd, const void *data, size_t len, off_t offset)
{
    if (is_cut())
        _exit(CUT);
    if (is_cut()) {
        (void)!syscall(SYS_pwrite64, fd, data, len / 2, offset); /* the power is gone */
        _exit(CUT);
    }
    return syscall(SYS_pwrite64, fd, data, len, offset);
}

int caught_fsync(int fd)
{
    if (is_cut())
        _exit(CUT);
    return (int)syscall(SYS_fsync, fd);
}

int caught_rename(const char *from, const char *to)
{
    if (is_cut())
        _exit(CUT);
    return (int)syscall(SYS_rename, from, to);
}

int caught_unlink(const char *path)
{
    if (is_cut())
        _exit(CUT);
    return (int)syscall(SYS_unlink, path);
}

/* --- one life ----------------------------------------------------------------------------------
 */

typedef bool act_fn(void *arg, struct err *err);

/* True when the act was cut, false when it came to its end; anything else is a failure. */
static bool live(act_fn *act, void *arg, long number)
{
    int status = 0;
    pid_t child = fork();

    cr_assert_geq(child, 0);
    if (child == 0) {
        struct err err = {0};
        bool good;

        cut_at = number;
        good = act(arg, &err);
        cut_at = 0;
        if (!good)
            (void)fprintf(stderr, "call %ld: %s\n", number, err.text);
        _exit(good ? DONE : FAILED);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) != FAILED, "call %ld", number);
    return WEXITSTATUS(status) == CUT;
}

/* --- the store of metadata ---------------------------------------------------------------------
 */

struct store {
    struct tuf_repo *repo;
    struct trust trust;
    bool is_staged; /* the director's way */
};

/* What is fetched comes out of the repository in memory. */
static struct store *fetching;

static bool fetch(void *arg, const char *name, size_t max, struct buf *out, struct err *err)
{
    (void)arg;
    return fetching->repo->io.fetch(fetching->repo->io.arg, name, max, out, err);
}

static bool walk(void *arg, struct err *err)
{
    struct store *store = arg;
    struct trust_stage stage = {0};
    struct tuf_set *set = NULL;
    struct tuf_io io;
    bool good;

    fetching = store;
    store->trust.stage = store->is_staged ? &stage : NULL;
    io = trust_io(&store->trust);
    io.fetch = fetch;
    good = tuf_refresh(&io, &tuf_limits_device, store->repo->now_ms, &set, err) &&
           (!store->is_staged || trust_stage_keep(&store->trust, err));
    store->trust.stage = NULL;
    trust_stage_done(&stage);
    tuf_set_free(set);
    return good;
}

/* As after the first walk. */
static void keep_first(const struct store *store)
{
    static const char *const names[] = {"root.json", "timestamp.json", "snapshot.json",
                                        "targets.json"};
    static const char *const files[] = {"1.root.json", "timestamp.json", "1.snapshot.json",
                                        "1.targets.json"};
    struct err err = {0};

    for (size_t i = 0; i < COUNT(files); i++) {
        AUTO_FREE char *path = mem_printf("%s/%s", store->trust.dir, names[i]);
        const struct buf *bytes = tuf_repo_file(store->repo, files[i]);

        cr_assert(file_write(path, 0600, bytes->data, bytes->len, &err), "%s", err.text);
    }
}

struct change {
    const char *what;
    bool new_root;
    bool new_keys; /* of timestamp and snapshot: what is stored of them is dropped */
    bool staged;
};

static void publish(struct tuf_repo *repo, const struct change *change)
{
    if (change->new_keys) {
        repo->key_of[TUF_TIMESTAMP] = TUF_ROLE_COUNT;
        repo->key_of[TUF_SNAPSHOT] = TUF_ROLE_COUNT + 1;
    }
    if (change->new_root)
        tuf_repo_put_root(repo, 2);
    tuf_repo_publish(repo, 2);
}

/* Every role that is there is the old or the new one, whole. */
static void expect_old_or_new(struct store *store, const struct change *change, long number)
{
    struct tuf_set *set = NULL;
    struct err err = {0};

    cr_assert(trust_load(&store->trust, &set, &err), "%s, call %ld: %s", change->what, number,
              err.text);
    for (int role = 0; role < TUF_ROLE_COUNT; role++) {
        uint64_t version = tuf_set_version(set, (enum tuf_role)role);
        bool may_miss = change->new_keys && (role == TUF_TIMESTAMP || role == TUF_SNAPSHOT);

        cr_expect(version == 1 || version == 2 || (may_miss && version == 0),
                  "%s, call %ld: %s is version %llu", change->what, number,
                  tuf_role_name((enum tuf_role)role), (unsigned long long)version);
    }
    tuf_set_free(set);
}

static long cut_everywhere(const struct change *change)
{
    long number = 1;

    for (bool was_cut = true; was_cut; number++) {
        struct store store = {.repo = tuf_repo_new_updated(), .trust = {.base = ""}};
        AUTO_FREE char *dir = mem_printf("%s/%s %ld", temp_dir(), change->what, number);
        struct err err = {0};

        cr_assert(file_make_dirs(dir, 0700, &err), "%s", err.text);
        store.trust.dir = dir;
        store.is_staged = change->staged;
        keep_first(&store);
        publish(store.repo, change);
        was_cut = live(walk, &store, number);
        expect_old_or_new(&store, change, number);
        cr_expect_not(live(walk, &store, 1000000), "the next walk arrives");
        expect_old_or_new(&store, change, number);
        tuf_repo_free(store.repo);
    }
    return number;
}

Test(power, cut_at_any_call_leaves_the_old_or_the_new_metadata, .fini = temp_done)
{
    static const struct change changes[] = {
        {"new documents", false, false, false},
        {"a new root, too", true, false, false},
        {"other online keys", true, true, false},
        {"the director's documents", true, false, true},
    };

    for (size_t i = 0; i < COUNT(changes); i++)
        cr_expect_gt(cut_everywhere(&changes[i]), 15L, "%s", changes[i].what);
}

/* --- the numbers that never fall ---------------------------------------------------------------
 */

struct numbers {
    const char *path;
    struct counters counters;
};

static bool save(void *arg, struct err *err)
{
    struct numbers *numbers = arg;

    return counters_backend_find("file")->save(numbers->path, &numbers->counters, err);
}

Test(power, cut_at_any_call_leaves_the_old_or_the_new_counters, .fini = temp_done)
{
    for (uint64_t before = 0; before < 3; before++) {
        long number = 1;

        for (bool was_cut = true; was_cut; number++) {
            struct numbers numbers = {.path = temp_path("counters")};
            struct counters found;
            struct err err = {0};
            bool loaded;

            (void)unlink(numbers.path); /* of the cut before */
            for (uint64_t i = 0; i < before; i++) {
                numbers.counters.director_version = i + 1;
                cr_assert(save(&numbers, &err), "%s", err.text);
            }
            numbers.counters.director_version = before + 1;
            was_cut = live(save, &numbers, number);
            loaded = counters_backend_find("file")->load(numbers.path, &found, &err);
            cr_assert(loaded || (before == 0 && err.code == ERR_NOT_FOUND), "call %ld: %s", number,
                      err.text);
            if (loaded)
                cr_expect(found.director_version == before + 1 ||
                              (was_cut && found.director_version == before),
                          "call %ld: %llu", number, (unsigned long long)found.director_version);
        }
        cr_expect_gt(number, 3);
    }
}
