/* One signed target, typed: what is not ours stays a plain target, what claims to be ours must be
 * complete. All its texts live in one piece of memory. */
#include <inttypes.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/tuf/internal.h"

/* --- memory ------------------------------------------------------------------------------------
 */

void tuf_target_done(struct tuf_target *target)
{
    mem_free(target->memory);
    *target = (struct tuf_target){0};
}

static const char *moved(const struct tuf_target *from, const char *text, const char *memory)
{
    if (!text || text < from->memory || text >= from->memory + from->memory_len)
        return text; /* made by hand, of literals */
    return memory + (text - from->memory);
}

void tuf_target_copy(const struct tuf_target *from, struct tuf_target *out)
{
    char *memory = from->memory ? mem_dup(from->memory, from->memory_len) : NULL;
    struct tuf_target copy = *from;
    const char **const texts[] = {
        &copy.path,
        &copy.role,
        &copy.entry,
        &copy.match,
        &copy.type,
        &copy.name,
        &copy.version,
        &copy.choice.ecu,
        &copy.choice.ecu_hwid,
        &copy.choice.action,
        &copy.choice.delta.path,
    };

    if (memory) {
        copy.memory = memory;
        for (size_t i = 0; i < COUNT(texts); i++)
            *texts[i] = moved(from, *texts[i], memory);
        for (size_t i = 0; i < copy.hwid_count; i++)
            copy.hwids[i] = moved(from, copy.hwids[i], memory);
        for (size_t i = 0; i < copy.require_count; i++) {
            copy.requires[i].type = moved(from, copy.requires[i].type, memory);
            copy.requires[i].name = moved(from, copy.requires[i].name, memory);
        }
    }
    *out = copy;
}

/* Its room was counted before: texts never move. */
static const char *keep(struct tuf_target *target, const char *text, size_t len, size_t room)
{
    char *at = target->memory + target->memory_len;

    ASSERT(target->memory_len + len + 1 <= room);
    memcpy(at, text, len);
    at[len] = '\0';
    target->memory_len += len + 1;
    return at;
}

/* --- fields ------------------------------------------------------------------------------------
 */

struct reading {
    const char *path;
    struct flat_value custom;
    struct flat_value match;
    size_t room;
    struct tuf_target *out;
};

static const char *keep_text(const struct reading *in, const char *text)
{
    return keep(in->out, text, strlen(text), in->room);
}

static bool read_word(const struct reading *in, struct flat_value object, const char *name,
                      const char **out, struct err *err)
{
    char word[TUF_WORD_MAX + 1];

    if (!tuf_field_text(object, name, word, sizeof(word), err))
        return false;
    if (!tuf_word_is_safe(word))
        return err_refuse(err, REFUSAL_NAME_UNSAFE, "%s '%s' of '%.80s' is not safe", name, word,
                          in->path);
    *out = keep_text(in, word);
    return true;
}

static bool read_hwids(const struct reading *in, struct err *err)
{
    struct tuf_target *out = in->out;
    struct flat_value hwids;

    if (!tuf_field_array(in->match, "hwids", TUF_HWIDS_MAX, &hwids, err))
        return false;
    for (struct flat_value at = flat_first(hwids); flat_some(at); at = flat_next(at)) {
        char hwid[TUF_WORD_MAX + 1];

        if (!flat_text_copy(at, hwid, sizeof(hwid)) || !tuf_word_is_safe(hwid))
            return err_refuse(err, REFUSAL_NAME_UNSAFE, "a hardware id of '%.80s' is not safe",
                              in->path);
        out->hwids[out->hwid_count++] = keep_text(in, hwid);
    }
    return out->hwid_count ||
           err_refuse(err, REFUSAL_JSON_STRICT, "'%.80s' is for no hardware", in->path);
}

static bool read_reverts(const struct reading *in, struct err *err)
{
    struct tuf_target *out = in->out;
    struct flat_value list;

    if (!tuf_field_optional_time(in->custom, "revert_until", &out->revert_until_ms, err))
        return false;
    if (!tuf_field_has(in->custom, "revert_to"))
        return true;
    if (!tuf_field_array(in->custom, "revert_to", TUF_REVERTS_MAX, &list, err))
        return false;
    for (struct flat_value at = flat_first(list); flat_some(at); at = flat_next(at)) {
        if (!flat_number(at, &out->revert_to[out->revert_count++]))
            return err_refuse(err, REFUSAL_JSON_STRICT,
                              "'revert_to' has an item that is no counter");
    }
    return true;
}

static bool read_requires(const struct reading *in, struct err *err)
{
    struct tuf_target *out = in->out;
    struct flat_value list;

    if (!tuf_field_has(in->custom, "requires"))
        return true;
    if (!tuf_field_array(in->custom, "requires", TUF_REQUIRES_MAX, &list, err))
        return false;
    for (struct flat_value at = flat_first(list); flat_some(at); at = flat_next(at)) {
        struct tuf_require *require = &out->requires[out->require_count++];

        if (!read_word(in, at, "type", &require->type, err) ||
            !read_word(in, at, "name", &require->name, err) ||
            !tuf_field_u64(at, "min_counter", 0, &require->min_counter, err))
            return false;
    }
    return true;
}

