#include "device-client/fetch/fetch.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/os/file.h"
#include "tests/support/scripted.h"
#include "tests/support/temp.h"

#define CONTENT "0123456789"
#define HEAD(status, len) "HTTP/1.1 " status "\r\nETag: \"v\"\r\nContent-Length: " #len "\r\n"

static const struct sign_key *const key; /* no session is made here */

static struct transport *transport_to(const char *origin)
{
    const struct transport_options options = {.origin = origin, .key = key};
    struct transport *transport = NULL;
    struct err err = {0};

    cr_assert(transport_open(&options, &transport, &err), "%s", err.text);
    return transport;
}

static struct fetch fetch_of(const char *url)
{
    struct fetch fetch = {.dir = temp_dir(),
                          .url = url,
                          .length = strlen(CONTENT),
                          .wrong_hash = REFUSAL_TARGET_HASH,
                          .wrong_length = REFUSAL_TARGET_LENGTH};

    hash_sha256(CONTENT, strlen(CONTENT), fetch.sha256);
    return fetch;
}

/* Calls until it succeeds or refuses; the number of calls that said "later". */
static bool fetch_until(const struct scripted_answer *script, size_t count, const char **seen,
                        uint64_t *received, unsigned *later, struct err *err)
{
    struct scripted *server = scripted_start(script, count);
    struct transport *transport = transport_to(scripted_origin(server));
    const struct fetch fetch = fetch_of("/file");
    AUTO_FREE char *path = NULL;
    bool ok;

    *received = 0;
    *later = 0;
    while (!(ok = fetch_file(transport, &fetch, &path, received, err)) &&
           err->code == ERR_UNAVAILABLE && *later < 9)
        (*later)++;
    if (ok) {
        AUTO_BUF text;

        buf_init(&text, 100);
        cr_assert(file_read(path, &text, err));
        cr_expect_str_eq(buf_text(&text), CONTENT);
    }
    *seen = scripted_stop(server);
    transport_close(transport);
    return ok;
}

static void part_write(const char *content)
{
    char hex[HASH_HEX_ROOM];
    char name[80];
    const struct fetch fetch = fetch_of("");

    text_from_hex_bytes(fetch.sha256, HASH_BYTES, hex);
    (void)snprintf(name, sizeof(name), "%s.part", hex);
    temp_write(temp_path(name), content, strlen(content));
}

/* There was room when it began: somebody else filled the disk. */
Test(fetch, says_that_the_disk_is_full_when_it_fills_up, .fini = temp_done)
{
    static const struct scripted_answer script[] = {{.text = HEAD("200 OK", 10) "\r\n" CONTENT}};
    const struct fetch fetch = fetch_of("");
    char hex[HASH_HEX_ROOM];
    char name[80];
    const char *seen;
    uint64_t received;
    unsigned later;
    struct err err = {0};

    text_from_hex_bytes(fetch.sha256, HASH_BYTES, hex);
    (void)snprintf(name, sizeof(name), "%s.part", hex);
    cr_assert_eq(symlink("/dev/full", temp_path(name)), 0);
    cr_expect_not(fetch_until(script, COUNT(script), &seen, &received, &later, &err));
    cr_expect_eq(err.refusal, REFUSAL_SPACE, "%s", err.text);
}

Test(fetch, goes_on_where_the_network_was_cut, .fini = temp_done)
{
    static const struct scripted_answer script[] = {
        {.text = HEAD("200 OK", 10) "\r\n0123"},
        {.text = HEAD("206 P", 6) "Content-Range: bytes 4-9/10\r\n\r\n45"},
        {.text = HEAD("503 X", 0) "\r\n"},
        {.text = HEAD("206 P", 4) "Content-Range: bytes 6-9/10\r\n\r\n6789"},
    };
    uint64_t received;
    const char *seen;
    unsigned later;
    struct err err = {0};

    cr_assert(fetch_until(script, COUNT(script), &seen, &received, &later, &err), "%s", err.text);
    cr_expect_eq(later, 3);
    cr_expect_eq(received, 10, "no byte came twice");
    cr_expect_not_null(strstr(seen, "Range: bytes=4-\r\n"));
    cr_expect_not_null(strstr(seen, "Range: bytes=6-\r\n"));
    cr_expect_not_null(strstr(seen, "If-Range: \"v\"\r\n"));
}

