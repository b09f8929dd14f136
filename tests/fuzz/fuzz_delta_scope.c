/*
 * A scope of any numbers; when it is accepted, predictions over any bytes: a field that is made for
 * its own target comes out as it was.
 */
#include <string.h>

#include "lib/base/bytes.h"
#include "lib/delta/model.h"
#include "lib/delta/predict.h"
#include "lib/delta/scan.h"

enum { SPACE = 4096, COVERS = 32, TARGETS_LOG2 = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool number(void *arg, unsigned context, uint64_t *value, struct err *err)
{
    struct bytes *in = arg;

    ASSERT(context < DELTA_SCOPE_CONTEXTS);
    *value = bytes_varint(in) & (UINT64_MAX >> 2);
    return !in->failed || err_refuse(err, REFUSAL_DELTA_FORMAT, "no more numbers");
}

static void look(const struct delta_scope *scope, const uint8_t *old, uint64_t at)
{
    static const struct delta_scanner *const scanners[] = {&delta_scan_x86,   &delta_scan_arm64,
                                                           &delta_scan_thumb, &delta_scan_riscv,
                                                           &delta_scan_data,  &delta_scan_arm};
    const struct delta_sight sight = {scope, old, at, at, at};

    for (size_t i = 0; i < COUNT(scanners); i++) {
        struct delta_field field = {0};
        uint8_t made[DELTA_FIELD_BYTES_MAX];

        scanners[i]->find(&sight, &field);
        if (field.length == 0)
            continue;
        ASSERT(field.length <= DELTA_FIELD_BYTES_MAX);
        if (scanners[i]->make(&field, old, field.target, made))
            ASSERT(memcmp(made, old, field.length) == 0);
    }
}

static void foretell(const struct delta_scope *scope, const uint8_t *old, size_t len)
{
    struct delta_target targets[1 << TARGETS_LOG2];
    struct delta_predict predict;

    delta_predict_init(&predict, targets, TARGETS_LOG2);
    delta_predict_scope(&predict, scope);
    for (size_t i = 0; i < len; i++) {
        struct delta_predicted what;
        uint64_t old_at = scope->old_at + i;
        uint64_t new_at = scope->new_at + (i ^ (i >> 7 & 3));

        look(scope, old + i, old_at);
        delta_predict_byte(&predict, old + i, old_at, new_at, &what);
        ASSERT(what.kind < DELTA_PREDICT_KINDS && what.trust < DELTA_PREDICT_TRUSTS &&
               what.place < DELTA_FIELD_BYTES_MAX);
        delta_predict_was(&predict, what.is && i % 5 ? what.byte : old[i]);
        if (i % 61 == 60)
            delta_predict_skip(&predict);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct delta_header header = {.old_space = SPACE, .new_space = SPACE};
    uint8_t old[DELTA_MARGIN + SPACE + DELTA_MARGIN] = {0};
    struct delta_cover covers[COVERS];
    uint32_t by_old[COVERS];
    struct delta_scope scope = {.covers = covers, .by_old = by_old, .cover_room = COVERS};
    struct bytes in = bytes_of(data, size);
    struct err err = {0};
    size_t len;

    if (size == 0)
        return 0;
    scope.new_at = (uint64_t)bytes_u8(&in) * 8;
    if (!delta_scope_code(&scope, &header, true, number, &in, &err)) {
        ASSERT(err.refusal == REFUSAL_DELTA_FORMAT);
        return 0;
    }
    len = bytes_left(&in) < SPACE ? bytes_left(&in) : SPACE;
    memcpy(old + DELTA_MARGIN, data + in.pos, len);
    foretell(&scope, old + DELTA_MARGIN, len);
    return 0;
}
