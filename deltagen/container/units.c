/* Grown arrays with a limit: what a hostile image says more than that stays packed. */
#include <stdlib.h>
#include <string.h>

#include "deltagen/container/container.h"
#include "lib/base/mem.h"

/* Room for one more in an array of `count`. */
static bool grow(void **items, size_t count, size_t *room, size_t size, size_t max)
{
    if (count < *room)
        return true;
    if (count >= max)
        return false;
    *room = *room == 0 ? 64 : *room * 2;
    *items = mem_resize(*items, *room, size);
    return true;
}

void units_add(struct units *units, struct unit unit)
{
    void *items = units->units;

    if (grow(&items, units->unit_count, &units->unit_room, sizeof(unit), UNITS_MAX)) {
        units->units = items;
        units->units[units->unit_count++] = unit;
    } else {
        units->full = true;
    }
}

static bool same_as_last(const struct units *units, const char *path)
{
    return units->element_count > 0 &&
           strcmp(units_path(units, &units->elements[units->element_count - 1]), path) == 0;
}

static bool add_name(struct units *units, const char *path, uint32_t *out)
{
    size_t len = strlen(path) + 1;

    if (same_as_last(units, path)) {
        *out = units->elements[units->element_count - 1].path;
        return true;
    }
    if (len > PATH_BYTES_MAX || units->names_len + len > NAMES_BYTES_MAX)
        return false;
    if (units->names_len + len > units->names_room) {
        units->names_room = 2 * units->names_room + len;
        units->names = mem_resize(units->names, units->names_room, 1);
    }
    memcpy(units->names + units->names_len, path, len);
    *out = (uint32_t)units->names_len;
    units->names_len += len;
    return true;
}

void units_add_element(struct units *units, struct element element, const char *path)
{
    void *items = units->elements;

    if (!add_name(units, path, &element.path) ||
        !grow(&items, units->element_count, &units->element_room, sizeof(element), ELEMENTS_MAX)) {
        units->full = true;
        return;
    }
    units->elements = items;
    units->elements[units->element_count++] = element;
}

void units_add_span(struct units *units, struct span span)
{
    void *items = units->spans;

    if (grow(&items, units->span_count, &units->span_room, sizeof(span), UNITS_MAX)) {
        units->spans = items;
        units->spans[units->span_count++] = span;
    } else {
        units->full = true;
    }
}

const char *units_path(const struct units *units, const struct element *element)
{
    return units->names + element->path;
}

static int by_place(const void *a, const void *b)
{
    const struct unit *x = a;
    const struct unit *y = b;

    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    /* The longer of two at one place first: a stream rather than a guess inside it. */
    return (x->packed_len < y->packed_len) - (x->packed_len > y->packed_len);
}

void units_sort(struct units *units)
{
    uint64_t end = 0;
    size_t kept = 0;

    if (units->unit_count == 0)
        return;
    qsort(units->units, units->unit_count, sizeof(units->units[0]), by_place);
    for (size_t i = 0; i < units->unit_count; i++) {
        const struct unit unit = units->units[i];

        if (unit.at < end || unit.packed_len == 0 || unit.unpacked_len == 0)
            continue;
        end = unit.at + unit.packed_len;
        units->units[kept++] = unit;
    }
    units->unit_count = kept;
}

static int by_start(const void *a, const void *b)
{
    const struct span *x = a;
    const struct span *y = b;

    return (x->at > y->at) - (x->at < y->at);
}

void spans_merge(struct units *units)
{
    size_t kept = 0;

    if (units->span_count == 0)
        return;
    qsort(units->spans, units->span_count, sizeof(units->spans[0]), by_start);
    for (size_t i = 1; i < units->span_count; i++) {
        struct span *last = &units->spans[kept];
        const struct span span = units->spans[i];
        uint64_t end = span.at + span.length;

        if (span.at > last->at + last->length)
            units->spans[++kept] = span;
        else if (end > last->at + last->length)
            last->length = end - last->at;
    }
    units->span_count = kept + 1;
}

void units_done(struct units *units)
{
    mem_free(units->units);
    mem_free(units->elements);
    mem_free(units->names);
    mem_free(units->spans);
    *units = (struct units){0};
}
