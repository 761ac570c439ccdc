# -DSPARSETRAIN_SCHEDULES=FILE, which `sparsetrain tune` wrote: its tables become schedules/tuned.h of this build, its costs
# schedules/costs/tuned.h, and classes are compiled for the microarchitecture `tuned`, too.
set(SPARSETRAIN_SCHEDULES "" CACHE FILEPATH "Schedule tables that `sparsetrain tune` wrote")
set(SPARSETRAIN_TUNED_ISA "")

# CMake wraps lines that are not indented, and names of files with them.
function(sparsetrain_refuse_schedules FILE FAULT)
    message(FATAL_ERROR "SPARSETRAIN_SCHEDULES: expected a file that `sparsetrain tune` wrote, given\n  ${FILE}\n  ${FAULT}")
endfunction()

# Cuts FILE at the line "// What kernels cost:" into DIR/schedules/tuned.h and DIR/schedules/costs/tuned.h. The comment on top,
# which has the date, stays behind.
function(sparsetrain_split_schedules FILE DIR)
    file(READ "${FILE}" text)
    set(marker "\n// What kernels cost:\n")
    string(FIND "${text}" "${marker}" end)
    if(end EQUAL -1)
        sparsetrain_refuse_schedules("${FILE}" "without costs behind a line // What kernels cost:")
    endif()
    string(SUBSTRING "${text}" 0 ${end} tables)
    string(REGEX REPLACE "^(//[^\n]*\n)+" "" tables "${tables}")
    string(LENGTH "${marker}" length)
    math(EXPR begin "${end} + ${length}")
    string(SUBSTRING "${text}" ${begin} -1 costs)
    file(WRITE "${DIR}/schedules/tuned.h" "${tables}\n")
    file(WRITE "${DIR}/schedules/costs/tuned.h" "#pragma once\n\n${costs}")
endfunction()

# Compiles what FILE became in DIR and checks every row of it.
function(sparsetrain_check_schedules FILE DIR)
    set(source "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/check_schedules.cpp")
    try_run(result compiles SOURCES "${source}" NO_CACHE
        CMAKE_FLAGS "-DINCLUDE_DIRECTORIES=${DIR};${CMAKE_CURRENT_FUNCTION_LIST_DIR}/.."
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
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${tuned_file}")
    file(READ "${tuned_file}" tuned_text)
    if(NOT tuned_text MATCHES "namespace sparsetrain::schedules::tuned {.*\\.isa = \"([a-z0-9_]+)\"")
        sparsetrain_refuse_schedules("${tuned_file}" "without tables in a namespace sparsetrain::schedules::tuned")
    endif()
    set(SPARSETRAIN_TUNED_ISA "${CMAKE_MATCH_1}")
    set(checked_dir "${PROJECT_BINARY_DIR}/check_schedules")
    sparsetrain_split_schedules("${tuned_file}" "${checked_dir}")
    sparsetrain_check_schedules("${tuned_file}" "${checked_dir}")
    # Another cost compiles no pipeline: what includes the tables alone must not see a newer file.
    set(SPARSETRAIN_TUNED_INCLUDE "${PROJECT_BINARY_DIR}/tuned")
    file(MAKE_DIRECTORY "${SPARSETRAIN_TUNED_INCLUDE}/schedules/costs")
    foreach(header IN ITEMS schedules/tuned.h schedules/costs/tuned.h)
        file(COPY_FILE "${checked_dir}/${header}" "${SPARSETRAIN_TUNED_INCLUDE}/${header}" ONLY_IF_DIFFERENT)
    endforeach()
endif()

# Gives TARGET's users the tables, where there are any.
function(sparsetrain_use_tuned_schedules TARGET)
    if(SPARSETRAIN_TUNED_ISA)
        target_compile_definitions(${TARGET} INTERFACE SPARSETRAIN_TUNED)
        target_include_directories(${TARGET} INTERFACE "$<BUILD_INTERFACE:${SPARSETRAIN_TUNED_INCLUDE}>")
    endif()
endfunction()
