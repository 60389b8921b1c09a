/* A client for bench/websocket.py, which measures the server: load PORT CONNECTIONS SECONDS echo|broadcast HEAD HEAD-SIZE MESSAGE SIZE
 *
 * Each connection sends the file HEAD (which may be empty), reads HEAD-SIZE bytes, and then exchanges messages: it sends the file
 * MESSAGE and reads SIZE bytes, again and again (echo). With broadcast, the first connection alone sends, and every connection
 * reads SIZE bytes before the next message. Once all connections are open, it prints "ready" and reads a line; at the end it prints
 * how many times SIZE bytes came. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256, FILE_MAX_SIZE = 65536 };

struct connection {
  int fd;
  size_t left; /* bytes that are still to come of what is awaited */
};

struct file {
  char bytes[FILE_MAX_SIZE];
  size_t size;
};

static struct file head, message;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void read_file(const char *path, struct file *file) {
  FILE *stream = fopen(path, "rb");
  if (stream == NULL) fail(path);
  file->size = fread(file->bytes, 1, sizeof file->bytes, stream);
  fclose(stream);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void send_all(int fd, const struct file *file) {
  if (send(fd, file->bytes, file->size, MSG_NOSIGNAL) != (ssize_t)file->size) fail("send");
}

/* Reads what there is, at most `left` bytes of it count. Returns whether all of them have come. */
static bool take(struct connection *connection) {
  static char buffer[FILE_MAX_SIZE];
  ssize_t count = recv(connection->fd, buffer, sizeof buffer, MSG_DONTWAIT);
  if (count < 0 && errno == EAGAIN) return false;
  if (count <= 0) fail("recv: the server has closed a connection");
  if ((size_t)count > connection->left) {
    fprintf(stderr, "%zd bytes came where %zu were awaited\n", count, connection->left);
    exit(1);
  }
  connection->left -= (size_t)count;
  return connection->left == 0;
}

static void open_connection(struct connection *connection, uint16_t port, size_t head_size, int poller) {
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connection->fd < 0 || connect(connection->fd, (struct sockaddr *)&address, sizeof address) < 0) fail("connect");
  int on = 1;
  setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (head.size > 0) {
    send_all(connection->fd, &head);
    char skipped[FILE_MAX_SIZE];
    if (recv(connection->fd, skipped, head_size, MSG_WAITALL) != (ssize_t)head_size) fail("handshake");
    if (memcmp(skipped, "HTTP/1.1 101", 12) != 0) fail("the handshake is not accepted");
  }
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, connection->fd, &event) < 0) fail("epoll_ctl");
}

int main(int argc, char **argv) {
  if (argc != 9) {
    fprintf(stderr, "usage: %s PORT CONNECTIONS SECONDS echo|broadcast HEAD HEAD-SIZE MESSAGE SIZE\n", argv[0]);
    return 2;
  }
  size_t count = (size_t)atol(argv[2]);
  double seconds = atof(argv[3]);
  bool is_broadcast = strcmp(argv[4], "broadcast") == 0;
  read_file(argv[5], &head);
  read_file(argv[7], &message);
  size_t size = (size_t)atol(argv[8]);
  struct connection *connections = calloc(count, sizeof *connections);
  int poller = epoll_create1(EPOLL_CLOEXEC);
  if (connections == NULL || poller < 0) fail("epoll_create1");
  for (size_t i = 0; i < count; i++)
    open_connection(&connections[i], (uint16_t)atoi(argv[1]), (size_t)atol(argv[6]), poller);
  printf("ready\n");
  fflush(stdout);
  if (getchar() == EOF) return 1;

  double end = now() + seconds;
  uint64_t received = 0;
  size_t awaited = count;
  for (size_t i = 0; i < count; i++) {
    connections[i].left = size;
    if (!is_broadcast || i == 0) send_all(connections[i].fd, &message);
  }
  bool is_over = false;
  while (awaited > 0) {
    struct epoll_event events[EVENTS];
    int ready = epoll_wait(poller, events, EVENTS, 5000);
    if (ready <= 0) fail("epoll_wait: nothing came for 5 s");
    is_over = is_over || now() >= end;
    for (int i = 0; i < ready; i++) {
      struct connection *connection = events[i].data.ptr;
      if (!take(connection)) continue;
      received++;
      awaited--;
      if (is_over) continue;
      if (!is_broadcast) {
        connection->left = size;
        awaited++;
        send_all(connection->fd, &message);
      } else if (awaited == 0) {
        for (size_t other = 0; other < count; other++) connections[other].left = size;
        awaited = count;
        send_all(connections[0].fd, &message);
      }
    }
  }
  printf("%llu\n", (unsigned long long)received);
  return 0;
}
