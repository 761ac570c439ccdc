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
    set(pipelines "")
    foreach(epilogue IN LISTS EPILOGUES_${pass})
        sparsetrain_add_class_pipeline(${kernel}_${epilogue} conv_zero_skip
            pass=${pass} blocking=${blocking} epilogue=${epilogue} stage=${CLASS_SYMBOL}_${kernel}_${UARCH})
        string(APPEND pipelines "PIPELINE(${kernel}_${epilogue}), ")
    endforeach()
    sparsetrain_add_class_pipeline(${kernel}_pack conv_pack_zero_skip pass=${pass} blocking=${blocking})
    sparsetrain_add_stage(${kernel} zero_skip/sweep_stage.cpp
        SPARSETRAIN_PASS="${pass}" SPARSETRAIN_BLOCKING="${blocking}"
        SPARSETRAIN_LISTS_SYMBOL=${CLASS_SYMBOL}_${kernel}_${UARCH}_lists
        SPARSETRAIN_SWEEP_SYMBOL=${CLASS_SYMBOL}_${kernel}_${UARCH}_sweep)
    sparsetrain_add_kernel(ZeroSkipKernel ${pass} "zero_skip, \"${pass}\", \"${blocking}\""
        "PIPELINE(${kernel}_pack), {${pipelines}}")
endmacro()

macro(sparsetrain_compile_zero_skip_weights operand)
    set(kernel "bwd_weights_zero_skip_${operand}")
    sparsetrain_add_class_pipeline(${kernel} conv_zero_skip_weights
        scanned=${operand} stage=${CLASS_SYMBOL}_${kernel}_${UARCH})
    sparsetrain_add_stage(${kernel} zero_skip/scan_stage.cpp
        SPARSETRAIN_SCANNED="${operand}" SPARSETRAIN_SCAN_SYMBOL=${CLASS_SYMBOL}_${kernel}_${UARCH}_scan)
    sparsetrain_add_kernel(ZeroSkipWeightsKernel bwd_weights "zero_skip_weights, \"bwd_weights\""
        "PIPELINE(${kernel}), Skips::${operand}")
endmacro()
