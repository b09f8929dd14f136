/* `slipway-agent status`: read from the state folder's files, beside a running agent. */
#include <stdio.h>

#include "device-client/boot/boot.h"
#include "device-client/command.h"
#include "device-client/limits.h"
#include "device-client/report/queue.h"
#include "device-client/supervisor/config.h"
#include "device-client/supervisor/record.h"
#include "device-client/transport/transport.h"
#include "device-client/trust/trust.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"

struct facts {
    struct config config;
    struct record record;
    struct boot_status boot;
    bool has_boot;
    char device[HASH_HEX_ROOM];
    size_t queue_length;
    int64_t deferred_until_ms;
    struct tuf_set *set; /* or NULL */
};

static bool read_device(const char *state_dir, struct facts *out, struct err *err)
{
    AUTO_FREE char *path = state_path(state_dir, "identity.key");
    AUTO_SIGN_KEY struct sign_key *key = NULL;
    uint8_t id[HASH_BYTES];

    if (!sign_key_load(path, &key, err))
        return false;
    transport_device_id(key, id);
    text_from_hex_bytes(id, sizeof(id), out->device);
    return true;
}

static bool read_record(const char *state_dir, struct facts *out, struct err *err)
{
    AUTO_FREE char *path = state_path(state_dir, "record");

    return record_load(path, &out->record, err) || err->code == ERR_NOT_FOUND;
}

/* What can be read; a part that cannot is left empty. */
static bool read_facts(const char *state_dir, struct facts *out, struct err *err)
{
    AUTO_FREE char *queue_path = state_path(state_dir, "reports");
    AUTO_FREE char *metadata_dir = state_path(state_dir, "metadata");
    struct trust trust = {.dir = metadata_dir, .base = ""};
    const struct boot_backend *boot;
    struct err ignored = {0};

    if (!config_load(state_dir, &out->config, err) || !read_device(state_dir, out, err) ||
        !read_record(state_dir, out, err) ||
        !report_queue_count(queue_path, &out->queue_length, err) ||
        !deferral_load(state_dir, &out->deferred_until_ms, err))
        return false;
    boot = boot_backend_find(out->config.boot);
    out->has_boot = boot && boot->read(out->config.boot_file, &out->boot, &ignored);
    if (!trust_load(&trust, &out->set, &ignored))
        out->set = NULL;
    return true;
}

/* --- JSON
 * ------------------------------------------------------------------------------------------ */

static json_t *image_json(const struct image *image)
{
    char hex[HASH_HEX_ROOM];

    if (!image->known)
        return json_null();
    text_from_hex_bytes(image->sha256, HASH_BYTES, hex);
    return json_pack("{s:s, s:s, s:s, s:I, s:I}", "path", image->path, "version", image->version,
                     "sha256", hex, "counter", (json_int_t)image->release_counter, "length",
                     (json_int_t)image->length);
}

static json_t *slot_json(const struct facts *facts, enum slot slot)
{
    const char *state = "unknown";

    if (facts->has_boot)
        state = boot_slot_state_name(facts->boot.slots[slot].state);
    return json_pack("{s:s, s:o}", "boot", state, "image", image_json(&facts->record.slots[slot]));
}

static json_t *time_json(int64_t time_ms)
{
    char text[TEXT_TIME_ROOM];

    if (time_ms == 0)
        return json_null();
    text_from_time(time_ms, text);
    return json_string(text);
}

static json_t *metadata_json(const struct tuf_set *set)
{
    json_t *versions = json_object();

    for (int i = 0; set && i < TUF_ROLE_COUNT; i++) {
        enum tuf_role role = (enum tuf_role)i;
        uint64_t version = tuf_set_version(set, role);

        (void)json_object_set_new(versions, tuf_role_name(role), json_integer((json_int_t)version));
    }
    return versions;
}

