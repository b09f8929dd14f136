/* The callbacks copy the few header fields we use, count bytes and remember the first refusal;
 * transfer_finish() turns curl's code into our errors. */
#include "lib/client/transfer.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/client/address.h"

enum {
    CONNECT_MS = 10000,
    SLOW_BYTES_PER_S = 1024, /* trust.md's "slow retrieval": below this over the window */
    SLOW_WINDOW_S = 60,
    ANSWER_BYTES_DEFAULT = 1 << 20,
};

bool transfer_origin_init(const struct client_options *options, struct transfer_origin *out,
                          struct err *err)
{
    const char *origin = options->origin ? options->origin : "";
    size_t len = strlen(origin);

    if (len && !text_starts_with(origin, "http://") && !text_starts_with(origin, "https://"))
        return err_set(err, ERR_INVALID, "'%s' is not an http or https address", origin);
    while (len > 0 && origin[len - 1] == '/')
        len--;
    *out = (struct transfer_origin){
        .origin = mem_strndup(origin, len),
        .ca_file = options->ca_file ? mem_strdup(options->ca_file) : NULL,
        .user_agent = mem_strdup(options->user_agent),
        .slow_window_s = options->slow_window_s ? options->slow_window_s : SLOW_WINDOW_S,
        .public_only = options->public_only,
    };
    return true;
}

void transfer_origin_done(struct transfer_origin *origin)
{
    mem_free(origin->origin);
    mem_free(origin->ca_file);
    mem_free(origin->user_agent);
    mem_free(origin->pins);
    *origin = (struct transfer_origin){0};
}

static bool is_at_origin(const struct transfer_origin *origin, const char *url)
{
    size_t len = strlen(origin->origin);

    return len > 0 && text_starts_with(url, origin->origin) &&
           (url[len] == '/' || url[len] == '\0' || url[len] == '?');
}

/* --- what comes back ------------------------------------------------------------------------- */

static bool is_success(unsigned status)
{
    return status >= 200 && status < 300;
}

/* The value of a header line when its name is `name`: trimmed, borrowed, its length in *len. */
static const char *header_value(const char *line, size_t line_len, const char *name, size_t *len)
{
    size_t name_len = strlen(name);

    if (line_len <= name_len || line[name_len] != ':' || strncasecmp(line, name, name_len) != 0)
        return NULL;
    line += name_len + 1;
    line_len -= name_len + 1;
    while (line_len && (*line == ' ' || *line == '\t')) {
        line++;
        line_len--;
    }
    while (line_len && strchr(" \t\r\n", line[line_len - 1]))
        line_len--;
    *len = line_len;
    return line;
}

/* "HTTP/1.1 206 Partial Content": a new head starts; one before it was informational. */
static void status_line(struct client_answer *answer, const char *line, size_t len)
{
    const char *space = memchr(line, ' ', len);
    struct buf body = answer->body;
    uint64_t status = 0;

    if (!space || len - (size_t)(space - line) < 4 || !text_to_u64(space + 1, 3, 100, 599, &status))
        status = 0;
    *answer = (struct client_answer){.status = (unsigned)status, .body = body};
}

static void read_range(struct client_answer *answer, const char *value, size_t len)
{
    static const char unit[] = "bytes ";
    const char *dash;
    uint64_t from;

    if (len < sizeof(unit) || strncmp(value, unit, sizeof(unit) - 1) != 0)
        return;
    value += sizeof(unit) - 1;
    dash = memchr(value, '-', len - (sizeof(unit) - 1));
    if (dash && text_to_u64(value, (size_t)(dash - value), 0, UINT64_MAX, &from))
        answer->range_from = from;
}

