/* Watched descriptors: what is reported of them. */
#include "backend.h"

void watch_report(reactor *r, const watch *w, batch *out, int32_t mask) {
  if (mask == 0) return;
  reactor_event *event = batch_next(out);
  event->type = REACTOR_READY;
  event->result = mask;
  event->handle = slab_handle(&r->watches, w);
  event->context = w->context;
}
