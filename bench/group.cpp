#include "group.h"

namespace sparsetrain::bench {

namespace {

Group::Contestant compute_once(const ImplementationEntry& entry, Problem& problem) {
    Group::Contestant contestant{nullptr, problem.samples(), {}};
    try {
        contestant.implementation = entry.make(problem);
        problem.forget_result();
        contestant.implementation->run();
        contestant.implementation->publish_result();
        const std::string mistake = problem.find_mistake(contestant.implementation->tolerance());
        if (!mistake.empty()) contestant.failure = "mistrusted: " + mistake;
        contestant.implementation->settle();
    } catch (const std::exception& error) {
        contestant.failure = error.what();
    }
    return contestant;
}

}  // namespace

std::string benchmark_name(const GroupKey& key, const char* implementation) {
    return std::string("conv/") + to_string(key.pass) + "/" + key.layer->name + "/z" +
           std::to_string(key.zeros_percent) + "/" + implementation;
}

Problem& Group::problem(ZerosIn zeros_in) {
    return problems_.try_emplace(zeros_in, key_.layer->shape, key_.pass, key_.zeros_percent, zeros_in)
        .first->second;
}

Group::Contestant& Group::contestant(const ImplementationEntry& entry) {
    const auto found = contestants_.find(entry.name);
    if (found != contestants_.end()) return found->second;
    return contestants_.emplace(entry.name, compute_once(entry, problem(entry.zeros_in))).first->second;
}

Group& CurrentGroup::get(const GroupKey& key) {
    if (!group_ || !(group_->key() == key)) {
        group_.reset();  // before the next one asks for memory
        group_.emplace(key);
    }
    return *group_;
}

}  // namespace sparsetrain::bench
