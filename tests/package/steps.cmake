# For the scripts beside this file; see CMakeLists.txt for the variables.
set(ENV{PKG_CONFIG_PATH} "")  # of the package: set by whoever looks for it

function(run)
    execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# expect_failure(PATTERN command...): it fails, and says so. In messages of CMake a line may end where a blank is meant.
function(expect_failure PATTERN)
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_QUIET ERROR_VARIABLE error)
    string(REGEX REPLACE "[ \n]+" " " said "${error}")
    if(result EQUAL 0 OR NOT said MATCHES "${PATTERN}")
        message(FATAL_ERROR "${ARGN}: expected to fail with ${PATTERN}, found ${result}: ${error}")
    endif()
endfunction()

set(configure "${CMAKE_COMMAND}" -G "${GENERATOR}" -D "CMAKE_MAKE_PROGRAM=${MAKE_PROGRAM}" -D "CMAKE_CXX_COMPILER=${COMPILER}"
    -D "CMAKE_C_COMPILER=${C_COMPILER}"
    -D "CMAKE_CXX_FLAGS=${FLAGS}" -D "CMAKE_BUILD_TYPE=${BUILD_TYPE}")

# use(PREFIX PROJECT BUILD definition...): builds PROJECT against the package, in BUILD.
function(use PREFIX PROJECT BUILD)
    run(${configure} -S "${PROJECT}" -B "${BUILD}" -D "CMAKE_PREFIX_PATH=${PREFIX}" ${ARGN})
    run("${CMAKE_COMMAND}" --build "${BUILD}")
endfunction()
