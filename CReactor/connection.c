/* Connections: what follows from the results of operations, for both backends, and the queue of events to report. */
#include "backend.h"

#include <errno.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#define REPORTS (C_REPORT_ACCEPTED | C_REPORT_CONNECTED | C_REPORT_SENT | C_REPORT_CLOSED)

connection *connection_create(reactor *r, int fd, uint64_t context) {
  connection *c = slab_allocate(&r->connections);
  if (c == NULL) return NULL;
  c->fd = fd;
  c->context = context;
  c->deadline = REACTOR_NEVER;
  c->timer = SLOT_NONE;
  return c;
}

/* The slot is not used again before the next wait: the owner's last event is in a batch that is still to be handled, and a new
 * connection of the owner of an earlier event must not have the same slot meanwhile. */
static void release_slot(reactor *r, connection *c) {
  slab_retire(&r->connections, c);
  listeners_resume(r);
}

/* ---- The queue of reports -------------------------------------------------------------------------------------- */

static void append_report(reactor *r, connection *c) {
  uint32_t index = c->slot.link;
  c->next_report = SLOT_NONE;
  if (r->reports.last != SLOT_NONE) {
    connection_at(r, r->reports.last)->next_report = index;
  } else {
    r->reports.first = index;
  }
  r->reports.last = index;
}

static void prepend_report(reactor *r, connection *c) {
  c->next_report = r->reports.first;
  r->reports.first = c->slot.link;
  if (r->reports.last == SLOT_NONE) r->reports.last = c->slot.link;
}

static connection *take_report(reactor *r) {
  connection *c = connection_at(r, r->reports.first);
  r->reports.first = c->next_report;
  if (r->reports.first == SLOT_NONE) r->reports.last = SLOT_NONE;
  return c;
}

/* ---- The list of connections that wait to receive -------------------------------------------------------------- */

void connection_wait(reactor *r, connection *c) {
  if (c->flags & C_WAITING) return;
  c->flags |= C_WAITING;
  c->waiting.next = SLOT_NONE;
  c->waiting.previous = r->waiting.last;
  if (r->waiting.last != SLOT_NONE) {
    connection_at(r, r->waiting.last)->waiting.next = c->slot.link;
  } else {
    r->waiting.first = c->slot.link;
  }
  r->waiting.last = c->slot.link;
}

/* If the pool has free buffers, only the kernel has used up those that it was lent: that does not count as a pause. */
void connection_wait_for_buffer(reactor *r, connection *c) {
  if (r->buffers.receive.free_count == 0 && !(c->flags & C_WAITING)) r->receive_pauses++;
  connection_wait(r, c);
}

void connection_stop_waiting(reactor *r, connection *c) {
  if (!(c->flags & C_WAITING)) return;
  c->flags &= ~(uint32_t)C_WAITING;
  if (c->waiting.next != SLOT_NONE) {
    connection_at(r, c->waiting.next)->waiting.previous = c->waiting.previous;
  } else {
    r->waiting.last = c->waiting.previous;
  }
  if (c->waiting.previous != SLOT_NONE) {
    connection_at(r, c->waiting.previous)->waiting.next = c->waiting.next;
  } else {
    r->waiting.first = c->waiting.next;
  }
}

/* ---- Outcomes -------------------------------------------------------------------------------------------------- */

void connection_queue(reactor *r, connection *c, uint32_t report) {
  c->flags |= report;
  if (c->flags & C_QUEUED) return;
  c->flags |= C_QUEUED;
  append_report(r, c);
}

static reactor_event *next_event(reactor *r, connection *c, batch *out, reactor_event_type type, int32_t result) {
  reactor_event *event = batch_next(out);
  event->type = type;
  event->result = result;
  event->handle = slab_handle(&r->connections, c);
  event->context = c->context;
  return event;
}

