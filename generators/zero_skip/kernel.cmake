# `zero_skip`: its generators, and what a pass of a layer class has of it.
set(SPARSETRAIN_GENERATORS_OF_zero_skip conv_zero_skip conv_zero_skip_weights conv_pack_zero_skip)

# For each of BLOCKINGS; bwd_weights for each of OPERANDS, whose zeros are skipped.
macro(sparsetrain_compile_zero_skip pass)
    if(NOT SKIPS_ZEROS)
        # nothing
    elseif("${pass}" STREQUAL "bwd_weights")
        foreach(operand IN LISTS OPERANDS)
            sparsetrain_compile_zero_skip_weights(${operand})
        endforeach()
    else()
        foreach(blocking IN LISTS BLOCKINGS)
            sparsetrain_compile_zero_skip_blocking(${pass} ${blocking})
        endforeach()
    endif()
endmacro()

macro(sparsetrain_compile_zero_skip_blocking pass blocking)
    set(kernel "${pass}_zero_skip_${blocking}")
    sparsetrain_use_row(2 zero_skip ${pass} ${blocking})
    sparsetrain_add_class_pipeline(${kernel}_pack conv_pack_zero_skip pass=${pass})
    sparsetrain_use_broadcast()
    set(stage "${CLASS_SYMBOL}_${kernel}_${VARIANT}")
    sparsetrain_add_stage(${kernel} zero_skip/sweep_stage.cpp SPARSETRAIN_PASS="${pass}"
        SPARSETRAIN_LISTS_SYMBOL=${stage}_lists SPARSETRAIN_SWEEP_SYMBOL=${stage}_sweep)
    sparsetrain_use_row(3 zero_skip ${pass} ${blocking})
    sparsetrain_use_broadcast()
    sparsetrain_use_l2()
    set(pipelines "")
    foreach(epilogue IN LISTS EPILOGUES_${pass})
        sparsetrain_add_class_pipeline(${kernel}_${epilogue} conv_zero_skip
            pass=${pass} epilogue=${epilogue} stage=${stage} l2_bytes=${L2_BYTES})
        string(APPEND pipelines "PIPELINE(${kernel}_${epilogue}), ")
    endforeach()
    sparsetrain_add_kernel(ZeroSkipKernel ${pass} "zero_skip, \"${pass}\", \"${blocking}\""
        "PIPELINE(${kernel}_pack), {${pipelines}}, schedules::tile_bytes(TABLES.l2_bytes)")
endmacro()

macro(sparsetrain_compile_zero_skip_weights operand)
    set(kernel "bwd_weights_zero_skip_${operand}")
    sparsetrain_use_row(3 zero_skip_weights bwd_weights)
    sparsetrain_use_broadcast()
    sparsetrain_use_l2()
    if(GIVEN_TILES)  # all of L1, with which copies are as with the row's own number
        sparsetrain_find_row(bytes_of_copies "${UARCH}_l1_bytes")
    else()
        sparsetrain_find_row(bytes_of_copies "${UARCH}_${LAYER_CLASS}_bytes_of_copies")
    endif()
    string(APPEND VARIANT "_${bytes_of_copies}")
    set(stage "${CLASS_SYMBOL}_${kernel}_${VARIANT}")
    sparsetrain_add_stage(${kernel} zero_skip/scan_stage.cpp SPARSETRAIN_BYTES_OF_COPIES=${bytes_of_copies}
        SPARSETRAIN_L2_BYTES=${L2_BYTES}
        SPARSETRAIN_SCANNED="${operand}" SPARSETRAIN_SCAN_SYMBOL=${stage}_scan)
    sparsetrain_add_class_pipeline(${kernel} conv_zero_skip_weights scanned=${operand} stage=${stage})
    sparsetrain_add_kernel(ZeroSkipWeightsKernel bwd_weights "zero_skip_weights, \"bwd_weights\""
        "PIPELINE(${kernel}), Skips::${operand}")
endmacro()
