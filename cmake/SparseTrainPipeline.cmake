# How Halide generators become objects that a user's own Halide code cannot collide with.
#
# Every pipeline is compiled without a Halide runtime and with `user_context`; one private copy of the runtime serves them
# all. The runtime's symbols, and the pipelines' references to them, get the prefix `sparsetrain_`, so that our error
# handler, allocator and thread count are invisible to other Halide code in the same process.

# The feature set of Skylake server CPUs; always named, as Halide's default target is the build host.
set(SPARSETRAIN_HALIDE_TARGET x86-64-linux-sse41-avx-f16c-fma-avx2-avx512-avx512_skylake-user_context)

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
# sparsetrain_add_pipeline applies.
function(sparsetrain_add_private_runtime TARGET GENERATORS)
    set(dir "${SparseTrain_BINARY_DIR}/pipelines")
    set(object "${dir}/${TARGET}.o")
    set(script "${SparseTrain_SOURCE_DIR}/cmake/RenameRuntime.cmake")
    add_custom_command(
        OUTPUT "${object}" "${dir}/renamed_symbols.txt"
        COMMAND ${GENERATORS} -r halide_runtime -o "${dir}" -e object target=${SPARSETRAIN_HALIDE_TARGET}
        COMMAND "${CMAKE_COMMAND}" -D NM=${CMAKE_NM} -D OBJCOPY=${CMAKE_OBJCOPY} -D "INPUT=${dir}/halide_runtime.o"
                -D "OUTPUT=${object}" -D "TABLE=${dir}/renamed_symbols.txt" -P "${script}"
        DEPENDS ${GENERATORS} "${script}"
        COMMENT "Halide runtime, private copy"
        VERBATIM)
    add_library(${TARGET} STATIC "${object}")
    set_target_properties(${TARGET} PROPERTIES LINKER_LANGUAGE CXX)
    target_link_libraries(${TARGET} PUBLIC Threads::Threads ${CMAKE_DL_LIBS})
endfunction()

# sparsetrain_add_pipeline(LIBRARY SYMBOL GENERATOR [PARAMS name=value...] FROM executable): compiles GENERATOR ahead of
# time and adds the object, which exports SYMBOL, to LIBRARY, and its header SYMBOL.h to LIBRARY's include path. The assembly
# beside them, SYMBOL.s, is for reading.
function(sparsetrain_add_pipeline LIBRARY SYMBOL GENERATOR)
    cmake_parse_arguments(PARSE_ARGV 3 ARG "" "FROM" "PARAMS")
    set(dir "${SparseTrain_BINARY_DIR}/pipelines")
    set(object "${dir}/${SYMBOL}.renamed.o")
    add_custom_command(
        OUTPUT "${object}" "${dir}/${SYMBOL}.h"
        COMMAND ${ARG_FROM} -g ${GENERATOR} -f ${SYMBOL} -o "${dir}" -e object,c_header,assembly
                target=${SPARSETRAIN_HALIDE_TARGET}-no_runtime ${ARG_PARAMS}
        COMMAND "${CMAKE_OBJCOPY}" "--redefine-syms=${dir}/renamed_symbols.txt" "${dir}/${SYMBOL}.o" "${object}"
        DEPENDS ${ARG_FROM} "${dir}/renamed_symbols.txt"
        COMMENT "Halide pipeline ${SYMBOL}"
        VERBATIM)
    target_sources(${LIBRARY} PRIVATE "${object}" "${dir}/${SYMBOL}.h")
    target_include_directories(${LIBRARY} SYSTEM PRIVATE "${dir}")
endfunction()
