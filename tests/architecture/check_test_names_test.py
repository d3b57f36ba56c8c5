"""Shows that check_test_names.py finds the names that ctest would lose."""

import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import check_test_names


class CheckTestNames(unittest.TestCase):
    def faults(self, text):
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "base").mkdir()
            (pathlib.Path(folder) / "base" / "x_test.cpp").write_text(text, encoding="utf-8")
            return [fault.partition("x_test.cpp: ")[2] for fault in check_test_names.faults(pathlib.Path(folder))]

    def test_plain_names_pass(self):
        self.assertEqual(self.faults('TEST_CASE("a, b: (c) \'d\'") {}\nTEST_CASE("e") {}\n'), [])

    def test_separators_and_brackets_are_refused(self):
        self.assertEqual(self.faults('TEST_CASE("a; b") {}\n'), ['the name "a; b" has one of ; [ ] \\ in it'])
        self.assertEqual(self.faults('TEST_CASE_FIXTURE(Folder, "a in [0, 1)") {}\n'), ['the name "a in [0, 1)" has one of ; [ ] \\ in it'])

    def test_a_name_over_two_lines_is_read_whole(self):
        self.assertEqual(self.faults('TEST_CASE(\n    "a "\n    "b;") {}\n'), ['the name "a b;" has one of ; [ ] \\ in it'])

    def test_a_second_case_of_one_name_is_refused(self):
        self.assertEqual(self.faults('TEST_CASE("a") {}\nTEST_CASE("a") {}\n'), ['a second test case is named "a"'])


if __name__ == "__main__":
    unittest.main()
