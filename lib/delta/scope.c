/* All lookups are by halves; sorting the covers by their old places is done once a scope. */
#include "lib/delta/scope.h"

#include "lib/delta/space.h"

/* Contexts of numbers. */
enum {
    OF_ARCH,
    OF_PLACE,
    OF_LENGTH,
    OF_COUNT,
    OF_SEGMENT_AT,
    OF_SEGMENT_LENGTH,
    OF_SEGMENT_MEMORY,
    OF_SEGMENT_ADDRESS,
    OF_SEGMENT_CODE,
    OF_GAP,
    OF_COVER_LENGTH,
    OF_OLD_STEP,
};

/* Old bytes may be used twice: how many covers that begin before a place are asked for it. */
enum { LOOK_BACK = 16 };

struct number {
    delta_number_fn *code;
    void *arg;
    bool reading;
    struct err *err;
};

static bool refuse(struct err *err)
{
    return err_refuse(err, REFUSAL_DELTA_FORMAT, "patch has an impossible scope");
}

/* A number within [0, max]. */
static bool code(const struct number *number, unsigned context, uint64_t *value, uint64_t max)
{
    return number->code(number->arg, context, value, number->err) &&
           (*value <= max || refuse(number->err));
}

static bool code32(const struct number *number, unsigned context, uint32_t *value, uint64_t max)
{
    uint64_t wide = *value;

    if (!code(number, context, &wide, max < UINT32_MAX ? max : UINT32_MAX))
        return false;
    *value = (uint32_t)wide;
    return true;
}

/* --- coding ----------------------------------------------------------------------------------- */

/* Each segment against the one before: gap, length, what memory has more, and how much further
 * the address moved than the place. */
static bool code_segments(const struct number *number, struct delta_segment *segments,
                          unsigned *count, uint32_t scope_length)
{
    uint64_t wanted = *count;
    uint32_t end = 0;
    uint64_t drift = 0;

    if (!code(number, OF_COUNT, &wanted, DELTA_SEGMENTS_MAX))
        return false;
    *count = (unsigned)wanted;
    for (unsigned i = 0; i < wanted; i++) {
        struct delta_segment *segment = &segments[i];
        uint32_t gap = segment->at - end;
        uint32_t more = segment->memory - segment->length;
        uint64_t turn = delta_zigzag((int64_t)(segment->address - segment->at - drift));
        uint64_t is_code = segment->is_code;

        if (!code32(number, OF_SEGMENT_AT, &gap, scope_length - end))
            return false;
        segment->at = end + gap;
        if (!code32(number, OF_SEGMENT_LENGTH, &segment->length, scope_length - segment->at) ||
            !code32(number, OF_SEGMENT_MEMORY, &more, UINT32_MAX - segment->length) ||
            !code(number, OF_SEGMENT_ADDRESS, &turn, UINT64_MAX >> 2) ||
            !code(number, OF_SEGMENT_CODE, &is_code, 1))
            return false;
        segment->memory = segment->length + more;
        segment->address = segment->at + drift + (uint64_t)delta_unzigzag(turn);
        segment->is_code = is_code != 0;
        drift = segment->address - segment->at;
        end = segment->at + segment->length;
    }
    return true;
}

static bool code_cover(const struct number *number, const struct delta_scope *scope,
                       struct delta_cover *cover, uint32_t *new_end, uint32_t *old_end)
{
    uint32_t gap = cover->new_at - *new_end;
    uint64_t step = delta_zigzag((int64_t)cover->old_at - (int64_t)*old_end);
    int64_t old_at;

    if (!code32(number, OF_GAP, &gap, scope->new_length - *new_end))
        return false;
    cover->new_at = *new_end + gap;
    if (!code32(number, OF_COVER_LENGTH, &cover->length, scope->new_length - cover->new_at) ||
        !code(number, OF_OLD_STEP, &step, UINT64_C(1) << 34))
        return false;
    old_at = (int64_t)*old_end + delta_unzigzag(step);
    if (cover->length == 0 || old_at < 0 || (uint64_t)old_at > scope->old_length ||
        cover->length > scope->old_length - (uint64_t)old_at)
        return refuse(number->err);
    cover->old_at = (uint32_t)old_at;
    *new_end = cover->new_at + cover->length;
    *old_end = cover->old_at + cover->length;
    return true;
}

