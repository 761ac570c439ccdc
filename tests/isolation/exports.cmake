# What archives would export from whatever links them.
set(check_exports ${Python3_EXECUTABLE} "${PROJECT_SOURCE_DIR}/tests/scripts/check_exports.py" ${CMAKE_OBJDUMP})
set(of_standard_library "_Z[A-Z]*St.*")

add_test(NAME archives_export_nothing COMMAND ${check_exports} "${of_standard_library}" ${libraries})
# The check can fail: it does on an archive of Halide code compiled in the usual way.
add_test(NAME archives_check_fails_on_user_negate COMMAND ${check_exports} "${of_standard_library}" $<TARGET_FILE:user_negate>)
set_tests_properties(archives_check_fails_on_user_negate PROPERTIES PASS_REGULAR_EXPRESSION "exports user_negate\n")
