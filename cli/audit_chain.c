/* A row's place is what the chain counts, not what the row says of itself: so a row that is gone,
 * or twice there, is named by the number that is wrong. */
#include "cli/audit_chain.h"

#include <inttypes.h>
#include <string.h>

#include "lib/base/text.h"

enum { ROW_BYTES_MAX = 16 << 10, SEQ_MAX_BITS = 53 };
static const uint64_t seq_max = 1ull << SEQ_MAX_BITS;

void audit_chain_init(struct audit_chain *chain)
{
    chain->seq = 0;
    memset(chain->hash, '0', HASH_HEX_ROOM - 1);
    chain->hash[HASH_HEX_ROOM - 1] = '\0';
}

static bool hash_row(const json_t *row, char hex[HASH_HEX_ROOM], struct err *err)
{
    AUTO_JSON *bare = json_copy(json_iterable(row));
    uint8_t digest[HASH_BYTES];
    AUTO_BUF text;

    (void)json_object_del(bare, "hash"); /* that it is there was seen */
    buf_init(&text, ROW_BYTES_MAX);
    buf_add_u8(&text, 0);
    if (!json_canonical(bare, &text, err))
        return false;
    if (text.failed)
        return err_set(err, ERR_LIMIT, "the row is longer than %d bytes", ROW_BYTES_MAX);
    hash_sha256(text.data, text.len, digest);
    text_from_hex_bytes(digest, sizeof(digest), hex);
    return true;
}

static bool check_row(const struct audit_chain *chain, const json_t *row, char hex[HASH_HEX_ROOM],
                      struct err *err)
{
    const char *prev;
    const char *hash;
    uint64_t seq;

    if (!json_is_object(row))
        return err_set(err, ERR_INVALID, "the row is not an object");
    if (!json_field_u64(row, "", "seq", 1, seq_max, &seq, err) ||
        !json_field_text(row, "", "prev_hash", HASH_HEX_ROOM - 1, &prev, err) ||
        !json_field_text(row, "", "hash", HASH_HEX_ROOM - 1, &hash, err) ||
        !hash_row(row, hex, err))
        return false;
    if (seq != chain->seq + 1)
        return err_set(err, ERR_UNTRUSTED, "row %" PRIu64 " is where row %" PRIu64 " has to be",
                       seq, chain->seq + 1);
    if (!text_equal(hash, hex))
        return err_set(err, ERR_UNTRUSTED, "its content does not have the hash that it says");
    if (!text_equal(prev, chain->hash))
        return err_set(err, ERR_UNTRUSTED, "it does not follow the row before it");
    return true;
}

bool audit_chain_add(struct audit_chain *chain, const json_t *row, uint64_t *bad_seq,
                     struct err *err)
{
    char hex[HASH_HEX_ROOM];

    *bad_seq = chain->seq + 1;
    if (!check_row(chain, row, hex, err))
        return false;
    chain->seq++;
    memcpy(chain->hash, hex, sizeof(hex));
    return true;
}

bool audit_chain_end(const struct audit_chain *chain, const json_t *head, uint64_t *bad_seq,
                     struct err *err)
{
    const char *hash;
    uint64_t seq;

    *bad_seq = chain->seq;
    if (!json_field_u64(head, "head", "seq", 0, seq_max, &seq, err) ||
        !json_field_text(head, "head", "hash", HASH_HEX_ROOM - 1, &hash, err))
        return false;
    if (seq > chain->seq) {
        *bad_seq = chain->seq + 1;
        return err_set(err, ERR_UNTRUSTED,
                       "the chain ends at row %" PRIu64 ", its head is row %" PRIu64, chain->seq,
                       seq);
    }
    if (seq < chain->seq) {
        *bad_seq = seq + 1;
        return err_set(err, ERR_UNTRUSTED, "the chain goes on behind its head, row %" PRIu64, seq);
    }
    return text_equal(hash, chain->hash) ||
           err_set(err, ERR_UNTRUSTED, "the head has another hash than the last row");
}
