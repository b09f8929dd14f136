/*
 *   idle -> asking -> looking (child runs) -> noting -> asking ... -> idle
 *
 * An issue is done once, also when the child died: then its frames have no names, until somebody
 * uploads a file for it again. Two servers may do the same issue; both write the same.
 */
#include "server/jobs/symbolize.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/json/json.h"
#include "lib/log/log.h"
#include "lib/loop/loop.h"
#include "lib/os/spawn.h"
#include "server/artifact/store.h"
#include "server/reports/signature.h"
#include "server/reports/symbols.h"
#include "server/store/store_symbol.h"

enum {
    LOOK_MS = 50,
    CHILD_MS_MAX = 20000,
    CHILD_CPU_S_MAX = 15,
    OUTPUT_BYTES_MAX = SYMBOLS_MAX * 500,
    BUILD_ID_ROOM = 129,
    WORD_ROOM = 64,
};

/* The address sanitizer maps terabytes of shadow. */
#if defined(__SANITIZE_ADDRESS__)
#define CHILD_MEMORY_BYTES_MAX 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CHILD_MEMORY_BYTES_MAX 0
#endif
#endif
#ifndef CHILD_MEMORY_BYTES_MAX
#define CHILD_MEMORY_BYTES_MAX (4ULL << 30)
#endif

struct frame {
    char build_id[BUILD_ID_ROOM];
    uint64_t offset;
    bool has_file;
    uint8_t file[HASH_BYTES];
    struct symbol symbol;
};

struct symbolizer {
    struct symbolize_place place;
    char *program;
    struct loop_timer *look;
    bool is_running;
    int64_t issue;
    char category[WORD_ROOM];
    char class[WORD_ROOM];
    char component[WORD_ROOM];
    struct frame frames[SYMBOLS_MAX];
    size_t frame_count;
    pid_t child; /* 0: none */
    int output;  /* what it says; -1 */
    int64_t until_mono_ms;
};

static void on_look(void *arg);

static char *program_beside_us(void)
{
    char path[ARTIFACT_PATH_ROOM];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
    char *slash;

    if (len <= 0)
        return mem_strdup("slipway-symbolize");
    path[len] = '\0';
    slash = strrchr(path, '/');
    return mem_printf("%.*s/slipway-symbolize", slash ? (int)(slash - path) : 0, path);
}

struct symbolizer *symbolizer_new(const struct symbolize_place *place)
{
    struct symbolizer *symbolizer = mem_alloc(sizeof(*symbolizer));

    symbolizer->place = *place;
    symbolizer->program = place->program[0] ? mem_strdup(place->program) : program_beside_us();
    symbolizer->look = loop_timer_new(place->loop, on_look, symbolizer);
    symbolizer->output = -1;
    return symbolizer;
}

static void kill_child(const struct symbolizer *symbolizer)
{
    (void)kill(-symbolizer->child, SIGKILL); /* it may have ended by itself */
}

void symbolizer_free(struct symbolizer *symbolizer)
{
    if (!symbolizer)
        return;
    if (symbolizer->child > 0) {
        kill_child(symbolizer);
        (void)waitpid(symbolizer->child, NULL, 0);
    }
    cleanup_close(&symbolizer->output);
    loop_timer_free(symbolizer->look);
    mem_free(symbolizer->program);
    mem_free(symbolizer);
}

/* --- noting ------------------------------------------------------------------------------------
 */

static void ask(struct symbolizer *symbolizer);

static void on_noted(const struct db_result *result, const struct err *err, void *arg)
{
    struct symbolizer *symbolizer = arg;

    (void)result;
    if (err) {
        symbolizer->is_running = false; /* it is still due */
        LOG_WARNING("symbolize.not_noted", "issue=%" PRId64 " error=%s", symbolizer->issue,
                    err->text);
        return;
    }
    ask(symbolizer);
}

