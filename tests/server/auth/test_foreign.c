#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "server/auth/foreign.h"

#define UUID "00112233-4455-6677-8899-aabbccddeeff"
#define HASH "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

Test(foreign, finds_the_ids_that_a_request_mentions)
{
    static const struct {
        const char *text;
        size_t uuids;
        size_t hashes;
    } cases[] = {
        {"", 0, 0},
        {UUID, 1, 0},
        {HASH, 0, 1},
        {"{\"group\":\"" UUID "\",\"images\":[\"" HASH "\",\"" HASH "\"]}", 1, 2},
        {"group=" UUID "&device=" HASH, 1, 1},
        {UUID "0", 0, 0},                               /* one too long */
        {"00112233-4455-6677-8899-aabbccddeef", 0, 0},  /* one too short */
        {"001122334-455-6677-8899-aabbccddeeff", 0, 0}, /* dashes elsewhere */
        {"00112233-4455-6677-8899-AABBCCDDEEFF", 0, 0}, /* no id of ours */
        {HASH "0", 0, 0},
        {"-------- " UUID, 1, 0},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct foreign_ids ids = {0};

        foreign_ids_add(cases[i].text, strlen(cases[i].text), &ids);
        cr_expect_eq(ids.uuid_count, cases[i].uuids, "%s", cases[i].text);
        cr_expect_eq(ids.hash_count, cases[i].hashes, "%s", cases[i].text);
        if (cases[i].uuids > 0)
            cr_expect_str_eq(ids.uuids[0], UUID, "%s", cases[i].text);
    }
}

Test(foreign, takes_no_more_ids_than_there_is_room_for)
{
    struct foreign_ids ids = {0};

    for (int i = 0; i < FOREIGN_IDS_MAX + 1; i++) {
        foreign_ids_add(UUID, strlen(UUID), &ids);
        foreign_ids_add(HASH, strlen(HASH), &ids);
    }
    cr_expect_eq(ids.uuid_count, FOREIGN_IDS_MAX);
    cr_expect_eq(ids.hash_count, FOREIGN_IDS_MAX);
}
