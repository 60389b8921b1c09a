/*
 * Swift's language cannot tell which implementation a class has for a method, but its runtime has a function for that:
 * compiled code of a library with a stable ABI calls swift_lookUpClassMethod for `super`. It takes the descriptor of the
 * method in the base class, so that nothing here knows how classes lie in memory. Swift code cannot name a descriptor; here
 * they are variables with the descriptors' symbols. The symbols contain the signature: `async throws` without arguments is
 * "yyYaKF".
 *
 * All references are weak. Where a symbol is missing (a compiler that names it otherwise, or a module that is built under
 * an alias) the result is NULL, and then TwisterWeb takes every method to be overridden.
 */
#include "lookup.h"

#include <stddef.h>

#define HANDLER "$s10TwisterWeb14RequestHandlerC"
#define DESCRIPTOR(name, symbol) extern const char name __asm__(HANDLER symbol) __attribute__((weak))

DESCRIPTOR(handler_class, "Mn");
DESCRIPTOR(handler_get, "3getyyYaKFTq");
DESCRIPTOR(handler_head, "4headyyYaKFTq");
DESCRIPTOR(handler_post, "4postyyYaKFTq");
DESCRIPTOR(handler_put, "3putyyYaKFTq");
DESCRIPTOR(handler_patch, "5patchyyYaKFTq");
DESCRIPTOR(handler_delete, "6deleteyyYaKFTq");
DESCRIPTOR(handler_options, "7optionsyyYaKFTq");
DESCRIPTOR(handler_other, "5otheryy9HTTPTypes11HTTPRequestV6MethodVYaKFTq");
DESCRIPTOR(handler_prepare, "7prepareyyYaKFTq");
DESCRIPTOR(handler_set_default_headers, "17setDefaultHeadersyyKFTq");
DESCRIPTOR(handler_decode_argument, "14decodeArgumentySSSays5UInt8VG_SSSgtKFTq");
DESCRIPTOR(handler_compute_etag, "11computeETagSSSgyFTq");

/* Swift's runtime: the implementation that the class `metadata` has for a method of the class `description`. */
extern const void *swift_lookUpClassMethod(const void *metadata, const void *method, const void *description)
    __attribute__((weak));

static const void *descriptor_of(handler_method method) {
  switch (method) {
  case HANDLER_GET:
    return &handler_get;
  case HANDLER_HEAD:
    return &handler_head;
  case HANDLER_POST:
    return &handler_post;
  case HANDLER_PUT:
    return &handler_put;
  case HANDLER_PATCH:
    return &handler_patch;
  case HANDLER_DELETE:
    return &handler_delete;
  case HANDLER_OPTIONS:
    return &handler_options;
  case HANDLER_OTHER:
    return &handler_other;
  case HANDLER_PREPARE:
    return &handler_prepare;
  case HANDLER_SET_DEFAULT_HEADERS:
    return &handler_set_default_headers;
  case HANDLER_DECODE_ARGUMENT:
    return &handler_decode_argument;
  case HANDLER_COMPUTE_ETAG:
    return &handler_compute_etag;
  }
  return NULL;
}

const void *handler_implementation(const void *handler, handler_method method) {
  const void *descriptor = descriptor_of(method);
  if (!swift_lookUpClassMethod || !descriptor || !&handler_class) return NULL;
  return swift_lookUpClassMethod(handler, descriptor, &handler_class);
}
