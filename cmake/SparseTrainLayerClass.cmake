# A layer class (filter size and stride) becomes one static library: for every microarchitecture its pipelines, its
# zero-skip stages, and a record in the section that is the registry of the program. The library names its records to the
# linker: a program has the classes that it links and no others.

# sparsetrain_add_layer_class(NAME name FILTER height width STRIDE vertical horizontal PASSES fwd [bwd_data] bwd_weights
#                             [BLOCKINGS blocking...])
#
# Adds the library sparsetrain_<name>, alias SparseTrain::<name>. Its schedule rows are those of its name in schedules/, or
# derived from its size (schedules/derived.h). BLOCKINGS are those of its ZeroSkipRows, "wide" unless given. Without bwd_data,
# it is the first layer of a network, whose src is an image, which has no zeros and wants no gradient: there are fwd and
# bwd_weights by dense and nothing else. Without AVX2 every pass is dense.
function(sparsetrain_add_layer_class)
    if(CMAKE_VERSION VERSION_LESS 3.26)
        message(FATAL_ERROR "sparsetrain_add_layer_class: expected CMake 3.26 or newer, given ${CMAKE_VERSION}")
    endif()
    if(SPARSETRAIN_PACKAGE_IS_SHARED)
        message(FATAL_ERROR "sparsetrain_add_layer_class: expected a package of archives, given one with a shared library, "
                            "which has the classes of its own build only (its classes.cmake)")
    endif()
    cmake_parse_arguments(PARSE_ARGV 0 ARG "" "NAME" "FILTER;STRIDE;PASSES;BLOCKINGS")
    set(sizes "[135]")
    if(ARG_PASSES STREQUAL "fwd;bwd_weights")
        set(sizes "[1357]")
    endif()
    if(NOT "${ARG_FILTER}" MATCHES "^${sizes};${sizes}$" OR NOT "${ARG_STRIDE}" MATCHES "^(1;1|2;2)$"
       OR NOT "${ARG_PASSES}" MATCHES "^fwd;(bwd_data;)?bwd_weights$" OR ARG_UNPARSED_ARGUMENTS
       OR "${ARG_FILTER} ${ARG_STRIDE}" MATCHES "^[357];1 2")
        message(FATAL_ERROR "sparsetrain_add_layer_class(${ARGN}): expected NAME name, FILTER height width of 1, 3 or 5 "
                            "(or 7, without bwd_data), STRIDE 1 1 or 2 2 (not of columns such as 3 1), and PASSES fwd "
                            "bwd_data bwd_weights or fwd bwd_weights")
    endif()
    list(GET ARG_FILTER 0 FILTER_H)
    list(GET ARG_FILTER 1 FILTER_W)
    list(GET ARG_STRIDE 0 STRIDE)
    set(expected "conv${FILTER_H}x${FILTER_W}_stride${STRIDE}")
    if(NOT ARG_NAME STREQUAL expected)
        message(FATAL_ERROR "sparsetrain_add_layer_class(${ARG_NAME}): expected the name ${expected}")
    endif()
    if(DEFINED SPARSETRAIN_CLASSES AND NOT SPARSETRAIN_CLASSES STREQUAL "all" AND NOT ARG_NAME IN_LIST SPARSETRAIN_CLASSES)
        return()
    endif()
    if(NOT ARG_BLOCKINGS)
        set(ARG_BLOCKINGS wide)
    endif()
    set(LAYER_CLASS "${ARG_NAME}")
    set(CLASS_SYMBOL "sparsetrain_${ARG_NAME}")
    set(BLOCKINGS ${ARG_BLOCKINGS})
    set(GIVEN_TILES "")
    set(PASSES ${ARG_PASSES})
    set(BACKWARD_DATA false)
    if("bwd_data" IN_LIST PASSES)
        set(BACKWARD_DATA true)
    endif()

    add_library(${CLASS_SYMBOL} STATIC)
    add_library(SparseTrain::${LAYER_CLASS} ALIAS ${CLASS_SYMBOL})
    set_target_properties(${CLASS_SYMBOL} PROPERTIES
        EXPORT_NAME "${LAYER_CLASS}" POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden)
    target_link_libraries(${CLASS_SYMBOL}
        PUBLIC SparseTrain::runtime
        PRIVATE SparseTrain::halide_runtime $<BUILD_LOCAL_INTERFACE:SparseTrain::class_sources>
                $<BUILD_LOCAL_INTERFACE:$<TARGET_NAME_IF_EXISTS:sparsetrain_warnings>>)
    foreach(UARCH IN LISTS SPARSETRAIN_UARCHS)
        set(ISA "${SPARSETRAIN_ISA_OF_${UARCH}}")
        set(SKIPS_ZEROS "${BACKWARD_DATA}")
        if(NOT DEFINED SPARSETRAIN_STAGE_OPTIONS_${ISA})
            set(SKIPS_ZEROS false)
        endif()
        sparsetrain_compile_layer_class(${CLASS_SYMBOL})
        target_link_options(${CLASS_SYMBOL} INTERFACE "LINKER:--undefined=${CLASS_SYMBOL}_${UARCH}")
    endforeach()
    set_property(GLOBAL APPEND PROPERTY SPARSETRAIN_LAYER_CLASSES "${LAYER_CLASS}")
