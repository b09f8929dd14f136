#pragma once
/*
 * A device as lists and answers to changes show it. Of a row `d` of device, with DEVICE_JOIN behind
 * it.
 */
#include "server/store/until.h"

/* A hash that is no image of ours is shown too, without a version: somebody installed it. */
#define DEVICE_INSTALLED                                                                           \
    "(SELECT coalesce(json_agg(json_build_object('sha256', encode(run.sha256, 'hex'),"             \
    "          'version', i.version, 'release_counter', i.release_counter) ORDER BY run.n), '[]')" \
    "   FROM unnest(d.installed) WITH ORDINALITY AS run (sha256, n)"                               \
    "   LEFT JOIN image i ON i.tenant_id = d.tenant_id AND i.sha256 = run.sha256)"
#define DEVICE_FIELDS                                                                              \
    "'device', encode(d.device_id, 'hex'), 'product', p.name, 'group', g.name,"                    \
    " 'group_id', g.public_id, 'hwid', d.hwid, 'state', d.state,"                                  \
    " 'state_reason', d.state_reason, 'hold', " STORE_HOLD_JSON(                                   \
        "d") ", 'tags', d.tags,"                                                                   \
             " 'replaced_by', (SELECT encode(n.device_id, 'hex') FROM device n WHERE n.id = "      \
             "d.replaced_by),"                                                                     \
             " 'assignment', d.assignment,"                                                        \
             " 'installed', " DEVICE_INSTALLED ", 'last_seen', slipway_time(seen.seen_at),"        \
             " 'claimed', slipway_time(d.claimed_at)"
#define DEVICE_JOIN                                                                                \
    " JOIN device_group g ON g.id = d.group_id JOIN product p ON p.id = g.product_id"              \
    " LEFT JOIN device_seen seen ON seen.device_id = d.id"
