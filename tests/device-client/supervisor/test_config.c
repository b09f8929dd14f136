#include "device-client/supervisor/config.h"

#include <criterion/criterion.h>

#include "lib/base/text.h"
#include "tests/support/temp.h"

static struct config config_of(void)
{
    return (struct config){.server = "https://updates.example",
                           .claim = "TOKEN",
                           .hwid = "board",
                           .slot_a = "/dev/a",
                           .slot_b = "/dev/b",
                           .boot = "file"};
}

Test(config, reads_what_provisioning_wrote_and_is_written_once, .fini = temp_done)
{
    const struct config config = config_of();
    struct config out;
    struct err err = {0};

    cr_expect_not(config_load(temp_dir(), &out, &err));
    cr_expect_eq(err.code, ERR_NOT_FOUND);
    cr_assert(config_create(temp_dir(), &config, &err), "%s", err.text);
    cr_assert(config_load(temp_dir(), &out, &err), "%s", err.text);
    cr_expect_str_eq(out.server, config.server);
    cr_expect_str_eq(out.health, "");
    cr_expect_not(config_create(temp_dir(), &config, &err));
    cr_expect_eq(err.code, ERR_CONFLICT);
}

Test(config, refuses_a_field_it_does_not_know, .fini = temp_done)
{
    static const char text[] = "{\"server\":\"https://x\",\"slot_c\":\"/dev/c\"}";
    struct config out;
    struct err err = {0};

    temp_write(temp_path("config.json"), text, sizeof(text) - 1);
    cr_expect_not(config_load(temp_dir(), &out, &err));
    cr_expect_eq(err.code, ERR_INVALID);
}

Test(config, a_deferral_lasts_until_it_is_ended, .fini = temp_done)
{
    int64_t until_ms = 1;
    struct err err = {0};

    cr_assert(deferral_load(temp_dir(), &until_ms, &err));
    cr_expect_eq(until_ms, 0);
    cr_assert(deferral_save(temp_dir(), INT64_C(1790000000000), &err), "%s", err.text);
    cr_assert(deferral_load(temp_dir(), &until_ms, &err), "%s", err.text);
    cr_expect_eq(until_ms, INT64_C(1790000000000));
    cr_assert(deferral_save(temp_dir(), 0, &err));
    cr_assert(deferral_load(temp_dir(), &until_ms, &err));
    cr_expect_eq(until_ms, 0);
    temp_write(temp_path("deferred"), "soon", 4);
    cr_expect_not(deferral_load(temp_dir(), &until_ms, &err));
}

Test(config, a_claim_is_kept_and_can_be_forgotten, .fini = temp_done)
{
    struct wire_claim_answer claim = {.tenant = "t", .product = "p", .group = "g"};
    struct wire_claim_answer out;
    struct err err = {0};

    (void)text_copy(claim.image_base, sizeof(claim.image_base), "http://h/t/t/image");
    cr_expect_not(claim_load(temp_dir(), &out, &err));
    cr_expect_eq(err.code, ERR_NOT_FOUND);
    cr_assert(claim_save(temp_dir(), &claim, &err), "%s", err.text);
    cr_assert(claim_load(temp_dir(), &out, &err), "%s", err.text);
    cr_expect_str_eq(out.image_base, claim.image_base);
    cr_assert(claim_forget(temp_dir(), &err));
    cr_expect_not(claim_load(temp_dir(), &out, &err));
}
