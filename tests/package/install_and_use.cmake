# Script mode; see CMakeLists.txt for the variables.
set(installed "${WORK_DIR}/installed")
set(prefix "${WORK_DIR}/moved, with spaces")

function(run)
    execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE "${WORK_DIR}")
run("${CMAKE_COMMAND}" --install "${BUILD_DIR}" --config "${BUILD_TYPE}" --prefix "${installed}")
file(RENAME "${installed}" "${prefix}")
file(GLOB_RECURSE texts "${prefix}/*.cmake" "${prefix}/*.pc" "${prefix}/*.h" "${prefix}/*.in")
foreach(text IN LISTS texts)
    file(READ "${text}" content)
    foreach(path IN ITEMS "${BUILD_DIR}" "${SOURCE_DIR}" "${installed}")
        string(FIND "${content}" "${path}" at)
        if(NOT at EQUAL -1)
            message(FATAL_ERROR "${text} names ${path}: the package could not be moved")
        endif()
    endforeach()
endforeach()

set(ENV{PKG_CONFIG_PATH} "")  # of the package: set by the project

# use(PROJECT NAME definition...): builds PROJECT against the package, in ${WORK_DIR}/NAME.
function(use PROJECT NAME)
    run("${CMAKE_COMMAND}" -S "${PROJECT}" -B "${WORK_DIR}/${NAME}" -G "${GENERATOR}"
        -D "CMAKE_MAKE_PROGRAM=${MAKE_PROGRAM}" -D "CMAKE_CXX_COMPILER=${COMPILER}" -D "CMAKE_CXX_FLAGS=${FLAGS}"
        -D "CMAKE_BUILD_TYPE=${BUILD_TYPE}" -D "CMAKE_PREFIX_PATH=${prefix}" ${ARGN})
    run("${CMAKE_COMMAND}" --build "${WORK_DIR}/${NAME}")
endfunction()

use("${CMAKE_CURRENT_LIST_DIR}/consumer" consumer -D "CLASSES=${CLASSES}" -D "REFERENCE_DIR=${SOURCE_DIR}/tests/reference")
run("${WORK_DIR}/consumer/app")
run("${WORK_DIR}/consumer/by_pkg_config")
run("${WORK_DIR}/consumer/one_class")
file(SIZE "${WORK_DIR}/consumer/one_class" size)
message(STATUS "size of a program that links SparseTrain::conv3x3_stride1 only, stripped: ${size} bytes")

foreach(example IN ITEMS one_layer own_class)
    use("${SOURCE_DIR}/examples/${example}" ${example})
    run("${WORK_DIR}/${example}/${example}")
endforeach()
