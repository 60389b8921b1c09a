/*
 * The io_uring backend: multishot accepts and receives into a ring of provided buffers, one send at a time.
 *
 * The user data of an operation carries the generation and index of its slot. A connection's slot is freed when all of
 * its operations have completed. A listener's and a watch's slot is freed at once, and their completions then find no
 * slot.
 */
#include "uring.h"

#include <errno.h>

#if __has_include(<liburing.h>)

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static uint32_t lent_at_first(const reactor *r) {
  return r->buffers.receive.total < LENT_AT_FIRST ? r->buffers.receive.total : LENT_AT_FIRST;
}

/* ---- Waiting --------------------------------------------------------------------------------------------------- */

/* The kernel found nothing to cancel: the operation has completed, or was between a poll and its next try. It is
 * cancelled again if it is still in flight. */
static void cancel_failed(reactor *r, uint64_t op, uint32_t index, uint32_t generation) {
  if (op == OP_ACCEPT) {
    listener *l = slab_find(&r->listeners, index, generation);
    if (l == NULL || !(l->flags & L_PAUSED)) return;
    l->backend &= ~(uint32_t)IS_CANCELLED;
    uring_listener_update(r, l);
  } else if (op == OP_WATCH) {
    watch *w = slab_find(&r->watches, index, generation);
    if (w == NULL || !(w->backend & IS_CANCELLED)) return;
    w->backend &= ~(uint32_t)IS_CANCELLED;
    uring_watch_cancel(r, w);
  } else if (op == OP_RECEIVE || op == OP_SEND || op == OP_POLL || op == OP_HANGUP) {
    connection *c = slab_find(&r->connections, index, generation);
    if (c == NULL || c->fd < 0) return;
    c->backend &= IN_ANY | IS_MULTISHOT;
    uring_connection_update(r, c);
  }
}

static void probe_completed(reactor *r, const struct io_uring_cqe *done) {
  uring_state *state = r->state;
  state->probe_result = done->res;
  if (!(done->flags & IORING_CQE_F_BUFFER)) return;
  state->ring_buffers--;
  buffer_push(&r->buffers.receive, done->flags >> IORING_CQE_BUFFER_SHIFT);
}

static void complete(reactor *r, const struct io_uring_cqe *done, batch *out) {
  uring_state *state = r->state;
  uint64_t op = done->user_data >> OP_SHIFT;
  uint32_t index = (uint32_t)done->user_data;
  uint32_t generation = (uint32_t)(done->user_data >> HANDLE_GENERATION_SHIFT) & HANDLE_GENERATION_MASK;
  if (done->user_data & CANCEL_BIT) {
    cancel_failed(r, op & 7, index, generation);
    return;
  }
  if (op != OP_NONE && !(done->flags & IORING_CQE_F_MORE)) state->in_flight--;
  switch (op) {
  case OP_RECEIVE:
    uring_receive_completed(r, slab_find(&r->connections, index, generation), done, out);
    break;
  case OP_SEND:
    uring_send_completed(r, slab_find(&r->connections, index, generation), done->res);
    break;
  case OP_POLL:
    uring_poll_completed(r, slab_find(&r->connections, index, generation), done);
    break;
  case OP_HANGUP:
    uring_hangup_completed(r, slab_find(&r->connections, index, generation), done);
    break;
  case OP_ACCEPT:
    uring_accept_completed(r, slab_find(&r->listeners, index, generation), done, out);
    break;
  case OP_WATCH:
    uring_watch_completed(r, slab_find(&r->watches, index, generation), done, out);
    break;
  case OP_OWN:
    if (done->user_data == probe_data) {
      probe_completed(r, done);
    } else {
      state->is_wake_armed = false;
      state->woke = true;
      atomic_store(&r->is_woken, 0);
    }
    break;
  default:
    break;
  }
  /* SENT is written here, before the bytes with which the peer responds to the send. */
  if (op == OP_SEND || op == OP_POLL) connections_report(r, out);
}

/* Takes the completions that are there, as long as there is room for an event: each gives at most one. */
static void reap(reactor *r, batch *out) {
  uring_state *state = r->state;
  struct io_uring_cqe *done;
  unsigned head;
  unsigned count = 0;
  io_uring_for_each_cqe(&state->ring, head, done) {
    if (batch_is_full(out)) break;
    complete(r, done, out);
    count++;
  }
  io_uring_cq_advance(&state->ring, count);
}

static void arm_wake(reactor *r) {
  uring_state *state = r->state;
  if (state->is_wake_armed) return;
  struct io_uring_sqe *entry = uring_entry(r);
  if (entry == NULL) return;
  io_uring_prep_read(entry, r->wake_fd, &state->wake_value, sizeof state->wake_value, 0);
  uring_start(r, entry, wake_data);
  state->is_wake_armed = true;
}