endfunction()

# Everything of LAYER_CLASS (FILTER_H, FILTER_W, STRIDE, PASSES, BLOCKINGS, SKIPS_ZEROS) for UARCH, whose instruction set is
# ISA, into LIBRARY.
function(sparsetrain_compile_layer_class LIBRARY)
    set(EPILOGUES_fwd plain relu)
    set(EPILOGUES_bwd_data plain masked)
    set(OPERANDS src diff_dst)
    set(PIPELINES "")
    set(PIPELINE_NAMES "")
    set(RECORDS "")
    set(KERNEL_LIST "")
    foreach(pass IN LISTS PASSES)
        sparsetrain_compile_kernels(${pass} ${SPARSETRAIN_KERNELS})
    endforeach()
    sparsetrain_add_record("${SPARSETRAIN_SOURCES}/runtime/src/layer_class.cpp.in" classes/${LAYER_CLASS}_${UARCH}.cpp)
endfunction()

# Sets TILES to the tile sizes of the row that the words ARGN name: a member of Tables, a pass and, where a pass has several, a
# blocking. Those behind the first `count`, on which the code does not depend, are 0. VARIANT tells it from that of other rows.
macro(sparsetrain_use_row count)
    set(TILES "${GIVEN_TILES}")
    if(NOT TILES)
        string(JOIN "_" row_name "${UARCH}" "${LAYER_CLASS}" ${ARGN})
        sparsetrain_find_row(TILES "${row_name}")
    endif()
    string(REPLACE "," ";" TILES "${TILES}")
    set(VARIANT "${ISA}")
    set(number 0)
    set(sizes "")
    foreach(size IN LISTS TILES)
        if(number LESS ${count})
            string(APPEND VARIANT "_${size}")
        else()
            set(size 0)
        endif()
        list(APPEND sizes ${size})
        math(EXPR number "${number} + 1")
    endforeach()
    list(JOIN sizes "," TILES)
endmacro()

# Sets BROADCAST_FROM_MEMORY to 0 or 1, as the stages of UARCH do it, and makes VARIANT tell.
macro(sparsetrain_use_broadcast)
    sparsetrain_find_row(BROADCAST_FROM_MEMORY "${UARCH}_broadcast_from_memory")
    if(BROADCAST_FROM_MEMORY)
        string(APPEND VARIANT "_from_memory")
    endif()
endmacro()

# Sets L2_BYTES, of which code has fractions, and makes VARIANT tell.
macro(sparsetrain_use_l2)
    sparsetrain_find_row(L2_BYTES "${UARCH}_l2_bytes")
    math(EXPR kilobytes "${L2_BYTES} / 1024")
    string(APPEND VARIANT "_of_${kilobytes}k")
endmacro()

