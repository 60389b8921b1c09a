#include "reactor.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

/* How another thread's stack is found out:
 *
 * A thread that sleeps in a system call is not disturbed, because a signal would end many of them early (sleep(3) for
 * one). /proc says where its stack pointer and its program counter are, and its frame pointer is looked for on the stack.
 * A thread that runs gets a signal, whose handler notes its frames.
 *
 * Memory is read by process_vm_readv(2), which fails where a plain read would trap. */

#define SIGNAL SIGURG       /* ignored by default, and hardly used by anybody */
#define FRAME_MAX (1 << 20) /* a frame of more bytes is none */
#define SKIPPED_MAX 12      /* return addresses before the first frame */
#define SCAN_WORDS 4096     /* how far a sleeping thread's first frame is looked for */
/* Swift marks the frames of async functions by this bit of the saved frame pointer. */
#define ASYNC_FRAME ((uintptr_t)1 << 60)

static bool read_words(uintptr_t address, uintptr_t *words, size_t count) {
  struct iovec to = {.iov_base = words, .iov_len = count * sizeof *words};
  struct iovec from = {.iov_base = (void *)address, .iov_len = count * sizeof *words};
  return process_vm_readv(getpid(), &to, 1, &from, 1, 0) == (ssize_t)(count * sizeof *words);
}

/* Follows the saved frame pointers from `frame` on. */
static int walk(uintptr_t frame, uintptr_t *frames, int count, int most) {
  while (count < most) {
    uintptr_t words[2];
    if (frame % sizeof frame != 0 || !read_words(frame, words, 2)) break;
    uintptr_t next = words[0] & ~ASYNC_FRAME;
    if (words[1] == 0) break;
    frames[count++] = words[1];
    if (next <= frame || next - frame > FRAME_MAX) break;
    frame = next;
  }
  return count;
}

/* ---- A thread that sleeps -------------------------------------------------------------------------------------- */

/* Where the thread's stack and program counter are; false where it runs. */
static bool find_sleeping(int thread, uintptr_t *stack, uintptr_t *counter) {
  char path[64], text[256];
  snprintf(path, sizeof path, "/proc/self/task/%d/syscall", thread);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  if (length <= 0) return false;
  text[length] = 0;
  /* "number argument*6 stack counter", or "running". */
  char *last = strrchr(text, ' ');
  if (last == NULL) return false;
  *counter = strtoul(last, NULL, 16);
  *last = 0;
  char *before = strrchr(text, ' ');
  if (before == NULL) return false;
  *stack = strtoul(before, NULL, 16);
  return *stack != 0 && *counter != 0;
}

static bool is_code(uintptr_t address) {
  Dl_info info;
  return address > 4096 && dladdr((void *)address, &info) != 0;
}

/* Whether the code at `address` follows a call: then it is a return address. */
static bool follows_call(uintptr_t address) {
#if defined(__x86_64__)
  uint8_t code[8];
  struct iovec to = {.iov_base = code, .iov_len = 7};
  struct iovec from = {.iov_base = (void *)(address - 7), .iov_len = 7};
  if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) != 7) return false;
  /* call rel32, or call through a register or memory of two, three, six or seven bytes */
  return code[2] == 0xe8 || (code[5] == 0xff && (code[6] & 0x38) == 0x10) ||
         (code[4] == 0xff && (code[5] & 0x38) == 0x10) || (code[1] == 0xff && (code[2] & 0x38) == 0x10);
#elif defined(__aarch64__)
  uint32_t code;
  struct iovec to = {.iov_base = &code, .iov_len = 4};
  struct iovec from = {.iov_base = (void *)(address - 4), .iov_len = 4};
  if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) != 4) return false;
  return code >> 26 == 0x25 || (code & 0xfffffc1f) == 0xd63f0000;
#else
  return false;
#endif
}

/* The first frame on the stack: a pair of a saved frame pointer, which leads to more of them, and an address of code. Before it lie the
 * return addresses of functions that keep no frame pointer, as those of the C library. */
static int scan(uintptr_t stack, uintptr_t *frames, int count, int most) {
  uintptr_t *words = malloc(SCAN_WORDS * sizeof *words);
  if (words == NULL) return count;
  size_t readable = SCAN_WORDS;
  while (readable > 0 && !read_words(stack, words, readable)) readable /= 2;
  int start = count, found = 0;
  for (size_t i = 0; i + 1 < readable && found == 0; i++) {
    uintptr_t address = stack + i * sizeof *words;
    uintptr_t saved = words[i] & ~ASYNC_FRAME;
    if (saved > address && saved - address <= FRAME_MAX && is_code(words[i + 1])) {
      int length = walk(address, frames, count, most);
      if (length >= count + 3 && is_code(frames[count + 1]) && is_code(frames[count + 2])) found = length;
    }
    bool is_return =
        found == 0 && count - start < SKIPPED_MAX && count < most && is_code(words[i]) && follows_call(words[i]);
    if (is_return) frames[count++] = words[i];
  }
  free(words);
  return found > 0 ? found : start;
}

/* ---- A thread that runs ---------------------------------------------------------------------------------------- */

