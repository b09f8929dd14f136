#pragma once
/*
 * The new space: its bytes come in order and go down through the levels of its layout to the
 * image. What belongs to a packed item is packed on the way, and must come out as long as the
 * layout says.
 */
#include "lib/delta/layout.h"

struct delta_sink;

/* Where the image's bytes go. */
struct delta_drain {
    bool (*write)(void *arg, const uint8_t *data, size_t len, struct err *err);
    void *arg;
};

/* Memory for a layout: what the header says as pack_bytes. UINT64_MAX: an item cannot be packed
 * by this applier. */
uint64_t delta_sink_bytes(const struct delta_layout *layout);
/* Takes header->pack_bytes from the space; the layout is borrowed. DELTA_LIMIT when that is not
 * enough for it. */
MUST_USE bool delta_sink_open(const struct delta_header *header, const struct delta_layout *layout,
                              const struct delta_drain *drain, struct delta_space *space,
                              struct delta_sink **out, struct err *err);
/* Goes on at a place of the new space; `*out_image_at` is where that lies in the image. False
 * (DELTA_FORMAT) within a packed item. */
MUST_USE bool delta_sink_go(struct delta_sink *sink, uint64_t at, uint64_t *out_image_at,
                            struct err *err);
/* Within the new space. Refuses (DELTA_RESULT_HASH) what packs to another length. */
MUST_USE bool delta_sink_write(struct delta_sink *sink, const uint8_t *data, size_t len,
                               struct err *err);
/* No item is begun: a group may end. */
bool delta_sink_is_at_rest(const struct delta_sink *sink);
