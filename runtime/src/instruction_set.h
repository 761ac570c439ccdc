// Which of the compiled instruction sets this process runs.
#pragma once

namespace sparsetrain::detail {

// "avx512" or "avx2": the best that this CPU and operating system have, or the one that the environment
// variable SPARSETRAIN_ISA names. Throws Error(unsupported) if they have neither or not the named one, and
// for any other word.
const char* required_instruction_set();

}  // namespace sparsetrain::detail
