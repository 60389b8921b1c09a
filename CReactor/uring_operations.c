/*
 * The operations of the io_uring backend: how they are started, cancelled and ended for connections, listeners and
 * watches.
 */
#include "uring.h"

#if __has_include(<liburing.h>)

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- Submitting ------------------------------------------------------------------------------------------------ */

uint64_t uring_user_data(uint64_t op, const slot *owner) {
  return op << OP_SHIFT | (uint64_t)owner->generation << HANDLE_GENERATION_SHIFT | owner->link;
}

/* Returns a free submission entry; a full queue is submitted first. NULL: the kernel takes none for now. */
struct io_uring_sqe *uring_entry(reactor *r) {
  uring_state *state = r->state;
  struct io_uring_sqe *entry = io_uring_get_sqe(&state->ring);
  if (entry != NULL) return entry;
  r->syscalls++;
  io_uring_submit(&state->ring);
  return io_uring_get_sqe(&state->ring);
}

void uring_start(reactor *r, struct io_uring_sqe *entry, uint64_t data) {
  uring_state *state = r->state;
  io_uring_sqe_set_data64(entry, data);
  state->in_flight++;
}

/* Cancels the operation that carries `data`; it then completes, mostly with -ECANCELED. The cancellation itself
 * completes only if it fails: an operation that is just between a poll and its next try is not found, and must be
 * cancelled again (`cancel_failed`). */
bool uring_cancel(reactor *r, uint64_t data) {
  struct io_uring_sqe *entry = uring_entry(r);
  if (entry == NULL) return false;
  io_uring_prep_cancel64(entry, data, 0);
  io_uring_sqe_set_flags(entry, IOSQE_CQE_SKIP_SUCCESS);
  io_uring_sqe_set_data64(entry, data | CANCEL_BIT);
  return true;
}

/* Submits at once, so that a cancelled operation releases its file now and not only in the next wait. */
static void flush(reactor *r) {
  uring_state *state = r->state;
  r->syscalls++;
  io_uring_submit_and_get_events(&state->ring);
}

/* The kernel takes the buffers of a ring in turn. If it had many, each would have left the processor's caches when its
 * turn comes, so it is lent few, those that were used last, and twice as many whenever a receive finds none. */
void uring_refill(reactor *r) {
  uring_state *state = r->state;
  if (state->has_too_few && state->to_lend < r->buffers.receive.total) state->to_lend *= 2;
  state->has_too_few = false;
  int mask = io_uring_buf_ring_mask(r->buffers.receive.total);
  int added = 0;
  uint32_t number;
  while (state->ring_buffers + (uint32_t)added < state->to_lend && buffer_pop(&r->buffers.receive, &number)) {
    io_uring_buf_ring_add(state->buffer_ring, buffers_at(&r->buffers, number), r->buffers.size, (unsigned short)number,
                          mask, added++);
  }
  if (added == 0) return;
  state->ring_buffers += (uint32_t)added;
  io_uring_buf_ring_advance(state->buffer_ring, added);
}

/* ---- Connections ----------------------------------------------------------------------------------------------- */

void uring_prepare_multishot_receive(reactor *r, struct io_uring_sqe *entry, int fd) {
  const uring_state *state = r->state;
  io_uring_prep_recv_multishot(entry, fd, NULL, 0, 0);
  io_uring_sqe_set_flags(entry, IOSQE_BUFFER_SELECT);
  entry->buf_group = BUFFER_GROUP;
  entry->file_index = state->receive_max; /* the same place as `optlen`, which older headers do not have */
}

/* A multishot receive brings one buffer after the other until its cancellation takes effect. A connection that was
 * stopped once may be stopped again and again, so its receives take one buffer each. */
static bool start_receive(reactor *r, connection *c) {
  struct io_uring_sqe *entry = uring_entry(r);
  if (entry == NULL) return false;
  if (c->flags & C_STOPPED) {
    io_uring_prep_recv(entry, c->fd, NULL, r->buffers.size, 0);
    io_uring_sqe_set_flags(entry, IOSQE_BUFFER_SELECT);
    entry->buf_group = BUFFER_GROUP;
  } else {
    uring_prepare_multishot_receive(r, entry, c->fd);
    c->backend |= IS_MULTISHOT;
  }
  uring_start(r, entry, uring_user_data(OP_RECEIVE, &c->slot));
  c->backend |= IN_RECEIVE;
  return true;
}

