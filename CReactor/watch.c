/* Watched descriptors: the public calls and the event. */
#include "backend.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define WATCH_MASK (REACTOR_READ | REACTOR_WRITE | REACTOR_ERROR)

/* Makes room in the table from descriptors to watches. */
static int reserve_watch(reactor *r, int fd) {
  if (fd < 0) return -EBADF;
  uint32_t needed = (uint32_t)fd + 1;
  if (needed <= r->watch_of_fd_count) return 0;
  uint32_t count = r->watch_of_fd_count == 0 ? 64 : r->watch_of_fd_count;
  while (count < needed) count *= 2;
  uint32_t *table = realloc(r->watch_of_fd, (size_t)count * sizeof *table);
  if (table == NULL) return -ENOMEM;
  memset(table + r->watch_of_fd_count, 0, (size_t)(count - r->watch_of_fd_count) * sizeof *table);
  r->watch_of_fd = table;
  r->watch_of_fd_count = count;
  return 0;
}

int reactor_watch(reactor *r, int fd, int mask, uint64_t context, reactor_handle *out) {
  int result = fcntl(fd, F_GETFD) < 0 ? -errno : reserve_watch(r, fd);
  if (result < 0) return result;
  if (r->watch_of_fd[fd] != 0) return -EEXIST;
  watch *w = slab_allocate(&r->watches);
  if (w == NULL) return -ENOMEM;
  w->fd = fd;
  w->mask = mask & WATCH_MASK;
  w->context = context;
  result = r->backend->watch_start(r, w);
  if (result < 0) {
    slab_free(&r->watches, w);
    return result;
  }
  r->watch_of_fd[fd] = w->slot.link + 1;
  *out = slab_handle(&r->watches, w);
  return 0;
}

int reactor_watch_update(reactor *r, reactor_handle handle, int mask) {
  watch *w = slab_get(&r->watches, handle);
  if (w == NULL) return -ESTALE;
  w->mask = mask & WATCH_MASK;
  return r->backend->watch_update(r, w);
}

int reactor_unwatch(reactor *r, reactor_handle handle) {
  watch *w = slab_get(&r->watches, handle);
  if (w == NULL) return -ESTALE;
  r->backend->watch_stop(r, w);
  r->watch_of_fd[w->fd] = 0;
  slab_free(&r->watches, w);
  return 0;
}

void watch_report(reactor *r, const watch *w, batch *out, int32_t mask) {
  if (mask == 0) return;
  reactor_event *event = batch_next(out);
  event->type = REACTOR_READY;
  event->result = mask;
  event->handle = slab_handle(&r->watches, w);
  event->context = w->context;
}
