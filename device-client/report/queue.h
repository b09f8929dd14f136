#pragma once
/*
 * What the device has to tell the server, kept until the server has it: an append-only file that
 * survives power cuts, bounded, oldest first. A report is removed after the server's 200; sent
 * twice it counts once, because (device, epoch, seq) is its name.
 *
 *   offset  size  header (36 bytes), integers little-endian
 *        0     8  magic "SLQUEUE1"
 *        8    16  epoch: random, made with the file
 *       24     8  sequence number of the last report that is no longer in the file
 *       32     4  CRC-32C of the 32 bytes before
 *   then, one after the other:
 *        0     4  length of the message
 *        4     4  CRC-32C of the message
 *        8        the message as it will be sent (JSON)
 *
 * A torn tail is cut off when the file is opened. A file whose header is damaged is replaced by
 * an empty one with a new epoch.
 */
#include "lib/base/err.h"
#include "lib/wire/event.h"

struct report_queue;

MUST_USE bool report_queue_open(const char *path, struct report_queue **out, struct err *err);
void report_queue_close(struct report_queue *queue);
/* Sets epoch and seq of `report` and appends it, durably. A full queue drops its oldest. */
MUST_USE bool report_queue_add(struct report_queue *queue, struct wire_report *report,
                               struct err *err);
/* The same for an event. */
MUST_USE bool report_queue_add_event(struct report_queue *queue, struct wire_event *event,
                                     struct err *err);
/* The oldest report that was not removed, as a message; NULL when there is none. Borrowed until
 * the next call. */
const struct buf *report_queue_first(struct report_queue *queue);
/* The first was acknowledged (or can never be): forget it in memory. */
void report_queue_drop_first(struct report_queue *queue);
/* Makes what was dropped durable; power lost before only means sending again. */
MUST_USE bool report_queue_trim(struct report_queue *queue, struct err *err);
size_t report_queue_length(const struct report_queue *queue);
uint64_t report_queue_last_seq(const struct report_queue *queue);
const uint8_t *report_queue_epoch(const struct report_queue *queue); /* WIRE_EPOCH_BYTES */
/* How many reports a queue file holds, without opening it for writing. */
MUST_USE bool report_queue_count(const char *path, size_t *out, struct err *err);
