/*
 * Attacks by delegations and entries, found when the agent looks for what it was offered, by their
 * numbers in the attack table. Nothing is downloaded, nothing leaves the state folder.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"
#include "tests/support/agent_world.h"
#include "tests/support/program.h"
#include "tests/support/temp.h"

static const char path[] = "os/board/v2/rootfs.img";
static const char app_path[] = "app/board/demo/v2.img";
static const char content[] = "the image";

static struct agent_world w;

static void open_world(void)
{
    agent_world_open(&w);
}

static void close_world(void)
{
    agent_world_close(&w);
}

TestSuite(attack_roles, .init = open_world, .fini = close_world);

static void put_all(void)
{
    for (size_t i = 0; i < w.forge->role_count; i++) {
        if (json_object_get(w.forge->roles[i].body, "targets"))
            forge_bump(w.forge, w.forge->roles[i].name);
    }
    forge_snapshot(w.forge);
}

static void expect_refused(const char *id, const char *what, const char *code)
{
    bool is_app = json_object_get(
        json_object_get(forge_role(w.forge, w.forge->roles[w.forge->role_count - 1].name)->body,
                        "targets"),
        app_path);

    agent_world_offer(&w, is_app ? app_path : path, content);
    web_forget(w.web);
    (void)agent_world_check(&w);
    cr_expect(agent_world_reported(&w, code), "%s %s: %s", id, what, program_said());
    cr_expect_not(strstr(web_log(w.web), "/targets/"), "%s %s: %s", id, what, web_log(w.web));
    cr_expect(agent_world_refused(&w, code), "%s %s: %s", id, what, program_said());
}

/* --- the lies ----------------------------------------------------------------------------------
 */

static void t28_outside_its_paths(void)
{
    (void)forge_delegate(w.forge, "targets", "app-team", "app/*/*/*");
    (void)agent_world_target(&w, "app-team", path, content, 1);
}

static void t29_another_type(void)
{
    (void)forge_delegate(w.forge, "targets", "app-team", "app/*/*/*");
    (void)agent_world_target(&w, "app-team", app_path, content, 1);
}

static void t29_another_types_path(void)
{
    (void)forge_delegate(w.forge, "targets", "app-team", "os/*/*/*");
    (void)agent_world_target(&w, "app-team", path, content, 1);
}

static void t38_unknown_hashes_only(void)
{
    json_t *entry = agent_world_target(&w, "targets", path, content, 1);

    cr_assert_eq(
        json_object_set_new(entry, "hashes", json_pack("{s:s, s:s}", "md5", "00", "blake3", "00")),
        0);
}

static void t41_cycle(void)
{
    (void)forge_delegate(w.forge, "targets", "A", "os/*/*/*");
    (void)forge_delegate(w.forge, "A", "B", "os/*/*/*");
    (void)forge_delegate(w.forge, "B", "A", "os/*/*/*");
}

static void t41_chain_of_33(void)
{
    char from[16] = "targets";
    char to[16] = "";

    for (int role = 1; role <= 33; role++) {
        (void)snprintf(to, sizeof(to), "r%d", role);
        (void)forge_delegate(w.forge, from, to, "os/*/*/*");
        memcpy(from, to, sizeof(from));
    }
    (void)agent_world_target(&w, to, path, content, 1);
}

/* Signed for the first delegator, reached a second time by another one's keys. */
static void t41_diamond(void)
{
    (void)forge_delegate(w.forge, "targets", "A", "os/*/*/*");
    (void)forge_delegate(w.forge, "targets", "B", "os/*/*/*");
    (void)forge_delegate(w.forge, "A", "C", "os/*/*/*");
    (void)forge_delegate(w.forge, "B", "C", "os/*/*/*");
    forge_role(w.forge, "C")->key_count = 1;
}

static void below_its_threshold(void)
{
    json_t *rule = forge_delegate(w.forge, "targets", "os-board", "os/board/*/*");

    forge_add_key(w.forge, "targets", "os-board", forge_key(w.forge));
    cr_assert_eq(json_object_set_new(rule, "threshold", json_integer(2)), 0);
    forge_role(w.forge, "os-board")->key_count = 1;
    (void)agent_world_target(&w, "os-board", path, content, 1);
}

static void for_other_hardware(void)
{
    json_t *rule = forge_delegate(w.forge, "targets", "os-other", "os/*/*/*");

    cr_assert_eq(json_object_set_new(rule, "x-hwids", json_pack("[s]", "other")), 0);
    (void)agent_world_target(&w, "os-other", path, content, 1);
}

static void behind_a_terminating_role(void)
{
    json_t *rule = forge_delegate(w.forge, "targets", "os-board", "os/board/*/*");

    cr_assert_eq(json_object_set_new(rule, "terminating", json_true()), 0);
    (void)forge_delegate(w.forge, "targets", "weak", "os/*/*/*");
    (void)agent_world_target(&w, "weak", path, content, 1);
}