static char *symbols_json(const struct symbolizer *symbolizer)
{
    AUTO_JSON *list = json_array();

    for (size_t i = 0; i < symbolizer->frame_count; i++) {
        const struct frame *frame = &symbolizer->frames[i];
        json_t *item = json_object();

        ASSERT(item && json_array_append_new(list, item) == 0);
        (void)json_object_set_new(item, "build_id", json_string(frame->build_id));
        (void)json_object_set_new(item, "offset", json_integer((json_int_t)frame->offset));
        (void)json_object_set_new(item, "function", json_string(frame->symbol.function));
        (void)json_object_set_new(item, "source", json_string(frame->symbol.source));
        (void)json_object_set_new(item, "line", json_integer((json_int_t)frame->symbol.line));
    }
    return json_text(list);
}

static void note(struct symbolizer *symbolizer)
{
    const struct signature_event event = {
        .category = symbolizer->category,
        .class = symbolizer->class,
        .component = symbolizer->component,
        .exit_status = -1,
        .signal = -1,
        .summary = "",
    };
    const char *functions[SIGNATURE_FRAMES];
    size_t count =
        symbolizer->frame_count < SIGNATURE_FRAMES ? symbolizer->frame_count : SIGNATURE_FRAMES;
    AUTO_FREE char *json = symbols_json(symbolizer);
    uint8_t key[HASH_BYTES];

    for (size_t i = 0; i < count; i++)
        functions[i] = symbolizer->frames[i].symbol.function;
    signature_of_functions(&event, functions, count, key);
    /* Without a name for the innermost frame all would look the same. */
    store_symbol_done(symbolizer->place.db, symbolizer->issue, json,
                      symbolizer->frames[0].symbol.function[0] ? key : NULL, on_noted, symbolizer);
}

/* --- looking -----------------------------------------------------------------------------------
 */

/* Lines came only for frames whose file is there. */
static bool take_output(struct symbolizer *symbolizer, struct err *err)
{
    struct symbol symbols[SYMBOLS_MAX];
    char text[OUTPUT_BYTES_MAX];
    ssize_t len = pread(symbolizer->output, text, sizeof(text), 0);
    size_t count = 0;

    for (size_t i = 0; i < symbolizer->frame_count; i++)
        count += symbolizer->frames[i].has_file;
    if (len < 0)
        return err_system(err, "could not read what slipway-symbolize said");
    if (!symbols_parse(text, (size_t)len, symbols, count, err))
        return false;
    for (size_t i = symbolizer->frame_count; i-- > 0;) {
        if (symbolizer->frames[i].has_file)
            symbolizer->frames[i].symbol = symbols[--count];
    }
    return true;
}

static void child_ended(struct symbolizer *symbolizer, int wait_status)
{
    int status = spawn_exit_status(wait_status);
    struct err err;

    if (status != 0)
        LOG_WARNING("symbolize.failed", "issue=%" PRId64 " status=%d", symbolizer->issue, status);
    else if (!take_output(symbolizer, &err))
        LOG_WARNING("symbolize.failed", "issue=%" PRId64 " error=%s", symbolizer->issue, err.text);
    cleanup_close(&symbolizer->output);
    symbolizer->output = -1;
    note(symbolizer);
}

static void on_look(void *arg)
{
    struct symbolizer *symbolizer = arg;
    int wait_status = 0;
    pid_t ended = waitpid(symbolizer->child, &wait_status, WNOHANG);

    if (ended == 0) {
        if (clock_mono_ms() > symbolizer->until_mono_ms)
            kill_child(symbolizer);
        loop_timer_set(symbolizer->look, LOOK_MS);
        return;
    }
    symbolizer->child = 0;
    child_ended(symbolizer, ended > 0 ? wait_status : -1);
}

/* A return address is behind its call: of callers the byte before it is looked up. */
static uint64_t address_of(const struct symbolizer *symbolizer, size_t i)
{
    uint64_t offset = symbolizer->frames[i].offset;

    return i > 0 && offset > 0 ? offset - 1 : offset;
}

static bool output_open(struct symbolizer *symbolizer, struct err *err)
{
    char path[ARTIFACT_PATH_ROOM];

    artifact_store_temp(symbolizer->place.symbols, path);
    symbolizer->output = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (symbolizer->output < 0)
        return err_system(err, "could not make '%s'", path);
    (void)unlink(path); /* it lives as long as its descriptors */
    return true;
}

