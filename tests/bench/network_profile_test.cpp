// Profiles of networks from files.
#include "network_profile.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <stdexcept>

namespace sparsetrain::bench {
namespace {

// A file that is gone with it.
class File {
  public:
    explicit File(const std::string& text) { std::ofstream(path_) << text; }
    ~File() { std::remove(path_.c_str()); }
    const std::string& path() const { return path_; }

  private:
    const std::string path_ = testing::TempDir() + "network_profile.csv";
};

const std::string kHeader = "# a comment\nnetwork,relu_output,epochs_per_mean,mean,means\n";

void expect_fault(const std::string& text, const std::string& message) {
    const File file(text);
    try {
        profile_of(file.path(), "net");
        FAIL() << "expected: " << message;
    } catch (const std::runtime_error& error) {
        EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
        EXPECT_NE(std::string(error.what()).find(file.path()), std::string::npos) << error.what();
    }
}

TEST(NetworkProfile, HasTheMeansOfOneNetworkInOrder) {
    const File file(kHeader + "net,stem,9,21.5,20 23\nother,stem,9,1,1\nnet,out,9,48.25,48 49\n");
    EXPECT_EQ(profile_of(file.path(), "net"), (std::vector<double>{21.5, 48.25}));
}

TEST(NetworkProfile, APoolStandsForTheReluBeforeIt) {
    const File file(kHeader + "net,conv1,6,50,50\nnet,conv2,6,60,60\nnet,pool1,6,40,40\nnet,conv3,6,70,70\n");
    EXPECT_EQ(profile_of(file.path(), "net"), (std::vector<double>{50, 40, 70}));
}

TEST(NetworkProfile, NamesWhatIsWrong) {
    expect_fault("", "rows of net");
    expect_fault("network,zeros\n", "expected the header");
    expect_fault(kHeader + "net,stem,9\n", "line 3");
    expect_fault(kHeader + "net,stem,9,many,1\n", "line 3");
    expect_fault(kHeader + "net,stem,9,101,1\n", "line 3");
    expect_fault(kHeader + "other,stem,9,10,1\n", "rows of net, found none");
    EXPECT_THROW(profile_of("/nowhere/profile.csv", "net"), std::runtime_error);
}

// A ReLU of each: VGG16's 13 convolutions; the stem and 16 blocks of two or three.
TEST(NetworkProfile, ProfilesOfTheProjectFitTheNetworks) {
    const std::string published = BENCH_PROFILES "/published_zeros.csv";
    EXPECT_EQ(profile_of(published, "vgg16").size(), 13U);
    EXPECT_EQ(profile_of(published, "resnet34").size(), 1U + 16 * 2);
    EXPECT_EQ(profile_of(published, "resnet50").size(), 1U + 16 * 3);
    EXPECT_EQ(profile_of(BENCH_PROFILES "/fixup_zeros.csv", "fixup_resnet50").size(), 1U + 16 * 3);
}

}  // namespace
}  // namespace sparsetrain::bench
