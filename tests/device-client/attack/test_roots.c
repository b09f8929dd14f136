/*
 * Attacks on the chain of trust against the real agent, by their numbers in the attack table: each
 * is refused with its own code, in the status and in a report, and what was trusted stays.
 */
#include <criterion/criterion.h>

#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"
#include "lib/tuf/tuf.h"
#include "tests/support/agent_world.h"
#include "tests/support/program.h"
#include "tests/support/temp.h"

static struct agent_world w;

static void open_world(void)
{
    agent_world_open(&w);
}

static void close_world(void)
{
    agent_world_close(&w);
}

TestSuite(attack_roots, .init = open_world, .fini = close_world);

static struct forge_role *root(void)
{
    return forge_role(w.forge, "root");
}

static void set_threshold(int threshold)
{
    cr_assert_eq(json_object_set_new(forge_rule(w.forge, "root", "root"), "threshold",
                                     json_integer(threshold)),
                 0);
}

/* --- what is served as 2.root.json --------------------------------------------------------------
 */

static void old_keys_only(void)
{
    const struct test_key *old = root()->keys[0];

    forge_rotate(w.forge, "root");
    root()->keys[0] = old;
    forge_bump(w.forge, "root");
}

static void new_keys_only(void)
{
    forge_rotate(w.forge, "root");
    forge_bump(w.forge, "root");
}

static void too_few_signatures(void)
{
    root()->key_count = 0;
    forge_bump(w.forge, "root");
}

static void raised_threshold_not_reached(void)
{
    forge_add_key(w.forge, "root", "root", forge_key(w.forge));
    set_threshold(2);
    root()->key_count = 1;
    forge_bump(w.forge, "root");
}

static void serve_version(uint64_t version)
{
    AUTO_FREE char *name = mem_printf("%u.root.json", (unsigned)version);
    AUTO_FREE uint8_t *bytes = NULL;
    size_t len;

    forge_set_version(w.forge, "root", version);
    forge_put(w.forge, "root");
    len = forge_file(w.forge, name)->body.len;
    bytes = mem_dup(forge_file(w.forge, name)->body.data, len);
    forge_put_file(w.forge, "2.root.json", bytes, len);
}

static void version_too_high(void)
{
    serve_version(3);
}

static void same_version_again(void)
{
    serve_version(1);
}

static void one_signature_twice(void)
{
    forge_add_key(w.forge, "root", "root", forge_key(w.forge));
    set_threshold(2);
    root()->keys[1] = root()->keys[0];
    forge_bump(w.forge, "root");
}

/* A second name for a key that is listed: the hash of the same key with a field more. */
static void one_key_under_two_ids(void)
{
    json_t *copy = json_deep_copy(test_key_json(root()->keys[0]));
    json_t *keyids = json_object_get(forge_rule(w.forge, "root", "root"), "keyids");
    char id[TUF_KEYID_ROOM];
    struct err err = {0};

    cr_assert_eq(json_object_set_new(copy, "x-alias", json_true()), 0);
    cr_assert(tuf_keyid_of(copy, id, &err));
    cr_assert_eq(json_object_set_new(json_object_get(root()->body, "keys"), id, copy), 0);
    cr_assert_eq(json_array_append_new(keyids, json_string(id)), 0);
    set_threshold(2);
    forge_bump(w.forge, "root");
}

static void an_id_that_is_no_hash(void)
{
    const struct test_key *key = forge_key(w.forge);
    char id[TUF_KEYID_ROOM];

    cr_assert(text_copy(id, sizeof(id), test_key_id(key)));
    id[5] = id[5] == '0' ? '1' : '0';
    forge_list_key(w.forge, "root", "root", key, id);
    forge_bump(w.forge, "root");
}

static void expired(void)
{
    forge_set_expiry(w.forge, "root", -1);
    forge_bump(w.forge, "root");
    agent_world_publish(&w);
}

