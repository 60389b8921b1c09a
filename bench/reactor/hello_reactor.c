/* The floors' canned response, given through the reactor: what the reactor itself adds. */
#include "../floor/floor.h"
#include "reactor.h"

enum { BATCH = 256 };

/* A connection's context is its count of "\r\n\r\n" in progress. */
static void handle(reactor *r, const reactor_event *event) {
  uint8_t state = (uint8_t)event->context;
  size_t length;
  switch (event->type) {
  case REACTOR_ACCEPTED:
    if (event->handle != 0) reactor_recv_start(r, event->handle);
    break;
  case REACTOR_RECEIVED:
    length = (size_t)count_requests(event->data, (size_t)event->result, &state) * RESPONSE_SIZE;
    reactor_buffer_release(r, event->buffer);
    if (state != event->context) reactor_set_context(r, event->handle, state);
    if (length > 0 && reactor_send(r, event->handle, responses, length) < 0) reactor_close(r, event->handle);
    break;
  case REACTOR_END:
    reactor_close(r, event->handle);
    break;
  default:
    break;
  }
}

int main(int argc, char **argv) {
  reactor_config config = {.backend = REACTOR_EPOLL};
  if (argc == 3 && strcmp(argv[2], "io_uring") == 0) config.backend = REACTOR_IO_URING;
  int fd = listen_on(argc == 3 ? 2 : argc, argv, SOCK_NONBLOCK);
  reactor *r;
  reactor_handle listener;
  char reason[128];
  if (reactor_create(&config, &r, reason, sizeof reason) < 0) {
    fprintf(stderr, "%s\n", reason);
    return 1;
  }
  if (reactor_listen(r, fd, 0, &listener) < 0) return 1;
  for (;;) {
    reactor_event events[BATCH];
    int count = reactor_wait(r, events, BATCH, -1);
    for (int i = 0; i < count; i++) handle(r, &events[i]);
  }
}
