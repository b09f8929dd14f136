/* New bytes are gathered to whole erase blocks in the very buffer that a journal record with a
 * begun block is written from. */
#include "lib/delta/in_place.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/crypto/hash.h"

enum {
    MOVES_MAX = 64, /* between two records */
    ERASED = 0xFF,
};

struct update {
    const struct delta_in_place_io *io;
    const struct delta_limits *limits;
    struct delta_header header;
    size_t erase; /* bytes of an erase block */
    uint64_t shift;
    struct delta_journal journal;
    unsigned slot;   /* that is written next */
    uint8_t *record; /* DELTA_JOURNAL_BYTES, then the block that is begun */
    uint8_t *block;
    uint64_t image_at; /* new bytes so far; the last of them are in the block */
    uint64_t group_at; /* where the group began, in the image */
    uint64_t lowest;   /* place in the region that the group has read */
};

static uint64_t round_up(uint64_t value, size_t erase)
{
    return (value + erase - 1) / erase * erase;
}

static size_t erase_of(const struct delta_header *header)
{
    return (size_t)1 << header->erase_log2;
}

uint64_t delta_in_place_region(const struct delta_header *header)
{
    size_t erase = erase_of(header);
    uint64_t moved = round_up(header->old_length, erase) + (uint64_t)header->shift_blocks * erase;
    uint64_t made = round_up(header->new_length, erase);

    return moved > made ? moved : made;
}

/* --- journal ---------------------------------------------------------------------------------- */

static bool save(struct update *u, enum delta_phase phase, struct err *err)
{
    u->journal.phase = phase;
    u->journal.number++;
    delta_journal_format(&u->journal, u->record);
    if (!u->io->write_journal(u->io->arg, u->slot, u->record,
                              DELTA_JOURNAL_BYTES + u->journal.begun_bytes, err))
        return false;
    u->slot = (u->slot + 1) % DELTA_JOURNAL_SLOTS;
    return true;
}

/* False: the slot cannot be read. A damaged record is none: `out` stays as it is. */
static bool look(struct update *u, unsigned slot, struct delta_journal *out, bool *found,
                 struct err *err)
{
    struct err damage = {0};
    size_t got = 0;

    if (!u->io->read_journal(u->io->arg, slot, u->record, DELTA_JOURNAL_BYTES + u->erase, &got,
                             err))
        return false;
    *found = delta_journal_read(u->record, got, (uint32_t)u->erase - 1, out, &damage);
    return true;
}

/* The newest record of this patch; without one the update begins. The begun block's bytes are
 * behind the record then. */
static bool find_journal(struct update *u, struct err *err)
{
    const struct delta_journal fresh = u->journal;
    struct delta_journal newest = fresh;
    unsigned at = 0;

    for (unsigned slot = 0; slot < DELTA_JOURNAL_SLOTS; slot++) {
        struct delta_journal journal;
        bool found;

        if (!look(u, slot, &journal, &found, err))
            return false;
        if (found && journal.number > newest.number) {
            newest = journal;
            at = slot;
        }
    }
    if (newest.number == fresh.number)
        return true;
    u->slot = (at + 1) % DELTA_JOURNAL_SLOTS;
    u->journal.number = newest.number;
    if (!crypto_equal(newest.header_sha256, fresh.header_sha256, sizeof(fresh.header_sha256)))
        return newest.phase == DELTA_THERE || newest.moved == 0 ||
               err_refuse(err, REFUSAL_DELTA_BASE,
                          "another patch's update was begun here; that one must be finished");
    u->journal = newest;
    return look(u, at, &newest, &(bool){false}, err);
}

/* --- the old image ---------------------------------------------------------------------------- */

static bool has_hash(struct update *u, uint64_t at, uint64_t len, const uint8_t *sha256, bool *out,
                     struct err *err)
{
    AUTO_SHA256 struct sha256 *hash = sha256_new();
    uint8_t found[HASH_BYTES];

    for (uint64_t done = 0; done < len;) {
        size_t some = len - done < u->erase ? (size_t)(len - done) : u->erase;

        if (!u->io->read(u->io->arg, at + done, u->block, some, err))
            return false;
        sha256_add(hash, u->block, some);
        done += some;
    }
    sha256_end(hash, found);
    *out = crypto_equal(found, sha256, sizeof(found));
    return true;
}

