# A layer class (filter size and stride) becomes one static library: its pipelines, its zero-skip stages, and a function
# through which the runtime finds them. Nothing registers itself: a program's library holds a generated list of the classes in
# it, with explicit references, so that only what is used is linked and nothing is dropped.

# sparsetrain_add_layer_class(NAME name FILTER height width STRIDE stride)
#
# Adds the library sparsetrain_<name>. Its schedule rows are looked up by name in schedules/.
function(sparsetrain_add_layer_class)
    cmake_parse_arguments(PARSE_ARGV 0 ARG "" "NAME;STRIDE" "FILTER")
    list(LENGTH ARG_FILTER filter_sizes)
    if(NOT filter_sizes EQUAL 2 OR NOT ARG_STRIDE EQUAL 1)
        message(FATAL_ERROR "sparsetrain_add_layer_class(${ARG_NAME}): expected FILTER height width and STRIDE 1, the only "
                            "stride whose kernels exist; given FILTER ${ARG_FILTER} STRIDE ${ARG_STRIDE}")
    endif()
    list(GET ARG_FILTER 0 filter_h)
    list(GET ARG_FILTER 1 filter_w)
    if(NOT ARG_NAME STREQUAL "conv${filter_h}x${filter_w}_stride${ARG_STRIDE}")
        message(FATAL_ERROR "sparsetrain_add_layer_class(${ARG_NAME}): expected the name "
                            "conv${filter_h}x${filter_w}_stride${ARG_STRIDE}")
    endif()
    set(library "sparsetrain_${ARG_NAME}")
    set(LAYER_CLASS "${ARG_NAME}")
    set(FILTER_H "${filter_h}")
    set(FILTER_W "${filter_w}")
    set(STRIDE "${ARG_STRIDE}")
    set(source "${SparseTrain_BINARY_DIR}/classes/${ARG_NAME}.cpp")
    configure_file("${SparseTrain_SOURCE_DIR}/runtime/src/layer_class.cpp.in" "${source}" @ONLY)

    add_library(${library} STATIC "${source}")
    target_link_libraries(${library}
        PUBLIC sparsetrain_halide_runtime
        PRIVATE sparsetrain_warnings sparsetrain_schedules sparsetrain_runtime_internal)

    set(filter "filter_h=${filter_h}" "filter_w=${filter_w}")
    set(definitions "SPARSETRAIN_LAYER_CLASS=\"${ARG_NAME}\""
        SPARSETRAIN_FILTER_H=${filter_h} SPARSETRAIN_FILTER_W=${filter_w})
    foreach(pass IN ITEMS fwd bwd_data)
        set(symbol "sparsetrain_${ARG_NAME}_${pass}")
        set(epilogues plain masked)
        if(pass STREQUAL "fwd")
            set(epilogues plain relu)
        endif()
        foreach(epilogue IN LISTS epilogues)
            foreach(width IN ITEMS any whole)
                sparsetrain_add_pipeline(${library} ${symbol}_dense_${width}_${epilogue}_f32 conv_dense
                    FROM conv_generators
                    PARAMS layer_class=${ARG_NAME} pass=${pass} width=${width} ${filter} stride=${ARG_STRIDE}
                           epilogue=${epilogue})
            endforeach()
        endforeach()
        # The blockings of ScatterRow.
        foreach(blocking IN ITEMS shallow deep)
            set(kernel "${symbol}_zero_skip_${blocking}")
            set(row layer_class=${ARG_NAME} pass=${pass} blocking=${blocking})
            foreach(epilogue IN LISTS epilogues)
                sparsetrain_add_pipeline(${library} ${kernel}_${epilogue}_f32 conv_zero_skip FROM conv_generators
                    PARAMS ${row} stage=${kernel} filter_w=${filter_w} epilogue=${epilogue})
            endforeach()
            sparsetrain_add_pipeline(${library} ${kernel}_pack_f32 conv_pack_scatter FROM conv_generators
                PARAMS ${row} ${filter})
            sparsetrain_add_stage(${library} ${kernel}_stage scatter_stage.cpp ${definitions}
                "SPARSETRAIN_PASS=\"${pass}\"" "SPARSETRAIN_BLOCKING=\"${blocking}\""
                SPARSETRAIN_LISTS_SYMBOL=${kernel}_lists SPARSETRAIN_SWEEP_SYMBOL=${kernel}_sweep)
        endforeach()
    endforeach()
    set(symbol "sparsetrain_${ARG_NAME}_bwd_data")
    sparsetrain_add_pipeline(${library} ${symbol}_dense_pack_f32 conv_pack_dense FROM conv_generators PARAMS ${filter})
    sparsetrain_add_pipeline(${library} ${symbol}_output_mask_f32 conv_output_mask FROM conv_generators
        PARAMS layer_class=${ARG_NAME} stage=${symbol}_output_mask)
    sparsetrain_add_pipeline(${library} ${symbol}_output_mask_pack_f32 conv_pack_output_mask FROM conv_generators
        PARAMS layer_class=${ARG_NAME} ${filter})
    sparsetrain_add_stage(${library} ${symbol}_output_mask_stage output_mask_stage.cpp ${definitions}
        SPARSETRAIN_GATHER_SYMBOL=${symbol}_output_mask_gather)

    set(symbol "sparsetrain_${ARG_NAME}_bwd_weights")
    sparsetrain_add_pipeline(${library} ${symbol}_dense_f32 conv_dense_weights FROM conv_generators
        PARAMS layer_class=${ARG_NAME} ${filter} stride=${ARG_STRIDE})
    foreach(operand IN ITEMS src diff_dst)
        sparsetrain_add_pipeline(${library} ${symbol}_zero_skip_${operand}_f32 conv_zero_skip_weights FROM conv_generators
            PARAMS layer_class=${ARG_NAME} scanned=${operand} stage=${symbol}_zero_skip ${filter})
    endforeach()
    sparsetrain_add_stage(${library} ${symbol}_zero_skip_stage pixel_scan_stage.cpp ${definitions}
        SPARSETRAIN_SCAN_SYMBOL=${symbol}_zero_skip_scan)

    set_property(GLOBAL APPEND PROPERTY SPARSETRAIN_LAYER_CLASSES "${ARG_NAME}")