/* Files that are for devices of every kind, and of which some have neither name nor counter. */
static bool is_for_all(const char *type)
{
    static const char *const types[] = {"trust", "evidence", "config"};

    for (size_t i = 0; i < COUNT(types); i++) {
        if (text_equal(type, types[i]))
            return true;
    }
    return false;
}

static bool read_loose_match(const struct reading *in, struct err *err)
{
    struct tuf_target *out = in->out;

    return (!tuf_field_has(in->match, "name") ||
            read_word(in, in->match, "name", &out->name, err)) &&
           (!tuf_field_has(in->match, "version") ||
            read_word(in, in->match, "version", &out->version, err)) &&
           (!tuf_field_has(in->match, "hwids") || read_hwids(in, err)) &&
           tuf_field_optional(in->match, "release_counter", &out->release_counter, err);
}

static bool read_match(const struct reading *in, struct err *err)
{
    struct tuf_target *out = in->out;
    struct flat_value match;

    if (is_for_all(out->type))
        return read_loose_match(in, err);
    return tuf_field_object(in->custom, "match", &match, err) &&
           tuf_field_u64(in->match, "release_counter", 1, &out->release_counter, err) &&
           read_word(in, in->match, "name", &out->name, err) &&
           read_word(in, in->match, "version", &out->version, err) && read_hwids(in, err);
}

static bool read_custom(const struct reading *in, struct err *err)
{
    struct tuf_target *out = in->out;

    return read_match(in, err) &&
           tuf_field_optional(in->match, "security_epoch", &out->security_epoch, err) &&
           tuf_field_optional(in->custom, "floor", &out->floor, err) &&
           tuf_field_optional(in->custom, "stepping_stone", &out->stepping_stone, err) &&
           read_reverts(in, err) && read_requires(in, err);
}

/* --- a director's ------------------------------------------------------------------------------
 */

static bool read_path(const struct reading *in, struct flat_value object, const char *name,
                      const char **out, struct err *err)
{
    char path[TUF_PATH_MAX + 1];

    if (!tuf_field_text(object, name, path, sizeof(path), err))
        return false;
    if (!tuf_path_is_safe(path))
        return err_refuse(err, REFUSAL_NAME_UNSAFE, "the %s of '%.80s' is not safe", name,
                          in->path);
    *out = keep_text(in, path);
    return true;
}

static bool read_hash(struct flat_value object, const char *name, uint8_t out[HASH_BYTES],
                      struct err *err)
{
    return flat_hex(flat_get(object, name), out, HASH_BYTES) ||
           err_refuse(err, REFUSAL_JSON_STRICT, "'%s' is missing or not a SHA-256", name);
}

static bool read_delta(const struct reading *in, struct err *err)
{
    struct tuf_delta *out = &in->out->choice.delta;
    struct flat_value delta;
    struct flat_value from;

    if (!tuf_field_has(in->custom, "delta"))
        return true;
    out->present = true;
    return tuf_field_object(in->custom, "delta", &delta, err) &&
           tuf_field_object(delta, "from", &from, err) &&
           read_path(in, delta, "path", &out->path, err) &&
           tuf_field_u64(delta, "length", 1, &out->length, err) &&
           tuf_field_u64(delta, "header_length", 1, &out->header_length, err) &&
           read_hash(delta, "header_sha256", out->header_sha256, err) &&
           tuf_field_u64(from, "length", 1, &out->from_length, err) &&
           read_hash(from, "sha256", out->from_sha256, err) &&
           tuf_field_optional(delta, "mem", &out->memory, err);
}

/* Which ECUs they are is director.c's question; here the first one. */
static bool read_ecu(const struct reading *in, struct err *err)
{
    struct tuf_choice *out = &in->out->choice;
    char ecu[TUF_ROLE_NAME_MAX + 1];
    struct flat_value ecus;

    if (!tuf_field_object(in->custom, "ecus", &ecus, err))
        return false;
    if (!flat_text_copy(flat_key(flat_first(ecus)), ecu, sizeof(ecu)))
        return err_refuse(err, REFUSAL_ECU_UNKNOWN, "'%.80s' is for no device part we know",
                          in->path);
    out->ecu = keep_text(in, ecu);
    return read_word(in, flat_first(ecus), "hwid", &out->ecu_hwid, err);
}

static bool read_choice(const struct reading *in, struct err *err)
{
    struct tuf_choice *out = &in->out->choice;

    if (!read_ecu(in, err) || !read_word(in, in->custom, "action", &out->action, err))
        return false;
    if (!text_equal(out->action, "install") && !text_equal(out->action, "downgrade"))
        return err_refuse(err, REFUSAL_JSON_STRICT, "'%s' is no action", out->action);
    return tuf_field_optional_time(in->custom, "not_before", &out->not_before_ms, err) &&
           tuf_field_optional_time(in->custom, "deadline", &out->deadline_ms, err) &&
           read_delta(in, err);
}

/* --- the whole ---------------------------------------------------------------------------------
 */