static size_t on_header(char *line, size_t size, size_t count, void *arg)
{
    struct transfer *transfer = arg;
    struct client_answer *answer = &transfer->answer;
    size_t len = size * count;
    size_t value_len = 0;
    const char *value;

    if (len > 5 && strncmp(line, "HTTP/", 5) == 0) {
        status_line(answer, line, len);
    } else if ((value = header_value(line, len, "etag", &value_len)) != NULL) {
        if (value_len < sizeof(answer->etag)) {
            memcpy(answer->etag, value, value_len);
            answer->etag[value_len] = '\0';
        }
    } else if ((value = header_value(line, len, "retry-after", &value_len)) != NULL) {
        answer->has_retry_after =
            text_to_u64(value, value_len, 0, UINT64_C(365) * 86400, &answer->retry_after_s);
    } else if ((value = header_value(line, len, "content-length", &value_len)) != NULL) {
        answer->has_length = text_to_u64(value, value_len, 0, UINT64_MAX, &answer->length);
    } else if ((value = header_value(line, len, "content-range", &value_len)) != NULL) {
        read_range(answer, value, value_len);
    } else if ((value = header_value(line, len, "content-encoding", &value_len)) != NULL) {
        if (value_len != 8 || strncasecmp(value, "identity", 8) != 0)
            return err_refuse(&transfer->failure, REFUSAL_HTTP_ENCODING,
                              "the answer has a content encoding"),
                   0;
    }
    return len;
}

static uint64_t answer_bytes_max(const struct transfer *transfer)
{
    if (!is_success(transfer->answer.status))
        return CLIENT_PROBLEM_BYTES_MAX;
    return transfer->request->answer_bytes_max ? transfer->request->answer_bytes_max
                                               : ANSWER_BYTES_DEFAULT;
}

/* Once, when the head is complete and good. */
static bool head(struct transfer *transfer)
{
    const struct client_request *request = transfer->request;
    const struct client_answer *answer = &transfer->answer;

    if (transfer->head_done)
        return true;
    transfer->head_done = true;
    if (answer->has_length && answer->length > answer_bytes_max(transfer))
        return err_refuse(&transfer->failure, REFUSAL_LENGTH_LIMIT,
                          "the answer has %llu bytes, at most %llu are allowed",
                          (unsigned long long)answer->length,
                          (unsigned long long)answer_bytes_max(transfer));
    if (!request->on_head || !is_success(answer->status))
        return true;
    return request->on_head(request->arg, answer, &transfer->failure);
}

static size_t on_write(char *data, size_t size, size_t count, void *arg)
{
    struct transfer *transfer = arg;
    const struct client_request *request = transfer->request;
    size_t len = size * count;

    if (!head(transfer))
        return 0;
    if (len > answer_bytes_max(transfer) - transfer->received) {
        (void)err_refuse(&transfer->failure, REFUSAL_LENGTH_LIMIT,
                         "the answer is longer than %llu bytes",
                         (unsigned long long)answer_bytes_max(transfer));
        return 0;
    }
    transfer->received += len;
    if (request->on_body && is_success(transfer->answer.status))
        return request->on_body(request->arg, data, len, &transfer->failure) ? len : 0;
    buf_add(&transfer->answer.body, data, len);
    return len;
}

