// Marks what the library exports, which is built with hidden visibility otherwise. Only a shared library exports anything:
// what links the archives, a plugin for example, has the library for itself.
#pragma once

#ifdef SPARSETRAIN_SHARED
#define SPARSETRAIN_API __attribute__((visibility("default")))
#else
#define SPARSETRAIN_API
#endif
