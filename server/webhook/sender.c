/*
 * The loop and the thread share one list, of what is to be sent; what was sent comes back as a
 * post. The thread sleeps while it has nothing; with something under way it looks into the list
 * every TURN_MS at the latest.
 */
#include "server/webhook/sender.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "lib/base/clock.h"
#include "lib/base/list.h"
#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/client/pool.h"
#include "lib/crypto/token.h"
#include "lib/log/log.h"
#include "lib/loop/loop.h"
#include "server/limits.h"
#include "server/store/store_delivery.h"
#include "server/webhook/message.h"

enum { TURN_MS = 50, DETAIL_MAX = 200 };

struct delivery {
    struct list link; /* in sender->queue, or in sender->sent */
    struct webhook_sender *sender;
    int64_t id;
    int64_t tries;
    char *url;
    char *headers[4]; /* NULL-terminated */
    struct buf body;
    int64_t since_mono_ms;
    int64_t latency_ms;
    unsigned status;
    char detail[DETAIL_MAX];
};

struct webhook_sender {
    struct loop *loop;
    struct db *db;
    struct loop_timer *timer;
    struct client_pool *pool; /* the thread's */
    struct list sent;         /* the thread's: under way */
    pthread_t thread;
    bool has_thread;
    bool is_claiming; /* the loop's */
    bool again;
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct list queue; /* under the lock */
    bool is_ending;    /* under the lock */
    _Atomic uint64_t delivered;
    _Atomic uint64_t failed;
    _Atomic uint64_t under_way;
};

static void delivery_free(struct delivery *delivery)
{
    list_remove(&delivery->link);
    mem_free(delivery->url);
    for (size_t i = 0; delivery->headers[i]; i++)
        mem_free(delivery->headers[i]);
    buf_done(&delivery->body);
    mem_free(delivery);
}

/* --- on the loop: how it went -------------------------------------------------------------------
 */

static void on_ended(const struct db_result *result, const struct err *err, void *arg)
{
    (void)result;
    (void)arg;
    if (err && err->code != ERR_UNAVAILABLE)
        LOG_ERROR("webhook.store_failed", "reason='%s'", err->text);
}

static bool is_good(unsigned status)
{
    return status >= 200 && status < 300;
}

static void on_sent(void *arg)
{
    struct delivery *delivery = arg;
    struct webhook_sender *sender = delivery->sender;
    bool good = is_good(delivery->status);
    const struct store_delivery_end end = {
        .id = delivery->id,
        .tries = delivery->tries,
        .wait_ms =
            good ? -1 : webhook_wait_ms((unsigned)delivery->tries, crypto_random_below(1000)),
        .latency_ms = delivery->latency_ms,
        .status = delivery->status,
        .is_delivered = good,
        .detail = delivery->detail,
    };

    (void)atomic_fetch_sub(&sender->under_way, 1);
    (void)atomic_fetch_add(good ? &sender->delivered : &sender->failed, 1);
    if (!good)
        LOG_DEBUG("webhook.failed", "try=%lld status=%u detail='%s'", (long long)delivery->tries,
                  delivery->status, delivery->detail);
    if (sender->timer) { /* else the database is closed: the lease runs out */
        store_delivery_end(sender->db, &end, on_ended, NULL);
        webhook_sender_wake(sender);
    }
    delivery_free(delivery);
}

/* --- the thread ---------------------------------------------------------------------------------
 */

static void on_done(const struct client_answer *answer, const struct err *err, void *arg)
{
    struct delivery *delivery = arg;

    delivery->latency_ms = clock_mono_ms() - delivery->since_mono_ms;
    if (answer)
        delivery->status = answer->status;
    else
        (void)text_copy(delivery->detail, sizeof(delivery->detail), err->text);
    list_remove(&delivery->link);
    loop_post(delivery->sender->loop, on_sent, delivery);
}

