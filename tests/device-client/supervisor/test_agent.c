/* What the agent does beside the machine, on parts made by hand. */
#include <criterion/criterion.h>
#include <string.h>

#include "device-client/supervisor/parts.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/log/log.h"
#include "lib/os/file.h"
#include "tests/support/scripted.h"
#include "tests/support/temp.h"

static struct agent *agent_of_parts(void)
{
    struct agent *agent = mem_alloc(sizeof(*agent));
    struct err err = {0};

    log_set_level(LOG_LEVEL_ERROR);
    agent->lock_fd = -1;
    agent->record_path = mem_strdup(temp_path("record"));
    agent->download_dir = mem_strdup(temp_path("download"));
    record_init(&agent->record);
    slots_init(&agent->slots, temp_path("a"), temp_path("b"));
    temp_write(temp_path("b"), "----------------", 16);
    cr_assert(file_make_dirs(agent->download_dir, 0700, &err), "%s", err.text);
    cr_assert(report_queue_open(temp_path("reports"), &agent->queue, &err), "%s", err.text);
    return agent;
}

Test(agent, tells_a_lasting_refusal_once_for_each_offer, .fini = temp_done)
{
    /* Offer 0 is the walk of stale metadata before the poll. */
    static const struct {
        uint64_t offer;
        enum refusal refusal;
        size_t told;
    } walks[] = {
        {0, REFUSAL_TIMESTAMP_EXPIRED, 1}, {7, REFUSAL_TIMESTAMP_EXPIRED, 2},
        {0, REFUSAL_TIMESTAMP_EXPIRED, 2}, {7, REFUSAL_TIMESTAMP_EXPIRED, 2},
        {0, REFUSAL_ROOT_EXPIRED, 3},      {8, REFUSAL_ROOT_EXPIRED, 4},
    };
    struct agent *agent = agent_of_parts();

    for (size_t i = 0; i < COUNT(walks); i++) {
        struct err why = {0};

        (void)err_refuse(&why, walks[i].refusal, "no");
        agent->offer = walks[i].offer;
        agent_note_refusal(agent, &why);
        cr_expect_eq(report_queue_length(agent->queue), walks[i].told, "walk %zu", i);
    }
    agent_close(agent);
}

/* A patch of the update that was replaced may be all the space there is. */
Test(agent, makes_room_for_a_download_but_keeps_what_belongs_to_it, .fini = temp_done)
{
    static const struct scripted_answer script[] = {
        {.text = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789"}};
    struct scripted *server = scripted_start(script, COUNT(script));
    struct agent *agent = agent_of_parts();
    const struct transport_options options = {.origin = scripted_origin(server)};
    struct image *image = &agent->record.image;
    AUTO_FREE char *old = mem_printf("%s/00ff.part", agent->download_dir);
    uint64_t bytes = 0;
    struct err err = {0};

    cr_assert(transport_open(&options, &agent->transport, &err), "%s", err.text);
    temp_write(old, "left over", 9);
    (void)text_copy(agent->claim.image_base, sizeof(agent->claim.image_base), options.origin);
    (void)text_copy(image->path, sizeof(image->path), "os/x/1/f.img");
    image->length = 10;
    hash_sha256("0123456789", 10, image->sha256);
    agent->record.target_slot = SLOT_B;

    cr_assert(agent_ops.fetch(agent, &agent->record, NULL, &bytes, &err), "%s", err.text);
    cr_expect_eq(bytes, 10);
    cr_expect(file_exists(agent->fetched));
    cr_expect_not(file_exists(old));
    agent_close(agent);
    (void)scripted_stop(server);
}
