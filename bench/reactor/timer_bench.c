/* The cost of a timer with a million outstanding: nanoseconds for each start, cancel and expiry. */
#include "reactor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { TIMERS = 1000000 };

static const uint64_t second = 1000000000;
static reactor_handle timers[TIMERS];
static uint64_t seed = 88172645463325252U;

static uint64_t clock_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * second + (uint64_t)time.tv_nsec;
}

static uint64_t random_number(void) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return seed;
}

static void print(const char *what, uint64_t begin, uint64_t count) {
  printf("%-44s %6.1f ns\n", what, (double)(clock_ns() - begin) / (double)count);
}

static void start_all(reactor *r, uint64_t now) {
  for (size_t i = 0; i < TIMERS; i++) {
    if (reactor_timer_start(r, now + random_number() % (60 * second), i, &timers[i]) < 0) exit(1);
  }
}

int main(void) {
  const reactor_config config = {.backend = REACTOR_EPOLL};
  reactor *r;
  if (reactor_create(&config, &r, NULL, 0) < 0) return 1;
  uint64_t now = clock_ns();
  reactor_event events[256];
  reactor_expire(r, now, events, 256);

  start_all(r, now);
  for (size_t i = 0; i < TIMERS; i++) reactor_timer_cancel(r, timers[i]);
  uint64_t begin = clock_ns();
  start_all(r, now);
  print("start, to a million within 60 s", begin, TIMERS);

  begin = clock_ns();
  for (size_t i = 0; i < TIMERS; i++) {
    reactor_handle timer;
    if (reactor_timer_start(r, now + 5 * second + i * 100, i, &timer) < 0) return 1;
    reactor_timer_cancel(r, timer);
  }
  print("start and cancel, a million outstanding", begin, TIMERS);

  begin = clock_ns();
  for (size_t i = 0; i < TIMERS; i++) {
    reactor_timer_cancel(r, timers[i]);
    if (reactor_timer_start(r, now + 5 * second + i * 100, i, &timers[i]) < 0) return 1;
  }
  print("cancel the oldest and start, a million out", begin, TIMERS);

  begin = clock_ns();
  uint64_t expired = 0;
  for (uint64_t t = now; t < now + 6 * second; t += 1000000) {
    int count;
    while ((count = reactor_expire(r, t, events, 256)) > 0) expired += (uint64_t)count;
  }
  print("expire, a million in 100 ms", begin, expired);
  if (expired != TIMERS) return 1;

  start_all(r, now + 6 * second);
  begin = clock_ns();
  for (size_t i = 0; i < TIMERS; i++) reactor_timer_cancel(r, timers[i]);
  print("cancel, in order, down from a million", begin, TIMERS);
  reactor_destroy(r);
  return 0;
}
