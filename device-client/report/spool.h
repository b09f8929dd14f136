#pragma once
/*
 * Events that wait for the queue: a folder with one file for each kind of trouble, named by the
 * SHA-256 of what makes it that kind. The same trouble again only counts in its file, so a program
 * that crashes every second for a week of no network is one message. Anybody on the device with
 * the right to write the folder may add; the agent alone takes. Each step is durable, and an event
 * that was taken when the power went is not taken twice.
 */
#include "device-client/report/queue.h"
#include "lib/wire/event.h"

/* ERR_INVALID names the field that is wrong; ERR_LIMIT: there are too many kinds already. The
 * folder is made when it is missing. */
MUST_USE bool spool_add(const char *dir, const struct wire_event_body *event, struct err *err);
/* Moves all of them to the queue. */
MUST_USE bool spool_take(const char *dir, struct report_queue *queue, struct err *err);
