# The list of kernels: each has a folder of its name in generators/, with a kernel.cmake, and in runtime/stages/, if it has
# stages; a record in runtime/src/kernels/; and rows in schedules/. SPARSETRAIN_KERNELS_DIR is where the first are.
set(SPARSETRAIN_KERNELS dense zero_skip output_mask)

foreach(kernel IN LISTS SPARSETRAIN_KERNELS)
    include("${SPARSETRAIN_KERNELS_DIR}/${kernel}/kernel.cmake")
endforeach()

# Compiles what `pass` of a class has of each kernel, in the scope of a function that has set LIBRARY, LAYER_CLASS,
# CLASS_SYMBOL, FILTER_H, FILTER_W, STRIDE, UARCH, ISA, SKIPS_ZEROS (whether there are stages), BLOCKINGS, OPERANDS and, by
# pass, EPILOGUES. GIVEN_TILES: other tile sizes than those of a row, else empty. Appends to PIPELINES, PIPELINE_NAMES, RECORDS
# and KERNEL_LIST.
macro(sparsetrain_compile_kernels pass)
    foreach(kernel_of_list IN ITEMS ${ARGN})
        cmake_language(CALL sparsetrain_compile_${kernel_of_list} ${pass})
    endforeach()
endmacro()

# A record of class `type` (runtime/src/kernels) in the list: of the row that `key` finds and the arguments behind it.
macro(sparsetrain_add_kernel type pass key arguments)
    string(REGEX MATCHALL "&kKernel" number "${KERNEL_LIST}")
    list(LENGTH number number)
    string(APPEND RECORDS
        "static_assert(fits(ROW(${key}), \"${pass}\"), \"the row of ${type} exceeds registers or L1\");\n"
        "constexpr ${type} kKernel${number}(Pass::${pass}, ROW(${key}), ${arguments});\n")
    string(APPEND KERNEL_LIST "    &kKernel${number},\n")
endmacro()

# The source from which the program learns of RECORDS.
macro(sparsetrain_add_record template generated)
    set(INCLUDES "")
    foreach(kernel_of_list IN LISTS SPARSETRAIN_KERNELS)
        string(APPEND INCLUDES "#include \"kernels/${kernel_of_list}.h\"\n")
    endforeach()
    list(REMOVE_DUPLICATES PIPELINES)
    foreach(pipeline IN LISTS PIPELINES)
        string(APPEND INCLUDES "#include \"${pipeline}.h\"\n")
    endforeach()
    configure_file("${template}" "${SPARSETRAIN_GENERATED}/${generated}" @ONLY)
    target_sources(${LIBRARY} PRIVATE "${SPARSETRAIN_GENERATED}/${generated}")
endmacro()
