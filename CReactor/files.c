#include "reactor.h"

#include <errno.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif

/* How often a lookup that raced with a rename is tried again. */
#define RACES_MAX 8

int reactor_open_beneath(int directory, const char *path, int flags, int cached_only) {
  struct open_how how;
  memset(&how, 0, sizeof how);
  how.flags = (uint64_t)(unsigned)flags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  if (cached_only) {
    how.resolve |= RESOLVE_CACHED;
    int fd = (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
    /* Linux 5.6 to 5.11 know openat2(2) without this flag. */
    if (fd >= 0 || errno != EINVAL) return fd < 0 ? -errno : fd;
    how.resolve &= ~(uint64_t)RESOLVE_CACHED;
  }
  long fd;
  int races = 0;
  do fd = syscall(SYS_openat2, directory, path, &how, sizeof how);
  while (fd < 0 && (errno == EAGAIN || errno == EINTR) && ++races < RACES_MAX);
  return fd < 0 ? -errno : (int)fd;
}

/* Linux 6.5. Everywhere the same number, which older headers do not know. */
#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif

/* Short ranges are told by their last byte alone. */
#define COUNTED_MIN 65536

int reactor_is_cached(int fd, uint64_t offset, uint64_t length) {
  if (length == 0) return 1;
  uint64_t last = offset + length - 1;
  char byte;
  struct iovec place = {&byte, 1};
  if (preadv2(fd, &place, 1, (off_t)last, RWF_NOWAIT) < 0 && errno == EAGAIN) return 0;
  if (length < COUNTED_MIN) return 1;
  struct {
    uint64_t offset, length;
  } range = {offset, length};
  struct {
    uint64_t cached, dirty, in_writing, evicted, recently_evicted;
  } pages = {0};
  if (syscall(SYS_cachestat, fd, &range, &pages, 0u) < 0) return 1;
  uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
  return pages.cached >= last / page - offset / page + 1;
}