# The value of `name` in the list of rows.
function(sparsetrain_find_row RESULT name)
    get_property(are_read GLOBAL PROPERTY SPARSETRAIN_ROWS_ARE_READ SET)
    if(NOT are_read)
        file(STRINGS "${SPARSETRAIN_ROWS}" rows)
        foreach(row IN LISTS rows)
            string(REGEX MATCH "^([^ ]+) (.+)$" row "${row}")
            set_property(GLOBAL PROPERTY "SPARSETRAIN_ROW_${CMAKE_MATCH_1}" "${CMAKE_MATCH_2}")
        endforeach()
        set_property(GLOBAL PROPERTY SPARSETRAIN_ROWS_ARE_READ TRUE)
    endif()
    get_property(value GLOBAL PROPERTY "SPARSETRAIN_ROW_${name}")
    if(value STREQUAL "")
        message(FATAL_ERROR "schedules/: expected a row ${name}")
    endif()
    set(${RESULT} "${value}" PARENT_SCOPE)
endfunction()

# Whether LIBRARY has no `symbol` yet; now it has.
function(sparsetrain_is_new RESULT symbol)
    get_property(symbols GLOBAL PROPERTY "SPARSETRAIN_SYMBOLS_OF_${LIBRARY}")
    set(is_new TRUE)
    if("${symbol}" IN_LIST symbols)
        set(is_new FALSE)
    endif()
    set_property(GLOBAL APPEND PROPERTY "SPARSETRAIN_SYMBOLS_OF_${LIBRARY}" "${symbol}")
    set(${RESULT} ${is_new} PARENT_SCOPE)
endfunction()

# Compiles pipeline `name` of the class from `generator`, whose parameters are those of the class, the row in use and ARGN,
# unless the class has it, of another microarchitecture with the same row. The record calls it PIPELINE(name).
macro(sparsetrain_add_class_pipeline name generator)
    set(symbol "${CLASS_SYMBOL}_${name}_f32_${VARIANT}")
    sparsetrain_is_new(is_new "${symbol}")
    if(is_new)
        sparsetrain_add_pipeline(${LIBRARY} ${symbol} ${generator} ISA ${ISA} FROM SparseTrain::${generator}_generator
            PARAMS isa=${ISA} tiles=${TILES} filter_h=${FILTER_H} filter_w=${FILTER_W} stride=${STRIDE} ${ARGN})
    endif()
    list(APPEND PIPELINES "${symbol}")
    string(APPEND PIPELINE_NAMES "constexpr auto* ${name} = &${symbol};\n")
endmacro()

# Compiles a source of runtime/stages/ for `kernel` of the class with the definitions ARGN, unless the class has it. It is an
# object library of its own, as one source serves many rows. The address and undefined-behaviour sanitizers stay out of it:
# their code, built for AVX-512, would be merged with that of functions that run before the CPU is checked.
macro(sparsetrain_add_stage kernel source)
    set(stage_target "${CLASS_SYMBOL}_${kernel}_${VARIANT}_stage")
    sparsetrain_is_new(is_new "${stage_target}")
    if(is_new)
        sparsetrain_compile_stage(${stage_target} ${source} ${ARGN})
    endif()
endmacro()

macro(sparsetrain_compile_stage stage source)
    add_library(${stage} OBJECT "${SPARSETRAIN_SOURCES}/runtime/stages/${source}")
    target_compile_definitions(${stage} PRIVATE
        SPARSETRAIN_TILES=${TILES} SPARSETRAIN_BROADCAST_FROM_MEMORY=${BROADCAST_FROM_MEMORY}
        SPARSETRAIN_FILTER_H=${FILTER_H} SPARSETRAIN_FILTER_W=${FILTER_W} SPARSETRAIN_STRIDE=${STRIDE} ${ARGN})
    # -Wmaybe-uninitialized is a false alarm of GCC 12 in its own shuffle intrinsics.
    target_compile_options(${stage} PRIVATE
        -O3 ${SPARSETRAIN_STAGE_OPTIONS_${ISA}} -fno-exceptions -fno-rtti -fno-sanitize=address,undefined
        $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
    set_target_properties(${stage} PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden)
    target_link_libraries(${stage} PRIVATE
        SparseTrain::class_sources $<TARGET_NAME_IF_EXISTS:sparsetrain_warnings>)
    target_sources(${LIBRARY} PRIVATE $<TARGET_OBJECTS:${stage}>)
endmacro()
