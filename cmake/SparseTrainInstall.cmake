# The package: the libraries that programs link, their headers, and what find_package and pkg-config read. Nothing
# installed names the build tree or the prefix.
include(CMakePackageConfigHelpers)
set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/SparseTrain")
set(data_dir "${CMAKE_INSTALL_DATADIR}/sparsetrain")
get_property(layer_classes GLOBAL PROPERTY SPARSETRAIN_LAYER_CLASSES)

if(BUILD_SHARED_LIBS)
    # It answers to the names of its parts, too.
    set(libraries sparsetrain)
    foreach(part IN ITEMS runtime ${layer_classes})
        add_library(sparsetrain_part_${part} INTERFACE)
        set_target_properties(sparsetrain_part_${part} PROPERTIES EXPORT_NAME ${part})
        target_link_libraries(sparsetrain_part_${part} INTERFACE sparsetrain)
        list(APPEND libraries sparsetrain_part_${part})
    endforeach()
else()
    set_target_properties(sparsetrain_archives PROPERTIES EXPORT_NAME sparsetrain)
    list(TRANSFORM layer_classes PREPEND sparsetrain_ OUTPUT_VARIABLE libraries)
    list(APPEND libraries sparsetrain_archives sparsetrain_runtime sparsetrain_ops sparsetrain_halide_runtime)
    include(SparseTrainInstallSources)
endif()
install(TARGETS sparsetrain_api ${libraries} EXPORT SparseTrain FILE_SET HEADERS)
if(SPARSETRAIN_HAS_PROGRAM)
    install(TARGETS sparsetrain_cli)
endif()
install(FILES "${PROJECT_SOURCE_DIR}/cmake/SparseTrainLayerClass.cmake" DESTINATION "${package_dir}")

install(EXPORT SparseTrain NAMESPACE SparseTrain:: FILE SparseTrainTargets.cmake DESTINATION "${package_dir}")

# SemVer: before 1.0, a minor version may change anything.
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/SparseTrainConfig.cmake.in"
    "${PROJECT_BINARY_DIR}/package/SparseTrainConfig.cmake" INSTALL_DESTINATION "${package_dir}"
    PATH_VARS data_dir)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/package/SparseTrainConfigVersion.cmake"
    COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/package/SparseTrainConfig.cmake"
              "${PROJECT_BINARY_DIR}/package/SparseTrainConfigVersion.cmake"
        DESTINATION "${package_dir}")

# pkg-config has all classes, with the options by which the linker finds the records in their archives.
set(PC_NAME SparseTrain)
if(BUILD_SHARED_LIBS)
    set(PC_CFLAGS " -DSPARSETRAIN_SHARED")
    set(PC_LIBRARIES " -lsparsetrain")
else()
    set(PC_CFLAGS "")
    set(PC_LIBRARIES "")
    foreach(layer_class IN LISTS layer_classes)
        foreach(uarch IN LISTS SPARSETRAIN_UARCHS)
            string(APPEND PC_LIBRARIES " -Wl,--undefined=sparsetrain_${layer_class}_${uarch}")
        endforeach()
        string(APPEND PC_LIBRARIES " -lsparsetrain_${layer_class}")
    endforeach()
    string(APPEND PC_LIBRARIES " -lsparsetrain_runtime -lsparsetrain_ops -lsparsetrain_halide_runtime -pthread -ldl")
endif()
file(RELATIVE_PATH PC_PREFIX "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
configure_file("${PROJECT_SOURCE_DIR}/cmake/sparsetrain.pc.in" "${PROJECT_BINARY_DIR}/package/sparsetrain.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/package/sparsetrain.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
