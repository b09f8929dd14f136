#pragma once
/*
 * Which addresses belong to the internet at large: where a program may connect to whose target
 * other people chose. Pure.
 */
#include <sys/socket.h>

#include "lib/base/base.h"

/* IPv4 and IPv6 addresses that are routed in public (IANA's special-purpose registries). IPv4 that
 * is carried in IPv6 (mapped, NAT64, 6to4) counts as what it carries. */
bool address_is_public(const struct sockaddr *address, socklen_t len);
