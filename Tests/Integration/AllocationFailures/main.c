/*
 * Each allocation of the reactor fails once, and in another pass all from one on fail for a while. The reactor must return
 * -ENOMEM or pause accepting, and work again when there is memory. The linker puts the functions below in the place of
 * malloc, calloc, realloc and mmap (see allocation-failures.sh).
 */
#include "reactor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset);

static int allocations;   /* made so far */
static int first_failing; /* the number of the first that fails */
static int failing_count; /* how many fail from there on */

static bool fails(void) {
  int number = ++allocations;
  return number >= first_failing && number - first_failing < failing_count;
}

void *__wrap_malloc(size_t size) { return fails() ? NULL : __real_malloc(size); }
void *__wrap_calloc(size_t count, size_t size) { return fails() ? NULL : __real_calloc(count, size); }
void *__wrap_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset) {
  if (!fails()) return __real_mmap(address, size, protection, flags, fd, offset);
  errno = ENOMEM;
  return MAP_FAILED;
}
void *__wrap_realloc(void *old, size_t size) { return fails() ? NULL : __real_realloc(old, size); }

#define EXPECT(condition)                                                                                              \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      fprintf(stderr, "line %d, allocation %d of %d: %s\n", __LINE__, first_failing, allocations, #condition);         \
      exit(1);                                                                                                         \
    }                                                                                                                  \
  } while (0)

enum { CLIENTS = 300, TIMERS = 4200, BATCH = 64 };

typedef struct outcome {
  int accepted;
  int pauses;
} outcome;

static struct sockaddr_in address;

static int connect_client(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT(fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0);
  return fd;
}

static void take(reactor *r, outcome *seen, reactor_handle *last) {
  reactor_event events[BATCH];
  int count = reactor_wait(r, events, BATCH, 1000000);
  EXPECT(count >= 0);
  for (int i = 0; i < count; i++) {
    if (events[i].type != REACTOR_ACCEPTED) continue;
    if (events[i].result < 0) {
      EXPECT(events[i].result == -ENOMEM);
      seen->pauses++;
      continue;
    }
    seen->accepted++;
    *last = events[i].handle;
    int result = reactor_set_deadline(r, *last, UINT64_C(3600000000000) + (uint64_t)i);
    EXPECT(result == 0 || result == -ENOMEM);
  }
}

/* Accepts clients, starts timers and watches descriptors while memory fails, and again when it does not. */
static void work(reactor *r, int listening) {
  static int clients[CLIENTS];
  reactor_handle handle = 0, last = 0;
  outcome seen = {0};
  int result = reactor_listen(r, listening, 0, &handle);
  EXPECT(result == 0 || result == -ENOMEM);
  if (result < 0 && reactor_listen(r, listening, 0, &handle) < 0) return;
  for (int i = 0; i < TIMERS; i++) {
    result = reactor_timer_start(r, UINT64_C(1000000000000), 0, &handle);
    EXPECT(result == 0 || result == -ENOMEM);
  }
  for (int i = 0; i < CLIENTS; i++) {
    clients[i] = connect_client();
    if (i % 8 == 7) take(r, &seen, &last);
  }
  int watched[2];
  EXPECT(pipe(watched) == 0);
  result = reactor_watch(r, watched[0], REACTOR_READ, 0, &handle);
  EXPECT(result == 0 || result == -ENOMEM);
  for (int i = 0; i < 10; i++) take(r, &seen, &last);
  /* A pause ends by the reactor's own timer, at the latest. */
  first_failing = 0;
  failing_count = 0;
  reactor_event events[BATCH];
  for (uint64_t now = 0; now < UINT64_C(2000000000); now += 250000000) {
    EXPECT(reactor_expire(r, now, events, BATCH) == 0);
    take(r, &seen, &last);
  }
  int before = seen.accepted;
  int late = connect_client();
  for (int i = 0; i < 20 && seen.accepted == before; i++) take(r, &seen, &last);
  EXPECT(seen.accepted == before + 1);
  /* A client that was not accepted sees its connection closed. */
  int closed = 0;
  for (int i = 0; i < CLIENTS; i++) {
    char byte;
    if (recv(clients[i], &byte, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET) closed++;
    close(clients[i]);
  }
  EXPECT(before + closed == CLIENTS);
  EXPECT(closed == 0 || seen.pauses > 0);
  close(late);
  close(watched[0]);
  close(watched[1]);
}

static void run(reactor_backend backend, int listening, int first, int count) {
  const reactor_config config = {.backend = backend, .connections_max = 10000};
  reactor *r;
  char reason[200];
  allocations = 0;
  first_failing = first;
  failing_count = count;
  int result = reactor_create(&config, &r, reason, sizeof reason);
  EXPECT(result == 0 || result == -ENOMEM);
  if (result == 0) work(r, listening);
  first_failing = failing_count = 0;
  if (result == 0) reactor_destroy(r);
}

int main(void) {
  int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  socklen_t length = sizeof address;
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT(bind(listening, (const struct sockaddr *)&address, sizeof address) == 0 && listen(listening, CLIENTS) == 0);
  EXPECT(getsockname(listening, (struct sockaddr *)&address, &length) == 0);
  for (reactor_backend backend = REACTOR_IO_URING; backend <= REACTOR_EPOLL; backend++) {
    const reactor_config config = {.backend = backend};
    reactor *r;
    char reason[200];
    if (reactor_create(&config, &r, reason, sizeof reason) < 0) {
      printf("allocation failures: SKIPPED backend %d: %s\n", (int)backend, reason);
      continue;
    }
    reactor_destroy(r);
    run(backend, listening, 0, 0);
    int total = allocations;
    for (int i = 1; i <= total; i++) {
      run(backend, listening, i, 1);
      run(backend, listening, i, 1000000);
    }
    printf("allocation failures: backend %d, each of %d allocations\n", (int)backend, total);
  }
  return 0;
}