Test(fetch, needs_no_request_when_the_file_is_there, .fini = temp_done)
{
    uint64_t received;
    const char *seen;
    unsigned later;
    struct err err = {0};

    part_write(CONTENT);
    cr_assert(fetch_until(NULL, 0, &seen, &received, &later, &err), "%s", err.text);
    cr_expect_eq(received, 0);
}

Test(fetch, starts_again_when_the_server_sends_the_whole_file, .fini = temp_done)
{
    static const struct scripted_answer script[] = {
        {.text = HEAD("200 OK", 10) "\r\n" CONTENT},
    };
    uint64_t received;
    const char *seen;
    unsigned later;
    struct err err = {0};

    part_write("01xx");
    cr_assert(fetch_until(script, COUNT(script), &seen, &received, &later, &err), "%s", err.text);
}

Test(fetch, a_part_that_turns_out_wrong_is_fetched_once_more_from_the_start, .fini = temp_done)
{
    static const struct scripted_answer script[] = {
        {.text = HEAD("206 P", 6) "Content-Range: bytes 4-9/10\r\n\r\n456789"},
        {.text = HEAD("200 OK", 10) "\r\n" CONTENT},
    };
    uint64_t received;
    const char *seen;
    unsigned later;
    struct err err = {0};

    part_write("01xx");
    cr_assert(fetch_until(script, COUNT(script), &seen, &received, &later, &err), "%s", err.text);
    cr_expect_eq(later, 0);
    cr_expect_eq(received, 16);
}

Test(fetch, refuses_other_bytes_other_lengths_and_other_statuses, .fini = temp_done)
{
    static const struct {
        const char *part;
        struct scripted_answer script[2];
        enum refusal refusal;
    } cases[] = {
        {"", {{.text = HEAD("200 OK", 10) "\r\n012345678x"}}, REFUSAL_TARGET_HASH},
        {"01xx",
         {{.text = HEAD("206 P", 6) "Content-Range: bytes 4-9/10\r\n\r\n456789"},
          {.text = HEAD("200 OK", 10) "\r\n01xx456789"}},
         REFUSAL_TARGET_HASH},
        {"", {{.text = HEAD("200 OK", 11) "\r\n01234567890"}}, REFUSAL_TARGET_LENGTH},
        {"", {{.text = HEAD("200 OK", 9) "\r\n012345678"}}, REFUSAL_TARGET_LENGTH},
        {"", {{.text = "HTTP/1.1 200 OK\r\n\r\n01234567890"}}, REFUSAL_TARGET_LENGTH},
        {"", {{.text = "HTTP/1.1 200 OK\r\n\r\n012345678"}}, REFUSAL_TARGET_LENGTH},
        {"", {{.text = HEAD("404 X", 0) "\r\n"}}, REFUSAL_HTTP_STATUS},
        {"", {{.text = HEAD("302 X", 0) "Location: /\r\n\r\n"}}, REFUSAL_HTTP_REDIRECT},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t received;
        const char *seen;
        unsigned later;
        struct err err = {0};

        part_write(cases[i].part);
        cr_expect_not(
            fetch_until(cases[i].script, COUNT(cases[i].script), &seen, &received, &later, &err),
            "case %zu", i);
        cr_expect_eq(err.refusal, cases[i].refusal, "case %zu: %s", i, err.text);
    }
}

Test(fetch, refuses_what_the_disk_cannot_hold, .fini = temp_done)
{
    struct transport *transport = transport_to("http://127.0.0.1:1");
    struct fetch fetch = fetch_of("/file");
    uint64_t received = 0;
    char *path = NULL;
    struct err err = {0};

    fetch.length = UINT64_C(1) << 60;
    cr_expect_not(fetch_file(transport, &fetch, &path, &received, &err));
    cr_expect_eq(err.refusal, REFUSAL_SPACE);
    transport_close(transport);
}

Test(fetch, cleans_what_no_update_needs, .fini = temp_done)
{
    uint8_t keep[1][HASH_BYTES] = {{0xab}};
    const char *kept =
        temp_path("ab00000000000000000000000000000000000000000000000000000000000000.part");
    const char *gone =
        temp_path("cd00000000000000000000000000000000000000000000000000000000000000.part");
    struct err err = {0};

    temp_write(kept, "x", 1);
    temp_write(gone, "x", 1);
    cr_assert(fetch_clean(temp_dir(), (const uint8_t(*)[HASH_BYTES])keep, 1, &err));
    cr_expect(file_exists(kept));
    cr_expect_not(file_exists(gone));
}
