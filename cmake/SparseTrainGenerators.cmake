# What only the build of the project needs of Halide: executables of generators, and the private runtime.

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

# sparsetrain_add_private_runtime(TARGET): the renamed runtime, and the table of renamed symbols that pipelines are renamed by.
function(sparsetrain_add_private_runtime TARGET)
    # Any executable of generators can write it; one without any does not change when a generator does.
    file(CONFIGURE OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/no_generator.cpp" CONTENT "// main() is in a library.\n")
    sparsetrain_add_generators(no_generator "${CMAKE_CURRENT_BINARY_DIR}/no_generator.cpp")
    set(dir "${SPARSETRAIN_GENERATED}/pipelines")
    set(object "${dir}/${TARGET}.o")
    set(script "${SparseTrain_SOURCE_DIR}/cmake/RenameRuntime.cmake")
    add_custom_command(
        OUTPUT "${object}" "${SPARSETRAIN_RENAMED_SYMBOLS}"
        COMMAND no_generator -r halide_runtime -o "${dir}" -e object target=${SPARSETRAIN_HALIDE_BASELINE}
        COMMAND "${CMAKE_COMMAND}" -D NM=${CMAKE_NM} -D OBJCOPY=${CMAKE_OBJCOPY} -D "INPUT=${dir}/halide_runtime.o"
                -D "OUTPUT=${object}" -D "TABLE=${SPARSETRAIN_RENAMED_SYMBOLS}" -P "${script}"
        DEPENDS no_generator "${script}"
        COMMENT "Halide runtime, private copy"
        VERBATIM)
    add_library(${TARGET} STATIC "${object}")
    add_library(SparseTrain::halide_runtime ALIAS ${TARGET})
    set_target_properties(${TARGET} PROPERTIES LINKER_LANGUAGE CXX)
    set_target_properties(${TARGET} PROPERTIES EXPORT_NAME halide_runtime)
    target_link_libraries(${TARGET} PUBLIC Threads::Threads ${CMAKE_DL_LIBS})
endfunction()
