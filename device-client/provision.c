/* `slipway-agent provision`: what the factory or the owner gives a device by hand. The root of
 * trust is one of these things and is never fetched. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "device-client/boot/file.h"
#include "device-client/command.h"
#include "device-client/slots/slots.h"
#include "device-client/supervisor/config.h"
#include "device-client/trust/trust.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"

struct provision {
    const char *server;
    const char *claim;
    const char *root;
    const char *hwid;
    const char *state;
    const char *slot_a;
    const char *slot_b;
    const char *boot_file;
    const char *health;
    const char *ca;
    const char *director_root;
    const char *timezone;
    const char *pstore;
    const char *reset_reason;
    bool no_clock;
};

/* The daemon's working folder is not ours: relative paths are made absolute. */
static bool copy_path(char out[CONFIG_PATH_ROOM], const char *path, struct err *err)
{
    AUTO_FREE char *here = NULL;
    AUTO_FREE char *absolute = NULL;
    char room[CONFIG_PATH_ROOM];

    if (!path) {
        out[0] = '\0';
        return true;
    }
    if (path[0] != '/') {
        if (!getcwd(room, sizeof(room)))
            return err_system(err, "could not find out where '%s' is", path);
        here = mem_strdup(room);
    }
    absolute = here ? mem_printf("%s/%s", here, path) : mem_strdup(path);
    return text_copy(out, CONFIG_PATH_ROOM, absolute) ||
           err_set(err, ERR_LIMIT, "the path '%s' is too long", path);
}

static bool copy_text(char *out, size_t room, const char *name, const char *text, struct err *err)
{
    return text_copy(out, room, text) || err_set(err, ERR_LIMIT, "%s is too long", name);
}

static bool copy_zone(struct config *out, const char *name, struct err *err)
{
    if (!name)
        return true;
    if (!copy_text(out->timezone, sizeof(out->timezone), "--timezone", name, err))
        return false;
    return clock_zone_set(name) ||
           err_set(err, ERR_INVALID, "--timezone: this system does not know '%s'", name);
}

static bool make_config(const struct provision *given, struct config *out, struct err *err)
{
    *out = (struct config){.boot = "file", .no_clock = given->no_clock};
    return copy_text(out->server, sizeof(out->server), "--server", given->server, err) &&
           copy_text(out->claim, sizeof(out->claim), "--claim", given->claim ? given->claim : "",
                     err) &&
           copy_text(out->hwid, sizeof(out->hwid), "--hwid", given->hwid, err) &&
           copy_zone(out, given->timezone, err) && copy_path(out->pstore, given->pstore, err) &&
           copy_path(out->reset_reason, given->reset_reason, err) &&
           copy_path(out->slot_a, given->slot_a, err) &&
           copy_path(out->slot_b, given->slot_b, err) &&
           copy_path(out->boot_file, given->boot_file, err) &&
           copy_path(out->health, given->health, err) && copy_path(out->ca_file, given->ca, err);
}

static bool check_slots(const struct config *config, struct err *err)
{
    struct slots slots;
    uint64_t size = 0;
    bool ok;

    slots_init(&slots, config->slot_a, config->slot_b);
    ok = slots_size(&slots, SLOT_A, &size, err) && slots_size(&slots, SLOT_B, &size, err);
    slots_done(&slots);
    return ok;
}

/* Of one of the repositories. */
static bool install_root(const char *state_dir, const char *folder, const char *root,
                         struct err *err)
{
    AUTO_FREE char *dir = state_path(state_dir, folder);
    struct trust trust = {.dir = dir, .base = ""};
    AUTO_BUF text;

    buf_init(&text, TUF_ROOT_BYTES_MAX);
    return file_make_dirs(dir, 0700, err) && file_read(root, &text, err) &&
           trust_install_root(&trust, text.data, text.len, err);
}

/* A key that an interrupted provisioning left behind is as good as a new one. */
static bool make_identity(const char *state_dir, struct sign_key **out, struct err *err)
{
    AUTO_FREE char *path = state_path(state_dir, "identity.key");
    AUTO_SIGN_KEY struct sign_key *key = NULL;

    if (file_exists(path))
        return sign_key_load(path, out, err);
    key = sign_key_new();
    if (!sign_key_save(key, path, err))
        return false;
    *out = TAKE(key);
    return true;
}

static bool make_boot_file(const char *path, struct err *err)
{
    if (boot_file_create(path, err) || err->code == ERR_CONFLICT) {
        *err = (struct err){0};
        return true;
    }
    return false;
}

/* The configuration is written last: with it the device is provisioned. */
static bool provision(const struct provision *given, struct sign_key **out, struct err *err)
{
    AUTO_FREE char *config_path = state_path(given->state, "config.json");
    struct config config;

    if (file_exists(config_path))
        return err_set(err, ERR_CONFLICT, "'%s' is provisioned already", given->state);
    return make_config(given, &config, err) && check_slots(&config, err) &&
           file_make_dirs(given->state, 0700, err) &&
           install_root(given->state, "metadata", given->root, err) &&
           (!given->director_root ||
            install_root(given->state, "director", given->director_root, err)) &&
           make_identity(given->state, out, err) && make_boot_file(config.boot_file, err) &&
           config_create(given->state, &config, err);
}

int command_provision(int argc, char **argv)
{
    struct provision given = {0};
    const struct option options[] = {
        {.name = "--server", .value = &given.server, .required = true},
        {.name = "--claim", .value = &given.claim},
        {.name = "--root", .value = &given.root, .required = true},
        {.name = "--hwid", .value = &given.hwid, .required = true},
        {.name = "--state", .value = &given.state, .required = true},
        {.name = "--slot-a", .value = &given.slot_a, .required = true},
        {.name = "--slot-b", .value = &given.slot_b, .required = true},
        {.name = "--boot-file", .value = &given.boot_file, .required = true},
        {.name = "--health", .value = &given.health},
        {.name = "--ca", .value = &given.ca},
        {.name = "--director-root", .value = &given.director_root},
        {.name = "--timezone", .value = &given.timezone},
        {.name = "--pstore", .value = &given.pstore},
        {.name = "--reset-reason", .value = &given.reset_reason},
        {.name = "--no-clock", .flag = &given.no_clock},
    };
    AUTO_SIGN_KEY struct sign_key *key = NULL;
    uint8_t id[HASH_BYTES];
    char hex[HASH_HEX_ROOM];
    struct err err = {0};

    if (!options_parse(argc, argv, options, COUNT(options)))
        return EXIT_USAGE;
    if (!provision(&given, &key, &err))
        return command_failed(&err);
    transport_device_id(key, id);
    text_from_hex_bytes(id, sizeof(id), hex);
    (void)printf("%s\n", hex);
    return EXIT_OK;
}
