#include "signer/desk.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"
#include "lib/tuf/tuf.h"
#include "tests/support/softhsm.h"
#include "tests/support/temp.h"

#define DEVICE "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static const int64_t hour_ms = 3600LL * 1000;
static const int64_t now_ms = 1795395023000;

struct bench {
    struct key_options key_options;
    struct desk_options options;
    struct desk *desk;
};

static void open_bench(struct bench *bench, const struct key_backend *backend)
{
    struct err err = {0};

    bench->key_options = (struct key_options){.dir = temp_path("keys"),
                                              .module = softhsm_module(),
                                              .token = SOFTHSM_TOKEN,
                                              .pin_file = softhsm_pin_file()};
    bench->options = (struct desk_options){.dir = temp_path("tenants"), .keys.backend = backend};
    cr_assert(backend->open(&bench->key_options, &bench->options.keys.self, &err), "%s", err.text);
    cr_assert(desk_open(&bench->options, &bench->desk, &err), "%s", err.text);
}

static void close_bench(struct bench *bench)
{
    desk_close(bench->desk);
    bench->options.keys.backend->close(bench->options.keys.self);
}

static void ask(const struct bench *bench, const struct signer_ask *ask, struct signer_answer *out)
{
    AUTO_BUF frame;

    buf_init(&frame, SIGNER_FRAME_BYTES_MAX);
    signer_ask_format(ask, &frame);
    desk_answer(bench->desk, frame.data + 4, frame.len - 4, now_ms, out);
}

static struct signer_keys keys_of(const struct bench *bench, const char *tenant)
{
    struct signer_ask keys = {.op = SIGNER_KEYS};
    struct signer_answer answer;

    (void)text_copy(keys.tenant, sizeof(keys.tenant), tenant);
    ask(bench, &keys, &answer);
    cr_assert(!answer.refused, "%s", answer.err.text);
    return answer.keys;
}

static void sign(const struct bench *bench, enum signer_label label, const char *device,
                 const char *text, struct signer_answer *out)
{
    struct signer_ask request = {.op = SIGNER_SIGN,
                                 .tenant = "t",
                                 .label = label,
                                 .data = (const uint8_t *)text,
                                 .len = strlen(text)};

    (void)text_copy(request.device, sizeof(request.device), device);
    ask(bench, &request, out);
}

/* Canonical; freed by the caller. */
static char *make(const char *type, int64_t version, const char *meta)
{
    char expires[TEXT_TIME_ROOM];

    text_from_time(now_ms + hour_ms, expires);
    return mem_printf("{\"_type\":\"%s\",\"expires\":\"%s\",\"meta\":{%s},"
                      "\"spec_version\":\"1.0.31\",\"version\":%" PRId64 "}",
                      type, expires, meta, version);
}

#define TARGETS_4 "\"targets.json\":{\"version\":4}"
#define OS_3 "\"os-a.json\":{\"version\":3}"

/* NULL: signed. */
static void expect(const struct bench *bench, const char *type, enum signer_label label,
                   int64_t version, const char *meta, const char *why)
{
    AUTO_FREE char *text = make(type, version, meta);
    struct signer_answer answer;

    sign(bench, label, "", text, &answer);
    cr_expect_eq(answer.refused, why != NULL, "%s: %s", text, answer.err.text);
    cr_expect(!why || strstr(answer.err.text, why), "%s: %s", text, answer.err.text);
}

/* Signs a snapshot and says that it is published. */
static void publish(const struct bench *bench, int64_t version, const char *meta, bool good)
{
    AUTO_FREE char *text = make("snapshot", version, meta);
    AUTO_FREE char *whole = NULL;
    struct signer_ask published = {.op = SIGNER_PUBLISHED, .tenant = "t"};
    struct signer_answer answer;
    char sig[SIGN_HEX_ROOM];

    sign(bench, SIGNER_SNAPSHOT, "", text, &answer);
    cr_assert(!answer.refused, "%s", answer.err.text);
    text_from_hex_bytes(answer.signature.sig, SIGN_BYTES, sig);
    whole = mem_printf("{ \"signed\":%s,\n \"signatures\":[{\"keyid\":\"%s\",\"sig\":\"%s\"}]}",
                       text, answer.signature.keyid, sig);
    if (!good)
        strstr(whole, "\"sig\":\"")[7] ^= 1;
    published.data = (const uint8_t *)whole;
    published.len = strlen(whole);
    ask(bench, &published, &answer);
    cr_expect_eq(answer.refused, !good, "%s", answer.err.text);
}

