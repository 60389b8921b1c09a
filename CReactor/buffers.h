/* The pool of fixed-size buffers: receive buffers, and send buffers that the caller acquires. */
#ifndef TWISTER_BUFFERS_H
#define TWISTER_BUFFERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Buffer numbers: receive buffers from 0, send buffers from `receive.total` on. */
typedef struct buffer_stack {
  uint32_t *free; /* the buffer that was used last is on top, so that it is reused while it is in the caches */
  uint32_t free_count;
  uint32_t total;
  uint32_t out;  /* held by the caller */
  uint32_t used; /* written to since their memory was last given back, `out` included */
} buffer_stack;

enum {
  BUFFER_OUT = 1 << 0,  /* held by the caller; a number is given back once */
  BUFFER_USED = 1 << 1, /* counted in its stack's `used` */
  BUFFER_KEPT = 1 << 2, /* during a trim: its memory stays */
};

/* How many buffers are used again and again by a loop that is not busy: so many are lent to the kernel at first. */
enum { BUFFERS_WARM = 32 };

/* How many of either kind keep their memory when memory is given back. */
enum { BUFFERS_KEPT = 8 };

typedef struct buffers {
  unsigned char *memory;
  size_t memory_size;
  size_t stride;
  uint32_t size;
  uint8_t *states; /* of each buffer: the bits below */
  buffer_stack receive;
  buffer_stack send;
} buffers;

/* 0 or -errno. */
int buffers_init(buffers *b, uint32_t size, uint32_t receive_total, uint32_t send_total);
void buffers_destroy(buffers *b);

/* Takes back the receive buffers that a backend had when it was destroyed. */
void buffers_reclaim(buffers *b);

static inline unsigned char *buffers_at(const buffers *b, uint32_t number) { return b->memory + number * b->stride; }

/* From and to the stack, while the caller does not hold the buffer. */
static inline bool buffer_pop(buffer_stack *stack, uint32_t *number) {
  if (stack->free_count == 0) return false;
  *number = stack->free[--stack->free_count];
  return true;
}

static inline void buffer_push(buffer_stack *stack, uint32_t number) { stack->free[stack->free_count++] = number; }

/* Something was written to it. */
static inline void buffers_note_use(buffers *b, buffer_stack *stack, uint32_t number) {
  if (b->states[number] & BUFFER_USED) return;
  b->states[number] |= BUFFER_USED;
  stack->used++;
}

/* The caller holds it from now on. */
static inline void buffers_hand_out(buffers *b, buffer_stack *stack, uint32_t number) {
  if (!(b->states[number] & BUFFER_USED)) stack->used++;
  b->states[number] = BUFFER_OUT | BUFFER_USED;
  stack->out++;
}

/* Back to its stack. A number that is not held is ignored. */
static inline void buffers_take_back(buffers *b, uint32_t number) {
  if (number >= b->receive.total + b->send.total || !(b->states[number] & BUFFER_OUT)) return;
  b->states[number] = BUFFER_USED;
  buffer_stack *stack = number < b->receive.total ? &b->receive : &b->send;
  stack->out--;
  buffer_push(stack, number);
}

/* Memory is worth giving back from twice the warm number on, so that light use does not make it come and go. */
static inline bool stack_is_trimmable(const buffer_stack *stack) { return stack->used - stack->out > 2 * BUFFERS_WARM; }

/* Keeps the memory of the `count` free buffers that are used next. */
void buffers_keep_free(buffers *b, const buffer_stack *stack, uint32_t count);

/* Gives back the memory of every buffer that is neither out nor kept. Returns how many system calls it took. */
uint32_t buffers_trim(buffers *b);

#endif
