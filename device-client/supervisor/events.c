/*
 * STATE/boot holds the kernel's boot id and a word: "running", or "stopped" once the agent was told
 * to end. Another boot id and still "running": the system went down under us. The kernel's own last
 * words are in pstore, the reason of a hardware reset in a file that the platform names.
 */
#include "device-client/supervisor/events.h"

#include <dirent.h>
#include <string.h>

#include "device-client/limits.h"
#include "device-client/report/spool.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/log/log.h"
#include "lib/os/file.h"

#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"
#define PSTORE_DIR "/sys/fs/pstore"
enum { BOOT_ID_BYTES_MAX = 64, BOOT_BYTES_MAX = 128, REASON_BYTES_MAX = 4096 };

static void event_init(struct wire_event_body *event, enum wire_category category,
                       const struct image *image)
{
    *event = (struct wire_event_body){.class = "os", .count = 1, .end_ms = clock_now_ms()};
    (void)text_copy(event->category, sizeof(event->category), wire_category_name(category));
    event->start_ms = event->end_ms;
    event->image.set = image->known;
    memcpy(event->image.bytes, image->sha256, HASH_BYTES);
}

static bool add(const struct agent *agent, const struct wire_event_body *event)
{
    AUTO_FREE char *dir = state_path(agent->state_dir, "events");
    struct err err = {0};

    if (spool_add(dir, event, &err))
        return true;
    LOG_WARNING("agent.event_lost", "category=%s because='%s'", event->category, err.text);
    return false;
}

/* --- the last start -----------------------------------------------------------------------------
 */

/* The first word of a small file; "" when there is none. */
static void read_word(const char *path, char *out, size_t room)
{
    struct err ignored = {0};
    AUTO_BUF text;

    buf_init(&text, REASON_BYTES_MAX);
    out[0] = '\0';
    if (!file_read(path, &text, &ignored))
        return;
    buf_add_u8(&text, 0);
    if (text.failed)
        return;
    ((char *)text.data)[strcspn(buf_text(&text), " \n")] = '\0';
    (void)text_copy(out, room, buf_text(&text)); /* a longer one is not ours */
}

static void write_boot(const struct agent *agent, const char *word)
{
    AUTO_FREE char *path = state_path(agent->state_dir, "boot");
    AUTO_FREE char *text = mem_printf("%s %s\n", agent->boot_id, word);
    struct err err = {0};

    if (!file_write(path, 0600, text, strlen(text), &err))
        LOG_WARNING("agent.boot_not_noted", "because='%s'", err.text);
}

/* Another start of the system than the one that last was noted as running? */
static bool was_cut(const struct agent *agent)
{
    AUTO_FREE char *path = state_path(agent->state_dir, "boot");
    struct err ignored = {0};
    char last[BOOT_ID_BYTES_MAX];
    AUTO_BUF text;

    buf_init(&text, BOOT_BYTES_MAX);
    read_word(path, last, sizeof(last));
    if (last[0] == '\0' || agent->boot_id[0] == '\0' || text_equal(last, agent->boot_id))
        return false;
    return file_read(path, &text, &ignored) && text_ends_with(buf_text(&text), " running\n");
}

static bool is_by_watchdog(const struct agent *agent)
{
    struct err ignored = {0};
    AUTO_BUF text;

    buf_init(&text, REASON_BYTES_MAX);
    return agent->config.reset_reason[0] &&
           file_read(agent->config.reset_reason, &text, &ignored) &&
           strcasestr(buf_text(&text), "watchdog") != NULL;
}

/* The line that says what it was, without level and time in front. */
static void find_panic(const char *log, char out[WIRE_SUMMARY_ROOM])
{
    static const char *const words[] = {"Kernel panic", "BUG: ", "Oops", "Unable to handle"};
    _Static_assert((int)WIRE_SUMMARY_ROOM == (int)WIRE_DETAIL_ROOM, "one is made like the other");
    AUTO_FREE char *line = NULL;

    for (size_t i = 0; i < COUNT(words); i++) {
        const char *found = strstr(log, words[i]);

        if (!found)
            continue;
        line = mem_strndup(found, strcspn(found, "\n"));
        wire_detail_copy(out, line);
        return;
    }
    wire_detail_copy(out, "the kernel left a log");
}

