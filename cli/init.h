#pragma once
/* What `slipway init` has to do with keys; cli/init.c is the command. */
#include "cli/trust/ceremony.h"
#include "cli/trust/profile.h"

/* The server's public keys, by name: {"snapshot": {"keyid", "key"}, ...}; the caller's. */
MUST_USE bool init_online_keys(struct api *api, json_t **out, struct err *err);
/* Makes the keys of the profile in DIR/FOLDER/NAME; those of an earlier try are taken again. */
MUST_USE bool init_make_keys(const struct profile *profile, const char *dir, struct err *err);

/* What the first documents say. */
struct init_plan {
    const struct profile *profile;
    const char *dir;      /* of the keys */
    const json_t *online; /* the server's */
    const struct option_texts *hwids;
    const struct option_texts *pins;
};
/* The first documents of both repositories, into the ceremony's plan. The ring has the keys. */
MUST_USE bool init_first_documents(struct ceremony *ceremony, const struct init_plan *plan,
                                   struct err *err);