static bool check_old(struct update *u, uint64_t at, struct err *err)
{
    bool is;

    if (!has_hash(u, at, u->header.old_length, u->header.old_sha256, &is, err))
        return false;
    return is ||
           err_refuse(err, REFUSAL_DELTA_BASE, "the image is not the one that the patch is for");
}

static bool check_new(struct update *u, struct err *err)
{
    bool is;

    if (!has_hash(u, 0, u->header.new_length, u->header.new_sha256, &is, err))
        return false;
    return is || err_refuse(err, REFUSAL_DELTA_RESULT_HASH,
                            "the region does not hold the new image that was written there");
}

/* No block is read again after it was overwritten: that happens `shift_blocks` moves later, and
 * by then there was a record. */
static bool move_old(struct update *u, struct err *err)
{
    uint32_t blocks = (uint32_t)(round_up(u->header.old_length, u->erase) / u->erase);
    uint32_t often = u->header.shift_blocks < MOVES_MAX ? u->header.shift_blocks : MOVES_MAX;

    while (u->journal.moved < blocks) {
        uint64_t from = (uint64_t)(blocks - 1 - u->journal.moved) * u->erase;

        if (!u->io->read(u->io->arg, from, u->block, u->erase, err) ||
            !u->io->write(u->io->arg, from + u->shift, u->block, u->erase, err))
            return false;
        u->journal.moved++;
        if (u->journal.moved % often == 0 && !save(u, DELTA_MOVING, err))
            return false;
    }
    return check_old(u, u->shift, err) && save(u, DELTA_WRITING, err);
}

/* --- the new image ---------------------------------------------------------------------------- */

static uint64_t block_at(const struct update *u)
{
    return u->image_at - u->journal.begun_bytes;
}

static bool read_old(void *arg, uint64_t offset, void *buf, size_t len, struct err *err)
{
    struct update *u = arg;
    uint64_t at = offset + u->shift;

    if (at < block_at(u))
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "patch reads what it has overwritten");
    if (at < u->lowest)
        u->lowest = at;
    return u->io->read(u->io->arg, at, buf, len, err);
}

static bool read_patch(void *arg, uint64_t offset, void *buf, size_t room, size_t *got,
                       struct err *err)
{
    struct update *u = arg;

    return u->io->read_patch(u->io->arg, offset, buf, room, got, err);
}

static bool read_new(void *arg, uint64_t offset, void *buf, size_t len, struct err *err)
{
    struct update *u = arg;
    uint8_t *out = buf;
    uint64_t block = block_at(u);

    if (offset < block) {
        size_t some = block - offset < len ? (size_t)(block - offset) : len;

        if (!u->io->read(u->io->arg, offset, out, some, err))
            return false;
        out += some;
        offset += some;
        len -= some;
    }
    if (len > 0)
        memcpy(out, u->block + (offset - block), len);
    return true;
}

static bool write_new(void *arg, uint64_t offset, const void *buf, size_t len, struct err *err)
{
    struct update *u = arg;
    const uint8_t *data = buf;

    ASSERT(offset == u->image_at);
    while (len > 0) {
        size_t begun = u->journal.begun_bytes;
        size_t some = len < u->erase - begun ? len : u->erase - begun;

        memcpy(u->block + begun, data, some);
        data += some;
        len -= some;
        u->image_at += some;
        u->journal.begun_bytes += (uint32_t)some;
        if (u->journal.begun_bytes < u->erase)
            break;
        if (!u->io->write(u->io->arg, block_at(u), u->block, u->erase, err))
            return false;
        u->journal.begun_bytes = 0;
    }
    return true;
}

/* After a power loss the group would be done again: what it read must be there still. */
static bool check_group(const struct update *u, uint64_t overwritten, struct err *err)
{
    return u->lowest >= overwritten ||
           err_refuse(err, REFUSAL_DELTA_FORMAT, "patch group overwrites what it is made from");
}

static bool on_checkpoint(void *arg, const uint8_t record[DELTA_CHECKPOINT_BYTES], struct err *err)
{
    struct update *u = arg;
    struct delta_checkpoint checkpoint;

    if (!delta_checkpoint_read(record, &checkpoint, err))
        return false;
    if (checkpoint.image_at == u->group_at) /* within a group */
        return true;
    if (!check_group(u, block_at(u), err))
        return false;
    u->group_at = checkpoint.image_at;
    u->lowest = UINT64_MAX;
    u->journal.has_checkpoint = true;
    memcpy(u->journal.checkpoint, record, DELTA_CHECKPOINT_BYTES);
    return save(u, DELTA_WRITING, err);
}

