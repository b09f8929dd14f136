#pragma once
/*
 * The real agent, run as a program, against a server that is all forged: its own repository and
 * whatever answer to a poll. One per test.
 *
 * The device's image is none that anybody signed, so that every check walks the metadata.
 */
#include "lib/wire/device.h"
#include "tests/support/tuf_forge.h"

#define AGENT_HWID "board"
#define AGENT_IMAGE_BASE "/t/default/image"

struct agent_world {
    struct tuf_forge *forge;
    struct web *web;
    struct wire_poll_answer offer; /* what polls are answered with */
    bool is_gone;                  /* the server drops every connection */
    struct buf reported;           /* refusals in reports, each followed by a blank */
    char *asked;
    char *kept;
};

/* Provisioned with root 1, not yet started. */
void agent_world_open(struct agent_world *world);
/* Another repository and a new device. */
void agent_world_again(struct agent_world *world);
void agent_world_close(struct agent_world *world);

/* Provisions a device in the folder with this file as its root. The exit status. */
int agent_world_provision(struct agent_world *world, const char *state, const void *root,
                          size_t len);
/* `slipway-agent check`. The exit status. */
int agent_world_check(struct agent_world *world);
/* The polls offer this target from now on. */
void agent_world_offer(struct agent_world *world, const char *path, const char *content);
/* A complete os target of the role's: its entry. */
json_t *agent_world_target(struct agent_world *world, const char *role, const char *path,
                           const char *content, uint64_t counter);
/* Publishes targets, snapshot and timestamp in their next versions. */
void agent_world_publish(struct agent_world *world);

/* The refusal in the agent's local status, "NONE" when there is none. */
bool agent_world_refused(const struct agent_world *world, const char *code);
/* It was in a report since the last call of this. */
bool agent_world_reported(struct agent_world *world, const char *code);
/* Metadata asked for since the last call: "2.root timestamp". */
const char *agent_world_asked(struct agent_world *world);
/* Versions of what the agent keeps: "1 1 1 1" of root, timestamp, snapshot, targets. */
const char *agent_world_kept(struct agent_world *world);
/* Is this a file of the agent's metadata folder? */
bool agent_world_has(const char *file);
char *agent_world_path(const char *name); /* below the state folder; the caller frees it */
