# How much of the project a build has. Each needs the packages of those before:
#   c        the shared library of the C interface alone, as the Python package has it: Halide
#   library  and what C++ programs link
#   program  and `sparsetrain`, which trains: CLI11, nlohmann-json, zlib
#   all      and `sparsetrain tune`, conv_bench with its peers, and, unless BUILD_TESTING is off, the tests: what
#            scripts/setup installs
set(SPARSETRAIN_PARTS all CACHE STRING "How much to build: c, library, program or all")
if(NOT SPARSETRAIN_PARTS MATCHES "^(c|library|program|all)$")
    message(FATAL_ERROR "SPARSETRAIN_PARTS: expected c, library, program or all, given ${SPARSETRAIN_PARTS}")
endif()
set(SPARSETRAIN_HAS_LIBRARY OFF)
set(SPARSETRAIN_HAS_PROGRAM OFF)
set(SPARSETRAIN_HAS_ALL OFF)
if(NOT SPARSETRAIN_PARTS STREQUAL "c")
    set(SPARSETRAIN_HAS_LIBRARY ON)
endif()
if(SPARSETRAIN_PARTS MATCHES "^(program|all)$")
    set(SPARSETRAIN_HAS_PROGRAM ON)
endif()
if(SPARSETRAIN_PARTS STREQUAL "all")
    set(SPARSETRAIN_HAS_ALL ON)
    include(CTest)
endif()
