/* Covers are split into equal runs and the rest; gaps into runs of one byte and the rest. */
#include "deltagen/plan.h"

#include "lib/base/mem.h"

enum { FILL_MIN = 48 };

static void add(struct plan *plan, struct operation operation)
{
    if (operation.len == 0)
        return;
    if (plan->count == plan->room) {
        plan->room = plan->room ? plan->room * 2 : 256;
        plan->items = mem_resize(plan->items, plan->room, sizeof(*plan->items));
    }
    plan->items[plan->count++] = operation;
    if (operation.kind == DELTA_ADD || operation.kind == DELTA_INSERT)
        plan->coded_bytes += operation.len;
}

void plan_done(struct plan *plan)
{
    mem_free(plan->items);
    *plan = (struct plan){0};
}

static void add_cover(const struct image *old, const struct image *new_image,
                      const struct match *cover, size_t copy_min, struct plan *plan)
{
    const uint8_t *a = old->data + cover->old_pos;
    const uint8_t *b = new_image->data + cover->new_pos;
    size_t done = 0;
    size_t i = 0;

    while (i < cover->len) {
        size_t start = i;

        while (i < cover->len && a[i] == b[i])
            i++;
        /* A run at a cover's end saves the change of operation that ends it anyway. */
        if (i - start >= copy_min || (i == cover->len && i - start >= copy_min / 2)) {
            add(plan, (struct operation){DELTA_ADD, cover->new_pos + done, cover->old_pos + done,
                                         start - done});
            add(plan, (struct operation){DELTA_COPY, cover->new_pos + start, cover->old_pos + start,
                                         i - start});
            done = i;
        }
        i++;
    }
    add(plan, (struct operation){DELTA_ADD, cover->new_pos + done, cover->old_pos + done,
                                 cover->len - done});
}

static void add_gap(const struct image *new_image, size_t start, size_t end, struct plan *plan)
{
    const uint8_t *data = new_image->data;
    size_t done = start;
    size_t i = start;

    while (i < end) {
        size_t run = i;

        while (i < end && data[i] == data[run])
            i++;
        if (i - run >= FILL_MIN) {
            add(plan, (struct operation){DELTA_INSERT, done, 0, run - done});
            add(plan, (struct operation){DELTA_FILL, run, 0, i - run});
            done = i;
        }
    }
    add(plan, (struct operation){DELTA_INSERT, done, 0, end - done});
}

void plan_make(const struct image *old, const struct image *new_image, const struct matches *covers,
               size_t copy_min, struct plan *out)
{
    size_t done = 0;

    *out = (struct plan){.old = old, .new_image = new_image};
    for (size_t i = 0; i < covers->count; i++) {
        const struct match *cover = &covers->items[i];

        add_gap(new_image, done, cover->new_pos, out);
        add_cover(old, new_image, cover, copy_min, out);
        done = cover->new_pos + cover->len;
    }
    add_gap(new_image, done, new_image->len, out);
}
