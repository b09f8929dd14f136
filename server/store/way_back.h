#pragma once
/* May a device that runs image `from` be told to go to the older image `to`? What its image was
 * signed to allow decides (the device will hold us to it): NULL, or why not, behind "is". */
/* clang-format off */
#define STORE_NO_WAY_BACK(from, to)                                                                \
    "CASE WHEN " to ".release_counter < " from ".floor THEN 'below its floor'"                     \
    "     WHEN NOT " to ".release_counter = ANY (" from ".revert_to)"                              \
    "       THEN 'not among the counters it was signed to go back to'"                             \
    "     WHEN " from ".revert_until IS NULL OR " from ".revert_until <= now()"                    \
    "       THEN 'no longer allowed: the signed permission has ended' END"

/* ... where `to` may be no image at all (a row of NULLs), or the same, or a newer one. */
#define STORE_NO_WAY_BACK_FROM(from, to)                                                           \
    "CASE WHEN " to ".id IS NULL THEN 'missing'"                                                   \
    "     WHEN " to ".release_counter > " from ".release_counter THEN 'above it'"                  \
    "     WHEN " to ".release_counter < " from ".release_counter"                                  \
    "       THEN " STORE_NO_WAY_BACK(from, to) " END"
/* clang-format on */
