#include "slab.h"

#include <stdlib.h>
#include <string.h>

void slab_init(slab *s, uint32_t kind, size_t slot_size, uint32_t chunk_shift) {
  memset(s, 0, sizeof *s);
  s->kind = kind;
  s->retired = s->last_retired = SLOT_NONE;
  s->slot_size = (uint32_t)slot_size;
  s->chunk_shift = chunk_shift;
  s->free = SLOT_NONE;
}

void slab_destroy(slab *s) {
  for (uint32_t i = 0; i < s->chunk_count; i++) free(s->chunks[i]);
  free(s->chunks);
  s->chunks = NULL;
  s->chunk_count = s->fresh = s->live = 0;
  s->free = s->retired = s->last_retired = SLOT_NONE;
}

/* Adds a chunk. Only the directory of chunks is copied as it grows, never a slot. */
static bool grow(slab *s) {
  if (s->chunk_count == UINT32_MAX >> s->chunk_shift) return false;
  if ((s->chunk_count & (s->chunk_count - 1)) == 0) {
    size_t capacity = s->chunk_count == 0 ? 1 : (size_t)s->chunk_count * 2;
    unsigned char **chunks = realloc(s->chunks, capacity * sizeof *chunks);
    if (chunks == NULL) return false;
    s->chunks = chunks;
  }
  unsigned char *chunk = calloc((size_t)1 << s->chunk_shift, s->slot_size);
  if (chunk == NULL) return false;
  s->chunks[s->chunk_count++] = chunk;
  return true;
}

void *slab_allocate(slab *s) {
  slot *head;
  uint32_t index = s->free;
  if (index != SLOT_NONE) {
    head = slab_at(s, index);
    s->free = head->link;
    memset(head + 1, 0, s->slot_size - sizeof *head);
  } else {
    if (s->fresh >> s->chunk_shift == s->chunk_count && !grow(s)) return NULL;
    index = s->fresh++;
    head = slab_at(s, index);
    head->generation = 1;
  }
  head->link = index;
  s->live++;
  return head;
}

/* Makes the slot's handles stale, and puts the slot before those of `list`. */
static void put(slab *s, void *item, uint32_t *list) {
  slot *head = item;
  uint32_t index = head->link;
  head->generation = (head->generation + 1) & HANDLE_GENERATION_MASK;
  if (head->generation == 0) head->generation = 1;
  head->link = *list;
  *list = index;
  s->live--;
}

void slab_free(slab *s, void *item) { put(s, item, &s->free); }

void slab_retire(slab *s, void *item) {
  if (s->retired == SLOT_NONE) s->last_retired = ((slot *)item)->link;
  put(s, item, &s->retired);
}

void slab_reclaim(slab *s) {
  if (s->retired == SLOT_NONE) return;
  ((slot *)slab_at(s, s->last_retired))->link = s->free;
  s->free = s->retired;
  s->retired = s->last_retired = SLOT_NONE;
}
