#pragma once
/*
 * One walk of a simulated device: what it fetched so far, and which file it lacks. Private to
 * walk.c, which drives it, and walk_director.c.
 */
#include "cli/sim/fleet.h"

enum walk_place { WALK_IMAGE, WALK_DIRECTOR, WALK_FILE };

struct walk {
    struct task *task;
    struct document *timestamp;                /* fetched by this walk; a reference */
    struct document *directed[TUF_ROLE_COUNT]; /* likewise, of the director's repository */
    char absent[LIBRARY_NAME_ROOM];            /* the server has no such file */
    char absent_directed[LIBRARY_NAME_ROOM];   /* nor this one of the director */
    char need[LIBRARY_NAME_ROOM];              /* the file that was missing, "" when none was */
    enum walk_place place;                     /* where it is */
    char *need_url;                            /* owned */
    size_t need_bytes_max;
};

/* Notes what is missing, takes the URL over, and fails: the file is fetched, then the walk runs
 * again. */
bool walk_needs(struct walk *walk, enum walk_place place, const char *name, char *url,
                struct err *err);

/* What the director says to this device; there may be none (`some`), by the walked image
 * repository. The caller ends `document`. */
struct walk_directed {
    bool some;
    struct tuf_director document;
    int64_t expires_ms; /* of its timestamp */
};
MUST_USE bool walk_director(struct walk *walk, struct tuf_set *image, int64_t now_ms,
                            struct walk_directed *out, struct err *err);
/* A document of the director came. */
void walk_director_take(struct walk *walk, const void *data, size_t len);