static void send_one(struct webhook_sender *sender, struct delivery *delivery)
{
    const struct client_request request = {
        .method = "POST",
        .url = delivery->url,
        .body = delivery->body.data,
        .body_len = delivery->body.len,
        .headers = (const char *const *)delivery->headers,
        .answer_bytes_max = WEBHOOK_ANSWER_BYTES_MAX,
        .total_ms = WEBHOOK_CALL_MS,
    };

    delivery->since_mono_ms = clock_mono_ms();
    list_add(&sender->sent, &delivery->link);
    client_pool_send(sender->pool, &request, on_done, delivery);
}

/* Waits until there is something to do. False at the end. */
static bool take_queue(struct webhook_sender *sender)
{
    struct list *link;
    bool goes_on;

    ASSERT(pthread_mutex_lock(&sender->lock) == 0);
    while (!sender->is_ending && list_is_empty(&sender->queue) &&
           client_pool_pending(sender->pool) == 0)
        ASSERT(pthread_cond_wait(&sender->filled, &sender->lock) == 0);
    while (!sender->is_ending && (link = list_pop(&sender->queue)))
        send_one(sender, LIST_OF(link, struct delivery, link));
    goes_on = !sender->is_ending;
    ASSERT(pthread_mutex_unlock(&sender->lock) == 0);
    return goes_on;
}

static void *run(void *arg)
{
    struct webhook_sender *sender = arg;
    struct err err;

    while (take_queue(sender)) {
        if (!client_pool_turn(sender->pool, TURN_MS, &err))
            LOG_WARNING("webhook.turn_failed", "reason='%s'", err.text);
    }
    return NULL;
}

/* --- on the loop: what is due -------------------------------------------------------------------
 */

static bool fill(struct delivery *delivery, const struct db_result *result, size_t row)
{
    const struct webhook_event event = {.delivery = db_text(result, row, 1),
                                        .event = db_text(result, row, 5),
                                        .at = db_text(result, row, 6),
                                        .object = db_text(result, row, 7)};
    enum webhook_template template;
    uint8_t secret[WEBHOOK_SECRET_BYTES];
    char signature[WEBHOOK_SIGNATURE_ROOM];

    delivery->id = db_i64(result, row, 0);
    delivery->tries = db_i64(result, row, 8);
    delivery->url = mem_strdup(db_text(result, row, 2));
    buf_init(&delivery->body, WEBHOOK_BODY_BYTES_MAX);
    if (!db_bytes(result, row, 3, secret, sizeof(secret)) ||
        !webhook_template_parse(db_text(result, row, 4), &template) ||
        !webhook_body(template, &event, &delivery->body))
        return false;
    webhook_signature(secret, clock_now_ms() / 1000, delivery->body.data, delivery->body.len,
                      signature);
    crypto_wipe(secret, sizeof(secret));
    delivery->headers[0] = mem_printf("Slipway-Signature: %s", signature);
    delivery->headers[1] = mem_printf("Slipway-Event: %s", event.event);
    delivery->headers[2] = mem_printf("Slipway-Delivery: %s", event.delivery);
    return true;
}

static void enqueue(struct webhook_sender *sender, const struct db_result *result, size_t row)
{
    struct delivery *delivery = mem_alloc(sizeof(*delivery));

    delivery->sender = sender;
    list_init(&delivery->link);
    (void)atomic_fetch_add(&sender->under_way, 1);
    if (!fill(delivery, result, row)) {
        (void)text_copy(delivery->detail, sizeof(delivery->detail),
                        "the event is too long for the template");
        loop_later(sender->loop, on_sent, delivery);
        return;
    }
    ASSERT(pthread_mutex_lock(&sender->lock) == 0);
    list_add(&sender->queue, &delivery->link);
    ASSERT(pthread_cond_signal(&sender->filled) == 0);
    ASSERT(pthread_mutex_unlock(&sender->lock) == 0);
}

