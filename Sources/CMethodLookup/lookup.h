/*
 * Which implementation a subclass of RequestHandler has for each function that it may override.
 *
 * Swift has no such question, but its runtime has a function for it: compiled code of a library with a stable ABI calls
 * swift_lookUpClassMethod for `super`. It takes the descriptor of the function in the base class, so that nothing here
 * knows how classes lie in memory. Swift code cannot name a descriptor; here they are variables with the descriptors'
 * symbols. Those contain the signature: `async throws`, no arguments, is "yyYaKF".
 *
 * All references are weak. A symbol that a compiler names otherwise, or a module that is built under an alias, makes
 * `handler_method_of` return NULL, and then TwisterWeb takes every function to be overridden.
 */
#ifndef TWISTER_METHOD_LOOKUP_H
#define TWISTER_METHOD_LOOKUP_H

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

#undef DESCRIPTOR
#undef HANDLER

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
} handler_method;

/* Swift's runtime: the implementation that the class `metadata` has for a method of the class `description`. */
extern const void *swift_lookUpClassMethod(const void *metadata, const void *method, const void *description)
    __attribute__((weak, swiftcall));

static inline const void *handler_descriptor(handler_method method) {
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
  }
  return NULL;
}

/* The implementation that `handler`, the metadata of a subclass of RequestHandler, has for `method`; NULL: not known. */
static inline const void *handler_method_of(const void *handler, handler_method method) {
  const void *descriptor = handler_descriptor(method);
  if (!swift_lookUpClassMethod || !descriptor || !&handler_class)
    return NULL;
  return swift_lookUpClassMethod(handler, descriptor, &handler_class);
}

#endif
