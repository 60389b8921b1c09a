/* Which implementation a subclass of TwisterWeb's RequestHandler has for each function that it may override. */
#ifndef TWISTER_METHOD_LOOKUP_H
#define TWISTER_METHOD_LOOKUP_H

typedef enum handler_method {
  HANDLER_GET,
  HANDLER_HEAD,
  HANDLER_POST,
  HANDLER_PUT,
  HANDLER_PATCH,
  HANDLER_DELETE,
  HANDLER_OPTIONS,
  HANDLER_OTHER,
  HANDLER_PREPARE,
  HANDLER_SET_DEFAULT_HEADERS,
  HANDLER_DECODE_ARGUMENT,
  HANDLER_COMPUTE_ETAG,
} handler_method;

/* The implementation that `handler`, the class object of a subclass of RequestHandler, has for `method`; NULL: not known. */
const void *handler_implementation(const void *handler, handler_method method);

#endif
