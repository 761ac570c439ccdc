# The package: the libraries that programs link, their headers, and what find_package and pkg-config read. Nothing
# installed names the build tree or the prefix.
include(CMakePackageConfigHelpers)
set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/SparseTrain")

get_property(layer_classes GLOBAL PROPERTY SPARSETRAIN_LAYER_CLASSES)
list(TRANSFORM layer_classes PREPEND sparsetrain_ OUTPUT_VARIABLE class_libraries)
install(TARGETS sparsetrain sparsetrain_runtime sparsetrain_ops sparsetrain_halide_runtime ${class_libraries}
    EXPORT SparseTrain FILE_SET HEADERS)
if(SPARSETRAIN_HAS_PROGRAM)
    install(TARGETS sparsetrain_cli)
endif()

# For layer classes of users: the generators, the Halide that they run with, and all that the sources of a class include.
set(data_dir "${CMAKE_INSTALL_DATADIR}/sparsetrain")
set(generator_dir "${CMAKE_INSTALL_LIBDIR}/sparsetrain")
get_property(generators GLOBAL PROPERTY SPARSETRAIN_CONV_GENERATORS)
install(TARGETS ${generators} sparsetrain_class_sources EXPORT SparseTrain RUNTIME DESTINATION "${generator_dir}")
set_target_properties(${generators} PROPERTIES INSTALL_RPATH "$ORIGIN")
install(IMPORTED_RUNTIME_ARTIFACTS Halide::Halide LIBRARY DESTINATION "${generator_dir}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/schedules" DESTINATION "${data_dir}")
if(SPARSETRAIN_TUNED_ISA)
    install(FILES "${SPARSETRAIN_TUNED_INCLUDE}/schedules/tuned.h" DESTINATION "${data_dir}/schedules")
endif()
install(DIRECTORY "${PROJECT_SOURCE_DIR}/runtime/stages" DESTINATION "${data_dir}/runtime")
install(FILES "${PROJECT_SOURCE_DIR}/runtime/src/layer_class.h" "${PROJECT_SOURCE_DIR}/runtime/src/layer_class.cpp.in"
        DESTINATION "${data_dir}/runtime/src")
install(FILES "$<TARGET_PROPERTY:Halide::Runtime,INTERFACE_INCLUDE_DIRECTORIES>/HalideRuntime.h"
              "${SPARSETRAIN_RENAMED_SYMBOLS}"
        DESTINATION "${data_dir}")
install(FILES "${PROJECT_SOURCE_DIR}/cmake/SparseTrainPipeline.cmake"
              "${PROJECT_SOURCE_DIR}/cmake/SparseTrainLayerClass.cmake"
        DESTINATION "${package_dir}")

# What `sparsetrain tune` builds with.
if(SPARSETRAIN_HAS_ALL)
    install(TARGETS sparsetrain_tune_harness EXPORT SparseTrain)
    install(FILES "${PROJECT_SOURCE_DIR}/tune/harness/candidate.h" "${PROJECT_SOURCE_DIR}/tune/harness/candidate.cpp.in"
            DESTINATION "${data_dir}/tune/harness")
    install(FILES "${PROJECT_SOURCE_DIR}/tune/layers.txt" DESTINATION "${data_dir}/tune")
    install(FILES "${PROJECT_SOURCE_DIR}/cmake/SparseTrainTune.cmake" DESTINATION "${package_dir}")
endif()

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
