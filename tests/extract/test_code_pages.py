"""Encodings before Unicode: told by letters and by the places where they stand, or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.errors import StageError
from kb.extract.plain.encoding import decode

ENGLISH = (
    "The “Tenant” shall pay the rent – and the Landlord’s costs — on the first day of each month."
)
GERMAN = (
    "Die Kündigung muß bis zum Ende des Jahres erfolgen, über die Höhe entscheidet der Vermieter."
)
FRENCH = "Le locataire paie le loyer à la date prévue; la résiliation prend effet après un délai."
SPANISH = "El inquilino pagará la renta cada mes; además abonará según la cláusula décima del año."
POLISH = "Najemca zobowiązuje się płacić czynsz z góry do dziesiątego dnia każdego miesiąca."
TURKISH = "Kiracı, kira bedelini her ayın beşinci gününe kadar ödemekle yükümlüdür; süre uzatılmaz."
GREEK = "Ο μισθωτής υποχρεούται να καταβάλλει το μίσθωμα την πρώτη ημέρα κάθε μήνα."
HEBREW = "השוכר מתחייב לשלם את דמי השכירות ביום הראשון של כל חודש, והמשכיר ימסור קבלה."
ARABIC = "يلتزم المستأجر بدفع الإيجار في اليوم الأول من كل شهر ويسلم المؤجر إيصالا بذلك."
UKRAINIAN = (
    "Орендар сплачує орендну плату щомісяця не пізніше п’ятого числа; її розмір є незмінним."
)
THAI = "ผู้เช่าต้องชำระค่าเช่าในวันแรกของทุกเดือน"
CHINESE = "合同的解除应当以书面形式通知对方当事人。"
KOREAN = "임차인은 매월 첫째 날에 차임을 지급하여야 한다."
JAPANESE = "契約の解除は書面により相手方に通知しなければならない。"


@pytest.mark.parametrize(
    ("words", "encoding"),
    [
        (ENGLISH, "mac_roman"),
        (GERMAN, "cp850"),
        (GERMAN, "cp437"),
        (FRENCH, "cp850"),
        (FRENCH, "mac_roman"),
        (SPANISH, "cp437"),
        (POLISH, "cp852"),
        (POLISH, "mac_latin2"),
        (TURKISH, "cp857"),
        (GREEK, "cp737"),
        (HEBREW, "cp862"),
        (ARABIC, "cp720"),
        (UKRAINIAN, "cp1125"),
        (KOREAN, "johab"),
        (CHINESE, "hz"),
        (THAI, "utf-16-le"),
        (THAI, "utf-16-be"),
    ],
)
@pytest.mark.parametrize("times", [1, 20])
def test_encodings_of_older_systems(words: str, encoding: str, times: int) -> None:
    text = f"{words}\n" * times
    if not encoding.startswith("utf"):
        text = text.replace("п’я", "п'я")
    assert decode(text.encode(encoding))[0] == text


def test_the_later_western_set_is_told_by_its_euro_sign_and_its_ligature() -> None:
    text = "Le loyer s'élève à 450 € par mois; la sœur du bailleur reçoit 50 € à chaque échéance."
    assert decode(text.encode("iso8859_15")) == (text, "iso8859_15")


@pytest.mark.parametrize(
    ("words", "encoding"),
    [(GERMAN, "cp1252"), (CHINESE, "gbk"), (JAPANESE, "euc_jp"), (GREEK, "cp1253")],
)
def test_letters_far_behind_plain_words_are_looked_at(words: str, encoding: str) -> None:
    text = "Plain words only, line by line.\n" * 5000 + words
    assert decode(text.encode(encoding))[0] == text


@given(
    st.sampled_from([GERMAN, FRENCH, SPANISH, ENGLISH]),
    st.integers(0, 50),
    st.integers(12, 40),
    st.sampled_from(["cp1252", "mac_roman", "cp850", "cp437"]),
)
def test_a_piece_is_told_rightly_or_refused(
    words: str, start: int, length: int, encoding: str
) -> None:
    piece = " ".join(words[start : start + length].split()[1:-1])
    try:
        data = piece.encode(encoding)
    except UnicodeEncodeError:
        return
    try:
        found = decode(data)[0]
    except StageError as error:
        assert error.failure.code == "extract.encoding"  # noqa: PT017 - either is fine
        return
    if sum(char > "\x7f" for char in piece) > 2:
        assert found == piece


@pytest.mark.parametrize(
    "words",
    [
        "the Señor and his men",
        "the façade of the house",
        "12 pages at £250 each",
        "as in § 3 above",
    ],
)
def test_one_letter_or_sign_in_english_is_that_of_windows(words: str) -> None:
    text = f"It was agreed that {words} be paid for in full by the end of that month."
    assert decode(text.encode("cp1252"))[0] == text


def test_words_in_two_alphabets_at_once_are_no_reading() -> None:
    # In the Greek code page these are letters as well, in the middle of Latin words.
    assert decode(b"1,k\xfc\xe7\xfck ev,24.5\n2,g\xfcne\xfe \xfdl\xfdk\n")[0].startswith(
        "1,küçük ev"
    )


def test_a_frame_drawn_around_a_text_is_no_language() -> None:
    text = f"╔{'═' * 30}╗\r\n║ Mietvertrag ║\r\n╚{'═' * 30}╝\r\n{GERMAN}"
    assert decode(text.encode("cp850"))[0] == text


@pytest.mark.parametrize("data", [b"\x1b$A0O3Iabc", b"text \x1b$)A\x0e=;;;\x0f and more"])
def test_an_alphabet_announced_and_not_known_is_refused(data: bytes) -> None:
    with pytest.raises(StageError) as error:
        decode(data)
    assert error.value.failure.code == "extract.encoding"


def test_braces_and_tildes_are_no_chinese() -> None:
    text = "for each ~{name} there is a ~{value}, and ~} closes it"
    assert decode(text.encode()) == (text, "utf-8")


@pytest.mark.parametrize("encoding", ["mac_roman", "cp850"])
def test_a_capital_or_a_quotation_mark_within_a_word_gives_a_code_page_away(encoding: str) -> None:
    # Read as Windows writes them, these are `cafŽ` and `caf‚`.
    text = "They met again in the café on the corner of that street, as agreed."
    assert decode(text.encode(encoding))[0] == text
