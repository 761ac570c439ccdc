// What images should be, checked before anything is computed.
#pragma once

#include "sparsetrain/loss.h"

namespace sparsetrain::detail {

// Throws Error(invalid_argument) for targets that do not fit logits of that shape.
void check_targets(const char* function, const Targets& targets, const Shape& logits);

}  // namespace sparsetrain::detail
