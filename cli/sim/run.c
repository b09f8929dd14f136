/* The whole run: make the fleet, turn until it ends, count. */
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/sim/fleet.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/crypto/token.h"
#include "lib/os/file.h"

enum {
    TURN_MS = 100,
    REDRAW_MS = 250,
    QUIET_MS_MIN = 3000,
    QUIET_INTERVALS = 3,
    OTHER_FILES = 64,           /* descriptors that are not connections */
    WAITING_PER_CONNECTION = 2, /* requests made before a connection is free */
};

/* --- start and end ------------------------------------------------------------------------------
 */

/* The soft limit of open files is often too low for many connections. */
static bool allow_files(uint64_t connections, struct err *err)
{
    rlim_t need = (rlim_t)connections + OTHER_FILES;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return err_system(err, "could not read the limit of open files");
    if (limit.rlim_cur >= need)
        return true;
    if (limit.rlim_max < need)
        return err_set(err, ERR_LIMIT,
                       "%" PRIu64 " connections need more open files than the %llu allowed",
                       connections, (unsigned long long)limit.rlim_max);
    limit.rlim_cur = need;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 ||
           err_system(err, "could not raise the limit of open files");
}

static bool check_options(const struct sim_options *options, struct err *err)
{
    if (strlen(options->claim) >= WIRE_TOKEN_ROOM)
        return err_set(err, ERR_INVALID, "the claim token is too long");
    if (!tuf_word_is_safe(options->hwid))
        return err_set(err, ERR_INVALID, "'%s' is not a hardware id", options->hwid);
    if (strlen(options->seed) > SIM_SEED_BYTES_MAX)
        return err_set(err, ERR_INVALID, "the seed is longer than %d bytes", SIM_SEED_BYTES_MAX);
    return true;
}

/* The root of trust is checked once, as a device does when it is provisioned. */
static bool read_root(struct fleet *fleet, struct document **out, struct err *err)
{
    const char *path = fleet->options->root;
    struct tuf_facts facts;
    AUTO_BUF text;

    buf_init(&text, TUF_ROOT_BYTES_MAX);
    if (!file_read(path, &text, err) || !tuf_peek(buf_text(&text), text.len, &facts, err))
        return err_wrap(err, "root of trust");
    if (facts.role != TUF_ROOT)
        return err_refuse(err, REFUSAL_WRONG_TYPE, "'%s' is no root", path);
    if (!tuf_check_signed(&text, &text, err))
        return err_wrap(err, "root of trust '%s'", path);
    *out = library_take(&fleet->library, text.data, text.len);
    return true;
}

static void make_members(struct fleet *fleet, struct document *root)
{
    const struct sim_options *options = fleet->options;
    int64_t now_mono_ms = clock_mono_ms();
    uint8_t epoch[WIRE_EPOCH_BYTES];
    uint8_t id[HASH_BYTES];

    fleet->members = mem_array(options->count, sizeof(fleet->members[0]));
    for (uint32_t i = 0; i < options->count; i++) {
        AUTO_SIGN_KEY struct sign_key *key = sim_identity_key(options->seed, i);
        struct member *member = &fleet->members[i];

        sim_identity_id(key, id);
        crypto_random(epoch, sizeof(epoch));
        sim_device_init(&member->device, i, id, epoch);
        member->device.installed = fleet->installed;
        member->trusted[TUF_ROOT] = document_ref(root);
        schedule_add(&fleet->schedule, i, now_mono_ms);
    }
    fleet->unsettled = options->count;
    fleet->busy_mono_ms = now_mono_ms;
}

static bool open_fleet(struct fleet *fleet, struct err *err)
{
    const struct sim_options *options = fleet->options;
    const struct client_options client = {
        .origin = options->url, .ca_file = options->ca_file, .user_agent = "slipway-simulator/1"};
    unsigned connections =
        (unsigned)(options->connections < options->count ? options->connections : options->count);
    struct document *root = NULL;
    uint8_t sha256[HASH_BYTES];

    if (!check_options(options, err) || !allow_files(connections, err) ||
        !read_root(fleet, &root, err))
        return false;
    if (options->installed &&
        text_to_hex_bytes(options->installed, strlen(options->installed), sha256, HASH_BYTES))
        fleet->installed = images_unlisted(fleet, sha256);
    message_attributes_hash(fleet, fleet->attributes_hash);
    make_members(fleet, root);
    document_unref(root);
    return client_pool_open(&client, connections, &fleet->pool, err);
}

static void close_fleet(struct fleet *fleet)
{
    client_pool_close(fleet->pool);
    LIST_EACH(item, &fleet->tasks)
    {
        task_free(LIST_OF(item, struct task, link));
    }
    for (size_t i = 0; fleet->members && i < fleet->options->count; i++) {
        sim_device_done(&fleet->members[i].device);
        for (size_t role = 0; role < TUF_ROLE_COUNT; role++)
            document_unref(fleet->members[i].trusted[role]);
    }
    mem_free(fleet->members);
    schedule_done(&fleet->schedule);
    document_unref(fleet->director);
    library_done(&fleet->directed);
    library_done(&fleet->library);
    images_done(fleet);
    mem_free(fleet->image_base);
    mem_free(fleet->tenant);
}

