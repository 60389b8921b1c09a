/*
 * CReactor: what did the kernel do?
 *
 * A completion API (a proactor) with two backends, io_uring and epoll, chosen when a reactor is created. The contract:
 *
 *  1. The reactor never calls you. You start operations; `reactor_wait` submits them, waits once and returns a batch of
 *     events. `reactor_expire` returns the timers and deadlines that are due at the time you give it.
 *  2. What was begun ends once: each send one SENT (all bytes, or -errno), each connection one CLOSED and nothing after
 *     it, each timer that was not cancelled one TIMER.
 *  3. io_uring and epoll give the same events for the same peer, in the same order for each connection.
 *  4. Nothing is allocated after `reactor_create` but what grows with connections, watches and timers, in slabs.
 *  5. One thread, but for `reactor_wakeup` (any thread, and signal handlers).
 *
 * Results are 0, a count, or -errno. A handle is a slot's index and its generation, so that a handle kept too long is
 * recognised: calls with it answer -ESTALE and do nothing else. Times are nanoseconds of a clock that the caller owns;
 * there is no clock in here.
 */
#ifndef TWISTER_REACTOR_H
#define TWISTER_REACTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct reactor reactor;

/* A kind and the generation in the upper 32 bits, the slot's index in the lower. 0 is no handle. */
typedef uint64_t reactor_handle;

#define REACTOR_NEVER UINT64_MAX

typedef enum reactor_backend {
  REACTOR_AUTO = 0, /* io_uring where all of it works, else epoll */
  REACTOR_IO_URING = 1,
  REACTOR_EPOLL = 2,
} reactor_backend;

/* Zeroes stand for the defaults named here. */
typedef struct reactor_config {
  reactor_backend backend;
  uint32_t buffer_size;      /* bytes of one pool buffer: 16,384 */
  uint32_t receive_buffers;  /* buffers for received bytes, rounded up to a power of two: 512 */
  uint32_t send_buffers;     /* buffers for `reactor_buffer_acquire`: 512 */
  uint32_t connections_max;  /* accepting pauses at this many: the soft limit of open descriptors less 64 */
  uint32_t accepts_per_turn; /* connections accepted from one listener in one `reactor_wait`: 128 */
  uint32_t ring_entries;     /* io_uring's submission queue, rounded up to a power of two: 1,024 */
} reactor_config;

typedef enum reactor_event_type {
  /* A listener's new connection: `handle` is the connection (context 0: set one), `token` the listener, `context` the
   * listener's. A negative `result` instead says that accepting pauses for that errno (-EMFILE, -ENFILE, -ENOBUFS,
   * -ENOMEM) and `handle` is 0; it is said once a pause, and accepting resumes by itself. */
  REACTOR_ACCEPTED = 1,
  REACTOR_CONNECTED = 2, /* `reactor_connect` ended: `result` is 0 or -errno */
  REACTOR_RECEIVED = 3,  /* `result` bytes at `data` in pool buffer `buffer`, to be given back with
                            `reactor_buffer_release` */
  REACTOR_END = 4,   /* the peer sent its last byte (`result` 0), or receiving failed (-errno); no RECEIVED follows */
  REACTOR_SENT = 5,  /* a send ended: `result` is 0 when every byte was taken by the kernel, else -errno */
  REACTOR_READY = 6, /* a watched descriptor: `result` is a mask of REACTOR_READ, _WRITE and _ERROR */
  REACTOR_DEADLINE = 7, /* the connection's deadline has passed; it is now unset */
  REACTOR_TIMER = 8,    /* the timer's deadline has passed; `token` is the timer's, its handle is now stale */
  REACTOR_CLOSED = 9,   /* the connection's last event: its descriptor is closed, its handle stale */
  /* The peer left while receiving is stopped (see `reactor_recv_stop`). `result` 0: it has sent its last byte, which may
   * still be unread in the socket; it may still read. -ECONNRESET: nothing that is sent reaches it. Each of the two comes
   * at most once a connection, and 0 only before -ECONNRESET. It is only a notice: receiving can be started again, and
   * then brings what is unread and END as usual. */
  REACTOR_HANGUP = 10,
} reactor_event_type;

