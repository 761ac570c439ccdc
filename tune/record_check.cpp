#include "tune/record_check.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>

#include "sparsetrain/error.h"
#include "tune/text.h"

namespace sparsetrain::tune {
namespace {

[[noreturn]] void fail(const std::string& expected, const Json& found, const std::string& why = "") {
    throw Error(ErrorCode::invalid_argument, "expected " + expected + ", found " + found.dump() + why);
}

void check_members(const Json& record, std::initializer_list<const char*> names) {
    std::string expected;
    bool has_all = record.is_object() && record.size() == names.size();
    for (const char* name : names) {
        add_to_list(expected, name);
        has_all = has_all && record.contains(name);
    }
    if (!has_all) fail("the members " + expected, record);
}

std::string text_of(const Json& record, const char* name) {
    const Json& text = record.at(name);
    if (!text.is_string()) fail(std::string(name) + " to be a text", text);
    return text;
}

// An event, a kind of record: of a member that may be missing.
std::string word_of(const Json& record, const char* name) {
    if (!record.is_object() || !record.contains(name)) fail(std::string("the member ") + name, record);
    return text_of(record, name);
}

void check_percent(const Json& percent) {
    if (!percent.is_number_integer() || percent < 0 || percent > 99)
        fail("a percentage from 0 to 99", percent);
}

double number_from(const Json& number, const char* name) {
    if (!number.is_number() || !std::isfinite(number.get<double>()))
        fail(std::string(name) + " to be a number", number);
    return number;
}
void check_above(const Json& number, const char* name, double bound) {
    if (number_from(number, name) <= bound) fail(std::string(name) + " above " + Json(bound).dump(), number);
}
void check_not_negative(const Json& record, const char* name) {
    if (number_from(record.at(name), name) < 0) fail(std::string(name) + " of at least 0", record.at(name));
}

const Json& list_of(const Json& record, const char* name) {
    const Json& list = record.at(name);
    if (!list.is_array() || list.empty()) fail(std::string(name) + " to be a list", list);
    return list;
}

}  // namespace

RecordCheck::RecordCheck(const schedules::Tables& tables) : tables_(tables) {
    for (const Subject& subject : all_subjects()) {
        subjects_.emplace(subject.name(), subject);
        kernels_.insert(subject.kernel_name(subject.kernel));
    }
}

void RecordCheck::header(const Json& record) {
    if (word_of(record, "record") != "header") fail("a header", record);
    check_members(record, {"record", "sparsetrain", "cpu", "uarch", "layers", "percents"});
    for (const char* name : {"sparsetrain", "cpu"}) text_of(record, name);
    const std::string uarch = text_of(record, "uarch");
    if (uarch != tables_.name)
        fail(std::string("the journal of a tuning of ") + tables_.name + ", which this CPU runs",
             record.at("uarch"));
    layers_ = text_of(record, "layers");
    for (const Json& percent : list_of(record, "percents")) check_percent(percent);
}

void RecordCheck::record(const Json& record) const {
    const std::string kind = word_of(record, "record");
    if (kind == "trial") return trial(record);
    if (kind == "winner") return winner(record);
    if (kind == "comparison") return comparison(record);
    if (kind == "measurement") return measurement(record);
    fail("a trial, winner, comparison or measurement", record.at("record"));
}

void RecordCheck::trial(const Json& record) const {
    check_members(record, {"record", "subject", "sizes", "speed", "noise", "failure"});
    sizes_of_subject(record);
    check_not_negative(record, "noise");
    check_not_negative(record, "speed");
    if (text_of(record, "failure").empty()) check_above(record.at("speed"), "speed", 0);
}

// It was faster than today's row, or it had not won.
void RecordCheck::winner(const Json& record) const {
    check_members(record, {"record", "subject", "sizes", "speed", "noise"});
    sizes_of_subject(record);
    check_not_negative(record, "noise");
    check_above(record.at("speed"), "speed", 1);
}

void RecordCheck::comparison(const Json& record) const {
    check_members(record, {"record", "kernel", "dense", "contestant", "speeds"});
    for (const char* name : {"dense", "contestant"}) text_of(record, name);
    if (!kernels_.contains(text_of(record, "kernel"))) fail("a kernel of this program", record.at("kernel"));
    for (const Json& point : list_of(record, "speeds")) {
        check_members(point, {"layer", "percent", "speed"});
        layer_and_percent(point);
        check_above(point.at("speed"), "speed", 0);
    }
}

void RecordCheck::measurement(const Json& record) const {
    const std::string event = word_of(record, "event");
    if (event == "mistake") {
        check_members(record, {"record", "job", "event", "contestant", "layer", "percent", "mistake"});
        text_of(record, "mistake");
    } else if (event == "out") {
        check_members(record, {"record", "job", "event", "contestant", "layer", "percent", "speed"});
        check_above(record.at("speed"), "speed", 0);
    } else if (event == "measured") {
        check_members(record, {"record", "job", "event", "contestant", "layer", "percent", "speeds", "ms",
                               "baseline_ms"});
        for (const Json& speed : list_of(record, "speeds")) check_above(speed, "speed", 0);
        for (const char* name : {"ms", "baseline_ms"}) check_above(record.at(name), name, 0);
    } else {
        fail("the event mistake, out or measured", record.at("event"));
    }
    for (const char* name : {"job", "contestant"}) text_of(record, name);
    layer_and_percent(record);
}

void RecordCheck::sizes_of_subject(const Json& record) const {
    const auto subject = subjects_.find(text_of(record, "subject"));
    if (subject == subjects_.end()) fail("a row of this program", record.at("subject"));
    TileSizes sizes;
    for (const Json& size : list_of(record, "sizes")) {
        constexpr int kMost = 1 << 20;  // of what can be counted: what a row can have is less
        if (!size.is_number_integer() || size < 0 || size > kMost) fail("sizes of tiles", record.at("sizes"));
        sizes.push_back(size);
    }
    const std::string fault = fault_of(subject->second, tables_, sizes);
    if (!fault.empty())
        fail("sizes of tiles that " + subject->first + " can have", record.at("sizes"), ": " + fault);
}

void RecordCheck::layer_and_percent(const Json& record) const {
    const std::string layer = text_of(record, "layer");
    if (layers_.find("n\"" + layer + "\"\n") == std::string::npos)
        fail("a layer of the header", record.at("layer"));
    check_percent(record.at("percent"));
}

}  // namespace sparsetrain::tune