/* --- the live line ------------------------------------------------------------------------------
 */

static uint64_t count_claimed(const struct fleet *fleet)
{
    uint64_t claimed = 0;

    for (size_t i = 0; i < fleet->options->count; i++)
        claimed += fleet->members[i].device.claimed;
    return claimed;
}

static void draw(const struct fleet *fleet)
{
    const struct sim_summary *summary = &fleet->summary;
    uint64_t in_state[UPDATE_STATE_COUNT] = {0};
    char fetched[TEXT_SIZE_ROOM];

    for (size_t i = 0; i < fleet->options->count; i++)
        in_state[fleet->members[i].device.state]++;
    text_from_size(summary->bytes_fetched, fetched);
    (void)fprintf(fleet->options->progress,
                  "\r\033[K%" PRIu64 "/%" PRIu64 " claimed  %" PRIu64 " downloading  %" PRIu64
                  " staged  %" PRIu64 " succeeded  %" PRIu64 " rolled back  %s  %" PRIu64
                  " polls  %" PRIu64 " errors",
                  count_claimed(fleet), fleet->options->count, in_state[UPDATE_DOWNLOADING],
                  in_state[UPDATE_STAGED], summary->succeeded, summary->rolled_back, fetched,
                  summary->polls, summary->errors);
    (void)fflush(fleet->options->progress);
}

static void wipe(const struct fleet *fleet)
{
    (void)fprintf(fleet->options->progress, "\r\033[K");
    (void)fflush(fleet->options->progress);
}

/* --- turning ------------------------------------------------------------------------------------
 */

static bool is_over(struct fleet *fleet, int64_t start_mono_ms, int64_t now_mono_ms)
{
    const struct sim_options *options = fleet->options;
    int64_t quiet_ms = (int64_t)fleet->interval_s * QUIET_INTERVALS * 1000;

    if (fleet->stopping || *options->stop)
        return true;
    if (options->duration_s && now_mono_ms - start_mono_ms >= (int64_t)options->duration_s * 1000)
        return true;
    if (fleet->unsettled > 0)
        fleet->busy_mono_ms = now_mono_ms;
    if (quiet_ms < QUIET_MS_MIN)
        quiet_ms = QUIET_MS_MIN;
    return options->until_idle && now_mono_ms - fleet->busy_mono_ms >= quiet_ms;
}

/* Devices whose time has come begin, as long as the line for a connection is short. Until when
 * may be waited? */
static int wake_due(struct fleet *fleet, int64_t now_mono_ms)
{
    size_t pending_max = (size_t)fleet->options->connections * WAITING_PER_CONNECTION;
    uint32_t index;

    while (client_pool_pending(fleet->pool) < pending_max) {
        if (!schedule_take_due(&fleet->schedule, now_mono_ms, &index))
            return (int)schedule_wait_ms(&fleet->schedule, now_mono_ms, TURN_MS);
        fleet_step(fleet, &fleet->members[index]);
    }
    return TURN_MS;
}

static bool turn(struct fleet *fleet, struct err *err)
{
    int64_t start_mono_ms = clock_mono_ms();
    bool live = isatty(fileno(fleet->options->progress)) == 1;
    int64_t drawn_mono_ms = 0;
    int64_t now_mono_ms = start_mono_ms;
    bool good = true;

    while (good && !is_over(fleet, start_mono_ms, now_mono_ms)) {
        int wait_ms = wake_due(fleet, now_mono_ms);

        if (client_pool_pending(fleet->pool) > 0)
            good = client_pool_turn(fleet->pool, wait_ms, err);
        else
            (void)poll(NULL, 0, wait_ms); /* a signal ends it early */
        now_mono_ms = clock_mono_ms();
        if (live && now_mono_ms - drawn_mono_ms >= REDRAW_MS) {
            draw(fleet);
            drawn_mono_ms = now_mono_ms;
        }
    }
    if (live)
        wipe(fleet);
    fleet->stopping = true;
    return good;
}

bool sim_run(const struct sim_options *options, struct sim_summary *out, struct err *err)
{
    struct fleet fleet = {.options = options};
    bool good;

    library_init(&fleet.library);
    library_init(&fleet.directed);
    schedule_init(&fleet.schedule);
    list_init(&fleet.tasks);
    good = open_fleet(&fleet, err) && turn(&fleet, err);
    if (good && fleet.fatal.code != ERR_NONE) {
        *err = fleet.fatal;
        good = false;
    }
    if (good) {
        fleet.summary.devices = options->count;
        fleet.summary.claimed = count_claimed(&fleet);
        *out = fleet.summary;
    }
    close_fleet(&fleet);
    return good;
}
