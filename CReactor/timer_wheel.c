#include "timer_wheel.h"

#include <stdlib.h>
#include <string.h>

#define NANOSECONDS_PER_TICK 1000000U
#define LEVEL_BITS 6
#define CHUNK_SHIFT 12

enum { BUCKET_HEAP = WHEEL_LEVELS * WHEEL_SLOTS, BUCKET_NONE };

/* A slot with more entries than this is not searched for its exact minimum: its start is returned then. */
enum { SCAN_MAX = 64 };

static timer_entry *entry_at(const timer_wheel *w, uint32_t index) { return slab_at(&w->entries, index); }

static bool is_before(const timer_entry *a, const timer_entry *b) {
  return a->deadline != b->deadline ? a->deadline < b->deadline : a->sequence < b->sequence;
}

void timer_wheel_init(timer_wheel *w) {
  memset(w, 0, sizeof *w);
  slab_init(&w->entries, KIND_TIMER, sizeof(timer_entry), CHUNK_SHIFT);
  for (size_t i = 0; i < WHEEL_LEVELS * WHEEL_SLOTS; i++) w->heads[i] = SLOT_NONE;
}

void timer_wheel_destroy(timer_wheel *w) {
  slab_destroy(&w->entries);
  free(w->heap);
  w->heap = NULL;
}

/* ---- The heap of reached entries ------------------------------------------------------------------------------- */

static void heap_place(timer_wheel *w, uint32_t position, timer_entry *entry) {
  w->heap[position] = entry->slot.link;
  entry->previous = position;
}

static void heap_sift_up(timer_wheel *w, uint32_t position, timer_entry *entry) {
  while (position > 0) {
    uint32_t parent = (position - 1) / 2;
    timer_entry *above = entry_at(w, w->heap[parent]);
    if (!is_before(entry, above)) break;
    heap_place(w, position, above);
    position = parent;
  }
  heap_place(w, position, entry);
}

static void heap_sift_down(timer_wheel *w, uint32_t position, timer_entry *entry) {
  for (;;) {
    uint32_t child = 2 * position + 1;
    if (child >= w->heap_count) break;
    timer_entry *below = entry_at(w, w->heap[child]);
    if (child + 1 < w->heap_count) {
      timer_entry *right = entry_at(w, w->heap[child + 1]);
      if (is_before(right, below)) {
        below = right;
        child++;
      }
    }
    if (!is_before(below, entry)) break;
    heap_place(w, position, below);
    position = child;
  }
  heap_place(w, position, entry);
}

static void heap_push(timer_wheel *w, timer_entry *entry) {
  entry->bucket = BUCKET_HEAP;
  heap_sift_up(w, w->heap_count++, entry);
}

static void heap_remove(timer_wheel *w, timer_entry *entry) {
  uint32_t position = entry->previous;
  timer_entry *last = entry_at(w, w->heap[--w->heap_count]);
  if (last == entry) return;
  if (position > 0 && is_before(last, entry_at(w, w->heap[(position - 1) / 2]))) {
    heap_sift_up(w, position, last);
  } else {
    heap_sift_down(w, position, last);
  }
}

/* ---- The wheel's slots ----------------------------------------------------------------------------------------- */

static void link_entry(timer_wheel *w, timer_entry *entry) {
  uint64_t tick = entry->deadline / NANOSECONDS_PER_TICK;
  if (tick < w->tick) {
    heap_push(w, entry);
    return;
  }
  uint64_t differing = tick ^ w->tick;
  uint32_t level = differing == 0 ? 0 : (63U - (uint32_t)__builtin_clzll(differing)) / LEVEL_BITS;
  uint32_t slot_index = (uint32_t)(tick >> (level * LEVEL_BITS)) & (WHEEL_SLOTS - 1);
  uint32_t bucket = level * WHEEL_SLOTS + slot_index;
  entry->bucket = (uint16_t)bucket;
  entry->previous = SLOT_NONE;
  entry->next = w->heads[bucket];
  if (entry->next != SLOT_NONE) entry_at(w, entry->next)->previous = entry->slot.link;
  w->heads[bucket] = entry->slot.link;
  w->occupied[level] |= UINT64_C(1) << slot_index;
}

static void unlink_entry(timer_wheel *w, timer_entry *entry) {
  if (entry->bucket == BUCKET_NONE) return;
  if (entry->bucket == BUCKET_HEAP) {
    heap_remove(w, entry);
  } else {
    uint32_t bucket = entry->bucket;
    if (entry->next != SLOT_NONE) entry_at(w, entry->next)->previous = entry->previous;
    if (entry->previous != SLOT_NONE) {
      entry_at(w, entry->previous)->next = entry->next;
    } else {
      w->heads[bucket] = entry->next;
      if (entry->next == SLOT_NONE) w->occupied[bucket / WHEEL_SLOTS] &= ~(UINT64_C(1) << bucket % WHEEL_SLOTS);
    }
  }
  entry->bucket = BUCKET_NONE;
}

