/* Shared by the two floor servers: a listening socket, a count of request ends, and a canned response. */
#ifndef FLOOR_H
#define FLOOR_H

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE = 16384, CONNECTIONS_MAX = 65536, RESPONSES_MAX = 256 };

static const char response[] = "HTTP/1.1 200 OK\r\n"
                               "Server: floor\r\n"
                               "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
                               "Content-Type: text/plain\r\n"
                               "Content-Length: 13\r\n"
                               "\r\n"
                               "Hello, World!";

enum { RESPONSE_SIZE = sizeof response - 1 };

/* Copies of the response, as many as one send may need. */
static char responses[RESPONSES_MAX * RESPONSE_SIZE];

static inline void fail(const char *what) {
  perror(what);
  exit(1);
}

/* Counts the "\r\n\r\n" in the bytes read; `state` is how much of one the earlier reads ended with. */
static inline unsigned count_requests(const char *bytes, size_t size, uint8_t *state) {
  unsigned count = 0;
  unsigned matched = *state;
  const char *end = bytes + size;
  while (bytes < end) {
    if (matched == 0) {
      bytes = memchr(bytes, '\r', (size_t)(end - bytes));
      if (bytes == NULL) break;
    }
    char wanted = matched % 2 == 0 ? '\r' : '\n';
    if (*bytes == wanted) {
      matched++;
      bytes++;
    } else if (*bytes == '\r') {
      matched = 1;
      bytes++;
    } else {
      matched = 0;
      bytes++;
    }
    if (matched == 4) {
      count++;
      matched = 0;
    }
  }
  *state = (uint8_t)matched;
  return count < RESPONSES_MAX ? count : RESPONSES_MAX;
}

/* Listens on 127.0.0.1 and prints the address. */
static inline int listen_on(int argc, char **argv, int type) {
  if (argc != 2) {
    fprintf(stderr, "usage: %s PORT\n", argv[0]);
    exit(2);
  }
  for (size_t i = 0; i < RESPONSES_MAX; i++) memcpy(responses + i * RESPONSE_SIZE, response, RESPONSE_SIZE);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | type, 0);
  if (fd < 0) fail("socket");
  int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  if (bind(fd, (struct sockaddr *)&address, length) < 0) fail("bind");
  if (listen(fd, 4096) < 0) fail("listen");
  if (getsockname(fd, (struct sockaddr *)&address, &length) < 0) fail("getsockname");
  printf("listening on %d\n", ntohs(address.sin_port));
  fflush(stdout);
  return fd;
}

#endif
