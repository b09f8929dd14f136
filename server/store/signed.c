/* The words in it are safe ones (tuf_word_is_safe), so nothing needs escaping. */
#include "server/store/signed.h"

#include <inttypes.h>

enum { TEXT_MAX = 16 << 10 };

static const char *revert_to(const struct tuf_target *target, struct arena *arena)
{
    AUTO_BUF text;

    buf_init(&text, TEXT_MAX);
    buf_add_text(&text, "{");
    for (size_t i = 0; i < target->revert_count; i++)
        buf_printf(&text, "%s%" PRIu64, i ? "," : "", target->revert_to[i]);
    buf_add_text(&text, "}");
    return arena_strdup(arena, buf_text(&text));
}

static const char *requires(const struct tuf_target *target, struct arena *arena)
{
    AUTO_BUF text;

    buf_init(&text, TEXT_MAX);
    buf_add_text(&text, "[");
    for (size_t i = 0; i < target->require_count; i++)
        buf_printf(&text, "%s{\"type\":\"%s\",\"name\":\"%s\",\"min_counter\":%" PRIu64 "}",
                   i ? "," : "", target->requires[i].type, target->requires[i].name,
                   target->requires[i].min_counter);
    buf_add_text(&text, "]");
    return arena_strdup(arena, buf_text(&text));
}

void store_signed_of(const struct tuf_target *target, struct arena *arena, struct store_signed *out)
{
    *out = (struct store_signed){
        .path = target->path,
        .sha256 = target->sha256,
        .role = target->role,
        .entry = target->entry,
        .match = target->match,
        .floor = target->floor,
        .stepping_stone = target->stepping_stone,
        .revert_to = revert_to(target, arena),
        .revert_until_ms = target->revert_until_ms,
        .requires = requires(target, arena),
    };
}
