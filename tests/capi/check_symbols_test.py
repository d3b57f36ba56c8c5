"""Shows that check_symbols.py and check_header.py find each kind of fault."""

import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import check_header
import check_symbols

HEADER = """
MEDISCAN_C_API const char* mediscan_version(void);
/* frees */
MEDISCAN_C_API void mediscan_free(char* text,
                                  int32_t how);
enum { MEDISCAN_OK = 0 };
typedef struct mediscan_pair {
  int32_t a; /* first */
  int32_t b;
} mediscan_pair;
"""
MAP = """
MEDISCAN_1.0 {
  global:
    mediscan_version;
    mediscan_free;
};
"""
SYMBOLS = {("mediscan_version", "MEDISCAN_1.0"), ("mediscan_free", "MEDISCAN_1.0"), ("mediscan::Image::width() const", "MEDISCAN_CXX"),
           ("typeinfo for mediscan::Error", "MEDISCAN_CXX")}


class CheckSymbols(unittest.TestCase):
    def faults(self, header=HEADER, version_script=MAP, symbols=SYMBOLS):
        return list(check_symbols.faults(header, version_script, symbols))

    def test_three_places_that_agree(self):
        self.assertEqual(self.faults(), [])

    def test_a_function_that_the_map_forgot(self):
        self.assertEqual(self.faults(version_script=MAP.replace("    mediscan_free;\n", "")),
                         ["mediscan_free is declared in mediscan.h but not in mediscan.map", "mediscan_free is exported but not in mediscan.map"])

    def test_a_function_that_the_library_lacks(self):
        self.assertEqual(self.faults(symbols=SYMBOLS - {("mediscan_free", "MEDISCAN_1.0")}),
                         ["mediscan_free is in mediscan.map but the library does not export it"])

    def test_a_function_in_another_node(self):
        self.assertEqual(self.faults(symbols=SYMBOLS - {("mediscan_free", "MEDISCAN_1.0")} | {("mediscan_free", "MEDISCAN_CXX")}),
                         ["mediscan_free is exported as MEDISCAN_CXX, the map says MEDISCAN_1.0"])

    def test_symbols_of_others_and_of_rooms(self):
        found = self.faults(symbols=SYMBOLS | {("std::string::size()", ""), ("mediscan::image::sniff()", "MEDISCAN_CXX")})
        self.assertEqual(found, ["mediscan::image::sniff() is exported and belongs to a room",
                                 "std::string::size() () is exported and not of MediScan's public namespace"])


class CheckHeader(unittest.TestCase):
    def test_appending_is_allowed(self):
        today = HEADER.replace("  int32_t b;\n", "  int32_t b;\n  int64_t c;\n") + "MEDISCAN_C_API int mediscan_more(void);"
        self.assertEqual(list(check_header.faults(HEADER, today)), [])

    def test_a_changed_parameter(self):
        found = list(check_header.faults(HEADER, HEADER.replace("int32_t how", "int64_t how")))
        self.assertEqual(len(found), 1)
        self.assertIn("function mediscan_free was", found[0])

    def test_a_changed_number(self):
        self.assertEqual(list(check_header.faults(HEADER, HEADER.replace("OK = 0", "OK = 1"))), ["constant MEDISCAN_OK was `0` and is `1`"])

    def test_a_field_put_in_between(self):
        found = list(check_header.faults(HEADER, HEADER.replace("  int32_t b;\n", "  int32_t c;\n  int32_t b;\n")))
        self.assertEqual(len(found), 1)
        self.assertIn("struct mediscan_pair had", found[0])


if __name__ == "__main__":
    unittest.main()
