#include <criterion/criterion.h>

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "server/artifact/upload.h"
#include "server/limits.h"
#include "tests/support/temp.h"

struct scene {
    struct loop *loop;
    struct offload *offload;
    struct artifact_store *store;
    uint8_t *bytes;
    size_t len;
    unsigned done;
    unsigned rooms;
    struct err err;
};

static void on_done(const struct err *err, void *arg)
{
    struct scene *scene = arg;

    scene->done++;
    scene->err = err ? *err : (struct err){0};
}

static void on_room(void *arg)
{
    struct scene *scene = arg;

    scene->rooms++;
}

static void scene_open(struct scene *scene, size_t len)
{
    struct err err;

    *scene = (struct scene){.len = len, .bytes = mem_alloc(len + 1)};
    for (size_t i = 0; i < len; i++)
        scene->bytes[i] = (uint8_t)(i * 31 + i / 256);
    cr_assert(loop_open(&scene->loop, &err));
    cr_assert(offload_open(&scene->offload, &err));
    cr_assert(artifact_store_open(temp_dir(), &scene->store, &err), "%s", err.text);
}

static void scene_close(struct scene *scene)
{
    offload_close(scene->offload);
    loop_close(scene->loop);
    artifact_store_close(scene->store);
    mem_free(scene->bytes);
}

static struct artifact_upload *begin(struct scene *scene)
{
    struct artifact_upload_plan plan = {.store = scene->store,
                                        .offload = scene->offload,
                                        .loop = scene->loop,
                                        .length = scene->len,
                                        .on_room = on_room,
                                        .on_done = on_done,
                                        .arg = scene};

    hash_sha256(scene->bytes, scene->len, plan.sha256);
    return artifact_upload_new(&plan);
}

/* In pieces as the front gives them, waiting when told to. */
static void write_all(struct scene *scene, struct artifact_upload *upload, size_t len)
{
    for (size_t at = 0; at < len; at += HTTP_READ_BODY_BYTES) {
        size_t piece = len - at < HTTP_READ_BODY_BYTES ? len - at : HTTP_READ_BODY_BYTES;
        unsigned rooms = scene->rooms;

        if (artifact_upload_write(upload, scene->bytes + at, piece))
            continue;
        while (scene->rooms == rooms && scene->done == 0)
            loop_turn(scene->loop);
        if (scene->done)
            return;
    }
    artifact_upload_finish(upload);
}

static void wait_done(struct scene *scene)
{
    while (scene->done == 0)
        loop_turn(scene->loop);
    loop_flush(scene->loop);
    cr_expect_eq(scene->done, 1);
}

static size_t temp_files(void)
{
    AUTO_FREE char *path = mem_printf("%s/tmp", temp_dir());
    DIR *dir = opendir(path);
    size_t count = 0;

    cr_assert(dir);
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        count += entry->d_name[0] != '.';
    (void)closedir(dir);
    return count;
}

static bool is_stored(const struct scene *scene)
{
    uint8_t hash[HASH_BYTES];
    uint64_t size;
    struct err err;
    int fd;

    hash_sha256(scene->bytes, scene->len, hash);
    if (!artifact_store_read(scene->store, hash, &fd, &size, &err))
        return false;
    (void)close(fd);
    return size == scene->len;
}

Test(upload, of_any_length_ends_as_a_blob)
{
    static const size_t lengths[] = {0,
                                     1,
                                     HTTP_READ_BODY_BYTES,
                                     UPLOAD_BUFFER_BYTES - 1,
                                     UPLOAD_BUFFER_BYTES,
                                     UPLOAD_BUFFER_BYTES + 1,
                                     7 * (size_t)UPLOAD_BUFFER_BYTES + 5};

    for (size_t i = 0; i < COUNT(lengths); i++) {
        struct scene scene;

        scene_open(&scene, lengths[i]);
        write_all(&scene, begin(&scene), scene.len);
        wait_done(&scene);
        cr_expect_eq(scene.err.code, ERR_NONE, "%zu: %s", lengths[i], scene.err.text);
        cr_expect(is_stored(&scene), "%zu", lengths[i]);
        cr_expect_eq(temp_files(), 0);
        scene_close(&scene);
    }
    temp_done();
}

Test(upload, of_other_bytes_is_refused_and_leaves_nothing)
{
    struct scene scene;
    struct artifact_upload *upload;

    scene_open(&scene, 100000);
    upload = begin(&scene);
    scene.bytes[99999] ^= 1;
    write_all(&scene, upload, scene.len);
    wait_done(&scene);
    scene.bytes[99999] ^= 1;
    cr_expect_eq(scene.err.code, ERR_UNTRUSTED);
    cr_expect_eq(scene.err.refusal, REFUSAL_TARGET_HASH);
    cr_expect_not(is_stored(&scene));
    cr_expect_eq(temp_files(), 0);
    scene_close(&scene);
    temp_done();
}

Test(upload, of_too_little_or_too_much_is_refused)
{
    struct scene scene;

    scene_open(&scene, 1000);
    write_all(&scene, begin(&scene), 999);
    wait_done(&scene);
    cr_expect_eq(scene.err.code, ERR_INVALID);
    scene_close(&scene);

    scene_open(&scene, 1000);
    {
        struct artifact_upload *upload = begin(&scene);

        cr_expect(artifact_upload_write(upload, scene.bytes, 1000));
        cr_expect(artifact_upload_write(upload, "x", 1));
        artifact_upload_finish(upload);
    }
    wait_done(&scene);
    cr_expect_eq(scene.err.code, ERR_INVALID);
    cr_expect_not(is_stored(&scene));
    cr_expect_eq(temp_files(), 0);
    scene_close(&scene);
    temp_done();
}

Test(upload, that_is_aborted_calls_nobody_and_leaves_nothing)
{
    struct scene scene;
    struct artifact_upload *upload;

    scene_open(&scene, 3 * (size_t)UPLOAD_BUFFER_BYTES);
    upload = begin(&scene);
    for (size_t at = 0; at < UPLOAD_BUFFER_BYTES; at += HTTP_READ_BODY_BYTES)
        cr_assert(artifact_upload_write(upload, scene.bytes + at, HTTP_READ_BODY_BYTES));
    artifact_upload_abort(upload); /* while the background writes */
    upload = begin(&scene);
    cr_assert(artifact_upload_write(upload, scene.bytes, 10));
    artifact_upload_abort(upload); /* while it does not */
    offload_close(scene.offload);
    scene.offload = NULL;
    loop_flush(scene.loop);
    cr_expect_eq(scene.done, 0);
    cr_expect_eq(temp_files(), 0);
    scene_close(&scene);
    temp_done();
}

Test(upload, says_when_the_folder_is_gone)
{
    struct scene scene;

    scene_open(&scene, 10);
    {
        AUTO_FREE char *path = mem_printf("%s/tmp", temp_dir());

        cr_assert_eq(rmdir(path), 0);
    }
    write_all(&scene, begin(&scene), scene.len);
    wait_done(&scene);
    cr_expect_eq(scene.err.code, ERR_SYSTEM, "%s", scene.err.text);
    scene_close(&scene);
    temp_done();
}
