/*
 * ustar, as far as plain files need it: a header of 512 bytes, the data filled up to 512, two
 * blocks of zeros at the end. Offsets: name 0, mode 100, uid 108, gid 116, size 124, time 136,
 * checksum 148, type 156, magic 257; numbers are octal text.
 */
#include "lib/archive/targz.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "lib/base/text.h"

enum { BLOCK = 512, GZIP_WINDOW = 15 + 16, CHUNK = 65536 };

void targz_init(struct targz *targz, size_t max)
{
    buf_init(&targz->tar, max);
}

void targz_done(struct targz *targz)
{
    buf_done(&targz->tar);
}

static void octal(char *field, size_t room, uint64_t value)
{
    int len = snprintf(field, room, "%0*llo", (int)room - 1, (unsigned long long)value);

    ASSERT(len == (int)room - 1);
}

static void header_make(char header[BLOCK], const char *name, size_t len, int64_t time_s)
{
    static const char magic[8] = {'u', 's', 't', 'a', 'r', '\0', '0', '0'};
    unsigned sum = 0;

    memset(header, 0, BLOCK);
    (void)text_copy(header, TARGZ_NAME_MAX + 1, name); /* the whole name: targz_add() looked */
    octal(header + 100, 8, 0600);
    octal(header + 108, 8, 0);
    octal(header + 116, 8, 0);
    octal(header + 124, 12, len);
    octal(header + 136, 12, (uint64_t)time_s);
    memset(header + 148, ' ', 8);
    header[156] = '0';
    memcpy(header + 257, magic, sizeof(magic));
    for (size_t i = 0; i < BLOCK; i++)
        sum += (unsigned char)header[i];
    octal(header + 148, 7, sum);
}

bool targz_add(struct targz *targz, const char *name, const void *data, size_t len, int64_t time_s)
{
    static const char zeros[BLOCK];
    size_t fill = (BLOCK - len % BLOCK) % BLOCK;
    char header[BLOCK];

    if (strlen(name) > TARGZ_NAME_MAX || time_s < 0 || len > targz->tar.max - targz->tar.len ||
        targz->tar.max - targz->tar.len - len < (size_t)BLOCK * 4)
        return false;
    header_make(header, name, len, time_s);
    buf_add(&targz->tar, header, BLOCK);
    buf_add(&targz->tar, data, len);
    buf_add(&targz->tar, zeros, fill);
    return true;
}

static bool compress_all(z_stream *stream, struct buf *out)
{
    int status;

    do {
        uint8_t *room = buf_reserve(out, CHUNK);

        if (!room)
            return false;
        stream->next_out = room;
        stream->avail_out = CHUNK;
        status = deflate(stream, Z_FINISH);
        out->len += CHUNK - stream->avail_out;
    } while (status == Z_OK);
    return status == Z_STREAM_END;
}

bool targz_finish(struct targz *targz, struct buf *out, struct err *err)
{
    static const char end[BLOCK * 2];
    z_stream stream = {0};
    bool is_done;

    buf_add(&targz->tar, end, sizeof(end));
    if (targz->tar.failed || deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 8,
                                          Z_DEFAULT_STRATEGY) != Z_OK)
        return err_set(err, ERR_LIMIT, "the archive is too large");
    stream.next_in = targz->tar.data;
    stream.avail_in = (uInt)targz->tar.len;
    is_done = compress_all(&stream, out);
    (void)deflateEnd(&stream);
    return is_done || err_set(err, ERR_LIMIT, "the archive is too large");
}
