/*
 * CReactor: connections, timers and watched descriptors of one thread, on io_uring or epoll.
 *
 * A completion API (a proactor) with two backends, of which one is chosen when a reactor is created. The contract:
 *
 *  1. The reactor never calls the caller. The caller starts operations; `reactor_wait` submits them, waits once and
 *     returns a batch of events. `reactor_expire` returns the timers and deadlines that are due at a given time.
 *  2. Each operation that was started ends once: each send with one SENT (all bytes, or -errno), each connection with
 *     one CLOSED and no event after it, each timer that was not cancelled with one TIMER.
 *  3. io_uring and epoll give the same events for the same peer, in the same order for each connection.
 *  4. After `reactor_create` the reactor allocates only slabs of slots for connections, watches and timers, and tables
 *     that grow with them. An allocation that fails makes a call return -ENOMEM, or accepting pause.
 *  5. All calls are made on one thread, except `reactor_wakeup` (any thread, and signal handlers).
 *
 * Results are 0, a count, or -errno. A handle holds a slot's index and its generation, so that a handle kept too long
 * is recognised: a call with it returns -ESTALE and does nothing else. Times are nanoseconds of a clock that the caller
 * owns; the reactor reads no clock.
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

/* The upper 32 bits hold a kind and the slot's generation, the lower 32 its index. 0 is no handle. */
typedef uint64_t reactor_handle;

#define REACTOR_NEVER UINT64_MAX

typedef enum reactor_backend {
  REACTOR_AUTO = 0, /* io_uring where everything that the reactor needs of it works, else epoll */
  REACTOR_IO_URING = 1,
  REACTOR_EPOLL = 2,
} reactor_backend;

/* A zero stands for the default that is named here. */
typedef struct reactor_config {
  reactor_backend backend;
  uint32_t buffer_size;      /* bytes of one pool buffer: 16,384 */
  uint32_t receive_buffers;  /* buffers for received bytes, rounded up to a power of two: 512 */
  uint32_t send_buffers;     /* buffers for `reactor_buffer_acquire`: 512 */
  uint32_t connections_max;  /* accepting pauses at this many: the soft limit of open descriptors minus 64 */
  uint32_t accepts_per_turn; /* connections accepted from one listener in one `reactor_wait`: 128 */
  uint32_t ring_entries;     /* io_uring's submission queue, rounded up to a power of two: 1,024 */
} reactor_config;

typedef enum reactor_event_type {
  /* A listener's new connection: `handle` is the connection (context 0: set one), `token` the listener, `context` the
   * listener's. With a negative `result`, accepting pauses because of that error (-EMFILE, -ENFILE, -ENOBUFS, -ENOMEM)
   * and `handle` is 0; the event comes once for each pause, and accepting resumes by itself. */
  REACTOR_ACCEPTED = 1,
  REACTOR_CONNECTED = 2, /* `reactor_connect` ended: `result` is 0 or -errno */
  REACTOR_RECEIVED = 3,  /* `result` bytes at `data` in pool buffer `buffer`, which the caller gives back with
                            `reactor_buffer_release` */
  REACTOR_END = 4,   /* the peer sent its last byte (`result` 0), or receiving failed (-errno); no RECEIVED follows */
  REACTOR_SENT = 5,  /* a send ended: `result` is 0 when the kernel has taken every byte, else -errno */
  REACTOR_READY = 6, /* a watched descriptor: `result` is a mask of REACTOR_READ, _WRITE and _ERROR */
  REACTOR_DEADLINE = 7, /* the connection's deadline has passed; it is now unset */
  REACTOR_TIMER = 8,    /* the timer's deadline has passed; `token` is the timer's, its handle is now stale */
  REACTOR_CLOSED = 9,   /* the connection's last event: its descriptor is closed, its handle stale */
  /* The peer left while receiving is stopped (see `reactor_recv_stop`). `result` 0: it has sent its last byte, which
   * may still be unread in the socket; it may still read. -ECONNRESET: nothing that is sent reaches it. Each of the two
   * comes at most once a connection, and 0 only before -ECONNRESET. It is only a notice: receiving can be started
   * again, and then brings what is unread and END as usual. */
  REACTOR_HANGUP = 10,
} reactor_event_type;

typedef struct reactor_event {
  uint32_t type;  /* a reactor_event_type */
  int32_t result; /* 0, a count, a mask or -errno; see the event types */
  reactor_handle handle;
  uint64_t context; /* the one given to reactor_adopt, _connect, _listen, _watch or _set_context */
  uint64_t token;   /* TIMER: the timer's; ACCEPTED: the listener's handle */
  const void *data; /* RECEIVED only */
  uint32_t buffer;  /* RECEIVED only */
} reactor_event;

