#include <criterion/criterion.h>

#include <string.h>

#include "lib/base/text.h"
#include "lib/tuf/tuf.h"
#include "tests/support/tuf_repo.h"

/* A root of four keys, made and signed with the openssl command: ECDSA under both names of its key
 * type, RSA-PSS, Ed25519; all four must have signed. The first key has a field of others beside
 * those its id is made over. */
/* clang-format off */
static const char four_schemes[] =
    "{\"signatures\":[{\"keyid\":\"8d6e82e52a8ef9414af3c7ecdf704b3c0f279387fc66e10f0d40a9dac932"
    "9005\",\"sig\":\"30460221008b2d05fa11c7e65c12c49f1c447838a0dcf484927af9e0e4153fe4e48d48510"
    "a0221008dc3f4ffca2f58e1bd4b1446668ed9857015dea23f016cbade6a922cb8f2498b\"},{\"keyid\":\"7f"
    "b947d2f57417ea1b009c06b975ad08d902b3243123dcdc0c804245e32f9167\",\"sig\":\"3045022023e9f19"
    "b64304292524db8accda13ff6d7ded8186473e8a6d1af00d2799a1ac20221008722783130b99831c611fe4bb31"
    "fdad81b416c555b18de6bf9a20f417d835f23\"},{\"keyid\":\"ef57268ecca79be6d99b63084b9996ea5bd4"
    "adc749a2ef97b411072fd47f5224\",\"sig\":\"2107fb329b65f8823c848aa8e6710c6bc40a946580eb97376"
    "0178c5cbe7382ae1c286ee3367a55208dd4a62c1f47e225f3543350b6cf5de1f4d3ec157d801462f67c4881e84"
    "76b622daa5081fd8a8eb7b6b55c47804758eef719827dccb189472c151aa435f904ec38eca233cc716ca2e3632"
    "9ebce8fb9143a040fdc912688597776ba273a93e72c4a9c19d88aef28d34c3f358c0327732e25e6fb4d89fdd33"
    "0f19681ca73ee0f879e4fcca1d308e30c123b04de4910eb785e66fba622f4a969af1c1290ba93719942d4c4d10"
    "b396e07ef9c96e5abbcc0bad0a8a1b4819216162b257fcabc7b9a889bfb87b5db0a9eb83350d0428d2ba22d170"
    "b4d60601a073c\"},{\"keyid\":\"e30586609b8ec03b60a4a3fc7d87690678319e283a8271003f78dab32911"
    "269a\",\"sig\":\"bebe1cc391fc56cb01e2b82391cfd4e0852d49b7fe82e84a9a63fa87cf9ef3c226f849de3"
    "0c4eb3a35244de1c10f044d0d8c2bf15f6ab047033a0bde2a76ea0d\"}],\"signed\":{\"_type\":\"root\""
    ",\"spec_version\":\"1.0\",\"version\":1,\"expires\":\"2036-01-01T00:00:00Z\",\"consistent_"
    "snapshot\":true,\"keys\":{\"8d6e82e52a8ef9414af3c7ecdf704b3c0f279387fc66e10f0d40a9dac93290"
    "05\":{\"keytype\":\"ecdsa\",\"scheme\":\"ecdsa-sha2-nistp256\",\"keyval\":{\"public\":\"--"
    "---BEGIN PUBLIC KEY-----\\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEFz178l4W6DmhgRoIaL3NmCauzFn"
    "j\\nbmtRZdGENcTY2UVNKtjQYu4l+GZ5lsMlg3E5tH3rbRuvGe9Fg4c/WPJDbQ==\\n-----END PUBLIC KEY----"
    "-\\n\"},\"x-tuf-on-ci-keyowner\":\"@somebody\"},\"7fb947d2f57417ea1b009c06b975ad08d902b324"
    "3123dcdc0c804245e32f9167\":{\"keytype\":\"ecdsa-sha2-nistp256\",\"scheme\":\"ecdsa-sha2-ni"
    "stp256\",\"keyval\":{\"public\":\"-----BEGIN PUBLIC KEY-----\\nMFkwEwYHKoZIzj0CAQYIKoZIzj0"
    "DAQcDQgAE0eyZnSvmvxEP40qdlvPnclUzasRf\\nT7uksqa2R6Jwj6rQDNiTbA7rWDOWta8V/BtD2ptGGqQ3YUNhma"
    "oBstKurQ==\\n-----END PUBLIC KEY-----\\n\"}},\"ef57268ecca79be6d99b63084b9996ea5bd4adc749a"
    "2ef97b411072fd47f5224\":{\"keytype\":\"rsa\",\"scheme\":\"rsassa-pss-sha256\",\"keyval\":{"
    "\"public\":\"-----BEGIN PUBLIC KEY-----\\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAvwGr"
    "23LDDQt8zTDl8DZi\\nSDDzyvgoKPzirPvxprzoo77Izou3kq/NGwZ22AVgLWjHo1zX8PXDnM9fGUQZqanC\\n6WLs"
    "7GscIyuzqSRz4DP+mGdMFlNQSI55gABSMt/9IQG4M94TjUZWVxi9xJvM9Tuh\\n2kLyh0uIeUjIESfD4T8kJLw+Bsq"
    "3iuH/tEuBwuvFJjINHRaXovdY+xBVrKHhbnx3\\nYk4TzI2RIV64aiJCzpxx37dDjt9df45QobBtk2LjLz62Ka8PN1"
    "9xA/73Gq1+rUKl\\nS3sxNLkY9qH/ahSeEcBmUlLDszl5VwRDjGv0HmkJs+Fljge/wpHIuswMS9CoS5Mh\\nAwIDAQ"
    "AB\\n-----END PUBLIC KEY-----\\n\"}},\"e30586609b8ec03b60a4a3fc7d87690678319e283a8271003f7"
    "8dab32911269a\":{\"keytype\":\"ed25519\",\"scheme\":\"ed25519\",\"keyval\":{\"public\":\"c"
    "0051e543d738bf5c67b75f26fa963ea81a7904108e4390d319910bb9c059745\"}}},\"roles\":{\"root\":{"
    "\"keyids\":[\"8d6e82e52a8ef9414af3c7ecdf704b3c0f279387fc66e10f0d40a9dac9329005\",\"7fb947d"
    "2f57417ea1b009c06b975ad08d902b3243123dcdc0c804245e32f9167\",\"ef57268ecca79be6d99b63084b99"
    "96ea5bd4adc749a2ef97b411072fd47f5224\",\"e30586609b8ec03b60a4a3fc7d87690678319e283a8271003"
    "f78dab32911269a\"],\"threshold\":4},\"timestamp\":{\"keyids\":[\"8d6e82e52a8ef9414af3c7ecd"
    "f704b3c0f279387fc66e10f0d40a9dac9329005\"],\"threshold\":1},\"snapshot\":{\"keyids\":[\"7f"
    "b947d2f57417ea1b009c06b975ad08d902b3243123dcdc0c804245e32f9167\"],\"threshold\":1},\"targe"
    "ts\":{\"keyids\":[\"ef57268ecca79be6d99b63084b9996ea5bd4adc749a2ef97b411072fd47f5224\"],\""
    "threshold\":1}}}}";