/* Submits and waits in one system call. */
static int enter(reactor *r, int64_t timeout_ns) {
  uring_state *state = r->state;
  struct io_uring_cqe *done;
  int result;
  r->syscalls++;
  if (timeout_ns == 0) {
    result = io_uring_submit_and_get_events(&state->ring);
  } else if (timeout_ns < 0) {
    result = io_uring_submit_and_wait(&state->ring, 1);
  } else {
    struct __kernel_timespec timeout = {.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000};
    result = io_uring_submit_and_wait_timeout(&state->ring, &done, 1, &timeout, NULL);
  }
  bool is_harmless = result >= 0 || result == -ETIME || result == -EINTR || result == -EAGAIN || result == -EBUSY;
  return is_harmless ? 0 : result;
}

static int uring_wait(reactor *r, batch *out, int64_t timeout_ns) {
  uring_state *state = r->state;
  state->woke = false;
  connections_report(r, out);
  reap(r, out);
  listeners_report(r, out);
  uring_refill(r);
  uring_arm_receives(r);
  arm_wake(r);
  uring_arm_watches(r);
  bool is_news =
      out->count > 0 || state->woke || !connection_list_is_empty(&r->reports) || !list_is_empty(&state->to_arm);
  if (is_news) {
    /* Events that are known already are returned without asking the kernel, but not twice in a row. */
    bool is_nothing_to_submit = io_uring_sq_ready(&state->ring) == 0;
    if (out->count > 0 && is_nothing_to_submit && (batch_is_full(out) || !state->skipped_poll)) {
      state->skipped_poll = true;
      return 0;
    }
    timeout_ns = 0;
  }
  state->skipped_poll = false;
  int result = enter(r, timeout_ns);
  reap(r, out);
  connections_report(r, out);
  listeners_report(r, out);
  return result;
}

/* Counts the buffers of completions that were not yet taken. */
static uint32_t waiting_buffers(uring_state *state) {
  const struct io_uring_cqe *done;
  unsigned head;
  uint32_t count = 0;
  io_uring_for_each_cqe(&state->ring, head, done) {
    if (done->flags & IORING_CQE_F_BUFFER) count++;
  }
  return count;
}

/* The kernel writes to the buffers that it was lent only during a system call, and takes them in the order of the ring.
 * Buffers of completions that were not yet taken come first in it; they and the warm ones are kept. The others are
 * empty. */
static void uring_trim(reactor *r) {
  uring_state *state = r->state;
  uint32_t kept = waiting_buffers(state) + BUFFERS_KEPT;
  if (kept > state->ring_buffers || io_uring_cq_has_overflow(&state->ring)) kept = state->ring_buffers;
  uint32_t mask = (uint32_t)io_uring_buf_ring_mask(r->buffers.receive.total);
  uint32_t first = state->buffer_ring->tail - state->ring_buffers;
  for (uint32_t i = 0; i < kept; i++) {
    r->buffers.states[state->buffer_ring->bufs[(first + i) & mask].bid] |= BUFFER_KEPT;
  }
  if (kept < BUFFERS_KEPT) buffers_keep_free(&r->buffers, &r->buffers.receive, BUFFERS_KEPT - kept);
  state->to_lend = lent_at_first(r);
}

/* ---- Life ------------------------------------------------------------------------------------------------------ */

static int create_ring(reactor *r, char *reason, size_t reason_size) {
  uring_state *state = r->state;
  struct io_uring_params parameters = {
      .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN |
               IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
      .cq_entries = r->ring_entries * COMPLETIONS_PER_ENTRY,
  };
  int result = io_uring_queue_init_params(r->ring_entries, &state->ring, &parameters);
  if (result < 0) {
    state->ring.ring_fd = -1;
    return explain(reason, reason_size, "io_uring_queue_init", result);
  }
  /* This saves a look-up in each system call; the ring works without it. */
  io_uring_register_ring_fd(&state->ring);
  return 0;
}

static int create_buffer_ring(reactor *r, char *reason, size_t reason_size) {
  uring_state *state = r->state;
  size_t size = (size_t)r->buffers.receive.total * sizeof(struct io_uring_buf);
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return explain(reason, reason_size, "mmap", -errno);
  state->buffer_ring = memory;
  state->buffer_ring_size = size;
  struct io_uring_buf_reg registration = {
      .ring_addr = (uint64_t)(uintptr_t)memory,
      .ring_entries = r->buffers.receive.total,
      .bgid = BUFFER_GROUP,
  };
  int result = io_uring_register_buf_ring(&state->ring, &registration, 0);
  if (result < 0) return explain(reason, reason_size, "io_uring_register_buf_ring", result);
  io_uring_buf_ring_init(state->buffer_ring);
  uring_refill(r);
  return 0;
}

