#include "device-client/supervisor/record.h"

#include <criterion/criterion.h>
#include <string.h>

#include "device-client/limits.h"
#include "lib/base/crc.h"
#include "lib/base/text.h"

static struct record full(void)
{
    struct record record;

    record_init(&record);
    record.state = UPDATE_STAGED;
    record.assignment = 12;
    record.reason = REFUSAL_DELTA_BASE;
    record.delta_count = 2;
    record.deltas[1].length = 99;
    record.target_slot = SLOT_B;
    record.image.known = true;
    record.image.release_counter = 2040;
    record.floor = 2000;
    record.trusted_ms = INT64_C(1790000000000);
    (void)text_copy(record.image.version, sizeof(record.image.version), "2.4.0 \"beta\"");
    (void)text_copy(record.last_error, sizeof(record.last_error), "a\tb");
    record.image.revert_count = 2;
    record.image.revert_to[1].counter = 2031;
    record.image.revert_until_ms = INT64_C(1800000000000);
    record.slots[SLOT_A] = record.image;
    record.directed = true;
    record.delta_tries = 1;
    record.delta_progress = 77;
    record.director_version = INT64_C(1790000000001);
    record.anchors_version = 3;
    (void)text_copy(record.director_bundle, sizeof(record.director_bundle), "r55");
    return record;
}

Test(record, reads_back_what_it_wrote)
{
    struct record record = full();
    struct record again;
    AUTO_BUF text;
    AUTO_BUF second;
    struct err err = {0};

    buf_init(&text, RECORD_BYTES_MAX);
    buf_init(&second, RECORD_BYTES_MAX);
    record_format(&record, &text);
    cr_assert(record_parse(text.data, text.len, &again, &err), "%s", err.text);
    record_format(&again, &second);
    cr_expect_str_eq(buf_text(&text), buf_text(&second));
    cr_expect_eq(again.image.release_counter, 2040);
    cr_expect_str_eq(again.slots[SLOT_A].version, "2.4.0 \"beta\"");
    cr_expect_eq(again.slots[SLOT_A].revert_to[1].counter, 2031);
    cr_expect_eq(again.slots[SLOT_A].revert_until_ms, INT64_C(1800000000000));
    cr_expect(again.directed);
    cr_expect_eq(again.director_version, INT64_C(1790000000001));
    cr_expect_str_eq(again.director_bundle, "r55");
}

Test(record, refuses_a_file_that_is_cut_or_changed_anywhere)
{
    struct record record = full();
    struct record out;
    AUTO_BUF text;

    buf_init(&text, RECORD_BYTES_MAX);
    record_format(&record, &text);
    for (size_t i = 0; i < text.len; i++) {
        struct err err = {0};

        cr_expect_not(record_parse(text.data, i, &out, &err), "cut at %zu", i);
        text.data[i] ^= 4;
        cr_expect_not(record_parse(text.data, text.len, &out, &err), "byte %zu", i);
        cr_expect_eq(err.code, ERR_INVALID);
        cr_expect_eq(out.state, UPDATE_IDLE);
        text.data[i] ^= 4;
    }
}

/* Without what later agents added: the rest is read, what is missing is zero. */
Test(record, of_an_older_agent_is_read)
{
    static const char *const later[] = {
        ",\"directed\":true",           ",\"delta_tries\":1",
        ",\"delta_progress\":77",       ",\"director_version\":1790000000001",
        ",\"director_bundle\":\"r55\"", ",\"anchors_version\":3",
    };
    struct record record = full();
    struct record again;
    AUTO_BUF text;
    AUTO_BUF old;
    struct err err = {0};
    char *line;

    buf_init(&text, RECORD_BYTES_MAX);
    buf_init(&old, RECORD_BYTES_MAX);
    record_format(&record, &text);
    line = (char *)text.data;
    *strchr(line, '\n') = '\0';
    for (size_t i = 0; i < COUNT(later); i++) {
        char *at = strstr(line, later[i]);

        cr_assert_not_null(at, "%s", later[i]);
        memmove(at, at + strlen(later[i]), strlen(at + strlen(later[i])) + 1);
    }
    buf_add_text(&old, line);
    buf_printf(&old, "\ncrc32c %08x\n", crc32c(line, strlen(line)));
    cr_assert(record_parse(old.data, old.len, &again, &err), "%s", err.text);
    cr_expect_eq(again.floor, 2000);
    cr_expect_eq(again.director_version, 0);
    cr_expect_not(again.directed);
}
