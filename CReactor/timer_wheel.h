/*
 * A hierarchical timer wheel without a clock: O(1) start and cancel, expiry in exact (deadline, sequence) order.
 *
 * A tick is a millisecond. An entry lies on the level of the highest six bits in which its tick differs from the
 * wheel's, so that on each level only slots ahead of the wheel are occupied and the earliest entry is found by one bit
 * scan. Slots that the wheel has reached go through a small heap, which puts them in order to the nanosecond.
 */
#ifndef TWISTER_TIMER_WHEEL_H
#define TWISTER_TIMER_WHEEL_H

#include "slab.h"

#define WHEEL_LEVELS 8 /* times six bits: more milliseconds than 64 bits of nanoseconds hold */
#define WHEEL_SLOTS 64

typedef enum timer_kind { TIMER_USER, TIMER_DEADLINE, TIMER_ACCEPT_RETRY } timer_kind;

typedef struct timer_entry {
  slot slot;
  uint64_t deadline; /* nanoseconds */
  uint64_t sequence; /* the order in which equal deadlines are reported */
  uint64_t token;
  uint32_t next;     /* in its wheel slot: neighbours' indexes */
  uint32_t previous; /* or its place in the heap */
  uint16_t bucket;   /* level * WHEEL_SLOTS + slot, or one of the places below */
  uint16_t kind;
} timer_entry;

_Static_assert(sizeof(timer_entry) <= 48, "a server has as many timers as connections");

typedef struct timer_wheel {
  slab entries;
  uint64_t tick; /* every slot before this tick is empty */
  uint64_t sequence;
  uint64_t occupied[WHEEL_LEVELS]; /* a bit for each slot that is not empty */
  uint32_t heads[WHEEL_LEVELS * WHEEL_SLOTS];
  uint32_t *heap; /* reached entries by (deadline, sequence); always has room for every entry */
  uint32_t heap_count;
  uint32_t heap_capacity;
  uint64_t next; /* no entry is due before this; valid while `next_known` */
  bool next_known;
} timer_wheel;

void timer_wheel_init(timer_wheel *w);
void timer_wheel_destroy(timer_wheel *w);

/* NULL: no memory. */
timer_entry *timer_wheel_start(timer_wheel *w, timer_kind kind, uint64_t deadline, uint64_t sequence, uint64_t token);

/* An entry that is not set yet, and never has to be allocated again: `timer_wheel_restart` sets it. NULL: no memory. */
timer_entry *timer_wheel_reserve(timer_wheel *w, timer_kind kind);
bool timer_wheel_is_set(const timer_entry *entry);

/* Takes the entry out and frees it. */
void timer_wheel_cancel(timer_wheel *w, timer_entry *entry);

/* The earliest entry due at `now`, taken out but not yet freed: `timer_wheel_restart` or `timer_wheel_free` it. */
timer_entry *timer_wheel_pop(timer_wheel *w, uint64_t now);
void timer_wheel_restart(timer_wheel *w, timer_entry *entry, uint64_t deadline, uint64_t sequence);
void timer_wheel_free(timer_wheel *w, timer_entry *entry);

/* Not after the earliest deadline, and mostly equal to it. REACTOR_NEVER: the wheel is empty. */
uint64_t timer_wheel_next(timer_wheel *w);

#endif
