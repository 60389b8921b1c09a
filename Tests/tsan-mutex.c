// Tells the thread sanitizer of the contended locks of Swift's Mutex, for LD_PRELOAD.
//
// The standard library is not built for the sanitizer, and waits for a contended lock in the kernel. The sanitizer does not see
// that the lock has changed hands, and reports each access to the value as a race.
//
//     clang -D_GNU_SOURCE -shared -fPIC -o tsan-mutex.so Tests/tsan-mutex.c
#include <dlfcn.h>
#include <stdint.h>

// Only clang knows Swift's calling convention, which passes `self` in a register of its own.
#ifdef __clang__
#define SWIFT_METHOD __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *
#else
#define SWIFT_METHOD
#define SELF void *
#endif

// The methods of Synchronization._MutexHandle that the compiled code of Mutex calls for a contended lock.
#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

SWIFT_METHOD void lock_slow(uint32_t thread, SELF lock) __asm__(LOCK_SLOW);
SWIFT_METHOD void unlock_slow(SELF lock) __asm__(UNLOCK_SLOW);

// Null in a program that is not built for the sanitizer.
extern void __tsan_acquire(void *lock) __attribute__((weak));
extern void __tsan_release(void *lock) __attribute__((weak));

SWIFT_METHOD void lock_slow(uint32_t thread, SELF lock) {
  SWIFT_METHOD void (*next)(uint32_t, SELF);
  *(void **)&next = dlsym(RTLD_NEXT, LOCK_SLOW);
  next(thread, lock);
  if (__tsan_acquire) __tsan_acquire(lock);
}

SWIFT_METHOD void unlock_slow(SELF lock) {
  SWIFT_METHOD void (*next)(SELF);
  *(void **)&next = dlsym(RTLD_NEXT, UNLOCK_SLOW);
  if (__tsan_release) __tsan_release(lock);
  next(lock);
}
