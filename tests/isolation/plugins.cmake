# Shared libraries, such as plugins, that link the archives: each has the library for itself, whatever else is in the process.
set(consumer "${PROJECT_SOURCE_DIR}/tests/package/consumer")

# sparsetrain_add_plugin(CLASS VISIBILITY)
function(sparsetrain_add_plugin CLASS VISIBILITY)
    set(plugin plugin_${CLASS}_${VISIBILITY})
    add_library(${plugin} SHARED plugin.cpp)
    set_target_properties(${plugin} PROPERTIES CXX_VISIBILITY_PRESET ${VISIBILITY} VISIBILITY_INLINES_HIDDEN OFF)
    target_include_directories(${plugin} PRIVATE "${consumer}")
    target_compile_definitions(${plugin} PRIVATE PLUGIN_CLASS="${CLASS}" PLUGIN_CHECK=check_${CLASS})
    target_link_libraries(${plugin} PRIVATE SparseTrain::${CLASS} conv_reference sparsetrain_warnings)
endfunction()

add_executable(plugins_opened plugins_opened.cpp)
set_target_properties(plugins_opened PROPERTIES ENABLE_EXPORTS ON)
target_include_directories(plugins_opened PRIVATE "${consumer}")
target_link_libraries(plugins_opened PRIVATE SparseTrain::conv3x3_stride1 conv_reference sparsetrain_warnings)

# add_plugin_tests(VISIBILITY FIRST SECOND)
function(add_plugin_tests VISIBILITY FIRST SECOND)
    set(linked plugins_linked_${FIRST}_first_${VISIBILITY})
    add_executable(${linked} plugins_linked.cpp)
    set_target_properties(${linked} PROPERTIES LINK_DEPENDS_NO_SHARED ON)  # what a plugin has inside is its own
    target_link_libraries(${linked} PRIVATE plugin_${FIRST}_${VISIBILITY} plugin_${SECOND}_${VISIBILITY})
    add_test(NAME ${linked} COMMAND ${linked})
    foreach(scope IN ITEMS local global)
        add_test(NAME plugins_opened_${scope}_${FIRST}_first_${VISIBILITY} COMMAND plugins_opened ${scope}
            $<TARGET_FILE:plugin_${FIRST}_${VISIBILITY}> check_${FIRST}
            $<TARGET_FILE:plugin_${SECOND}_${VISIBILITY}> check_${SECOND})
    endforeach()
endfunction()

foreach(visibility IN ITEMS hidden default)
    sparsetrain_add_plugin(conv3x3_stride1 ${visibility})
    sparsetrain_add_plugin(conv1x1_stride1 ${visibility})
    add_plugin_tests(${visibility} conv3x3_stride1 conv1x1_stride1)
    add_plugin_tests(${visibility} conv1x1_stride1 conv3x3_stride1)
endforeach()
add_test(NAME plugins_export_their_own COMMAND ${check_exports} "check_conv.*|${of_standard_library}"
    $<TARGET_FILE:plugin_conv3x3_stride1_hidden> $<TARGET_FILE:plugin_conv1x1_stride1_hidden>)
# With default visibility, inline functions of the headers may be seen, which any copy of the library serves as well.
add_test(NAME plugins_export_no_copy_of_the_library COMMAND ${check_exports}
    "check_conv.*|${of_standard_library}|_Z[A-Z]*11sparsetrain(?!6detail|7version|(6Conv2d|9Workspace|13PackedWeights)C).*"
    $<TARGET_FILE:plugin_conv3x3_stride1_default> $<TARGET_FILE:plugin_conv1x1_stride1_default>)
