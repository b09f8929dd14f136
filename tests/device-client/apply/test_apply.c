#include "device-client/apply/apply.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "device-client/limits.h"
#include "lib/base/mem.h"
#include "lib/delta/format.h"
#include "lib/os/file.h"
#include "tests/support/delta_patch.h"
#include "tests/support/temp.h"

enum { SLOT_BYTES = 1 << 20 };

static uint8_t old_image[SLOT_BYTES];
static struct slots slots;

static void make_slots(void)
{
    for (size_t i = 0; i < sizeof(old_image); i++)
        old_image[i] = (uint8_t)(i * 31 >> 5);
    slots_init(&slots, temp_path("a"), temp_path("b"));
    temp_write(slots.paths[SLOT_A], old_image, sizeof(old_image));
    temp_write(slots.paths[SLOT_B], old_image, sizeof(old_image));
}

static void drop_slots(void)
{
    slots_done(&slots);
    temp_done();
}

static struct apply_target target_of(const void *image, size_t len)
{
    struct apply_target target = {.slot = SLOT_B, .length = len};

    hash_sha256(image, len, target.sha256);
    return target;
}

Test(apply, writes_an_image_into_the_front_of_the_slot, .init = make_slots, .fini = drop_slots)
{
    static uint8_t image[600000] = "new";
    const struct apply_target target = target_of(image, sizeof(image));
    const char *file = temp_path("image");
    uint8_t hash[HASH_BYTES];
    uint64_t size = 0;
    struct err err = {0};

    temp_write(file, image, sizeof(image));
    cr_assert(apply_image(&slots, file, &target, &err), "%s", err.text);
    cr_assert(slots_hash(&slots, SLOT_B, sizeof(image), hash, &err));
    cr_expect_arr_eq(hash, target.sha256, HASH_BYTES);
    cr_assert(slots_size(&slots, SLOT_B, &size, &err));
    cr_expect_eq(size, SLOT_BYTES, "a slot keeps its size");
}

Test(apply, refuses_what_does_not_fit_or_is_not_what_was_signed, .init = make_slots,
     .fini = drop_slots)
{
    static const uint8_t image[1000] = "new";
    static const struct {
        const char *what;
        size_t file_len;
        uint64_t length;
        bool other_hash;
        enum refusal refusal;
    } cases[] = {
        {"larger than the slot", 1000, SLOT_BYTES + 1, false, REFUSAL_SPACE},
        {"longer than signed", 1000, 999, false, REFUSAL_TARGET_LENGTH},
        {"shorter than signed", 999, 1000, false, REFUSAL_TARGET_LENGTH},
        {"other bytes", 1000, 1000, true, REFUSAL_INSTALL_READBACK},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct apply_target target = target_of(image, cases[i].file_len);
        const char *file = temp_path("image");
        struct err err = {0};

        target.length = cases[i].length;
        target.sha256[0] ^= cases[i].other_hash;
        temp_write(file, image, cases[i].file_len);
        cr_expect_not(apply_image(&slots, file, &target, &err), "%s", cases[i].what);
        cr_expect_eq(err.refusal, cases[i].refusal, "%s: %s", cases[i].what, err.text);
    }
}

/* The old image with its first bytes and a new end, in the plainest of codecs. */
static void make_patch(const char *file, const struct apply_target *target, const uint8_t *image,
                       size_t copied, const char *end, uint8_t header_sha256[HASH_BYTES])
{
    struct delta_header header = {.codec = DELTA_STORED,
                                  .class = DELTA_CLASS_M,
                                  .batch_bytes = 4096,
                                  .old_length = sizeof(old_image),
                                  .old_space = sizeof(old_image),
                                  .new_length = target->length,
                                  .new_space = target->length};
    struct delta_patch_group group = {.space_bytes = target->length, .image_end = target->length};
    AUTO_BUF control;
    AUTO_BUF body;
    AUTO_BUF patch;

    buf_init(&control, 100);
    buf_init(&body, 1000);
    buf_init(&patch, 1000);
    buf_add_varint(&control, (uint64_t)copied << 3 | DELTA_COPY);
    buf_add_varint(&control, (uint64_t)strlen(end) << 3 | DELTA_INSERT);
    hash_sha256(old_image, sizeof(old_image), header.old_sha256);
    buf_add_u32(&body, (uint32_t)control.len);
    buf_add_u32(&body, 0);
    buf_add_u32(&body, (uint32_t)strlen(end));
    buf_add(&body, control.data, control.len);
    buf_add_text(&body, end);
    group.code = body.data;
    group.code_len = body.len;
    delta_patch_write(&header, image, &group, 1, &patch);
    temp_write(file, patch.data, patch.len);
    hash_sha256(patch.data, DELTA_HEADER_BYTES, header_sha256);
}