/* ---- Life ------------------------------------------------------------------------------------------------------ */

/* Creates a reactor on the calling thread, which must be the thread that uses it. REACTOR_AUTO does not look at the
 * kernel's version: it tries what the reactor needs (a ring, a ring of buffers, a multishot receive over a socket pair)
 * and takes epoll where that fails. `reason` (may be NULL) receives why io_uring is not available, or an empty string.
 * Returns 0 or -errno: with REACTOR_IO_URING the error that refused the ring (-ENOSYS where it was not compiled in).
 *
 * SIGPIPE is ignored from then on, unless the program handles it: sendfile(2) has no flag that prevents the signal. */
int reactor_create(const reactor_config *config, reactor **out, char *reason, size_t reason_size);

/* Closes every connection, listener and watch without further events, and frees the reactor. Watched and listening
 * descriptors belong to the caller and stay open. Called on the reactor's thread. NULL is ignored. */
void reactor_destroy(reactor *r);

/* Submits the operations that were started, waits at most `timeout_ns` (0: does not wait; negative: without limit) for
 * an event and writes at most `capacity` events. Events that do not fit come with the next call, which then does not
 * wait. Returns their count (0 after a timeout, a wake-up or an interruption, which may come without a signal) or
 * -errno. */
int reactor_wait(reactor *r, reactor_event *events, int capacity, int64_t timeout_ns);

/* Makes the current or the next `reactor_wait` return. Any thread; async-signal-safe. Many calls make one wake-up. */
void reactor_wakeup(reactor *r);

/* ---- Listeners and connections --------------------------------------------------------------------------------- */

/* Accepts on a listening socket (of any stream family). The descriptor still belongs to the caller. */
int reactor_listen(reactor *r, int fd, uint64_t context, reactor_handle *out);

/* Stops accepting; no ACCEPTED of this listener follows. Connections that the kernel has accepted and the reactor has
 * not yet reported are closed. */
int reactor_listener_close(reactor *r, reactor_handle listener);

/* Takes over a connected stream socket, which is made non-blocking and belongs to the reactor from then on. Receiving
 * is not started. */
int reactor_adopt(reactor *r, int fd, uint64_t context, reactor_handle *out);

/* The same for an unconnected socket, which starts to connect; ends with CONNECTED. Where this call returns an error,
 * the descriptor still belongs to the caller. After CONNECTED with an error the connection must still be closed. */
int reactor_connect(reactor *r, int fd, const struct sockaddr *address, socklen_t length, uint64_t context,
                    reactor_handle *out);

int reactor_set_context(reactor *r, reactor_handle connection, uint64_t context);

/* Returns the connection's descriptor, for getpeername, setsockopt and the like; or -ESTALE. */
int reactor_connection_fd(const reactor *r, reactor_handle connection);

/* Starts receiving: RECEIVED comes with bytes, until END, `reactor_recv_stop` or close. Idempotent. */
int reactor_recv_start(reactor *r, reactor_handle connection);

/* Stops receiving. Bytes that were already taken from the socket may still be reported: at most one buffer, or four
 * after the first stop (more on kernels that cannot limit a multishot receive; Linux 6.18 can). While receiving is
 * stopped and END was not reported, HANGUP reports a peer that leaves. Idempotent. */
int reactor_recv_stop(reactor *r, reactor_handle connection);

/* Sends `length` bytes (more than 0), which must stay where they are until SENT. A connection has one send (or
 * sendfile) at a time; another one is refused with -EBUSY. The reactor repeats short sends until all bytes are sent. An
 * error of the kernel comes with SENT, never from this call. */
int reactor_send(reactor *r, reactor_handle connection, const void *base, size_t length);

/* The same for `length` bytes of a regular file from `offset`; a file that ends early gives SENT with -ENODATA. The
 * file's descriptor belongs to the caller and must stay open until SENT. A peer that reads as fast as the file is read
 * keeps the reactor busy for the whole of `length`: the caller chooses a length that is fair to the others. */
int reactor_sendfile(reactor *r, reactor_handle connection, int fd, uint64_t offset, size_t length);

/* Returns how many bytes of the send under way the kernel has not taken yet; 0 where none is under way. So the progress of
 * a long send shows. */
