#pragma once
/*
 * What the agent is made of. Private to this folder: agent.c builds it, cycle.c is its rhythm,
 * walk.c gets it the signed metadata and the time, effects.c is its machine_ops, identify.c finds
 * out what a slot holds.
 */
#include "device-client/report/queue.h"
#include "device-client/slots/slots.h"
#include "device-client/supervisor/agent.h"
#include "device-client/supervisor/config.h"
#include "device-client/trust/anchors.h"
#include "device-client/trust/counters.h"
#include "device-client/trust/time.h"
#include "device-client/trust/trust.h"
#include "lib/crypto/sign.h"

struct agent {
    struct agent_options options;
    char *state_dir;
    char *health; /* program, or "" */
    char *record_path;
    char *progress_path; /* of a patch that is applied */
    char *download_dir;
    char *metadata_dir;
    char *director_dir;
    char *director_base; /* path at the server; NULL before the device is claimed */
    char *anchors_path;
    char *counters_path;
    int lock_fd;
    struct config config;
    struct wire_claim_answer claim;
    bool claimed;
    struct sign_key *key;
    const struct boot_backend *boot;
    struct slots slots;
    struct transport *transport;
    struct report_queue *queue;
    struct trust trust;    /* the image repository */
    struct trust director; /* this device's */
    struct tuf_set *set;   /* of the last walk since the start, or NULL */
    bool is_directed;      /* there is a director: then of the same walk, */
    struct tuf_director directed;
    struct anchors anchors; /* zeros: none */
    uint8_t anchors_sha256[HASH_BYTES];
    const struct counters_backend *counters_backend;
    struct counters counters;
    int64_t attested_ms;      /* the time the server attested since the start, 0: it did not, */
    int64_t attested_mono_ms; /* when it did */
    struct record record;
    struct machine machine;
    struct wake wake;
    char *local_file;  /* the image of agent_install(), or NULL */
    char *fetched;     /* path of the file that was fetched last, or NULL */
    bool base_checked; /* the running slot was compared with its image since the start */
    unsigned failures; /* cycles in a row */
    uint64_t next_poll_s;
    uint64_t report_s;    /* how often the server wants to hear of troubles; 0: it did not say */
    int64_t up_mono_ms;   /* until when uptime was counted */
    int64_t told_mono_ms; /* when troubles were told last */
    char boot_id[64];     /* of this start of the system, "": not known */
    int64_t activate_mono_ms; /* the server does not want to be asked before */
    int64_t switch_ms;        /* when a deferral ends or the window opens, else 0 or INT64_MAX */
    int64_t started_mono_ms;
    uint64_t offer;      /* assignment of the offer being looked at in this cycle, or 0 */
    enum refusal told;   /* the last refusal outside an update that was reported ... */
    uint64_t told_offer; /* ... and what was offered then */
    bool refused;        /* one happened in this cycle */
};

extern const struct machine_ops agent_ops;

/* --- walk.c */

/* What is the time? The attested one goes on by the monotonic clock; never before what was trusted
 * or when this program was built. */
int64_t agent_now(const struct agent *agent);
/* Does that come from a clock, or only from what it cannot be before? */
bool agent_knows_time(const struct agent *agent);
/* The anchors that are stored, and the pins that follow from them. */
MUST_USE bool agent_load_anchors(struct agent *agent, struct err *err);
/* For a device that cannot authenticate its server: the image repository alone, which its
 * signatures verify, may name other pins. */
void agent_renew_anchors(struct agent *agent);
/* Walks the metadata of the director, if there is one, and of the image repository, keeps the sets,
 * and remembers what it learnt. */
MUST_USE bool agent_walk(struct agent *agent, struct err *err);
/* A refusal outside an update: remembered for `status`, and reported once for each offer until a
 * cycle has none. */
void agent_note_refusal(struct agent *agent, const struct err *why);
MUST_USE bool agent_save(struct agent *agent, struct err *err);
/* Notes the counter and the floor of a committed image; stored only when they change. */
MUST_USE bool agent_commit(struct agent *agent, const struct image *image, struct err *err);
/* Compares the running slot with the signed images of this hardware, if it is not known yet. */
MUST_USE bool agent_identify(struct agent *agent, struct err *err);
/* The signed facts, copied out of the set. */
void agent_image_of(const struct tuf_target *target, struct image *out);
/* An unconfirmed system had its time to reach the server, which may be talking ever so slowly. */
bool agent_took_too_long(const struct agent *agent);
/* What the device is, for judging a target. */
struct tuf_device agent_device(const struct agent *agent);
