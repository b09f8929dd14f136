/* Packing costs a parse when attributes change; looking up walks the block: there are few pairs. */
#include "server/fleet/describe.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/bytes.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/json/flat.h"
#include "server/fleet/internal.h"
#include "server/fleet/plan.h"

enum { PAIRS_BYTES_MAX = 1 << 20, PAIRS_NODES_MAX = 4096 };

const uint8_t fleet_pairs_none[2] = {0, 0};

/* --- packing -----------------------------------------------------------------------------------
 */

/* False: this value is nothing that SQL's ->> would compare with. */
static bool add_value(struct flat_value value, struct buf *out)
{
    uint64_t number;

    if (flat_is(value, FLAT_TEXT))
        return flat_text_add(value, out);
    if (flat_is(value, FLAT_NUMBER) && flat_number(value, &number))
        buf_printf(out, "%" PRIu64, number);
    else if (flat_is(value, FLAT_TRUE) || flat_is(value, FLAT_FALSE))
        buf_add_text(out, flat_is(value, FLAT_TRUE) ? "true" : "false");
    else
        return false;
    return true;
}

/* One pair behind what is there; as if nothing had been when it does not fit. */
static bool add_pair(struct flat_value value, struct buf *out)
{
    size_t start = out->len;
    size_t name_len = flat_text_len(flat_key(value));
    size_t value_at = start + 1 + name_len + 2;
    size_t value_len = 0;
    bool good = name_len <= UINT8_MAX;

    if (good) {
        buf_add_u8(out, (uint8_t)name_len);
        good = flat_text_add(flat_key(value), out);
        buf_add_u16(out, 0);
        good = good && add_value(value, out) && !out->failed;
        value_len = good ? out->len - value_at : 0;
    }
    if (!good || value_len > UINT16_MAX) {
        out->len = start;
        out->failed = false;
        return false;
    }
    out->data[value_at - 2] = (uint8_t)value_len;
    out->data[value_at - 1] = (uint8_t)(value_len >> 8);
    return true;
}

static uint8_t *pack(const struct flat *doc)
{
    struct flat_value root = flat_root(doc);
    unsigned count = 0;
    AUTO_BUF out;

    buf_init(&out, PAIRS_BYTES_MAX);
    buf_add_u16(&out, 0);
    for (struct flat_value at = flat_first(root); flat_some(at); at = flat_next(at))
        count += add_pair(at, &out);
    if (count == 0)
        return NULL;
    out.data[0] = (uint8_t)count;
    out.data[1] = (uint8_t)(count >> 8);
    return mem_dup(out.data, out.len); /* without the room that a buffer keeps */
}

uint8_t *fleet_pairs_pack(const char *json)
{
    static const struct flat_limits limits = {
        .bytes_max = PAIRS_BYTES_MAX, .nodes_max = PAIRS_NODES_MAX, .depth_max = 4};
    struct err err;
    AUTO_FLAT doc = {0};

    if (json[0] == '\0' || text_equal(json, "{}") ||
        !flat_parse(json, strlen(json), &limits, &doc, &err) ||
        !flat_is(flat_root(&doc), FLAT_OBJECT))
        return NULL;
    return pack(&doc);
}

struct filter_text fleet_pairs_find(const uint8_t *pairs, struct filter_text name)
{
    struct bytes in = bytes_of(pairs, SIZE_MAX); /* our own bytes: the count ends them */
    unsigned count = bytes_u16(&in);

    for (unsigned i = 0; i < count; i++) {
        size_t name_len = bytes_u8(&in);
        const uint8_t *found = bytes_take(&in, name_len);
        size_t value_len = bytes_u16(&in);
        const uint8_t *value = bytes_take(&in, value_len);

        if (name_len == name.len && memcmp(found, name.data, name_len) == 0)
            return (struct filter_text){(const char *)value, value_len};
    }
    return (struct filter_text){NULL, 0};
}

/* --- filters -----------------------------------------------------------------------------------
 */

struct subject {
    const struct model *model;
    const struct fleet_facts *facts;
    const uint8_t *attributes;
    const uint8_t *tags;
    char *room; /* for what is written on the way */
};
enum { SUBJECT_ROOM = 2 * HASH_BYTES + 1 };

static struct filter_text named(enum filter_space space, struct filter_text name, const void *arg)
{
    const struct subject *subject = arg;

    return fleet_pairs_find(space == FILTER_TAG ? subject->tags : subject->attributes, name);
}

static struct filter_text text_of(const char *text)
{
    return (struct filter_text){text, text ? strlen(text) : 0};
}

static struct filter_text fixed(enum filter_fixed name, const void *arg)
{
    const struct subject *subject = arg;
    const struct model *model = subject->model;
    const struct model_group *group;
    int64_t counter;

    switch (name) {
    case FILTER_HWID:
        return text_of(subject->facts->hwid);
    case FILTER_DEVICE:
        text_from_hex_bytes(subject->facts->id, sizeof(subject->facts->id), subject->room);
        return text_of(subject->room);
    case FILTER_GROUP:
        group = model ? model_group_find(model, subject->facts->group_id) : NULL;
        return text_of(group ? group->name : NULL);
    case FILTER_COUNTER:
        counter = model ? fleet_counter_of(model, subject->facts) : INT64_MIN;
        if (counter == INT64_MIN)
            break;
        (void)snprintf(subject->room, SUBJECT_ROOM, "%" PRId64, counter);
        return text_of(subject->room);
    case FILTER_FIXED_COUNT:
        break;
    }
    return text_of(NULL);
}

bool fleet_filter_matches(const struct model *model, const struct fleet_facts *facts,
                          const struct filter *filter)
{
    char room[SUBJECT_ROOM];
    bool is_copy = !facts->attributes && facts->device;
    const struct fleet_facts *kept = is_copy ? &facts->device->facts : facts;
    struct subject subject = {.model = model, .facts = facts, .room = room};
    const struct filter_subject asked = {named, fixed, &subject};
    bool matches;

    if (is_copy)
        shard_lock(&facts->device->shard->lock);
    subject.attributes = kept->attributes ? kept->attributes : fleet_pairs_none;
    subject.tags = kept->tags ? kept->tags : fleet_pairs_none;
    matches = filter_matches(filter, &asked);
    if (is_copy)
        shard_unlock(&facts->device->shard->lock);
    return matches;
}
