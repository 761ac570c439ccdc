# The layer classes that this build compiles: the only list. CMake, the runtime's registry, tests and bench follow it.
sparsetrain_add_layer_class(NAME conv3x3_stride1 FILTER 3 3 STRIDE 1 BLOCKINGS shallow deep)
