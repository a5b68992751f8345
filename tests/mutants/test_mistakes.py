"""The list of mistakes fits the code: the hunt itself is ``python -m tests.mutants``."""

import pytest

from tests.mutants.mistakes import MISTAKES
from tests.mutants.runner import ROOT, Verdict, copy_tree, make


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_the_right_text_stands_in_its_file_once_and_its_tests_exist(mistake):
    assert (ROOT / mistake.file).read_text("utf-8").count(mistake.right) == 1
    assert mistake.right != mistake.wrong
    for test in mistake.tests:
        file, _, name = test.partition("::")
        assert (ROOT / file).exists(), test
        assert not name or f"def {name.partition('[')[0]}(" in (ROOT / file).read_text("utf-8")


def test_forty_mistakes_or_more_each_with_its_own_name():
    assert len({mistake.name for mistake in MISTAKES}) == len(MISTAKES) >= 40


def test_a_mistake_is_made_in_a_copy_and_nowhere_else(tmp_path):
    copy_tree(tmp_path)
    mistake = MISTAKES[0]
    was = make(mistake, tmp_path)
    assert (ROOT / mistake.file).read_text("utf-8") == was
    assert mistake.wrong in (tmp_path / mistake.file).read_text("utf-8")


def test_only_failing_tests_kill_a_mistake():
    words = [Verdict("x", answer, 0.1).word for answer in (0, 1, 2, 5)]
    assert words == ["SURVIVED", "killed", "NO VERDICT (2)", "NO VERDICT (5)"]
