/* Folders below the test's own; what is asked for comes from the server's log. */
#include "tests/support/conformance.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"
#include "lib/tuf/tuf.h"
#include "tests/support/program.h"
#include "tests/support/temp.h"

enum { FILE_BYTES_MAX = 8 << 20, ENTRIES_MAX = 200 };

static const char program[] = "slipway-tuf";

static void answer(void *arg, const struct web_request *request, struct web_answer *out)
{
    struct conformance *c = arg;

    forge_answer(c->forge, "", request->path, out);
}

void conform_open(struct conformance *c, enum test_key_kind kind)
{
    *c = (struct conformance){.forge = forge_new(kind)};
    c->web = web_start(answer, c);
}

void conform_start(struct conformance *c)
{
    const struct buf *root = &forge_file(c->forge, "1.root.json")->body;

    ASSERT(conform_init(c, root->data, root->len) == 0);
}

void conform_again(struct conformance *c)
{
    enum test_key_kind kind = c->forge->kind;
    struct err err = {0};

    forge_free(c->forge);
    c->forge = forge_new(kind);
    ASSERT(file_remove_tree(temp_path("md"), &err));
    ASSERT(!file_exists(temp_path("downloads")) || file_remove_tree(temp_path("downloads"), &err));
    conform_start(c);
}

void conform_close(struct conformance *c)
{
    web_stop(c->web);
    forge_free(c->forge);
    mem_free(c->fetched);
    mem_free(c->files);
    temp_done();
}

int conform_init(struct conformance *c, const void *root, size_t len)
{
    const char *const args[] = {"--metadata-dir", temp_path("md"), "init", temp_path("trusted"),
                                NULL};

    (void)c;
    temp_write(temp_path("trusted"), root, len);
    return program_run(program, args);
}

int conform_refresh(struct conformance *c)
{
    AUTO_FREE char *url = mem_printf("%s/metadata", web_origin(c->web));
    const char *const args[] = {"--metadata-url", url,       "--metadata-dir",
                                temp_path("md"),  "refresh", NULL};

    return program_run(program, args);
}

int conform_download_two(struct conformance *c, const char *first, const char *second)
{
    AUTO_FREE char *url = mem_printf("%s/metadata/", web_origin(c->web));
    AUTO_FREE char *base = mem_printf("%s/targets/", web_origin(c->web));
    const char *const args[] = {"--metadata-url",
                                url,
                                "--metadata-dir",
                                temp_path("md"),
                                "--target-name",
                                first,
                                "--target-dir",
                                temp_path("downloads"),
                                "--target-base-url",
                                base,
                                "download",
                                second ? "--target-name" : NULL,
                                second,
                                NULL};

    return program_run(program, args);
}

int conform_download(struct conformance *c, const char *target)
{
    return conform_download_two(c, target, NULL);
}

bool conform_refused(const char *code, const char *role)
{
    AUTO_FREE char *line = mem_printf("result=%s role=%s repo=http://127.0.0.1:", code, role);

    return text_starts_with(program_said(), line);
}

/* --- what was asked for ------------------------------------------------------------------------
 */

static void add_name(struct buf *out, const char *path, size_t len)
{
    static const char metadata[] = "/metadata/";
    size_t skip =
        len > sizeof(metadata) - 1 && text_starts_with(path, metadata) ? sizeof(metadata) - 1 : 1;
    size_t cut = len > 5 && memcmp(path + len - 5, ".json", 5) == 0 ? 5 : 0;

    if (out->len)
        buf_add_u8(out, ' ');
    buf_add(out, path + skip, len - skip - cut);
}

const char *conform_fetched(struct conformance *c)
{
    const char *at = web_log(c->web);
    struct buf out;

    buf_init(&out, 1 << 20);
    buf_add_text(&out, "");
    while (*at) {
        const char *path = strchr(at, ' ') + 1;
        size_t len = strcspn(path, "\n");

        add_name(&out, path, len);
        at = path + len + 1;
    }
    web_forget(c->web);
    mem_free(c->fetched);
    c->fetched = (char *)buf_take(&out);
    return c->fetched;
}

/* --- what is kept ------------------------------------------------------------------------------
 */

static char *kept_path(const char *file)
{
    return mem_printf("%s/md/%s.json", temp_dir(), file);
}

uint64_t conform_version(struct conformance *c, const char *file)
{
    AUTO_FREE char *path = kept_path(file);
    AUTO_JSON *document = NULL;
    struct err err = {0};
    AUTO_BUF text;

    (void)c;
    buf_init(&text, FILE_BYTES_MAX);
    if (!file_read(path, &text, &err))
        return 0;
    ASSERT(json_parse(text.data, text.len, &json_limits_metadata, &document, &err));
    return (uint64_t)json_integer_value(
        json_object_get(json_object_get(document, "signed"), "version"));
}

bool conform_keeps(struct conformance *c, const char *file, const struct buf *bytes)
{
    AUTO_FREE char *path = kept_path(file);
    struct err err = {0};
    AUTO_BUF text;

    (void)c;
    buf_init(&text, FILE_BYTES_MAX);
    return file_read(path, &text, &err) && text.len == bytes->len &&
           memcmp(text.data, bytes->data, text.len) == 0;
}

void conform_plant(struct conformance *c, const char *file, const struct buf *bytes)
{
    AUTO_FREE char *path = kept_path(file);
    struct err err = {0};

    (void)c;
    ASSERT(file_make_dirs(temp_path("md"), 0755, &err));
    temp_write(path, bytes->data, bytes->len);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names of a folder, or contents of its files, sorted. */
static char *listing(const char *dir, bool contents, char separator)
{
    char *items[ENTRIES_MAX];
    size_t count = 0;
    DIR *open_dir = opendir(dir);
    struct buf out;

    buf_init(&out, FILE_BYTES_MAX);
    buf_add_text(&out, "");
    for (struct dirent *entry; open_dir && (entry = readdir(open_dir)) != NULL;) {
        AUTO_FREE char *path = mem_printf("%s/%s", dir, entry->d_name);
        struct err err = {0};
        struct buf text;

        if (entry->d_name[0] == '.')
            continue;
        ASSERT(count < ENTRIES_MAX);
        if (!contents) {
            items[count++] = mem_strdup(entry->d_name);
            continue;
        }
        buf_init(&text, FILE_BYTES_MAX);
        buf_add_text(&text, "");
        ASSERT(file_read(path, &text, &err));
        items[count++] = (char *)buf_take(&text);
    }
    if (open_dir)
        (void)closedir(open_dir);
    qsort(items, count, sizeof(items[0]), by_text);
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(items[i]);

        buf_add(&out, items[i], !contents && text_ends_with(items[i], ".json") ? len - 5 : len);
        if (contents || i + 1 < count)
            buf_add_u8(&out, (uint8_t)separator);
        mem_free(items[i]);
    }
    return (char *)buf_take(&out);
}

const char *conform_files(struct conformance *c)
{
    mem_free(c->files);
    return c->files = listing(temp_path("md"), false, ' ');
}

const char *conform_downloads(struct conformance *c)
{
    mem_free(c->files);
    return c->files = listing(temp_path("downloads"), true, '|');
}
