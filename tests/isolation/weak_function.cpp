// What no object of the library may hold: an inline function, compiled for CPUs of one kind, whose copy the
// linker may keep for all.
namespace sparsetrain::test {

__attribute__((noinline)) inline float sum(const float* values) {
    return values[0] + values[1];
}

float sum_of_two(const float* values);
float sum_of_two(const float* values) {
    return sum(values);
}

}  // namespace sparsetrain::test