static void sift(const struct delta_scope *scope, uint32_t at, uint32_t count)
{
    uint32_t *order = scope->by_old;
    uint32_t moving = order[at];

    for (uint32_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count &&
            scope->covers[order[child + 1]].old_at > scope->covers[order[child]].old_at)
            child++;
        if (scope->covers[order[child]].old_at <= scope->covers[moving].old_at)
            break;
        order[at] = order[child];
        at = child;
    }
    order[at] = moving;
}

/* A heap: no recursion, no memory, and no order of covers that takes long. */
static void sort_by_old(const struct delta_scope *scope)
{
    for (uint32_t i = 0; i < scope->cover_count; i++)
        scope->by_old[i] = i;
    for (uint32_t i = scope->cover_count / 2; i-- > 0;)
        sift(scope, i, scope->cover_count);
    for (uint32_t left = scope->cover_count; left > 1;) {
        uint32_t largest = scope->by_old[0];

        left--;
        scope->by_old[0] = scope->by_old[left];
        scope->by_old[left] = largest;
        sift(scope, 0, left);
    }
}

bool delta_scope_code(struct delta_scope *scope, const struct delta_header *header, bool reading,
                      delta_number_fn *code_number, void *arg, struct err *err)
{
    const struct number number = {code_number, arg, reading, err};
    uint64_t arch = (uint64_t)scope->arch << 1 | (scope->word == 8);
    uint64_t count = scope->cover_count;
    uint32_t new_end = 0;
    uint32_t old_end = 0;

    if (!code(&number, OF_ARCH, &arch, DELTA_ARCH_COUNT * 2 - 1) ||
        !code(&number, OF_PLACE, &scope->old_at, header->old_space) ||
        !code32(&number, OF_LENGTH, &scope->old_length, header->old_space - scope->old_at) ||
        !code32(&number, OF_LENGTH, &scope->new_length, header->new_space - scope->new_at))
        return false;
    scope->arch = (enum delta_arch)(arch >> 1);
    scope->word = arch & 1 ? 8 : 4;
    if (!code_segments(&number, scope->old_segments, &scope->old_count, scope->old_length) ||
        !code_segments(&number, scope->new_segments, &scope->new_count, scope->new_length) ||
        !code(&number, OF_COUNT, &count, scope->cover_room))
        return false;
    scope->cover_count = (uint32_t)count;
    for (uint32_t i = 0; i < count; i++)
        if (!code_cover(&number, scope, &scope->covers[i], &new_end, &old_end))
            return false;
    sort_by_old(scope);
    return true;
}

uint64_t delta_scope_bytes(const struct delta_header *header)
{
    return delta_space_of((size_t)header->covers * sizeof(struct delta_cover)) +
           delta_space_of((size_t)header->covers * sizeof(uint32_t));
}

/* --- addresses -------------------------------------------------------------------------------- */

static const struct delta_segment *segment_at(const struct delta_segment *segments, unsigned count,
                                              uint64_t at)
{
    for (unsigned i = 0; i < count; i++)
        if (at >= segments[i].at && at - segments[i].at < segments[i].length)
            return &segments[i];
    return NULL;
}

static const struct delta_segment *segment_of(const struct delta_segment *segments, unsigned count,
                                              uint64_t address)
{
    for (unsigned i = 0; i < count; i++)
        if (address >= segments[i].address && address - segments[i].address < segments[i].memory)
            return &segments[i];
    return NULL;
}

static bool address_of(const struct delta_segment *segments, unsigned count, uint32_t length,
                       uint64_t at, uint64_t *out)
{
    const struct delta_segment *segment = segment_at(segments, count, at);

    if (count == 0) {
        *out = at;
        return at < length;
    }
    if (segment)
        *out = segment->address + (at - segment->at);
    return segment != NULL;
}

