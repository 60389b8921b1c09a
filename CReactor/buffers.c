#include "buffers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

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
    if (!b->is_out[i - 1]) buffer_push(&b->receive, i - 1);
  }
}

int buffers_init(buffers *b, uint32_t size, uint32_t receive_total, uint32_t send_total) {
  memset(b, 0, sizeof *b);
  size_t total = (size_t)receive_total + send_total;
  b->size = size;
  b->stride = (((size_t)size + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1)) + CACHE_LINE;
  b->memory_size = total * b->stride;
  b->is_out = calloc(total, sizeof *b->is_out);
  if (b->is_out == NULL) return -ENOMEM;
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

void buffers_destroy(buffers *b) {
  if (b->memory != NULL) munmap(b->memory, b->memory_size);
  free(b->is_out);
  free(b->receive.free);
  free(b->send.free);
  memset(b, 0, sizeof *b);
}
