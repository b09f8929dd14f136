/* The methods and coders that are libraries: not built for emulated CPUs. */
#include "lib/delta/codec.h"
#include "lib/delta/repack.h"

static bool takes(const struct delta_packing *packing)
{
    (void)packing;
    return false;
}

const struct delta_repack_ops delta_repack_deflate = {.name = "deflate", .takes = takes},
                              delta_repack_zlib = {.name = "zlib", .takes = takes},
                              delta_repack_gnu_gzip = {.name = "gnu-gzip", .takes = takes},
                              delta_repack_zstd = {.name = "zstd", .takes = takes},
                              delta_repack_xz = {.name = "xz", .takes = takes},
                              delta_repack_lz4 = {.name = "lz4", .takes = takes},
                              delta_repack_lz4_fill = {.name = "lz4-fill", .takes = takes},
                              delta_repack_padded = {.name = "padded", .takes = takes};

static uint64_t no_bytes(unsigned log2)
{
    (void)log2;
    return UINT64_C(1) << 40; /* more than any class has */
}

const struct delta_unpack_ops delta_unpack_zlib = {.memory_bytes = no_bytes},
                              delta_unpack_zstd = {.memory_bytes = no_bytes};
