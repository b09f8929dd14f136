#pragma once
/*
 * One page of a list, as every list of the API is read: the tenant's rows with an id above
 * `after`, at most `limit`; the answer is {"items":[...],"next":"..."} with `next` null on the
 * last page. The cursor is the internal id of the page's last row.
 *
 * A statement made with STORE_PAGE answers one row with one column, the JSON. Its inner SELECT
 * yields `id` and `item` (json) and uses $1 tenant, $2 after, $3 limit.
 */
#include "server/db/db.h"

struct store_page {
    int64_t tenant_id;
    int64_t after;
    int64_t limit;
};

/* The same call for every list and every look at one thing. */
#define STORE_PAGE(select)                                                                         \
    "SELECT json_build_object("                                                                    \
    "         'items', coalesce(json_agg(item ORDER BY id) FILTER (WHERE n <= $3::bigint), '[]')," \
    "         'next', CASE WHEN count(*) > $3 THEN (max(id) FILTER (WHERE n <= $3))::text END)"    \
    "  FROM (SELECT id, item, row_number() OVER (ORDER BY id) AS n"                                \
    "          FROM (" select " ORDER BY id LIMIT $3 + 1) AS limited) AS page"

/* Binds $1 to $3. */
static inline void store_page_bind(struct db_call *call, const struct store_page *page)
{
    db_bind_i64(call, page->tenant_id);
    db_bind_i64(call, page->after);
    db_bind_i64(call, page->limit);
}
