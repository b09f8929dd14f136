/*
 * A byte is asked for: either it goes on with a field, or a scanner is asked whether one begins.
 * Sources that were wrong about a byte of the field say no more about the rest of it.
 */
#include "lib/delta/predict.h"

#include <string.h>

enum { WORTH_SHIFT = 3, WORTH_START = 128 };

static const struct delta_scanner *const code_scanners[] = {
    [DELTA_ARCH_NONE] = NULL,
    [DELTA_ARCH_X86_64] = &delta_scan_x86,
    [DELTA_ARCH_ARM64] = &delta_scan_arm64,
    [DELTA_ARCH_THUMB] = &delta_scan_thumb,
    [DELTA_ARCH_RISCV] = &delta_scan_riscv,
    [DELTA_ARCH_X86] = &delta_scan_x86,
    [DELTA_ARCH_ARM] = &delta_scan_arm,
};
_Static_assert(COUNT(code_scanners) == DELTA_ARCH_COUNT, "every CPU has its place");

void delta_predict_init(struct delta_predict *predict, struct delta_target *targets,
                        unsigned targets_log2)
{
    predict->targets = targets;
    predict->targets_log2 = targets_log2;
    delta_predict_reset(predict);
}

void delta_predict_reset(struct delta_predict *predict)
{
    struct delta_target *targets = predict->targets;
    unsigned log2 = predict->targets_log2;

    memset(targets, 0, sizeof(*targets) << log2);
    *predict = (struct delta_predict){.targets = targets, .targets_log2 = log2};
    memset(predict->worth, WORTH_START, sizeof(predict->worth));
}

void delta_predict_scope(struct delta_predict *predict, const struct delta_scope *scope)
{
    unsigned pieces = 0;

    delta_predict_reset(predict);
    predict->scope = scope;
    for (unsigned i = 0; scope && i < scope->old_count; i++)
        pieces += scope->old_segments[i].length > 0;
    predict->is_mixed =
        pieces <= 1 || scope->arch == DELTA_ARCH_ARM || scope->arch == DELTA_ARCH_THUMB;
}

void delta_predict_skip(struct delta_predict *predict)
{
    predict->field.length = 0;
}

/* --- where it is ------------------------------------------------------------------------------ */

/* Where there are no addresses is remembered as well: there it is asked at every byte. */
static bool locate(struct delta_predict *predict, uint64_t old_at, uint64_t new_at)
{
    const struct delta_scope *scope = predict->scope;

    if (old_at < predict->old_from || old_at >= predict->old_until)
        predict->old_is =
            delta_scope_old_stretch(scope, old_at, &predict->old_from, &predict->old_until,
                                    &predict->old_base, &predict->old_is_code);
    if (!predict->old_is)
        return false;
    if (new_at < predict->new_from || new_at >= predict->new_until)
        predict->new_is = delta_scope_new_stretch(scope, new_at, &predict->new_from,
                                                  &predict->new_until, &predict->new_base);
    return predict->new_is;
}

/* --- targets that are known ------------------------------------------------------------------- */

static struct delta_target *target_of(struct delta_predict *predict, uint64_t target)
{
    uint32_t hash = ((uint32_t)target ^ (uint32_t)(target >> 32)) * 0x9E3779B1u;

    return &predict->targets[hash >> (32 - predict->targets_log2)];
}

static void learn_target(struct delta_predict *predict, uint64_t target, uint64_t now)
{
    int64_t moved = (int64_t)(now - target);

    if (moved < INT32_MIN || moved > INT32_MAX)
        return;
    *target_of(predict, target) = (struct delta_target){(uint32_t)target | 1u, (int32_t)moved};
    predict->step[predict->field.kind] = moved;
}

/* --- opinions --------------------------------------------------------------------------------- */

static void think(struct delta_predict *predict, unsigned source, bool is, uint64_t target,
                  const uint8_t *old)
{
    struct delta_opinion *opinion = &predict->opinions[source];

    opinion->target = target;
    opinion->is = opinion->agrees =
        is && predict->scanner->make(&predict->field, old, target, opinion->bytes);
}

static void think_all(struct delta_predict *predict, const uint8_t *old)
{
    const struct delta_field *field = &predict->field;
    const struct delta_target *known = target_of(predict, field->target);
    bool is_known = known->old_low == ((uint32_t)field->target | 1u);
    uint64_t mapped = 0;
    bool is_mapped = delta_scope_map(predict->scope, field->target, &mapped);

    think(predict, DELTA_BY_MAP, is_mapped, mapped, old);
    think(predict, DELTA_BY_KNOWN, is_known, field->target + (uint64_t)(int64_t)known->moved, old);
    think(predict, DELTA_BY_STEP, true, field->target + (uint64_t)predict->step[field->kind], old);
}