TestSuite(desk, .fini = temp_done);

Test(desk, each_tenant_has_keys_of_its_own_that_stay)
{
    struct bench bench = {0};
    struct signer_keys first;
    struct signer_keys other;
    struct signer_keys again;

    open_bench(&bench, &key_backend_file);
    first = keys_of(&bench, "a");
    other = keys_of(&bench, "b");
    close_bench(&bench);
    open_bench(&bench, &key_backend_file);
    again = keys_of(&bench, "a");

    cr_expect_arr_eq(&first, &again, sizeof(first));
    for (unsigned i = 0; i < SIGNER_LABEL_COUNT; i++) {
        cr_expect_arr_neq(first.public_key[i], other.public_key[i], SIGN_PUBLIC_BYTES);
        cr_expect_arr_neq(first.public_key[i], first.public_key[(i + 1) % SIGNER_LABEL_COUNT],
                          SIGN_PUBLIC_BYTES);
    }
    close_bench(&bench);
}

/* --- exchanging keys ---------------------------------------------------------------------------
 */

static struct signer_keys next_of(const struct bench *bench, enum signer_label label)
{
    struct signer_answer answer;

    ask(bench, &(struct signer_ask){.op = SIGNER_NEXT, .tenant = "t", .label = label}, &answer);
    cr_assert(!answer.refused, "%s", answer.err.text);
    return answer.keys;
}

/* By the key with this public half; the signature is the key's own when it is not refused. */
static bool signs_by(const struct bench *bench, int64_t version, const uint8_t *key)
{
    AUTO_FREE char *text = make("snapshot", version, TARGETS_4);
    struct signer_ask request = {.op = SIGNER_SIGN,
                                 .tenant = "t",
                                 .label = SIGNER_SNAPSHOT,
                                 .data = (const uint8_t *)text,
                                 .len = strlen(text)};
    struct signer_answer answer;

    tuf_keyid(key, request.keyid);
    ask(bench, &request, &answer);
    if (!answer.refused)
        cr_expect(sign_check(key, text, strlen(text), answer.signature.sig));
    return !answer.refused;
}

Test(desk, a_next_key_takes_its_place_when_a_document_is_to_be_signed_by_it)
{
    struct bench bench = {0};
    struct signer_keys before;
    struct signer_keys asked;
    struct signer_keys after;
    struct err err;

    open_bench(&bench, &key_backend_file);
    before = keys_of(&bench, "t");
    asked = next_of(&bench, SIGNER_SNAPSHOT);
    cr_expect_arr_eq(asked.public_key, before.public_key, sizeof(before.public_key));
    cr_expect_arr_eq(next_of(&bench, SIGNER_SNAPSHOT).next[SIGNER_SNAPSHOT],
                     asked.next[SIGNER_SNAPSHOT], SIGN_PUBLIC_BYTES, "it is made once");
    cr_expect(signs_by(&bench, now_ms, before.public_key[SIGNER_SNAPSHOT]));
    cr_expect(signs_by(&bench, now_ms + 1, asked.next[SIGNER_SNAPSHOT]));
    cr_assert(desk_settle(bench.desk, &err));
    close_bench(&bench);

    open_bench(&bench, &key_backend_file);
    after = keys_of(&bench, "t");
    cr_expect_arr_eq(after.public_key[SIGNER_SNAPSHOT], asked.next[SIGNER_SNAPSHOT],
                     SIGN_PUBLIC_BYTES);
    cr_expect_arr_eq(after.public_key[SIGNER_TIMESTAMP], before.public_key[SIGNER_TIMESTAMP],
                     SIGN_PUBLIC_BYTES);
    cr_expect(signs_by(&bench, now_ms + 2, before.public_key[SIGNER_SNAPSHOT]),
              "the root that names the new one may not have been published");
    cr_expect_not(signs_by(&bench, now_ms + 1, after.public_key[SIGNER_SNAPSHOT]),
                  "versions go on over an exchange");
    (void)next_of(&bench, SIGNER_SNAPSHOT);
    cr_expect(signs_by(&bench, now_ms + 3, next_of(&bench, SIGNER_SNAPSHOT).next[SIGNER_SNAPSHOT]));
    cr_expect_not(signs_by(&bench, now_ms + 4, before.public_key[SIGNER_SNAPSHOT]),
                  "two exchanges later it is gone");
    close_bench(&bench);
}