endfunction()

# sparsetrain_add_stage(LIBRARY STAGE source definition...): compiles a source of runtime/stages/ for AVX-512 into LIBRARY.
# STAGE is an object library of its own, as one source serves many rows. Sanitizers stay out of it: their code, built for
# AVX-512, would be merged with that of functions that run before the CPU is checked.
function(sparsetrain_add_stage LIBRARY STAGE source)
    add_library(${STAGE} OBJECT "${SparseTrain_SOURCE_DIR}/runtime/stages/${source}")
    target_compile_definitions(${STAGE} PRIVATE ${ARGN})
    # -Wmaybe-uninitialized is a false alarm of GCC 12 in its own shuffle intrinsics.
    target_compile_options(${STAGE} PRIVATE
        -O3 -march=skylake-avx512 -mprefer-vector-width=512 -fno-exceptions -fno-rtti -fno-sanitize=all
        $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
    target_link_libraries(${STAGE} PRIVATE sparsetrain_warnings sparsetrain_schedules Halide::Runtime)
    target_sources(${LIBRARY} PRIVATE $<TARGET_OBJECTS:${STAGE}>)
endfunction()

# sparsetrain_add_library(TARGET): the runtime with every layer class added so far.
function(sparsetrain_add_library TARGET)
    get_property(classes GLOBAL PROPERTY SPARSETRAIN_LAYER_CLASSES)
    set(DECLARATIONS "")
    set(REFERENCES "")
    set(libraries "")
    foreach(class IN LISTS classes)
        string(APPEND DECLARATIONS "extern const LayerClass layer_class_${class};\n")
        string(APPEND REFERENCES "    &layer_class_${class},\n")
        list(APPEND libraries "sparsetrain_${class}")
    endforeach()
    set(source "${SparseTrain_BINARY_DIR}/classes/registry_of_${TARGET}.cpp")
    configure_file("${SparseTrain_SOURCE_DIR}/runtime/src/registry.cpp.in" "${source}" @ONLY)
    add_library(${TARGET}_registry OBJECT "${source}")
    target_link_libraries(${TARGET}_registry PRIVATE
        sparsetrain_runtime_internal sparsetrain_schedules sparsetrain_warnings)
    add_library(${TARGET} INTERFACE)
    target_sources(${TARGET} INTERFACE $<TARGET_OBJECTS:${TARGET}_registry>)
    target_link_libraries(${TARGET} INTERFACE sparsetrain_runtime ${libraries})
endfunction()
