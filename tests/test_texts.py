"""Names that other programs would act on."""

from actsense.texts import printable


def test_nothing_commands_a_terminal() -> None:
    assert printable("\x1b[31mred\x9b2J\x07\u202eabc\ud800") == (
        r"\x1b[31mred\x9b2J\x07\u202eabc\ud800"
    )
    assert printable("plain, \u732b\n\ttext") == "plain, \u732b\n\ttext"
