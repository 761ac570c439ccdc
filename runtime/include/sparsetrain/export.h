// Marks what the library exports; everything else is built with hidden visibility.
#pragma once

#define SPARSETRAIN_API __attribute__((visibility("default")))
