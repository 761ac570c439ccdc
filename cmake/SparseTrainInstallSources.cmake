# What a package of archives has for layer classes of users: the generators, the Halide that they run with, and all that the
# sources of a class include.
set(generator_dir "${CMAKE_INSTALL_LIBDIR}/sparsetrain")
get_property(generators GLOBAL PROPERTY SPARSETRAIN_CONV_GENERATORS)
install(TARGETS ${generators} sparsetrain_class_sources EXPORT SparseTrain RUNTIME DESTINATION "${generator_dir}")
set_target_properties(${generators} PROPERTIES INSTALL_RPATH "$ORIGIN")
install(IMPORTED_RUNTIME_ARTIFACTS Halide::Halide LIBRARY DESTINATION "${generator_dir}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/schedules" DESTINATION "${data_dir}")
if(SPARSETRAIN_TUNED_ISA)
    install(FILES "${SPARSETRAIN_TUNED_INCLUDE}/schedules/tuned.h" DESTINATION "${data_dir}/schedules")
    install(FILES "${SPARSETRAIN_TUNED_INCLUDE}/schedules/costs/tuned.h" DESTINATION "${data_dir}/schedules/costs")
endif()
install(DIRECTORY "${PROJECT_SOURCE_DIR}/runtime/stages" DESTINATION "${data_dir}/runtime")
install(FILES "${PROJECT_SOURCE_DIR}/runtime/src/conv_kernel.h" "${PROJECT_SOURCE_DIR}/runtime/src/layer_class.h"
              "${PROJECT_SOURCE_DIR}/runtime/src/layer_class.cpp.in"
        DESTINATION "${data_dir}/runtime/src")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/runtime/src/kernels" DESTINATION "${data_dir}/runtime/src"
        FILES_MATCHING PATTERN "*.h")
install(FILES "${PROJECT_SOURCE_DIR}/cmake/SparseTrainKernels.cmake" DESTINATION "${package_dir}")
foreach(kernel IN LISTS SPARSETRAIN_KERNELS)
    install(FILES "${SPARSETRAIN_KERNELS_DIR}/${kernel}/kernel.cmake" DESTINATION "${package_dir}/kernels/${kernel}")
endforeach()
install(FILES "$<TARGET_PROPERTY:Halide::Runtime,INTERFACE_INCLUDE_DIRECTORIES>/HalideRuntime.h"
              "${SPARSETRAIN_RENAMED_SYMBOLS}" "${SPARSETRAIN_ROWS}"
        DESTINATION "${data_dir}")
install(FILES "${PROJECT_SOURCE_DIR}/cmake/SparseTrainPipeline.cmake" DESTINATION "${package_dir}")

# What `sparsetrain tune` builds with.
if(SPARSETRAIN_HAS_ALL)
    install(TARGETS sparsetrain_tune_harness EXPORT SparseTrain)
    install(FILES "${PROJECT_SOURCE_DIR}/tune/harness/candidate.h" "${PROJECT_SOURCE_DIR}/tune/harness/candidate.cpp.in"
            DESTINATION "${data_dir}/tune/harness")
    install(FILES "${PROJECT_SOURCE_DIR}/tune/layers.txt" DESTINATION "${data_dir}/tune")
    install(FILES "${PROJECT_SOURCE_DIR}/cmake/SparseTrainTune.cmake" DESTINATION "${package_dir}")
endif()
