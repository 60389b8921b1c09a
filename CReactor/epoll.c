/* The epoll backend: level-triggered readiness, one receive for each readiness event, sends tried at once. */
#include "backend.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS_MAX = 256 };

static const uint32_t input_events = EPOLLIN | EPOLLRDHUP;
static const uint32_t error_events = EPOLLERR | EPOLLHUP;

typedef struct epoll_state {
  int fd;
  bool has_no_pwait2; /* a kernel or a seccomp filter without it */
  bool skipped_poll;  /* the last wait returned without asking the kernel */
  struct epoll_event events[EVENTS_MAX];
} epoll_state;

/* ---- Interest -------------------------------------------------------------------------------------------------- */

/* Changes what a descriptor is registered for; `registered` is what it was. */
static int set_interest(reactor *r, int fd, reactor_handle handle, uint32_t *registered, uint32_t events) {
  epoll_state *state = r->state;
  if (*registered == events) return 0;
  int operation = events == 0 ? EPOLL_CTL_DEL : *registered == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  struct epoll_event event = {.events = events, .data.u64 = handle};
  r->syscalls++;
  if (epoll_ctl(state->fd, operation, fd, &event) < 0) return -errno;
  *registered = events;
  return 0;
}

static uint32_t rare_events(const connection *c) {
  uint32_t events = 0;
  if (c->flags & C_CLOSING) return 0;
  if (c->flags & (C_CONNECTING | C_BLOCKED)) events |= EPOLLOUT;
  if ((c->flags & (C_RECEIVE | C_CONNECTING | C_WAITING)) == C_RECEIVE) return events | input_events;
  if (!connection_is_stopped(c)) return events;
  /* The end of the peer's side lasts: as a level, each wait would report it. */
  if (events == 0) return EPOLLRDHUP | EPOLLET;
  return c->flags & C_PEER_ENDED ? events : events | EPOLLRDHUP;
}

static inline uint32_t wanted_events(const connection *c) {
  uint32_t usual = c->flags & (C_RECEIVE | C_CONNECTING | C_WAITING | C_BLOCKED | C_CLOSING);
  return usual == C_RECEIVE ? input_events : rare_events(c);
}

/* Whether a descriptor that is registered for `registered` reports what is wanted. */
static inline bool covers(uint32_t registered, uint32_t wanted) {
  if (registered == wanted) return true;
  if (wanted & ~registered & ~(uint32_t)EPOLLET) return false;
  return !(registered & EPOLLET) || !(wanted & (EPOLLIN | EPOLLOUT));
}

static int set_connection_interest(reactor *r, connection *c, uint32_t events) {
  return set_interest(r, c->fd, slab_handle(&r->connections, c), &c->backend, events);
}

/* The calls of each request go to the kernel directly. The C library's functions for them can be cancelled (pthread_cancel),
 * which nobody does here, and which takes 31 instructions a call. */

/* ---- Connections ----------------------------------------------------------------------------------------------- */

static void send_now(reactor *r, connection *c) {
  c->flags &= ~(uint32_t)C_BLOCKED;
  bool is_blocked;
  if (c->flags & C_FILE) {
    is_blocked = connection_send_file(r, c);
  } else {
    r->syscalls++;
    long sent = syscall(SYS_sendto, c->fd, c->send.base, c->send_left, MSG_NOSIGNAL, NULL, 0);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
      connection_sent(r, c, -errno);
      return;
    }
    size_t taken = sent < 0 ? 0 : (size_t)sent;
    c->send.base += taken;
    c->send_left -= taken;
    is_blocked = c->send_left > 0;
    if (!is_blocked) connection_sent(r, c, 0);
  }
  if (is_blocked) c->flags |= C_BLOCKED;
}

/* Interest is added at once, and removed only when the kernel reports an event that is not wanted, so that a connection
 * that stops and starts, or fills its socket again and again, mostly costs no epoll_ctl. */
static int epoll_connection_update(reactor *r, connection *c) {
  if (c->flags & C_CLOSING) {
    connection_finish_closing(r, c);
    return 0;
  }
  if ((c->flags & (C_SENDING | C_CONNECTING | C_BLOCKED)) == C_SENDING) send_now(r, c);
  uint32_t wanted = wanted_events(c);
  if (covers(c->backend, wanted)) return 0;
  bool is_edge = (c->backend | wanted) & EPOLLET;
  int result = set_connection_interest(r, c, is_edge ? wanted : c->backend | wanted);
  if (result < 0 && (c->flags & C_BLOCKED)) connection_sent(r, c, result);
  return result;
}

