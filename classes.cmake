# The layer classes that this build compiles: the only list. CMake, the runtime's registry, tests and bench follow it.