void connection_received(reactor *r, connection *c, batch *out, uint32_t buffer, int32_t count) {
  buffers_hand_out(&r->buffers, &r->buffers.receive, buffer);
  reactor_event *event = next_event(r, c, out, REACTOR_RECEIVED, count);
  event->buffer = buffer;
  event->data = buffers_at(&r->buffers, buffer);
}

/* The kernel reports a reset once, to the first operation that meets it, and `disguise` to later ones. Which operation
 * is the first depends on the backend, so each of them reports the reset. */
static int32_t seen_through_reset(connection *c, int32_t result, int32_t disguise) {
  if (result == -ECONNRESET) c->flags |= C_RESET;
  return (c->flags & C_RESET) && result == disguise ? -ECONNRESET : result;
}

void connection_ended(reactor *r, connection *c, batch *out, int32_t result) {
  c->flags = (c->flags | C_ENDED) & ~(uint32_t)C_RECEIVE;
  next_event(r, c, out, REACTOR_END, seen_through_reset(c, result, 0));
}

/* The caller can only close such a connection; nothing is received from it. */
void connection_connect_failed(reactor *r, connection *c, int error) {
  connection_stop_waiting(r, c);
  c->flags = (c->flags | C_CONNECT_FAILED | C_ENDED) & ~(uint32_t)(C_CONNECTING | C_RECEIVE);
  c->connect_result = -error;
  connection_queue(r, c, C_REPORT_CONNECTED);
}

/* The socket that was connecting is writable or has an error. */
void connection_connected(reactor *r, connection *c) {
  int error = 0;
  socklen_t length = sizeof error;
  r->syscalls++;
  if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0) error = errno;
  if (error != 0) {
    connection_connect_failed(r, c, error);
    if (c->flags & C_SENDING) connection_sent(r, c, -error);
    return;
  }
  c->flags &= ~(uint32_t)C_CONNECTING;
  connection_queue(r, c, C_REPORT_CONNECTED);
}

void connection_sent(reactor *r, connection *c, int32_t result) {
  c->flags &= ~(uint32_t)(C_SENDING | C_FILE | C_BLOCKED);
  c->send_result = seen_through_reset(c, result, -EPIPE);
  connection_queue(r, c, C_REPORT_SENT);
}

/* Sends what the socket takes of a file. Returns whether some of it is left for when the socket is writable again. */
bool connection_send_file(reactor *r, connection *c) {
  off_t offset = (off_t)c->send.file_offset;
  r->syscalls++;
  ssize_t sent;
  do sent = sendfile(c->fd, c->file, &offset, c->send_left);
  while (sent < 0 && errno == EINTR);
  if (sent < 0) {
    if (errno == EAGAIN) return true;
    connection_sent(r, c, -errno);
    return false;
  }
  c->send.file_offset += (size_t)sent;
  c->send_left -= (size_t)sent;
  if (c->send_left == 0) {
    connection_sent(r, c, 0);
    return false;
  }
  if (sent == 0) {
    connection_sent(r, c, -ENODATA);
    return false;
  }
  return true;
}

/* A send in progress meets the error, too. HANGUP waits for its SENT, so that both backends report the same order. */
static bool lost_is_due(const connection *c) {
  return (c->flags & (C_PEER_LOST | C_REPORTED_LOST | C_SENDING)) == C_PEER_LOST;
}

static bool ended_is_due(const connection *c) {
  return (c->flags & (C_PEER_ENDED | C_PEER_LOST | C_REPORTED_ENDED)) == C_PEER_ENDED;
}

static bool hangup_is_due(const connection *c) {
  if (!(c->flags & (C_PEER_ENDED | C_PEER_LOST))) return false;
  return connection_is_stopped(c) && (lost_is_due(c) || ended_is_due(c));
}

/* Takes the result of a poll for the peer's hang-up. If receiving has started again meanwhile, the flags keep it in
 * case receiving stops before END. */