static void on_claimed(const struct db_result *result, const struct err *err, void *arg)
{
    struct webhook_sender *sender = arg;

    sender->is_claiming = false;
    if (err && err->code != ERR_UNAVAILABLE)
        LOG_ERROR("webhook.claim_failed", "reason='%s'", err->text);
    for (size_t row = 0; !err && row < db_rows(result); row++)
        enqueue(sender, result, row);
    if (!err && (sender->again || db_rows(result) > 0))
        webhook_sender_wake(sender);
}

void webhook_sender_wake(struct webhook_sender *sender)
{
    uint64_t under_way = atomic_load(&sender->under_way);
    const struct store_delivery_claim claim = {.limit = WEBHOOK_CLAIM_MAX - (int64_t)under_way,
                                               .limit_of_one = WEBHOOK_CLAIM_OF_ONE_MAX,
                                               .lease_s = WEBHOOK_LEASE_S};

    sender->again = sender->is_claiming;
    if (sender->is_claiming || claim.limit <= 0 || !sender->timer)
        return;
    sender->is_claiming = true;
    store_delivery_claim(sender->db, &claim, on_claimed, sender);
}

static void on_time(void *arg)
{
    struct webhook_sender *sender = arg;

    loop_timer_set(sender->timer, WEBHOOK_CHECK_MS);
    webhook_sender_wake(sender);
}

/* --- the sender ---------------------------------------------------------------------------------
 */

/* Signals are the main thread's. */
static bool start_thread(struct webhook_sender *sender)
{
    sigset_t all;
    sigset_t old;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    sender->has_thread = pthread_create(&sender->thread, NULL, run, sender) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    return sender->has_thread;
}

bool webhook_sender_open(struct loop *loop, struct db *db, bool allow_inside,
                         struct webhook_sender **out, struct err *err)
{
    const struct client_options options = {.user_agent = "slipway-webhook/1",
                                           .public_only = !allow_inside};
    struct webhook_sender *sender = mem_alloc(sizeof(*sender));

    sender->loop = loop;
    sender->db = db;
    list_init(&sender->queue);
    list_init(&sender->sent);
    ASSERT(pthread_mutex_init(&sender->lock, NULL) == 0);
    ASSERT(pthread_cond_init(&sender->filled, NULL) == 0);
    if (!client_pool_open(&options, WEBHOOK_CONNECTIONS_MAX, &sender->pool, err) ||
        (!start_thread(sender) && !err_system(err, "could not start the webhooks' thread"))) {
        webhook_sender_close(sender);
        return false;
    }
    sender->timer = loop_timer_new(loop, on_time, sender);
    loop_timer_set(sender->timer, 0);
    *out = sender;
    return true;
}

static void free_all(struct list *deliveries)
{
    while (!list_is_empty(deliveries))
        delivery_free(LIST_OF(deliveries->next, struct delivery, link));
}

void webhook_sender_close(struct webhook_sender *sender)
{
    if (!sender)
        return;
    ASSERT(pthread_mutex_lock(&sender->lock) == 0);
    sender->is_ending = true;
    ASSERT(pthread_cond_signal(&sender->filled) == 0);
    ASSERT(pthread_mutex_unlock(&sender->lock) == 0);
    if (sender->has_thread)
        ASSERT(pthread_join(sender->thread, NULL) == 0);
    loop_timer_free(sender->timer);
    sender->timer = NULL;
    loop_flush(sender->loop); /* what the thread posted */
    client_pool_close(sender->pool);
    free_all(&sender->sent);
    free_all(&sender->queue);
    (void)pthread_cond_destroy(&sender->filled);
    (void)pthread_mutex_destroy(&sender->lock);
    mem_free(sender);
}

void webhook_sender_stats(const struct webhook_sender *sender, struct webhook_sender_stats *out)
{
    *out = (struct webhook_sender_stats){.delivered = atomic_load(&sender->delivered),
                                         .failed = atomic_load(&sender->failed),
                                         .under_way = atomic_load(&sender->under_way)};
}