static void expired(void)
{
    (void)forge_delegate(w.forge, "targets", "os-board", "os/board/*/*");
    forge_set_expiry(w.forge, "os-board", -1);
    (void)agent_world_target(&w, "os-board", path, content, 1);
}

static const struct {
    const char *id, *what;
    void (*make)(void);
    const char *code;
} attacks[] = {
    {"T28", "a role lists what is outside its paths", t28_outside_its_paths,
     "TARGET_NOT_IN_IMAGE_REPO"},
    {"T29", "an app role calls an app an os", t29_another_type, "TYPE_ROLE_MISMATCH"},
    {"T29", "an app role signs an os image", t29_another_types_path, "TYPE_ROLE_MISMATCH"},
    {"T38", "only hashes that nobody knows", t38_unknown_hashes_only, "NO_KNOWN_HASH"},
    {"T41", "delegations in a circle", t41_cycle, "TARGET_NOT_IN_IMAGE_REPO"},
    {"T41", "a chain of 33 roles", t41_chain_of_33, "ROLE_LIMIT"},
    {"T41", "a diamond with two sets of keys", t41_diamond, "DELEGATED_THRESHOLD"},
    {"---", "a delegated role below its threshold", below_its_threshold, "DELEGATED_THRESHOLD"},
    {"---", "a delegation for other hardware", for_other_hardware, "TARGET_NOT_IN_IMAGE_REPO"},
    {"---", "a target behind a terminating role", behind_a_terminating_role,
     "TARGET_NOT_IN_IMAGE_REPO"},
    {"---", "an expired delegated role", expired, "TARGETS_EXPIRED"},
};

Test(attack_roles, t28_to_t41_false_delegations_end_the_search)
{
    for (size_t i = 0; i < COUNT(attacks); i++) {
        cr_assert_eq(agent_world_check(&w), 0, "%s", program_said());
        attacks[i].make();
        put_all();
        expect_refused(attacks[i].id, attacks[i].what, attacks[i].code);
        cr_expect_str_eq(agent_world_kept(&w), "1 2 2 2", "%s %s", attacks[i].id, attacks[i].what);
        agent_world_again(&w);
    }
}

Test(attack_roles, t41_32_roles_are_not_too_many)
{
    char from[16] = "targets";
    char to[16] = "";

    for (int role = 1; role <= 32; role++) {
        (void)snprintf(to, sizeof(to), "r%d", role);
        (void)forge_delegate(w.forge, from, to, "os/*/*/*");
        memcpy(from, to, sizeof(from));
    }
    (void)agent_world_target(&w, to, path, content, 1);
    put_all();
    agent_world_offer(&w, path, content);
    (void)agent_world_check(&w);
    cr_assert(strstr(web_log(w.web), "/targets/os/board/v2/"), "%s", web_log(w.web));
}

/* Found by the table: a delegation of many small values was copied within too narrow a limit. */
Test(attack_roles, t47_strange_fields_of_a_delegation_do_no_harm)
{
    json_t *rule = forge_delegate(w.forge, "targets", "os-board", "os/board/*/*");
    AUTO_FREE char *pad = mem_alloc(20001);
    json_t *many = json_array();

    memset(pad, 'x', 20000);
    for (int i = 0; i < 4000; i++)
        cr_assert_eq(json_array_append_new(many, json_integer(1)), 0);
    cr_assert_eq(json_object_set_new(rule, "x-many", many), 0);
    cr_assert_eq(json_object_set_new(rule, "x-\ncontrol", json_string("\x01\n\"\\")), 0);
    cr_assert_eq(
        json_object_set_new(forge_role(w.forge, "targets")->body, "x-pad", json_string(pad)), 0);
    (void)agent_world_target(&w, "os-board", path, content, 1);
    put_all();
    agent_world_offer(&w, path, content);
    (void)agent_world_check(&w);
    cr_assert(strstr(web_log(w.web), "/targets/os/board/v2/"), "%s", program_said());
}

Test(attack_roles, t47_strange_role_names_stay_in_the_state_folder)
{
    static const struct {
        const char *name, *file;
    } cases[] = {
        {"../x", "..%2Fx.json"}, {"../../x", "..%2F..%2Fx.json"},
        {"/x", "%2Fx.json"},     {"?", "%3F.json"},
        {"#", "%23.json"},       {"..", "...json"},
        {"x\ny", "x%0Ay.json"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        (void)forge_delegate(w.forge, "targets", cases[i].name, "os/*/*/*");
        put_all();
        expect_refused("T47", cases[i].name, "TARGET_NOT_IN_IMAGE_REPO");
        cr_expect(agent_world_has(cases[i].file), "%s", cases[i].file);
        cr_expect_not(file_exists(temp_path("state/x.json")));
        cr_expect_not(file_exists(temp_path("x.json")));
        agent_world_again(&w);
    }
}
