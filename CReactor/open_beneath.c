#include "reactor.h"

#include <errno.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* How often a lookup that raced with a rename is tried again. */
#define RACES_MAX 8

int reactor_open_beneath(int directory, const char *path, int flags) {
  struct open_how how;
  memset(&how, 0, sizeof how);
  how.flags = (uint64_t)(unsigned)flags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  long fd;
  int races = 0;
  do fd = syscall(SYS_openat2, directory, path, &how, sizeof how);
  while (fd < 0 && (errno == EAGAIN || errno == EINTR) && ++races < RACES_MAX);
  return fd < 0 ? -errno : (int)fd;
}
