#pragma once
/*
 * Where a restart group may end: places of the new space that lie within no packed item of any
 * level. Both ends of the space are such places.
 */
#include "lib/delta/layout.h"

/* The first at or behind `at`, and the last at or before it. */
uint64_t rest_after(const struct delta_layout *layout, uint64_t at);
uint64_t rest_before(const struct delta_layout *layout, uint64_t at);
/* The last that is at rest and not behind that place of the image. */
uint64_t rest_of_image(const struct delta_layout *layout, uint64_t image_at);
