// The records that say how a pass of a layer class is computed on a microarchitecture: in each table, one row
// per (class, pass), or per (class, pass, blocking).
//
// Generators read rows when they run, at build time; the zero-skip stages read the same rows as constants.
// Host code and code compiled for AVX-512 both include this header, so it uses no standard library.
#pragma once

namespace sparsetrain::schedules {

// What an instruction set has: vector registers, and how many of them hold 16 floats.
struct Registers {
    int count;
    int per_vector;
};

// fwd and bwd_data, `dense`: a register tile of `x_tile` pixels by `k_vectors` vectors of 16 output channels;
// the weights of that many channels serve a block of about `pixels` output pixels in turn, those of `chunk`
// blocks of input channels at a time (0: of all).
struct DenseRow {
    const char* layer_class;
    const char* pass;
    int x_tile;
    int k_vectors;
    int pixels;
    int chunk;
};

// bwd_weights, `dense`: register accumulators for `c_lanes` input channels by `tap_columns` of a filter row
// by `k_vectors` vectors of 16 output channels, summed over blocks of about `pixels` output pixels.
struct DenseWeightsRow {
    const char* layer_class;
    const char* pass;
    int c_lanes;
    int tap_columns;
    int k_vectors;
    int pixels;
};

// The blocking of `dense` for few input channels, which copies them as planes.
inline constexpr const char* kPlanar = "planar";

// fwd, planar `dense`: a register tile and blocks of pixels as in DenseRow.
struct DensePlanarRow {
    const char* layer_class;
    const char* pass;
    int x_tile;
    int k_vectors;
    int pixels;
};

// bwd_weights, planar `dense`: register accumulators for `tap_rows` rows of taps, of which a filter row has
// one per input channel, by `tap_columns` of their columns by `k_vectors` vectors of 16 output channels,
// summed over blocks of about `pixels` output pixels.
struct DensePlanarWeightsRow {
    const char* layer_class;
    const char* pass;
    int tap_rows;
    int tap_columns;
    int k_vectors;
    int pixels;
};

inline constexpr int kAnyChannels = 0x7fffffff;

// fwd and bwd_data, `zero_skip`: groups of `group` channels share a mask word per pixel; every nonzero meets
// `k_vectors` vectors of 16 output channels. A tile has up to `rows` output rows and, of images with few
// pixels, as many images as make `pixels` pixels. A pass has several blockings; a convolution uses the first
// whose `most_channels` it does not exceed and whose k_vectors divide its blocks of output channels, or the
// last.
struct ZeroSkipRow {
    const char* layer_class;
    const char* pass;
    const char* blocking;
    int most_channels;
    int group;
    int k_vectors;
    int rows;
    int pixels;
};

// 32-bit words of a pixel's mask in a group, and of all that zero_skip keeps of a pixel: the mask and up to
// one value per channel.
constexpr int mask_words(int group) {
    return (group + 31) / 32;
}
constexpr int record_words(int group) {
    return mask_words(group) + group;
}

// bwd_data, `output_mask`: the masks of `group` channels are scanned together, while `vectors` vectors of 16
// output channels of a pixel's neighbourhood stay in registers, over at most `tap_rows` filter rows at a
// time; tiles as in ZeroSkipRow.
struct OutputMaskRow {
    const char* layer_class;
    const char* pass;
    int group;
    int tap_rows;
    int vectors;
    int rows;
    int pixels;
};

// At a stride, a pixel of diff_src meets only every stride-th tap of a filter row or column: from `first` on,
// which depends on the pixel's phase.
constexpr int taps_of_phase(int filter_size, int stride, int first) {
    return filter_size <= first ? 0 : (filter_size - first + stride - 1) / stride;
}

// What of a phase's rows x columns taps is in registers at a time: `tap_rows` rows and `k_vectors` vectors of
// output channels.
struct PhaseCut {
    int tap_rows;
    int k_vectors;
};
constexpr PhaseCut cut_phase(int tap_rows, int vectors, int rows, int columns) {
    const int taken = rows < tap_rows ? rows : tap_rows;
    return {taken, rows * columns == 0 ? 0 : vectors / (taken * columns)};
}

// bwd_weights, `zero_skip`: for one input channel the accumulators of the taps of `tap_rows` filter rows by
// `k_vectors` vectors of 16 output channels stay in registers while a tile of `rows` rows of pixels is
// scanned for nonzeros. src and diff_dst change roles where diff_dst is the sparser.
struct ZeroSkipWeightsRow {
    const char* layer_class;
    const char* pass;
    int tap_rows;
    int k_vectors;
    int rows;
};

constexpr bool same_name(const char* a, const char* b) {
    while (*a != '\0' && *a == *b) ++a, ++b;
    return *a == *b;
}

constexpr Registers registers_of(const char* isa) {
    if (same_name(isa, "avx512")) return {32, 1};
    if (same_name(isa, "avx2")) return {16, 2};
    return {16, 4};
}

// Whether a row is that of a class and pass and, where a pass has several, of a blocking.
template <typename Row>
constexpr bool is_row_of(const Row& row, const char* layer_class, const char* pass) {
    return same_name(row.layer_class, layer_class) && same_name(row.pass, pass);
}
template <typename Row>
constexpr bool is_row_of(const Row& row, const char* layer_class, const char* pass, const char* blocking) {
    return is_row_of(row, layer_class, pass) && same_name(row.blocking, blocking);
}

// Rows of one kind that were put together (as_but.h).
template <typename Row, int Count>
struct Rows {
    Row rows[Count];
};

// Rows of one kind.
template <typename Row>
struct Table {
    const Row* rows = nullptr;
    int count = 0;

    constexpr Table() = default;
    template <int Count>
    constexpr Table(const Row (&all)[Count]) : rows(all), count(Count) {}
    template <int Count>
    constexpr Table(const Rows<Row, Count>& all) : Table(all.rows) {}
    constexpr const Row* begin() const { return rows; }
    constexpr const Row* end() const { return rows + count; }

    // The row for a class, a pass and, where a pass has several, a blocking; or null.
    template <typename... Key>
    constexpr const Row* find(const char* layer_class, const Key*... key) const {
        for (const Row& row : *this)
            if (is_row_of(row, layer_class, key...)) return &row;
        return nullptr;
    }
};

// The tables of a microarchitecture, and what such a core has: the budgets that rows are checked against, and
// how its stages broadcast. Without an instruction set for stages it has dense rows only. `slab_bytes`: of
// the weights that a sweep of zero_skip keeps coming back to; where L2 is near, they may leave the rest no
// room in L1.
struct Tables {
    const char* name;
    const char* isa;  // the instruction set of its kernels
    int l1_bytes;     // that every such core has
    int slab_bytes;
    int l2_bytes = 1 << 20;      // that a core can count on: blocks that keep to L2 are fractions of it
    bool broadcast_from_memory;  // else by way of a general register
    Table<DenseRow> dense;
    Table<DenseWeightsRow> dense_weights;
    Table<DensePlanarRow> dense_planar;
    Table<DensePlanarWeightsRow> dense_planar_weights;
    Table<ZeroSkipRow> zero_skip;
    Table<OutputMaskRow> output_mask;
    Table<ZeroSkipWeightsRow> zero_skip_weights;

    constexpr Registers registers() const { return registers_of(isa); }
};

inline constexpr int kVectorBytes = 64;

}  // namespace sparsetrain::schedules
