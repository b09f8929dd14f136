/* What is listed repeats what the offline roles signed (length, hash, match section, byte for
 * byte) and adds what only the director says: to which ECU, which action, which patch. */
#include "server/repo/director_compose.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"

enum director_due director_due(const struct store_director *facts, int64_t now_ms)
{
    if (facts->timestamp_version == 0 || facts->is_moved ||
        facts->targets_expires_ms - now_ms < DIRECTOR_TARGETS_RENEW_MS)
        return DIRECTOR_ALL;
    /* Kept from before the floor was raised: the device may know newer ones that we have lost. */
    if (facts->targets_version < facts->version_floor ||
        facts->snapshot_version < facts->version_floor)
        return DIRECTOR_ALL;
    /* A clock that was set back must not keep an old timestamp alive for ever. */
    if (now_ms - facts->signed_ms >= DIRECTOR_TIMESTAMP_RENEW_MS || facts->signed_ms > now_ms)
        return DIRECTOR_TIMESTAMP;
    return DIRECTOR_NOTHING;
}

int64_t director_version(int64_t previous, int64_t floor, int64_t now_ms)
{
    int64_t version = previous + 1;

    if (version < floor)
        version = floor;
    return version < now_ms ? now_ms : version;
}

struct director_versions director_versions(const struct store_director *facts,
                                           enum director_due due, int64_t now_ms)
{
    struct director_versions versions = {facts->targets_version, facts->snapshot_version,
                                         facts->timestamp_version};

    if (due == DIRECTOR_ALL) {
        versions.targets = director_version(versions.targets, facts->version_floor, now_ms);
        versions.snapshot = director_version(versions.snapshot, facts->version_floor, now_ms);
    }
    if (due != DIRECTOR_NOTHING)
        versions.timestamp = director_version(versions.timestamp, facts->version_floor, now_ms);
    return versions;
}

static json_t *document(const char *type, const struct store_director *facts, int64_t version,
                        int64_t expires_ms)
{
    char expires[TEXT_TIME_ROOM];
    json_t *body;

    text_from_time(expires_ms, expires);
    body = json_pack("{s:s, s:s, s:I, s:s, s:s}", "_type", type, "spec_version", "1.0.31",
                     "version", (json_int_t)version, "expires", expires, "x-device", facts->device);
    ASSERT(body);
    return body;
}

static void set_new(json_t *object, const char *name, json_t *value)
{
    int failed = json_object_set_new(object, name, value);

    ASSERT(failed == 0);
}

static json_t *delta_json(const struct store_director *facts)
{
    char sha256[HASH_HEX_ROOM];
    char header[HASH_HEX_ROOM];
    char from[HASH_HEX_ROOM];
    AUTO_FREE char *path = NULL;

    text_from_hex_bytes(facts->delta_sha256, HASH_BYTES, sha256);
    text_from_hex_bytes(facts->delta_header_sha256, HASH_BYTES, header);
    text_from_hex_bytes(facts->from_sha256, HASH_BYTES, from);
    path = mem_printf("deltas/%s", sha256);
    return json_pack("{s:s, s:I, s:I, s:s, s:{s:s, s:I}, s:I}", "path", path, "length",
                     (json_int_t)facts->delta_length, "header_length",
                     (json_int_t)facts->delta_header_length, "header_sha256", header, "from",
                     "sha256", from, "length", (json_int_t)facts->from_length, "mem",
                     (json_int_t)facts->delta_memory);
}

static bool target_json(const struct store_director *facts, json_t **out, struct err *err)
{
    AUTO_FREE char *ecu = mem_printf("%s-main", facts->device);
    AUTO_JSON *match = NULL;
    json_t *custom;
    char sha256[HASH_HEX_ROOM];

    if (!json_parse(facts->match, strlen(facts->match), &json_limits_metadata, &match, err))
        return err_wrap(err, "match of '%s'", facts->path);
    custom = json_pack("{s:O, s:{s:{s:s}}, s:s}", "match", match, "ecus", ecu, "hwid", facts->hwid,
                       "action", text_equal(facts->action, "downgrade") ? "downgrade" : "install");
    ASSERT(custom);
    if (facts->has_delta)
        set_new(custom, "delta", delta_json(facts));
    text_from_hex_bytes(facts->sha256, HASH_BYTES, sha256);
    *out = json_pack("{s:I, s:{s:s}, s:o}", "length", (json_int_t)facts->length, "hashes", "sha256",
                     sha256, "custom", custom);
    ASSERT(*out);
    return true;
}

bool director_targets(const struct store_director *facts, int64_t version, int64_t now_ms,
                      json_t **out, struct err *err)
{
    json_t *targets = json_object();
    json_t *target = NULL;
    char issued[TEXT_TIME_ROOM];
    json_t *body;

    if (facts->has_target && !target_json(facts, &target, err)) {
        json_decref(targets);
        return false;
    }
    if (target)
        set_new(targets, facts->path, target);
    body = document("targets", facts, version, now_ms + DIRECTOR_TARGETS_LIFE_MS);
    text_from_time(now_ms, issued);
    set_new(body, "x-bundle", json_string(facts->has_target ? facts->deployment : ""));
    set_new(body, "x-bundle-parts", json_integer(facts->has_target ? 1 : 0));
    set_new(body, "x-issued", json_string(issued));
    set_new(body, "targets", targets);
    *out = body;
    return true;
}

static json_t *listing(const char *file, int64_t version)
{
    json_t *meta = json_pack("{s:{s:I}}", file, "version", (json_int_t)version);

    ASSERT(meta);
    return meta;
}

json_t *director_snapshot(const struct store_director *facts,
                          const struct director_versions *versions, int64_t expires_ms)
{
    json_t *body = document("snapshot", facts, versions->snapshot, expires_ms);

    set_new(body, "meta", listing("targets.json", versions->targets));
    return body;
}

json_t *director_timestamp(const struct store_director *facts,
                           const struct director_versions *versions, int64_t now_ms)
{
    json_t *body =
        document("timestamp", facts, versions->timestamp, now_ms + DIRECTOR_TIMESTAMP_LIFE_MS);

    set_new(body, "meta", listing("snapshot.json", versions->snapshot));
    return body;
}
