# Warnings for code of ours: link `sparsetrain_warnings` privately. CMAKE_COMPILE_WARNING_AS_ERROR (on in every preset)
# makes them errors.
add_library(sparsetrain_warnings INTERFACE)
target_compile_options(sparsetrain_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor)
