# -DSPARSETRAIN_SCHEDULES=FILE, which `sparsetrain tune` wrote: its tables become schedules/tuned.h of this build, and
# classes are compiled for the microarchitecture `tuned`, too.
set(SPARSETRAIN_SCHEDULES "" CACHE FILEPATH "Schedule tables that `sparsetrain tune` wrote")
set(SPARSETRAIN_TUNED_ISA "")
if(SPARSETRAIN_SCHEDULES)
    file(REAL_PATH "${SPARSETRAIN_SCHEDULES}" tuned_file BASE_DIRECTORY "${CMAKE_BINARY_DIR}")
    if(NOT EXISTS "${tuned_file}")
        message(FATAL_ERROR "SPARSETRAIN_SCHEDULES: expected a file that `sparsetrain tune` wrote, given ${tuned_file}, "
                            "which does not exist")
    endif()
    file(READ "${tuned_file}" tuned_text)
    if(NOT tuned_text MATCHES "namespace sparsetrain::schedules::tuned {.*\\.isa = \"([a-z0-9_]+)\"")
        message(FATAL_ERROR "SPARSETRAIN_SCHEDULES: expected a file that `sparsetrain tune` wrote, given ${tuned_file}, "
                            "without tables in a namespace sparsetrain::schedules::tuned")
    endif()
    set(SPARSETRAIN_TUNED_ISA "${CMAKE_MATCH_1}")
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
