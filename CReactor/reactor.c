/* The public calls: they check the handle, set flags for what the caller wants, and let the backend act on them. */
#include "backend.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  BUFFER_SIZE = 16384,
  RECEIVE_BUFFERS = 512,
  SEND_BUFFERS = 512,
  BUFFERS_MAX = 32768, /* the largest ring of buffers */
  ACCEPTS_PER_TURN = 128,
  RING_ENTRIES = 1024,
  RING_ENTRIES_MAX = 4096,
  RESERVED_DESCRIPTORS = 64,
};

static uint32_t or_default(uint32_t value, uint32_t standard) { return value != 0 ? value : standard; }

static uint32_t power_of_two(uint32_t value, uint32_t maximum) {
  uint32_t power = 1;
  while (power < value && power < maximum) power *= 2;
  return power;
}

int explain(char *reason, size_t size, const char *step, int result) {
  char text[64];
  snprintf(reason, size, "%s: %s", step, strerror_r(-result, text, sizeof text));
  return result;
}

/* ---- Life ------------------------------------------------------------------------------------------------------ */

static uint32_t connections_by_descriptors(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY) return UINT32_MAX;
  if (limit.rlim_cur <= 2 * RESERVED_DESCRIPTORS) return RESERVED_DESCRIPTORS;
  uint64_t connections = limit.rlim_cur - RESERVED_DESCRIPTORS;
  return connections < UINT32_MAX ? (uint32_t)connections : UINT32_MAX;
}

static int init_common(reactor *r, const reactor_config *config) {
  slab_init(&r->connections, KIND_CONNECTION, sizeof(connection), CONNECTION_CHUNK_SHIFT);
  slab_init(&r->listeners, KIND_LISTENER, sizeof(listener), 3);
  slab_init(&r->watches, KIND_WATCH, sizeof(watch), 6);
  r->reports = r->waiting = (connection_list){.first = SLOT_NONE, .last = SLOT_NONE};
  list_init(&r->all_listeners);
  r->connections_max = or_default(config->connections_max, connections_by_descriptors());
  r->accepts_per_turn = or_default(config->accepts_per_turn, ACCEPTS_PER_TURN);
  r->ring_entries = power_of_two(or_default(config->ring_entries, RING_ENTRIES), RING_ENTRIES_MAX);
  r->wake_fd = eventfd(0, EFD_CLOEXEC);
  if (r->wake_fd < 0) return -errno;
  r->wheel = malloc(sizeof *r->wheel);
  if (r->wheel == NULL) return -ENOMEM;
  timer_wheel_init(r->wheel);
  r->retry_timer = timer_wheel_reserve(r->wheel, TIMER_ACCEPT_RETRY);
  if (r->retry_timer == NULL) return -ENOMEM;
  uint32_t receive_total = power_of_two(or_default(config->receive_buffers, RECEIVE_BUFFERS), BUFFERS_MAX);
  return buffers_init(&r->buffers, or_default(config->buffer_size, BUFFER_SIZE), receive_total,
                      or_default(config->send_buffers, SEND_BUFFERS));
}

static void destroy_common(reactor *r) {
  if (r->wake_fd >= 0) close(r->wake_fd);
  if (r->wheel != NULL) {
    timer_wheel_destroy(r->wheel);
    free(r->wheel);
  }
  buffers_destroy(&r->buffers);
  slab_destroy(&r->connections);
  slab_destroy(&r->listeners);
  slab_destroy(&r->watches);
  free(r->watch_of_fd);
  free(r);
}

static int create_backend(reactor *r, reactor_backend wanted, char *reason, size_t reason_size) {
  if (wanted != REACTOR_EPOLL) {
    r->backend = &uring_backend;
    int result = r->backend->create(r, reason, reason_size);
    if (result == 0 || wanted == REACTOR_IO_URING) return result;
    /* Where epoll works, the reason says why io_uring does not. */
    char epoll_reason[128] = "";
    buffers_reclaim(&r->buffers);
    r->backend = &epoll_backend;
    result = r->backend->create(r, epoll_reason, sizeof epoll_reason);
    if (result < 0) snprintf(reason, reason_size, "%s", epoll_reason);
    return result;
  }
  r->backend = &epoll_backend;
  return r->backend->create(r, reason, reason_size);
}

