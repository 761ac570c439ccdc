# The package: the libraries that programs link, their headers, and what find_package and pkg-config read. Nothing
# installed names the build tree or the prefix.
include(CMakePackageConfigHelpers)
set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/SparseTrain")

get_property(layer_classes GLOBAL PROPERTY SPARSETRAIN_LAYER_CLASSES)
list(TRANSFORM layer_classes PREPEND sparsetrain_ OUTPUT_VARIABLE class_libraries)
install(TARGETS sparsetrain sparsetrain_runtime sparsetrain_ops sparsetrain_halide_runtime ${class_libraries}
    EXPORT SparseTrain FILE_SET HEADERS)
install(EXPORT SparseTrain NAMESPACE SparseTrain:: FILE SparseTrainTargets.cmake DESTINATION "${package_dir}")

# SemVer: before 1.0, a minor version may change anything.
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/SparseTrainConfig.cmake.in"
    "${PROJECT_BINARY_DIR}/package/SparseTrainConfig.cmake" INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/package/SparseTrainConfigVersion.cmake"
    COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/package/SparseTrainConfig.cmake"
              "${PROJECT_BINARY_DIR}/package/SparseTrainConfigVersion.cmake"
        DESTINATION "${package_dir}")

# pkg-config has all classes: a program needs no symbol twice, so a static library per class and its records suffice.
set(PC_LIBRARIES "")
foreach(layer_class IN LISTS layer_classes)
    foreach(uarch IN LISTS SPARSETRAIN_UARCHS)
        string(APPEND PC_LIBRARIES " -Wl,--undefined=sparsetrain_${layer_class}_${uarch}")
    endforeach()
    string(APPEND PC_LIBRARIES " -lsparsetrain_${layer_class}")
endforeach()
file(RELATIVE_PATH PC_PREFIX "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
configure_file("${PROJECT_SOURCE_DIR}/cmake/sparsetrain.pc.in" "${PROJECT_BINARY_DIR}/package/sparsetrain.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/package/sparsetrain.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
