/* The file a live run goes on from (JSON, replaced atomically and durably):
 *
 *   {"lakefm_simulate": 1, "parameters": <hash of all that shapes the events>, "from": s, "from_nano": ns, "to": s or null,
 *    "to_nano": ns, "events": n, "clock": {"wall_ms": …, "simulated_ms": …, "speed": …},
 *    "topics": {"listen_events": {"lines": n, "bytes": n}, …}}
 *
 * clock: at that time of the wall the simulation stood there; it has gone on at that speed since. */
#ifndef LAKEFM_SIMULATE_STATE_H
#define LAKEFM_SIMULATE_STATE_H

#include "base/hash.h"
#include "simulate/simulate.h"

struct state {
    char parameters[HASH_HEX_SIZE];
    struct simulate_time from, to; /* to.second INT64_MAX: no end */
    uint64_t events;
    int64_t wall_ms, simulated_ms;
    double speed;
    struct simulate_position position;
};
/* ERR_NOT_FOUND, ERR_CORRUPT, ERR_IO. */
enum err state_load(const char *path, struct state *out, struct error *e) MUST_CHECK;
enum err state_save(const char *path, const struct state *state, struct error *e) MUST_CHECK;

#endif
