/* The body's length comes from the header, so a short file and a long one are both noticed. */
#include "lib/delta/input.h"

#include "lib/delta/apply.h"

bool delta_input_fill(struct delta_input *in, struct err *err)
{
    size_t room = in->left < DELTA_INPUT_BYTES ? (size_t)in->left : DELTA_INPUT_BYTES;
    size_t got = 0;

    if (in->pos < in->len || room == 0)
        return true;
    if (!in->io->read_patch(in->io->arg, in->buf, room, &got, err))
        return false;
    ASSERT(got <= room);
    if (got == 0)
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "patch is cut short");
    in->left -= got;
    in->pos = 0;
    in->len = got;
    return true;
}

bool delta_input_ended(const struct delta_input *in)
{
    return in->pos == in->len && in->left == 0;
}
