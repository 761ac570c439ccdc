# A build for ThreadSanitizer (the preset tsan), which has to see every load, store and synchronisation: those of C++, of
# stages, of pipelines and of their runtime.
option(SPARSETRAIN_TSAN "Instrument everything for ThreadSanitizer" OFF)
if(NOT SPARSETRAIN_TSAN)
    return()
endif()
add_compile_options(-fsanitize=thread)
add_link_options(-fsanitize=thread)
# LLVM instruments loads and stores of up to 16 bytes, so that pipelines have no wider vectors here. They are the same for
# every instruction set, of which one serves operators.
string(APPEND SPARSETRAIN_HALIDE_BASELINE -tsan)
foreach(isa IN LISTS SPARSETRAIN_ISAS)
    set(SPARSETRAIN_HALIDE_TARGET_${isa} x86-64-linux-sse41-tsan-user_context-no_runtime)
endforeach()
list(GET SPARSETRAIN_ISAS -1 SPARSETRAIN_ISAS)