/* The earliest occupied slot; false where there is none. */
static bool first_bucket(const timer_wheel *w, uint32_t *bucket, uint64_t *start) {
  for (uint32_t level = 0; level < WHEEL_LEVELS; level++) {
    if (w->occupied[level] == 0) continue;
    uint32_t slot_index = (uint32_t)__builtin_ctzll(w->occupied[level]);
    uint32_t shift = level * LEVEL_BITS;
    uint64_t above = w->tick >> shift >> LEVEL_BITS << LEVEL_BITS;
    *bucket = level * WHEEL_SLOTS + slot_index;
    *start = (above | slot_index) << shift;
    return true;
  }
  return false;
}

/* Moves the wheel to `now`: what it reaches on the lowest level goes to the heap, what it reaches above goes down. */
static void advance(timer_wheel *w, uint64_t now) {
  uint64_t target = now / NANOSECONDS_PER_TICK;
  uint32_t bucket;
  uint64_t start;
  while (first_bucket(w, &bucket, &start) && start <= target) {
    uint32_t index = w->heads[bucket];
    w->heads[bucket] = SLOT_NONE;
    w->occupied[bucket / WHEEL_SLOTS] &= ~(UINT64_C(1) << bucket % WHEEL_SLOTS);
    w->tick = start;
    while (index != SLOT_NONE) {
      timer_entry *entry = entry_at(w, index);
      index = entry->next;
      if (bucket < WHEEL_SLOTS) {
        heap_push(w, entry);
      } else {
        link_entry(w, entry);
      }
    }
  }
  if (target > w->tick) w->tick = target;
}

/* ---- Entries --------------------------------------------------------------------------------------------------- */

/* Keeps room in the heap for every entry, so that moving the wheel never needs memory. */
static bool reserve_heap(timer_wheel *w) {
  if (w->entries.live < w->heap_capacity) return true;
  uint32_t capacity = w->heap_capacity == 0 ? 64 : w->heap_capacity * 2;
  uint32_t *heap = realloc(w->heap, (size_t)capacity * sizeof *heap);
  if (heap == NULL) return false;
  w->heap = heap;
  w->heap_capacity = capacity;
  return true;
}

timer_entry *timer_wheel_reserve(timer_wheel *w, timer_kind kind) {
  if (!reserve_heap(w)) return NULL;
  timer_entry *entry = slab_allocate(&w->entries);
  if (entry == NULL) return NULL;
  entry->kind = (uint16_t)kind;
  entry->bucket = BUCKET_NONE;
  return entry;
}

bool timer_wheel_is_set(const timer_entry *entry) { return entry->bucket != BUCKET_NONE; }

timer_entry *timer_wheel_start(timer_wheel *w, timer_kind kind, uint64_t deadline, uint64_t sequence, uint64_t token) {
  timer_entry *entry = timer_wheel_reserve(w, kind);
  if (entry == NULL) return NULL;
  entry->token = token;
  timer_wheel_restart(w, entry, deadline, sequence);
  return entry;
}

void timer_wheel_restart(timer_wheel *w, timer_entry *entry, uint64_t deadline, uint64_t sequence) {
  entry->deadline = deadline;
  entry->sequence = sequence;
  link_entry(w, entry);
  if (deadline < w->next) w->next = deadline;
}

void timer_wheel_cancel(timer_wheel *w, timer_entry *entry) {
  unlink_entry(w, entry);
  if (entry->deadline == w->next) w->next_known = false;
  slab_free(&w->entries, entry);
}

timer_entry *timer_wheel_pop(timer_wheel *w, uint64_t now) {
  if (w->next_known && now < w->next) return NULL;
  advance(w, now);
  w->next_known = false;
  if (w->heap_count == 0) return NULL;
  timer_entry *entry = entry_at(w, w->heap[0]);
  if (entry->deadline > now) return NULL;
  unlink_entry(w, entry);
  return entry;
}

void timer_wheel_free(timer_wheel *w, timer_entry *entry) { slab_free(&w->entries, entry); }

/* The earliest deadline in a wheel slot, or the slot's start where searching it would take long. */
static uint64_t bucket_minimum(const timer_wheel *w, uint32_t bucket, uint64_t start) {
  uint64_t minimum = REACTOR_NEVER;
  uint32_t index = w->heads[bucket];
  for (int scanned = 0; index != SLOT_NONE; scanned++) {
    if (scanned == SCAN_MAX) return start * NANOSECONDS_PER_TICK;
    const timer_entry *entry = entry_at(w, index);
    if (entry->deadline < minimum) minimum = entry->deadline;
    index = entry->next;
  }
  return minimum;
}

uint64_t timer_wheel_next(timer_wheel *w) {
  if (w->next_known) return w->next;
  uint32_t bucket;
  uint64_t start;
  uint64_t next = REACTOR_NEVER;
  if (w->heap_count > 0) next = entry_at(w, w->heap[0])->deadline;
  if (first_bucket(w, &bucket, &start)) {
    uint64_t minimum = bucket_minimum(w, bucket, start);
    if (minimum < next) next = minimum;
  }
  w->next = next;
  w->next_known = true;
  return next;
}
