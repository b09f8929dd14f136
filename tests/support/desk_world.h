#pragma once
/*
 * The device API on a real front and a real database, and devices that speak to it from the same
 * thread. Built on world.h; nothing ticks unless the test says so.
 */
#include "lib/crypto/sign.h"
#include "lib/wire/device.h"
#include "server/device/desk.h"
#include "server/fleet/fleet.h"
#include "server/worker.h"
#include "tests/support/front.h"
#include "tests/support/world.h"

struct desk_world {
    struct fixture fixture;
    struct worker worker;
    struct http_app app;
    struct front front; /* only what peers need */
    struct loop_timer *beat;
    uint8_t nonce_key[HASH_BYTES];
};

void desk_world_open(struct desk_world *world);
void desk_world_close(struct desk_world *world);
/* The server dies and another one starts on the same database: memory is filled again. */
void desk_world_restart(struct desk_world *world);
/* Memory follows what is in the database now. */
void desk_world_reload(struct desk_world *world);
/* So many statements were sent so far. */
uint64_t desk_world_statements(const struct desk_world *world);

struct gadget {
    struct desk_world *world;
    struct peer *peer;
    struct sign_key *key;
    uint64_t seq;
    struct reply reply;    /* the last one */
    struct wire_poll poll; /* what it polls with */
    struct wire_poll_answer offered;
    uint8_t id[32];
    char deployment[WIRE_UUID_ROOM]; /* of the last offer */
    char token[WIRE_TOKEN_ROOM];
};

/* A new key; not claimed. */
void gadget_open(struct gadget *gadget, struct desk_world *world);
void gadget_close(struct gadget *gadget);
/* Each asks once and returns the status. */
int gadget_claim(struct gadget *gadget, const char *token, const char *hwid);
int gadget_session(struct gadget *gadget);
/* Stores the answer's assignment when it offers something or takes it back. */
int gadget_poll(struct gadget *gadget);
int gadget_activate(struct gadget *gadget, struct wire_activate_answer *out);
/* A step of the deployment that was offered last. */
int gadget_report(struct gadget *gadget, enum update_state state);
int gadget_ask(struct gadget *gadget, const char *method, const char *what, const struct buf *body);
/* Sends without waiting for the answer; gadget_answer() waits. */
void gadget_send(struct gadget *gadget, const char *method, const char *what,
                 const struct buf *body);
int gadget_answer(struct gadget *gadget);
/* Claimed, with a session, running v1. */
void gadget_join(struct gadget *gadget, struct desk_world *world);
