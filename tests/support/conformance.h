#pragma once
/*
 * slipway-tuf as a conformance suite drives it: the real program, a real HTTP/1.0 server, a folder
 * of metadata and one of downloads. One per test.
 */
#include "tests/support/tuf_forge.h"

struct conformance {
    struct tuf_forge *forge;
    struct web *web;
    char *fetched; /* see conform_fetched() */
    char *files;
};

/* A repository with version 1 of everything; not yet initialised. */
void conform_open(struct conformance *c, enum test_key_kind kind);
/* The client was made with root 1. */
void conform_start(struct conformance *c);
/* Another repository and an empty client, started. */
void conform_again(struct conformance *c);
void conform_close(struct conformance *c);

/* Exit statuses. */
int conform_init(struct conformance *c, const void *root, size_t len);
int conform_refresh(struct conformance *c);
int conform_download(struct conformance *c, const char *target);
int conform_download_two(struct conformance *c, const char *first, const char *second);
/* The last refusal line names this code and role. */
bool conform_refused(const char *code, const char *role);

/* Metadata asked for since the last call: "2.root timestamp 1.snapshot 1.targets"; targets are
 * "targets/NAME". */
const char *conform_fetched(struct conformance *c);
/* Of what the client keeps; 0: no such file. `file` is "root", "..%2Frole". */
uint64_t conform_version(struct conformance *c, const char *file);
/* The names of all files of metadata, sorted: "root snapshot targets timestamp". */
const char *conform_files(struct conformance *c);
/* The client keeps just these bytes. */
bool conform_keeps(struct conformance *c, const char *file, const struct buf *bytes);
/* Puts a file into the client's folder. */
void conform_plant(struct conformance *c, const char *file, const struct buf *bytes);
/* The contents of all downloads, sorted and with a '|' behind each. */
const char *conform_downloads(struct conformance *c);
