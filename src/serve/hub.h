/* News for open pages: an append-only feed that each connection reads at its own pace. Thread-safe. A reader that falls
 * more than HUB_KEEP items behind is told to start over. */
#ifndef LAKEFM_SERVE_HUB_H
#define LAKEFM_SERVE_HUB_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

enum { HUB_KEEP = 64 };

struct hub;
struct hub *hub_new(void);
void hub_free(struct hub **h);
void hub_close(struct hub *h); /* all waiting readers return; there is no more news */
/* data: one line of JSON, copied. */
void hub_say(struct hub *h, const char *event, const char *data);
uint64_t hub_next(struct hub *h); /* the number that the next item will have */
/* Waits up to timeout_ms for items from *at on and appends them in SSE form ("id: …\nevent: …\ndata: …\n\n"); sets *at behind
 * them. False: the hub is closed. Nothing new: nothing appended. Items that are gone: an event "reset" instead. */
bool hub_wait(struct hub *h, uint64_t *at, int timeout_ms, struct buf *out);

#endif
