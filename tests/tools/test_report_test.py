"""The report's promise: nothing that failed or did not run is counted as passed or skipped."""

import pytest
import test_report


def report(tmp_path, capsys, *cases, arguments=()):
    path = tmp_path / "ctest.xml"
    path.write_text(f"<testsuite>{''.join(cases)}</testsuite>", encoding="utf-8")
    code = test_report.main([str(path), *arguments])
    return code, capsys.readouterr().out.splitlines()


def ctest_case(name, status="run", inner="", output=""):
    return f'<testcase name="{name}" classname="{name}" time="0.5" status="{status}">{inner}<system-out>{output}</system-out></testcase>'


SKIPPED = '<skipped message="SKIP_REGULAR_EXPRESSION_MATCHED"/>'


def test_all_passed_is_code_0(tmp_path, capsys):
    code, lines = report(tmp_path, capsys, ctest_case("base: a"), ctest_case("image: b"))
    assert (code, lines[-1]) == (0, "2 passed, 0 failed, 0 skipped")


def test_a_failure_is_code_1_and_shows_its_output(tmp_path, capsys):
    code, lines = report(tmp_path, capsys, ctest_case("base: a"), ctest_case("base: b", "fail", "<failure message=''/>", "CHECK( 1 == 2 )"))
    assert (code, lines[-1]) == (1, "1 passed, 1 failed, 0 skipped")
    assert "      | CHECK( 1 == 2 )" in lines


def test_a_skip_counts_with_the_reason_it_printed(tmp_path, capsys):
    code, lines = report(tmp_path, capsys, ctest_case("base: a"), ctest_case("backend: b", "notrun", SKIPPED, "MEDISCAN_SKIP: no GPU here"))
    assert (code, lines[-1]) == (0, "1 passed, 0 failed, 1 skipped")
    assert "      no GPU here" in lines


@pytest.mark.parametrize("failure", ["[doctest] Status: FAILURE!", "==7==ERROR: AddressSanitizer: heap-use-after-free",
                                     "x.cpp:3:5: runtime error: signed integer overflow"])
def test_a_failure_does_not_hide_behind_a_skip(tmp_path, capsys, failure):
    output = f"MEDISCAN_SKIP: no GPU here\n{failure}"
    code, lines = report(tmp_path, capsys, ctest_case("base: a"), ctest_case("base: b", "notrun", SKIPPED, output))
    assert (code, lines[-1]) == (1, "1 passed, 1 failed, 0 skipped")


def test_a_test_program_that_was_not_built_is_a_failure(tmp_path, capsys):
    missing = '<skipped message="Unable to find executable: test_base_NOT_BUILT"/>'
    code, lines = report(tmp_path, capsys, ctest_case("base: a"), ctest_case("test_base_NOT_BUILT", "notrun", missing))
    assert (code, lines[-1]) == (1, "1 passed, 1 failed, 0 skipped")


def test_a_filter_that_met_no_test_case_is_a_failure(tmp_path, capsys):
    code, lines = report(tmp_path, capsys, ctest_case("base: a"), ctest_case("base: b", output="[doctest] test cases: 0 | 0 passed | 0 failed | 6 skipped"))
    assert (code, lines[-1]) == (1, "1 passed, 1 failed, 0 skipped")


@pytest.mark.parametrize("status", ["disabled", "notrun"])
def test_a_test_that_did_not_run_is_a_failure(tmp_path, capsys, status):
    code, lines = report(tmp_path, capsys, ctest_case("base: a"), ctest_case("base: b", status))
    assert (code, lines[-1]) == (1, "1 passed, 1 failed, 0 skipped")


def test_skipped_tests_alone_are_not_enough(tmp_path, capsys):
    code, lines = report(tmp_path, capsys, ctest_case("base: a", "notrun", SKIPPED, "MEDISCAN_SKIP: nothing here"))
    assert (code, lines[-1]) == (1, "0 passed, 0 failed, 1 skipped")


def test_an_empty_a_broken_and_a_missing_file_are_failures(tmp_path, capsys):
    assert report(tmp_path, capsys)[0] == 1
    (tmp_path / "broken.xml").write_text("<testsuite>", encoding="utf-8")
    code = test_report.main([str(tmp_path / "broken.xml"), str(tmp_path / "missing.xml")])
    assert (code, capsys.readouterr().out.splitlines()[-1]) == (1, "0 passed, 2 failed, 0 skipped")


def test_pytest_skips_keep_their_reason(tmp_path, capsys):
    case = '<testcase classname="tests.parity.x" name="y"><skipped type="pytest.skip" message="no torch">x.py:3: no torch</skipped></testcase>'
    code, lines = report(tmp_path, capsys, ctest_case("base: a"), case)
    assert (code, lines[-1]) == (0, "1 passed, 0 failed, 1 skipped")
    assert "      no torch" in lines


def test_steps_count_as_tests(tmp_path, capsys):
    code, lines = report(tmp_path, capsys, ctest_case("base: a"), arguments=("--step", "format=0", "--step", "clang-tidy=1"))
    assert (code, lines[-1]) == (1, "2 passed, 1 failed, 0 skipped")