void connection_peer_left(reactor *r, connection *c, uint32_t mask) {
  /* After a shutdown of both sides the kernel sets POLLHUP without an error, too. */
  bool is_lost = (mask & POLLERR) || ((mask & POLLHUP) && !(c->flags & C_SHUT_DOWN));
  if (mask & POLLRDHUP) c->flags |= C_PEER_ENDED;
  if (is_lost) c->flags |= C_PEER_LOST;
  if (hangup_is_due(c)) connection_queue(r, c, 0);
}

static void write_hangup(reactor *r, connection *c, batch *out) {
  bool is_lost = lost_is_due(c);
  c->flags |= is_lost ? C_REPORTED_ENDED | C_REPORTED_LOST : C_REPORTED_ENDED;
  /* The error is not read from the socket, which would clear it: the next receive or send reports it. */
  next_event(r, c, out, REACTOR_HANGUP, is_lost ? -ECONNRESET : 0);
}

/* A closing connection has no operation in progress any more: its descriptor is closed. */
void connection_finish_closing(reactor *r, connection *c) {
  if (c->fd < 0) return;
  if (c->flags & C_CONNECTING) connection_connect_failed(r, c, ECANCELED);
  if (c->flags & C_SENDING) connection_sent(r, c, -ECANCELED);
  r->syscalls++;
  close(c->fd);
  c->fd = -1;
  connection_queue(r, c, C_REPORT_CLOSED);
}

/* ---- Reporting ------------------------------------------------------------------------------------------------- */

/* Closes a connection whose listener was closed before ACCEPTED was reported. */
static void drop_unreported(reactor *r, connection *c) {
  r->syscalls++;
  close(c->fd);
  release_slot(r, c);
}

/* Writes the events of a connection for which there is room. Returns whether some are left. */
static bool report(reactor *r, connection *c, batch *out) {
  if (c->flags & C_RETRY) {
    c->flags &= ~(uint32_t)C_RETRY;
    r->backend->connection_update(r, c);
  }
  if (c->flags & C_REPORT_ACCEPTED) {
    listener *l = slab_get(&r->listeners, c->send.listener);
    if (l == NULL) {
      drop_unreported(r, c);
      return false;
    }
    if (!listener_report_accepted(r, l, c, out)) return true;
  }
  if ((c->flags & C_REPORT_CONNECTED) && !batch_is_full(out)) {
    c->flags &= ~(uint32_t)C_REPORT_CONNECTED;
    next_event(r, c, out, REACTOR_CONNECTED, c->flags & C_CONNECT_FAILED ? c->connect_result : 0);
  }
  if ((c->flags & C_REPORT_SENT) && !batch_is_full(out)) {
    c->flags &= ~(uint32_t)(C_REPORT_SENT | C_SEND_BUSY);
    next_event(r, c, out, REACTOR_SENT, c->send_result);
  }
  if (hangup_is_due(c)) {
    if (batch_is_full(out)) return true;
    write_hangup(r, c, out);
  }
  if ((c->flags & C_REPORT_CLOSED) && !batch_is_full(out)) {
    next_event(r, c, out, REACTOR_CLOSED, 0);
    release_slot(r, c);
    return false;
  }
  return (c->flags & REPORTS) != 0;
}

/* Reports each connection of the queue once; those that are queued meanwhile come with the next call. */
void connections_report(reactor *r, batch *out) {
  uint32_t last = r->reports.last;
  bool is_last = connection_list_is_empty(&r->reports);
  while (!is_last && !batch_is_full(out)) {
    is_last = r->reports.first == last;
    connection *c = take_report(r);
    c->flags &= ~(uint32_t)C_QUEUED;
    if (!report(r, c, out) || (c->flags & C_QUEUED)) continue;
    c->flags |= C_QUEUED;
    /* It stays the first where there was no room, and moves to the end where its listener has used its share. */
    if (batch_is_full(out)) {
      prepend_report(r, c);
    } else {
      append_report(r, c);
    }
  }
}
