#include "device-client/trust/trust.h"

#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "tests/support/scripted.h"
#include "tests/support/temp.h"
#include "tests/support/tuf_repo.h"

Test(trust, metadata_is_stale_after_half_of_its_timestamp_s_life)
{
    cr_expect(trust_is_stale(0, 0, 5), "there is none");
    cr_expect(trust_is_stale(0, 100, 5), "never walked");
    cr_expect_not(trust_is_stale(100, 200, 149));
    cr_expect(trust_is_stale(100, 200, 150));
    cr_expect(trust_is_stale(100, 90, 100), "it expired");
}
