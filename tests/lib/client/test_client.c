#include "lib/client/client.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "tests/support/scripted.h"

static struct client *client_at(const char *origin)
{
    const struct client_options options = {
        .origin = origin, .user_agent = "test/1", .slow_window_s = 1};
    struct client *client = NULL;
    struct err err = {0};

    cr_assert(client_open(&options, &client, &err), "%s", err.text);
    return client;
}

Test(client, gets_status_headers_and_body)
{
    static const struct scripted_answer script[] = {
        {.text = "HTTP/1.1 200 OK\r\nETag:  \"abc\" \r\nRetry-After: 7\r\nContent-Length: 5\r\n\r\n"
                 "hello"}};
    struct scripted *server = scripted_start(script, 1);
    struct client *client = client_at(scripted_origin(server));
    const struct client_request request = {.method = "GET", .url = "/x", .bearer = "secret"};
    struct client_answer answer;
    struct err err = {0};
    const char *seen;

    cr_assert(client_send(client, &request, &answer, &err), "%s", err.text);
    cr_expect_eq(answer.status, 200);
    cr_expect_str_eq(answer.etag, "\"abc\"");
    cr_expect(answer.has_retry_after && answer.retry_after_s == 7);
    cr_expect_str_eq(buf_text(&answer.body), "hello");
    cr_expect(client_answer_check(&answer, &err));
    seen = scripted_stop(server);
    cr_expect(text_starts_with(seen, "GET /x HTTP/1.1\r\n"), "%s", seen);
    cr_expect_not_null(strstr(seen, "Authorization: Bearer secret\r\n"));
    cr_expect_not_null(strstr(seen, "User-Agent: test/1\r\n"));
    client_answer_done(&answer);
    client_close(client);
}

Test(client, sends_a_token_to_its_own_origin_only)
{
    static const struct scripted_answer script[] = {{.text = "HTTP/1.1 204 No Content\r\n\r\n"}};
    struct scripted *server = scripted_start(script, 1);
    struct client *client = client_at("http://127.0.0.1:1");
    char url[80];
    struct client_request request = {.method = "GET", .url = url, .bearer = "secret"};
    struct client_answer answer;
    struct err err = {0};

    (void)snprintf(url, sizeof(url), "%s/cdn", scripted_origin(server));
    cr_assert(client_send(client, &request, &answer, &err), "%s", err.text);
    cr_expect_null(strstr(scripted_stop(server), "secret"));
    client_answer_done(&answer);
    client_close(client);
}

Test(client, reads_the_code_of_a_problem)
{
    static const struct {
        const char *body;
        enum refusal refusal;
    } cases[] = {
        {"{\"detail\":\"no\",\"code\":\"RBAC\"}", REFUSAL_RBAC},
        {"{\"detail\":\"no\",\"code\":\"NEW\"}", REFUSAL_NONE},
        {"{}", REFUSAL_NONE},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct client_answer answer = {.status = 403};
        struct err err = {0};

        buf_init(&answer.body, 100);
        buf_add_text(&answer.body, cases[i].body);
        cr_expect_not(client_answer_check(&answer, &err));
        cr_expect_eq(err.code, ERR_DENIED);
        cr_expect_eq(err.refusal, cases[i].refusal, "%s", cases[i].body);
        client_answer_done(&answer);
    }
}

Test(client, refuses_redirects_encodings_and_answers_that_are_too_long)
{
    static const struct {
        const char *answer;
        enum refusal refusal;
    } cases[] = {
        {"HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n", REFUSAL_HTTP_REDIRECT},
        {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx",
         REFUSAL_HTTP_ENCODING},
        {"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n01234567890", REFUSAL_LENGTH_LIMIT},
        {"HTTP/1.1 200 OK\r\n\r\n01234567890", REFUSAL_LENGTH_LIMIT},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct scripted_answer script[] = {{.text = cases[i].answer}};
        struct scripted *server = scripted_start(script, 1);
        struct client *client = client_at(scripted_origin(server));
        const struct client_request request = {.method = "GET", .url = "/", .answer_bytes_max = 10};
        struct client_answer answer;
        struct err err = {0};

        cr_expect_not(client_send(client, &request, &answer, &err), "%s", cases[i].answer);
        cr_expect_eq(err.refusal, cases[i].refusal, "%s: %s", cases[i].answer, err.text);
        (void)scripted_stop(server);
        client_close(client);
    }
}

