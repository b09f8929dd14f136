/* Words that only our own statements write are trusted: another one is a mistake of ours. */
#include "server/store/standing.h"

#include <string.h>

enum update_state store_state_read(const struct db_result *result, size_t row, unsigned col)
{
    const char *word = db_text(result, row, col);
    enum update_state state = UPDATE_IDLE;

    if (word[0] != '\0')
        ASSERT(update_state_parse(word, strlen(word), &state));
    return state;
}

void store_standing_read(const struct db_result *result, size_t row, unsigned col,
                         struct store_standing *out)
{
    *out = (struct store_standing){
        .device_id = db_i64(result, row, col),
        .assignment = db_i64(result, row, col + 1),
        .deployment_id = db_i64(result, row, col + 2),
        .phase = db_i64(result, row, col + 3),
        .state = store_state_read(result, row, col + 4),
        .wants_image = db_bool(result, row, col + 5),
    };
}
