# A layer class (filter size and stride) becomes one static library per class: its pipelines, its zero-skip stages, and a
# function through which the runtime finds them. Nothing registers itself: the library that a program links holds a
# generated list of the classes in it, with explicit references.

# sparsetrain_add_layer_class(NAME name FILTER height width STRIDE stride PASSES pass...)
function(sparsetrain_add_layer_class)
    cmake_parse_arguments(PARSE_ARGV 0 ARG "" "NAME;STRIDE" "FILTER;PASSES")
    list(GET ARG_FILTER 0 filter_h)
    list(GET ARG_FILTER 1 filter_w)
    set(geometry "filter_h=${filter_h}" "filter_w=${filter_w}" "stride=${ARG_STRIDE}")
    set(library "sparsetrain_${ARG_NAME}")
    add_library(${library} STATIC)
    set_property(GLOBAL APPEND PROPERTY SPARSETRAIN_LAYER_CLASSES ${ARG_NAME})
endfunction()

# sparsetrain_add_library(TARGET): the runtime with every layer class added so far.
function(sparsetrain_add_library TARGET)
    add_library(${TARGET} INTERFACE)
    target_link_libraries(${TARGET} INTERFACE sparsetrain_runtime)
endfunction()
