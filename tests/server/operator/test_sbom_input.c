#include <string.h>

#include <criterion/criterion.h>

#include "server/operator/sbom_input.h"

#define SPDX "\"SPDXID\":\"SPDXRef-DOCUMENT\",\"name\":\"image\""
#define CYCLONE "\"bomFormat\":\"CycloneDX\""

Test(sbom_input, knows_both_forms_and_counts_their_packages)
{
    static const struct {
        const char *text;
        const char *format;
        const char *version;
        size_t packages;
    } cases[] = {
        {"{" SPDX ",\"spdxVersion\":\"SPDX-2.3\",\"packages\":["
         "{\"name\":\"zlib\",\"SPDXID\":\"SPDXRef-1\"},{\"name\":\"x\",\"SPDXID\":\"SPDXRef-2\"}]}",
         "spdx", "SPDX-2.3", 2},
        {"{" SPDX ",\"spdxVersion\":\"SPDX-2.2\",\"packages\":[]}", "spdx", "SPDX-2.2", 0},
        {"{" CYCLONE ",\"specVersion\":\"1.5\",\"components\":["
         "{\"type\":\"library\",\"name\":\"zlib\",\"score\":9.8}]}",
         "cyclonedx", "1.5", 1},
        {"{" CYCLONE ",\"specVersion\":\"1.2\"}", "cyclonedx", "1.2", 0},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sbom sbom = {0};
        struct err err = {0};

        cr_assert(sbom_parse(cases[i].text, strlen(cases[i].text), &sbom, &err), "%s: %s",
                  cases[i].text, err.text);
        cr_expect_str_eq(sbom.format, cases[i].format);
        cr_expect_str_eq(sbom.version, cases[i].version);
        cr_expect_eq(sbom.packages, cases[i].packages);
    }
}

Test(sbom_input, refuses_what_is_neither_and_says_what_is_wrong)
{
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"", "body"},
        {"[]", "neither"},
        {"{}", "neither"},
        {"{\"bomFormat\":\"Other\"}", "neither"},
        {"{\"SPDXID\":\"SPDXRef-1\",\"spdxVersion\":\"SPDX-2.3\",\"packages\":[]}", "neither"},
        {"{" SPDX ",\"packages\":[]}", "'spdxVersion' is missing"},
        {"{" SPDX ",\"spdxVersion\":\"SPDX-3.0\",\"packages\":[]}", "'SPDX-3.0'"},
        {"{" SPDX ",\"spdxVersion\":\"SPDX-2.3\"}", "'packages' is missing"},
        {"{" SPDX ",\"spdxVersion\":\"SPDX-2.3\",\"packages\":[7]}", "packages[0]"},
        {"{" SPDX ",\"spdxVersion\":\"SPDX-2.3\",\"packages\":[{\"name\":\"a\"}]}", "packages[0]"},
        {"{" CYCLONE ",\"specVersion\":\"1.1\"}", "'1.1'"},
        {"{" CYCLONE ",\"specVersion\":1.5}", "'specVersion'"},
        {"{" CYCLONE ",\"specVersion\":\"1.5\",\"components\":[{\"name\":\"a\"}]}",
         "components[0]"},
        {"{" CYCLONE ",\"specVersion\":\"1.5\",\"components\":{}}", "'components'"},
        {"{" CYCLONE ",\"specVersion\":\"1.5\"} x", "body"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sbom sbom = {0};
        struct err err = {0};

        cr_expect_not(sbom_parse(cases[i].text, strlen(cases[i].text), &sbom, &err), "%s",
                      cases[i].text);
        cr_expect(strstr(err.text, cases[i].says), "%s: %s", cases[i].text, err.text);
    }
}
