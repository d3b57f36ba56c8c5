"""Shows that check_includes.py finds each kind of forbidden edge, in small trees made for the purpose."""

import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import check_includes

TABLES = """
| room | may include |
|---|---|
| base | |
| image | base, `<mediscan/backend.hpp>` |
| backend | base |
| cli | public headers |

| header | room |
|---|---|
| error.hpp | base |
| backend.hpp | backend |
| system.hpp | backend |
"""


class CheckIncludes(unittest.TestCase):
    def faults(self, path, text, tables=TABLES):
        with tempfile.TemporaryDirectory() as folder:
            tree = pathlib.Path(folder)
            for name, content in (("docs/architecture.md", tables), (path, text)):
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                (tree / name).write_text(content, encoding="utf-8")
            return check_includes.faults(tree)

    def test_allowed_edges_pass(self):
        text = '#include "image/image.hpp"\n#include "base/hash.hpp"\n#include <mediscan/error.hpp>\n#include <mediscan/backend.hpp>\n#include <png.h>\n'
        self.assertEqual(self.faults("src/image/decode.cpp", text), [])

    def test_a_room_below_is_refused(self):
        self.assertEqual(self.faults("src/image/decode.cpp", '#include "backend/registry.hpp"\n'),
                         ["src/image/decode.cpp: image may not include backend"])

    def test_subfolders_belong_to_their_room(self):
        self.assertEqual(self.faults("src/backend/torch/tensor.hpp", '#  include "image/sniff.hpp"\n'),
                         ["src/backend/torch/tensor.hpp: backend may not include image"])

    def test_a_public_header_of_a_room_below_is_refused(self):
        self.assertEqual(self.faults("src/image/decode.cpp", "#include <mediscan/system.hpp>\n"),
                         ["src/image/decode.cpp: image may not include <mediscan/system.hpp>, a header of backend"])

    def test_the_cli_sees_public_headers_only(self):
        self.assertEqual(self.faults("src/cli/main.cpp", '#include <mediscan/system.hpp>\n#include "cli/text.hpp"\n'), [])
        self.assertEqual(self.faults("src/cli/main.cpp", '#include "base/log.hpp"\n'), ["src/cli/main.cpp: cli may not include base"])

    def test_capi_is_a_room_beside_src(self):
        tables = TABLES.replace("| cli |", "| capi | public headers |\n| cli |")
        self.assertEqual(self.faults("capi/image.cpp", '#include <mediscan/error.hpp>\n#include "capi/handles.hpp"\n', tables), [])
        self.assertEqual(self.faults("capi/image.cpp", '#include "image/sniff.hpp"\n', tables), ["capi/image.cpp: capi may not include image"])

    def test_the_c_header_includes_nothing_but_the_two_of_c(self):
        self.assertEqual(self.faults("include/mediscan/mediscan.h", "#include <stdint.h>\n#include <stdbool.h>\n"),
                         ["include/mediscan/mediscan.h: the C header may not include stdbool.h"])

    def test_an_include_without_its_room_is_refused(self):
        self.assertEqual(self.faults("src/base/log.cpp", '#include "log.hpp"\n'),
                         ['src/base/log.cpp: "log.hpp" must be written from src/, as "base/log.hpp"'])

    def test_a_room_or_header_without_a_row_is_refused(self):
        self.assertEqual(self.faults("src/attic/x.cpp", ""), ["src/attic/x.cpp: the room attic has no row"])
        self.assertEqual(self.faults("src/base/x.cpp", "#include <mediscan/new.hpp>\n"),
                         ["src/base/x.cpp: <mediscan/new.hpp> has no row in the table of headers"])

    def test_a_dependency_in_a_public_header_is_refused(self):
        self.assertEqual(self.faults("include/mediscan/error.hpp", "#include <fmt/format.h>\n#include <cstdint>\n#include <mediscan/export.hpp>\n"),
                         ["include/mediscan/error.hpp: a public header may not include fmt/format.h"])

    def test_a_table_with_a_circle_is_refused(self):
        circle = TABLES.replace("| base | |", "| base | backend |")
        self.assertEqual(self.faults("src/base/x.cpp", "", circle),
                         ["docs/architecture.md: the row of base names backend, which is not a room above it"])


if __name__ == "__main__":
    unittest.main()
