#include "buffers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Buffers whose distance is a power of two would share a few sets of the processor's caches. */
#define CACHE_LINE 64

static int stack_init(buffer_stack *stack, uint32_t first, uint32_t total) {
  stack->total = total;
  stack->free = calloc(total, sizeof *stack->free);
  if (stack->free == NULL) return -ENOMEM;
  for (uint32_t i = 0; i < total; i++) buffer_push(stack, first + total - 1 - i);
  return 0;
}

void buffers_reclaim(buffers *b) {
  b->receive.free_count = 0;
  for (uint32_t i = b->receive.total; i > 0; i--) {
    if (!(b->states[i - 1] & BUFFER_OUT)) buffer_push(&b->receive, i - 1);
  }
}

int buffers_init(buffers *b, uint32_t size, uint32_t receive_total, uint32_t send_total) {
  memset(b, 0, sizeof *b);
  size_t total = (size_t)receive_total + send_total;
  b->size = size;
  b->stride = (((size_t)size + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1)) + CACHE_LINE;
  b->memory_size = total * b->stride;
  b->states = calloc(total, sizeof *b->states);
  if (b->states == NULL) return -ENOMEM;
  if (stack_init(&b->receive, 0, receive_total) < 0 || stack_init(&b->send, receive_total, send_total) < 0) {
    buffers_destroy(b);
    return -ENOMEM;
  }
  void *memory = mmap(NULL, b->memory_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    int error = -errno;
    buffers_destroy(b);
    return error;
  }
  b->memory = memory;
  return 0;
}

void buffers_keep_free(buffers *b, const buffer_stack *stack, uint32_t count) {
  for (uint32_t i = stack->free_count; i > 0 && count > 0; i--, count--) b->states[stack->free[i - 1]] |= BUFFER_KEPT;
}

/* Gives back the whole pages of the buffers from `first` to before `end`. */
static void drop_pages(const buffers *b, uint32_t first, uint32_t end) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  size_t from = (first * b->stride + page - 1) & ~(page - 1);
  size_t to = (end * b->stride) & ~(page - 1);
  if (to > from) madvise(b->memory + from, to - from, MADV_DONTNEED);
}

uint32_t buffers_trim(buffers *b) {
  uint32_t total = b->receive.total + b->send.total;
  uint32_t calls = 0;
  for (uint32_t first = 0, end; first < total; first = end + 1) {
    bool is_used = false;
    for (end = first; end < total && !(b->states[end] & (BUFFER_OUT | BUFFER_KEPT)); end++) {
      if (!(b->states[end] & BUFFER_USED)) continue;
      is_used = true;
      b->states[end] &= (uint8_t)~BUFFER_USED;
      (end < b->receive.total ? &b->receive : &b->send)->used--;
    }
    if (!is_used) continue;
    drop_pages(b, first, end);
    calls++;
  }
  for (uint32_t i = 0; i < total; i++) b->states[i] &= (uint8_t)~BUFFER_KEPT;
  return calls;
}

void buffers_destroy(buffers *b) {
  if (b->memory != NULL) munmap(b->memory, b->memory_size);
  free(b->states);
  free(b->receive.free);
  free(b->send.free);
  memset(b, 0, sizeof *b);
}
