#include "simulate/impl.h"
enum err streams_open(struct simulate *s, struct error *e) { (void)s; return err_set(e, ERR_INTERNAL, "x"); }
void streams_close(struct simulate *s) { (void)s; }
enum err streams_advance(struct simulate *s, int64_t until_s, struct error *e) { (void)s,(void)until_s; return err_set(e, ERR_INTERNAL, "x"); }
