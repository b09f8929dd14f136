#include "lib/base/crc.h"

#include <criterion/criterion.h>

Test(crc, gives_the_check_value_of_its_standard)
{
    uint8_t zeros[32] = {0};

    cr_expect_eq(crc32c("123456789", 9), 0xe3069283);
    cr_expect_eq(crc32c(zeros, sizeof(zeros)), 0x8a9136aa);
    cr_expect_eq(crc32c("", 0), 0);
}
