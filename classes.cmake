# The layer classes: the only list. CMake, the runtime's registry, tests and bench follow it. SPARSETRAIN_CLASSES leaves some
# out of a build.
sparsetrain_add_layer_class(NAME conv3x3_stride1 FILTER 3 3 STRIDE 1 1 PASSES fwd bwd_data bwd_weights BLOCKINGS wide narrow)
sparsetrain_add_layer_class(NAME conv3x3_stride2 FILTER 3 3 STRIDE 2 2 PASSES fwd bwd_data bwd_weights)
sparsetrain_add_layer_class(NAME conv1x1_stride1 FILTER 1 1 STRIDE 1 1 PASSES fwd bwd_data bwd_weights BLOCKINGS wide narrow)
sparsetrain_add_layer_class(NAME conv1x1_stride2 FILTER 1 1 STRIDE 2 2 PASSES fwd bwd_data bwd_weights BLOCKINGS wide narrow)
sparsetrain_add_layer_class(NAME conv5x5_stride1 FILTER 5 5 STRIDE 1 1 PASSES fwd bwd_data bwd_weights)
sparsetrain_add_layer_class(NAME conv7x7_stride2 FILTER 7 7 STRIDE 2 2 PASSES fwd bwd_weights)
