#include "check_classes.h"

int main() {
    return check_classes(EXPECTED_CLASSES) ? 0 : 1;
}
