#pragma once
/*
 * Devices that operators changed (moved, held, quarantined, tagged, replaced): memory reads them
 * again. Used on the fleet's loop only.
 */
#include "server/fleet/index.h"

struct fleet_follow;

/* From what was changed shortly before now on. */
struct fleet_follow *fleet_follow_new(struct fleet_index *index);
void fleet_follow_free(struct fleet_follow *follow);
/* Something changed: reads what is newer than the last reading, page by page. While one reading
 * is under way another one is noted and comes after it. */
void fleet_follow_read(struct fleet_follow *follow, struct db *db);
/* Reads again if the last reading failed. */
void fleet_follow_retry(struct fleet_follow *follow, struct db *db);
