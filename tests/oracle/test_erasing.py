"""What the search for erased texts sees: a search that is blind finds every erasure complete."""

from contactfold.adapters.documents import pack_contact
from contract.directory_objects import contact
from oracle.erasing import unpacked


def test_a_text_in_a_packed_contact_is_found_as_text() -> None:
    packed = pack_contact(contact("ann"))
    assert "'Ann@example.com'" not in repr(packed)
    assert "'Ann@example.com'" in repr(unpacked({"contacts": [("x", packed, 7)]}))


def test_bytes_that_are_no_packed_document_stay_as_they_are() -> None:
    for content in (b"", b"@t2", b"\xff\x00@t2", b"\x91", bytes(16)):
        assert unpacked([content]) == (content,)
