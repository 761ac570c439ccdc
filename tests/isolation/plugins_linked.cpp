// Two plugins in one program, which was linked with both.
extern "C" {
bool check_conv3x3_stride1();
bool check_conv1x1_stride1();
}

int main() {
    return check_conv3x3_stride1() && check_conv1x1_stride1() && check_conv3x3_stride1() ? 0 : 1;
}
