#include <cstring>

#include "checks.h"
#include "sparsetrain/conv2d.h"

namespace sparsetrain {

const char* to_string(Policy policy) {
    switch (policy) {
        case Policy::automatic:
            return "auto";
        case Policy::dense:
            return "dense";
        case Policy::zero_skip:
            return "zero_skip";
        case Policy::output_mask:
            return "output_mask";
    }
    return "?";
}

Policy policy_from_string(const char* word) {
    const char* expected = "auto, dense, zero_skip or output_mask";
    if (word == nullptr) detail::throw_invalid("policy_from_string", "word", expected, "a null pointer");
    for (const Policy policy : {Policy::automatic, Policy::dense, Policy::zero_skip, Policy::output_mask}) {
        if (std::strcmp(word, to_string(policy)) == 0) return policy;
    }
    detail::throw_invalid("policy_from_string", "word", expected, word);
}

}  // namespace sparsetrain
