#pragma once
/*
 * What the files of the simulator's edge share: the fleet, its members, and the exchanges that
 * are under way. One thread; every member is either in the schedule or has exactly one task.
 */
#include "cli/sim/device.h"
#include "cli/sim/library.h"
#include "cli/sim/schedule.h"
#include "cli/sim/sim.h"
#include "lib/base/list.h"
#include "lib/client/pool.h"

struct member {
    struct sim_device device;
    struct document *trusted[TUF_ROLE_COUNT]; /* references; NULL: none */
    int64_t timestamp_expires_ms;             /* 0: none */
    bool settled;                             /* as fleet_step() saw it last */
};

struct fleet {
    const struct sim_options *options;
    struct client_pool *pool;
    struct member *members;
    struct schedule schedule;
    struct library library;
    struct library directed;   /* what devices share of the director: its roots and their memo */
    struct document *director; /* its first root; NULL: not known, or there is none */
    struct list tasks;
    struct sim_image **images; /* every image there was talk of */
    size_t image_count;
    const struct sim_image *installed; /* what the devices run at first; NULL: not known yet */
    char *image_base;                  /* NULL until the first claim, like the next */
    char *tenant;
    uint8_t attributes_hash[HASH_BYTES];
    struct sim_summary summary;
    size_t unsettled;     /* members that have something to do */
    int64_t busy_mono_ms; /* when there were some last */
    uint64_t interval_s;  /* the longest wait between polls that a server asked for */
    bool stopping;
    struct err fatal; /* why nothing can work */
};

/* One exchange of a member, or a chain of them. */
struct task {
    struct list link;
    struct fleet *fleet;
    struct member *member;
    struct sha256 *hash; /* of a download, owned */
    struct sha256 *head; /* of a patch's header, owned; NULL: nobody named it */
    uint64_t received;   /* of it */
    struct walk *walk;   /* owned; see walk.c */
};

/* --- fleet.c */
struct task *task_new(struct fleet *fleet, struct member *member);
void task_free(struct task *task);
/* The member's next action begins, or it goes to sleep. */
void fleet_step(struct fleet *fleet, struct member *member);
/* The task is over: frees it, then the member's next step. */
void fleet_finish(struct task *task);
/* Counts an exchange that went wrong and keeps its words for the summary. */
void fleet_note_error(struct fleet *fleet, const struct err *err);
/* Nothing can work; the run ends. */
void fleet_fail(struct fleet *fleet, const struct err *err);

/* --- one function per action; each makes a task that ends in fleet_finish() */
void message_claim(struct fleet *fleet, struct member *member);
void message_session(struct fleet *fleet, struct member *member);
void message_report(struct fleet *fleet, struct member *member);
void message_event(struct fleet *fleet, struct member *member);
void message_describe(struct fleet *fleet, struct member *member);
void message_poll(struct fleet *fleet, struct member *member);
void message_activate(struct fleet *fleet, struct member *member);
void walk_start(struct fleet *fleet, struct member *member);
void transfer_begin(struct fleet *fleet, struct member *member);

/* SHA-256 of what message_describe() sends. */
void message_attributes_hash(const struct fleet *fleet, uint8_t out[HASH_BYTES]);
void walk_free(struct walk *walk);

/* --- images.c: what the signed targets say */
/* Fills in what the member runs, once the targets name it; a version that they do not name ends
 * the run. */
void images_identify(struct fleet *fleet, struct member *member, struct tuf_set *set);
/* Judges the member's offer, also by its director's document (NULL: there is none). */
void images_judge(struct fleet *fleet, struct member *member, struct tuf_set *set,
                  const struct tuf_director *director);
/* An image that is known by its hash alone. */
const struct sim_image *images_unlisted(struct fleet *fleet, const uint8_t sha256[HASH_BYTES]);
void images_done(struct fleet *fleet);
