/* `deltagen info PATCH`: what the header says, and what applying takes. */
#include <stdio.h>

#include "deltagen/command.h"
#include "deltagen/image.h"
#include "lib/base/text.h"
#include "lib/delta/in_place.h"

static void header_hex(const struct delta_header *header, char out[HASH_HEX_ROOM])
{
    uint8_t hash[HASH_BYTES];

    delta_header_sha256(header, hash);
    text_from_hex_bytes(hash, sizeof(hash), out);
}

static void print_text(const struct delta_header *header, uint64_t patch_bytes)
{
    char old_hash[HASH_HEX_ROOM];
    char new_hash[HASH_HEX_ROOM];
    char header_hash[HASH_HEX_ROOM];

    header_hex(header, header_hash);
    text_from_hex_bytes(header->old_sha256, HASH_BYTES, old_hash);
    text_from_hex_bytes(header->new_sha256, HASH_BYTES, new_hash);
    (void)printf("codec   %s\n"
                 "old     %llu bytes, sha256 %s\n"
                 "new     %llu bytes, sha256 %s\n"
                 "patch   %llu bytes, in frames of at most %u\n"
                 "header  %d bytes, sha256 %s\n"
                 "memory  %llu bytes to apply, class %s\n",
                 delta_codec_name(header->codec), (unsigned long long)header->old_length, old_hash,
                 (unsigned long long)header->new_length, new_hash, (unsigned long long)patch_bytes,
                 header->frame_bytes_max, DELTA_HEADER_BYTES, header_hash,
                 (unsigned long long)delta_memory_bytes(header), delta_class_name(header->class));
    if (header->erase_log2 > 0)
        (void)printf("place   where the old one lies: a region of %llu bytes in blocks of %u\n",
                     (unsigned long long)delta_in_place_region(header), 1u << header->erase_log2);
}

static void print_json(const struct delta_header *header, uint64_t patch_bytes)
{
    bool in_place = header->erase_log2 > 0;
    char old_hash[HASH_HEX_ROOM];
    char new_hash[HASH_HEX_ROOM];
    char header_hash[HASH_HEX_ROOM];

    header_hex(header, header_hash);
    text_from_hex_bytes(header->old_sha256, HASH_BYTES, old_hash);
    text_from_hex_bytes(header->new_sha256, HASH_BYTES, new_hash);
    (void)printf("{\"codec\":\"%s\",\"old_bytes\":%llu,\"old_sha256\":\"%s\",\"new_bytes\":%llu,"
                 "\"new_sha256\":\"%s\",\"patch_bytes\":%llu,\"memory_bytes\":%llu,"
                 "\"class\":\"%s\",\"frame_bytes\":%u,\"header_length\":%d,"
                 "\"header_sha256\":\"%s\",\"in_place\":%s,\"region_bytes\":%llu,"
                 "\"erase_bytes\":%u}\n",
                 delta_codec_name(header->codec), (unsigned long long)header->old_length, old_hash,
                 (unsigned long long)header->new_length, new_hash, (unsigned long long)patch_bytes,
                 (unsigned long long)delta_memory_bytes(header), delta_class_name(header->class),
                 header->frame_bytes_max, DELTA_HEADER_BYTES, header_hash,
                 in_place ? "true" : "false",
                 (unsigned long long)(in_place ? delta_in_place_region(header) : 0),
                 in_place ? 1u << header->erase_log2 : 0);
}

int command_info(const struct options *options)
{
    AUTO_IMAGE patch = {0};
    struct delta_header header;
    struct bytes in;
    struct err err = {0};

    if (!image_open(options->files[0], &patch, &err))
        return command_failed(&err);
    in = bytes_of(patch.data, patch.len);
    if (!delta_header_read(&in, &header, &err))
        return command_failed(&err);
    if (header.body_length != bytes_left(&in)) {
        (void)err_refuse(&err, REFUSAL_DELTA_FORMAT,
                         "patch file and header disagree on its length");
        return command_failed(&err);
    }
    if (options->json)
        print_json(&header, patch.len);
    else
        print_text(&header, patch.len);
    return EXIT_DONE;
}
