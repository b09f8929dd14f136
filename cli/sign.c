/* The table of `slipway sign` and the reading and writing of its files. */
#include "cli/sign.h"

#include "lib/os/file.h"

const struct cli_command cli_sign_commands[] = {
    {
        .name = "sign root",
        .summary = "sign the root of trust: who may sign what",
        .options = sign_root_options,
        .example = "slipway repo online-keys --out online.json\n"
                   "  slipway sign root --keys keys --online online.json --out 1.root.json",
        .run = sign_run_root,
    },
    {
        .name = "sign release",
        .summary = "sign an image: name it in the next targets metadata",
        .options = sign_release_options,
        .example = "slipway sign release --keys keys --root 1.root.json --previous 1.targets.json "
                   "\\\n      --out 2.targets.json --component base-os --version 2.4.0 --counter "
                   "2040 \\\n      --hwid imx8mp-b rootfs.img",
        .run = sign_run_release,
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
