/* What the engines that make gold share: the native one (gold.c) and Spark (gold_spark.c). */
#ifndef LAKEFM_CLI_GOLD_PARTS_H
#define LAKEFM_CLI_GOLD_PARTS_H

#include "cli/gold.h"

struct gold {
    struct cli *cli;
    struct lake *lake;
    bool silent;
    bool committed; /* the log has this build */
    char *staging;  /* state/build: where models write before they are published */
    char *mirror;   /* remote lakes: a folder that holds gold/ as built here, for the warehouse's views; else NULL */
};

/* One commit with the files that are new; without any when `always`. */
enum err gold_commit(struct gold *g, const struct model_file *files, size_t count, bool always, struct error *e) MUST_CHECK;
/* The project built in, unpacked below state/ under a name that changes with its content. *folder is heap. */
enum err gold_unpack_project(struct lake *lake, char **folder, struct error *e) MUST_CHECK;

#endif
