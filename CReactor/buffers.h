/* The pool of fixed-size buffers: those that receive, and those that are acquired to send from. */
#ifndef TWISTER_BUFFERS_H
#define TWISTER_BUFFERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Buffer numbers: receive buffers from 0, send buffers from `receive.total` on. */
typedef struct buffer_stack {
  uint32_t *free; /* the one that was used last on top, so that what is reused is warm */
  uint32_t free_count;
  uint32_t total;
  uint32_t out; /* held by the caller */
} buffer_stack;

typedef struct buffers {
  unsigned char *memory;
  size_t memory_size;
  size_t stride;
  uint32_t size;
  bool *is_out; /* a number is given back once */
  buffer_stack receive;
  buffer_stack send;
} buffers;

/* 0 or -errno. */
int buffers_init(buffers *b, uint32_t size, uint32_t receive_total, uint32_t send_total);
void buffers_destroy(buffers *b);

/* Takes back the receive buffers that a backend had when it was destroyed. */
void buffers_reclaim(buffers *b);

static inline unsigned char *buffers_at(const buffers *b, uint32_t number) { return b->memory + number * b->stride; }

/* From and to the stack, with nobody holding the buffer. */
static inline bool buffer_pop(buffer_stack *stack, uint32_t *number) {
  if (stack->free_count == 0) return false;
  *number = stack->free[--stack->free_count];
  return true;
}

static inline void buffer_push(buffer_stack *stack, uint32_t number) { stack->free[stack->free_count++] = number; }

/* The caller holds it from now on. */
static inline void buffers_hand_out(buffers *b, buffer_stack *stack, uint32_t number) {
  b->is_out[number] = true;
  stack->out++;
}

/* Back to its stack. A number that is not held is ignored. */
static inline void buffers_take_back(buffers *b, uint32_t number) {
  if (number >= b->receive.total + b->send.total || !b->is_out[number]) return;
  b->is_out[number] = false;
  buffer_stack *stack = number < b->receive.total ? &b->receive : &b->send;
  stack->out--;
  buffer_push(stack, number);
}

#endif
