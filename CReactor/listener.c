/* Accepting: the listener's share of a turn, and the pauses when descriptors, slots or memory run out. */
#include "backend.h"

#include <errno.h>
#include <unistd.h>

/* How long accepting pauses when no connection closes: other parts of the program may close descriptors. */
#define PAUSE_NANOSECONDS UINT64_C(250000000)

/* In bytes. It suffices for the objects that serve so many connections. */
enum { HEADROOM = 8 << 20 };
#define ACCEPTS_PER_PROBE 16
#define TURNS_PER_PROBE 64

/* Whether the listener may report one more connection in this reactor_wait. */
static bool take_turn(reactor *r, listener *l) {
  if (l->turn != r->waits) {
    l->turn = r->waits;
    l->turn_accepts = 0;
  }
  if (l->turn_accepts >= r->accepts_per_turn) return false;
  l->turn_accepts++;
  return true;
}

static void write_accepted(reactor *r, const listener *l, connection *c, batch *out) {
  reactor_event *event = batch_next(out);
  event->type = REACTOR_ACCEPTED;
  event->handle = slab_handle(&r->connections, c);
  event->context = l->context;
  event->token = slab_handle(&r->listeners, l);
}

/* Whether there is memory for one more connection and what serves it. The system is asked after a few connections or turns: a
 * server that accepts one connection a turn would otherwise make two system calls more for each. What grows meanwhile beside
 * connections asks for itself. While memory is short, the system is asked each time. */
static bool may_grow(reactor *r) {
  r->headroom_accepts++;
  if (!r->has_headroom || r->headroom_accepts >= ACCEPTS_PER_PROBE || r->waits - r->headroom_turn >= TURNS_PER_PROBE) {
    r->headroom_turn = r->waits;
    r->headroom_accepts = 0;
    r->has_headroom = reactor_has_headroom(r, HEADROOM);
  }
  return r->has_headroom;
}

/* Takes a connection that the kernel accepted. It is reported now or, beyond the listener's share, later. */
void listener_accepted(reactor *r, listener *l, batch *out, int fd) {
  connection *c = may_grow(r) ? connection_create(r, fd, 0) : NULL;
  if (c == NULL) {
    r->syscalls++;
    close(fd);
    listener_failed(r, l, ENOMEM);
    return;
  }
  l->flags &= ~(uint32_t)L_PAUSE_KNOWN;
  if (l->deferred == 0 && !batch_is_full(out) && take_turn(r, l)) {
    write_accepted(r, l, c, out);
  } else {
    c->send.listener = slab_handle(&r->listeners, l);
    l->deferred++;
    connection_queue(r, c, C_REPORT_ACCEPTED);
  }
  if (r->connections.live >= r->connections_max) listener_failed(r, l, ENOBUFS);
}

/* Reports a connection that was deferred. Returns false if it cannot be reported in this turn. */
bool listener_report_accepted(reactor *r, listener *l, connection *c, batch *out) {
  if (batch_is_full(out) || !take_turn(r, l)) return false;
  c->flags &= ~(uint32_t)C_REPORT_ACCEPTED;
  l->deferred--;
  write_accepted(r, l, c, out);
  return true;
}

/* Pauses because of an error that the next accept would only meet again. */
void listener_failed(reactor *r, listener *l, int error) {
  if (l->flags & L_PAUSED) return;
  l->flags |= L_PAUSED;
  r->paused_listeners++;
  if (!(l->flags & L_PAUSE_KNOWN)) {
    l->flags |= L_PAUSE_KNOWN;
    r->accept_pauses++;
    if (!(l->flags & L_REPORT_PAUSE)) r->pauses_to_report++;
    l->flags |= L_REPORT_PAUSE;
    l->pause_error = -error;
  }
  r->backend->listener_update(r, l);
  bool are_slots_used_up = r->connections.live >= r->connections_max;
  if (are_slots_used_up || timer_wheel_is_set(r->retry_timer)) return;
  timer_wheel_restart(r->wheel, r->retry_timer, r->now + PAUSE_NANOSECONDS, ++r->wheel->sequence);
}

void listeners_report(reactor *r, batch *out) {
  if (r->pauses_to_report == 0) return;
  for (list_link *item = r->all_listeners.next; item != &r->all_listeners; item = item->next) {
    listener *l = LINK_OWNER(item, listener, all);
    if (!(l->flags & L_REPORT_PAUSE) || l->deferred > 0) continue;
    if (batch_is_full(out)) return;
    l->flags &= ~(uint32_t)L_REPORT_PAUSE;
    r->pauses_to_report--;
    reactor_event *event = batch_next(out);
    event->type = REACTOR_ACCEPTED;
    event->result = l->pause_error;
    event->context = l->context;
    event->token = slab_handle(&r->listeners, l);
  }
}

/* Ends the pauses, if a slot is free. */
void listeners_resume(reactor *r) {
  if (r->paused_listeners == 0 || r->is_destroying || r->connections.live >= r->connections_max) return;
  for (list_link *item = r->all_listeners.next; item != &r->all_listeners; item = item->next) {
    listener *l = LINK_OWNER(item, listener, all);
    if (!(l->flags & L_PAUSED)) continue;
    l->flags &= ~(uint32_t)L_PAUSED;
    r->paused_listeners--;
    int result = r->backend->listener_update(r, l);
    if (result < 0) listener_failed(r, l, -result);
  }
}
