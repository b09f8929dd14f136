#include <criterion/criterion.h>

#include "lib/base/buf.h"
#include "lib/base/bytes.h"

Test(bytes, read_what_buf_wrote)
{
    AUTO_BUF out;
    struct bytes in;

    buf_init(&out, 1000);
    buf_add_u8(&out, 7);
    buf_add_u16(&out, 0x1234);
    buf_add_u32(&out, 0xdeadbeef);
    buf_add_u64(&out, UINT64_MAX - 1);
    buf_add_varint(&out, 0);
    buf_add_varint(&out, 300);
    buf_add_varint(&out, UINT64_MAX);

    in = bytes_of(out.data, out.len);
    cr_expect_eq(bytes_u8(&in), 7);
    cr_expect_eq(bytes_u16(&in), 0x1234);
    cr_expect_eq(bytes_u32(&in), 0xdeadbeef);
    cr_expect_eq(bytes_u64(&in), UINT64_MAX - 1);
    cr_expect_eq(bytes_varint(&in), 0);
    cr_expect_eq(bytes_varint(&in), 300);
    cr_expect_eq(bytes_varint(&in), UINT64_MAX);
    cr_expect_eq(bytes_left(&in), 0);
    cr_expect_not(in.failed);
}

Test(bytes, fail_stickily_at_the_end)
{
    struct bytes in = bytes_of("\1\2\3", 3);

    cr_expect_eq(bytes_u16(&in), 0x0201);
    cr_expect_eq(bytes_u16(&in), 0);
    cr_expect(in.failed);
    cr_expect_eq(bytes_u8(&in), 0, "even what would fit is refused after a failure");
}

Test(bytes, refuse_a_second_spelling_of_a_varint)
{
    static const struct {
        const char *what;
        const char *data;
        size_t len;
    } cases[] = {
        {"a padded zero", "\x80\x00", 2},
        {"more than 64 bits", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10},
        {"a cut one", "\x80", 1},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct bytes in = bytes_of(cases[i].data, cases[i].len);

        (void)bytes_varint(&in);
        cr_expect(in.failed, "%s", cases[i].what);
    }
}

Test(buf, stops_at_its_maximum_and_stays_failed)
{
    AUTO_BUF out;

    buf_init(&out, 4);
    buf_add_text(&out, "abcd");
    cr_expect_not(out.failed);
    buf_add_text(&out, "e");
    cr_expect(out.failed);
    cr_expect_str_eq(buf_text(&out), "abcd");
    buf_add_text(&out, "");
    cr_expect(out.failed);
    buf_reset(&out);
    buf_printf(&out, "%d", 12);
    cr_expect_str_eq(buf_text(&out), "12");
}

Test(buf, consumes_from_the_front)
{
    AUTO_BUF out;

    buf_init(&out, 100);
    buf_add_text(&out, "abcdef");
    buf_consume(&out, 4);
    cr_expect_str_eq(buf_text(&out), "ef");
}