Test(desk, the_next_key_of_the_time_serves_at_once)
{
    struct bench bench = {0};
    struct signer_keys before;
    struct signer_keys after;

    open_bench(&bench, &key_backend_file);
    before = keys_of(&bench, "t");
    after = next_of(&bench, SIGNER_TIME);
    cr_expect_arr_neq(after.public_key[SIGNER_TIME], before.public_key[SIGNER_TIME],
                      SIGN_PUBLIC_BYTES);
    cr_expect_arr_eq(keys_of(&bench, "t").public_key[SIGNER_TIME], after.public_key[SIGNER_TIME],
                     SIGN_PUBLIC_BYTES);
    close_bench(&bench);
}

static void signature_is_over_the_bytes(const struct key_backend *backend)
{
    AUTO_FREE char *text = make("snapshot", now_ms, TARGETS_4);
    struct bench bench = {0};
    struct signer_answer answer;
    struct signer_keys keys;

    open_bench(&bench, backend);
    keys = keys_of(&bench, "t");
    sign(&bench, SIGNER_SNAPSHOT, "", text, &answer);

    cr_assert(!answer.refused, "%s", answer.err.text);
    cr_expect(
        sign_check(keys.public_key[SIGNER_SNAPSHOT], text, strlen(text), answer.signature.sig));
    cr_expect_not(
        sign_check(keys.public_key[SIGNER_TIMESTAMP], text, strlen(text), answer.signature.sig));
    close_bench(&bench);
}

Test(desk, signs_with_a_sealed_file)
{
    signature_is_over_the_bytes(&key_backend_file);
}

Test(desk, signs_with_a_token, .init = softhsm_open)
{
    signature_is_over_the_bytes(&key_backend_pkcs11);
    signature_is_over_the_bytes(&key_backend_file);
}

Test(desk, signs_nothing_for_a_tenant_without_keys)
{
    AUTO_FREE char *text = make("snapshot", now_ms, TARGETS_4);
    struct bench bench = {0};
    struct signer_answer answer;

    open_bench(&bench, &key_backend_file);
    sign(&bench, SIGNER_SNAPSHOT, "", text, &answer);

    cr_expect(answer.refused);
    cr_expect_eq(answer.err.code, ERR_NOT_FOUND);
    close_bench(&bench);
}

static void import_is_exact(const struct key_backend *backend)
{
    AUTO_SIGN_KEY struct sign_key *old = sign_key_new();
    struct signer_ask import = {.op = SIGNER_IMPORT, .tenant = "t", .len = SIGNER_SEED_BYTES};
    struct bench bench = {0};
    struct signer_answer answer;
    struct signer_keys keys;
    uint8_t seed[SIGNER_SEED_BYTES];

    sign_key_seed(old, seed);
    import.data = seed;
    import.label = SIGNER_TIMESTAMP;
    open_bench(&bench, backend);
    ask(&bench, &import, &answer);
    cr_assert(!answer.refused, "%s", answer.err.text);
    ask(&bench, &import, &answer);
    cr_assert(!answer.refused, "the same again is fine: %s", answer.err.text);
    keys = keys_of(&bench, "t");
    cr_expect_arr_eq(keys.public_key[SIGNER_TIMESTAMP], sign_key_public(old), SIGN_PUBLIC_BYTES);

    import.label = SIGNER_SNAPSHOT; /* made by asking for the keys */
    ask(&bench, &import, &answer);
    cr_expect(answer.refused);
    cr_expect_eq(answer.err.code, ERR_CONFLICT);
    close_bench(&bench);
}

Test(desk, takes_a_key_only_where_there_is_none, .init = softhsm_open)
{
    import_is_exact(&key_backend_file);
    import_is_exact(&key_backend_pkcs11);
}

