#pragma once
/* The files of a publication, stored before the documents that list them are. */
#include "server/repo/bundle.h"

struct artifact_store;

/* Durable when it returns. Blocks. What a publication that fails leaves behind is a file that
 * nothing names. */
MUST_USE bool repo_files_store(const struct artifact_store *store, const struct repo_bundle *bundle,
                               struct err *err);
