#include "sparsetrain/c/library.h"

#include <algorithm>
#include <span>

#include "arguments.h"
#include "guarded.h"
#include "sparsetrain/conv2d.h"
#include "sparsetrain/library.h"

using namespace sparsetrain::c;
using namespace sparsetrain;

namespace {

constexpr Pass kPasses[] = {Pass::fwd, Pass::bwd_data, Pass::bwd_weights};
constexpr Operand kOperands[] = {Operand::src, Operand::diff_dst};

template <typename Values>
const char* name_in(const Values& values, int32_t index) {
    const bool is_one = index >= 0 && static_cast<std::size_t>(index) < std::size(values);
    return is_one ? to_string(values[static_cast<std::size_t>(index)]) : nullptr;
}

const LayerClassInfo& class_at(const char* function, int32_t index) {
    const auto classes = layer_classes();
    return classes[static_cast<std::size_t>(
        checked_number(function, "index", index, static_cast<int>(classes.size())))];
}

Pass checked_pass(const char* function, int32_t pass) {
    return kPasses[checked_number(function, "pass", pass, std::size(kPasses))];
}
Kernel checked_kernel(const char* function, int32_t kernel) {
    return kernels()[static_cast<std::size_t>(
        checked_number(function, "kernel", kernel, static_cast<int>(kernels().size())))];
}

}  // namespace

const char* sparsetrain_version() {
    return version();
}
const char* sparsetrain_halide_version() {
    return halide_version();
}
const char* sparsetrain_instruction_set() {
    return guarded_value("sparsetrain_instruction_set", "none", instruction_set);
}
const char* sparsetrain_microarchitecture() {
    return guarded_value("sparsetrain_microarchitecture", "none", microarchitecture);
}

sparsetrain_status sparsetrain_require_supported_cpu() {
    return guarded("sparsetrain_require_supported_cpu", [] { require_supported_cpu(); });
}

const char* sparsetrain_microarchitecture_name(int32_t index) {
    const char* none = nullptr;
    return guarded_value("sparsetrain_microarchitecture_name", none, [&] {
        const auto names = microarchitectures();
        const bool is_one = index >= 0 && static_cast<std::size_t>(index) < names.size();
        return is_one ? names[static_cast<std::size_t>(index)] : none;
    });
}
const char* sparsetrain_pass_name(int32_t pass) {
    return name_in(kPasses, pass);
}
const char* sparsetrain_kernel_name(int32_t kernel) {
    return name_in(kernels(), kernel);
}
const char* sparsetrain_operand_name(int32_t operand) {
    return name_in(kOperands, operand);
}
const char* sparsetrain_policy_name(int32_t policy) {
    return name_in(policies(), policy);
}
const char* sparsetrain_choice_name(int32_t choice) {
    return name_in(choices(), choice);
}

int32_t sparsetrain_layer_class_count() {
    return guarded_value("sparsetrain_layer_class_count", int32_t{0},
                         [] { return static_cast<int32_t>(layer_classes().size()); });
}

sparsetrain_status sparsetrain_layer_class_info(int32_t index, sparsetrain_layer_class* info) {
    const char* const function = "sparsetrain_layer_class_info";
    return guarded(function, [&] {
        const LayerClassInfo& found = class_at(function, index);
        deref(function, "info", info) = {found.name,
                                         found.filter_h,
                                         found.filter_w,
                                         found.stride,
                                         found.skips_zeros ? 1 : 0,
                                         found.backward_data ? 1 : 0,
                                         0};
    });
}

sparsetrain_status sparsetrain_layer_class_has_kernel(int32_t index, int32_t pass, int32_t kernel,
                                                      int32_t* has) {
    const char* const function = "sparsetrain_layer_class_has_kernel";
    return guarded(function, [&] {
        const auto found = kernels_of(class_at(function, index), checked_pass(function, pass));
        deref(function, "has", has) =
            std::find(found.begin(), found.end(), checked_kernel(function, kernel)) != found.end() ? 1 : 0;
    });
}

sparsetrain_status sparsetrain_layer_class_error_bound(int32_t index, int32_t pass, int32_t kernel,
                                                       double* bound) {
    const char* const function = "sparsetrain_layer_class_error_bound";
    return guarded(function, [&] {
        deref(function, "bound", bound) = error_bound_of(
            class_at(function, index), checked_pass(function, pass), checked_kernel(function, kernel));
    });
}
