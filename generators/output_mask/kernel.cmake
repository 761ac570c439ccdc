# `output_mask`: its generators, and what a pass of a layer class has of it.
set(SPARSETRAIN_GENERATORS_OF_output_mask conv_output_mask conv_pack_output_mask)

macro(sparsetrain_compile_output_mask pass)
    if(SKIPS_ZEROS AND "${pass}" STREQUAL "bwd_data")
        set(kernel "bwd_data_output_mask")
        sparsetrain_use_row(3 output_mask bwd_data)
        sparsetrain_add_class_pipeline(${kernel}_pack conv_pack_output_mask)
        sparsetrain_use_broadcast()
        set(stage "${CLASS_SYMBOL}_${kernel}_${VARIANT}")
        sparsetrain_add_stage(${kernel} output_mask/gather_stage.cpp SPARSETRAIN_GATHER_SYMBOL=${stage}_gather)
        sparsetrain_use_row(4 output_mask bwd_data)
        sparsetrain_use_broadcast()
        sparsetrain_add_class_pipeline(${kernel} conv_output_mask stage=${stage})
        sparsetrain_add_kernel(OutputMaskKernel bwd_data "output_mask, \"bwd_data\""
            "PIPELINE(${kernel}_pack), PIPELINE(${kernel})")
    endif()
endmacro()
