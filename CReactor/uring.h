/*
 * The io_uring backend, shared by its two files: `uring_operations.c` starts, cancels and ends operations, `uring.c`
 * waits for completions and owns the ring.
 */
#ifndef TWISTER_URING_H
#define TWISTER_URING_H

#include "backend.h"

#if __has_include(<liburing.h>)

#include <liburing.h>
#include <sys/types.h>

/* The kind of an operation: three of the upper four bits of its user data. */
enum { OP_NONE, OP_RECEIVE, OP_SEND, OP_POLL, OP_HANGUP, OP_ACCEPT, OP_WATCH, OP_OWN };

#define OP_SHIFT 60
/* With this bit, the user data is that of the cancellation of the operation which has the same user data without it. */
#define CANCEL_BIT (UINT64_C(8) << OP_SHIFT)

/* The reactor's own operations, of kind OP_OWN. */
static const uint64_t wake_data = (uint64_t)OP_OWN << OP_SHIFT;
static const uint64_t probe_data = (uint64_t)OP_OWN << OP_SHIFT | 1;

/* The operations in flight and cancelled for a connection ... */
enum {
  IN_RECEIVE = 1 << 0,
  IN_SEND = 1 << 1,
  IN_POLL = 1 << 2,
  IN_HANGUP = 1 << 3, /* the poll for a peer that leaves; armed when receiving first stops, and then left armed */
  CANCEL_RECEIVE = 1 << 4,
  CANCEL_SEND = 1 << 5,
  CANCEL_POLL = 1 << 6,
  CANCEL_HANGUP = 1 << 7,
  IS_MULTISHOT = 1 << 8, /* the receive that is in flight goes on until it is cancelled */
  IN_ANY = IN_RECEIVE | IN_SEND | IN_POLL | IN_HANGUP,
};

/* ... and for a listener or a watch. */
enum {
  IS_ARMED = 1 << 0,
  IS_CANCELLED = 1 << 1,
  BY_EDGES = 1 << 2, /* a watch whose peer has ended its side, which a one-shot poll would report again and again */
};

/* A multishot receive ends after MULTISHOT_BUFFERS buffers full of bytes, and the next wait arms another one. No more
 * than that arrives after the first stop of a connection, and a hundred keep-alive requests fit into one receive. */
enum { BUFFER_GROUP = 0, COMPLETIONS_PER_ENTRY = 8, LENT_AT_FIRST = BUFFERS_WARM, MULTISHOT_BUFFERS = 4 };

/* The kernel's count of one operation's bytes is 32 bits wide and signed. */
#define SEND_MAX ((size_t)1 << 30)

typedef struct uring_state {
  struct io_uring ring;
  struct io_uring_buf_ring *buffer_ring;
  size_t buffer_ring_size;
  uint32_t ring_buffers; /* buffers that the kernel was lent */
  uint32_t to_lend;      /* how many it should be lent */
  bool has_too_few;      /* a receive found no buffer */
  uint32_t in_flight;
  list_link to_arm; /* watches that the next wait arms */
  uint64_t wake_value;
  pid_t thread; /* the thread that created the ring: no other one may enter it */
  int checker;  /* an epoll descriptor that finds out which descriptors can be polled */
  bool is_wake_armed;
  bool woke;
  bool skipped_poll; /* the last wait returned without asking the kernel */
  int probe_result;
  uint32_t receive_max; /* bytes after which a multishot receive ends; 0: the kernel has no such limit */
} uring_state;

/* ---- Submitting ------------------------------------------------------------------------------------------------ */

uint64_t uring_user_data(uint64_t op, const slot *owner);
/* Returns a free submission entry; NULL: the kernel takes none for now. */
struct io_uring_sqe *uring_entry(reactor *r);
/* Counts the operation in `entry` as in flight; its completion carries `data`. */
void uring_start(reactor *r, struct io_uring_sqe *entry, uint64_t data);
/* Cancels the operation that carries `data`; false: there is no submission entry for it. */
bool uring_cancel(reactor *r, uint64_t data);
/* Lends the kernel free receive buffers, up to `to_lend`. */
void uring_refill(reactor *r);
void uring_prepare_multishot_receive(reactor *r, struct io_uring_sqe *entry, int fd);

/* ---- The backend's functions ------------------------------------------------------------------------------------ */

int uring_connection_update(reactor *r, connection *c);
int uring_listener_update(reactor *r, listener *l);
void uring_listener_close(reactor *r, listener *l);
int uring_watch_start(reactor *r, watch *w);
int uring_watch_update(reactor *r, watch *w);
void uring_watch_stop(reactor *r, watch *w);
/* Arms the receives of the connections in `reactor.waiting`, if the kernel has buffers for them. */
void uring_arm_receives(reactor *r);
/* Arms new watches, and those that the wait before has reported. */
void uring_arm_watches(reactor *r);

/* ---- Completions; the owner is NULL if its slot was freed -------------------------------------------------------- */

void uring_receive_completed(reactor *r, connection *c, const struct io_uring_cqe *done, batch *out);
void uring_send_completed(reactor *r, connection *c, int32_t result);
void uring_poll_completed(reactor *r, connection *c, const struct io_uring_cqe *done);
void uring_hangup_completed(reactor *r, connection *c, const struct io_uring_cqe *done);
void uring_accept_completed(reactor *r, listener *l, const struct io_uring_cqe *done, batch *out);
void uring_watch_completed(reactor *r, watch *w, const struct io_uring_cqe *done, batch *out);
/* Cancels the multishot poll of a watch, so that a one-shot poll follows it. */
void uring_watch_cancel(reactor *r, watch *w);

#endif

#endif
