/* Commands over a folder of published documents, as on a machine without network. */
#include <criterion/criterion.h>

#include <string.h>

#include "cli/command.h"
#include "cli/trust/signers.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"
#include "tests/support/cli_call.h"
#include "tests/support/owner.h"
#include "tests/support/temp.h"

static const struct cli_command *const tables[] = {cli_keys_commands, cli_sign_commands, NULL};

static struct owner *owner;
static char *dir;

static void start(const char *profile)
{
    dir = mem_strdup(temp_dir());
    owner = owner_new(profile);
    owner_write(owner, temp_path("published"));
    temp_write(temp_path("image"), "hello", 5);
}

static void stop(void)
{
    owner_free(owner);
    mem_free(dir);
    temp_done();
}

/* `sign request WORDS`, into DIR/NAME. */
static int request(const char *name, const char *words)
{
    return cli_call(tables, "sign request %s --state %s/published --root %s/root.json --out %s/%s",
                    words, dir, owner->keys, dir, name);
}

static int sign(const char *name, const char *keys, const char *out)
{
    return cli_call(tables, "sign bundle %s/%s --keys %s/%s --root %s/root.json --out %s/%s --yes",
                    dir, name, owner->keys, keys, owner->keys, dir, out);
}

static json_t *response(const char *name)
{
    json_t *tree = NULL;
    struct err err = {0};
    AUTO_BUF text;

    buf_init(&text, BUNDLE_BYTES_MAX);
    cr_assert(file_read(temp_path(name), &text, &err), "%s", err.text);
    cr_assert(bundle_response_parse(text.data, text.len, &tree, &err), "%s", err.text);
    return tree;
}

Test(ceremony, gathers_a_threshold_from_machines_that_know_nothing_of_each_other)
{
    AUTO_BUNDLE bundle = {0};
    AUTO_JSON *first = NULL;
    AUTO_JSON *second = NULL;
    struct err err = {0};

    start("team");
    cr_assert_eq(request("renew.json", "renew --role root --role targets"), CLI_DONE, "%s",
                 cli_call_err());
    owner_read(temp_path("renew.json"), &bundle);
    cr_assert_eq(bundle.count, 2);
    cr_expect_eq(json_array_size(bundle.documents[0].signatures), 0, "no key at hand signed");
    cr_assert_eq(sign("renew.json", "root-1", "one.json"), CLI_DONE, "%s", cli_call_err());
    cr_expect(strstr(cli_call_out(), "root: version 1 -> 2"), "%s", cli_call_out());
    cr_assert_eq(sign("renew.json", "root-3", "two.json"), CLI_DONE, "%s", cli_call_err());
    first = response("one.json");
    second = response("two.json");
    cr_expect_not(owner_respond(owner, &bundle, first, &err));
    cr_expect_str_eq(refusal_name(err.refusal), "ROOT_OLD_THRESHOLD");
    cr_expect(owner_respond(owner, &bundle, second, &err), "%s", err.text);
    stop();
}

Test(ceremony, changes_root_by_old_and_new_keys)
{
    AUTO_FREE char *rotate = NULL;
    AUTO_BUNDLE bundle = {0};
    AUTO_JSON *nothing = bundle_response_new();
    struct err err = {0};

    start("team");
    cr_assert_eq(cli_call(tables, "keys new --dir %s/carol root", dir), CLI_DONE);
    rotate = mem_printf("rotate --role root --keys %s --remove root-3/root --add %s/carol/root.pub",
                        owner->keys, dir);
    /* with --keys, names are known, and the keys at hand sign */
    cr_assert_eq(request("rotate.json", rotate), CLI_DONE, "%s", cli_call_err());
    owner_read(temp_path("rotate.json"), &bundle);
    cr_expect_eq(json_array_size(bundle.documents[0].keyids), 4, "three old ones and a new one");
    cr_expect_eq(json_array_size(bundle.documents[0].signatures), 3);
    (void)json_array_clear(bundle.documents[0].signatures);
    cr_assert_eq(sign("rotate.json", "root-3", "old.json"), CLI_FAILED, "it has signed already");
    cr_expect_eq(request("same.json", "rotate --role root --remove nobody"), CLI_FAILED);
    cr_expect(strstr(cli_call_err(), "--remove"), "%s", cli_call_err());
    cr_expect_not(owner_respond(owner, &bundle, nothing, &err), "nobody signed");
    cr_expect_eq(err.code, ERR_UNTRUSTED);
    stop();
}