/* Lets as many connections receive again as there are buffers. */
static void retry_receiving(reactor *r) {
  for (uint32_t i = r->buffers.receive.free_count; i > 0 && !connection_list_is_empty(&r->waiting); i--) {
    connection *c = connection_at(r, r->waiting.first);
    connection_stop_waiting(r, c);
    epoll_connection_update(r, c);
  }
}

static void receive_now(reactor *r, connection *c, batch *out) {
  uint32_t buffer;
  if (!buffer_pop(&r->buffers.receive, &buffer)) {
    connection_wait_for_buffer(r, c);
    set_connection_interest(r, c, wanted_events(c));
    return;
  }
  r->syscalls++;
  long count = syscall(SYS_recvfrom, c->fd, buffers_at(&r->buffers, buffer), r->buffers.size, 0, NULL, NULL);
  if (count > 0) {
    connection_received(r, c, out, buffer, (int32_t)count);
    return;
  }
  buffer_push(&r->buffers.receive, buffer);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  connection_ended(r, c, out, count < 0 ? -errno : 0);
}

static void connection_ready(reactor *r, connection *c, uint32_t events, batch *out) {
  uint32_t wanted = wanted_events(c);
  if (wanted == input_events && c->backend == input_events) {
    receive_now(r, c, out);
    return;
  }
  bool is_unwanted = (events & ~wanted & c->backend) != 0 || wanted == 0 || (wanted & ~c->backend & EPOLLET);
  if ((wanted & EPOLLOUT) && (events & (EPOLLOUT | error_events))) {
    if (c->flags & C_CONNECTING) connection_connected(r, c);
    if (c->flags & C_SENDING) send_now(r, c);
  }
  if ((wanted & EPOLLIN) && (events & (input_events | error_events))) receive_now(r, c, out);
  if (connection_is_stopped(c)) connection_peer_left(r, c, events);
  uint32_t now_wanted = wanted_events(c);
  if (is_unwanted || !covers(c->backend, now_wanted)) {
    int result = set_connection_interest(r, c, now_wanted);
    if (result < 0 && (c->flags & C_BLOCKED)) connection_sent(r, c, result);
  }
}

/* ---- Listeners ------------------------------------------------------------------------------------------------- */

static int epoll_listener_update(reactor *r, listener *l) {
  uint32_t wanted = l->flags & L_PAUSED ? 0 : EPOLLIN;
  return set_interest(r, l->fd, slab_handle(&r->listeners, l), &l->backend, wanted);
}

static void epoll_listener_close(reactor *r, listener *l) {
  set_interest(r, l->fd, slab_handle(&r->listeners, l), &l->backend, 0);
}

/* Accepts until no client waits, the listener has used its share of the turn, or `room` events are written. */
static void listener_ready(reactor *r, listener *l, batch *out, int room) {
  for (uint32_t i = 0; room > 0 && i < r->accepts_per_turn && !(l->flags & L_PAUSED); i++) {
    r->syscalls++;
    int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      listener_accepted(r, l, out, fd);
      room--;
    } else if (errno == EAGAIN) {
      return;
    } else if (errno != EINTR && errno != ECONNABORTED && errno != EPROTO) {
      listener_failed(r, l, errno);
    }
  }
}

/* ---- Watches --------------------------------------------------------------------------------------------------- */

/* Errors are always reported; asking for them keeps a watch for nothing else registered. */
static uint32_t watch_events(const watch *w) { return (uint32_t)w->mask | EPOLLERR; }

static int epoll_watch_update(reactor *r, watch *w) {
  return set_interest(r, w->fd, slab_handle(&r->watches, w), &w->backend, watch_events(w));
}

static void epoll_watch_stop(reactor *r, watch *w) {
  set_interest(r, w->fd, slab_handle(&r->watches, w), &w->backend, 0);
}

/* ---- Waiting --------------------------------------------------------------------------------------------------- */