size_t reactor_send_left(const reactor *r, reactor_handle connection);

/* shutdown(2) with SHUT_WR: the peer sees the end after all bytes that were sent. -EBUSY during a send. */
int reactor_shutdown(reactor *r, reactor_handle connection);

/* Closes: operations in progress are cancelled (a connect ends with CONNECTED, a send with SENT, -ECANCELED), then
 * CLOSED comes. Idempotent: returns 0 until CLOSED was reported. The other calls return -ESTALE meanwhile, except
 * reactor_set_context. */
int reactor_close(reactor *r, reactor_handle connection);

/* Sets the connection's one deadline (REACTOR_NEVER: none) in place of an earlier one. In the usual case, where the
 * deadline moves later, this is a store. After -ENOMEM the connection has no deadline. */
int reactor_set_deadline(reactor *r, reactor_handle connection, uint64_t deadline);

/* ---- Watched descriptors --------------------------------------------------------------------------------------- */

#define REACTOR_READ 0x001
#define REACTOR_WRITE 0x004
#define REACTOR_ERROR 0x018 /* error or hang-up; always reported */

/* Reports READY in every `reactor_wait` (level-triggered) while the descriptor (a socket, pipe, eventfd, timerfd:
 * anything that can be polled) is ready as `mask` asks. -EEXIST: it is watched already. -EPERM: it cannot be polled. */
int reactor_watch(reactor *r, int fd, int mask, uint64_t context, reactor_handle *out);
int reactor_watch_update(reactor *r, reactor_handle watch, int mask);

/* No READY follows, even if the descriptor is closed and its number used again. */
int reactor_unwatch(reactor *r, reactor_handle watch);

/* ---- Buffers --------------------------------------------------------------------------------------------------- */

/* Returns 0 and a pool buffer of `reactor_buffer_size` bytes for bytes to send, or -ENOBUFS. */
int reactor_buffer_acquire(reactor *r, uint32_t *buffer, void **data);

/* Gives back a buffer of either kind. */
void reactor_buffer_release(reactor *r, uint32_t buffer);

uint32_t reactor_buffer_size(const reactor *r);

/* Gives the memory of free buffers back to the system, except that of the few that are used next, lends io_uring few
 * buffers again, and has the allocator give its free memory back too. For a loop that has nothing else to do. */
void reactor_trim(reactor *r);

/* Returns whether the process could get `size` more bytes from the system. Accepting pauses where there are not 8 MiB, so that
 * what is left serves the connections that are there: most of the program's small allocations would end it if they failed.
 * They take more than their size: where an arena of the C library is full and the limit allows no other one, the library takes
 * whole pages for each small object. */
bool reactor_has_headroom(reactor *r, size_t size);

/* Whether enough buffers were used since the last `reactor_trim` for another one to free memory. It compares two pairs
 * of numbers, so that a loop can call it before each wait. */
bool reactor_is_trimmable(const reactor *r);

/* ---- Timers ---------------------------------------------------------------------------------------------------- */

/* The first `reactor_expire` whose `now` is not before `deadline` reports TIMER. O(1). */
int reactor_timer_start(reactor *r, uint64_t deadline, uint64_t token, reactor_handle *out);

/* O(1). -ESTALE after the timer was reported or cancelled. */
int reactor_timer_cancel(reactor *r, reactor_handle timer);

/* Writes at most `capacity` TIMER and DEADLINE events that are due at `now`, by deadline and then in the order in which
 * they were set; call it again while it fills the batch. `now` is never less than in an earlier call. */
int reactor_expire(reactor *r, uint64_t now, reactor_event *events, int capacity);

/* Returns when to call `reactor_expire` next: not after the earliest deadline, and at most a few times before it is
 * due. REACTOR_NEVER: no timer or deadline is set. */
uint64_t reactor_next_deadline(const reactor *r);

/* ---- Statistics ------------------------------------------------------------------------------------------------ */

typedef struct reactor_statistics {
  reactor_backend backend; /* the one in use, never REACTOR_AUTO */
  uint32_t connections;    /* open ones and closing ones */
  uint32_t watches;
  uint32_t timers; /* started and not yet due; deadlines of connections are not counted */
  uint32_t receive_buffers_total;
  uint32_t receive_buffers_out; /* held by the caller */
  uint32_t send_buffers_total;
  uint32_t send_buffers_out;
  uint64_t events;         /* reported since the start */
  uint64_t waits;          /* calls of reactor_wait since the start */
  uint64_t syscalls;       /* made by the reactor since the start */
  uint64_t accept_pauses;  /* how often descriptors, slots or memory ran out */
  uint64_t receive_pauses; /* how often a connection had to wait for a pool buffer */
} reactor_statistics;

