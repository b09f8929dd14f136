#pragma once
/*
 * Sends what webhooks have queued: claimed on the loop, sent by a thread of its own with many
 * connections at once, and how it went is written from the loop again. Several processes share one
 * queue. At least once: who dies between sending and writing sends again, under the same id.
 */
#include "lib/base/err.h"

struct loop;
struct db;
struct webhook_sender;

struct webhook_sender_stats {
    uint64_t delivered;
    uint64_t failed; /* tries */
    uint64_t under_way;
};

/* `allow_inside`: also to private addresses. */
MUST_USE bool webhook_sender_open(struct loop *loop, struct db *db, bool allow_inside,
                                  struct webhook_sender **out, struct err *err);
/* Ends the thread; what was under way is sent again by whoever claims it next. After the database
 * was closed, before the loop is. */
void webhook_sender_close(struct webhook_sender *sender);
/* Something may be due. On the loop. */
void webhook_sender_wake(struct webhook_sender *sender);
/* From any thread. */
void webhook_sender_stats(const struct webhook_sender *sender, struct webhook_sender_stats *out);