/* What the device's trust rests on, and how old that is. */
static json_t *trust_json(const struct facts *facts)
{
    const struct record *record = &facts->record;
    int64_t now_ms = clock_now_ms();
    bool silent = record->walked_ms && now_ms - record->walked_ms > FRESH_MS_MAX;
    bool stale = record->offline_ms && now_ms - record->offline_ms > OFFLINE_MS_MAX;

    return json_pack(
        "{s:o, s:s, s:o, s:o, s:o, s:b, s:o, s:b}", "director_version",
        record->director_version ? json_integer((json_int_t)record->director_version) : json_null(),
        "director_bundle", record->director_bundle, "anchors_version",
        record->anchors_version ? json_integer((json_int_t)record->anchors_version) : json_null(),
        "trusted_time", time_json(record->trusted_ms), "walked", time_json(record->walked_ms),
        "no_fresh_metadata", silent, "offline_seen", time_json(record->offline_ms),
        "max_staleness_passed", stale);
}

static json_t *status_json(const struct facts *facts)
{
    const struct record *record = &facts->record;
    enum slot slot = (enum slot)record->running;

    return json_pack("{s:s, s:s, s:s, s:{s:o, s:o}, s:o, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, "
                     "s:o, s:I, s:o, s:o}",
                     "device", facts->device, "state", update_state_name(record->state), "slot",
                     slot_name(slot), "slots", "a", slot_json(facts, SLOT_A), "b",
                     slot_json(facts, SLOT_B), "installed", image_json(&record->slots[slot]),
                     "deployment", record->deployment, "reason", refusal_name(record->reason),
                     "detail", record->detail, "last_refusal", refusal_name(record->last_refusal),
                     "last_error", record->last_error, "assignment", (json_int_t)record->assignment,
                     "bytes", (json_int_t)record->bytes, "queue_length",
                     (json_int_t)facts->queue_length, "deferred_until",
                     time_json(facts->deferred_until_ms), "floor", (json_int_t)record->floor,
                     "metadata", metadata_json(facts->set), "trust", trust_json(facts));
}

/* --- text
 * ------------------------------------------------------------------------------------------ */

static void print_trust(const struct record *record)
{
    int64_t now_ms = clock_now_ms();

    if (record->director_version)
        (void)printf("director   version %llu\n", (unsigned long long)record->director_version);
    if (record->walked_ms && now_ms - record->walked_ms > FRESH_MS_MAX)
        (void)printf("warning    no fresh metadata for %lld hours\n",
                     (long long)((now_ms - record->walked_ms) / 3600000));
    if (record->offline_ms && now_ms - record->offline_ms > OFFLINE_MS_MAX)
        (void)printf("warning    nothing new was signed offline for %lld days\n",
                     (long long)((now_ms - record->offline_ms) / 86400000));
}

static void print_text(const struct facts *facts)
{
    const struct record *record = &facts->record;
    char until[TEXT_TIME_ROOM];

    (void)printf("device     %s\nstate      %s\n", facts->device, update_state_name(record->state));
    for (int i = 0; i < SLOT_COUNT; i++) {
        const struct image *image = &record->slots[i];

        (void)printf("slot %s     %s %s%s\n", slot_name((enum slot)i),
                     facts->has_boot ? boot_slot_state_name(facts->boot.slots[i].state) : "unknown",
                     image->known ? image->path : "(unknown content)",
                     (enum slot)i == (enum slot)record->running ? "  <- running" : "");
    }
    if (record->deployment[0])
        (void)printf("deployment %s\n", record->deployment);
    if (record->last_refusal != REFUSAL_NONE)
        (void)printf("refused    %s: %s\n", refusal_name(record->last_refusal), record->last_error);
    print_trust(record);
    if (facts->deferred_until_ms) {
        text_from_time(facts->deferred_until_ms, until);
        (void)printf("deferred   until %s\n", until);
    }
    (void)printf("reports    %zu waiting\n", facts->queue_length);
}

int command_status(int argc, char **argv)
{
    const char *state_dir = NULL;
    bool as_json = false;
    const struct option table[] = {
        {.name = "--state", .value = &state_dir, .required = true},
        {.name = "--json", .flag = &as_json},
    };
    AUTO_FREE struct facts *facts = mem_alloc(sizeof(*facts));
    struct err err = {0};

    if (!options_parse(argc, argv, table, COUNT(table)))
        return EXIT_USAGE;
    if (!read_facts(state_dir, facts, &err))
        return command_failed(&err);
    if (as_json) {
        AUTO_JSON *status = status_json(facts);
        AUTO_FREE char *text = json_text(status);

        (void)printf("%s\n", text);
    } else {
        print_text(facts);
    }
    tuf_set_free(facts->set);
    return EXIT_OK;
}