/* Near branches seldom change: while nothing moved within their reach, they are bytes as others. */
static bool is_as_before(const struct delta_predict *predict, const uint8_t *old)
{
    const struct delta_opinion *map = &predict->opinions[DELTA_BY_MAP];

    return !map->is || memcmp(map->bytes, old, predict->field.length) == 0;
}

/* Does a field begin at this byte? */
static bool begin(struct delta_predict *predict, const uint8_t *old, uint64_t old_at,
                  uint64_t new_at)
{
    const struct delta_sight sight = {.scope = predict->scope,
                                      .old = old,
                                      .old_address = old_at + predict->old_base,
                                      .new_address = new_at + predict->new_base,
                                      .old_at = old_at};
    const struct delta_scanner *scanner =
        predict->old_is_code ? code_scanners[predict->scope->arch] : NULL;

    predict->field.length = 0;
    if (scanner)
        scanner->find(&sight, &predict->field);
    if (predict->field.length == 0 && (!predict->old_is_code || predict->is_mixed)) {
        scanner = &delta_scan_data;
        scanner->find(&sight, &predict->field);
    }
    if (predict->field.length == 0)
        return false;
    predict->scanner = scanner;
    predict->place = 0;
    think_all(predict, old);
    if (predict->field.kind == DELTA_FIELD_NEAR && is_as_before(predict, old))
        predict->field.length = 0;
    return predict->field.length > 0;
}

static int best_of(const struct delta_predict *predict, const uint8_t *unlike)
{
    int best = -1;

    for (int i = 0; i < DELTA_PREDICT_SOURCES; i++) {
        const struct delta_opinion *opinion = &predict->opinions[i];

        if (!opinion->agrees || (unlike && opinion->bytes[predict->place] == *unlike))
            continue;
        if (best < 0 ||
            predict->worth[i][predict->field.kind] > predict->worth[best][predict->field.kind])
            best = i;
    }
    return best;
}

void delta_predict_byte(struct delta_predict *predict, const uint8_t *old, uint64_t old_at,
                        uint64_t new_at, struct delta_predicted *out)
{
    int best;
    int other;

    *out = (struct delta_predicted){0};
    if (!predict->scope || (predict->field.length == 0 && (!locate(predict, old_at, new_at) ||
                                                           !begin(predict, old, old_at, new_at))))
        return;
    best = best_of(predict, NULL);
    out->kind = predict->field.kind;
    out->place = predict->place;
    if (best < 0)
        return;
    out->is = true;
    out->byte = predict->opinions[best].bytes[predict->place];
    out->trust = (unsigned)predict->worth[best][predict->field.kind] >> 5 << 1;
    other = best_of(predict, &out->byte);
    out->second = other >= 0;
    if (out->second)
        out->other = predict->opinions[other].bytes[predict->place];
    out->trust |= !out->second;
}

/* --- what came -------------------------------------------------------------------------------- */

static void field_ended(struct delta_predict *predict)
{
    unsigned kind = predict->field.kind;
    int best = -1;

    for (int i = 0; i < DELTA_PREDICT_SOURCES; i++) {
        const struct delta_opinion *opinion = &predict->opinions[i];
        uint8_t *worth = &predict->worth[i][kind];

        if (!opinion->is)
            continue;
        if (opinion->agrees)
            *worth = (uint8_t)(*worth + ((255 - *worth) >> WORTH_SHIFT));
        else
            *worth = (uint8_t)(*worth - (*worth >> WORTH_SHIFT));
        if (best < 0 || opinion->agrees)
            best = i;
    }
    if (best >= 0)
        learn_target(
            predict, predict->field.target,
            predict->scanner->read(&predict->field, predict->came, predict->opinions[best].target));
    predict->field.length = 0;
}

void delta_predict_was(struct delta_predict *predict, uint8_t byte)
{
    if (predict->field.length == 0)
        return;
    for (int i = 0; i < DELTA_PREDICT_SOURCES; i++) {
        struct delta_opinion *opinion = &predict->opinions[i];

        opinion->agrees = opinion->agrees && opinion->bytes[predict->place] == byte;
    }
    predict->came[predict->place++] = byte;
    if (predict->place == predict->field.length)
        field_ended(predict);
}