Test(desk, versions_rise_across_its_restart)
{
    struct bench bench = {0};
    struct err err = {0};

    open_bench(&bench, &key_backend_file);
    (void)keys_of(&bench, "t");
    expect(&bench, "snapshot", SIGNER_SNAPSHOT, now_ms, TARGETS_4, NULL);
    expect(&bench, "timestamp", SIGNER_TIMESTAMP, now_ms,
           "\"snapshot.json\":{\"version\":1795395023000}", NULL);
    cr_assert(desk_settle(bench.desk, &err), "%s", err.text);
    close_bench(&bench);
    open_bench(&bench, &key_backend_file);

    expect(&bench, "snapshot", SIGNER_SNAPSHOT, now_ms, TARGETS_4, "not above");
    expect(&bench, "timestamp", SIGNER_TIMESTAMP, now_ms,
           "\"snapshot.json\":{\"version\":1795395023000}", "not above");
    expect(&bench, "snapshot", SIGNER_SNAPSHOT, now_ms + 1, TARGETS_4, NULL);
    close_bench(&bench);
}

Test(desk, what_is_published_is_dropped_by_no_later_snapshot)
{
    struct bench bench = {0};
    struct err err = {0};

    open_bench(&bench, &key_backend_file);
    (void)keys_of(&bench, "t");
    publish(&bench, now_ms, OS_3 "," TARGETS_4, true);
    expect(&bench, "snapshot", SIGNER_SNAPSHOT, now_ms + 1, TARGETS_4, "drops or lowers");
    cr_assert(desk_settle(bench.desk, &err), "%s", err.text);
    close_bench(&bench);
    open_bench(&bench, &key_backend_file);

    expect(&bench, "snapshot", SIGNER_SNAPSHOT, now_ms + 2, TARGETS_4, "drops or lowers");
    expect(&bench, "snapshot", SIGNER_SNAPSHOT, now_ms + 3, OS_3 "," TARGETS_4, NULL);
    expect(&bench, "timestamp", SIGNER_TIMESTAMP, now_ms, "\"snapshot.json\":{\"version\":5}",
           "goes back");
    close_bench(&bench);
}

Test(desk, what_was_signed_and_never_published_binds_nothing_but_its_version)
{
    struct bench bench = {0};

    open_bench(&bench, &key_backend_file);
    (void)keys_of(&bench, "t");
    publish(&bench, now_ms, TARGETS_4, true);
    expect(&bench, "snapshot", SIGNER_SNAPSHOT, now_ms + 1, OS_3 "," TARGETS_4, NULL);

    expect(&bench, "snapshot", SIGNER_SNAPSHOT, now_ms + 2, TARGETS_4, NULL);
    close_bench(&bench);
}

Test(desk, says_up_to_which_version_it_signed)
{
    struct bench bench = {0};

    open_bench(&bench, &key_backend_file);
    cr_expect_eq(keys_of(&bench, "t").signed_max, 0);
    expect(&bench, "snapshot", SIGNER_SNAPSHOT, now_ms + 5, TARGETS_4, NULL);
    expect(&bench, "timestamp", SIGNER_TIMESTAMP, now_ms,
           "\"snapshot.json\":{\"version\":1795395023005}", NULL);

    cr_expect_eq(keys_of(&bench, "t").signed_max, (uint64_t)now_ms + 5);
    cr_expect_eq(keys_of(&bench, "other").signed_max, 0);
    close_bench(&bench);
}

Test(desk, believes_only_its_own_signature_about_what_is_published)
{
    struct bench bench = {0};

    open_bench(&bench, &key_backend_file);
    (void)keys_of(&bench, "t");
    publish(&bench, now_ms, OS_3 "," TARGETS_4, false);

    expect(&bench, "snapshot", SIGNER_SNAPSHOT, now_ms + 1, TARGETS_4, NULL);
    close_bench(&bench);
}

Test(desk, an_older_snapshot_takes_nothing_back_when_it_is_published_again)
{
    struct bench bench = {0};

    open_bench(&bench, &key_backend_file);
    (void)keys_of(&bench, "t");
    expect(&bench, "snapshot", SIGNER_SNAPSHOT, now_ms, TARGETS_4, NULL);
    publish(&bench, now_ms + 1, OS_3 "," TARGETS_4, true);

    expect(&bench, "snapshot", SIGNER_SNAPSHOT, now_ms + 2, TARGETS_4, "drops or lowers");
    close_bench(&bench);
}

