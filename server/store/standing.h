#pragma once
/*
 * Where a device stands: its assignment and its newest row in a deployment. Statements that
 * change it return it, so that the memory of the server follows the database, never the other
 * way round.
 */
#include "lib/update/state.h"
#include "server/db/db.h"

struct store_standing {
    int64_t device_id; /* the row's */
    int64_t assignment;
    int64_t deployment_id; /* 0: it was never granted one */
    int64_t phase;
    enum update_state state; /* UPDATE_IDLE: no row */
    bool wants_image;        /* a stepping stone is done: its row waits for the next image */
};

/* From columns device_id, assignment, deployment_id, phase, state, wants_image, beginning at `col`.
 */
void store_standing_read(const struct db_result *result, size_t row, unsigned col,
                         struct store_standing *out);
/* A state's word as read from the database; "" is UPDATE_IDLE. */
enum update_state store_state_read(const struct db_result *result, size_t row, unsigned col);