static bool child_start(struct symbolizer *symbolizer, struct err *err)
{
    const char *argv[2 * SYMBOLS_MAX + 2] = {symbolizer->program};
    char paths[SYMBOLS_MAX][ARTIFACT_PATH_ROOM];
    char addresses[SYMBOLS_MAX][24];
    struct spawn_options options = {.memory_bytes = CHILD_MEMORY_BYTES_MAX,
                                    .cpu_s = CHILD_CPU_S_MAX,
                                    .own_group = true,
                                    .ends_with_us = true}; /* the loop is the main thread's */
    size_t count = 1;

    for (size_t i = 0; i < symbolizer->frame_count; i++) {
        AUTO_FREE char *address = mem_printf("%" PRIu64, address_of(symbolizer, i));

        if (!symbolizer->frames[i].has_file)
            continue;
        artifact_store_path(symbolizer->place.symbols, symbolizer->frames[i].file, paths[i]);
        ASSERT(text_copy(addresses[i], sizeof(addresses[i]), address));
        argv[count++] = paths[i];
        argv[count++] = addresses[i];
    }
    if (!output_open(symbolizer, err))
        return false;
    options.output_fd = symbolizer->output;
    return spawn_start(argv, &options, &symbolizer->child, err);
}

static void look_up(struct symbolizer *symbolizer)
{
    bool has_file = false;
    struct err err;

    for (size_t i = 0; i < symbolizer->frame_count; i++)
        has_file = has_file || symbolizer->frames[i].has_file;
    if (!has_file) {
        note(symbolizer);
    } else if (!child_start(symbolizer, &err)) {
        LOG_WARNING("symbolize.failed", "issue=%" PRId64 " error=%s", symbolizer->issue, err.text);
        symbolizer->child = 0;
        cleanup_close(&symbolizer->output);
        symbolizer->output = -1;
        note(symbolizer);
    } else {
        symbolizer->until_mono_ms = clock_mono_ms() + CHILD_MS_MAX;
        loop_timer_set(symbolizer->look, LOOK_MS);
    }
}

/* --- asking ------------------------------------------------------------------------------------
 */

static void read_frames(struct symbolizer *symbolizer, const struct db_result *result)
{
    symbolizer->issue = db_i64(result, 0, 0);
    (void)text_copy(symbolizer->category, WORD_ROOM, db_text(result, 0, 1));
    (void)text_copy(symbolizer->class, WORD_ROOM, db_text(result, 0, 2));
    (void)text_copy(symbolizer->component, WORD_ROOM, db_text(result, 0, 3));
    symbolizer->frame_count = db_rows(result) < SYMBOLS_MAX ? db_rows(result) : SYMBOLS_MAX;
    for (size_t i = 0; i < symbolizer->frame_count; i++) {
        struct frame *frame = &symbolizer->frames[i];

        *frame = (struct frame){.offset = (uint64_t)db_i64(result, i, 5)};
        (void)text_copy(frame->build_id, BUILD_ID_ROOM, db_text(result, i, 4));
        frame->has_file = db_bytes(result, i, 6, frame->file, HASH_BYTES);
    }
}

static void on_due(const struct db_result *result, const struct err *err, void *arg)
{
    struct symbolizer *symbolizer = arg;

    if (err || db_rows(result) == 0) {
        symbolizer->is_running = false; /* the next run asks again */
        return;
    }
    read_frames(symbolizer, result);
    look_up(symbolizer);
}

/* Above the last one: one that is due again at once waits for the next run. */
static void ask(struct symbolizer *symbolizer)
{
    store_symbol_due(symbolizer->place.db, symbolizer->issue, on_due, symbolizer);
}

void symbolizer_run(struct symbolizer *symbolizer)
{
    if (symbolizer->is_running)
        return;
    symbolizer->is_running = true;
    symbolizer->issue = 0;
    ask(symbolizer);
}