/* NOLINTNEXTLINE(readability-function-size): a place has that much to say */
static bool stretch(const struct delta_segment *segments, unsigned count, uint64_t start,
                    uint32_t length, uint64_t at, uint64_t *from, uint64_t *until, uint64_t *base,
                    bool *is_code)
{
    uint64_t place = at - start;

    *from = at;
    *until = UINT64_MAX;
    if (at < start) {
        *until = start;
        return false;
    }
    if (place >= length)
        return false;
    *from = start;
    *until = start + length;
    *base = -start;
    *is_code = true;
    for (unsigned i = 0; i < count; i++) {
        const struct delta_segment *segment = &segments[i];

        if (place >= segment->at && place - segment->at < segment->length) {
            *from = start + segment->at;
            *until = *from + segment->length;
            *base = segment->address - *from;
            *is_code = segment->is_code;
            return true;
        }
        if (segment->at > place && start + segment->at < *until)
            *until = start + segment->at;
    }
    *from = count == 0 ? *from : at;
    return count == 0;
}

bool delta_scope_old_stretch(const struct delta_scope *scope, uint64_t at, uint64_t *from,
                             uint64_t *until, uint64_t *base, bool *is_code)
{
    return stretch(scope->old_segments, scope->old_count, scope->old_at, scope->old_length, at,
                   from, until, base, is_code);
}

bool delta_scope_new_stretch(const struct delta_scope *scope, uint64_t at, uint64_t *from,
                             uint64_t *until, uint64_t *base)
{
    bool is_code;

    return stretch(scope->new_segments, scope->new_count, scope->new_at, scope->new_length, at,
                   from, until, base, &is_code);
}

bool delta_scope_has(const struct delta_scope *scope, uint64_t old_address)
{
    if (scope->old_count == 0)
        return old_address < scope->old_length;
    return segment_of(scope->old_segments, scope->old_count, old_address) != NULL;
}

/* The cover that holds the old place, else the nearest one; the way from old to new. */
static bool map_place(const struct delta_scope *scope, uint32_t at, int64_t *out)
{
    uint32_t low = 0;
    uint32_t high = scope->cover_count;
    const struct delta_cover *cover;

    if (high == 0)
        return false;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        if (scope->covers[scope->by_old[middle]].old_at <= at)
            low = middle;
        else
            high = middle;
    }
    cover = &scope->covers[scope->by_old[low]];
    for (uint32_t i = 1; i <= LOOK_BACK && i <= low && at - cover->old_at >= cover->length; i++) {
        const struct delta_cover *before = &scope->covers[scope->by_old[low - i]];

        if (at - before->old_at < before->length)
            cover = before;
    }
    if (at >= cover->old_at + cover->length && low + 1 < scope->cover_count) {
        const struct delta_cover *next = &scope->covers[scope->by_old[low + 1]];

        if (next->old_at - at < at - (cover->old_at + cover->length))
            cover = next;
    }
    *out = (int64_t)at - cover->old_at + cover->new_at;
    return *out >= 0;
}

/* What has an address but no bytes lies as far behind the segment's end as before. */
static bool map_behind(const struct delta_scope *scope, const struct delta_segment *segment,
                       uint64_t behind, uint64_t *out)
{
    size_t number = (size_t)(segment - scope->old_segments);

    if (number >= scope->new_count)
        return false;
    *out = scope->new_segments[number].address + scope->new_segments[number].length + behind;
    return true;
}

bool delta_scope_map(const struct delta_scope *scope, uint64_t old_address, uint64_t *out)
{
    const struct delta_segment *segment = NULL;
    uint64_t at = old_address;
    int64_t place;

    if (scope->old_count > 0) {
        segment = segment_of(scope->old_segments, scope->old_count, old_address);
        if (!segment)
            return false;
        at = old_address - segment->address;
        if (at >= segment->length)
            return map_behind(scope, segment, at - segment->length, out);
        at += segment->at;
    }
    if (at >= scope->old_length || !map_place(scope, (uint32_t)at, &place))
        return false;
    /* One past the end is an address, too. */
    if (address_of(scope->new_segments, scope->new_count, scope->new_length, (uint64_t)place, out))
        return true;
    if (place == 0 || !address_of(scope->new_segments, scope->new_count, scope->new_length,
                                  (uint64_t)place - 1, out))
        return false;
    ++*out;
    return true;
}
