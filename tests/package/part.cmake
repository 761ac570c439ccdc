# The least that may be built, on a machine that has nothing but Halide: one class for this CPU, as archives and as a shared
# library, each installed and used.
include("${CMAKE_CURRENT_LIST_DIR}/steps.cmake")

set(build "${WORK_DIR}/build")
set(absent benchmark CLI11 GTest nlohmann_json OpenMP Python3 ZLIB)
list(TRANSFORM absent REPLACE "(.+)" "-DCMAKE_DISABLE_FIND_PACKAGE_\\1=ON")

set(configure_part ${configure} -S "${SOURCE_DIR}" -B "${build}" -D "Halide_DIR=${HALIDE_DIR}"
    -D "HalideHelpers_DIR=${HALIDE_HELPERS_DIR}" ${absent} -D SPARSETRAIN_PARTS=library -D SPARSETRAIN_UARCHS=native
    -D SPARSETRAIN_CLASSES=conv3x3_stride1)

# build_and_install(SHARED PREFIX)
function(build_and_install SHARED PREFIX)
    run(${configure_part} -D BUILD_SHARED_LIBS=${SHARED})
    run("${CMAKE_COMMAND}" --build "${build}")
    expect_nothing_to_build(-D BUILD_SHARED_LIBS=${SHARED})
    run("${build}/bin/first_convolution")
    run("${CMAKE_COMMAND}" --install "${build}" --prefix "${PREFIX}")
endfunction()

# expect_nothing_to_build(definition...): after what was built is configured again.
function(expect_nothing_to_build)
    if(GENERATOR STREQUAL "Ninja")
        run(${configure_part} ${ARGN})
        execute_process(COMMAND "${MAKE_PROGRAM}" -C "${build}" -n OUTPUT_VARIABLE said COMMAND_ERROR_IS_FATAL ANY)
        if(NOT said MATCHES "no work to do")
            message(FATAL_ERROR "configured again: expected no work to do, found\n${said}")
        endif()
    endif()
endfunction()

# run_one_layer(PROGRAM): which says what other classes there are, and how to have more.
function(run_one_layer PROGRAM)
    execute_process(COMMAND "${PROGRAM}" OUTPUT_VARIABLE said COMMAND_ERROR_IS_FATAL ANY)
    set(expected "\\(conv3x3_stride1\\), given conv1x1_stride1; CMake's sparsetrain_add_layer_class")
    if(NOT said MATCHES "${expected}")
        message(FATAL_ERROR "${PROGRAM}: expected ${expected}, found ${said}")
    endif()
endfunction()

# use_by_both(PREFIX NAME): by find_package, and in a shell by pkg-config.
function(use_by_both PREFIX NAME)
    set(example "${SOURCE_DIR}/examples/one_layer")
    use("${PREFIX}" "${example}" "${WORK_DIR}/${NAME}")
    run_one_layer("${WORK_DIR}/${NAME}/one_layer")

    file(GLOB_RECURSE description "${PREFIX}/*/sparsetrain.pc")
    cmake_path(GET description PARENT_PATH directory)
    set(ENV{PKG_CONFIG_PATH} "${directory}")
    set(program "${WORK_DIR}/${NAME}/by_pkg_config")
    run(sh -c [[eval "$1 -std=c++20 $2 -o $3 $(pkg-config --cflags --libs sparsetrain)"]] sh
        "${COMPILER}" "${example}/one_layer.cpp" "${program}")
    run_one_layer("${program}")

    # From C, with nothing of C++.
    file(GLOB_RECURSE library "${PREFIX}/*/libsparsetrain_c.so")
    cmake_path(GET library PARENT_PATH directory)
    set(ENV{LD_LIBRARY_PATH} "${directory}")
    set(program "${WORK_DIR}/${NAME}/c_layer")
    run(sh -c [[eval "$1 -std=c99 -pthread $2 -o $3 $(pkg-config --cflags --libs sparsetrain_c)"]] sh
        "${C_COMPILER}" "${SOURCE_DIR}/examples/c_layer.c" "${program}")
    run("${program}")
endfunction()

# expect_no_package(PATTERN PREFIX line...): of a project with these lines.
function(expect_no_package PATTERN PREFIX)
    list(JOIN ARGN "\n" lines)
    file(WRITE "${WORK_DIR}/refused/CMakeLists.txt" "cmake_minimum_required(VERSION 3.28)\nproject(refused CXX)\n${lines}\n")
    expect_failure("${PATTERN}" ${configure} -S "${WORK_DIR}/refused" -B "${WORK_DIR}/refused/build"
                   -D "CMAKE_PREFIX_PATH=${PREFIX}")
    file(REMOVE_RECURSE "${WORK_DIR}/refused")
endfunction()

file(REMOVE_RECURSE "${WORK_DIR}")
set(add_class "sparsetrain_add_layer_class(NAME conv3x5_stride1 FILTER 3 5 STRIDE 1 1 PASSES fwd bwd_weights)")

set(archives "${WORK_DIR}/with archives")
build_and_install(OFF "${archives}")
use_by_both("${archives}" archives)
expect_no_package("COMPONENTS: expected layer classes of this package \\(conv3x3_stride1\\), given conv3x5_stride1;conv9x9"
    "${archives}" "find_package(SparseTrain REQUIRED COMPONENTS conv3x3_stride1 conv3x5_stride1 conv9x9)")
expect_no_package("sparsetrain_add_layer_class: expected CMake 3.26 or newer, given 3.25.1"
    "${archives}" "find_package(SparseTrain REQUIRED)" "set(CMAKE_VERSION 3.25.1)" "${add_class}")

set(shared "${WORK_DIR}/with a shared library")
build_and_install(ON "${shared}")
file(GLOB_RECURSE library "${shared}/*/libsparsetrain.so")
cmake_path(GET library PARENT_PATH directory)
set(ENV{LD_LIBRARY_PATH} "${directory}")
use_by_both("${shared}" shared)
run("${PYTHON}" "${SOURCE_DIR}/tests/scripts/check_exports.py" "${OBJDUMP}"
    "_Z[A-Z]*11sparsetrain(?!6detail)(?!.*4Impl).*" "${library}")
expect_no_package("sparsetrain_add_layer_class: expected a package of archives"
    "${shared}" "find_package(SparseTrain REQUIRED)" "${add_class}")
