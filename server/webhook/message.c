/* The sentence for people is made of what the object says of itself, in an order that reads well;
 * an object that says more says it in the JSON. */
#include "server/webhook/message.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/json/json.h"

/* clang-format off */
static const char *const templates[] = {
    [WEBHOOK_JSON]  = "json",
    [WEBHOOK_EMAIL] = "email",
    [WEBHOOK_CHAT]  = "chat",
};

static const struct {
    const char *event;
    const char *words;
} sentences[] = {
    {"deployment.started",     "Deployment started"},
    {"deployment.phase",       "Deployment went on to its next phase"},
    {"deployment.paused",      "Deployment paused"},
    {"deployment.halted",      "Deployment halted"},
    {"deployment.resumed",     "Deployment resumed"},
    {"deployment.finished",    "Deployment finished"},
    {"deployment.aborted",     "Deployment aborted"},
    {"deployment.rolled-back", "Deployment is rolled back"},
    {"issue.new",              "New issue"},
    {"issue.regressed",        "Issue came back"},
    {"device.silent",          "Device is silent"},
    {"device.clone",           "Device may have been cloned"},
    {"webhook.test",           "Test of a webhook"},
};

const char *const webhook_events[] = {
    "*", "deployment.*", "issue.*", "device.*", "deployment.started", "deployment.phase",
    "deployment.paused", "deployment.halted", "deployment.resumed", "deployment.finished",
    "deployment.aborted", "deployment.rolled-back", "issue.new", "issue.regressed",
    "device.silent", "device.clone", NULL,
};

/* Members of an object that people want to read, and how they are introduced. */
static const struct {
    const char *name;
    const char *before;
} details[] = {
    {"title",      ": "},
    {"release",    ": release "},
    {"group",      " in group "},
    {"product",    " of product "},
    {"phase",      ", phase "},
    {"device",     ", device "},
    {"deployment", ", deployment "},
    {"issue",      ", issue "},
    {"reason",     ": "},
};

/* With the tries themselves these make a day. */
static const int64_t waits_s[] = {30, 120, 600, 1800, 7200, 21600, 54000};
/* clang-format on */
_Static_assert(COUNT(templates) == WEBHOOK_TEMPLATE_COUNT, "every template has a name");

const char *webhook_template_name(enum webhook_template template)
{
    return templates[template];
}

bool webhook_template_parse(const char *name, enum webhook_template *out)
{
    for (size_t i = 0; i < COUNT(templates); i++) {
        if (text_equal(templates[i], name)) {
            *out = (enum webhook_template)i;
            return true;
        }
    }
    return false;
}

bool webhook_event_is_known(const char *name)
{
    for (size_t i = 0; webhook_events[i]; i++) {
        if (text_equal(webhook_events[i], name))
            return true;
    }
    return false;
}

static const char *words_of(const char *event)
{
    for (size_t i = 0; i < COUNT(sentences); i++) {
        if (text_equal(sentences[i].event, event))
            return sentences[i].words;
    }
    return event;
}

/* "Deployment halted: release v2 in group production: 3 of 9 failed" */
static char *sentence(const struct webhook_event *event, const json_t *object)
{
    AUTO_BUF text;

    buf_init(&text, WEBHOOK_BODY_BYTES_MAX / 8);
    buf_add_text(&text, words_of(event->event));
    for (size_t i = 0; i < COUNT(details); i++) {
        const json_t *value = json_object_get(object, details[i].name);

        if (json_is_string(value) && json_string_length(value) > 0)
            buf_printf(&text, "%s%s", details[i].before, json_string_value(value));
        else if (json_is_integer(value))
            buf_printf(&text, "%s%" JSON_INTEGER_FORMAT, details[i].before,
                       json_integer_value(value));
    }
    return mem_strdup(text.failed ? words_of(event->event) : buf_text(&text));
}

static json_t *tree_json(const struct webhook_event *event, json_t *object)
{
    return json_pack("{s:s, s:s, s:s, s:O}", "id", event->delivery, "event", event->event, "at",
                     event->at, "object", object);
}

static json_t *tree_email(const struct webhook_event *event, json_t *object)
{
    AUTO_FREE char *subject = sentence(event, object);
    AUTO_FREE char *whole = json_dumps(object, JSON_INDENT(2));
    AUTO_FREE char *text = mem_printf("%s.\n\nEvent: %s\nTime:  %s\nId:    %s\n\n%s\n", subject,
                                      event->event, event->at, event->delivery, whole);

    return json_pack("{s:s+, s:s}", "subject", "[Slipway] ", subject, "text", text);
}

static json_t *tree_chat(const struct webhook_event *event, json_t *object)
{
    AUTO_FREE char *text = sentence(event, object);

    return json_pack("{s:s}", "text", text);
}

bool webhook_body(enum webhook_template template, const struct webhook_event *event,
                  struct buf *out)
{
    static json_t *(*const make[])(const struct webhook_event *, json_t *) = {
        [WEBHOOK_JSON] = tree_json,
        [WEBHOOK_EMAIL] = tree_email,
        [WEBHOOK_CHAT] = tree_chat,
    };
    AUTO_JSON *object = NULL;
    AUTO_JSON *tree = NULL;
    AUTO_FREE char *text = NULL;
    struct err err;

    if (!json_parse(event->object, strlen(event->object), &json_limits_api, &object, &err) ||
        !json_is_object(object))
        return false;
    tree = make[template](event, object);
    ASSERT(tree); /* all texts were UTF-8 before */
    text = json_text(tree);
    buf_add_text(out, text);
    return !out->failed;
}

void webhook_signature(const uint8_t secret[WEBHOOK_SECRET_BYTES], int64_t now_s, const void *body,
                       size_t len, char out[WEBHOOK_SIGNATURE_ROOM])
{
    struct buf signed_text;
    uint8_t mac[HASH_BYTES];
    char hex[HASH_HEX_ROOM];
    int written;

    buf_init(&signed_text, len + 32);
    buf_printf(&signed_text, "%" PRId64 ".", now_s);
    buf_add(&signed_text, body, len);
    hash_hmac(secret, WEBHOOK_SECRET_BYTES, signed_text.data, signed_text.len, mac);
    buf_done(&signed_text);
    text_from_hex_bytes(mac, sizeof(mac), hex);
    written = snprintf(out, WEBHOOK_SIGNATURE_ROOM, "t=%" PRId64 ",v1=%s", now_s, hex);
    ASSERT(written > 0 && written < WEBHOOK_SIGNATURE_ROOM);
}

int64_t webhook_wait_ms(unsigned tries, uint32_t dice)
{
    int64_t wait_ms;

    if (tries == 0 || tries > COUNT(waits_s))
        return -1;
    wait_ms = waits_s[tries - 1] * 1000;
    return wait_ms - wait_ms / 5 + (int64_t)(dice % 1000) * (wait_ms * 2 / 5) / 1000;
}