/* Receives are armed by the wait and not by reactor_recv_start, so that one that is stopped before brings nothing. */
void uring_arm_receives(reactor *r) {
  const uring_state *state = r->state;
  if (state->ring_buffers == 0) return;
  while (!connection_list_is_empty(&r->waiting)) {
    connection *c = connection_at(r, r->waiting.first);
    if (!start_receive(r, c)) return;
    connection_stop_waiting(r, c);
  }
}

/* Waits until the socket is writable. The kernel adds POLLRDHUP to the events of every poll, so that a one-shot poll
 * fires at once, again and again, after the peer has ended its side. A multishot poll reports that once and then goes
 * on by edges: it fires again only after the kernel has refused bytes, so sends are then tried until the kernel refuses
 * some. */
static bool start_poll(reactor *r, connection *c) {
  struct io_uring_sqe *entry = uring_entry(r);
  if (entry == NULL) return false;
  if (c->flags & C_POLL_EDGES) {
    io_uring_prep_poll_multishot(entry, c->fd, POLLOUT);
  } else {
    io_uring_prep_poll_add(entry, c->fd, POLLOUT);
  }
  uring_start(r, entry, uring_user_data(OP_POLL, &c->slot));
  c->backend |= IN_POLL;
  return true;
}

/* The poll is multishot, which goes on by edges: it reports the end of the peer's side once, and later an error. */
static bool start_hangup_poll(reactor *r, connection *c) {
  struct io_uring_sqe *entry = uring_entry(r);
  if (entry == NULL) return false;
  io_uring_prep_poll_multishot(entry, c->fd, POLLRDHUP);
  uring_start(r, entry, uring_user_data(OP_HANGUP, &c->slot));
  c->backend |= IN_HANGUP;
  return true;
}

/* The send does not wait in the kernel: a poll waits until a full socket is writable. After the peer has ended its
 * side, the kernel would wait in a worker thread, where it does not find the send when it is to be cancelled. */
static bool start_send(reactor *r, connection *c) {
  if (c->flags & C_FILE) {
    size_t left;
    do left = c->send_left;
    while (connection_send_file(r, c) && (c->flags & C_POLL_EDGES) && c->send_left < left);
    if (c->flags & C_SENDING) c->flags |= C_BLOCKED;
    return true;
  }
  struct io_uring_sqe *entry = uring_entry(r);
  if (entry == NULL) return false;
  size_t length = c->send_left < SEND_MAX ? c->send_left : SEND_MAX;
  io_uring_prep_send(entry, c->fd, c->send.base, length, MSG_DONTWAIT | MSG_NOSIGNAL);
  uring_start(r, entry, uring_user_data(OP_SEND, &c->slot));
  c->backend |= IN_SEND;
  return true;
}

/* Cancels an operation of the connection, if it is in flight and not cancelled yet. */
static bool stop(reactor *r, connection *c, uint32_t in, uint32_t cancelled, uint64_t op) {
  if ((c->backend & (in | cancelled)) != in) return true;
  if (!uring_cancel(r, uring_user_data(op, &c->slot))) return false;
  c->backend |= cancelled;
  return true;
}

static bool stop_all(reactor *r, connection *c) {
  bool is_done = stop(r, c, IN_RECEIVE, CANCEL_RECEIVE, OP_RECEIVE);
  is_done &= stop(r, c, IN_SEND, CANCEL_SEND, OP_SEND);
  is_done &= stop(r, c, IN_POLL, CANCEL_POLL, OP_POLL);
  is_done &= stop(r, c, IN_HANGUP, CANCEL_HANGUP, OP_HANGUP);
  if (!(c->backend & IN_ANY)) connection_finish_closing(r, c);
  return is_done;
}

static bool start_wanted(reactor *r, connection *c) {
  if (c->flags & C_CONNECTING) return (c->backend & IN_POLL) || start_poll(r, c);
  bool is_done = true;
  if ((c->flags & (C_SENDING | C_BLOCKED)) == C_SENDING && !(c->backend & IN_SEND)) is_done &= start_send(r, c);
  if ((c->flags & C_BLOCKED) && !(c->backend & IN_POLL)) is_done &= start_poll(r, c);
  if (connection_is_stopped(c) && !(c->backend & IN_HANGUP)) is_done &= start_hangup_poll(r, c);
  bool is_multishot_over = (c->flags & C_STOPPED) && (c->backend & IS_MULTISHOT);
  if (!(c->flags & C_RECEIVE) || is_multishot_over) {
    is_done &= stop(r, c, IN_RECEIVE, CANCEL_RECEIVE, OP_RECEIVE);
  } else if (!(c->backend & IN_RECEIVE)) {
    connection_wait(r, c);
  }
  return is_done;
}

/* Starts the operations that are wanted and not in flight, and cancels those that are in flight and no longer wanted.
 * If the submission queue has no room for one, the next wait tries again. */
