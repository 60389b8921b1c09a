/* The least that a response costs on epoll: one recv and one send a request, and an epoll_wait for many. */
#include "floor.h"

#include <errno.h>
#include <sys/epoll.h>

static uint8_t states[CONNECTIONS_MAX];

static void accept_all(int poller, int listener) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (fd >= CONNECTIONS_MAX || epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0) {
      close(fd);
      continue;
    }
    states[fd] = 0;
  }
}

static void serve(int fd, char *buffer) {
  ssize_t size = recv(fd, buffer, READ_SIZE, 0);
  if (size <= 0) {
    if (size == 0 || (errno != EAGAIN && errno != EINTR)) close(fd);
    return;
  }
  size_t length = (size_t)count_requests(buffer, (size_t)size, &states[fd]) * RESPONSE_SIZE;
  /* The floor ignores clients that do not read their responses. */
  if (length > 0 && send(fd, responses, length, MSG_NOSIGNAL) != (ssize_t)length) close(fd);
}

int main(int argc, char **argv) {
  static char buffer[READ_SIZE];
  int listener = listen_on(argc, argv, SOCK_NONBLOCK);
  int poller = epoll_create1(EPOLL_CLOEXEC);
  if (poller < 0) fail("epoll_create1");
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event) < 0) fail("epoll_ctl");
  for (;;) {
    struct epoll_event events[256];
    int count = epoll_wait(poller, events, 256, -1);
    if (count < 0 && errno != EINTR) fail("epoll_wait");
    for (int i = 0; i < count; i++) {
      if (events[i].data.fd == listener) {
        accept_all(poller, listener);
      } else {
        serve(events[i].data.fd, buffer);
      }
    }
  }
}