/* Each is told once, and then gone: that is how the kernel is told that it was seen. */
static bool tell_kernel_crashes(const struct agent *agent, const struct image *image)
{
    const char *dir = agent->config.pstore[0] ? agent->config.pstore : PSTORE_DIR;
    DIR *folder = opendir(dir);
    const struct dirent *entry;
    bool told = false;

    while (folder && (entry = readdir(folder)) != NULL) {
        AUTO_FREE char *path = mem_printf("%s/%s", dir, entry->d_name);
        struct wire_event_body event;
        struct err err = {0};
        AUTO_BUF text;

        buf_init(&text, KERNEL_LOG_BYTES_MAX);
        if (!text_starts_with(entry->d_name, "dmesg-") || !file_read(path, &text, &err))
            continue;
        event_init(&event, WIRE_KERNEL_CRASH, image);
        find_panic(buf_text(&text), event.summary);
        if (!told)
            told = add(agent, &event); /* several parts of one crash */
        if (told && !file_remove(path, &err))
            LOG_WARNING("agent.pstore_kept", "because='%s'", err.text);
    }
    if (folder)
        (void)closedir(folder); /* it was only read */
    return told;
}

void events_start(struct agent *agent)
{
    const struct record *record = &agent->record;
    const struct image *image = record->state == UPDATE_ACTIVATING
                                    ? &record->image /* it was being tried */
                                    : &record->slots[record->running];
    const char *id_file = agent->options.boot_id ? agent->options.boot_id : BOOT_ID_FILE;
    struct wire_event_body event;
    bool cut;

    read_word(id_file, agent->boot_id, sizeof(agent->boot_id));
    cut = was_cut(agent);
    if (!tell_kernel_crashes(agent, image) && cut) {
        event_init(&event, is_by_watchdog(agent) ? WIRE_WATCHDOG : WIRE_REBOOT, image);
        (void)add(agent, &event); /* what is lost was logged */
    }
    write_boot(agent, "running");
}

/* --- while it runs ------------------------------------------------------------------------------
 */

static void add_uptime(struct agent *agent)
{
    int64_t now_mono_ms = clock_mono_ms();
    int64_t up_ms = now_mono_ms - agent->up_mono_ms;
    struct wire_event_body event;

    if (up_ms < 1000)
        return;
    event_init(&event, WIRE_UPTIME, &agent->record.slots[agent->machine.running]);
    event.uptime_s = (uint64_t)up_ms / 1000;
    event.start_ms = event.end_ms - (int64_t)event.uptime_s * 1000;
    if (add(agent, &event))
        agent->up_mono_ms += (int64_t)event.uptime_s * 1000;
}

void events_collect(struct agent *agent)
{
    AUTO_FREE char *dir = state_path(agent->state_dir, "events");
    int64_t now_mono_ms = clock_mono_ms();
    int64_t asked_ms = (int64_t)agent->report_s * 500; /* each poll, however it is jittered */
    int64_t events_ms = asked_ms ? asked_ms : EVENTS_MS;
    int64_t uptime_ms = asked_ms ? asked_ms : UPTIME_MS;
    struct err err = {0};

    if (now_mono_ms - agent->up_mono_ms >= uptime_ms)
        add_uptime(agent);
    if (now_mono_ms - agent->told_mono_ms < events_ms)
        return;
    agent->told_mono_ms = now_mono_ms;
    if (!spool_take(dir, agent->queue, &err))
        LOG_WARNING("agent.events_not_taken", "because='%s'", err.text);
}

void events_stop(struct agent *agent)
{
    add_uptime(agent);
    write_boot(agent, "stopped");
}