Test(client, says_unavailable_when_the_network_fails)
{
    static const struct scripted_answer script[] = {
        {.close_silently = true},
        {.text = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"},
        {.text = "", .hold_open = true},
    };
    struct scripted *server = scripted_start(script, COUNT(script));
    struct client *client = client_at(scripted_origin(server));
    const struct client_request request = {.method = "GET", .url = "/", .total_ms = 200};
    struct client *nobody = client_at("http://127.0.0.1:1");
    struct client_answer answer;

    for (size_t i = 0; i < COUNT(script); i++) {
        struct err err = {0};

        cr_expect_not(client_send(client, &request, &answer, &err));
        cr_expect_eq(err.code, ERR_UNAVAILABLE, "case %zu: %s", i, err.text);
        cr_expect_not(client_send(nobody, &request, &answer, &err));
        cr_expect_eq(err.code, ERR_UNAVAILABLE, "case %zu: %s", i, err.text);
    }
    (void)scripted_stop(server);
    client_close(client);
    client_close(nobody);
}

Test(client, refuses_a_body_that_comes_too_slowly)
{
    static const struct scripted_answer script[] = {
        {.text = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nslow", .hold_open = true}};
    struct scripted *server = scripted_start(script, COUNT(script));
    struct client *client = client_at(scripted_origin(server));
    const struct client_request request = {.method = "GET", .url = "/"};
    struct client_answer answer;
    struct err err = {0};

    cr_expect_not(client_send(client, &request, &answer, &err));
    cr_expect_eq(err.refusal, REFUSAL_SLOW_RETRIEVAL, "%s", err.text);
    (void)scripted_stop(server);
    client_close(client);
}

struct download {
    unsigned heads;
    uint64_t range_from;
    struct buf body;
};

static bool on_head(void *arg, const struct client_answer *head, struct err *err)
{
    struct download *download = arg;

    (void)err;
    download->heads++;
    download->range_from = head->range_from;
    return true;
}

static bool on_body(void *arg, const void *data, size_t len, struct err *err)
{
    struct download *download = arg;

    if (memchr(data, '!', len))
        return err_set(err, ERR_SYSTEM, "no room");
    buf_add(&download->body, data, len);
    return true;
}

Test(client, streams_a_range_to_the_callbacks_and_hears_their_refusal)
{
    static const struct scripted_answer script[] = {
        {.text = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 5-9/10\r\n"
                 "Content-Length: 5\r\n\r\n56789"},
        {.text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n5678!"},
        {.text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
    };
    struct scripted *server = scripted_start(script, COUNT(script));
    struct client *client = client_at(scripted_origin(server));
    struct download download = {0};
    const struct client_request request = {.method = "GET",
                                           .url = "/file",
                                           .range_from = 5,
                                           .if_range = "\"v\"",
                                           .on_head = on_head,
                                           .on_body = on_body,
                                           .arg = &download};
    struct client_answer answer;
    struct err err = {0};
    const char *seen;

    buf_init(&download.body, 100);
    cr_assert(client_send(client, &request, &answer, &err), "%s", err.text);
    cr_expect_eq(download.range_from, 5);
    cr_expect_str_eq(buf_text(&download.body), "56789");
    cr_expect_not(client_send(client, &request, &answer, &err));
    cr_expect_eq(err.code, ERR_SYSTEM);
    cr_assert(client_send(client, &request, &answer, &err), "%s", err.text);
    cr_expect_eq(download.heads, 3);
    seen = scripted_stop(server);
    cr_expect_not_null(strstr(seen, "Range: bytes=5-\r\n"));
    cr_expect_not_null(strstr(seen, "If-Range: \"v\"\r\n"));
    buf_done(&download.body);
    client_close(client);
}

Test(client, turns_a_problem_answer_into_an_error_with_its_detail)
{
    static const struct {
        const char *answer;
        enum err_code code;
        const char *text;
    } cases[] = {
        {"HTTP/1.1 409 Conflict\r\n\r\n{\"title\":\"Conflict\",\"detail\":\"version is 3\"}",
         ERR_CONFLICT, "version is 3 (HTTP 409)"},
        {"HTTP/1.1 401 X\r\n\r\n{\"title\":\"Unauthorized\"}", ERR_DENIED,
         "Unauthorized (HTTP 401)"},
        {"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n", ERR_UNAVAILABLE,
         "the server answered HTTP 503"},
        {"HTTP/1.1 408 X\r\n\r\n", ERR_UNAVAILABLE, "the server answered HTTP 408"},
        {"HTTP/1.1 404 X\r\n\r\n<html>", ERR_NOT_FOUND, "the server answered HTTP 404"},
        {"HTTP/1.1 410 X\r\n\r\n", ERR_NOT_FOUND, "the server answered HTTP 410"},
        {"HTTP/1.1 418 X\r\n\r\n", ERR_INVALID, "the server answered HTTP 418"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct scripted_answer script[] = {{.text = cases[i].answer}};
        struct scripted *server = scripted_start(script, 1);
        struct client *client = client_at(scripted_origin(server));
        const struct client_request request = {
            .method = "POST", .url = "/", .body = "{}", .body_len = 2};
        struct client_answer answer;
        struct err err = {0};

        cr_assert(client_send(client, &request, &answer, &err), "%s", err.text);
        cr_expect_not(client_answer_check(&answer, &err));
        cr_expect_eq(err.code, cases[i].code, "%s", cases[i].answer);
        cr_expect_str_eq(err.text, cases[i].text);
        cr_expect_not_null(strstr(scripted_stop(server), "Content-Type: application/json\r\n"));
        client_answer_done(&answer);
        client_close(client);
    }
}

Test(client, uploads_a_file_with_its_length)
{
    static const struct scripted_answer script[] = {
        {.text = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"}};
    struct scripted *server = scripted_start(script, COUNT(script));
    struct client *client = client_at(scripted_origin(server));
    int pipe_fds[2];
    struct client_request request = {
        .method = "PUT", .url = "/file", .upload = true, .upload_bytes = 4};
    struct client_answer answer;
    struct err err = {0};
    const char *seen;

    cr_assert(pipe(pipe_fds) == 0 && write(pipe_fds[1], "data", 4) == 4);
    request.upload_fd = pipe_fds[0];
    cr_assert(client_send(client, &request, &answer, &err), "%s", err.text);
    seen = scripted_stop(server);
    cr_expect(text_starts_with(seen, "PUT /file HTTP/1.1\r\n"), "%s", seen);
    cr_expect_not_null(strstr(seen, "Content-Length: 4\r\n"));
    client_answer_done(&answer);
    client_close(client);
}

Test(client, refuses_addresses_that_are_not_http)
{
    const struct client_options wrong = {.origin = "ftp://h", .user_agent = "t"};
    struct client *client = NULL;
    const struct client_request request = {.method = "GET", .url = "file:///etc/passwd"};
    struct client_answer answer;
    struct err err = {0};

    cr_expect_not(client_open(&wrong, &client, &err));
    client = client_at("http://127.0.0.1:1");
    cr_expect_not(client_send(client, &request, &answer, &err));
    cr_expect_eq(err.code, ERR_INVALID);
    client_close(client);
}