int uring_connection_update(reactor *r, connection *c) {
  bool is_done = c->flags & C_CLOSING ? stop_all(r, c) : start_wanted(r, c);
  if (!is_done) connection_queue(r, c, C_RETRY);
  return 0;
}

void uring_receive_completed(reactor *r, connection *c, const struct io_uring_cqe *done, batch *out) {
  uring_state *state = r->state;
  if (done->flags & IORING_CQE_F_BUFFER) {
    uint32_t buffer = done->flags >> IORING_CQE_BUFFER_SHIFT;
    state->ring_buffers--;
    if (done->res > 0 && c != NULL && !(c->flags & (C_CLOSING | C_ENDED))) {
      connection_received(r, c, out, buffer, done->res);
    } else {
      buffers_note_use(&r->buffers, &r->buffers.receive, buffer);
      buffer_push(&r->buffers.receive, buffer);
    }
  }
  if (c == NULL || (done->flags & IORING_CQE_F_MORE)) return;
  c->backend &= ~(uint32_t)(IN_RECEIVE | CANCEL_RECEIVE | IS_MULTISHOT);
  bool is_failure = done->res < 0 && done->res != -ECANCELED && done->res != -EAGAIN && done->res != -EINTR;
  if (done->res == -ECONNRESET) c->flags |= C_RESET;
  if ((c->flags & (C_RECEIVE | C_CLOSING)) == C_RECEIVE) {
    if (done->res == -ENOBUFS) {
      state->has_too_few = true;
      connection_wait_for_buffer(r, c);
    } else if (done->res == 0 || is_failure) {
      connection_ended(r, c, out, done->res);
    }
  }
  uring_connection_update(r, c);
}

void uring_send_completed(reactor *r, connection *c, int32_t result) {
  if (c == NULL) return;
  c->backend &= ~(uint32_t)(IN_SEND | CANCEL_SEND);
  if (result > 0) {
    c->send.base += result;
    c->send_left -= (size_t)result;
    if (c->send_left == 0) {
      connection_sent(r, c, 0);
    } else if (!(c->flags & C_POLL_EDGES)) {
      c->flags |= C_BLOCKED;
    }
  } else if (result == -EAGAIN) {
    c->flags |= C_BLOCKED;
  } else if (result != -EINTR && result != -ECANCELED) {
    connection_sent(r, c, result < 0 ? result : -EPIPE);
  }
  uring_connection_update(r, c);
}

void uring_poll_completed(reactor *r, connection *c, const struct io_uring_cqe *done) {
  if (c == NULL) return;
  bool is_over = !(done->flags & IORING_CQE_F_MORE);
  if (is_over) c->backend &= ~(uint32_t)(IN_POLL | CANCEL_POLL);
  if (done->res < 0 || (done->res & (POLLOUT | POLLERR | POLLHUP))) {
    c->flags &= ~(uint32_t)C_BLOCKED;
    if ((c->flags & (C_CONNECTING | C_CLOSING)) == C_CONNECTING) connection_connected(r, c);
  } else if (is_over) {
    c->flags |= C_POLL_EDGES;
  }
  uring_connection_update(r, c);
}

void uring_hangup_completed(reactor *r, connection *c, const struct io_uring_cqe *done) {
  if (c == NULL) return;
  if (!(done->flags & IORING_CQE_F_MORE)) c->backend &= ~(uint32_t)(IN_HANGUP | CANCEL_HANGUP);
  if (done->res > 0) connection_peer_left(r, c, (uint32_t)done->res);
  uring_connection_update(r, c);
}

/* ---- Listeners ------------------------------------------------------------------------------------------------- */