Test(ceremony, signs_nothing_that_it_cannot_show_or_that_nobody_asked_this_key_for)
{
    static const struct {
        const char *what;
        const char *from;
        const char *to;
        const char *words;
    } cases[] = {
        {"a lie about the bytes' hash", "\"sha256\":\"", "\"sha256\":\"00", "sha256"},
        {"other bytes", "\\\"version\\\":2", "\\\"version\\\":3", "version"},
        {"an unknown field", "\"note\":", "\"nota\":", "nota"},
        {"a context without roots", "\"roots\":[\"{", "\"roots\":[\"x", "published"},
    };
    AUTO_BUF text;
    struct err err = {0};

    start("team");
    buf_init(&text, BUNDLE_BYTES_MAX);
    cr_assert_eq(request("r.json", "renew --role targets"), CLI_DONE, "%s", cli_call_err());
    cr_assert(file_read(temp_path("r.json"), &text, &err));
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *at = strstr(buf_text(&text), cases[i].from);
        AUTO_FREE char *head = NULL;
        AUTO_FREE char *changed = NULL;

        cr_assert(at, "%s", cases[i].what);
        head = mem_strndup(buf_text(&text), (size_t)(at - buf_text(&text)));
        changed = mem_printf("%s%s%s", head, cases[i].to, at + strlen(cases[i].from));
        temp_write(temp_path("changed.json"), changed, strlen(changed));
        cr_expect_eq(sign("changed.json", "root-1", "x.json"), CLI_FAILED, "%s", cases[i].what);
        cr_expect(strstr(cli_call_err(), cases[i].words), "%s: %s", cases[i].what, cli_call_err());
        cr_expect_not(file_exists(temp_path("x.json")), "%s", cases[i].what);
    }
    cr_expect_eq(sign("r.json", "ci", "x.json"), CLI_FAILED);
    cr_expect(strstr(cli_call_err(), "none of the keys"), "%s", cli_call_err());
    cr_expect_eq(sign("r.json", "root-1", "x.json"), CLI_DONE, "%s", cli_call_err());
    cr_expect_eq(sign("r.json", "root-1", "x.json"), CLI_FAILED, "an answer is not replaced");
    stop();
}

Test(ceremony, believes_a_context_only_from_the_root_it_trusts)
{
    struct owner *other;
    AUTO_FREE char *line = NULL;

    start("solo");
    cr_assert_eq(request("r.json", "renew --role targets"), CLI_DONE, "%s", cli_call_err());
    other = owner_new("team");
    line =
        mem_printf("sign bundle %s/r.json --keys %s/ci --root %s/root.json --out %s/x.json --yes",
                   dir, owner->keys, other->keys, dir);
    cr_expect_eq(cli_call(tables, "%s", line), CLI_FAILED);
    cr_expect(strstr(cli_call_err(), "not made for the root"), "%s", cli_call_err());
    owner_free(other);
    stop();
}

Test(ceremony, refuses_a_folder_whose_files_were_exchanged)
{
    AUTO_BUF text;
    struct err err = {0};

    start("solo");
    buf_init(&text, TUF_TARGETS_BYTES_MAX);
    cr_assert(file_read(temp_path("published/1.os-h1.json"), &text, &err));
    text.data[text.len - 3] ^= 1;
    temp_write(temp_path("published/1.os-h1.json"), text.data, text.len);
    cr_expect_eq(request("r.json", "renew --all"), CLI_FAILED);
    cr_expect(strstr(cli_call_err(), "TARGETS_HASH"), "%s", cli_call_err());
    stop();
}

Test(ceremony, renews_what_is_due_and_says_when_nothing_is)
{
    AUTO_BUNDLE bundle = {0};

    start("team");
    cr_assert_eq(request("none.json", "renew"), CLI_DONE, "%s", cli_call_err());
    cr_expect(strstr(cli_call_out(), "nothing is due"), "%s", cli_call_out());
    cr_expect_not(file_exists(temp_path("none.json")));
    cr_assert_eq(request("due.json", "renew --within-days 366"), CLI_DONE, "%s", cli_call_err());
    owner_read(temp_path("due.json"), &bundle);
    cr_expect_eq(bundle.count, 5, "root, director's root, targets, two hardwares");
    stop();
}

Test(ceremony, lets_another_hardware_be_signed_for)
{
    AUTO_BUNDLE bundle = {0};
    AUTO_FREE char *words = NULL;

    start("team");
    words = mem_printf("targets --hwid h3 --key %s/ci/os.pub --key %s/human/os.pub --keys %s",
                       owner->keys, owner->keys, owner->keys);
    cr_assert_eq(request("h3.json", words), CLI_DONE, "%s", cli_call_err());
    owner_read(temp_path("h3.json"), &bundle);
    {
        struct err err = {0};

        cr_expect(owner_publish(owner, &bundle, &err), "%s", err.text);
    }
    cr_expect(binder_get(&owner->state.roles, "os-h3"));
    cr_expect_eq(request("again.json", words), CLI_DONE, "the folder is still the old one");
    owner_write(owner, temp_path("published"));
    cr_expect_eq(request("twice.json", words), CLI_FAILED);
    cr_expect(strstr(cli_call_err(), "delegated already"), "%s", cli_call_err());
    stop();
}

Test(ceremony, replaces_the_keys_at_hand_by_new_ones_beside_them)
{
    AUTO_FREE char *words = NULL;
    AUTO_BUNDLE bundle = {0};
    struct err err = {0};

    start("team");
    words = mem_printf("rotate --role os-h1 --keys %s", owner->keys);
    cr_assert_eq(request("os.json", words), CLI_DONE, "%s", cli_call_err());
    cr_expect(file_exists(temp_path("team/ci/os.2.key")));
    owner_read(temp_path("os.json"), &bundle);
    cr_expect_eq(bundle.count, 2, "targets name them, os-h1 is signed by them");
    cr_expect(owner_publish(owner, &bundle, &err), "%s", err.text);
    cr_expect_eq(request("none.json", "rotate --role os-h1"), CLI_FAILED,
                 "no key is at hand without --keys");
    cr_expect_eq(request("few.json", "rotate --role os-h1 --threshold 3"), CLI_FAILED);
    cr_expect(strstr(cli_call_err(), "threshold of 3"), "%s", cli_call_err());
    cr_expect_eq(request("x.json", "rotate --role nothing"), CLI_USAGE);
    stop();
}
