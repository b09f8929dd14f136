/* The table of `slipway sign` and the reading and writing of its files. */
#include "cli/sign.h"

#include "cli/keys_rotate.h"
#include "lib/os/file.h"

const struct cli_command cli_sign_commands[] = {
    {
        .name = "sign release",
        .summary = "sign an image: name it in the metadata of its hardware",
        .options = sign_release_options,
        .example = "slipway sign release --role os-imx8mp-b --version 2.4.0 rootfs.img\n"
                   "  slipway sign release --keys keys --root 1.root.json --previous "
                   "1.targets.json \\\n      --out 2.targets.json --component base-os --version "
                   "2.4.0 --counter 2040 \\\n      --hwid imx8mp-b rootfs.img",
        .run = sign_run_release,
    },
    {
        .name = "sign renew",
        .summary = "sign every offline role again that is due, in one sitting",
        .options = sign_renew_options,
        .example = "slipway sign renew --keys keys",
        .run = sign_run_renew,
    },
    {
        .name = "sign trust",
        .summary = "sign the anchors file: which servers devices insist on",
        .options = sign_trust_options,
        .example = "slipway sign trust --tls-pin 5f0c...e1 --tls-pin 77aa...03",
        .run = sign_run_trust,
    },
    {
        .name = "sign targets",
        .summary = "let keys sign for another hardware",
        .options = sign_targets_options,
        .example = "slipway sign targets --hwid imx8mp-c --key keys/ci/os.pub --key "
                   "keys/human/os.pub",
        .run = sign_run_targets,
    },
    {
        .name = "sign bundle",
        .summary = "show what a request would change, and sign it; no network",
        .options = sign_bundle_options,
        .example = "slipway sign bundle request.json --keys alice --out alice.json",
        .run = sign_run_bundle,
    },
    {
        .name = "sign request root",
        .summary = "write a request: other keys for root, or the same for another year",
        .options = keys_rotate_root_options,
        .example = "slipway sign request root --remove root-2/root --add carol.pub --out "
                   "request.json",
        .run = keys_run_rotate_root,
    },
    {
        .name = "sign request targets",
        .summary = "write a request: keys for another hardware",
        .options = sign_targets_options,
        .example = "slipway sign request targets --hwid imx8mp-c --key ci.pub --out request.json",
        .run = sign_run_targets,
    },
    {
        .name = "sign request release",
        .summary = "write a request: an image under the role of its hardware",
        .options = sign_request_release_options,
        .example = "slipway sign request release --version 2.4.0 --out request.json rootfs.img",
        .run = sign_run_request_release,
    },
    {
        .name = "sign request renew",
        .summary = "write a request: every offline role that is due",
        .options = sign_renew_options,
        .example = "slipway sign request renew --out request.json",
        .run = sign_run_renew,
    },
    {
        .name = "sign request trust",
        .summary = "write a request: another anchors file",
        .options = sign_trust_options,
        .example = "slipway sign request trust --tls-pin 5f0c...e1 --out request.json",
        .run = sign_run_trust,
    },
    {
        .name = "sign request rotate",
        .summary = "write a request: other keys for a role",
        .options = keys_rotate_options,
        .example = "slipway sign request rotate --role targets --remove bob/targets --add "
                   "carol.pub --out request.json",
        .run = keys_run_rotate,
    },
    {
        .name = "sign root",
        .summary = "sign the root of trust in files, one key for each role",
        .options = sign_root_options,
        .example = "slipway repo online-keys --out online.json\n"
                   "  slipway sign root --keys keys --online online.json --out 1.root.json",
        .run = sign_run_root,
    },
    {0},
};

bool sign_read(const char *path, struct buf *out, struct err *err)
{
    return file_read(path, out, err);
}

bool sign_write(const char *path, const struct buf *document, struct err *err)
{
    return file_create(path, 0644, document->data, document->len, err);
}
