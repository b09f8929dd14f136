#pragma once
/*
 * What is kept for how long: partitions of reports are made ahead and dropped, attachments and
 * their files go by age. Every hour; any number of servers may do it.
 */
#include <stdint.h>

struct artifact_store;
struct db;
struct loop;
struct offload;
struct retention;

enum { RETENTION_RUN_MS = 3600 * 1000 };

struct retention_place {
    struct db *db;
    struct loop *loop;
    struct offload *offload;
    const struct artifact_store *attachments;
    int64_t raw_days;
    int64_t attachment_days;
};

struct retention *retention_new(const struct retention_place *place);
/* After the database was closed and the loop flushed. */
void retention_free(struct retention *retention);
void retention_run(struct retention *retention);
