#include "simulate/impl.h"
enum err simulate_follow(struct simulate *s, struct simulate_sink *sink, const struct simulate_progress *progress, const struct simulate_follow_options *follow, struct error *e) { (void)s,(void)sink,(void)progress,(void)follow; return err_set(e, ERR_INTERNAL,"x"); }
const char *simulate_flaw_name(enum simulate_flaw flaw) { (void)flaw; return ""; }
