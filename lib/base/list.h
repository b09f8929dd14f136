#pragma once
/*
 * An intrusive, circular, doubly linked list. The head and every member are a struct list;
 * LIST_OF() goes from the link to the object that holds it. A member that was removed points
 * to itself, so removing twice is harmless.
 */
#include "lib/base/base.h"

struct list {
    struct list *next;
    struct list *prev;
};

#define LIST_OF(link, type, field)                                                                 \
    ((type *)(void *)((char *)(link)-offsetof(type, field))) /* the link lives inside `type` */
/* The current member may be removed inside the loop. `item` is a name that is declared here. */
// NOLINTBEGIN(bugprone-macro-parentheses): a declared name cannot be put in parentheses
#define LIST_EACH(item, head)                                                                      \
    for (struct list *item = (head)->next, *item##_next = item->next; item != (head);              \
         item = item##_next, item##_next = item->next)
// NOLINTEND(bugprone-macro-parentheses)

static inline void list_init(struct list *head)
{
    head->next = head->prev = head;
}

static inline bool list_is_empty(const struct list *head)
{
    return head->next == head;
}

/* At the end of the list. */
static inline void list_add(struct list *head, struct list *item)
{
    item->prev = head->prev;
    item->next = head;
    head->prev->next = item;
    head->prev = item;
}

static inline void list_remove(struct list *item)
{
    item->prev->next = item->next;
    item->next->prev = item->prev;
    list_init(item);
}

/* The first member, taken out; NULL when empty. */
static inline struct list *list_pop(struct list *head)
{
    struct list *item = head->next;

    if (item == head)
        return NULL;
    list_remove(item);
    return item;
}
