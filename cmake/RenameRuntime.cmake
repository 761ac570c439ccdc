# Script mode: makes a private copy of the Halide runtime object INPUT: prefixes every symbol that it defines with
# `sparsetrain_`, hides it, and writes the result to OUTPUT and the table of renames, in objcopy's format, to TABLE.
execute_process(COMMAND "${NM}" --defined-only --extern-only --format=posix "${INPUT}"
                OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
string(REGEX REPLACE "([^ \n]+) [^\n]*\n" "\\1 sparsetrain_\\1\n" table "${symbols}")
string(REGEX REPLACE "([^ \n]+) [^\n]*\n" ".hidden sparsetrain_\\1\n" hidden "${symbols}")
# What instrumented code (SPARSETRAIN_TSAN) calls by names that GCC's library does not have, which intercepts the functions.
foreach(function IN ITEMS memcpy memmove memset)
    string(APPEND table "__tsan_${function} ${function}\n")
endforeach()
file(WRITE "${TABLE}" "${table}")
file(WRITE "${OUTPUT}.hidden.s" "${hidden}.section .note.GNU-stack,\"\",@progbits\n")
execute_process(COMMAND "${OBJCOPY}" "--redefine-syms=${TABLE}" "${INPUT}" "${OUTPUT}.renamed.o" COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND "${COMPILER}" -r -nostdlib -o "${OUTPUT}" "${OUTPUT}.renamed.o" "${OUTPUT}.hidden.s"
                COMMAND_ERROR_IS_FATAL ANY)