/* clang-format on */

static bool is_signed(const struct buf *text, struct err *err)
{
    *err = (struct err){0};
    return tuf_check_signed(text, text, err);
}

Test(keys, of_all_schemes_are_counted)
{
    static const char mark[] = "\"sig\":\"";
    struct err err;
    unsigned sigs = 0;
    AUTO_BUF text;

    buf_init(&text, sizeof(four_schemes));
    buf_add_text(&text, four_schemes);
    cr_assert(is_signed(&text, &err), "%s", err.text);
    for (char *at = (char *)text.data; (at = strstr(at, mark)); sigs++) {
        char *digit = at + strlen(mark) + 40;
        char was = *digit;

        *digit = was == '0' ? '1' : '0';
        cr_expect_not(is_signed(&text, &err));
        cr_expect_eq(err.refusal, REFUSAL_ROOT_OLD_THRESHOLD, "%s", err.text);
        *digit = was;
        at = digit;
    }
    cr_expect_eq(sigs, 4);
    cr_expect(is_signed(&text, &err), "%s", err.text);
}

Test(keys, are_refused_under_an_id_that_is_not_theirs)
{
    static const char mark[] = "\"scheme\":\"ecdsa-sha2-nistp256\"";
    struct err err;
    AUTO_BUF text;
    char *at;

    buf_init(&text, sizeof(four_schemes));
    buf_add_text(&text, four_schemes);
    at = strstr((char *)text.data, mark);
    cr_assert(at);
    at[strlen(mark) - 2] = '5'; /* an unknown scheme, if the id were its own */
    cr_expect_not(is_signed(&text, &err));
    cr_expect_eq(err.refusal, REFUSAL_KEYID_MISMATCH, "%s", err.text);
}

