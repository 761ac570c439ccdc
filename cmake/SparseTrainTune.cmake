# What `sparsetrain tune` builds with the installed package: candidates for schedule rows, and programs that measure them.

# sparsetrain_add_candidate(NAME name CLASS name FILTER height width STRIDE stride UARCH uarch PASS pass KERNEL kernel
#                           [BLOCKING blocking] TILES size,...)
#
# Adds the library `name`: the pipelines, the stages and the record of one kernel, without epilogues and for bwd_weights by
# the zeros of src, with the given tile sizes (those of schedules/tiles.h) in place of those of its schedule row.
function(sparsetrain_add_candidate)
    cmake_parse_arguments(PARSE_ARGV 0 ARG "" "NAME;CLASS;STRIDE;UARCH;PASS;KERNEL;BLOCKING;TILES" "FILTER")
    list(GET ARG_FILTER 0 FILTER_H)
    list(GET ARG_FILTER 1 FILTER_W)
    set(LIBRARY "${ARG_NAME}")
    set(CANDIDATE "${ARG_NAME}")
    set(CLASS_SYMBOL "${ARG_NAME}")
    set(LAYER_CLASS "${ARG_CLASS}")
    set(STRIDE "${ARG_STRIDE}")
    set(UARCH "${ARG_UARCH}")
    set(ISA "${SPARSETRAIN_ISA_OF_${UARCH}}")
    set(GIVEN_TILES "${ARG_TILES}")
    set(SKIPS_ZEROS true)
    set(BLOCKINGS ${ARG_BLOCKING})
    set(OPERANDS src)
    set(EPILOGUES_${ARG_PASS} plain)
    set(PIPELINES "")
    set(PIPELINE_NAMES "")
    set(RECORDS "")
    set(KERNEL_LIST "")

    add_library(${LIBRARY} STATIC)
    set_target_properties(${LIBRARY} PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden)
    target_link_libraries(${LIBRARY} PRIVATE SparseTrain::class_sources SparseTrain::runtime)
    target_link_options(${LIBRARY} INTERFACE "LINKER:--undefined=${CLASS_SYMBOL}")
    sparsetrain_compile_kernels(${ARG_PASS} ${ARG_KERNEL})
    sparsetrain_add_record("${SPARSETRAIN_SOURCES}/tune/harness/candidate.cpp.in" candidates/${CANDIDATE}.cpp)
endfunction()

# sparsetrain_add_measurement(candidate...): the program `measure` (tune/harness) with these candidates.
function(sparsetrain_add_measurement)
    file(CONFIGURE OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/measure.cpp" CONTENT "// main() is in a library.\n")
    add_executable(measure "${CMAKE_CURRENT_BINARY_DIR}/measure.cpp")
    target_link_libraries(measure PRIVATE SparseTrain::tune_harness SparseTrain::sparsetrain ${ARGN})
endfunction()
