"""Tests of scripts/same-code with small build folders, whose objects are compiled here.

Usage: same_code_test.py scripts/same-code COMPILER
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

SCRIPT, COMPILER = sys.argv.pop(1), sys.argv.pop(1)

# What pipelines and stages have: a loop, tables that it loads, texts whose address it takes, and a symbol from elsewhere.
PIPELINE = """
typedef float Vector __attribute__((vector_size(64)));
extern int OTHER(const char *message, int number);
static const int table[] = {1, 2, FIFTH, 3, 4};
static int (*const metadata)(const char *, int) = OTHER;
static __attribute__((noinline)) int LOCAL(int i) { return OTHER(MESSAGE, i) OPERATION table[i & 3]; }
int NAME(int i, Vector *vector) {
    *vector = *vector * (Vector){FACTOR, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    return LOCAL(i) + LOCAL(i + 1) + OTHER(MESSAGE " again", i);
}
"""
# In .rodata, as with Halide: where the compiler would put strings elsewhere, an array is not a string.
HALIDES = PIPELINE.replace("static const int table", """
static const char message[] __attribute__((aligned(32))) = MESSAGE;
static const long estimate = sizeof(MESSAGE);
static const char *const described[] __attribute__((used)) = {message, (const char *)&estimate};
static const int table""").replace("OTHER(MESSAGE, i)", "OTHER(message, i)")
DEFINED = {"NAME": "conv_fwd_f32_zen4", "LOCAL": "conv_fwd_loop", "OTHER": "report", "FIFTH": "5", "FACTOR": "1",
           "OPERATION": "+", "MESSAGE": '"conv_fwd_f32_zen4 failed"'}
ANOTHER_NAME = {"NAME": "other_conv_fwd_f32_avx2", "LOCAL": "other_conv_fwd_longer_loop",
                "MESSAGE": '"other_conv_fwd_f32_avx2 with a much longer name failed, and its message is longer than 64 bytes"'}


class SameCode(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.old, self.new = (pathlib.Path(directory.name) / name for name in ("old", "new"))

    def compile(self, path, source=PIPELINE, options=(), **macros):
        path.parent.mkdir(parents=True, exist_ok=True)
        macros = [f"-D{name}={value}" for name, value in (DEFINED | macros).items()]
        subprocess.run([COMPILER, "-x", "c", "-O2", "-fPIC", "-w", *macros, *options, "-c", "-", "-o", path], check=True,
                       input=source, text=True)

    def pipeline(self, folder, name, **macros):
        path = folder / "pipelines" / f"{name}.private.o"
        self.compile(path, **macros)
        return path

    def stage(self, folder, name, **macros):
        self.compile(folder / "CMakeFiles" / f"{name}_stage.dir" / "runtime" / "stages" / "stage.cpp.o", **macros)

    def assert_told(self, status, *lines):
        result = self.run_script()
        self.assertEqual((result.returncode, result.stderr), (status, ""))
        *found, summary = result.stdout.splitlines()
        self.assertEqual(sorted(found), sorted(lines))
        counts = [f"{sum(line.startswith(kind) for line in lines)} {kind}" for kind in ("changed", "appeared", "gone", "moved")]
        self.assertEqual(summary.partition("; ")[2], ", ".join(counts))
        return summary.partition("; ")[0]

    def run_script(self):
        return subprocess.run([sys.executable, SCRIPT, self.old, self.new], capture_output=True, text=True, check=False)

    def assert_refused(self, expected):
        for _ in range(2):  # as OLD and as NEW
            result = self.run_script()
            self.assertEqual((result.returncode, result.stdout), (2, ""))
            self.assertTrue(result.stderr.startswith(f"same-code: {expected}"), result.stderr)
            self.assertEqual(result.stderr.count("\n"), 1)
            self.old, self.new = self.new, self.old

    def assert_compares(self, status, source=PIPELINE, **macros):
        """A pipeline and a stage with the usual macros, and with these."""
        for folder, own in ((self.old, {}), (self.new, macros)):
            self.pipeline(folder, "a", source=source, **own)
            self.stage(folder, "b", source=source, **own)
        self.assert_told(status, *(["changed a", "changed b_stage"] if status else []))

    def test_finds_nothing_in_equal_folders(self):
        for source in (PIPELINE, HALIDES):
            self.assert_compares(0, source)

    def test_sees_each_change(self):
        for source in (PIPELINE, HALIDES):
            for macros in ({"FIFTH": "6"}, {"FACTOR": "1.5"}, {"OPERATION": "-"}, {"OTHER": "another"},
                           {"options": ["-O0"]}):
                with self.subTest(macros, halides=source == HALIDES):
                    self.assert_compares(1, source, **macros)

    def test_sees_two_functions_that_change_places(self):
        source = "int TIMES(int i) { return i * 3; } int PLUS(int i) { return i + 3; }"
        for times, plus in (("first", "second"), ("second", "first")):
            self.pipeline(self.old if times == "first" else self.new, "a", source=source, TIMES=times, PLUS=plus)
        self.assert_told(1, "changed a")

    def test_sees_a_change_of_what_a_local_function_calls(self):
        source = """extern int report(int), other(int);
                    static __attribute__((noinline)) int f(int i) { return report(i) + 1; }
                    static __attribute__((noinline)) int g(int i) { return other(i) + 1; }
                    int run(int i) { return i ? CALLED(i) + 2 * NOT_CALLED(i) : i; }"""
        options = ["-ffunction-sections"]
        for folder, called, other in ((self.old, "f", "g"), (self.new, "g", "f")):
            self.pipeline(folder, "a", source=source, options=options, CALLED=called, NOT_CALLED=other)
        self.assert_told(1, "changed a")

    def test_names_texts_and_order_of_sections_do_not_count(self):
        for source in (PIPELINE, HALIDES):
            with self.subTest(halides=source == HALIDES):
                self.assert_compares(0, source, **ANOTHER_NAME)
        functions = ["int first(int i) { return i * 3; }", "int second(int i) { return i + 3; }"]
        for folder, source in ((self.old, functions), (self.new, functions[::-1])):
            for name in ("a", "b"):
                self.pipeline(folder, name, source="\n".join(source), options=["-ffunction-sections"])
            self.stage(folder, "b", source="")
        self.assert_told(0)

    def test_room_between_texts_does_not_count(self):
        source = r"""asm(".section .rodata\n text: .asciz \"" MESSAGE "\"\n .balign 4\n table: .long " FIFTH "\n"
                         ".balign 32\n more: .asciz \"more\"\n .text\n .globl run\n"
                         "run: lea text(%rip), %rdi\n mov table(%rip), %eax\n lea more(%rip), %rsi\n ret\n");"""
        for message, fifth, status in (("a", "5", 0), ("a longer one", "5", 0), ("a", "6", 1)):
            self.pipeline(self.old, "a", source=source, MESSAGE='"a"', FIFTH='"5"')
            self.pipeline(self.new, "a", source=source, MESSAGE=f'"{message}"', FIFTH=f'"{fifth}"')
            self.assert_told(status, *["changed a"] * status)

    def test_calls_of_the_own_stage_are_the_same(self):
        source = "extern void STAGE(int); void NAME(void) { STAGE(1); STAGE(2); }"
        own = {"NAME": "conv1x1_fwd_wide_relu_f32_zen4", "STAGE": "conv1x1_fwd_wide_zen4_sweep"}
        for stage, status in (("conv3x3_fwd_wide_avx2_sweep", 0), ("conv3x3_fwd_wide_avx2_lists", 1),
                              ("conv3x3_fwd_wide_zen4_sweep", 1), ("conv3x3_fwd_narrow_avx2_sweep", 1)):
            with self.subTest(stage):
                self.pipeline(self.old, "a", source=source, **own)
                self.pipeline(self.new, "a", source=source, NAME="conv3x3_fwd_wide_relu_f32_avx2", STAGE=stage)
                self.assert_told(status, *["changed a"] * status)

    def test_calls_of_the_own_rows_stage_are_the_same(self):
        source = "extern void STAGE(int); void NAME(void) { STAGE(1); STAGE(2); }"
        own = {"NAME": "conv1x1_fwd_wide_relu_f32_zen4", "STAGE": "conv1x1_fwd_wide_zen4_sweep"}
        name = "conv1x1_fwd_wide_relu_f32_avx512_64_4_14_from_memory"
        for sizes, status in (("64_4", 0), ("64_4_from_memory", 0), ("64_2", 1), ("32_4", 1), ("64_4_14_400", 1)):
            with self.subTest(sizes):
                self.pipeline(self.old, "a", source=source, **own)
                self.pipeline(self.new, "a", source=source, NAME=name, STAGE=f"conv1x1_fwd_wide_avx512_{sizes}_sweep")
                self.assert_told(status, *["changed a"] * status)

    def test_calls_of_the_own_pipelines_are_the_same(self):
        source = "extern void WIDE(void); void NAME(void) { WIDE(); WIDE(); }"
        for wide, status in (("relu_avx2", 0), ("relu_avx512", 1), ("sum_avx2", 1)):
            with self.subTest(wide):
                self.pipeline(self.old, "a", source=source, NAME="sum", WIDE="sum_avx2")
                self.pipeline(self.new, "a", source=source, NAME="relu", WIDE=wide)
                self.assert_told(status, *["changed a"] * status)

    def test_tells_what_appeared_went_and_moved(self):
        for name, macros in (("same", {}), ("went", {"FACTOR": "3"}), ("before", {"FACTOR": "4"})):
            self.pipeline(self.old, name, **macros)
            self.stage(self.old, name, **macros)
        self.pipeline(self.new, "same")
        self.stage(self.new, "same")
        for name, macros in (("new", {"FACTOR": "5"}), ("after", {"FACTOR": "4", **ANOTHER_NAME})):
            self.pipeline(self.new, name, **macros)
            self.stage(self.new, name, **macros)
        told = self.assert_told(1, "gone went", "appeared new", "moved before -> after",
                                "gone went_stage", "appeared new_stage", "moved before_stage -> after_stage")
        self.assertEqual(told, "same-code: 3 pipelines and 3 stages, 3 and 3 different")

    def test_a_move_is_no_change_but_a_copy_is(self):
        self.pipeline(self.old, "a")
        self.pipeline(self.new, "b")
        self.assertEqual(self.assert_told(0, "moved a -> b"), "same-code: 1 pipelines and 0 stages, 1 and 0 different")
        self.pipeline(self.new, "c")
        self.assertEqual(self.assert_told(1, "moved a -> b", "appeared c"),
                         "same-code: 2 pipelines and 0 stages, 1 and 0 different")
        self.old, self.new = self.new, self.old
        self.assert_told(0, "moved b -> a", "moved c -> a")  # one serves for both

    def test_leaves_out_what_the_build_does_not_make(self):
        for folder in (self.old, self.new):
            self.pipeline(folder, "a")
            self.stage(folder, "c")
        self.pipeline(self.new / "classes" / "more", "b", FACTOR="2")
        self.pipeline(self.new / "tests" / "work", "a", FACTOR="3")
        self.compile(self.new / "CMakeFiles/c_stage.dir/where/it/was.cpp.o", FACTOR="4")
        self.assert_told(1, "changed a", "appeared b", "changed c_stage")
        (self.new / "build.ninja").write_text(
            "build pipelines/a.private.o classes/more/pipelines/b.private.o | x.h: CUSTOM_COMMAND y || z\n"
            "build CMakeFiles/c_stage.dir/runtime/stages/stage.cpp.o: CXX_COMPILER stage.cpp\n")
        self.assert_told(1, "appeared b")

    def test_refuses_folders_without_pipelines(self):
        self.pipeline(self.old, "a")
        self.assert_refused(f"{self.new}: expected a build folder, found nothing")
        self.new.write_text("")
        self.assert_refused(f"{self.new}: expected a build folder, found a file")
        self.new.unlink()
        self.stage(self.new, "a")
        self.assert_refused(f"{self.new}: expected pipelines (pipelines/*.private.o), found none")

    def test_refuses_damaged_objects(self):
        self.pipeline(self.old, "a")
        whole = self.pipeline(self.new, "a").read_bytes()
        path = self.pipeline(self.new, "b")
        foreign = bytearray(whole)
        foreign[18] = 183  # AArch64's number
        thirty_two = bytearray(whole)
        thirty_two[4] = 1
        beyond = bytearray(whole)
        beyond[40:48] = b"\xff" * 8  # where the table of sections would be
        for content in (b"", b"\x7fELF", b"!<arch>\n", bytes(100), foreign, thirty_two, beyond, whole[:64], whole[:500],
                        whole[:-1]):
            path.write_bytes(content)
            self.assert_refused(f"{path}: expected a whole ELF64 x86-64 object, found something else (")
        shutil.rmtree(self.new)
        self.stage(self.new, "a")
        (self.new / "CMakeFiles/a_stage.dir/runtime/stages/stage.cpp.o").write_bytes(b"")
        self.assert_refused(f"{self.new}/CMakeFiles/a_stage.dir/runtime/stages/stage.cpp.o: expected a whole ELF64")


if __name__ == "__main__":
    unittest.main()
