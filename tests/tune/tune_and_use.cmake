# Script mode; see CMakeLists.txt for the variables.
set(prefix "${WORK_DIR}/installed")
set(schedules "${WORK_DIR}/my_cpu.inc")
set(build "${WORK_DIR}/build")

function(run)
    execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

function(expect_in file pattern)
    file(READ "${file}" content)
    if(NOT content MATCHES "${pattern}")
        message(FATAL_ERROR "${file}: expected ${pattern}, found\n${content}")
    endif()
endfunction()

file(REMOVE_RECURSE "${WORK_DIR}")
run("${CMAKE_COMMAND}" --install "${BUILD_DIR}" --prefix "${prefix}")

# The tools that the build has, first in PATH.
get_filename_component(cmake_dir "${CMAKE_COMMAND}" DIRECTORY)
get_filename_component(ninja_dir "${MAKE_PROGRAM}" DIRECTORY)
set(ENV{PATH} "${cmake_dir}:${ninja_dir}:$ENV{PATH}")
set(ENV{CXX} "${COMPILER}")

set(tune "${prefix}/bin/sparsetrain" tune --class conv3x3_stride1 --pass fwd --kernel zero_skip --layer 3x3_256-256_14
    --percents 50,90 --out "${schedules}")
# Ctrl-C as soon as it measures, however soon that is: its exit status, and a whole file.
set(interrupt [[
"$@" --budget 1h >"$log" 2>&1 &
while kill -0 $! && ! grep -q measuring "$log"; do sleep 0.05; done
kill -s INT $!
wait $!
]])
execute_process(COMMAND "${CMAKE_COMMAND}" -E env "log=${WORK_DIR}/interrupted.log" sh -c "${interrupt}" sh ${tune}
    RESULT_VARIABLE status)
if(NOT status EQUAL 130)
    file(READ "${WORK_DIR}/interrupted.log" log)
    message(FATAL_ERROR "expected the exit status 130, given ${status}, after\n${log}")
endif()
expect_in("${schedules}" "kTables = .*}  // namespace sparsetrain::schedules::tuned\n$")
# A minute, or as many more as a busy machine takes for the first rows.
foreach(minute RANGE 10)
    run(${tune} --budget 60s)
    file(STRINGS "${schedules}.work/journal.jsonl" trials REGEX "\"record\":\"trial\"")
    if(trials)
        break()
    endif()
endforeach()
expect_in("${schedules}.work/journal.jsonl" "\"record\":\"trial\".*\"failure\":\"\"")
expect_in("${schedules}.work/summary.md" "conv3x3_stride1/fwd/zero_skip/wide \\| .* \\| [1-9][0-9]* \\|\n")
expect_in("${schedules}" "\n// What kernels cost:\n.*\"conv3x3_stride1\", \"fwd\", *\"zero_skip\",[^\n]*cost measured")
run("${prefix}/bin/sparsetrain" tune --explain --class conv3x3_stride1 --pass fwd --kernel zero_skip --out "${schedules}")

# The build takes it. SPARSETRAIN_UARCHS: beside it, one is enough.
run("${CMAKE_COMMAND}" -S "${SOURCE_DIR}" -B "${build}" -G Ninja -D "CMAKE_MAKE_PROGRAM=${MAKE_PROGRAM}"
    -D "CMAKE_CXX_COMPILER=${COMPILER}" -D CMAKE_BUILD_TYPE=Release -D "Halide_DIR=${HALIDE_DIR}"
    -D "HalideHelpers_DIR=${HALIDE_HELPERS_DIR}" -D SPARSETRAIN_UARCHS=avx2 -D "SPARSETRAIN_SCHEDULES=${schedules}")
run("${CMAKE_COMMAND}" --build "${build}" --target tuned_test)
run("${build}/tests/tuned_test")