static int poll_kernel(reactor *r, int room, int64_t timeout_ns) {
  epoll_state *state = r->state;
  int capacity = room < EVENTS_MAX ? room : EVENTS_MAX;
  r->syscalls++;
#ifdef SYS_epoll_pwait2
  if (timeout_ns > 0 && !state->has_no_pwait2) {
    struct timespec timeout = {.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000};
    long count = syscall(SYS_epoll_pwait2, state->fd, state->events, capacity, &timeout, NULL, (size_t)0);
    if (count >= 0 || (errno != ENOSYS && errno != EPERM)) return count < 0 ? -errno : (int)count;
    state->has_no_pwait2 = true;
    r->syscalls++;
  }
#endif
  int milliseconds = -1;
  if (timeout_ns >= 0) {
    int64_t rounded_up = timeout_ns / 1000000 + (timeout_ns % 1000000 != 0);
    milliseconds = rounded_up < INT_MAX ? (int)rounded_up : INT_MAX;
  }
  long count = syscall(SYS_epoll_pwait, state->fd, state->events, capacity, milliseconds, NULL, (size_t)0);
  return count < 0 ? -errno : (int)count;
}

/* `others`: how many events are still to be looked at, each of which needs room for one of ours. */
static void dispatch(reactor *r, const struct epoll_event *event, batch *out, int others) {
  uint64_t handle = event->data.u64;
  void *item;
  if (handle == 0) {
    atomic_store(&r->is_woken, 0);
  } else if ((item = slab_get(&r->connections, handle)) != NULL) {
    connection_ready(r, item, event->events, out);
  } else if ((item = slab_get(&r->watches, handle)) != NULL) {
    const watch *w = item;
    int32_t mask = (int32_t)event->events & (w->mask & (REACTOR_READ | REACTOR_WRITE));
    if (event->events & error_events) mask |= REACTOR_ERROR;
    watch_report(r, w, out, mask);
  } else if ((item = slab_get(&r->listeners, handle)) != NULL) {
    listener_ready(r, item, out, out->capacity - out->count - others);
  }
}

static int epoll_backend_wait(reactor *r, batch *out, int64_t timeout_ns) {
  epoll_state *state = r->state;
  retry_receiving(r);
  connections_report(r, out);
  listeners_report(r, out);
  if (out->count > 0) {
    /* Events that are known already are returned without asking the kernel; but not twice in a row, so that a
     * connection whose sends never block does not keep the others waiting. */
    if (batch_is_full(out) || !state->skipped_poll) {
      state->skipped_poll = true;
      return 0;
    }
    timeout_ns = 0;
  }
  state->skipped_poll = false;
  if (!connection_list_is_empty(&r->reports)) timeout_ns = 0;
  int count = poll_kernel(r, out->capacity - out->count, timeout_ns);
  if (count < 0) return count == -EINTR ? 0 : count;
  for (int i = 0; i < count; i++) dispatch(r, &state->events[i], out, count - i - 1);
  connections_report(r, out);
  listeners_report(r, out);
  return 0;
}

static void epoll_trim(reactor *r) { buffers_keep_free(&r->buffers, &r->buffers.receive, BUFFERS_KEPT); }

/* ---- Life ------------------------------------------------------------------------------------------------------ */

static int epoll_backend_create(reactor *r, char *reason, size_t reason_size) {
  epoll_state *state = calloc(1, sizeof *state);
  if (state == NULL) return explain(reason, reason_size, "calloc", -ENOMEM);
  state->fd = epoll_create1(EPOLL_CLOEXEC);
  /* Edge-triggered: each wake-up is a new write, so the counter never has to be read. */
  struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = 0};
  if (state->fd < 0 || epoll_ctl(state->fd, EPOLL_CTL_ADD, r->wake_fd, &event) < 0) {
    int error = errno;
    if (state->fd >= 0) close(state->fd);
    free(state);
    return explain(reason, reason_size, "epoll", -error);
  }
  r->state = state;
  return 0;
}

static void epoll_backend_destroy(reactor *r) {
  epoll_state *state = r->state;
  close(state->fd);
  free(state);
  r->state = NULL;
}

const backend epoll_backend = {
    .id = REACTOR_EPOLL,
    .create = epoll_backend_create,
    .destroy = epoll_backend_destroy,
    .wait = epoll_backend_wait,
    .connection_update = epoll_connection_update,
    .listener_update = epoll_listener_update,
    .listener_close = epoll_listener_close,
    .watch_start = epoll_watch_update,
    .watch_update = epoll_watch_update,
    .watch_stop = epoll_watch_stop,
    .trim = epoll_trim,
};