Test(apply, makes_the_new_image_from_the_other_slot_and_a_patch, .init = make_slots,
     .fini = drop_slots)
{
    static uint8_t image[500005]; /* with the NUL */
    const char *file = temp_path("patch");
    struct apply_target target;
    uint8_t old_hash[HASH_BYTES];
    uint8_t header[HASH_BYTES];
    struct apply_patch from = {.old_length = sizeof(old_image),
                               .old_sha256 = old_hash,
                               .progress_path = temp_path("progress")};
    struct err err = {0};

    memcpy(image, old_image, 500000);
    memcpy(image + 500000, "tail", sizeof("tail"));
    target = target_of(image, 500004);
    make_patch(file, &target, image, 500000, "tail", header);
    hash_sha256(old_image, sizeof(old_image), old_hash);

    cr_assert(apply_patch(&slots, file, &from, &target, &err), "%s", err.text);
    from.header_sha256 = header;
    cr_assert(apply_patch(&slots, file, &from, &target, &err), "%s", err.text);
    header[0] ^= 1;
    cr_expect_not(apply_patch(&slots, file, &from, &target, &err));
    cr_expect_eq(err.refusal, REFUSAL_DELTA_FILE_HASH, "%s", err.text);
    from.header_sha256 = NULL;
    from.old_length--;
    cr_expect_not(apply_patch(&slots, file, &from, &target, &err));
    cr_expect_eq(err.refusal, REFUSAL_DELTA_BASE, "%s", err.text);
    from.old_length++;
    old_hash[0] ^= 1;
    cr_expect_not(apply_patch(&slots, file, &from, &target, &err));
    cr_expect_eq(err.refusal, REFUSAL_DELTA_BASE, "%s", err.text);
    old_hash[0] ^= 1;
    make_patch(file, &target, image, 500000, "tale", header);
    cr_expect_not(apply_patch(&slots, file, &from, &target, &err));
    cr_expect_eq(err.refusal, REFUSAL_DELTA_RESULT_HASH, "%s", err.text);
}

Test(slots, hashes_prefixes_in_one_pass, .init = make_slots, .fini = drop_slots)
{
    static const uint64_t lengths[] = {0, 1, 1, 300000, SLOT_BYTES};
    uint8_t hashes[COUNT(lengths)][HASH_BYTES];
    uint64_t longer = SLOT_BYTES + 1;
    struct err err = {0};

    cr_assert(slots_hash_prefixes(&slots, SLOT_A, lengths, COUNT(lengths), hashes, &err));
    for (size_t i = 0; i < COUNT(lengths); i++) {
        uint8_t want[HASH_BYTES];

        hash_sha256(old_image, lengths[i], want);
        cr_expect_arr_eq(hashes[i], want, HASH_BYTES, "prefix %zu", i);
    }
    cr_expect_not(slots_hash_prefixes(&slots, SLOT_A, &longer, 1, hashes, &err));
}

Test(apply, says_so_when_the_slot_cannot_be_written, .init = make_slots, .fini = drop_slots)
{
    static const uint8_t image[100000] = "new";
    const struct apply_target target = target_of(image, sizeof(image));
    const struct rlimit small = {.rlim_cur = 50000, .rlim_max = 50000};
    const char *file = temp_path("image");
    struct err err = {0};

    temp_write(file, image, sizeof(image));
    (void)signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    cr_expect_not(apply_image(&slots, file, &target, &err));
    cr_expect_eq(err.refusal, REFUSAL_SLOT_WRITE, "%s", err.text);
}
