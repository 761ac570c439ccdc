# The shared library of the C interface, which C programs find by find_package(SparseTrain) or pkg-config; and, as a component
# of its own, what the Python package has of it.
set(export "")
if(SPARSETRAIN_HAS_LIBRARY)
    set(export EXPORT SparseTrain)
endif()
install(TARGETS sparsetrain_c ${export} FILE_SET HEADERS)
install(FILES "$<TARGET_FILE:sparsetrain_c>" DESTINATION sparsetrain RENAME libsparsetrain_c.so
        COMPONENT python EXCLUDE_FROM_ALL)

set(PC_NAME "SparseTrain for C")
set(PC_CFLAGS "")
set(PC_LIBRARIES " -lsparsetrain_c")
file(RELATIVE_PATH PC_PREFIX "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
configure_file("${PROJECT_SOURCE_DIR}/cmake/sparsetrain.pc.in" "${PROJECT_BINARY_DIR}/package/sparsetrain_c.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/package/sparsetrain_c.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