typedef struct reactor_event {
  uint32_t type;  /* a reactor_event_type */
  int32_t result; /* 0, a count, a mask or -errno, as said above */
  reactor_handle handle;
  uint64_t context; /* what the handle's owner gave: reactor_adopt, _connect, _listen, _watch, _set_context */
  uint64_t token;   /* TIMER: the timer's; ACCEPTED: the listener's handle */
  const void *data; /* RECEIVED only */
  uint32_t buffer;  /* RECEIVED only */
} reactor_event;

/* ---- Life ------------------------------------------------------------------------------------------------------ */

/* Creates a reactor on the calling thread, which must be the one that uses it. REACTOR_AUTO tries the real thing (ring,
 * buffer ring, one multishot receive over a socket pair), never a kernel version, and takes epoll where that fails.
 * `reason` (may be NULL) receives why io_uring was not to be had, or an empty string. Answers 0, or -errno: with
 * REACTOR_IO_URING the error that refused the ring (-ENOSYS where it was not compiled in).
 *
 * SIGPIPE is ignored from then on, unless the program handles it: sendfile(2) cannot be told not to raise it. */
int reactor_create(const reactor_config *config, reactor **out, char *reason, size_t reason_size);

/* Closes every connection, listener and watch without further events, and frees the reactor. Watched and listening
 * descriptors are the caller's and stay open. On the reactor's thread. NULL is ignored. */
void reactor_destroy(reactor *r);

/* Submits what was started, waits at most `timeout_ns` (0: do not wait; negative: for ever) for something to happen and
 * writes at most `capacity` events. What does not fit comes with the next call, which then does not wait. Answers their
 * count (0 after a time-out, a wake-up or an interruption, which may come without a signal) or -errno. */
int reactor_wait(reactor *r, reactor_event *events, int capacity, int64_t timeout_ns);

/* Makes the current or next `reactor_wait` return. Any thread; async-signal-safe. Many calls make one wake-up. */
void reactor_wakeup(reactor *r);

/* ---- Listeners and connections --------------------------------------------------------------------------------- */

/* Accepts on a listening socket (any stream family). The descriptor stays the caller's. */
int reactor_listen(reactor *r, int fd, uint64_t context, reactor_handle *out);

/* Stops accepting; no ACCEPTED of this listener follows. What the kernel had accepted already and was not yet reported
 * is closed. */
int reactor_listener_close(reactor *r, reactor_handle listener);

/* Takes over a connected stream socket, which is made non-blocking and belongs to the reactor from here on. Receiving is
 * not started. */
int reactor_adopt(reactor *r, int fd, uint64_t context, reactor_handle *out);

/* The same for an unconnected socket, which starts to connect; ends with CONNECTED. On an error answered here the
 * descriptor stays the caller's. After CONNECTED with an error the connection must still be closed. */
int reactor_connect(reactor *r, int fd, const struct sockaddr *address, socklen_t length, uint64_t context,
                    reactor_handle *out);

int reactor_set_context(reactor *r, reactor_handle connection, uint64_t context);

/* The connection's descriptor, for getpeername, setsockopt and the like; or -ESTALE. */
int reactor_connection_fd(const reactor *r, reactor_handle connection);

/* Starts receiving: RECEIVED as bytes come, until END, `reactor_recv_stop` or close. Idempotent. */
int reactor_recv_start(reactor *r, reactor_handle connection);

/* Stops receiving. Bytes that had been taken from the socket already may still be reported. While receiving is stopped
 * and END was not reported, HANGUP tells of a peer that leaves. Idempotent. */
int reactor_recv_stop(reactor *r, reactor_handle connection);

/* Sends `length` bytes (more than 0), which must stay where they are until SENT. One send (or sendfile) at a time a
 * connection: -EBUSY. Short sends are finished in here. The kernel's refusal comes as SENT, never from this call. */
int reactor_send(reactor *r, reactor_handle connection, const void *base, size_t length);

/* The same for `length` bytes of a regular file from `offset`; a file that ends early gives SENT with -ENODATA. The
 * file's descriptor stays the caller's, and open until SENT. A peer that reads as fast as the file is read keeps the
 * reactor busy for the whole of `length`: the caller decides how long a piece is fair to its other connections. */
int reactor_sendfile(reactor *r, reactor_handle connection, int fd, uint64_t offset, size_t length);

/* shutdown(2) with SHUT_WR: the peer sees the end after what was sent. -EBUSY while a send is under way. */
int reactor_shutdown(reactor *r, reactor_handle connection);

