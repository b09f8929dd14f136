#pragma once
/*
 * What makes two events the same trouble: 32 bytes, and a short title for people. Pure.
 *
 * The signature is SHA-256 over category, class, component, signal, exit status, and the innermost
 * frames of the backtrace (build id and offset); without a backtrace, over the summary with its
 * numbers taken out. So a crash in another build is another signature until symbols say that its
 * functions are the same.
 */
#include <stddef.h>

#include "lib/crypto/hash.h"

enum {
    SIGNATURE_FRAMES = 5, /* innermost; deeper ones tell callers apart, not troubles */
    SIGNATURE_TITLE_ROOM = 201,
};

struct signature_frame {
    const uint8_t *build_id;
    size_t build_id_len;
    uint64_t offset;
};

/* Texts are never NULL. */
struct signature_event {
    const char *category;
    const char *class;
    const char *component; /* "": the system's own */
    int64_t exit_status;   /* -1: none */
    int64_t signal;        /* -1: none */
    const char *summary;
    const struct signature_frame *frames;
    size_t frame_count;
};

void signature_of(const struct signature_event *event, uint8_t out[HASH_BYTES]);
/* "pump: app-crash, SIGSEGV: out of range at #" */
void signature_title(const struct signature_event *event, char out[SIGNATURE_TITLE_ROOM]);
/* The same over functions by name, "" where one is unknown: the same in every build. */
void signature_of_functions(const struct signature_event *event, const char *const *functions,
                            size_t count, uint8_t out[HASH_BYTES]);
/* A summary without what differs each time: numbers and addresses become '#', blanks are one. */
void signature_summary(const char *summary, char out[SIGNATURE_TITLE_ROOM]);