Test(desk, a_device_gets_each_version_once)
{
    AUTO_FREE char *body = make("timestamp", now_ms, "\"snapshot.json\":{\"version\":5}");
    AUTO_FREE char *text =
        mem_printf("%.*s,\"x-device\":\"" DEVICE "\"}", (int)strlen(body) - 1, body);
    struct bench bench = {0};
    struct signer_answer answer;

    open_bench(&bench, &key_backend_file);
    (void)keys_of(&bench, "t");
    sign(&bench, SIGNER_DIRECTOR, DEVICE, text, &answer);
    cr_expect(!answer.refused, "%s", answer.err.text);
    sign(&bench, SIGNER_DIRECTOR, DEVICE, text, &answer);

    cr_expect(answer.refused);
    cr_expect(strstr(answer.err.text, "not above"), "%s", answer.err.text);
    close_bench(&bench);
}

Test(desk, signs_nothing_for_a_tenant_whose_state_is_damaged)
{
    AUTO_FREE char *path = mem_printf("%s/t.json", temp_path("tenants"));
    AUTO_FREE char *text = make("snapshot", now_ms, TARGETS_4);
    struct bench bench = {0};
    struct signer_answer answer;

    open_bench(&bench, &key_backend_file);
    temp_write(path, "{}", 2);
    sign(&bench, SIGNER_SNAPSHOT, "", text, &answer);

    cr_expect(answer.refused);
    cr_expect_eq(answer.err.code, ERR_SYSTEM);
    close_bench(&bench);
}

Test(desk, a_state_that_cannot_be_written_lets_no_answer_leave)
{
    AUTO_FREE char *moved = mem_printf("%s.moved", temp_path("tenants"));
    struct bench bench = {0};
    struct err err = {0};

    open_bench(&bench, &key_backend_file);
    (void)keys_of(&bench, "t");
    expect(&bench, "snapshot", SIGNER_SNAPSHOT, now_ms, TARGETS_4, NULL);
    cr_assert(file_rename(temp_path("tenants"), moved, &err), "%s", err.text);
    cr_expect_not(desk_settle(bench.desk, &err));
    expect(&bench, "snapshot", SIGNER_SNAPSHOT, now_ms, TARGETS_4, "not above");

    cr_assert(file_rename(moved, temp_path("tenants"), &err), "%s", err.text);
    cr_expect(desk_settle(bench.desk, &err), "it is written when it can be");
    close_bench(&bench);
}

Test(desk, a_key_file_opens_under_its_own_name_and_master_key_only)
{
    AUTO_FREE char *key = mem_printf("%s/t.snapshot.key", temp_path("keys"));
    AUTO_FREE char *other = mem_printf("%s/u.snapshot.key", temp_path("keys"));
    AUTO_FREE char *master = mem_printf("%s/master-key", temp_path("keys"));
    struct signer_ask keys = {.op = SIGNER_KEYS, .tenant = "u"};
    struct bench bench = {0};
    struct signer_answer answer;
    struct err err = {0};

    open_bench(&bench, &key_backend_file);
    (void)keys_of(&bench, "t");
    close_bench(&bench);
    cr_assert(file_rename(key, other, &err), "%s", err.text);
    open_bench(&bench, &key_backend_file);
    ask(&bench, &keys, &answer);
    cr_expect(answer.refused && strstr(answer.err.text, "another key"), "%s", answer.err.text);
    close_bench(&bench);

    cr_assert(file_rename(other, key, &err) && file_remove(master, &err), "%s", err.text);
    (void)text_copy(keys.tenant, sizeof(keys.tenant), "t");
    open_bench(&bench, &key_backend_file);
    ask(&bench, &keys, &answer);
    cr_expect(answer.refused && strstr(answer.err.text, "another master key"), "%s",
              answer.err.text);
    close_bench(&bench);
}

Test(desk, nonsense_is_answered_with_a_refusal)
{
    struct bench bench = {0};
    struct signer_answer answer;

    open_bench(&bench, &key_backend_file);
    desk_answer(bench.desk, "nonsense", 8, now_ms, &answer);

    cr_expect(answer.refused);
    cr_expect_eq(answer.err.code, ERR_INVALID);
    close_bench(&bench);
}