static void *allocate(void *arg, size_t size)
{
    struct update *u = arg;

    return u->io->allocate ? u->io->allocate(u->io->arg, size) : mem_alloc(size);
}

static void release(void *arg, void *block)
{
    struct update *u = arg;

    if (u->io->release)
        u->io->release(u->io->arg, block);
    else
        mem_free(block);
}

static struct delta_io device_of(struct update *u)
{
    return (struct delta_io){.arg = u,
                             .read_old = read_old,
                             .read_patch = read_patch,
                             .write_new = write_new,
                             .read_new = read_new,
                             .checkpoint = on_checkpoint,
                             .allocate = allocate,
                             .release = release};
}

static bool go_on(struct update *u, struct err *err)
{
    const struct delta_io device = device_of(u);
    struct delta_checkpoint from;

    if (!delta_checkpoint_read(u->journal.checkpoint, &from, err))
        return false;
    if (from.image_at % u->erase != u->journal.begun_bytes)
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "journal and checkpoint disagree");
    u->image_at = u->group_at = from.image_at;
    return delta_resume(&device, u->limits, u->journal.checkpoint, NULL, err);
}

static bool write_image(struct update *u, struct err *err)
{
    const struct delta_io device = device_of(u);

    u->lowest = UINT64_MAX;
    if (!(u->journal.has_checkpoint ? go_on(u, err) : delta_apply(&device, u->limits, NULL, err)))
        return false;
    if (!check_group(u, round_up(u->image_at, u->erase), err))
        return false;
    if (u->journal.begun_bytes > 0) {
        memset(u->block + u->journal.begun_bytes, ERASED, u->erase - u->journal.begun_bytes);
        if (!u->io->write(u->io->arg, block_at(u), u->block, u->erase, err))
            return false;
    }
    u->journal.begun_bytes = 0;
    u->journal.has_checkpoint = false;
    return check_new(u, err) && save(u, DELTA_THERE, err);
}

/* --- all of it -------------------------------------------------------------------------------- */

static bool check_region(const struct update *u, uint64_t region_bytes, struct err *err)
{
    uint64_t need;

    if (u->header.erase_log2 == 0)
        return err_refuse(err, REFUSAL_DELTA_FORMAT, "patch is not for an update in place");
    need = delta_in_place_region(&u->header);
    return need <= region_bytes ||
           err_refuse(err, REFUSAL_DELTA_LIMIT,
                      "patch needs a region of %llu bytes, there are %llu",
                      (unsigned long long)need, (unsigned long long)region_bytes);
}

/* An update that had ended; but the old image may have been brought back by other ways since. */
static bool begin_again(struct update *u, struct err *err)
{
    if (err->refusal != REFUSAL_DELTA_RESULT_HASH || !check_old(u, 0, &(struct err){0}))
        return false;
    *err = (struct err){0};
    u->journal.phase = DELTA_MOVING;
    u->journal.moved = 0;
    return move_old(u, err) && write_image(u, err);
}

static bool run(struct update *u, struct err *err)
{
    if (!find_journal(u, err))
        return false;
    if (u->journal.phase == DELTA_THERE)
        return check_new(u, err) || begin_again(u, err);
    if (u->journal.phase == DELTA_WRITING)
        return write_image(u, err);
    if (u->journal.moved == 0 && !check_old(u, 0, err))
        return err->refusal == REFUSAL_DELTA_BASE && check_new(u, &(struct err){0});
    return move_old(u, err) && write_image(u, err);
}

bool delta_update_in_place(const struct delta_in_place_io *io, const struct delta_limits *limits,
                           uint64_t region_bytes, struct delta_header *out_header, struct err *err)
{
    struct update u = {.io = io, .limits = limits};
    const struct delta_io device = device_of(&u);
    bool good;

    if (!delta_fetch_header(&device, limits->header_sha256, &u.header, err) ||
        !delta_check_limits(&u.header, limits, err) || !check_region(&u, region_bytes, err))
        return false;
    u.erase = erase_of(&u.header);
    u.shift = (uint64_t)u.header.shift_blocks * u.erase;
    delta_header_sha256(&u.header, u.journal.header_sha256);
    u.record = allocate(&u, DELTA_JOURNAL_BYTES + u.erase);
    u.block = u.record + DELTA_JOURNAL_BYTES;
    good = run(&u, err);
    release(&u, u.record);
    if (good && out_header)
        *out_header = u.header;
    return good;
}
