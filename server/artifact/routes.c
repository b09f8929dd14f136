/* The table of uploads and downloads. */
#include "server/artifact/routes.h"

#include "server/limits.h"

/* clang-format off */
const struct http_route artifact_routes[] = {
    {"GET", "/t/:tenant/image/targets/:path*", ACCESS_PUBLIC, ACTION_NONE, 0, false, on_target_get,
     "An image by its signed path, its file name `SHA256.FILE`; ranges are served"},
    {"GET", "/t/:tenant/image/deltas/:sha256", ACCESS_PUBLIC, ACTION_NONE, 0, false, on_delta_get,
     "A delta by its hash; ranges are served"},
    {"PUT", "/api/v1/images/:sha256", ACCESS_OPERATOR, ACTION_IMAGE_UPLOAD, IMAGE_BYTES_MAX, true,
     on_image_put, "Upload an image that the signed metadata names; the body is the file"},
    {"PUT", "/device/v1/attachment/:sha256", ACCESS_DEVICE, ACTION_NONE, ATTACHMENT_BYTES_MAX, true,
     on_attachment_put,
     "A log or minidump that an event declared; 403 where the group does not collect them"},
    {"GET", "/api/v1/attachments/:device/:sha256", ACCESS_OPERATOR, ACTION_ATTACHMENT_READ, 0, false,
     on_attachment_get, "A file that came with an event; reading it is audited"},
    {"PUT", "/api/v1/symbols/:sha256", ACCESS_OPERATOR, ACTION_SYMBOLS_WRITE, SYMBOLS_BYTES_MAX, true,
     on_symbols_put, "A debug file, an ELF file with a build id: its functions name frames"},
    {"GET", "/api/v1/symbols", ACCESS_OPERATOR, ACTION_READ, 0, false, on_symbols_list,
     "Debug files by build id"},
};
/* clang-format on */
_Static_assert(COUNT(artifact_routes) == ARTIFACT_ROUTE_COUNT, "the header says how many");
