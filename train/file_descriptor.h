// An open file, closed at the end.
#pragma once

#include <unistd.h>

#include <utility>

namespace sparsetrain::train {

class FileDescriptor {
  public:
    // Takes over what open() returned, be it an error.
    explicit FileDescriptor(int number) : number_(number) {}
    ~FileDescriptor() { close_now(); }
    FileDescriptor(const FileDescriptor&) = delete;
    FileDescriptor& operator=(const FileDescriptor&) = delete;

    bool is_open() const { return number_ >= 0; }
    int number() const { return number_; }

    // False, with errno, if the system says only now that something was not written.
    bool close_now() { return !is_open() || close(std::exchange(number_, -1)) == 0; }

  private:
    int number_;
};

}  // namespace sparsetrain::train
