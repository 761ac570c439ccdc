# Warnings for code of ours: link `sparsetrain_warnings` privately. scripts/test makes them errors by
# CMAKE_COMPILE_WARNING_AS_ERROR: what a compiler of tomorrow warns of shall not stop a user's build.
add_library(sparsetrain_warnings INTERFACE)
target_compile_options(sparsetrain_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow
    $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>)
