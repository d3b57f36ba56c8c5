"""What docs/performance.md says of measured numbers: ratios, targets, the roofline; and that a benchmark writes its own section alone."""

import pytest
from comparison import Comparison, Roof, Target, judged, roofline_fraction, table, verdict
from performance_page import put_section, sections

MEDIANS = {"MediScan": 50.0, "OpenVINO": 46.0, "torch eager": 75.0}


def rows(text):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]


def test_the_share_of_the_roof_is_work_over_time_over_peak():
    # 8 GFLOP in 50 ms are 160 GFLOP/s.
    assert roofline_fraction(8.0, 50.0, Roof("fp32", 200.0)) == pytest.approx(0.8)


def test_a_target_is_held_against_the_fastest_of_its_peers():
    assert verdict(MEDIANS, Target("MediScan", ["torch eager", "OpenVINO"], 1.0)) == (pytest.approx(0.92), "OpenVINO")


def test_peers_that_were_not_run_are_left_out_of_a_target():
    assert verdict(MEDIANS, Target("MediScan", ["torch eager", "AOTInductor"], 1.0)) == (pytest.approx(1.5), "torch eager")
    assert verdict(MEDIANS, Target("MediScan", ["AOTInductor"], 1.0)) is None
    assert verdict(MEDIANS, Target("MediScan int8", ["OpenVINO"], 1.0)) is None


@pytest.mark.parametrize(("ratio", "least", "said"), [
    (1.004, 1.0, "1.00 met"),
    (1.0, 1.0, "1.00 met"),
    (0.92, 1.0, "0.92 missed"),
    (0.9964, 1.0, "0.9964 missed"),  # "1.00 missed" would look like a mistake
    (1.9951, 2.0, "1.9951 missed"),
])
def test_a_target_just_missed_is_not_rounded_into_met(ratio, least, said):
    assert judged(ratio, least) == said


def test_contenders_stand_by_their_time_with_their_ratio_to_mediscan():
    assert rows(table(Comparison("resnet50", "MediScan", MEDIANS))) == [
        ["contender", "median ms", "its time / MediScan's"], ["---"] * 3,
        ["OpenVINO", "46.0", "0.92"], ["MediScan", "50.0", ""], ["torch eager", "75.0", "1.50"]]


def test_a_contender_that_was_not_run_has_a_row_with_the_reason():
    text = table(Comparison("resnet50", "MediScan", MEDIANS, {"AOTInductor": "not compiled within 300 s"}, gflop=8.0, roofs={}))
    assert ["AOTInductor", "not run: not compiled within 300 s", "", "", ""] in rows(text)


def test_each_row_names_the_roof_of_its_own_precision():
    medians = {"MediScan": 50.0, "MediScan int8": 20.0, "unknown": 10.0}
    roofs = {"MediScan": Roof("fp32", 200.0), "MediScan int8": Roof("int8", 800.0)}
    found = {cells[0]: cells[3:] for cells in rows(table(Comparison("r", "MediScan", medians, gflop=8.0, roofs=roofs)))}
    assert found["MediScan"] == ["160", "80 % of 200 (fp32)"]
    assert found["MediScan int8"] == ["400", "50 % of 800 (int8)"]
    assert found["unknown"] == ["", ""]


def test_a_target_of_one_peer_stands_in_its_row_and_names_the_contender_that_must_reach_it():
    medians = {"MediScan": 50.0, "MediScan, fast_decode": 40.0, "Pillow": 110.0, "Pillow draft": 76.0}
    targets = [Target("MediScan", ["Pillow"], 2.0), Target("MediScan, fast_decode", ["Pillow draft"], 2.0)]
    found = {cells[0]: cells[2:] for cells in rows(table(Comparison("r", "MediScan", medians, targets=targets)))}
    assert found["Pillow"] == ["2.20", "2", "2.20 met"]
    assert found["Pillow draft"] == ["1.52", "2 by MediScan, fast_decode", "1.90 missed"]
    assert found["MediScan"] == ["", "", ""]


def test_targets_of_several_peers_and_notes_are_paragraphs_below_the_table():
    peers = ["OpenVINO", "torch eager"]
    text = table(Comparison("r", "MediScan", MEDIANS, targets=[Target("MediScan", peers, 1.0), Target("MediScan int8", peers, 1.0)], notes=["A note."]))
    assert text.split("\n\n")[2:] == ["MediScan against the fastest peer, OpenVINO: **0.92 missed** (target 1).",
                                      "MediScan int8: no peer was run, target 1 not measured.", "A note.\n"]


PAGE = "# Performance\n\nintroduction\n\n## Under load\n\nold\n\n## The server\n\nserved\n"


def test_a_section_is_written_in_its_place_and_the_others_stay(tmp_path):
    page = tmp_path / "performance.md"
    page.write_text(PAGE, encoding="utf-8")
    put_section(page, "## Under load", "## Under load\n\nnew")
    assert page.read_text(encoding="utf-8") == PAGE.replace("old", "new")


def test_a_new_section_comes_last_and_makes_the_page_when_there_is_none(tmp_path):
    page = tmp_path / "performance.md"
    put_section(page, "## One", "## One\n\n1")
    put_section(page, "## Two", "## Two\n\n2")
    assert page.read_text(encoding="utf-8") == "## One\n\n1\n\n## Two\n\n2\n"


def test_the_sections_of_other_scripts_are_read_as_they_are(tmp_path):
    page = tmp_path / "performance.md"
    assert sections(page, "## Under load") == "\n"
    page.write_text(PAGE, encoding="utf-8")
    assert sections(page, "## Under load", "## Missing", "## The server") == PAGE.removeprefix("# Performance\n\nintroduction\n\n")