/* A director's entry has the type of its place. */
static bool read_type(const struct reading *in, bool is_choice, struct err *err)
{
    char type[TUF_WORD_MAX + 1] = "";
    size_t len = strcspn(in->path, "/");

    if (!is_choice || tuf_field_has(in->custom, "type"))
        return read_word(in, in->custom, "type", &in->out->type, err);
    if (len >= sizeof(type))
        return err_refuse(err, REFUSAL_TYPE_ROLE_MISMATCH, "'%.80s' is of no type", in->path);
    memcpy(type, in->path, len);
    in->out->type = keep_text(in, type);
    return true;
}

/* The empty text is first, and what a text is that was not given. */
static void set_texts(struct tuf_target *target)
{
    const char **const texts[] = {
        &target->match,         &target->type,
        &target->name,          &target->version,
        &target->choice.ecu,    &target->choice.ecu_hwid,
        &target->choice.action, &target->choice.delta.path,
    };

    for (size_t i = 0; i < COUNT(texts); i++)
        *texts[i] = target->memory;
}

/* Everything that is kept is in the entry's canonical form, but path, role and a type; and match
 * and its own texts are in it twice. */
static bool prepare(struct reading *in, const char *role, struct flat_value entry, struct err *err)
{
    struct tuf_target *out = in->out;
    struct flat_value match = in->match;
    AUTO_BUF canonical;
    AUTO_BUF matched;

    buf_init(&canonical, TUF_TARGETS_BYTES_MAX);
    buf_init(&matched, TUF_TARGETS_BYTES_MAX);
    if (!flat_canonical(entry, &canonical, err) ||
        (flat_some(match) && !flat_canonical(match, &matched, err)))
        return tuf_malformed(err);
    in->room = 1 + 2 * (strlen(in->path) + 1) + strlen(role) + 1 + 2 * (canonical.len + 1) +
               matched.len + 1;
    out->memory = mem_alloc(in->room);
    (void)keep(out, "", 0, in->room);
    set_texts(out);
    out->path = keep_text(in, in->path);
    out->role = keep_text(in, role);
    out->entry = keep(out, buf_text(&canonical), canonical.len, in->room);
    if (flat_some(match))
        out->match = keep(out, buf_text(&matched), matched.len, in->room);
    return true;
}

static bool read_entry(struct reading *in, struct flat_value entry, bool is_choice, struct err *err)
{
    struct tuf_target *out = in->out;
    struct tuf_file file = {0};

    if (!tuf_field_u64(entry, "length", 0, &out->length, err) ||
        !tuf_hashes_parse(entry, in->path, &file, err))
        return false;
    out->has_sha256 = file.has_sha256;
    memcpy(out->sha256, file.sha256, sizeof(out->sha256));
    out->has_sha512 = file.has_sha512;
    memcpy(out->sha512, file.sha512, sizeof(out->sha512));
    out->is_typed = is_choice || flat_some(in->match) || tuf_field_has(in->custom, "type");
    if (!out->is_typed)
        return true;
    if (!out->has_sha256)
        return err_refuse(err, REFUSAL_NO_KNOWN_HASH, "'%.100s' has no sha256", in->path);
    return read_type(in, is_choice, err) && read_custom(in, err) &&
           (!is_choice || read_choice(in, err));
}

bool tuf_target_parse(const char *role, const char *path, struct flat_value entry, bool is_choice,
                      struct tuf_target *out, struct err *err)
{
    struct tuf_target target = {0};
    struct reading in = {.path = path,
                         .custom = flat_get(entry, "custom"),
                         .match = flat_get(flat_get(entry, "custom"), "match"),
                         .out = &target};

    if (!prepare(&in, role, entry, err) || !read_entry(&in, entry, is_choice, err)) {
        tuf_target_done(&target);
        return err_wrap(err, "'%.80s'", path);
    }
    *out = target;
    return true;
}

bool tuf_doc_target(const struct tuf_doc *doc, const char *path, struct tuf_target *out,
                    struct err *err)
{
    struct flat_value entry = flat_get(flat_get(tuf_doc_body(doc), "targets"), path);

    if (!flat_some(entry))
        return err_refuse(err, REFUSAL_TARGET_NOT_IN_IMAGE_REPO, "no signed target '%.120s'", path);
    return tuf_target_parse(doc->name, path, entry, false, out, err);
}

bool tuf_target_check(const struct tuf_target *target, const void *data, size_t len,
                      struct err *err)
{
    struct tuf_file file = {.has_sha256 = target->has_sha256, .has_sha512 = target->has_sha512};

    memcpy(file.sha256, target->sha256, sizeof(file.sha256));
    memcpy(file.sha512, target->sha512, sizeof(file.sha512));
    if (len != target->length)
        return err_refuse(err, REFUSAL_TARGET_LENGTH, "'%.100s' has %zu of %" PRIu64 " bytes",
                          target->path, len, target->length);
    return tuf_hashes_fit(&file, data, len) ||
           err_refuse(err, REFUSAL_TARGET_HASH, "'%.100s' is not what was signed", target->path);
}