void reactor_get_statistics(const reactor *r, reactor_statistics *out);

/* Returns whether io_uring was compiled in. */
int reactor_has_io_uring(void);

/* ---- Files ----------------------------------------------------------------------------------------------------- */

/* openat2(2), which Swift cannot call: opens a path beneath the open directory. Links are followed as long as they stay
 * beneath it. Returns the descriptor or -errno: -EXDEV for a path that leads outside, -ENOSYS before Linux 5.6.
 *
 * With `cached_only`, a path that is not in the kernel's cache of directories is -EAGAIN, so that the call does not wait for a
 * disk; before Linux 5.12 it may wait all the same. */
int reactor_open_beneath(int directory, const char *path, int flags, int cached_only);

/* Returns 0 where reading `length` bytes at `offset`, which lie within the file, would wait for the disk, otherwise 1, also where
 * the kernel cannot tell. Of long ranges, Linux before 6.5 tells only whether the last byte is in its cache, and so do later
 * ones where the process may not write to the file (cachestat(2)). */
int reactor_is_cached(int fd, uint64_t offset, uint64_t length);

/* ---- Calls that Swift cannot make ------------------------------------------------------------------------------ */

/* accept4(2): a connection that waits at the listening socket, not blocking and closed on exec, or -errno. */
int reactor_accept_one(int fd);

/* Lets no new client connect to a listening socket: one that tries waits, and is refused once the socket is closed (TCP), or is
 * refused at once (unix). Connections that wait to be accepted are not concerned. 0 or -errno. */
int reactor_refuse_clients(int fd);

/* gettid(2): the kernel's number of the calling thread. */
int reactor_thread_number(void);

/* memfd_create(2): memory of `size` bytes that processes can share by its descriptor, or -errno. */
int reactor_memory_file(size_t size);

#define REACTOR_FRAMES_MAX 64

/* The return addresses on the stack of another thread of this process, the innermost first; how many there are. A thread that
 * sleeps in a system call is not disturbed. */
int reactor_backtrace(int thread, uintptr_t *frames, int most);

/* Writes the (mangled) name of the function that has code at `address`. Returns 0 where it is not known. */
int reactor_symbol(uintptr_t address, char *name, size_t size);

/* prctl(PR_SET_PDEATHSIG): the calling process gets `signal` when the thread that started it ends. 0 or -errno. */
int reactor_die_with_parent(int signal);

/* ---- Processes ------------------------------------------------------------------------------------------------- */

/* System calls that Swift cannot make, or not with every version of the C library. */

typedef struct reactor_spawn_plan {
  const char *program;      /* a path or, if `is_searched`, a name that is looked for in PATH */
  char *const *arguments;   /* NULL at the end */
  char *const *environment; /* NULL at the end */
  const char *directory;    /* the working directory; NULL: that of this process */
  const int *descriptors;   /* [n] becomes descriptor n of the process; -1: it inherits its own n */
  int descriptor_count;
  bool is_searched;
  bool closes_others;        /* whether it gets no descriptor from `descriptor_count` on */
  bool keeps_hangup_ignored; /* whether SIGHUP stays ignored if it is ignored here, as by nohup(1) */
  uint64_t blocked_signals;  /* bit n - 1: signal n is blocked at the start */
} reactor_spawn_plan;

/* Starts a process, with the default action for every signal. Returns 0 or -errno. Any thread. */
int reactor_spawn(const reactor_spawn_plan *plan, pid_t *process);

/* Returns a descriptor that is readable once the process has ended (pidfd_open(2)), or -errno: -ENOSYS before Linux 5.3. */
int reactor_process_open(pid_t process);

/* Sends a signal to a process that was not collected yet. `descriptor` is that of reactor_process_open, or -1. Returns 0 or
 * -errno. */
int reactor_process_signal(pid_t process, int descriptor, int signal);

/* Collects the exit status of a process that has ended, without waiting. Returns 1, with an exit status of 0 or more or the
 * negative number of the signal that has ended it; 0 while it runs; -ECHILD if somebody else has collected it. */
int reactor_process_collect(pid_t process, int descriptor, int *status);

/* pipe2(2) with O_CLOEXEC. Returns 0 or -errno. */
int reactor_pipe(int ends[2]);

#ifdef __cplusplus
}
#endif

#endif
