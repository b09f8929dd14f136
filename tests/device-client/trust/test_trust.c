#include "device-client/trust/trust.h"

#include <criterion/criterion.h>

#include "lib/base/text.h"
#include "tests/support/scripted.h"
#include "tests/support/temp.h"
#include "tests/support/tuf_repo.h"

Test(trust, metadata_is_stale_after_half_of_its_timestamp_s_life)
{
    cr_expect(trust_is_stale(0, 0, 5), "there is none");
    cr_expect(trust_is_stale(0, 100, 5), "never walked");
    cr_expect_not(trust_is_stale(100, 200, 149));
    cr_expect(trust_is_stale(100, 200, 150));
    cr_expect(trust_is_stale(100, 90, 100), "it expired");
}

/* --- small signed files ------------------------------------------------------------------------
 */

static const char anchors[] = "{\"_type\":\"anchors\",\"version\":1}";
enum { ANCHORS_BYTES = sizeof(anchors) - 1 };

/* A repository that signs trust/anchors.json with these bytes. */
static struct tuf_repo *repo_with_anchors(void)
{
    struct tuf_repo *repo = tuf_repo_new();
    uint8_t hash[HASH_BYTES];
    char hex[HASH_HEX_ROOM];

    hash_sha256(anchors, ANCHORS_BYTES, hash);
    text_from_hex_bytes(hash, sizeof(hash), hex);
    cr_assert_eq(
        json_object_set_new(repo->targets, "trust/anchors.json",
                            json_pack("{s:i, s:{s:s}, s:{s:s, s:{s:s, s:s, s:i, s:i}}}", "length",
                                      ANCHORS_BYTES, "hashes", "sha256", hex, "custom", "type",
                                      "trust", "match", "name", "anchors", "version", "1",
                                      "release_counter", 1, "security_epoch", 0)),
        0);
    tuf_repo_put_root(repo, 1);
    tuf_repo_publish(repo, 1);
    tuf_repo_trust(repo, "1.root.json");
    return repo;
}

static bool get_file(const char *path, const char *answer, const uint8_t *known, struct buf *out,
                     struct err *err)
{
    const struct scripted_answer script[] = {{.text = answer}};
    struct tuf_repo *repo = repo_with_anchors();
    struct scripted *server = scripted_start(script, answer ? 1 : 0);
    const struct transport_options options = {.origin = scripted_origin(server)};
    struct trust trust = {.dir = temp_dir(), .base = options.origin};
    struct tuf_set *set = NULL;
    bool ok;

    cr_assert(transport_open(&options, &trust.transport, err), "%s", err->text);
    cr_assert(tuf_repo_refresh(repo, &set, err), "%s", err->text);
    ok = trust_file(&trust, set, path, known, out, err);
    tuf_set_free(set);
    transport_close(trust.transport);
    (void)scripted_stop(server);
    tuf_repo_free(repo);
    return ok;
}

#define HEAD "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"

Test(trust_file, gives_only_the_bytes_that_were_signed, .fini = temp_done)
{
    static const struct {
        const char *what;
        const char *path;
        const char *answer;
        enum refusal refusal;
    } cases[] = {
        {"the file", "trust/anchors.json", HEAD "{\"_type\":\"anchors\",\"version\":1}",
         REFUSAL_NONE},
        {"another version", "trust/anchors.json", HEAD "{\"_type\":\"anchors\",\"version\":2}",
         REFUSAL_TARGET_HASH},
        {"a byte more", "trust/anchors.json", HEAD "{\"_type\":\"anchors\",\"version\":1} ",
         REFUSAL_TARGET_LENGTH},
        {"many bytes more", "trust/anchors.json",
         HEAD "{\"_type\":\"anchors\",\"version\":1}            ", REFUSAL_TARGET_LENGTH},
        {"a byte less", "trust/anchors.json", HEAD "{\"_type\":\"anchors\",\"version\":1",
         REFUSAL_TARGET_LENGTH},
        {"nothing there", "trust/anchors.json",
         "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n", REFUSAL_HTTP_STATUS},
        {"what nobody signed", "trust/other.json", NULL, REFUSAL_TARGET_NOT_IN_IMAGE_REPO},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct err err = {0};
        AUTO_BUF out;

        buf_init(&out, 1000);
        cr_expect_eq(get_file(cases[i].path, cases[i].answer, NULL, &out, &err),
                     cases[i].refusal == REFUSAL_NONE, "%s: %s", cases[i].what, err.text);
        cr_expect_eq(err.refusal, cases[i].refusal, "%s: %s", cases[i].what, err.text);
    }
}

Test(trust_file, fetches_nothing_that_is_known_and_nothing_too_long, .fini = temp_done)
{
    uint8_t known[HASH_BYTES];
    struct err err = {0};
    AUTO_BUF out;
    AUTO_BUF small;

    buf_init(&out, 1000);
    buf_init(&small, ANCHORS_BYTES);
    hash_sha256(anchors, ANCHORS_BYTES, known);
    cr_expect(get_file("trust/anchors.json", NULL, known, &out, &err), "%s", err.text);
    cr_expect_eq(out.len, 0);
    cr_expect_not(get_file("trust/anchors.json", NULL, NULL, &small, &err));
    cr_expect_eq(err.refusal, REFUSAL_LENGTH_LIMIT, "%s", err.text);
}
