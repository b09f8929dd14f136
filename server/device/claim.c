/*
 * A claim is one statement; two more steps follow only where needed: the same key claiming twice
 * at the same moment is asked again, and a device that memory does not have yet is read.
 */
#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/crypto/sign.h"
#include "lib/http/url.h"
#include "server/device/internal.h"
#include "server/limits.h"
#include "server/store/store_enroll.h"

struct claiming {
    struct http_request *req;
    struct device_desk *desk;
    struct wire_claim claim;
    struct wire_claim_answer answer;
    bool was_tried;
};

static bool check_signature(const struct wire_claim *claim, struct err *err)
{
    AUTO_BUF said;

    buf_init(&said, DEVICE_CLAIM_BYTES_MAX);
    wire_claim_signed_bytes(claim, &said);
    return sign_check(claim->public_key, said.data, said.len, claim->signature) ||
           err_set(err, ERR_DENIED, "the claim is not signed by the device's key");
}

/* Where the device finds its tenant's repository: below the configured URL, or below what it
 * called us. */
static bool set_bases(struct claiming *claiming, const char *tenant, struct err *err)
{
    const struct device_desk_place *place = &claiming->desk->place;
    const char *host = http_header(claiming->req, "host");
    struct arena *arena = claiming->req->arena;
    char device[HASH_HEX_ROOM];
    const char *base = place->public_url;

    if (base[0] == '\0')
        base = arena_printf(arena, "%s://%s", place->is_tls ? "https" : "http", host ? host : "");
    text_from_hex_bytes(claiming->answer.device, sizeof(claiming->answer.device), device);
    return (text_copy(claiming->answer.image_base, sizeof(claiming->answer.image_base),
                      arena_printf(arena, "%s/t/%s/image", base, tenant)) &&
            text_copy(claiming->answer.director_base, sizeof(claiming->answer.director_base),
                      arena_printf(arena, "%s/t/%s/director/%s/metadata", base, tenant, device))) ||
           err_set(err, ERR_INVALID, "the name of the host is too long");
}

static void finish(struct claiming *claiming)
{
    AUTO_BUF message;

    buf_init(&message, WIRE_REQUEST_BYTES_MAX);
    wire_claim_answer_format(&claiming->answer, &message);
    answer_message(claiming->req, &message);
}

static void on_found(const struct db_result *result, const struct err *err, void *arg)
{
    struct claiming *claiming = arg;

    if (err) {
        http_answer_error(claiming->req, err);
        return;
    }
    (void)add_found(claiming->desk, result); /* what was claimed is there */
    finish(claiming);
}

static bool accept(struct claiming *claiming, const struct db_result *result, struct err *err)
{
    struct wire_claim_answer *answer = &claiming->answer;
    struct store_claimed claimed;

    store_claimed_read(result, &claimed);
    switch (claimed.outcome) {
    case CLAIM_GOOD:
        return ((text_copy(answer->tenant, sizeof(answer->tenant), claimed.tenant) &&
                 text_copy(answer->product, sizeof(answer->product), claimed.product) &&
                 text_copy(answer->group, sizeof(answer->group), claimed.group)) ||
                err_set(err, ERR_SYSTEM, "a name is too long")) &&
               set_bases(claiming, claimed.tenant, err);
    case CLAIM_UNKNOWN:
        return err_set(err, ERR_DENIED, "there is no such claim token");
    case CLAIM_EXPIRED:
        return err_set(err, ERR_DENIED, "the claim token is over");
    case CLAIM_USED_UP:
        return err_set(err, ERR_DENIED, "the claim token is used up");
    case CLAIM_OTHER_HARDWARE:
        return err_set(err, ERR_DENIED, "the claim token is not for hardware '%s'",
                       claiming->claim.hwid);
    case CLAIM_OTHER:
        return err_set(err, ERR_CONFLICT, "the device was claimed with another token");
    case CLAIM_GONE:
        return err_set(err, ERR_DENIED, "the device was decommissioned");
    case CLAIM_PENDING:
        return err_set(err, ERR_DENIED, "the device waits for an operator to accept it");
    case CLAIM_REJECTED:
        return err_set(err, ERR_DENIED, "an operator rejected the device");
    case CLAIM_FULL:
        return err_set(err, ERR_UNAVAILABLE, "too many devices wait to be accepted");
    case CLAIM_NOWHERE:
        return err_set(err, ERR_DENIED, "no product has hardware '%s'", claiming->claim.hwid);
    case CLAIM_UNCLEAR:
        return err_set(err, ERR_DENIED,
                       "more than one tenant has hardware '%s': claim '@TENANT' names one",
                       claiming->claim.hwid);
    case CLAIM_OUTCOME_COUNT:
        break;
    }
    return err_set(err, ERR_SYSTEM, "no such outcome of a claim");
}

static void on_claimed(const struct db_result *result, const struct err *err, void *arg);

/* Without a token it has to be expected, or accepted by a person. */
static bool is_open(const struct wire_claim *claim)
{
    return claim->claim[0] == '\0' || claim->claim[0] == '@';
}

static void send_claim(struct claiming *claiming)
{
    const struct wire_claim *claim = &claiming->claim;
    struct db *db = claiming->desk->place.db;

    if (is_open(claim))
        store_enroll_claim(db, claim, claiming->answer.device,
                           claim->claim[0] == '@' ? claim->claim + 1 : NULL, on_claimed, claiming);
    else
        store_device_claim(db, claim, claiming->answer.device, on_claimed, claiming);
}

/* Anybody may ask without a token, so not everybody at once. */
static bool open_claims_are_few(struct device_desk *desk, struct err *err)
{
    int64_t second = clock_mono_ms() / 1000;

    if (desk->open_claim_second != second) {
        desk->open_claim_second = second;
        desk->open_claim_count = 0;
    }
    return desk->open_claim_count++ < DEVICE_OPEN_CLAIMS_PER_S ||
           err_set(err, ERR_UNAVAILABLE, "too many claims without a token now");
}

static void on_claimed(const struct db_result *result, const struct err *err, void *arg)
{
    struct claiming *claiming = arg;
    struct device_desk *desk = claiming->desk;
    struct err refused;

    if (err && err->code == ERR_CONFLICT && !claiming->was_tried) {
        claiming->was_tried = true;
        send_claim(claiming);
        return;
    }
    if (err) {
        http_answer_error(claiming->req, err);
        return;
    }
    if (!accept(claiming, result, &refused)) {
        http_answer_error(claiming->req, &refused);
        return;
    }
    if (fleet_index_find(desk_index(desk), claiming->answer.device))
        finish(claiming);
    else
        store_device_find(desk->place.db, claiming->answer.device, on_found, claiming);
}

void on_claim(struct http_request *req, void *app)
{
    struct claiming *claiming = arena_alloc(req->arena, sizeof(*claiming));
    struct err err;

    claiming->req = req;
    claiming->desk = desk_of(app);
    if (!wire_claim_parse(req->body, req->body_len, &claiming->claim, &err) ||
        (is_open(&claiming->claim) && !open_claims_are_few(claiming->desk, &err)) ||
        !check_signature(&claiming->claim, &err)) {
        http_answer_error(req, &err);
        return;
    }
    hash_blake2b(claiming->claim.public_key, sizeof(claiming->claim.public_key),
                 claiming->answer.device);
    send_claim(claiming);
}
