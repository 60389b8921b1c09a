/* The least that a response costs on io_uring: multishot accept and receive, a buffer ring, one enter a turn. */
#include "floor.h"

#include <errno.h>
#include <liburing.h>
#include <sys/mman.h>

enum { ENTRIES = 1024, COMPLETIONS = 8192, BUFFERS = 512 };
enum { OP_ACCEPT, OP_RECEIVE, OP_SEND };

static uint8_t states[CONNECTIONS_MAX];
static struct io_uring ring;
static struct io_uring_buf_ring *buffer_ring;
static char buffers[BUFFERS][READ_SIZE + 64]; /* a distance that is a power of two would use few cache sets */

static struct io_uring_sqe *next_entry(void) {
  struct io_uring_sqe *entry = io_uring_get_sqe(&ring);
  if (entry == NULL) {
    io_uring_submit(&ring);
    entry = io_uring_get_sqe(&ring);
    if (entry == NULL) fail("io_uring_submit");
  }
  return entry;
}

static void set_target(struct io_uring_sqe *entry, unsigned op, int fd) {
  io_uring_sqe_set_data64(entry, (uint64_t)op << 32 | (uint32_t)fd);
}

static void start_accept(int listener) {
  struct io_uring_sqe *entry = next_entry();
  io_uring_prep_multishot_accept(entry, listener, NULL, NULL, SOCK_CLOEXEC);
  set_target(entry, OP_ACCEPT, listener);
}

static void start_receive(int fd) {
  struct io_uring_sqe *entry = next_entry();
  io_uring_prep_recv_multishot(entry, fd, NULL, 0, 0);
  entry->buf_group = 0;
  io_uring_sqe_set_flags(entry, IOSQE_BUFFER_SELECT);
  set_target(entry, OP_RECEIVE, fd);
}

static void start_send(int fd, size_t length) {
  struct io_uring_sqe *entry = next_entry();
  io_uring_prep_send(entry, fd, responses, length, MSG_WAITALL | MSG_NOSIGNAL);
  /* The results of sends are ignored: after a failed one the receive ends, too. */
  io_uring_sqe_set_flags(entry, IOSQE_CQE_SKIP_SUCCESS);
  set_target(entry, OP_SEND, fd);
}

static void give_buffer(unsigned number) {
  io_uring_buf_ring_add(buffer_ring, buffers[number], READ_SIZE, (unsigned short)number,
                        io_uring_buf_ring_mask(BUFFERS), 0);
  io_uring_buf_ring_advance(buffer_ring, 1);
}

static void received(int fd, const struct io_uring_cqe *done) {
  if (done->res > 0) {
    unsigned number = done->flags >> IORING_CQE_BUFFER_SHIFT;
    size_t length = (size_t)count_requests(buffers[number], (size_t)done->res, &states[fd]) * RESPONSE_SIZE;
    give_buffer(number);
    if (length > 0) start_send(fd, length);
  }
  if (done->flags & IORING_CQE_F_MORE) return;
  if (done->res > 0 || done->res == -ENOBUFS) {
    start_receive(fd);
  } else {
    close(fd);
  }
}

static void accepted(int listener, const struct io_uring_cqe *done) {
  if (done->res >= CONNECTIONS_MAX) {
    close(done->res);
  } else if (done->res >= 0) {
    states[done->res] = 0;
    start_receive(done->res);
  }
  if (!(done->flags & IORING_CQE_F_MORE)) start_accept(listener);
}

static void create_ring(void) {
  struct io_uring_params parameters = {.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                                                IORING_SETUP_COOP_TASKRUN | IORING_SETUP_CQSIZE,
                                       .cq_entries = COMPLETIONS};
  errno = -io_uring_queue_init_params(ENTRIES, &ring, &parameters);
  if (errno != 0) fail("io_uring_queue_init");
  io_uring_register_ring_fd(&ring);
  void *memory =
      mmap(NULL, BUFFERS * sizeof(struct io_uring_buf), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fail("mmap");
  buffer_ring = memory;
  struct io_uring_buf_reg registration = {.ring_addr = (uint64_t)(uintptr_t)memory, .ring_entries = BUFFERS};
  errno = -io_uring_register_buf_ring(&ring, &registration, 0);
  if (errno != 0) fail("io_uring_register_buf_ring");
  io_uring_buf_ring_init(buffer_ring);
  for (unsigned i = 0; i < BUFFERS; i++) give_buffer(i);
}

int main(int argc, char **argv) {
  int listener = listen_on(argc, argv, 0);
  create_ring();
  start_accept(listener);
  for (;;) {
    io_uring_submit_and_wait(&ring, 1);
    struct io_uring_cqe *done;
    unsigned head;
    unsigned count = 0;
    io_uring_for_each_cqe(&ring, head, done) {
      int fd = (int)(uint32_t)done->user_data;
      unsigned op = (unsigned)(done->user_data >> 32);
      if (op == OP_RECEIVE) received(fd, done);
      if (op == OP_ACCEPT) accepted(fd, done);
      count++;
    }
    io_uring_cq_advance(&ring, count);
  }
}
