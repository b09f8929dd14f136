#pragma once
/*
 * A small fleet in a fresh migrated database: tenant "default", product "board" with hardware
 * "board", group "production" (polls every second), an operating system with the images and
 * releases v1 to v5, and a claim token. Looked at and changed by SQL, beside the code under test.
 */
#include "tests/support/db_fixture.h"

enum { WORLD_VERSIONS = 5 };

#define WORLD_CLAIM "the-claim"

/* Also opens the pool; closed by fixture_close(). */
void world_open(struct fixture *fixture, unsigned connections);
/* `count` more devices; their row ids go on from 1, and so do their numbers. */
void world_devices(const struct fixture *fixture, unsigned count);
/* The id of the device of a number: zeros and the number, big-endian, in the last four bytes. */
void world_device_id(unsigned number, uint8_t out[32]);
/* The hash of the image of a version: 32 times the same byte. */
void world_image(unsigned version, uint8_t out[32]);
/* A running deployment of a version, salt "salt", gate: more than 20 % of at least 5; `shares`
 * as SQL, "5000,100000". Returns its id. */
int64_t world_deployment(const struct fixture *fixture, unsigned version, const char *shares);
/* The uuid of a deployment; valid until the next call. */
const char *world_deployment_uuid(const struct fixture *fixture, int64_t id);

void world_sql(const struct fixture *fixture, const char *fmt, ...) PRINTF(2, 3);
/* The one number or text that a query yields; the text is valid until the next call. */
int64_t world_number(const struct fixture *fixture, const char *fmt, ...) PRINTF(2, 3);
const char *world_text(const struct fixture *fixture, const char *fmt, ...) PRINTF(2, 3);
/* How many counters differ from a recount of the rows. */
int64_t world_counters_wrong(const struct fixture *fixture);