/* --- lengths that do not fit -------------------------------------------------------------------
 */

static json_t *listing_of(struct tuf_repo *repo, const char *name, json_int_t length)
{
    json_t *body = tuf_repo_snapshot(repo, 2, 1);
    json_t *file = json_object_get(json_object_get(body, "meta"), name);

    cr_assert_eq(json_object_set_new(file, "length", json_integer(length)), 0);
    cr_assert_eq(json_object_set_new(file, "version", json_integer(2)), 0);
    return body;
}

Test(lengths, beyond_the_limits_are_refused_before_anything_is_fetched)
{
    static const struct {
        json_int_t length;
        enum refusal refusal;
    } cases[] = {
        {0, REFUSAL_JSON_STRICT},
        {TUF_TARGETS_BYTES_MAX + 1, REFUSAL_LENGTH_LIMIT},
        {(INT64_C(1) << 26) - 1, REFUSAL_LENGTH_LIMIT},
        {INT64_C(1) << 26, REFUSAL_LENGTH_LIMIT},
        {(INT64_C(1) << 31) - 1, REFUSAL_LENGTH_LIMIT},
        {INT64_C(1) << 31, REFUSAL_LENGTH_LIMIT},
        {(INT64_C(1) << 32) - 1, REFUSAL_LENGTH_LIMIT},
        {INT64_C(1) << 32, REFUSAL_LENGTH_LIMIT},
        {(INT64_C(1) << 32) + 100, REFUSAL_LENGTH_LIMIT},
        {(INT64_C(1) << 53) - 1, REFUSAL_LENGTH_LIMIT},
        {INT64_C(1) << 53, REFUSAL_JSON_STRICT},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tuf_repo *repo = tuf_repo_new_updated();
        struct err err = {0};

        tuf_repo_put(repo, "2.snapshot.json", listing_of(repo, "targets.json", cases[i].length),
                     &repo->key_of[TUF_SNAPSHOT], 1);
        tuf_repo_put_timestamp(repo, 2, 2);
        cr_expect_not(tuf_repo_refresh(repo, NULL, &err));
        cr_expect_str_eq(refusal_name(err.refusal), refusal_name(cases[i].refusal), "case %zu: %s",
                         i, err.text);
        cr_expect_null(strstr(tuf_repo_fetched(repo), "2.targets.json"));
        tuf_repo_free(repo);
    }
}

Test(lengths, of_targets_are_kept_whole)
{
    static const uint64_t lengths[] = {0,
                                       1U << 26,
                                       (UINT64_C(1) << 31) - 1,
                                       UINT64_C(1) << 31,
                                       UINT64_C(1) << 32,
                                       (UINT64_C(1) << 53) - 1};

    for (size_t i = 0; i < COUNT(lengths); i++) {
        struct tuf_repo *repo = tuf_repo_new();
        json_t *entry = tuf_repo_entry("h1", 1, 1);
        struct tuf_set *set = NULL;
        AUTO_TUF_TARGET target = {0};
        const struct buf *file;
        struct err err = {0};

        cr_assert_eq(json_object_set_new(entry, "length", json_integer((json_int_t)lengths[i])), 0);
        cr_assert_eq(json_object_set_new(repo->targets, "os/h1/v1/a", entry), 0);
        tuf_repo_put_targets(repo, 1);
        file = tuf_repo_file(repo, "1.targets.json");
        cr_assert(tuf_set_of_targets(file->data, file->len, &set, &err), "%s", err.text);
        cr_assert(tuf_set_target(set, "os/h1/v1/a", &target, &err), "%s", err.text);
        cr_expect_eq(target.length, lengths[i]);
        tuf_set_free(set);
        tuf_repo_free(repo);
    }
}

