// What a program sees that was built where liburing's header is missing: epoll for those who do not mind, and a clear
// refusal for those who ask for io_uring.
#include "reactor.h"
#include <errno.h>
#include <stdio.h>

static int check(int holds, const char *what) {
  if (!holds) fprintf(stderr, "without-liburing: not so: %s\n", what);
  return holds ? 0 : 1;
}

int main(void) {
  int failures = check(!reactor_has_io_uring(), "io_uring is not compiled in");

  char reason[256] = "";
  reactor *r = NULL;
  reactor_config config = {.backend = REACTOR_AUTO};
  int result = reactor_create(&config, &r, reason, sizeof reason);
  failures += check(result == 0, "a reactor can be had");
  failures += check(reason[0] != '\0', "there is a reason for the fallback");
  if (result == 0) {
    reactor_statistics statistics;
    reactor_get_statistics(r, &statistics);
    failures += check(statistics.backend == REACTOR_EPOLL, "it runs on epoll");
    reactor_destroy(r);
  }

  r = NULL;
  config.backend = REACTOR_IO_URING;
  result = reactor_create(&config, &r, reason, sizeof reason);
  failures += check(result == -ENOSYS, "asking for io_uring fails with ENOSYS");
  if (result == 0) reactor_destroy(r);

  if (failures == 0) printf("without-liburing: serves on epoll (%s)\n", reason);
  return failures == 0 ? 0 : 1;
}