int uring_listener_update(reactor *r, listener *l) {
  uint64_t data = uring_user_data(OP_ACCEPT, &l->slot);
  if (l->flags & L_PAUSED) {
    if ((l->backend & (IS_ARMED | IS_CANCELLED)) == IS_ARMED && uring_cancel(r, data)) l->backend |= IS_CANCELLED;
    return 0;
  }
  if (l->backend & IS_ARMED) return 0;
  struct io_uring_sqe *entry = uring_entry(r);
  if (entry == NULL) return -ENOBUFS;
  io_uring_prep_multishot_accept(entry, l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  uring_start(r, entry, data);
  l->backend = IS_ARMED;
  return 0;
}

void uring_listener_close(reactor *r, listener *l) {
  if (!(l->backend & IS_ARMED)) return;
  /* Twice, because no slot is left to try again if the first cancellation comes between a poll and its next try. */
  for (int i = 0; i < 2; i++) {
    uring_cancel(r, uring_user_data(OP_ACCEPT, &l->slot));
    flush(r);
  }
}

void uring_accept_completed(reactor *r, listener *l, const struct io_uring_cqe *done, batch *out) {
  if (l == NULL) {
    if (done->res < 0) return;
    r->syscalls++;
    close(done->res);
    return;
  }
  if (!(done->flags & IORING_CQE_F_MORE)) l->backend = 0;
  if (done->res >= 0) {
    listener_accepted(r, l, out, done->res);
  } else if (done->res != -ECANCELED && done->res != -EAGAIN && done->res != -EINTR && done->res != -ECONNABORTED &&
             done->res != -EPROTO) {
    listener_failed(r, l, -done->res);
  }
  int result = uring_listener_update(r, l);
  if (result < 0) listener_failed(r, l, -result);
}

/* ---- Watches --------------------------------------------------------------------------------------------------- */

/* A poll fires once, and the next wait arms it again, which makes the watch level-triggered. */
void uring_arm_watches(reactor *r) {
  uring_state *state = r->state;
  while (!list_is_empty(&state->to_arm)) {
    watch *w = LINK_OWNER(state->to_arm.next, watch, arm);
    struct io_uring_sqe *entry = uring_entry(r);
    if (entry == NULL) return;
    list_remove(&w->arm);
    if (w->backend & BY_EDGES) {
      io_uring_prep_poll_multishot(entry, w->fd, (unsigned)w->mask);
    } else {
      io_uring_prep_poll_add(entry, w->fd, (unsigned)w->mask);
    }
    uring_start(r, entry, uring_user_data(OP_WATCH, &w->slot));
    w->backend |= IS_ARMED;
  }
}

/* io_uring polls a regular file and finds it always ready; epoll refuses it, and both backends must do the same. */
int uring_watch_start(reactor *r, watch *w) {
  uring_state *state = r->state;
  struct epoll_event event = {.events = 0};
  r->syscalls++;
  if (epoll_ctl(state->checker, EPOLL_CTL_ADD, w->fd, &event) < 0) return -errno;
  r->syscalls++;
  epoll_ctl(state->checker, EPOLL_CTL_DEL, w->fd, &event);
  list_append(&state->to_arm, &w->arm);
  return 0;
}

int uring_watch_update(reactor *r, watch *w) {
  if (!(w->backend & IS_ARMED)) return 0;
  struct io_uring_sqe *entry = uring_entry(r);
  if (entry == NULL) return -ENOBUFS;
  uint64_t data = uring_user_data(OP_WATCH, &w->slot);
  io_uring_prep_poll_update(entry, data, 0, (unsigned)w->mask, IORING_POLL_UPDATE_EVENTS);
  io_uring_sqe_set_flags(entry, IOSQE_CQE_SKIP_SUCCESS);
  io_uring_sqe_set_data64(entry, (uint64_t)OP_NONE << OP_SHIFT);
  return 0;
}

void uring_watch_stop(reactor *r, watch *w) {
  list_remove(&w->arm);
  if (!(w->backend & IS_ARMED)) return;
  uring_cancel(r, uring_user_data(OP_WATCH, &w->slot));
  flush(r);
}

void uring_watch_cancel(reactor *r, watch *w) {
  if ((w->backend & (IS_ARMED | BY_EDGES | IS_CANCELLED)) != (IS_ARMED | BY_EDGES)) return;
  if (uring_cancel(r, uring_user_data(OP_WATCH, &w->slot))) w->backend |= IS_CANCELLED;
}

void uring_watch_completed(reactor *r, watch *w, const struct io_uring_cqe *done, batch *out) {
  uring_state *state = r->state;
  int32_t result = done->res;
  if (w == NULL) return;
  bool was_by_edges = w->backend & BY_EDGES;
  if (!(done->flags & IORING_CQE_F_MORE)) {
    w->backend = 0;
    if (result < 0 && result != -ECANCELED) return; /* its descriptor is closed */
    list_append(&state->to_arm, &w->arm);
  }
  if (result < 0) return;
  int32_t mask = result & (w->mask & (REACTOR_READ | REACTOR_WRITE));
  if (result & (POLLERR | POLLHUP)) mask |= REACTOR_ERROR;
  if (mask != 0) {
    watch_report(r, w, out, mask);
    uring_watch_cancel(r, w);
  } else if (!was_by_edges) {
    /* Only POLLRDHUP, which the watch did not ask for (see `start_poll`). */
    w->backend |= BY_EDGES;
  }
}

#else

/* A translation unit must declare something. */
typedef int nothing_without_liburing;

#endif
