/* The blocking client: one curl handle, so connections are kept between requests. */
#include "lib/client/client.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/client/pins.h"
#include "lib/client/transfer.h"
#include "lib/json/json.h"

struct client {
    struct transfer_origin origin;
    CURL *easy;
};

bool client_open(const struct client_options *options, struct client **out, struct err *err)
{
    struct client *client = mem_alloc(sizeof(*client));

    if (!transfer_origin_init(options, &client->origin, err)) {
        mem_free(client);
        return false;
    }
    client->easy = curl_easy_init();
    if (!client->easy) {
        client_close(client);
        return err_set(err, ERR_SYSTEM, "could not start the HTTP library");
    }
    *out = client;
    return true;
}

void client_set_pins(struct client *client, const uint8_t (*pins)[HASH_BYTES], size_t count)
{
    mem_free(client->origin.pins);
    client->origin.pins = count > 0 ? pins_format(pins, count) : NULL;
}

void client_close(struct client *client)
{
    if (!client)
        return;
    curl_easy_cleanup(client->easy);
    transfer_origin_done(&client->origin);
    mem_free(client);
}

bool client_send(struct client *client, const struct client_request *request,
                 struct client_answer *out, struct err *err)
{
    struct transfer transfer = {.easy = client->easy};
    bool ok;

    if (!transfer_start(&transfer, &client->origin, request, err))
        return false;
    ok = transfer_finish(&transfer, curl_easy_perform(client->easy), err);
    if (ok) {
        *out = transfer.answer;
        buf_init(&transfer.answer.body, 0);
    }
    transfer_done(&transfer);
    return ok;
}

void client_answer_done(struct client_answer *answer)
{
    buf_done(&answer->body);
}

static enum err_code code_of(unsigned status)
{
    /* clang-format off */
    static const struct {
        unsigned status;
        enum err_code code;
    } table[] = {
        {401, ERR_DENIED},   {403, ERR_DENIED},   {404, ERR_NOT_FOUND}, {410, ERR_NOT_FOUND},
        {409, ERR_CONFLICT}, {412, ERR_CONFLICT}, {413, ERR_LIMIT},     {408, ERR_UNAVAILABLE},
        {425, ERR_UNAVAILABLE}, {429, ERR_UNAVAILABLE},
    };
    /* clang-format on */

    for (size_t i = 0; i < COUNT(table); i++)
        if (table[i].status == status)
            return table[i].code;
    return status >= 500 ? ERR_UNAVAILABLE : ERR_INVALID;
}

bool client_answer_check(const struct client_answer *answer, struct err *err)
{
    AUTO_JSON *problem = NULL;
    const char *detail = NULL;
    const char *code = NULL;
    struct err ignored = {0};

    if (answer->status >= 200 && answer->status < 300)
        return true;
    if (json_parse(buf_text(&answer->body), answer->body.len, &json_limits_api, &problem,
                   &ignored)) {
        if (!json_field_text(problem, "", "detail", 200, &detail, &ignored) &&
            !json_field_text(problem, "", "title", 200, &detail, &ignored))
            detail = NULL;
    }
    if (detail)
        (void)err_set(err, code_of(answer->status), "%s (HTTP %u)", detail, answer->status);
    else
        (void)err_set(err, code_of(answer->status), "the server answered HTTP %u", answer->status);
    if (problem && json_field_text(problem, "", "code", 200, &code, &ignored))
        (void)!refusal_parse(code, strlen(code), &err->refusal); /* a newer server's: untold */
    return false;
}
