#include "train/byte_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include "sparsetrain/error.h"

namespace sparsetrain::train {
namespace {

constexpr std::size_t kInputBytes = 1U << 16U;
constexpr int kGzipWindow = 16 + MAX_WBITS;  // zlib's word for gzip's header and trailer

bool is_gzip(const z_stream& stream) {
    return stream.avail_in >= 2 && stream.next_in[0] == 0x1f && stream.next_in[1] == 0x8b;
}

}  // namespace

ByteReader::ByteReader(const std::filesystem::path& path)
    : path_(path.string()), file_(std::fopen(path_.c_str(), "rb")), input_(kInputBytes) {
    if (!file_) fail(std::string("cannot be opened: ") + std::strerror(errno));
    refill();
    is_compressed_ = is_gzip(stream_);
    if (is_compressed_ && inflateInit2(&stream_, kGzipWindow) != Z_OK) throw std::bad_alloc();
}

ByteReader::~ByteReader() {
    if (is_compressed_) inflateEnd(&stream_);
}

void ByteReader::fail(const std::string& what) const {
    throw Error(ErrorCode::invalid_argument, path_ + ": " + what);
}

// More of the file; false at its end.
bool ByteReader::refill() {
    errno = 0;
    stream_.avail_in = static_cast<unsigned>(std::fread(input_.data(), 1, input_.size(), file_.get()));
    stream_.next_in = input_.data();
    if (std::ferror(file_.get()) != 0) fail(std::string("cannot be read: ") + std::strerror(errno));
    return stream_.avail_in > 0;
}

std::size_t ByteReader::read(std::uint8_t* to, std::size_t size) {
    std::size_t done = 0;
    while (done < size && !has_ended_) {
        if (stream_.avail_in == 0 && !refill()) {
            if (is_compressed_) fail("ends within its compressed data");
            has_ended_ = true;
        } else if (is_compressed_) {
            done += inflate_some(to + done, size - done);
        } else {
            const std::size_t some = std::min<std::size_t>(size - done, stream_.avail_in);
            std::copy_n(stream_.next_in, some, to + done);
            stream_.next_in += some;
            stream_.avail_in -= static_cast<unsigned>(some);
            done += some;
        }
    }
    return done;
}

std::size_t ByteReader::inflate_some(std::uint8_t* to, std::size_t size) {
    const auto wanted = static_cast<unsigned>(std::min<std::size_t>(size, 1U << 30U));
    stream_.next_out = to;
    stream_.avail_out = wanted;
    const int code = inflate(&stream_, Z_NO_FLUSH);
    if (code == Z_MEM_ERROR) throw std::bad_alloc();
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
        fail(std::string("cannot be read: ") + (stream_.msg == nullptr ? "damaged" : stream_.msg));
    if (code == Z_STREAM_END) end_member();
    return wanted - stream_.avail_out;
}

// Behind the trailer of compressed data may be the end of the file, or more such data.
void ByteReader::end_member() {
    if (stream_.avail_in == 0 && !refill()) {
        has_ended_ = true;
        return;
    }
    if (*stream_.next_in != 0x1f) fail("has something else behind its compressed data");
    inflateReset(&stream_);
}

}  // namespace sparsetrain::train
