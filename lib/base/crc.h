#pragma once
/*
 * CRC-32C (Castagnoli): finds torn and flipped bytes in our own small records. It is no defence
 * against anybody who wants to change them.
 */
#include "lib/base/base.h"

uint32_t crc32c(const void *data, size_t len);