/* sendfile(2) has no MSG_NOSIGNAL. A handler that the program has set itself stays. */
static void ignore_broken_pipes(void) {
  struct sigaction action;
  if (sigaction(SIGPIPE, NULL, &action) < 0 || (action.sa_flags & SA_SIGINFO) || action.sa_handler != SIG_DFL) return;
  signal(SIGPIPE, SIG_IGN);
}

int reactor_create(const reactor_config *config, reactor **out, char *reason, size_t reason_size) {
  char unwanted[1];
  if (reason == NULL || reason_size == 0) {
    reason = unwanted;
    reason_size = sizeof unwanted;
  }
  reason[0] = '\0';
  *out = NULL;
  if (config->backend > REACTOR_EPOLL) return -EINVAL;
  ignore_broken_pipes();
  reactor *r = calloc(1, sizeof *r);
  if (r == NULL) return explain(reason, reason_size, "calloc", -ENOMEM);
  r->wake_fd = -1;
  int result = init_common(r, config);
  if (result < 0) explain(reason, reason_size, result == -ENOMEM ? "pool of buffers" : "eventfd", result);
  if (result == 0) result = create_backend(r, config->backend, reason, reason_size);
  if (result < 0) {
    destroy_common(r);
    return result;
  }
  *out = r;
  return 0;
}

void reactor_destroy(reactor *r) {
  if (r == NULL) return;
  r->is_destroying = true;
  for (uint32_t i = 0; i < slab_bound(&r->listeners); i++) {
    listener *l = slab_live_at(&r->listeners, i);
    if (l != NULL) reactor_listener_close(r, slab_handle(&r->listeners, l));
  }
  for (uint32_t i = 0; i < slab_bound(&r->watches); i++) {
    watch *w = slab_live_at(&r->watches, i);
    if (w != NULL) reactor_unwatch(r, slab_handle(&r->watches, w));
  }
  for (uint32_t i = 0; i < slab_bound(&r->connections); i++) {
    connection *c = slab_live_at(&r->connections, i);
    if (c != NULL) reactor_close(r, slab_handle(&r->connections, c));
  }
  r->backend->destroy(r);
  for (uint32_t i = 0; i < slab_bound(&r->connections); i++) {
    connection *c = slab_live_at(&r->connections, i);
    if (c != NULL && c->fd >= 0) close(c->fd);
  }
  destroy_common(r);
}

int reactor_wait(reactor *r, reactor_event *events, int capacity, int64_t timeout_ns) {
  if (capacity <= 0) return -EINVAL;
  slab_reclaim(&r->connections);
  r->waits++;
  batch out = {.events = events, .count = 0, .capacity = capacity};
  int result = r->backend->wait(r, &out, timeout_ns);
  if (result < 0 && out.count == 0) return result;
  r->events += (uint64_t)out.count;
  return out.count;
}

void reactor_wakeup(reactor *r) {
  if (atomic_exchange(&r->is_woken, 1) != 0) return;
  int saved = errno;
  uint64_t one = 1;
  while (write(r->wake_fd, &one, sizeof one) < 0 && errno == EINTR) continue;
  errno = saved;
}

/* ---- Listeners ------------------------------------------------------------------------------------------------- */

