/*
 * facts (SQL) -> due? -> compose (pure) -> signer -> kept, if nobody was faster -> given out. What
 * is due is signed in one round trip: the documents name each other by version, and the versions
 * are known before.
 */
#include "server/repo/director.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/log/log.h"
#include "lib/tuf/tuf.h"
#include "server/repo/director_compose.h"
#include "server/repo/signer.h"

enum { PARTS = 3 };

struct refresh {
    struct director_place place;
    char keyid[HASH_HEX_ROOM];
    int64_t device_row;
    bool is_second_try;
    director_done_fn *done;
    void *arg;
    /* What will be kept. */
    struct store_director_save save;
    uint8_t delta_sha256[HASH_BYTES];
    size_t count;           /* of documents to be signed; the timestamp is the last */
    struct buf body[PARTS]; /* canonical "signed" bytes */
    struct buf document[PARTS];
};

static void drop_documents(struct refresh *refresh)
{
    for (size_t i = 0; i < PARTS; i++) {
        buf_done(&refresh->body[i]);
        buf_done(&refresh->document[i]);
    }
    refresh->count = 0;
}

static void end(struct refresh *refresh, const struct buf *timestamp, const struct err *err)
{
    refresh->done(timestamp, err, refresh->arg);
    drop_documents(refresh);
    mem_free(refresh);
}

static void fail(struct refresh *refresh, const struct err *err)
{
    end(refresh, NULL, err);
}

static void on_kept(const struct db_result *result, const struct err *err, void *arg)
{
    struct refresh *refresh = arg;
    struct err gone;
    AUTO_BUF timestamp;

    buf_init(&timestamp, TUF_TIMESTAMP_BYTES_MAX);
    if (err) {
        fail(refresh, err);
        return;
    }
    if (db_rows(result) == 0) {
        (void)err_set(&gone, ERR_NOT_FOUND, "there is no such metadata");
        fail(refresh, &gone);
        return;
    }
    db_bytes_add(result, 0, 0, &timestamp);
    end(refresh, &timestamp, NULL);
}

static void give_kept(struct refresh *refresh)
{
    store_director_part(refresh->place.db, refresh->device_row, STORE_DIRECTOR_TIMESTAMP, 0,
                        on_kept, refresh);
}

static void load(struct refresh *refresh);

static void on_saved(const struct db_result *result, const struct err *err, void *arg)
{
    struct refresh *refresh = arg;

    if (err) {
        fail(refresh, err);
    } else if (db_rows(result) > 0) {
        end(refresh, &refresh->document[refresh->count - 1], NULL);
    } else if (refresh->is_second_try) {
        give_kept(refresh);
    } else { /* somebody else was faster; look at what they made */
        refresh->is_second_try = true;
        drop_documents(refresh);
        load(refresh);
    }
}

static bool join(struct refresh *refresh, const struct signer_signature *signatures,
                 struct err *err)
{
    for (size_t i = 0; i < refresh->count; i++) {
        char sig[SIGN_HEX_ROOM];
        AUTO_JSON *list = NULL;

        text_from_hex_bytes(signatures[i].sig, SIGN_BYTES, sig);
        list = json_pack("[{s:s, s:s}]", "keyid", signatures[i].keyid, "sig", sig);
        buf_init(&refresh->document[i], TUF_TARGETS_BYTES_MAX);
        if (!tuf_join(&refresh->body[i], list, &refresh->document[i], err))
            return false;
    }
    return true;
}

static void on_signed(const struct signer_signature *signatures, size_t count,
                      const struct err *err, void *arg)
{
    struct refresh *refresh = arg;
    struct err own;

    if (!err && (count != refresh->count || !join(refresh, signatures, &own)))
        err = &own;
    if (err) {
        LOG_WARNING("director.not_signed", "device_row=%lld error='%s'",
                    (long long)refresh->device_row, err->text);
        fail(refresh, err);
        return;
    }
    refresh->save.timestamp = &refresh->document[refresh->count - 1];
    if (refresh->count == PARTS) {
        refresh->save.targets = &refresh->document[0];
        refresh->save.snapshot = &refresh->document[1];
    }
    store_director_save(refresh->place.db, &refresh->save, on_saved, refresh);
}

static bool add_body(struct refresh *refresh, json_t *body, struct err *err)
{
    AUTO_JSON *owned = body;
    struct buf *out = &refresh->body[refresh->count++];

    buf_init(out, SIGNER_MESSAGE_BYTES_MAX / 2);
    return json_canonical(owned, out, err);
}

static bool compose(struct refresh *refresh, const struct store_director *facts,
                    enum director_due due, int64_t now_ms, struct err *err)
{
    struct director_versions versions = director_versions(facts, due, now_ms);
    int64_t expires_ms =
        due == DIRECTOR_ALL ? now_ms + DIRECTOR_TARGETS_LIFE_MS : facts->targets_expires_ms;
    json_t *targets;

    refresh->save = (struct store_director_save){
        .device_id = refresh->device_row,
        .timestamp_version_before = facts->timestamp_version,
        .assignment = facts->assignment,
        .targets_version = versions.targets,
        .snapshot_version = versions.snapshot,
        .timestamp_version = versions.timestamp,
        .targets_expires_ms = expires_ms,
        .signed_ms = now_ms,
    };
    if (facts->has_delta) {
        __builtin_memcpy(refresh->delta_sha256, facts->delta_sha256, HASH_BYTES);
        refresh->save.delta_sha256 = refresh->delta_sha256;
    }
    if (due == DIRECTOR_ALL &&
        (!director_targets(facts, versions.targets, now_ms, &targets, err) ||
         !add_body(refresh, targets, err) ||
         !add_body(refresh, director_snapshot(facts, &versions, expires_ms), err)))
        return false;
    return add_body(refresh, director_timestamp(facts, &versions, now_ms), err);
}

static void ask_signer(struct refresh *refresh, const struct store_director *facts)
{
    struct signer_request requests[PARTS];

    for (size_t i = 0; i < refresh->count; i++)
        requests[i] = (struct signer_request){.tenant = facts->tenant,
                                              .label = SIGNER_DIRECTOR,
                                              .device = facts->device,
                                              .keyid = refresh->keyid,
                                              .data = refresh->body[i].data,
                                              .len = refresh->body[i].len};
    signer_sign(refresh->place.signer, requests, refresh->count, on_signed, refresh);
}

static void on_facts(const struct db_result *result, const struct err *err, void *arg)
{
    struct refresh *refresh = arg;
    int64_t now_ms = clock_now_ms();
    struct store_director facts;
    enum director_due due;
    struct err own;

    if (!err && !store_director_read(result, &facts)) {
        (void)err_set(&own, ERR_NOT_FOUND, "there is no such device");
        err = &own;
    }
    if (err) {
        fail(refresh, err);
        return;
    }
    due = director_due(&facts, now_ms);
    if (due == DIRECTOR_NOTHING)
        give_kept(refresh);
    else if (compose(refresh, &facts, due, now_ms, &own))
        ask_signer(refresh, &facts);
    else
        fail(refresh, &own);
}

static void load(struct refresh *refresh)
{
    store_director_load(refresh->place.db, refresh->device_row, on_facts, refresh);
}

void director_refresh(const struct director_place *place, int64_t device_row,
                      director_done_fn *done, void *arg)
{
    struct refresh *refresh = mem_alloc(sizeof(*refresh));

    refresh->place = *place;
    ASSERT(text_copy(refresh->keyid, sizeof(refresh->keyid), place->keyid));
    refresh->device_row = device_row;
    refresh->done = done;
    refresh->arg = arg;
    load(refresh);
}