/* Closes: what is under way is cancelled (a connect ends with CONNECTED, a send with SENT, -ECANCELED), then CLOSED.
 * Idempotent: 0 until CLOSED was reported. The other calls answer -ESTALE meanwhile, but for reactor_set_context. */
int reactor_close(reactor *r, reactor_handle connection);

/* Sets the connection's one deadline (REACTOR_NEVER: none), replacing an earlier one. A store in the usual case, where
 * the deadline moves later. */
int reactor_set_deadline(reactor *r, reactor_handle connection, uint64_t deadline);

/* ---- Watched descriptors --------------------------------------------------------------------------------------- */

#define REACTOR_READ 0x001
#define REACTOR_WRITE 0x004
#define REACTOR_ERROR 0x018 /* error or hang-up; always watched for */

/* Reports READY while the descriptor (socket, pipe, eventfd, timerfd ...: anything pollable) is ready for what `mask`
 * asks, in every `reactor_wait` (level-triggered). A descriptor is watched once: -EEXIST. Not pollable: -EPERM. */
int reactor_watch(reactor *r, int fd, int mask, uint64_t context, reactor_handle *out);
int reactor_watch_update(reactor *r, reactor_handle watch, int mask);

/* No READY follows, even where the descriptor is closed and its number used again. */
int reactor_unwatch(reactor *r, reactor_handle watch);

/* ---- Buffers --------------------------------------------------------------------------------------------------- */

/* A pool buffer for bytes to send, of `reactor_buffer_size` bytes; or -ENOBUFS. */
int reactor_buffer_acquire(reactor *r, uint32_t *buffer, void **data);

/* Gives back a buffer of either kind. */
void reactor_buffer_release(reactor *r, uint32_t buffer);

uint32_t reactor_buffer_size(const reactor *r);

/* Gives the memory of buffers that nobody holds back to the system, but for a small number that stays warm, and lets
 * io_uring have few buffers again. For a loop that has nothing else to do. */
void reactor_trim(reactor *r);

/* Whether enough buffers were used since the last `reactor_trim` for another one to be of use. Costs next to nothing, so
 * that a loop can ask before each wait. */
bool reactor_is_trimmable(const reactor *r);

/* ---- Timers ---------------------------------------------------------------------------------------------------- */

/* TIMER is reported by the first `reactor_expire` whose `now` is not before `deadline`. O(1). */
int reactor_timer_start(reactor *r, uint64_t deadline, uint64_t token, reactor_handle *out);

/* O(1). -ESTALE once it was reported or cancelled. */
int reactor_timer_cancel(reactor *r, reactor_handle timer);

/* Writes at most `capacity` TIMER and DEADLINE events due at `now`, by deadline and then in the order they were set;
 * call again while it fills the batch. Time does not go back. */
int reactor_expire(reactor *r, uint64_t now, reactor_event *events, int capacity);

/* When to call `reactor_expire` next: not after the earliest deadline, and at most a few times before it is due.
 * REACTOR_NEVER: nothing is set. */
uint64_t reactor_next_deadline(const reactor *r);

/* ---- Statistics ------------------------------------------------------------------------------------------------ */

typedef struct reactor_statistics {
  reactor_backend backend; /* the one in use, never REACTOR_AUTO */
  uint32_t connections;    /* open, closing ones included */
  uint32_t watches;
  uint32_t timers; /* started and not yet due; deadlines of connections not included */
  uint32_t receive_buffers_total;
  uint32_t receive_buffers_out; /* held by the caller */
  uint32_t send_buffers_total;
  uint32_t send_buffers_out;
  uint64_t events;         /* reported, ever */
  uint64_t waits;          /* calls of reactor_wait, ever */
  uint64_t syscalls;       /* made by the reactor, ever */
  uint64_t accept_pauses;  /* descriptors or slots ran out */
  uint64_t receive_pauses; /* times that a connection had to wait for a pool buffer */
} reactor_statistics;

void reactor_get_statistics(const reactor *r, reactor_statistics *out);

/* Whether io_uring was compiled in. */
int reactor_has_io_uring(void);

/* ---- Files ----------------------------------------------------------------------------------------------------- */

/* openat2(2), which Swift cannot call: opens what lies beneath the open directory, links followed as long as they stay
 * beneath it, and answers the descriptor or -errno: -EXDEV for what lies outside, -ENOSYS before Linux 5.6. */
int reactor_open_beneath(int directory, const char *path, int flags);

#ifdef __cplusplus
}
#endif

#endif
