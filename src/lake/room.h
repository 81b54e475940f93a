/* For tests: a lake in a folder of its own. */
#ifndef LAKEFM_LAKE_ROOM_H
#define LAKEFM_LAKE_ROOM_H

#include "base/test.h"
#include "lake/fixture.h"

struct room {
    char folder[64];
    struct lake *lake;
    struct error e;
};

static inline int set_up(void **state)
{
    struct room *r = mem_zalloc(sizeof *r);
    if (!world_folder(r->folder)) return -1;
    if (lake_open_or_init(r->folder, LAKE_WRITER, &r->lake, &r->e) != ERR_OK) return -1;
    *state = r;
    return 0;
}

static inline int tear_down(void **state)
{
    struct room *r = *state;
    lake_close(&r->lake);
    if (io_remove_tree(r->folder, &r->e) != ERR_OK) return -1;
    mem_free(r);
    return 0;
}

static inline void reopen(struct room *r, enum lake_mode mode)
{
    lake_close(&r->lake);
    assert_ok(lake_open(r->folder, mode, &r->lake, &r->e), &r->e);
}

static inline char *in(struct room *r, const char *path) { return io_path(r->folder, path); }

static inline void overwrite(struct room *r, const char *path, const char *text)
{
    char *full = in(r, path);
    assert_ok(io_write_file(full, text, strlen(text), false, &r->e), &r->e);
    mem_free(full);
}

static inline bool there(struct room *r, const char *path)
{
    char *full = in(r, path);
    bool out = io_exists(full);
    mem_free(full);
    return out;
}

#endif