static struct {
  pthread_mutex_t lock;
  _Atomic int state; /* 0: none is asked, 1: asked, 2: answered */
  _Atomic int thread;
  int count, most;
  uintptr_t frames[REACTOR_FRAMES_MAX];
} request = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void note_frames(int signal, siginfo_t *info, void *context) {
  (void)signal;
  (void)info;
  int saved_errno = errno;
  if (atomic_load(&request.state) == 1 && atomic_load(&request.thread) == (int)syscall(SYS_gettid)) {
    const ucontext_t *registers = context;
#if defined(__x86_64__)
    uintptr_t counter = (uintptr_t)registers->uc_mcontext.gregs[REG_RIP];
    uintptr_t frame = (uintptr_t)registers->uc_mcontext.gregs[REG_RBP];
#elif defined(__aarch64__)
    uintptr_t counter = registers->uc_mcontext.pc, frame = registers->uc_mcontext.regs[29];
#else
    uintptr_t counter = 0, frame = 0;
#endif
    request.frames[0] = counter;
    request.count = walk(frame & ~ASYNC_FRAME, request.frames, 1, request.most);
    atomic_store(&request.state, 2);
  }
  errno = saved_errno;
}

static int interrupt(int thread, uintptr_t *frames, int most) {
  struct sigaction action, before;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = note_frames;
  action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
  sigfillset(&action.sa_mask);
  if (sigaction(SIGNAL, &action, &before) < 0) return 0;
  request.most = most;
  atomic_store(&request.thread, thread);
  atomic_store(&request.state, 1);
  int count = 0;
  if (syscall(SYS_tgkill, getpid(), thread, SIGNAL) == 0) {
    for (int i = 0; i < 100 && atomic_load(&request.state) != 2; i++) {
      struct timespec millisecond = {.tv_nsec = 1000000};
      nanosleep(&millisecond, NULL);
    }
  }
  /* A handler that comes too late finds that nothing is asked. */
  if (atomic_exchange(&request.state, 0) == 2) {
    count = request.count;
    memcpy(frames, request.frames, (size_t)count * sizeof *frames);
  }
  /* An ignored signal is not worth a race with a delivery: the handler stays where nobody had one. */
  if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) sigaction(SIGNAL, &before, NULL);
  return count;
}

int reactor_backtrace(int thread, uintptr_t *frames, int most) {
  if (most > REACTOR_FRAMES_MAX) most = REACTOR_FRAMES_MAX;
  if (most < 1) return 0;
  pthread_mutex_lock(&request.lock);
  uintptr_t stack, counter;
  int count;
  if (find_sleeping(thread, &stack, &counter)) {
    frames[0] = counter;
    count = scan(stack, frames, 1, most);
  } else {
    count = interrupt(thread, frames, most);
  }
  pthread_mutex_unlock(&request.lock);
  return count;
}

/* ---- Names of functions ---------------------------------------------------------------------------------------- */

/* The symbols of the program itself, which the dynamic linker does not know all. */
static struct {
  pthread_once_t once;
  const ElfW(Sym) * symbols;
  size_t count;
  const char *names;
  size_t names_size;
} program = {.once = PTHREAD_ONCE_INIT};

static void load_program(void) {
  int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  struct stat status;
  if (fd < 0) return;
  if (fstat(fd, &status) < 0 || status.st_size < (off_t)sizeof(ElfW(Ehdr))) {
    close(fd);
    return;
  }
  size_t size = (size_t)status.st_size;
  const char *file = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
  close(fd);
  if (file == MAP_FAILED) return;
  const ElfW(Ehdr) *header = (const void *)file;
  if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_shoff == 0 ||
      header->e_shoff + (uint64_t)header->e_shnum * sizeof(ElfW(Shdr)) > size) {
    munmap((void *)file, size);
    return;
  }
  const ElfW(Shdr) *sections = (const void *)(file + header->e_shoff);
  for (size_t i = 0; i < header->e_shnum; i++) {
    if (sections[i].sh_type != SHT_SYMTAB || sections[i].sh_link >= header->e_shnum) continue;
    const ElfW(Shdr) *names = &sections[sections[i].sh_link];
    if (sections[i].sh_offset + sections[i].sh_size > size || names->sh_offset + names->sh_size > size) continue;
    program.symbols = (const void *)(file + sections[i].sh_offset);
    program.count = sections[i].sh_size / sizeof(ElfW(Sym));
    program.names = file + names->sh_offset;
    program.names_size = names->sh_size;
    return;
  }
  munmap((void *)file, size);
}

int reactor_symbol(uintptr_t address, char *name, size_t size) {
  Dl_info info;
  memset(&info, 0, sizeof info);
  if (size == 0 || dladdr((void *)address, &info) == 0) return 0;
  pthread_once(&program.once, load_program);
  /* Addresses of a program that may be loaded anywhere count from where it was loaded. */
  uintptr_t base = (uintptr_t)info.dli_fbase;
  uintptr_t own = (uintptr_t)&load_program;
  Dl_info ours;
  bool is_program = dladdr((void *)own, &ours) != 0 && ours.dli_fbase == info.dli_fbase;
  const char *found = info.dli_sname;
  if (is_program) {
    uintptr_t best = 0;
    for (size_t i = 0; i < program.count; i++) {
      const ElfW(Sym) *symbol = &program.symbols[i];
      if (ELF64_ST_TYPE(symbol->st_info) != STT_FUNC || symbol->st_name >= program.names_size) continue;
      uintptr_t start = symbol->st_value < base ? symbol->st_value + base : symbol->st_value;
      if (start > address || address - start >= (symbol->st_size > 0 ? symbol->st_size : 1) || start < best) continue;
      best = start;
      found = program.names + symbol->st_name;
    }
  }
  if (found == NULL) return 0;
  return snprintf(name, size, "%s", found) > 0;
}
