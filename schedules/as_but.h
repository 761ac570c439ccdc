// Tables that are as another microarchitecture's, but for some rows: what two cores share stands once.
#pragma once

#include "schedules/rows.h"

namespace sparsetrain::schedules {

// A changed row that the table it changes does not have: not constexpr, so that it does not compile.
inline void expected_a_row_of_the_base() {}

constexpr bool has_key_of(const ZeroSkipRow& a, const ZeroSkipRow& b) {
    return is_row_of(a, b.layer_class, b.pass, b.blocking);
}
template <typename Row>
constexpr bool has_key_of(const Row& a, const Row& b) {
    return is_row_of(a, b.layer_class, b.pass);
}

// The rows of `base`, but those of `changed` in place of the ones that they have class, pass and blocking in
// common with.
template <typename Row, int Count, int Changes>
consteval Rows<Row, Count> as_but(const Row (&base)[Count], const Row (&changed)[Changes]) {
    Rows<Row, Count> all{};
    int found = 0;
    for (int i = 0; i < Count; ++i) {
        all.rows[i] = base[i];
        for (const Row& row : changed)
            if (has_key_of(row, base[i])) all.rows[i] = row, ++found;
    }
    if (found != Changes) expected_a_row_of_the_base();
    return all;
}

}  // namespace sparsetrain::schedules
