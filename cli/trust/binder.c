/* A handful of roles: a list is enough. */
#include "cli/trust/binder.h"

#include "lib/base/mem.h"
#include "lib/base/text.h"

static struct binder_item *find(const struct binder *binder, const char *name)
{
    for (size_t i = 0; i < binder->count; i++) {
        if (text_equal(binder->items[i].name, name))
            return &binder->items[i];
    }
    return NULL;
}

static void item_done(struct binder_item *item)
{
    mem_free(item->name);
    buf_done(&item->bytes);
}

void binder_done(struct binder *binder)
{
    for (size_t i = 0; i < binder->count; i++)
        item_done(&binder->items[i]);
    mem_free(binder->items);
    *binder = (struct binder){0};
}

const struct buf *binder_get(const struct binder *binder, const char *name)
{
    const struct binder_item *item = find(binder, name);

    return item ? &item->bytes : NULL;
}

void binder_put(struct binder *binder, const char *name, const void *data, size_t len)
{
    struct binder_item *item = find(binder, name);

    if (!item) {
        binder->items = mem_resize(binder->items, binder->count + 1, sizeof(*item));
        item = &binder->items[binder->count++];
        *item = (struct binder_item){.name = mem_strdup(name)};
    }
    buf_done(&item->bytes);
    buf_init(&item->bytes, len);
    buf_add(&item->bytes, data, len);
}

void binder_drop(struct binder *binder, const char *name)
{
    struct binder_item *item = find(binder, name);

    if (!item)
        return;
    item_done(item);
    binder->count--;
    for (; item < binder->items + binder->count; item++)
        *item = item[1];
}
