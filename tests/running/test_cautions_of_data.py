"""What workers notice of the data reaches the user once in a run, however many trials notice it."""

import io

from ground import Ground, experiment

from bnexp.running.live import LiveView


def test_23_a_caution_of_the_data_is_told_once_and_before_the_first_result(ground: Ground) -> None:
    ground.behave(s0="caution", s1="caution", s2="caution_late")
    _, said = ground.run(experiment(range(3)), jobs=2)
    lines = said.splitlines()
    assert [line for line in lines if "caution" in line] == ["caution: the data are blank", "caution: and few"]
    assert lines.index("caution: the data are blank") < next(k for k, line in enumerate(lines) if "test acc" in line)


def test_23_a_caution_whose_progress_was_not_heard_comes_with_the_record(ground: Ground) -> None:
    ground.behave(s0="caution_late")
    assert ground.run(experiment([0]))[1].count("caution: the data are blank") == 1


def test_23_the_live_view_tells_cautions_too(ground: Ground) -> None:
    ground.behave(s0="caution")
    stream = io.StringIO()
    ground.run(experiment([0]), watch=LiveView(stream))
    assert stream.getvalue().count("caution: the data are blank") == 1
