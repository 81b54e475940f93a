/* Pieces of help shared by the terminal's and the manual's writers. */
#ifndef LAKEFM_CLI_HELP_H
#define LAKEFM_CLI_HELP_H

#include "cli/cli.h"

void cli_option_left(const struct cli_option *o, struct buf *out);  /* "-s, --select WORD..." */
void cli_option_right(const struct cli_option *o, struct buf *out); /* help, choices, [default] */
bool cli_listed(const char *list, const char *word);                /* one of the words separated by blanks */

#endif
