#pragma once
/*
 * One exchange on one curl handle: shared by the blocking client and the pool. Private to this
 * folder.
 */
#include <curl/curl.h>

#include "lib/client/client.h"

/* A client's options, owned. */
struct transfer_origin {
    char *origin;
    char *ca_file;
    char *user_agent;
    char *pins; /* as curl wants them; NULL: none */
    unsigned slow_window_s;
    bool public_only;
};

struct transfer {
    const struct transfer_origin *origin;
    const struct client_request *request;
    CURL *easy;
    char *url;                  /* owned */
    struct curl_slist *headers; /* owned */
    struct client_answer answer;
    struct err failure; /* what a callback refused; code ERR_NONE when nothing */
    bool head_done;
    uint64_t received;
    char text[CURL_ERROR_SIZE];
};

MUST_USE bool transfer_origin_init(const struct client_options *options,
                                   struct transfer_origin *out, struct err *err);
void transfer_origin_done(struct transfer_origin *origin);

/* Makes the handle ready; `request` and `origin` outlive the transfer. */
MUST_USE bool transfer_start(struct transfer *transfer, const struct transfer_origin *origin,
                             const struct client_request *request, struct err *err);
/* After curl is done: judges the result. The answer stays the transfer's. */
MUST_USE bool transfer_finish(struct transfer *transfer, CURLcode code, struct err *err);
/* Releases all but the handle, which may be used again. */
void transfer_done(struct transfer *transfer);
