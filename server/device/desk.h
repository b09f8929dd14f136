#pragma once
/*
 * The device half of one worker: what its handlers share. Statements for devices travel in
 * batches, one of each kind at a time.
 */
#include "lib/crypto/hash.h"

struct db;
struct fleet;
struct loop;
struct device_desk;

struct device_desk_place {
    struct loop *loop;
    struct db *db;
    struct fleet *fleet;
    const uint8_t *nonce_key; /* HASH_BYTES, the same for all workers; outlives the desk */
    const char *public_url;   /* what devices are told; "": made from what they asked for */
    bool is_tls;
};

struct device_desk *device_desk_new(const struct device_desk_place *place);
/* After the front and the database were closed, before the loop is. */
void device_desk_free(struct device_desk *desk);
