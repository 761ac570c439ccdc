// Prints the microarchitectures that this machine's CPU can run, best first, as a list of CMake's.
#include <cstdio>

#include "cpu.h"
#include "schedules/tables.h"

using namespace sparsetrain;

namespace {

const char* separator = "";

void print(const schedules::Tables* tables) {
    std::printf("%s%s", separator, tables->name);
    separator = ";";
}

bool contains(schedules::Table<const schedules::Tables*> list, const schedules::Tables* wanted) {
    for (const schedules::Tables* tables : list)
        if (tables == wanted) return true;
    return false;
}

}  // namespace

int main() {
    const detail::Cpu cpu = detail::this_cpu();
    const auto own = schedules::fallbacks_of(cpu.core);
    for (const schedules::Tables* tables : own)
        if (cpu.has(tables->isa)) print(tables);
    // Those of other cores, which run where a build has nothing better.
    for (const schedules::Tables* tables : schedules::kAllTables)
        if (cpu.has(tables->isa) && !contains(own, tables)) print(tables);
}
