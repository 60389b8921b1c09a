/*
 * The interface of a backend, and the state that both backends share.
 *
 * reactor.c holds the public calls: they check handles and set flags in a slot for what the caller wants. A backend's
 * `update` starts and cancels operations until they match the flags; its `wait` asks the kernel. connection.c and
 * listener.c hold what follows from the result of an operation, so that it is the same in both backends.
 */
#ifndef TWISTER_BACKEND_H
#define TWISTER_BACKEND_H

#include "buffers.h"
#include "links.h"
#include "reactor.h"
#include "slab.h"
#include "timer_wheel.h"

#include <stdatomic.h>
#include <stdbool.h>

/* A connection's flags: its state ... */
enum {
  C_CONNECTING = 1 << 0, /* until CONNECTED is queued */
  C_RECEIVE = 1 << 1,    /* between recv_start and recv_stop, END or close */
  C_ENDED = 1 << 2,      /* END was reported, or connecting failed */
  C_SENDING = 1 << 3,    /* the kernel has not yet taken every byte of the send */
  C_FILE = 1 << 4,       /* the send is a file's */
  C_SEND_BUSY = 1 << 5,  /* from reactor_send until SENT is reported */
  C_WAITING = 1 << 6,    /* in `reactor.waiting`: receiving waits for a pool buffer, or starts with the next wait */
  C_CLOSING = 1 << 7,
  C_RESET = 1 << 8,           /* an operation has met the peer's reset */
  C_BLOCKED = 1 << 9,         /* sending waits until the socket is writable */
  C_CONNECT_FAILED = 1 << 10, /* `connect_result` holds the error; C_ENDED is set, too */
  C_POLL_EDGES =
      1 << 11,           /* io_uring: the peer has ended its side, which a one-shot poll would report again and again */
  C_STOPPED = 1 << 12,   /* receiving was stopped at least once */
  C_SHUT_DOWN = 1 << 13, /* reactor_shutdown has ended our side */
  C_PEER_ENDED = 1 << 14,     /* a poll while receiving is stopped: the peer has sent its last byte */
  C_PEER_LOST = 1 << 15,      /* the same: nothing that is sent reaches the peer */
  C_REPORTED_ENDED = 1 << 16, /* HANGUP with 0 was reported, or HANGUP with an error */
  C_REPORTED_LOST = 1 << 17,  /* HANGUP with an error was reported */
  /* ... and the events that `connections_report` has to write, in this order. */
  C_REPORT_ACCEPTED = 1 << 20,
  C_REPORT_CONNECTED = 1 << 21,
  C_REPORT_SENT = 1 << 22,
  C_REPORT_CLOSED = 1 << 23,
  C_RETRY = 1 << 24,  /* `connections_report` calls the backend's `update` again */
  C_QUEUED = 1 << 25, /* in `reactor.reports` */
};

typedef struct connection {
  slot slot;
  uint64_t context;
  uint64_t deadline; /* REACTOR_NEVER: none */
  uint64_t deadline_sequence;
  union {
    const unsigned char *base;
    uint64_t file_offset;
    reactor_handle listener; /* while C_REPORT_ACCEPTED */
  } send;
  size_t send_left;
  int fd;
  uint32_t flags;
  uint32_t timer;   /* its entry's index in the wheel, or SLOT_NONE */
  uint32_t backend; /* epoll: the registered interest; io_uring: what is in flight */
  union {
    int file;            /* while C_FILE */
    int32_t send_result; /* while C_REPORT_SENT */
  };
  uint32_t next_report; /* while C_QUEUED: the next connection of `reactor.reports`, or SLOT_NONE */
  union {
    struct {
      uint32_t next, previous;
    } waiting;              /* while C_WAITING: the neighbours in `reactor.waiting`, or SLOT_NONE */
    int32_t connect_result; /* while C_CONNECT_FAILED: such a connection never receives */
  };
} connection;

_Static_assert(sizeof(connection) <= 80, "the slot is what an idle connection costs the reactor");

/* A list of connections, by the indices of their slots; both are SLOT_NONE where it is empty. */
typedef struct connection_list {
  uint32_t first;
  uint32_t last;
} connection_list;

enum {
  L_PAUSED = 1 << 0,       /* descriptors, slots or memory ran out */
  L_PAUSE_KNOWN = 1 << 1,  /* the pause was reported or will be; until a connection is accepted again */
  L_REPORT_PAUSE = 1 << 2, /* the pause is to be reported */
};

/* A chunk of the connections' slab holds 1 << CONNECTION_CHUNK_SHIFT of them. */
enum { CONNECTION_CHUNK_SHIFT = 8 };

typedef struct listener {
  slot slot;
  uint64_t context;
  list_link all; /* in `reactor.all_listeners` */
  int fd;
  uint32_t flags;
  int32_t pause_error;
  uint32_t backend; /* whether accepting is armed */
  uint64_t turn;    /* the reactor_wait that `turn_accepts` counts for */
  uint32_t turn_accepts;
  uint32_t deferred; /* connections accepted and not yet reported */
} listener;

