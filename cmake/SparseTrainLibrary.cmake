# What programs link: the runtime with every layer class.

# As archives; the project's own programs always link these, as their operators call pipelines, which are nobody else's.
list(TRANSFORM layer_classes PREPEND SparseTrain:: OUTPUT_VARIABLE class_libraries)
add_library(sparsetrain_archives INTERFACE)
target_link_libraries(sparsetrain_archives INTERFACE sparsetrain_runtime ${class_libraries})

if(NOT BUILD_SHARED_LIBS)
    add_library(sparsetrain ALIAS sparsetrain_archives)
    return()
endif()

# As one shared library, of which only the API can be seen.
set(exports "${PROJECT_SOURCE_DIR}/cmake/exports.map")
add_library(sparsetrain SHARED $<TARGET_OBJECTS:sparsetrain_runtime>)
target_link_libraries(sparsetrain PUBLIC sparsetrain_api PRIVATE sparsetrain_archives)
target_link_options(sparsetrain PRIVATE "LINKER:--version-script=${exports}")
# SemVer: before 1.0, a minor version may change anything.
set_target_properties(sparsetrain PROPERTIES
    LINK_DEPENDS "${exports}" LINKER_LANGUAGE CXX
    VERSION "${PROJECT_VERSION}" SOVERSION "${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}")
