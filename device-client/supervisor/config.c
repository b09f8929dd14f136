/* Small JSON files, each replaced in one durable step. */
#include "device-client/supervisor/config.h"

#include <string.h>

#include "device-client/limits.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"
#include "lib/wire/table.h"

#define TEXT(member)                                                                               \
    .offset = offsetof(struct config, member), .room = sizeof(((struct config *)0)->member)

/* clang-format off */
static const struct wire_field config_fields[] = {
    {.name = "server",    .kind = WIRE_TEXT, TEXT(server), .min = 1},
    {.name = "claim",     .kind = WIRE_TEXT, TEXT(claim)},
    {.name = "hwid",      .kind = WIRE_TEXT, TEXT(hwid), .min = 1},
    {.name = "slot_a",    .kind = WIRE_TEXT, TEXT(slot_a), .min = 1},
    {.name = "slot_b",    .kind = WIRE_TEXT, TEXT(slot_b), .min = 1},
    {.name = "boot",      .kind = WIRE_TEXT, TEXT(boot), .min = 1},
    {.name = "boot_file", .kind = WIRE_TEXT, TEXT(boot_file)},
    {.name = "health",    .kind = WIRE_TEXT, TEXT(health)},
    {.name = "ca_file",   .kind = WIRE_TEXT, TEXT(ca_file)},
    {.name = "timezone",  .kind = WIRE_TEXT, TEXT(timezone), .presence = WIRE_LATER},
    {.name = "pstore",    .kind = WIRE_TEXT, TEXT(pstore), .presence = WIRE_LATER},
    {.name = "reset_reason", .kind = WIRE_TEXT, TEXT(reset_reason), .presence = WIRE_LATER},
    {.name = "no_clock",  .kind = WIRE_BOOL, .offset = offsetof(struct config, no_clock), .presence = WIRE_LATER},
};
/* clang-format on */
static const struct wire_table config_table = {
    .fields = config_fields,
    .count = COUNT(config_fields),
    .size = sizeof(struct config),
    .reader = WIRE_REFUSE_UNKNOWN,
};

char *state_path(const char *state_dir, const char *name)
{
    return mem_printf("%s/%s", state_dir, name);
}

bool config_load(const char *state_dir, struct config *out, struct err *err)
{
    AUTO_FREE char *path = state_path(state_dir, "config.json");
    AUTO_BUF text;

    buf_init(&text, CONFIG_BYTES_MAX);
    if (!file_read(path, &text, err))
        return err_wrap(err, "this device is not provisioned");
    return wire_parse(&config_table, text.data, text.len, out, err) || err_wrap(err, "'%s'", path);
}

bool config_create(const char *state_dir, const struct config *config, struct err *err)
{
    AUTO_FREE char *path = state_path(state_dir, "config.json");
    AUTO_BUF text;

    buf_init(&text, CONFIG_BYTES_MAX);
    wire_format(&config_table, config, &text);
    ASSERT(!text.failed);
    return file_create(path, 0600, text.data, text.len, err);
}

bool claim_load(const char *state_dir, struct wire_claim_answer *out, struct err *err)
{
    AUTO_FREE char *path = state_path(state_dir, "claim.json");
    AUTO_BUF text;

    buf_init(&text, CONFIG_BYTES_MAX);
    return file_read(path, &text, err) &&
           (wire_claim_answer_parse(text.data, text.len, out, err) || err_wrap(err, "'%s'", path));
}

bool claim_save(const char *state_dir, const struct wire_claim_answer *claim, struct err *err)
{
    AUTO_FREE char *path = state_path(state_dir, "claim.json");
    AUTO_BUF text;

    buf_init(&text, CONFIG_BYTES_MAX);
    wire_claim_answer_format(claim, &text);
    ASSERT(!text.failed);
    return file_write(path, 0600, text.data, text.len, err);
}

bool claim_forget(const char *state_dir, struct err *err)
{
    AUTO_FREE char *path = state_path(state_dir, "claim.json");

    return file_remove(path, err);
}

bool deferral_load(const char *state_dir, int64_t *out_ms, struct err *err)
{
    AUTO_FREE char *path = state_path(state_dir, "deferred");
    AUTO_BUF text;

    buf_init(&text, TEXT_TIME_ROOM);
    *out_ms = 0;
    if (!file_read(path, &text, err))
        return err->code == ERR_NOT_FOUND;
    return text_to_time(buf_text(&text), text.len, out_ms) ||
           err_set(err, ERR_INVALID, "'%s' does not hold a time", path);
}

bool deferral_save(const char *state_dir, int64_t until_ms, struct err *err)
{
    AUTO_FREE char *path = state_path(state_dir, "deferred");
    char text[TEXT_TIME_ROOM];

    if (until_ms == 0)
        return file_remove(path, err);
    text_from_time(until_ms, text);
    return file_write(path, 0600, text, strlen(text), err);
}
