# What `sparsetrain tune` builds with the installed package: candidates for schedule rows, and programs that measure them.

# sparsetrain_add_candidate(NAME name CLASS name FILTER height width STRIDE stride UARCH uarch PASS pass KERNEL kernel
#                           [BLOCKING blocking] TILES size,...)
#
# Adds the library `name`: the pipelines and the stages of one kernel, without epilogues, with the given tile sizes (those of
# schedules/tiles.h) in place of those of its schedule row.
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
    set(TILES "${ARG_TILES}")
    set(TILES_PARAM "tiles=${TILES}")
    set(TILES_DEFINITION "SPARSETRAIN_TILES=${TILES}")
    set(PIPELINES "")

    add_library(${LIBRARY} STATIC)
    set_target_properties(${LIBRARY} PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden)
    target_link_libraries(${LIBRARY} PRIVATE SparseTrain::class_sources SparseTrain::runtime)
    target_link_options(${LIBRARY} INTERFACE "LINKER:--undefined=${CLASS_SYMBOL}")
    sparsetrain_compile_candidate("${ARG_PASS}" "${ARG_KERNEL}" "${ARG_BLOCKING}")
    sparsetrain_add_record("${SPARSETRAIN_SOURCES}/tune/harness/candidate.cpp.in" candidates/${CANDIDATE}.cpp)
endfunction()

# The kernel, and as REPLACEMENT what a Variant (tune/harness/candidate.h) replaces by it. A macro in the scope of
# sparsetrain_add_candidate.
macro(sparsetrain_compile_candidate pass kernel_name blocking)
    if("${kernel_name} ${pass}" STREQUAL "dense bwd_weights")
        sparsetrain_compile_dense_weights()
        set(REPLACEMENT "PIPELINE(bwd_weights_dense)")
    elseif("${kernel_name}" STREQUAL "dense")
        sparsetrain_compile_dense(${pass} plain)
        set(REPLACEMENT "PIPELINE(${pass}_dense_any_plain)")
        if(STRIDE EQUAL 1)
            string(APPEND REPLACEMENT ", PIPELINE(${pass}_dense_whole_plain), ROW(dense, \"${pass}\").x_tile, (${FILTER_W} - 1) / 2")
        endif()
        set(REPLACEMENT "Pass::${pass}, DensePipelines<ConvPipeline>{${REPLACEMENT}}")
    elseif("${kernel_name}" STREQUAL "output_mask")
        sparsetrain_compile_output_mask()
        set(REPLACEMENT "OutputMaskKernel{ROW(output_mask, \"bwd_data\"), PIPELINE(bwd_data_output_mask), PIPELINE(bwd_data_output_mask_pack)}")
    elseif("${pass}" STREQUAL "bwd_weights")
        sparsetrain_compile_pixel_scan(src)
        set(REPLACEMENT "PIPELINE(bwd_weights_zero_skip_src), ROW(pixel_scan, \"bwd_weights\")")
    else()
        sparsetrain_compile_scatter(${pass} ${blocking} plain)
        set(REPLACEMENT "PIPELINE(${pass}_zero_skip_${blocking}_plain), nullptr, PIPELINE(${pass}_zero_skip_${blocking}_pack)")
        set(REPLACEMENT "Pass::${pass}, ScatterKernel{ROW(scatter, \"${pass}\", \"${blocking}\"), ${REPLACEMENT}}")
    endif()
endmacro()

# sparsetrain_add_measurement(candidate...): the program `measure` (tune/harness) with these candidates.
function(sparsetrain_add_measurement)
    file(CONFIGURE OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/measure.cpp" CONTENT "// main() is in a library.\n")
    add_executable(measure "${CMAKE_CURRENT_BINARY_DIR}/measure.cpp")
    target_link_libraries(measure PRIVATE SparseTrain::tune_harness SparseTrain::sparsetrain ${ARGN})
endfunction()
