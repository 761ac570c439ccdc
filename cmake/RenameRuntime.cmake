# Script mode: prefixes every symbol that the Halide runtime object INPUT defines with `sparsetrain_`, writes the result
# to OUTPUT and the table of renames, in objcopy's format, to TABLE.
execute_process(COMMAND "${NM}" --defined-only --extern-only --format=posix "${INPUT}"
                OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
string(REGEX REPLACE "([^ \n]+) [^\n]*\n" "\\1 sparsetrain_\\1\n" table "${symbols}")
# What instrumented code (SPARSETRAIN_TSAN) calls by names that GCC's library does not have, which intercepts the functions.
foreach(function IN ITEMS memcpy memmove memset)
    string(APPEND table "__tsan_${function} ${function}\n")
endforeach()
file(WRITE "${TABLE}" "${table}")
execute_process(COMMAND "${OBJCOPY}" "--redefine-syms=${TABLE}" "${INPUT}" "${OUTPUT}" COMMAND_ERROR_IS_FATAL ANY)
