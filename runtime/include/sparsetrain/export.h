// What the library exports, which is built with hidden visibility. Only a shared library exports anything:
// what links the archives, such as a plugin, has the library for itself.
#pragma once

#ifdef SPARSETRAIN_SHARED
#define SPARSETRAIN_API __attribute__((visibility("default")))
#else
#define SPARSETRAIN_API
#endif
// Of members of exported classes.
#define SPARSETRAIN_PRIVATE __attribute__((visibility("hidden")))