static size_t on_read(char *out, size_t size, size_t count, void *arg)
{
    const struct transfer *transfer = arg;
    ssize_t n;

    do {
        n = read(transfer->request->upload_fd, out, size * count);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? CURL_READFUNC_ABORT : (size_t)n;
}

static int on_transfer(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up)
{
    struct transfer *transfer = arg;
    const struct client_request *request = transfer->request;
    curl_off_t done = up_total > down_total ? up : down;
    curl_off_t total = up_total > down_total ? up_total : down_total;

    if (!request->on_progress ||
        request->on_progress(request->arg, (uint64_t)done, (uint64_t)total))
        return 0;
    (void)err_set(&transfer->failure, ERR_UNAVAILABLE, "the request was stopped");
    return 1;
}

/* Called with the address that curl is about to connect to: later than any look at the name. */
static curl_socket_t on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct transfer *transfer = arg;

    (void)purpose;
    if (!address_is_public(&address->addr, (socklen_t)address->addrlen)) {
        (void)err_set(&transfer->failure, ERR_DENIED, "the target has no public address");
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* --- what is sent ---------------------------------------------------------------------------- */

static void add_header(struct transfer *transfer, const char *line)
{
    struct curl_slist *longer = curl_slist_append(transfer->headers, line);

    ASSERT(longer); /* only out of memory, for a size we chose */
    transfer->headers = longer;
}

static void add_headers(struct transfer *transfer)
{
    const struct client_request *request = transfer->request;
    const char *type = request->content_type;
    AUTO_FREE char *line = NULL;

    if (!type && request->body_len)
        type = "application/json";
    line = type ? mem_printf("Content-Type: %s", type) : mem_strdup("Content-Type:");
    add_header(transfer, line);
    add_header(transfer, "Accept:");
    if (request->bearer && !request->unverified && is_at_origin(transfer->origin, transfer->url)) {
        AUTO_FREE char *bearer = mem_printf("Authorization: Bearer %s", request->bearer);

        add_header(transfer, bearer);
    }
    if (request->range_from && request->if_range) {
        AUTO_FREE char *if_range = mem_printf("If-Range: %s", request->if_range);

        add_header(transfer, if_range);
    }
    for (size_t i = 0; request->headers && request->headers[i]; i++)
        add_header(transfer, request->headers[i]);
}

/* curl_easy_setopt() fails only for options the library was built without, or out of memory. */
#define SET(easy, option, value) ASSERT(curl_easy_setopt(easy, option, value) == CURLE_OK)

static void set_body(const struct transfer *transfer)
{
    const struct client_request *request = transfer->request;
    CURL *easy = transfer->easy;

    if (request->upload) {
        SET(easy, CURLOPT_UPLOAD, 1L);
        SET(easy, CURLOPT_READFUNCTION, on_read);
        SET(easy, CURLOPT_READDATA, transfer);
        SET(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->upload_bytes);
    } else if (request->body_len || text_equal(request->method, "POST") ||
               text_equal(request->method, "PUT")) {
        SET(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
        SET(easy, CURLOPT_POSTFIELDS, request->body_len ? request->body : "");
    }
    if (text_equal(request->method, "HEAD"))
        SET(easy, CURLOPT_NOBODY, 1L);
    else if (!text_equal(request->method, "GET"))
        SET(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static void set_limits(const struct transfer *transfer)
{
    CURL *easy = transfer->easy;

    SET(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    SET(easy, CURLOPT_TIMEOUT_MS, (long)transfer->request->total_ms);
    SET(easy, CURLOPT_LOW_SPEED_LIMIT, (long)SLOW_BYTES_PER_S);
    SET(easy, CURLOPT_LOW_SPEED_TIME, (long)transfer->origin->slow_window_s);
    SET(easy, CURLOPT_FOLLOWLOCATION, 0L);
    SET(easy, CURLOPT_PATH_AS_IS, 1L);
    SET(easy, CURLOPT_NOSIGNAL, 1L);
    SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
}

static void set_trust(const struct transfer *transfer)
{
    CURL *easy = transfer->easy;

    if (transfer->origin->ca_file)
        SET(easy, CURLOPT_CAINFO, transfer->origin->ca_file);
    if (transfer->request->unverified) {
        SET(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        SET(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    } else if (transfer->origin->pins) {
        SET(easy, CURLOPT_PINNEDPUBLICKEY, transfer->origin->pins);
    }
}

static void set_callbacks(struct transfer *transfer)
{
    CURL *easy = transfer->easy;

    if (transfer->origin->public_only) {
        SET(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
        SET(easy, CURLOPT_OPENSOCKETDATA, transfer);
        SET(easy, CURLOPT_PROXY, "");
        SET(easy, CURLOPT_FRESH_CONNECT, 1L); /* each transfer is asked for its own */
        SET(easy, CURLOPT_FORBID_REUSE, 1L);
    }
    SET(easy, CURLOPT_ERRORBUFFER, transfer->text);
    SET(easy, CURLOPT_HEADERFUNCTION, on_header);
    SET(easy, CURLOPT_HEADERDATA, transfer);
    SET(easy, CURLOPT_WRITEFUNCTION, on_write);
    SET(easy, CURLOPT_WRITEDATA, transfer);
    SET(easy, CURLOPT_NOPROGRESS, transfer->request->on_progress ? 0L : 1L);
    SET(easy, CURLOPT_XFERINFOFUNCTION, on_transfer);
    SET(easy, CURLOPT_XFERINFODATA, transfer);
    SET(easy, CURLOPT_PRIVATE, transfer);
}

bool transfer_start(struct transfer *transfer, const struct transfer_origin *origin,
                    const struct client_request *request, struct err *err)
{
    CURL *easy = transfer->easy;
    bool is_path = request->url[0] == '/';
    AUTO_FREE char *range = NULL;

    if (is_path && !origin->origin[0])
        return err_set(err, ERR_INVALID, "there is no server for '%s'", request->url);
    *transfer = (struct transfer){.origin = origin, .request = request, .easy = easy};
    transfer->url = mem_printf("%s%s", is_path ? origin->origin : "", request->url);
    buf_init(&transfer->answer.body, SIZE_MAX / 2); /* on_write() counts against the real limit */
    curl_easy_reset(easy);
    set_limits(transfer);
    set_trust(transfer);
    set_callbacks(transfer);
    set_body(transfer);
    add_headers(transfer);
    SET(easy, CURLOPT_USERAGENT, origin->user_agent);
    SET(easy, CURLOPT_HTTPHEADER, transfer->headers);
    if (request->range_from) {
        range = mem_printf("%llu-", (unsigned long long)request->range_from);
        SET(easy, CURLOPT_RANGE, range);
    }
    if (curl_easy_setopt(easy, CURLOPT_URL, transfer->url) != CURLE_OK) {
        transfer_done(transfer);
        return err_set(err, ERR_INVALID, "could not use the address '%s'", request->url);
    }
    return true;
}

static bool network_failed(const struct transfer *transfer, CURLcode code, struct err *err)
{
    const char *text = transfer->text[0] ? transfer->text : curl_easy_strerror(code);
    curl_off_t total_us = 0;
    bool in_time;

    (void)curl_easy_getinfo(transfer->easy, CURLINFO_TOTAL_TIME_T, &total_us);
    in_time = !transfer->request->total_ms || total_us / 1000 < transfer->request->total_ms;
    if (code == CURLE_OPERATION_TIMEDOUT && transfer->answer.status && in_time)
        return err_refuse(err, REFUSAL_SLOW_RETRIEVAL, "the answer comes too slowly: %s", text);
    if (code == CURLE_SSL_PINNEDPUBKEYNOTMATCH)
        return err_refuse(err, REFUSAL_PIN_MISMATCH, "'%s' has another key than is known: %s",
                          transfer->url, text);
    if (code == CURLE_PEER_FAILED_VERIFICATION) {
        (void)err_refuse(err, REFUSAL_PIN_MISMATCH, "could not verify '%s': %s", transfer->url,
                         text);
        err->code = ERR_UNAVAILABLE; /* a certificate may be renewed */
        return false;
    }
    if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
        return err_set(err, ERR_INVALID, "could not use the address '%s': %s", transfer->url, text);
    return err_set(err, ERR_UNAVAILABLE, "could not reach '%s': %s", transfer->url, text);
}

bool transfer_finish(struct transfer *transfer, CURLcode code, struct err *err)
{
    if (transfer->failure.code == ERR_NONE && code == CURLE_OK)
        (void)head(transfer); /* a body without bytes never came to on_write() */
    if (transfer->failure.code != ERR_NONE) {
        *err = transfer->failure;
        return err_wrap(err, "'%s'", transfer->url);
    }
    if (code != CURLE_OK)
        return network_failed(transfer, code, err);
    if (transfer->answer.status >= 300 && transfer->answer.status < 400)
        return err_refuse(err, REFUSAL_HTTP_REDIRECT, "'%s' answered with a redirect (%u)",
                          transfer->url, transfer->answer.status);
    return true;
}

void transfer_done(struct transfer *transfer)
{
    curl_easy_reset(transfer->easy); /* it must not write into what is freed now */
    curl_slist_free_all(transfer->headers);
    mem_free(transfer->url);
    client_answer_done(&transfer->answer);
    transfer->headers = NULL;
    transfer->url = NULL;
}
