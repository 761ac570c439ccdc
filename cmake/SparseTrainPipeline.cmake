# How Halide generators become objects that a user's own Halide code cannot collide with.
#
# Every pipeline is compiled without a Halide runtime and with `user_context`; one private copy of the runtime serves them
# all. The runtime's symbols, and the pipelines' references to them, get the prefix `sparsetrain_`, so that our error
# handler, allocator and thread count are invisible to other Halide code in the same process.

# The instruction sets, best first: the feature set of Skylake server CPUs, and x86-64-v3. What has no schedule rows is
# compiled for each. Targets are always named, as Halide's default is the build host.
set(SPARSETRAIN_ISAS avx512 avx2)
set(SPARSETRAIN_HALIDE_BASELINE x86-64-linux-user_context)
set(SPARSETRAIN_HALIDE_TARGET_avx2 x86-64-linux-sse41-avx-f16c-fma-avx2-user_context-no_runtime)
set(SPARSETRAIN_HALIDE_TARGET_avx512
    x86-64-linux-sse41-avx-f16c-fma-avx2-avx512-avx512_skylake-user_context-no_runtime)
# The same for g++ and clang++.
set(SPARSETRAIN_STAGE_OPTIONS_avx2 -march=x86-64-v3)
set(SPARSETRAIN_STAGE_OPTIONS_avx512 -march=skylake-avx512 -mprefer-vector-width=512)

# The microarchitectures that layer classes are compiled for, each by the tables of its name in schedules/ and with its
# instruction set.
set(SPARSETRAIN_UARCHS zen4 avx512 avx2)
set(SPARSETRAIN_ISA_OF_zen4 avx512)
set(SPARSETRAIN_ISA_OF_avx512 avx512)
set(SPARSETRAIN_ISA_OF_avx2 avx2)

# sparsetrain_add_generators(TARGET source...): one executable that holds generators.
function(sparsetrain_add_generators TARGET)
    add_executable(${TARGET} ${ARGN})
    target_link_libraries(${TARGET} PRIVATE Halide::Generator sparsetrain_warnings sparsetrain_schedules)
    set_target_properties(${TARGET} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${SparseTrain_BINARY_DIR}/generators")
    # Generators run once, at build time: quick to compile beats quick to run, and sanitizers stay with what is shipped.
    # -Wrestrict is a false alarm of GCC 12 in std::string, seen through Halide.h.
    target_compile_options(${TARGET} PRIVATE -O1 -fno-sanitize=all $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
    target_link_options(${TARGET} PRIVATE -fno-sanitize=all)
endfunction()

# sparsetrain_add_private_runtime(TARGET GENERATORS): the renamed runtime, and the table of renamed symbols that
# pipelines are renamed by.
function(sparsetrain_add_private_runtime TARGET GENERATORS)
    set(dir "${SparseTrain_BINARY_DIR}/pipelines")
    set(object "${dir}/${TARGET}.o")
    set(script "${SparseTrain_SOURCE_DIR}/cmake/RenameRuntime.cmake")
    add_custom_command(
        OUTPUT "${object}" "${dir}/renamed_symbols.txt"
        COMMAND ${GENERATORS} -r halide_runtime -o "${dir}" -e object target=${SPARSETRAIN_HALIDE_BASELINE}
        COMMAND "${CMAKE_COMMAND}" -D NM=${CMAKE_NM} -D OBJCOPY=${CMAKE_OBJCOPY} -D "INPUT=${dir}/halide_runtime.o"
                -D "OUTPUT=${object}" -D "TABLE=${dir}/renamed_symbols.txt" -P "${script}"
        DEPENDS ${GENERATORS} "${script}"
        COMMENT "Halide runtime, private copy"
        VERBATIM)
    add_library(${TARGET} STATIC "${object}")
    set_target_properties(${TARGET} PROPERTIES LINKER_LANGUAGE CXX)
    set_target_properties(${TARGET} PROPERTIES EXPORT_NAME halide_runtime)
    target_link_libraries(${TARGET} PUBLIC Threads::Threads ${CMAKE_DL_LIBS})
endfunction()

# sparsetrain_add_pipeline(LIBRARY SYMBOL GENERATOR ISA isa... [PARAMS name=value...] FROM executable): compiles GENERATOR
# ahead of time and adds the object, which exports SYMBOL, to LIBRARY, and its header SYMBOL.h to LIBRARY's include path.
# For several ISAs, best first, SYMBOL is a wrapper that calls the first one that the CPU has. The assembly beside them,
# SYMBOL*.s, is for reading.
function(sparsetrain_add_pipeline LIBRARY SYMBOL GENERATOR)
    cmake_parse_arguments(PARSE_ARGV 3 ARG "" "FROM" "ISA;PARAMS")
    set(dir "${SparseTrain_BINARY_DIR}/pipelines")
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
    set(rename "")
    set(objects "")
    foreach(object IN LISTS stems)
        list(APPEND rename COMMAND "${CMAKE_OBJCOPY}" "--redefine-syms=${dir}/renamed_symbols.txt" "${dir}/${object}.o"
             "${dir}/${object}.renamed.o")
        list(APPEND objects "${dir}/${object}.renamed.o")
    endforeach()
    add_custom_command(
        OUTPUT ${objects} "${dir}/${SYMBOL}.h"
        COMMAND ${ARG_FROM} -g ${GENERATOR} -f ${SYMBOL} -o "${dir}" -e object,c_header,assembly target=${targets}
                ${ARG_PARAMS}
        ${rename}
        DEPENDS ${ARG_FROM} "${dir}/renamed_symbols.txt"
        COMMENT "Halide pipeline ${SYMBOL}"
        VERBATIM)
    target_sources(${LIBRARY} PRIVATE ${objects} "${dir}/${SYMBOL}.h")
    target_include_directories(${LIBRARY} SYSTEM PRIVATE "${dir}")
endfunction()
