#pragma once
// The package builds without liburing, on epoll alone, so its header is optional.
#if __has_include(<liburing.h>)
#include <liburing.h>
#endif