typedef struct watch {
  slot slot;
  uint64_t context;
  list_link arm; /* io_uring: in the list of watches that the next wait arms */
  int fd;
  int mask;
  uint32_t backend;
} watch;

/* The caller's room for the events of one call. */
typedef struct batch {
  reactor_event *events;
  int count;
  int capacity;
} batch;

typedef struct backend backend;

struct reactor {
  const backend *backend;
  void *state; /* the backend's own */
  buffers buffers;
  slab connections;
  slab listeners;
  slab watches;
  timer_wheel *wheel;
  timer_entry *retry_timer; /* ends a pause of accepting; reserved, because memory may have run out */
  connection_list reports;  /* connections that have events to report */
  connection_list waiting;  /* connections that wait for a pool buffer, or for the next wait to start receiving */
  list_link all_listeners;
  uint32_t *watch_of_fd; /* a watch's index + 1, by descriptor */
  uint32_t watch_of_fd_count;
  uint32_t paused_listeners;
  uint32_t pauses_to_report;
  uint32_t connections_max;
  uint32_t accepts_per_turn;
  bool has_headroom;         /* as it was when it was last probed, ... */
  uint32_t headroom_accepts; /* so many accepted connections ago, ... */
  uint64_t headroom_turn;    /* in this turn */
  uint32_t ring_entries;
  uint32_t timers;
  uint64_t now; /* of the last reactor_expire */
  bool is_destroying;
  uint64_t events;
  uint64_t waits;
  uint64_t syscalls;
  uint64_t accept_pauses;
  uint64_t receive_pauses;
  int wake_fd;
  atomic_int is_woken; /* a wake-up was written and not yet seen: further ones need not write */
};

/* Functions with a result return 0 or -errno. */
struct backend {
  reactor_backend id;
  int (*create)(reactor *r, char *reason, size_t reason_size);
  void (*destroy)(reactor *r);
  int (*wait)(reactor *r, batch *out, int64_t timeout_ns);
  int (*connection_update)(reactor *r, connection *c);
  int (*listener_update)(reactor *r, listener *l); /* accepts unless paused */
  void (*listener_close)(reactor *r, listener *l);
  int (*watch_start)(reactor *r, watch *w);
  int (*watch_update)(reactor *r, watch *w);
  void (*watch_stop)(reactor *r, watch *w);
  void (*trim)(reactor *r); /* marks the receive buffers whose memory stays */
};

extern const backend epoll_backend;
extern const backend uring_backend;

/* The same as `slab_at`, with sizes that the compiler knows. */
static inline connection *connection_at(const reactor *r, uint32_t index) {
  connection *chunk = (connection *)(void *)r->connections.chunks[index >> CONNECTION_CHUNK_SHIFT];
  return &chunk[index & ((1U << CONNECTION_CHUNK_SHIFT) - 1)];
}

/* Whether receiving is stopped, so that HANGUP may be reported. */
static inline bool connection_is_stopped(const connection *c) {
  return (c->flags & (C_STOPPED | C_RECEIVE | C_ENDED | C_CONNECTING | C_CLOSING)) == C_STOPPED;
}

static inline bool connection_list_is_empty(const connection_list *list) { return list->first == SLOT_NONE; }

static inline bool batch_is_full(const batch *out) { return out->count == out->capacity; }

static inline reactor_event *batch_next(batch *out) {
  reactor_event *event = &out->events[out->count++];
  *event = (reactor_event){0};
  return event;
}

/* connection.c */
connection *connection_create(reactor *r, int fd, uint64_t context);
void connection_queue(reactor *r, connection *c, uint32_t report);
void connection_received(reactor *r, connection *c, batch *out, uint32_t buffer, int32_t count);
void connection_ended(reactor *r, connection *c, batch *out, int32_t result);
void connection_wait(reactor *r, connection *c);
void connection_wait_for_buffer(reactor *r, connection *c);
void connection_stop_waiting(reactor *r, connection *c);
void connection_connect_failed(reactor *r, connection *c, int error);
void connection_connected(reactor *r, connection *c);
void connection_sent(reactor *r, connection *c, int32_t result);
bool connection_send_file(reactor *r, connection *c);
void connection_peer_left(reactor *r, connection *c, uint32_t mask);
void connection_finish_closing(reactor *r, connection *c);
void connections_report(reactor *r, batch *out);

/* watch.c */
void watch_report(reactor *r, const watch *w, batch *out, int32_t mask);

/* listener.c */
void listener_accepted(reactor *r, listener *l, batch *out, int fd);
bool listener_report_accepted(reactor *r, listener *l, connection *c, batch *out);
void listener_failed(reactor *r, listener *l, int error);
void listeners_report(reactor *r, batch *out);
void listeners_resume(reactor *r);

/* Writes which step has failed, and why. Returns `result`, which is -errno. */
int explain(char *reason, size_t size, const char *step, int result);

#endif