/* Receives a byte and the end over a socket pair, as connections do. */
static int probe_receive(reactor *r, char *reason, size_t reason_size) {
  uring_state *state = r->state;
  batch none = {.events = NULL, .count = 0, .capacity = 1};
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
    return explain(reason, reason_size, "socketpair", -errno);
  }
  struct io_uring_sqe *entry = uring_entry(r);
  int result = entry == NULL ? -EBUSY : 0;
  if (entry != NULL) {
    uring_prepare_multishot_receive(r, entry, pair[0]);
    uring_start(r, entry, probe_data);
    if (send(pair[1], "", 1, MSG_NOSIGNAL) < 0) result = -errno;
    if (result == 0) result = enter(r, 0);
    if (result == 0) reap(r, &none);
    if (result == 0 && state->probe_result != 1) result = state->probe_result < 0 ? state->probe_result : -EIO;
  }
  close(pair[1]);
  for (int i = 0; entry != NULL && state->in_flight > 0 && i < 100; i++) {
    enter(r, 10000000);
    reap(r, &none);
  }
  close(pair[0]);
  if (result == 0 && state->in_flight > 0) result = -ETIMEDOUT;
  return result < 0 ? explain(reason, reason_size, "multishot receive", result) : 0;
}

/* Linux 6.18 knows a limit for a multishot receive; kernels without one refuse it with -EINVAL. */
static int probe(reactor *r, char *reason, size_t reason_size) {
  uring_state *state = r->state;
  state->receive_max = MULTISHOT_BUFFERS * r->buffers.size;
  if (probe_receive(r, reason, reason_size) == 0) return 0;
  state->receive_max = 0;
  int result = probe_receive(r, reason, reason_size);
  if (result == 0 && reason_size > 0) reason[0] = '\0';
  return result;
}

static void uring_destroy(reactor *r);

static int uring_create(reactor *r, char *reason, size_t reason_size) {
  uring_state *state = calloc(1, sizeof *state);
  if (state == NULL) return explain(reason, reason_size, "calloc", -ENOMEM);
  r->state = state;
  state->thread = gettid();
  state->ring.ring_fd = -1;
  list_init(&state->to_arm);
  state->to_lend = lent_at_first(r);
  state->checker = epoll_create1(EPOLL_CLOEXEC);
  int result = state->checker < 0 ? explain(reason, reason_size, "epoll_create1", -errno) : 0;
  if (result == 0) result = create_ring(r, reason, reason_size);
  if (result == 0) result = create_buffer_ring(r, reason, reason_size);
  if (result == 0) result = probe(r, reason, reason_size);
  if (result < 0) uring_destroy(r);
  return result;
}

/* Waits until no operation is in flight, so that the kernel holds no socket and writes to no memory after the ring. */
static void drain(reactor *r) {
  uring_state *state = r->state;
  reactor_event events[64];
  if (state->is_wake_armed) uring_cancel(r, wake_data);
  for (int i = 0; i < 100; i++) {
    batch dropped = {.events = events, .count = 0, .capacity = 64};
    int64_t timeout_ns = state->in_flight > 0 ? 10000000 : 0;
    enter(r, timeout_ns);
    reap(r, &dropped);
    if (state->in_flight == 0 && io_uring_cq_ready(&state->ring) == 0) return;
  }
}

static void uring_destroy(reactor *r) {
  uring_state *state = r->state;
  if (state->ring.ring_fd >= 0) {
    if (gettid() == state->thread) {
      drain(r);
    } else {
      /* The ring's registered number is valid on the thread that created it only. */
      state->ring.enter_ring_fd = state->ring.ring_fd;
      state->ring.int_flags = 0;
    }
    io_uring_queue_exit(&state->ring);
  }
  if (state->buffer_ring != NULL) munmap(state->buffer_ring, state->buffer_ring_size);
  if (state->checker >= 0) close(state->checker);
  free(state);
  r->state = NULL;
}

int reactor_has_io_uring(void) { return 1; }

const backend uring_backend = {
    .id = REACTOR_IO_URING,
    .create = uring_create,
    .destroy = uring_destroy,
    .wait = uring_wait,
    .connection_update = uring_connection_update,
    .listener_update = uring_listener_update,
    .listener_close = uring_listener_close,
    .watch_start = uring_watch_start,
    .watch_update = uring_watch_update,
    .watch_stop = uring_watch_stop,
    .trim = uring_trim,
};

#else /* without liburing */

#include <stdio.h>

static int no_create(reactor *r, char *reason, size_t reason_size) {
  (void)r;
  snprintf(reason, reason_size, "built without liburing");
  return -ENOSYS;
}

int reactor_has_io_uring(void) { return 0; }

/* It is never used, because creating it fails. */
const backend uring_backend = {.id = REACTOR_IO_URING, .create = no_create};

#endif
