/* Doubly linked lists through the items themselves. A list's head is a link, too. */
#ifndef TWISTER_LINKS_H
#define TWISTER_LINKS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct list_link {
  struct list_link *next;
  struct list_link *previous;
} list_link;

#define LINK_OWNER(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

static inline void list_init(list_link *list) { list->next = list->previous = list; }

static inline bool list_is_empty(const list_link *list) { return list->next == list; }

static inline void list_append(list_link *list, list_link *item) {
  item->previous = list->previous;
  item->next = list;
  list->previous->next = item;
  list->previous = item;
}

/* An item that is in no list is ignored. */
static inline void list_remove(list_link *item) {
  if (item->next == NULL) return;
  item->previous->next = item->next;
  item->next->previous = item->previous;
  item->next = item->previous = NULL;
}

#endif
