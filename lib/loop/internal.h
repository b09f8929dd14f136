#pragma once
/* What the files of this folder share, and nobody else includes. */
struct event_base;
struct loop;

struct event_base *loop_base(struct loop *loop);
