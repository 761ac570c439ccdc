# How Halide generators become objects that a user's own Halide code cannot collide with.
#
# Every pipeline is compiled without a Halide runtime and with `user_context`; one private copy of the runtime serves them
# all. The runtime's symbols, and the pipelines' references to them, get the prefix `sparsetrain_`, so that our error
# handler, allocator and thread count are invisible to other Halide code in the same process. What is left global, the
# pipelines and the renamed runtime, is hidden: every program or shared library that links the archives has its own.

# Both the build and the installed package set, before they include this file:
#   SPARSETRAIN_SOURCES          where runtime/ and schedules/ are
#   SPARSETRAIN_GENERATED        where generated code goes
#   SPARSETRAIN_RENAMED_SYMBOLS  the table of the runtime's renamed symbols
# and, before they add layer classes:
#   SPARSETRAIN_UARCHS           the microarchitectures to compile them for, some of SPARSETRAIN_KNOWN_UARCHS

# The instruction sets, best first: the feature set of Skylake server CPUs, x86-64-v3, and what every x86-64 CPU has. What
# has no schedule rows is compiled for each. Targets are always named, as Halide's default is the build host.
set(SPARSETRAIN_ISAS avx512 avx2 baseline)
set(SPARSETRAIN_HALIDE_BASELINE x86-64-linux-user_context)
set(SPARSETRAIN_HALIDE_TARGET_baseline ${SPARSETRAIN_HALIDE_BASELINE}-no_runtime)
set(SPARSETRAIN_HALIDE_TARGET_avx2 x86-64-linux-sse41-avx-f16c-fma-avx2-user_context-no_runtime)
set(SPARSETRAIN_HALIDE_TARGET_avx512
    x86-64-linux-sse41-avx-f16c-fma-avx2-avx512-avx512_skylake-user_context-no_runtime)
# The same for g++ and clang++, of those that have zero-skip stages.
set(SPARSETRAIN_STAGE_OPTIONS_avx2 -march=x86-64-v3)
set(SPARSETRAIN_STAGE_OPTIONS_avx512 -march=skylake-avx512 -mprefer-vector-width=512)

# The microarchitectures that layer classes can be compiled for, each by the tables of its name in schedules/ and with its
# instruction set.
set(SPARSETRAIN_KNOWN_UARCHS zen4 sapphire_rapids skylake_x avx512 avx2 baseline)
set(SPARSETRAIN_ISA_OF_zen4 avx512)
set(SPARSETRAIN_ISA_OF_sapphire_rapids avx512)
set(SPARSETRAIN_ISA_OF_skylake_x avx512)
set(SPARSETRAIN_ISA_OF_avx512 avx512)
set(SPARSETRAIN_ISA_OF_avx2 avx2)
set(SPARSETRAIN_ISA_OF_baseline baseline)
# And that of -DSPARSETRAIN_SCHEDULES (cmake/SparseTrainTuned.cmake), in the build and in what it installs.
if(SPARSETRAIN_TUNED_ISA)
    list(PREPEND SPARSETRAIN_KNOWN_UARCHS tuned)
    set(SPARSETRAIN_ISA_OF_tuned "${SPARSETRAIN_TUNED_ISA}")
endif()

# sparsetrain_add_pipeline(LIBRARY SYMBOL GENERATOR ISA isa... [PARAMS name=value...] FROM executable): compiles GENERATOR
# ahead of time and adds the object, which defines SYMBOL, to LIBRARY, and its header SYMBOL.h to LIBRARY's include path.
# For several ISAs, best first, SYMBOL is a wrapper that calls the first one that the CPU has. `objdump -d` shows the code.
function(sparsetrain_add_pipeline LIBRARY SYMBOL GENERATOR)
    cmake_parse_arguments(PARSE_ARGV 3 ARG "" "FROM" "ISA;PARAMS")
    set(dir "${SPARSETRAIN_GENERATED}/pipelines")
    set(targets "")
    foreach(isa IN LISTS ARG_ISA)
        list(APPEND targets "${SPARSETRAIN_HALIDE_TARGET_${isa}}")
    endforeach()
    set(stems "${SYMBOL}")
    list(LENGTH targets count)
    if(count GREATER 1)
        list(TRANSFORM targets PREPEND "${SYMBOL}-" OUTPUT_VARIABLE stems)
        list(APPEND stems "${SYMBOL}_wrapper")
    endif()
    list(JOIN targets "," targets)
    set(make_private "")
    set(objects "")
    foreach(stem IN LISTS stems)
        sparsetrain_make_private("${dir}/${stem}")
    endforeach()
    add_custom_command(
        OUTPUT ${objects} "${dir}/${SYMBOL}.h"
        COMMAND ${ARG_FROM} -g ${GENERATOR} -f ${SYMBOL} -o "${dir}" -e object,c_header target=${targets}
                ${ARG_PARAMS}
        ${make_private}
        DEPENDS ${ARG_FROM} "${SPARSETRAIN_RENAMED_SYMBOLS}"
        COMMENT "Halide pipeline ${SYMBOL}"
        VERBATIM)
    target_sources(${LIBRARY} PRIVATE ${objects} "${dir}/${SYMBOL}.h")
    target_include_directories(${LIBRARY} SYSTEM PRIVATE "${dir}")
endfunction()

# Appends to `make_private` the commands that make STEM.private.o of a generator's STEM.o, and the result to `objects`. Of
# what it defines, only the pipeline, whose name is that of the file, stays global, and the linker hides it, being given
# another object that declares it hidden.
macro(sparsetrain_make_private STEM)
    string(REGEX REPLACE "^.*/|_wrapper$" "" pipeline "${STEM}")
    file(CONFIGURE OUTPUT "${STEM}.hidden.s"
         CONTENT ".hidden \"${pipeline}\"\n.section .note.GNU-stack,\"\",@progbits\n")
    list(APPEND make_private
        COMMAND "${CMAKE_OBJCOPY}" "--redefine-syms=${SPARSETRAIN_RENAMED_SYMBOLS}" "--keep-global-symbol=${pipeline}"
                "${STEM}.o" "${STEM}.renamed.o"
        COMMAND "${CMAKE_CXX_COMPILER}" -r -nostdlib -o "${STEM}.private.o" "${STEM}.renamed.o" "${STEM}.hidden.s")
    list(APPEND objects "${STEM}.private.o")
endmacro()
