# What compiled code depends on of schedules/, known to CMake: so that of a row that changes just its own code is compiled
# again, and code that several microarchitectures share is compiled once. The package has the list of its build.
set(SPARSETRAIN_ROWS "${PROJECT_BINARY_DIR}/rows.txt")

file(GLOB headers "${PROJECT_SOURCE_DIR}/schedules/*.h")
list(REMOVE_ITEM headers "${PROJECT_SOURCE_DIR}/schedules/costs.h")  # which no code depends on
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
    ${headers} "${PROJECT_SOURCE_DIR}/cmake/list_rows.cpp")
set(definitions "")
if(SPARSETRAIN_TUNED_ISA)
    set(definitions COMPILE_DEFINITIONS -DSPARSETRAIN_TUNED)
endif()
try_run(lists compiles SOURCES "${PROJECT_SOURCE_DIR}/cmake/list_rows.cpp" NO_CACHE
    CMAKE_FLAGS "-DINCLUDE_DIRECTORIES=${SPARSETRAIN_TUNED_INCLUDE};${PROJECT_SOURCE_DIR}" ${definitions}
    COMPILE_OUTPUT_VARIABLE compiler_says RUN_OUTPUT_VARIABLE rows
    CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON)
if(NOT compiles OR NOT lists EQUAL 0)
    message(FATAL_ERROR "schedules/: expected tables that compile, given\n${compiler_says}")
endif()
file(WRITE "${SPARSETRAIN_ROWS}" "${rows}")