static int set_nonblocking(reactor *r, int fd) {
  r->syscalls++;
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return -errno;
  if (flags & O_NONBLOCK) return 0;
  r->syscalls++;
  return fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

int reactor_listen(reactor *r, int fd, uint64_t context, reactor_handle *out) {
  int result = set_nonblocking(r, fd);
  if (result < 0) return result;
  listener *l = slab_allocate(&r->listeners);
  if (l == NULL) return -ENOMEM;
  l->fd = fd;
  l->context = context;
  list_append(&r->all_listeners, &l->all);
  result = r->backend->listener_update(r, l);
  if (result < 0) {
    list_remove(&l->all);
    slab_free(&r->listeners, l);
    return result;
  }
  *out = slab_handle(&r->listeners, l);
  return 0;
}

int reactor_listener_close(reactor *r, reactor_handle handle) {
  listener *l = slab_get(&r->listeners, handle);
  if (l == NULL) return -ESTALE;
  r->backend->listener_close(r, l);
  if (l->flags & L_PAUSED) r->paused_listeners--;
  if (l->flags & L_REPORT_PAUSE) r->pauses_to_report--;
  list_remove(&l->all);
  slab_free(&r->listeners, l);
  return 0;
}

/* ---- Connections ----------------------------------------------------------------------------------------------- */

/* Returns the open connection, or NULL if the handle is stale or the connection is being closed. */
static connection *open_connection(const reactor *r, reactor_handle handle) {
  connection *c = slab_get(&r->connections, handle);
  return c != NULL && !(c->flags & C_CLOSING) ? c : NULL;
}

int reactor_adopt(reactor *r, int fd, uint64_t context, reactor_handle *out) {
  int result = set_nonblocking(r, fd);
  if (result < 0) return result;
  connection *c = connection_create(r, fd, context);
  if (c == NULL) return -ENOMEM;
  *out = slab_handle(&r->connections, c);
  return 0;
}

int reactor_connect(reactor *r, int fd, const struct sockaddr *address, socklen_t length, uint64_t context,
                    reactor_handle *out) {
  int result = reactor_adopt(r, fd, context, out);
  if (result < 0) return result;
  connection *c = slab_get(&r->connections, *out);
  r->syscalls++;
  if (connect(fd, address, length) < 0 && errno != EINPROGRESS && errno != EINTR) {
    connection_connect_failed(r, c, errno);
    return 0;
  }
  c->flags |= C_CONNECTING;
  result = r->backend->connection_update(r, c);
  if (result < 0) slab_free(&r->connections, c);
  return result;
}

int reactor_set_context(reactor *r, reactor_handle handle, uint64_t context) {
  connection *c = slab_get(&r->connections, handle);
  if (c == NULL) return -ESTALE;
  c->context = context;
  return 0;
}

int reactor_connection_fd(const reactor *r, reactor_handle handle) {
  const connection *c = open_connection(r, handle);
  return c != NULL ? c->fd : -ESTALE;
}

int reactor_recv_start(reactor *r, reactor_handle handle) {
  connection *c = open_connection(r, handle);
  if (c == NULL) return -ESTALE;
  if (c->flags & (C_RECEIVE | C_ENDED)) return 0;
  c->flags |= C_RECEIVE;
  int result = r->backend->connection_update(r, c);
  if (result < 0) c->flags &= ~(uint32_t)C_RECEIVE;
  return result;
}

int reactor_recv_stop(reactor *r, reactor_handle handle) {
  connection *c = open_connection(r, handle);
  if (c == NULL) return -ESTALE;
  if ((c->flags & C_ENDED) || connection_is_stopped(c)) return 0;
  c->flags = (c->flags | C_STOPPED) & ~(uint32_t)C_RECEIVE;
  connection_stop_waiting(r, c);
  connection_peer_left(r, c, 0);
  return r->backend->connection_update(r, c);
}

/* Errors of the kernel come with SENT, so the backend's result is not needed. */
static int start_sending(reactor *r, connection *c, size_t length, uint32_t flags) {
  c->send_left = length;
  c->flags |= C_SENDING | C_SEND_BUSY | flags;
  r->backend->connection_update(r, c);
  return 0;
}

int reactor_send(reactor *r, reactor_handle handle, const void *base, size_t length) {
  connection *c = open_connection(r, handle);
  if (c == NULL) return -ESTALE;
  if (length == 0) return -EINVAL;
  if (c->flags & C_SEND_BUSY) return -EBUSY;
  c->send.base = base;
  return start_sending(r, c, length, 0);
}

int reactor_sendfile(reactor *r, reactor_handle handle, int fd, uint64_t offset, size_t length) {
  connection *c = open_connection(r, handle);
  if (c == NULL) return -ESTALE;
  if (length == 0 || offset > INT64_MAX || length > INT64_MAX - offset) return -EINVAL;
  if (c->flags & C_SEND_BUSY) return -EBUSY;
  c->send.file_offset = offset;
  c->file = fd;
  return start_sending(r, c, length, C_FILE);
}

size_t reactor_send_left(const reactor *r, reactor_handle handle) {
  const connection *c = open_connection(r, handle);
  return c != NULL && (c->flags & C_SENDING) ? c->send_left : 0;
}

int reactor_shutdown(reactor *r, reactor_handle handle) {
  connection *c = open_connection(r, handle);
  if (c == NULL) return -ESTALE;
  if (c->flags & C_SEND_BUSY) return -EBUSY;
  r->syscalls++;
  if (shutdown(c->fd, SHUT_WR) < 0) return -errno;
  c->flags |= C_SHUT_DOWN;
  return 0;
}

static void cancel_deadline(reactor *r, connection *c) {
  if (c->timer != SLOT_NONE) timer_wheel_cancel(r->wheel, slab_at(&r->wheel->entries, c->timer));
  c->timer = SLOT_NONE;
  c->deadline = REACTOR_NEVER;
}

int reactor_close(reactor *r, reactor_handle handle) {
  connection *c = slab_get(&r->connections, handle);
  if (c == NULL) return -ESTALE;
  if (c->flags & C_CLOSING) return 0;
  c->flags = (c->flags | C_CLOSING) & ~(uint32_t)C_RECEIVE;
  connection_stop_waiting(r, c);
  cancel_deadline(r, c);
  return r->backend->connection_update(r, c);
}

/* ---- Buffers --------------------------------------------------------------------------------------------------- */

int reactor_buffer_acquire(reactor *r, uint32_t *buffer, void **data) {
  if (!buffer_pop(&r->buffers.send, buffer)) return -ENOBUFS;
  buffers_hand_out(&r->buffers, &r->buffers.send, *buffer);
  *data = buffers_at(&r->buffers, *buffer);
  return 0;
}

void reactor_buffer_release(reactor *r, uint32_t buffer) { buffers_take_back(&r->buffers, buffer); }

uint32_t reactor_buffer_size(const reactor *r) { return r->buffers.size; }

/* Address space that is taken and given back untouched: under a limit, memory is short when the space is. */
bool reactor_has_headroom(reactor *r, size_t size) {
  r->syscalls++;
  void *probe = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (probe == MAP_FAILED) return false;
  r->syscalls++;
  munmap(probe, size);
  return true;
}

bool reactor_is_trimmable(const reactor *r) {
  return stack_is_trimmable(&r->buffers.receive) || stack_is_trimmable(&r->buffers.send);
}

void reactor_trim(reactor *r) {
  r->backend->trim(r);
  buffers_keep_free(&r->buffers, &r->buffers.send, BUFFERS_KEPT);
  r->syscalls += buffers_trim(&r->buffers);
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

/* ---- Timers ---------------------------------------------------------------------------------------------------- */

int reactor_timer_start(reactor *r, uint64_t deadline, uint64_t token, reactor_handle *out) {
  timer_entry *entry = timer_wheel_start(r->wheel, TIMER_USER, deadline, ++r->wheel->sequence, token);
  if (entry == NULL) return -ENOMEM;
  r->timers++;
  *out = slab_handle(&r->wheel->entries, entry);
  return 0;
}

int reactor_timer_cancel(reactor *r, reactor_handle timer) {
  timer_entry *entry = slab_get(&r->wheel->entries, timer);
  if (entry == NULL || entry->kind != TIMER_USER) return -ESTALE;
  timer_wheel_cancel(r->wheel, entry);
  r->timers--;
  return 0;
}

/* A deadline that moves later leaves its entry where it is in the wheel; the entry is set again when its time comes. */
int reactor_set_deadline(reactor *r, reactor_handle handle, uint64_t deadline) {
  connection *c = open_connection(r, handle);
  if (c == NULL) return -ESTALE;
  c->deadline = deadline;
  if (deadline == REACTOR_NEVER) return 0;
  c->deadline_sequence = ++r->wheel->sequence;
  if (c->timer != SLOT_NONE) {
    timer_entry *armed = slab_at(&r->wheel->entries, c->timer);
    if (armed->deadline <= deadline) return 0;
    timer_wheel_cancel(r->wheel, armed);
    c->timer = SLOT_NONE;
  }
  timer_entry *entry = timer_wheel_start(r->wheel, TIMER_DEADLINE, deadline, c->deadline_sequence, handle);
  if (entry == NULL) {
    c->deadline = REACTOR_NEVER;
    return -ENOMEM;
  }
  c->timer = entry->slot.link;
  return 0;
}

static void timer_due(reactor *r, timer_entry *entry, batch *out) {
  reactor_event *event = batch_next(out);
  event->type = REACTOR_TIMER;
  event->handle = slab_handle(&r->wheel->entries, entry);
  event->token = entry->token;
  r->timers--;
  timer_wheel_free(r->wheel, entry);
}

static void deadline_due(reactor *r, timer_entry *entry, batch *out) {
  connection *c = slab_get(&r->connections, entry->token);
  bool is_set = c != NULL && c->deadline != REACTOR_NEVER;
  if (is_set && (c->deadline != entry->deadline || c->deadline_sequence != entry->sequence)) {
    timer_wheel_restart(r->wheel, entry, c->deadline, c->deadline_sequence);
    return;
  }
  if (is_set) {
    reactor_event *event = batch_next(out);
    event->type = REACTOR_DEADLINE;
    event->handle = entry->token;
    event->context = c->context;
    c->deadline = REACTOR_NEVER;
  }
  if (c != NULL) c->timer = SLOT_NONE;
  timer_wheel_free(r->wheel, entry);
}

int reactor_expire(reactor *r, uint64_t now, reactor_event *events, int capacity) {
  if (capacity <= 0) return -EINVAL;
  if (now > r->now) r->now = now;
  batch out = {.events = events, .count = 0, .capacity = capacity};
  timer_entry *entry;
  while (!batch_is_full(&out) && (entry = timer_wheel_pop(r->wheel, now)) != NULL) {
    switch (entry->kind) {
    case TIMER_USER:
      timer_due(r, entry, &out);
      break;
    case TIMER_DEADLINE:
      deadline_due(r, entry, &out);
      break;
    default:
      listeners_resume(r);
      break;
    }
  }
  r->events += (uint64_t)out.count;
  return out.count;
}

uint64_t reactor_next_deadline(const reactor *r) { return timer_wheel_next(r->wheel); }

/* ---- Statistics ------------------------------------------------------------------------------------------------ */

void reactor_get_statistics(const reactor *r, reactor_statistics *out) {
  *out = (reactor_statistics){
      .backend = r->backend->id,
      .connections = r->connections.live,
      .watches = r->watches.live,
      .timers = r->timers,
      .receive_buffers_total = r->buffers.receive.total,
      .receive_buffers_out = r->buffers.receive.out,
      .send_buffers_total = r->buffers.send.total,
      .send_buffers_out = r->buffers.send.out,
      .events = r->events,
      .waits = r->waits,
      .syscalls = r->syscalls,
      .accept_pauses = r->accept_pauses,
      .receive_pauses = r->receive_pauses,
  };
}
