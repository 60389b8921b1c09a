#include "reactor.h"

#include <errno.h>
#include <linux/filter.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int reactor_accept_one(int fd) {
  int accepted;
  /* Such a connection was closed by its client before it was accepted. */
  do accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  while (accepted < 0 && (errno == ECONNABORTED || errno == EINTR));
  return accepted < 0 ? -errno : accepted;
}

int reactor_thread_number(void) { return (int)syscall(SYS_gettid); }

int reactor_die_with_parent(int signal) { return prctl(PR_SET_PDEATHSIG, signal) == 0 ? 0 : -errno; }

int reactor_memory_file(size_t size) {
  int fd = memfd_create("twister", MFD_CLOEXEC);
  if (fd < 0) return -errno;
  if (ftruncate(fd, (off_t)size) == 0) return fd;
  int result = -errno;
  close(fd);
  return result;
}

int reactor_refuse_clients(int fd) {
  struct sockaddr_storage address;
  socklen_t size = sizeof address;
  if (getsockname(fd, (struct sockaddr *)&address, &size) < 0) return -errno;
  if (address.ss_family == AF_UNIX) return shutdown(fd, SHUT_RD) == 0 ? 0 : -errno;
  /* Drops what has the flag SYN in its TCP header; the last packet of a handshake under way is let through. */
  struct sock_filter code[] = {
      {.code = BPF_LD | BPF_B | BPF_ABS, .k = 13},
      {.code = BPF_JMP | BPF_JSET | BPF_K, .jt = 0, .jf = 1, .k = 2},
      {.code = BPF_RET | BPF_K, .k = 0},
      {.code = BPF_RET | BPF_K, .k = 0xffffffff},
  };
  struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0 ? 0 : -errno;
}
