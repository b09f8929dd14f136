#pragma once
/* Files: uploaded by operators, fetched by everybody. `app` is the struct worker. */
#include "server/http/http.h"

enum { ARTIFACT_ROUTE_COUNT = 7 };
extern const struct http_route artifact_routes[];

http_handler_fn on_image_put;  /* put.c */
http_handler_fn on_target_get; /* get.c */
http_handler_fn on_delta_get;
http_handler_fn on_attachment_put; /* attachment.c */
http_handler_fn on_attachment_get;
http_handler_fn on_symbols_put; /* symbols.c */
http_handler_fn on_symbols_list;
