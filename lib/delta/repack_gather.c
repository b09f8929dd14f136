/* Gathering, then draining; what comes after the input's end is refused. */
#include "lib/delta/repack_gather.h"

#include <string.h>

struct delta_gather {
    struct delta_gathered block;
    delta_gather_fn *code;
    size_t in_max, out_len, out_pos;
    bool coded;
};

uint64_t delta_gather_bytes(uint64_t in_max, uint64_t out_max, uint64_t coder_bytes)
{
    return delta_space_of(sizeof(struct delta_gather)) +
           delta_space_of(in_max + DELTA_GATHER_SLACK) + delta_space_of(out_max) +
           delta_space_of(coder_bytes);
}

struct delta_gather *delta_gather_open(const struct delta_packing *packing, delta_gather_fn *code,
                                       uint64_t in_max, uint64_t out_max, uint64_t coder_bytes,
                                       struct delta_space *space)
{
    struct delta_gather *gather = delta_space_take(space, sizeof(*gather));
    uint8_t *in = delta_space_take(space, in_max + DELTA_GATHER_SLACK);
    uint8_t *out = delta_space_take(space, out_max);
    uint8_t *own = delta_space_take(space, coder_bytes);

    ASSERT(gather && in && out && own);
    *gather = (struct delta_gather){
        .block = {*packing, {own, delta_space_of(coder_bytes)}, in, 0, out, out_max},
        .code = code,
        .in_max = in_max};
    return gather;
}

static bool gather_some(struct delta_gather *gather, struct delta_flow *flow, struct err *err)
{
    size_t len = flow->in_len;

    if (len > gather->in_max - gather->block.in_len)
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "a packed part is longer than it says");
    if (len > 0)
        memcpy(gather->block.in + gather->block.in_len, flow->in, len);
    gather->block.in_len += len;
    flow->in += len;
    flow->in_len = 0;
    if (!flow->ending)
        return true;
    gather->coded = true;
    return gather->code(&gather->block, &gather->out_len, err);
}

bool delta_gather_step(struct delta_gather *gather, struct delta_flow *flow, struct err *err)
{
    size_t len;

    if (!gather->coded && !gather_some(gather, flow, err))
        return false;
    len = gather->out_len - gather->out_pos;
    if (len > flow->room)
        len = flow->room;
    if (len > 0)
        memcpy(flow->out, gather->block.out + gather->out_pos, len);
    gather->out_pos += len;
    flow->out += len;
    flow->room -= len;
    flow->done = gather->coded && gather->out_pos == gather->out_len;
    return true;
}
