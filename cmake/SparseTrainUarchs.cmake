# Which microarchitectures a build compiles. What it leaves out is never chosen at run time.

# SPARSETRAIN_CPU_UARCHS: those that this machine's CPU can run, best first, as the runtime would choose.
try_run(lists compiles "${PROJECT_BINARY_DIR}/cpu_uarchs"
    SOURCES "${PROJECT_SOURCE_DIR}/cmake/cpu_uarchs.cpp" "${PROJECT_SOURCE_DIR}/runtime/src/cpu.cpp"
    CMAKE_FLAGS "-DINCLUDE_DIRECTORIES=${PROJECT_SOURCE_DIR};${PROJECT_SOURCE_DIR}/runtime/src"
    COMPILE_OUTPUT_VARIABLE compiler_says RUN_OUTPUT_VARIABLE SPARSETRAIN_CPU_UARCHS
    CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON)
if(NOT compiles OR NOT lists EQUAL 0)
    message(FATAL_ERROR "cmake/cpu_uarchs.cpp: expected to compile and run, given\n${compiler_says}")
endif()
if(SPARSETRAIN_TUNED_ISA)
    list(PREPEND SPARSETRAIN_CPU_UARCHS tuned)
endif()

set(SPARSETRAIN_UARCHS all CACHE STRING
    "Microarchitectures to compile layer classes for: all, native (the one that suits this CPU), or a list of names")
if(SPARSETRAIN_UARCHS STREQUAL "all")
    set(SPARSETRAIN_UARCHS ${SPARSETRAIN_KNOWN_UARCHS})
elseif(SPARSETRAIN_UARCHS STREQUAL "native")
    list(GET SPARSETRAIN_CPU_UARCHS 0 SPARSETRAIN_UARCHS)
elseif(SPARSETRAIN_TUNED_ISA AND NOT "tuned" IN_LIST SPARSETRAIN_UARCHS)
    list(PREPEND SPARSETRAIN_UARCHS tuned)  # whoever gives its file wants it
endif()
set(unknown ${SPARSETRAIN_UARCHS})
list(REMOVE_ITEM unknown ${SPARSETRAIN_KNOWN_UARCHS})
if(unknown OR NOT SPARSETRAIN_UARCHS)
    message(FATAL_ERROR "SPARSETRAIN_UARCHS: expected all, native, or some of ${SPARSETRAIN_KNOWN_UARCHS}, "
                        "given ${SPARSETRAIN_UARCHS}")
endif()

# What has no schedule rows is compiled for the instruction sets of these, and, as Halide compiles what chooses between them for
# the last, for that of every CPU.
set(wanted baseline)
foreach(uarch IN LISTS SPARSETRAIN_UARCHS)
    list(APPEND wanted "${SPARSETRAIN_ISA_OF_${uarch}}")
endforeach()
foreach(isa IN LISTS SPARSETRAIN_ISAS)
    if(NOT isa IN_LIST wanted)
        list(REMOVE_ITEM SPARSETRAIN_ISAS ${isa})
    endif()
endforeach()