static const struct {
    const char *id, *what;
    void (*make)(void);
    const char *code, *asked, *kept;
} attacks[] = {
    {"T02", "a new root signed by old keys only", old_keys_only, "ROOT_NEW_THRESHOLD", "2.root",
     "1 1 1 1"},
    {"T03", "a new root signed by new keys only", new_keys_only, "ROOT_OLD_THRESHOLD", "2.root",
     "1 1 1 1"},
    {"T04", "a new root without enough signatures", too_few_signatures, "ROOT_OLD_THRESHOLD",
     "2.root", "1 1 1 1"},
    {"T04", "a new root below its own threshold", raised_threshold_not_reached,
     "ROOT_NEW_THRESHOLD", "2.root", "1 1 1 1"},
    {"T05", "2.root.json is version 3", version_too_high, "ROOT_VERSION", "2.root", "1 1 1 1"},
    {"T05", "2.root.json is version 1", same_version_again, "ROOT_VERSION", "2.root", "1 1 1 1"},
    {"T06", "one key's signature twice", one_signature_twice, "SIG_DUPLICATE_KEYID", "2.root",
     "1 1 1 1"},
    {"T07", "one key under two ids", one_key_under_two_ids, "KEY_DUPLICATE", "2.root", "1 1 1 1"},
    {"T08", "a keyid that is not its key's hash", an_id_that_is_no_hash, "KEYID_MISMATCH", "2.root",
     "1 1 1 1"},
    {"T09", "the last root has expired", expired, "ROOT_EXPIRED", "2.root 3.root", "2 1 1 1"},
};

Test(attack_roots, t02_to_t09_false_roots_are_refused_and_what_is_trusted_stays)
{
    for (size_t i = 0; i < COUNT(attacks); i++) {
        const char *id = attacks[i].id;

        cr_assert_eq(agent_world_check(&w), 0, "%s", program_said());
        (void)agent_world_asked(&w);
        attacks[i].make();
        (void)agent_world_check(&w);
        cr_expect_str_eq(agent_world_asked(&w), attacks[i].asked, "%s %s", id, attacks[i].what);
        cr_expect(agent_world_reported(&w, attacks[i].code), "%s %s", id, attacks[i].what);
        cr_expect(agent_world_refused(&w, attacks[i].code), "%s %s: %s", id, attacks[i].what,
                  program_said());
        cr_expect_str_eq(agent_world_kept(&w), attacks[i].kept, "%s %s", id, attacks[i].what);
        agent_world_again(&w);
    }
}

Test(attack_roots, t01_a_root_that_does_not_verify_itself_is_no_beginning)
{
    static const struct {
        const char *from, *to;
    } lies[] = {
        {"\"sig\":\"", "\"sig\":\"00"},
        {"\"signatures\":[", "\"signatures\":[],\"unsigned\":["},
        {"\"version\":1", "\"version\":2"},
        {"{", "["},
    };

    for (size_t i = 0; i < COUNT(lies); i++) {
        const struct buf *bytes = &forge_file(w.forge, "1.root.json")->body;
        AUTO_FREE char *planted = agent_world_path("metadata/root.json");

        forge_put(w.forge, "root");
        forge_alter(w.forge, "1.root.json", lies[i].from, lies[i].to);
        cr_expect_neq(agent_world_provision(&w, "other", bytes->data, bytes->len), 0);
        cr_expect_not(file_exists(temp_path("other/metadata/root.json")));
        /* And as if it had got there. */
        temp_write(planted, bytes->data, bytes->len);
        web_forget(w.web);
        (void)agent_world_check(&w);
        cr_expect_str_eq(agent_world_asked(&w), "", "T01 lie %zu: zero requests", i);
        cr_expect(agent_world_reported(&w, "ROOT_LOCAL_INVALID"), "T01 lie %zu", i);
        cr_expect(agent_world_refused(&w, "ROOT_LOCAL_INVALID"), "%s", program_said());
    }
}

Test(attack_roots, t10_a_chain_of_roots_without_end_is_walked_in_parts)
{
    for (int version = 2; version <= 301; version++)
        forge_bump(w.forge, "root");
    (void)agent_world_check(&w);
    cr_expect(agent_world_reported(&w, "ROOT_CHAIN_TOO_LONG"));
    cr_expect(agent_world_refused(&w, "ROOT_CHAIN_TOO_LONG"), "%s", program_said());
    cr_expect_str_eq(agent_world_kept(&w), "257 0 0 0");
    (void)agent_world_asked(&w);
    cr_assert_eq(agent_world_check(&w), 0, "%s", program_said());
    cr_expect(text_starts_with(agent_world_asked(&w), "258.root "));
    cr_expect_str_eq(agent_world_kept(&w), "301 1 1 1");
}
