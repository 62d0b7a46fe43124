"""Each error message of the code stands in the troubleshooting page with its cause."""

from tests.docs.messages import messages, written


def test_no_message_is_missing():
    missing = sorted(messages() - written())
    assert not missing, "python -m tests.docs.messages prints them; docs/troubleshooting.md lacks their causes."


def test_no_message_is_gone():
    assert not sorted(written() - messages())


def test_messages_are_found_wherever_they_stand():
    """In f-strings, translations, names given before, checks and conditional expressions."""
    assert {
        "… has no field …; it has ….",
        "The ad no longer exists.",
        '…["PHOTO_PRECISION"] must be a number from 0 to 1, not ….',
        "“…” is missing from the site's …: add it, or choose something else.",
        "The photo is damaged.",
    } <= messages()
