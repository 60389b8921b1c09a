/* Slabs: slots of one size in chunks that never move, found by handles that become stale when a slot is freed. */
#ifndef TWISTER_SLAB_H
#define TWISTER_SLAB_H

#include "reactor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The slab that a handle belongs to: its upper four bits. A handle given to the wrong function is stale there. */
enum { KIND_CONNECTION = 1, KIND_LISTENER = 2, KIND_WATCH = 3, KIND_TIMER = 4 };

#define HANDLE_KIND_SHIFT 60
#define HANDLE_GENERATION_SHIFT 32
#define HANDLE_GENERATION_MASK 0x0fffffffU
#define SLOT_NONE UINT32_MAX

/* Every slot begins with this. */
typedef struct slot {
  uint32_t generation; /* never 0; moves on when the slot is freed */
  uint32_t link;       /* in use: the slot's own index; free: the next free slot's */
} slot;

typedef struct slab {
  unsigned char **chunks;
  uint32_t chunk_count;
  uint32_t chunk_shift; /* log2 of the slots in a chunk */
  uint32_t slot_size;
  uint32_t kind;
  uint32_t fresh;                 /* slots from this one on were never used */
  uint32_t free;                  /* the free slot that was used last, so that it is reused while it is in the caches */
  uint32_t retired, last_retired; /* free slots that may not be used again yet */
  uint32_t live;
} slab;

void slab_init(slab *s, uint32_t kind, size_t slot_size, uint32_t chunk_shift);
void slab_destroy(slab *s);

/* Returns a slot that is zero except for its head, or NULL. */
void *slab_allocate(slab *s);
void slab_free(slab *s, void *item);

/* Frees a slot that is not used again before `slab_reclaim`. Its handle is stale at once. */
void slab_retire(slab *s, void *item);
void slab_reclaim(slab *s);

/* Slots that were ever used: the bound for walking over all of them with `slab_live_at`. */
static inline uint32_t slab_bound(const slab *s) { return s->fresh; }

static inline void *slab_at(const slab *s, uint32_t index) {
  uint32_t within = index & ((1U << s->chunk_shift) - 1);
  return s->chunks[index >> s->chunk_shift] + (size_t)within * s->slot_size;
}

/* The slot if it is in use, else NULL. */
static inline void *slab_live_at(const slab *s, uint32_t index) {
  if (index >= s->fresh) return NULL;
  slot *found = slab_at(s, index);
  return found->link == index ? found : NULL;
}

/* The slot in use with this generation, else NULL. */
static inline void *slab_find(const slab *s, uint32_t index, uint32_t generation) {
  slot *found = slab_live_at(s, index);
  return found != NULL && found->generation == generation ? found : NULL;
}

static inline void *slab_get(const slab *s, reactor_handle handle) {
  if (handle >> HANDLE_KIND_SHIFT != s->kind) return NULL;
  return slab_find(s, (uint32_t)handle, (uint32_t)(handle >> HANDLE_GENERATION_SHIFT) & HANDLE_GENERATION_MASK);
}

static inline reactor_handle slab_handle(const slab *s, const void *item) {
  const slot *head = item;
  return (uint64_t)s->kind << HANDLE_KIND_SHIFT | (uint64_t)head->generation << HANDLE_GENERATION_SHIFT | head->link;
}

#endif
