#include "server/operator/share.h"

#include <criterion/criterion.h>

#include "lib/base/mem.h"
#include "lib/crypto/token.h"

static uint32_t sum_of(const uint32_t *shares, size_t count)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += shares[i];
    return sum;
}

Test(share, gives_what_is_left_to_those_that_lost_most)
{
    static const struct {
        uint64_t counts[4];
        uint32_t shares[4];
    } cases[] = {
        {{1, 1, 1, 0}, {3334, 3333, 3333, 0}},
        {{2, 1, 0, 0}, {6667, 3333, 0, 0}},
        {{1, 0, 0, 0}, {10000, 0, 0, 0}},
        {{0, 0, 0, 0}, {0, 0, 0, 0}},
        {{1, 9999, 0, 0}, {1, 9999, 0, 0}},
        {{1, 999999, 0, 0}, {0, 10000, 0, 0}},
        {{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}, {2500, 2500, 2500, 2500}},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        uint32_t shares[4];

        share_split(cases[i].counts, 4, shares);
        for (size_t k = 0; k < 4; k++)
            cr_expect_eq(shares[k], cases[i].shares[k], "case %zu, share %zu is %u", i, k,
                         shares[k]);
    }
}

Test(share, always_adds_up_and_is_never_a_hundredth_off)
{
    for (int round = 0; round < 3000; round++) {
        enum { MAX = 40 };
        uint64_t counts[MAX];
        uint32_t shares[MAX];
        size_t count = 1 + crypto_random_below(MAX);
        uint64_t total = 0;

        for (size_t i = 0; i < count; i++) {
            counts[i] = crypto_random_below(1U << (1 + crypto_random_below(30)));
            total += counts[i];
        }
        share_split(counts, count, shares);
        cr_assert_eq(sum_of(shares, count), total ? SHARE_WHOLE : 0);
        for (size_t i = 0; total && i < count; i++) {
            double exact = (double)counts[i] * SHARE_WHOLE / (double)total;

            cr_assert_lt((double)shares[i], exact + 1.0);
            cr_assert_gt((double)shares[i], exact - 1.0);
        }
    }
}

Test(share, finds_the_wholes_of_an_answer_and_leaves_other_lists_alone)
{
    AUTO_JSON *tree = json_loads("{\"total\":3,\"classes\":[{\"count\":1},{\"count\":2}],"
                                 "\"days\":[{\"sent\":1}],\"mixed\":[{\"count\":1},{\"n\":2}],"
                                 "\"below\":{\"none\":[],\"texts\":[\"count\"]}}",
                                 0, NULL);
    AUTO_FREE char *text = NULL;

    share_tree(tree);
    text = json_dumps(tree, JSON_COMPACT | JSON_REAL_PRECISION(8));
    cr_expect_str_eq(text, "{\"total\":3,\"classes\":[{\"count\":1,\"percent\":33.33},"
                           "{\"count\":2,\"percent\":66.67}],\"days\":[{\"sent\":1}],"
                           "\"mixed\":[{\"count\":1},{\"n\":2}],"
                           "\"below\":{\"none\":[],\"texts\":[\"count\"]}}");
}
