# -DSPARSETRAIN_SCHEDULES=FILE, which `sparsetrain tune` wrote: its tables become schedules/tuned.h of this build, and
# classes are compiled for the microarchitecture `tuned`, too.
set(SPARSETRAIN_SCHEDULES "" CACHE FILEPATH "Schedule tables that `sparsetrain tune` wrote")
set(SPARSETRAIN_TUNED_ISA "")

# CMake wraps lines that are not indented, and names of files with them.
function(sparsetrain_refuse_schedules FILE FAULT)
    message(FATAL_ERROR "SPARSETRAIN_SCHEDULES: expected a file that `sparsetrain tune` wrote, given\n  ${FILE}\n  ${FAULT}")
endfunction()

# Compiles FILE as schedules/tuned.h and checks every row of it.
function(sparsetrain_check_schedules FILE)
    set(dir "${PROJECT_BINARY_DIR}/check_schedules")
    configure_file("${FILE}" "${dir}/schedules/tuned.h" COPYONLY)
    set(source "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/check_schedules.cpp")
    try_run(result compiles SOURCES "${source}" NO_CACHE
        CMAKE_FLAGS "-DINCLUDE_DIRECTORIES=${dir};${CMAKE_CURRENT_FUNCTION_LIST_DIR}/.."
        COMPILE_DEFINITIONS -DSPARSETRAIN_TUNED
        COMPILE_OUTPUT_VARIABLE compiler_says RUN_OUTPUT_VARIABLE faults
        CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON)
    if(NOT compiles)
        string(REPLACE "\n" "\n  " compiler_says "${compiler_says}")
        sparsetrain_refuse_schedules("${FILE}" "which does not compile:\n  ${compiler_says}")
    elseif(NOT result EQUAL 0)
        sparsetrain_refuse_schedules("${FILE}" "which has faults:\n${faults}")
    endif()
endfunction()

if(SPARSETRAIN_SCHEDULES)
    file(REAL_PATH "${SPARSETRAIN_SCHEDULES}" tuned_file BASE_DIRECTORY "${CMAKE_BINARY_DIR}")
    if(NOT EXISTS "${tuned_file}")
        sparsetrain_refuse_schedules("${tuned_file}" "which does not exist")
    elseif(IS_DIRECTORY "${tuned_file}")
        sparsetrain_refuse_schedules("${tuned_file}" "which is a folder")
    endif()
    file(READ "${tuned_file}" tuned_text)
    if(NOT tuned_text MATCHES "namespace sparsetrain::schedules::tuned {.*\\.isa = \"([a-z0-9_]+)\"")
        sparsetrain_refuse_schedules("${tuned_file}" "without tables in a namespace sparsetrain::schedules::tuned")
    endif()
    set(SPARSETRAIN_TUNED_ISA "${CMAKE_MATCH_1}")
    sparsetrain_check_schedules("${tuned_file}")
    set(SPARSETRAIN_TUNED_INCLUDE "${PROJECT_BINARY_DIR}/tuned")
    configure_file("${tuned_file}" "${SPARSETRAIN_TUNED_INCLUDE}/schedules/tuned.h" COPYONLY)
endif()

# Gives TARGET's users the tables, where there are any.
function(sparsetrain_use_tuned_schedules TARGET)
    if(SPARSETRAIN_TUNED_ISA)
        target_compile_definitions(${TARGET} INTERFACE SPARSETRAIN_TUNED)
        target_include_directories(${TARGET} INTERFACE "$<BUILD_INTERFACE:${SPARSETRAIN_TUNED_INCLUDE}>")
    endif()
endfunction()
