#pragma once
/*
 * Files, durably. "Durable" means: when the call returns true the bytes and the name survive a
 * power cut (temporary file, fsync, rename, fsync of the folder). These calls block.
 */
#include "lib/base/buf.h"
#include "lib/base/err.h"

/* Replaces or makes `path` in one step: a reader sees the old or the new content. */
MUST_USE bool file_write(const char *path, unsigned mode, const void *data, size_t len,
                         struct err *err);
/* Makes `path`, durably; ERR_CONFLICT when it exists. */
MUST_USE bool file_create(const char *path, unsigned mode, const void *data, size_t len,
                          struct err *err);
/* Appends the whole file to `out`; ERR_LIMIT when it would pass out->max, ERR_NOT_FOUND. */
MUST_USE bool file_read(const char *path, struct buf *out, struct err *err);
MUST_USE bool file_size(const char *path, uint64_t *out, struct err *err);
bool file_exists(const char *path);
/* `mkdir -p`. */
MUST_USE bool file_make_dirs(const char *path, unsigned mode, struct err *err);
/* Removes one file and syncs its folder; one that is missing is fine. */
MUST_USE bool file_remove(const char *path, struct err *err);
/* Renames within one file system and syncs the folder of `to`. */
MUST_USE bool file_rename(const char *from, const char *to, struct err *err);
/* Removes a folder and what is in it; does not follow links. */
MUST_USE bool file_remove_tree(const char *path, struct err *err);
/* All bytes, across short writes and signals; pread of exactly `len` (ERR_INVALID at the end). */
MUST_USE bool file_write_all(int fd, const void *data, size_t len, struct err *err);
MUST_USE bool file_pwrite_all(int fd, const void *data, size_t len, uint64_t offset,
                              struct err *err);
MUST_USE bool file_pread_all(int fd, void *data, size_t len, uint64_t offset, struct err *err);
MUST_USE bool file_sync_dir_of(const char *path, struct err *err);
/* An exclusive lock held until the descriptor closes; ERR_CONFLICT when somebody has it. */
MUST_USE bool file_lock(const char *path, int *out_fd, struct err *err);
