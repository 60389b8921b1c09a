/* Starting processes, and what is to be known of them afterwards. */
#include "reactor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#define BY_DESCRIPTOR ((idtype_t)3) /* P_PIDFD */

/* More descriptors than a plan has standard ones and listening sockets. */
enum { DESCRIPTORS_MAX = 1100 };

/* Has the process close every descriptor from `first` on. */
static int add_close_from(posix_spawn_file_actions_t *actions, int first) {
#if defined(__GLIBC_PREREQ) && __GLIBC_PREREQ(2, 34)
  return posix_spawn_file_actions_addclosefrom_np(actions, first);
#else
  /* One that another thread opens from here on without O_CLOEXEC is missed. */
  DIR *folder = opendir("/proc/self/fd");
  if (folder == NULL) return errno;
  int result = 0;
  for (struct dirent *entry; result == 0 && (entry = readdir(folder)) != NULL;) {
    int fd = atoi(entry->d_name);
    if (fd >= first && fd != dirfd(folder)) result = posix_spawn_file_actions_addclose(actions, fd);
  }
  closedir(folder);
  return result;
#endif
}

/* Gives the process duplicates of the plan's descriptors. They have higher numbers than the process's own get, so that none is
 * overwritten before it was put in its place. */
static int add_descriptors(posix_spawn_file_actions_t *actions, const reactor_spawn_plan *plan, int *duplicates) {
  int lowest = plan->descriptor_count > 3 ? plan->descriptor_count : 3;
  for (int i = 0; i < plan->descriptor_count; i++) {
    if (plan->descriptors[i] < 0) continue;
    duplicates[i] = fcntl(plan->descriptors[i], F_DUPFD_CLOEXEC, lowest);
    if (duplicates[i] < 0) return errno;
    int result = posix_spawn_file_actions_adddup2(actions, duplicates[i], i);
    if (result != 0) return result;
  }
  return plan->closes_others ? add_close_from(actions, lowest) : 0;
}

static int set_signals(posix_spawnattr_t *attributes, const reactor_spawn_plan *plan) {
  sigset_t signals;
  sigemptyset(&signals);
  for (int signal = 1; signal <= 64; signal++) {
    if (plan->blocked_signals >> (signal - 1) & 1) sigaddset(&signals, signal);
  }
  int result = posix_spawnattr_setsigmask(attributes, &signals);
  if (result != 0) return result;
  /* All bits, because sigfillset leaves out two signals of the C library, which it would have the process ignore. */
  memset(&signals, 0xff, sizeof signals);
  struct sigaction hangup;
  if (plan->keeps_hangup_ignored && sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler == SIG_IGN) {
    sigdelset(&signals, SIGHUP);
  }
  result = posix_spawnattr_setsigdefault(attributes, &signals);
  if (result != 0) return result;
  return posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

int reactor_spawn(const reactor_spawn_plan *plan, pid_t *process) {
  if (plan->descriptor_count > DESCRIPTORS_MAX) return -EMFILE;
  int duplicates[DESCRIPTORS_MAX];
  for (int i = 0; i < plan->descriptor_count; i++) duplicates[i] = -1;
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  int result = posix_spawn_file_actions_init(&actions);
  if (result != 0) return -result;
  result = posix_spawnattr_init(&attributes);
  if (result == 0) {
    result = add_descriptors(&actions, plan, duplicates);
    if (result == 0) result = set_signals(&attributes, plan);
    if (result == 0 && plan->directory != NULL) {
      result = posix_spawn_file_actions_addchdir_np(&actions, plan->directory);
    }
    if (result == 0) {
      result = (plan->is_searched ? posix_spawnp : posix_spawn)(process, plan->program, &actions, &attributes,
                                                                plan->arguments, plan->environment);
    }
    posix_spawnattr_destroy(&attributes);
  }
  posix_spawn_file_actions_destroy(&actions);
  for (int i = 0; i < plan->descriptor_count; i++) {
    if (duplicates[i] >= 0) close(duplicates[i]);
  }
  return -result;
}

/* The kernel sets FD_CLOEXEC. */
int reactor_process_open(pid_t process) {
  long fd = syscall(SYS_pidfd_open, process, 0);
  return fd < 0 ? -errno : (int)fd;
}

int reactor_process_signal(pid_t process, int descriptor, int signal) {
  long result = descriptor >= 0 ? syscall(SYS_pidfd_send_signal, descriptor, signal, NULL, 0) : kill(process, signal);
  return result < 0 ? -errno : 0;
}

int reactor_process_collect(pid_t process, int descriptor, int *status) {
  siginfo_t info = {.si_pid = 0};
  int result;
  do {
    result = descriptor >= 0 ? waitid(BY_DESCRIPTOR, (id_t)descriptor, &info, WEXITED | WNOHANG)
                             : waitid(P_PID, (id_t)process, &info, WEXITED | WNOHANG);
  } while (result < 0 && errno == EINTR);
  /* Linux 5.3 has the descriptors, but waits by them only since 5.4. */
  if (result < 0 && errno == EINVAL && descriptor >= 0) return reactor_process_collect(process, -1, status);
  if (result < 0) return -errno;
  if (info.si_pid == 0) return 0;
  *status = info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
  return 1;
}

int reactor_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC) < 0 ? -errno : 0; }
