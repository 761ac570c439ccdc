# How much of the project a build has. Each needs the packages of those before:
#   library  what programs link: Halide
#   program  and `sparsetrain`, which trains: CLI11, nlohmann-json, zlib
#   all      and `sparsetrain tune`, conv_bench with its peers, and, unless BUILD_TESTING is off, the tests: what
#            scripts/setup installs
set(SPARSETRAIN_PARTS all CACHE STRING "How much to build: library, program or all")
if(NOT SPARSETRAIN_PARTS MATCHES "^(library|program|all)$")
    message(FATAL_ERROR "SPARSETRAIN_PARTS: expected library, program or all, given ${SPARSETRAIN_PARTS}")
endif()
set(SPARSETRAIN_HAS_PROGRAM OFF)
set(SPARSETRAIN_HAS_ALL OFF)
if(NOT SPARSETRAIN_PARTS STREQUAL "library")
    set(SPARSETRAIN_HAS_PROGRAM ON)
endif()
if(SPARSETRAIN_PARTS STREQUAL "all")
    set(SPARSETRAIN_HAS_ALL ON)
    include(CTest)
endif()