Test(limits, of_a_device_are_smaller)
{
    static const size_t sizes[] = {131072, 131073};

    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct tuf_repo *repo = tuf_repo_new();
        struct tuf_set *set = NULL;
        struct buf *file;
        struct err err = {0};

        tuf_repo_put_root(repo, 1);
        tuf_repo_trust(repo, "1.root.json");
        tuf_repo_put_targets(repo, 1);
        file = tuf_repo_file(repo, "1.targets.json");
        while (file->len < sizes[i])
            buf_add_text(file, " ");
        tuf_repo_put_snapshot(repo, 1, 1);
        tuf_repo_put_timestamp(repo, 1, 1);
        cr_expect_eq(tuf_refresh(&repo->io, &tuf_limits_device, repo->now_ms, &set, &err), i == 0,
                     "%s", err.text);
        cr_expect_eq(err.refusal, i == 0 ? REFUSAL_NONE : REFUSAL_LENGTH_LIMIT);
        tuf_set_free(set);
        set = NULL;
        cr_expect(tuf_refresh(&repo->io, &tuf_limits_wide, repo->now_ms, &set, &err), "%s",
                  err.text);
        tuf_set_free(set);
        tuf_repo_free(repo);
    }
}

Test(hashes, of_sha512_are_enough_and_both_must_fit)
{
    static const struct {
        const char *what;
        bool sha256, sha512, wrong256, wrong512;
        enum refusal refusal;
    } cases[] = {
        {"both", true, true, false, false, REFUSAL_NONE},
        {"sha512 alone", false, true, false, false, REFUSAL_NONE},
        {"sha512 alone, wrong", false, true, false, true, REFUSAL_TARGETS_HASH},
        {"sha512 wrong", true, true, false, true, REFUSAL_TARGETS_HASH},
        {"sha256 wrong", true, true, true, false, REFUSAL_TARGETS_HASH},
        {"neither", false, false, false, false, REFUSAL_NO_KNOWN_HASH},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct tuf_repo *repo = tuf_repo_new_updated();
        const struct buf *file = tuf_repo_file(repo, "1.targets.json");
        json_t *hashes = json_pack("{s:s}", "md5", "00");
        json_t *body = tuf_repo_snapshot(repo, 2, 1);
        uint8_t digest[HASH512_BYTES];
        char hex[2 * HASH512_BYTES + 1];
        struct err err = {0};

        if (cases[i].sha256) {
            hash_sha256(file->data, file->len, digest);
            digest[0] ^= cases[i].wrong256;
            text_from_hex_bytes(digest, HASH_BYTES, hex);
            cr_assert_eq(json_object_set_new(hashes, "sha256", json_string(hex)), 0);
        }
        if (cases[i].sha512) {
            hash_sha512(file->data, file->len, digest);
            digest[0] ^= cases[i].wrong512;
            text_from_hex_bytes(digest, HASH512_BYTES, hex);
            cr_assert_eq(json_object_set_new(hashes, "sha512", json_string(hex)), 0);
        }
        cr_assert_eq(
            json_object_set_new(json_object_get(json_object_get(body, "meta"), "targets.json"),
                                "hashes", hashes),
            0);
        tuf_repo_put(repo, "2.snapshot.json", body, &repo->key_of[TUF_SNAPSHOT], 1);
        tuf_repo_put_timestamp(repo, 2, 2);
        tuf_repo_forget(repo, "targets.json");
        cr_expect_eq(tuf_repo_refresh(repo, NULL, &err), cases[i].refusal == REFUSAL_NONE);
        cr_expect_str_eq(refusal_name(err.refusal), refusal_name(cases[i].refusal), "%s: %s",
                         cases[i].what, err.text);
        tuf_repo_free(repo);
    }
}
