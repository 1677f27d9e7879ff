"""Plain text and encodings: the decoded file, exactly as it is, or a refusal."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.errors import StageError
from kb.extract import extract, loading
from kb.extract.plain import text
from kb.extract.plain.encoding import decode, decode_as
from kb.model import Source
from tests.extract.make import assert_whole, written

ANYWHERE = Source(path="note.txt", location=Path("note.txt"), size=0, mtime_ns=0, inode=0)
#: Text as files hold it: no control characters but white space, no mark at the beginning.
WRITTEN = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"]) | st.sampled_from("\t\n\r"),
    min_size=1,
).filter(lambda text: not text.startswith("\ufeff"))

CHINESE = "第一条 甲方应当在收到货物之后三十日之内支付全部价款，逾期不付的，乙方有权解除本合同。\n"
TRADITIONAL = "客戶如欲維修產品，應於保養期內將產品連同購買單據交回本公司的服務中心。\n"
JAPANESE = "お客様がこの製品を購入された日から一年間、無償で修理いたします。\n"
KOREAN = "이 계약은 서명한 날부터 효력이 발생하며 계약 기간은 이 년으로 한다.\n"
RUSSIAN = "Настоящий договор вступает в силу с момента его подписания сторонами.\n"
GREEK = "Η παρούσα σύμβαση αρχίζει να ισχύει από την ημερομηνία υπογραφής της.\n"
HEBREW = "הסכם זה ייכנס לתוקף ביום חתימתו על ידי שני הצדדים ויחול על כל המכירות.\n"
ENGLISH = "The “Supplier” shall deliver — at its own cost — under §3 of the Buyer’s terms.\n"
GERMAN = "Die Gewährleistung beträgt zwölf Monate; für Verschleißteile gilt § 5 gemäß Anhang.\n"
FRENCH = "Le présent contrat prend effet à la date de sa signature par les deux parties à Genève.\n"
POLISH = (
    "Niniejsza umowa wchodzi w życie z dniem jej podpisania przez obie strony, które są świadome.\n"
)
HUNGARIAN = (
    "A jelen szerződés az aláírás napján lép hatályba, és két évig érvényes, hűség nélkül.\n"
)
TURKISH = "Bu sözleşme imzalandığı gün yürürlüğe girer ve iki yıl süreyle geçerli olacaktır.\n"

LATVIAN = (
    "Šis līgums stājas spēkā dienā, kad to ir parakstījušas abas puses, un ir spēkā ņemot vērā.\n"
)
LITHUANIAN = (
    "Ši sutartis įsigalioja nuo jos pasirašymo dienos ir galioja dvejus metus, jeigu šalių.\n"
)
ESTONIAN = (
    "Käesolev leping jõustub päeval, mil mõlemad pooled on sellele alla kirjutanud, ja kehtib.\n"
)
ICELANDIC = (
    "Samningur þessi öðlast gildi þegar báðir aðilar hafa undirritað hann og það er staðfest.\n"
)
UKRAINIAN = "Цей договір набирає чинності з дня його підписання обома сторонами та діє два роки.\n"
ARABIC = "يسري هذا العقد من تاريخ توقيعه من قبل الطرفين ويكون نافذا لمدة سنتين.\n"
THAI = "สัญญานี้มีผลบังคับใช้ตั้งแต่วันที่คู่สัญญาทั้งสองฝ่ายลงนามและมีอายุสองปี\n"


@given(WRITTEN, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]))
def test_unicode_text_comes_back_as_it_was(words: str, encoding: str) -> None:
    document = text.read(words.encode(encoding), ANYWHERE)
    assert document.text == words
    assert_whole(document)


@pytest.mark.parametrize(
    ("words", "encoding"),
    [
        (CHINESE, "gbk"),
        (CHINESE, "gb18030"),
        (CHINESE, "utf-16-le"),
        (CHINESE, "utf-16-be"),
        (TRADITIONAL, "big5"),
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc_jp"),
        (JAPANESE, "iso2022_jp"),
        (JAPANESE, "utf-16-be"),
        (KOREAN, "euc_kr"),
        (KOREAN, "cp949"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8_r"),
        (GREEK, "cp1253"),
        (HEBREW, "cp1255"),
        (ENGLISH, "cp1252"),
        (ENGLISH, "utf-16-le"),
        (ENGLISH, "utf-32-be"),
        (GERMAN, "cp1252"),
        (FRENCH, "latin-1"),
        (POLISH, "cp1250"),
        (POLISH, "iso8859_2"),
        (HUNGARIAN, "cp1250"),
        (TURKISH, "cp1254"),
        (LATVIAN, "cp1257"),
        (LITHUANIAN, "cp1257"),
        (ESTONIAN, "cp1257"),
        (ICELANDIC, "cp1252"),
        (UKRAINIAN, "cp1251"),
        (UKRAINIAN, "koi8_u"),
        (UKRAINIAN, "utf-16-le"),
        (RUSSIAN, "iso8859_5"),
        (RUSSIAN, "cp866"),
        (RUSSIAN, "utf-16-be"),
        (ARABIC, "cp1256"),
        (ARABIC, "utf-16-le"),
        (THAI, "cp874"),
        (THAI, "utf-16-le"),
        (GREEK, "utf-16-be"),
    ],
)
@pytest.mark.parametrize("times", [1, 40])
def test_old_encodings_are_told_apart(words: str, encoding: str, times: int) -> None:
    assert decode((words * times).encode(encoding))[0] == words * times


@pytest.mark.parametrize(
    ("words", "encoding"),
    [
        (LATVIAN, "cp1257"),
        (LITHUANIAN, "cp1257"),
        (POLISH, "iso8859_2"),
        (GERMAN, "cp1252"),
        (UKRAINIAN, "koi8_u"),
        (JAPANESE, "euc_jp"),
        (GREEK, "cp1253"),
        (HUNGARIAN, "cp1250"),
        (TURKISH, "cp1254"),
    ],
)
def test_a_piece_of_a_text_is_told_rightly_or_refused(words: str, encoding: str) -> None:
    for start in range(0, len(words) - 45, 5):
        piece = words[start : start + 45]
        try:
            assert decode(piece.encode(encoding))[0] == piece
        except StageError as error:
            assert error.failure.code == "extract.encoding"  # noqa: PT017 - either is fine


def test_a_character_of_the_larger_set_is_no_obstacle() -> None:
    words = "名前,年齢,住所\r\n佐藤太郎,30,東京\r\n髙橋淳,35,名古屋\r\n"
    assert decode(words.encode("cp932")) == (words, "cp932")
    assert decode(("㐀" + CHINESE).encode("gb18030")) == ("㐀" + CHINESE, "gb18030")


def test_a_bad_byte_among_many_good_ones_is_marked() -> None:
    data = (CHINESE * 20).encode()
    place = 3 * len(CHINESE.encode())
    damaged = data[:place] + b"\xff" + data[place:]
    found, encoding = decode(damaged)
    assert encoding == "utf-8"
    assert found.count("\ufffd") == 1
    assert found.replace("\ufffd", "") == CHINESE * 20


@pytest.mark.parametrize("data", [bytes(range(256)) * 4, b"\x7fELF" + bytes(200), os.urandom(3000)])
def test_binary_data_is_corrupt_and_no_text(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(StageError) as error:
        extract(written(tmp_path / "a.txt", data))
    assert error.value.failure.code in {"extract.corrupt", "extract.encoding"}


def test_what_cannot_be_told_is_refused_and_no_mojibake(tmp_path: Path) -> None:
    for data in (b"\x81\xfe" * 40, bytes(range(0xA1, 0x100)) * 3, "‰Š\u0152".encode("cp1252") * 9):
        with pytest.raises(StageError) as error:
            extract(written(tmp_path / "a.txt", data))
        assert error.value.failure.code == "extract.encoding"
        assert error.value.failure.source == "a.txt"


def test_nuls_and_lone_surrogates_are_replaced_in_place(tmp_path: Path) -> None:
    document = extract(written(tmp_path / "a.txt", b"before\0after all that " * 20))
    assert document.text == "before after all that " * 20
    wide = b"\xff\xfe" + "ab".encode("utf-16-le") + b"\x00\xd8" + "cd".encode("utf-16-le")
    assert extract(written(tmp_path / "b.txt", wide)).text == "ab\ufffdcd"


def test_a_declared_encoding_is_believed_as_long_as_it_fits() -> None:
    assert decode_as(CHINESE.encode("gbk"), "GB2312")[0] == CHINESE
    assert decode_as(CHINESE.encode("gbk"), "utf-8")[0] == CHINESE
    assert decode_as(CHINESE.encode(), "no-such-thing")[0] == CHINESE
    assert decode_as("é“x”".encode("cp1252"), "iso-8859-1")[0] == "é“x”"
    assert decode_as(CHINESE.encode("utf-16"), "gbk")[0] == CHINESE


def test_empty_and_blank_files_are_empty(tmp_path: Path) -> None:
    for data in (b"", b" \r\n\t ", b"\xef\xbb\xbf", b"\xff\xfe"):
        with pytest.raises(StageError) as error:
            extract(written(tmp_path / "a.txt", data))
        assert error.value.failure.code == "extract.empty"


def test_the_title_is_the_name_of_the_file(tmp_path: Path) -> None:
    document = extract(written(tmp_path / "保修政策 v2.0.txt", b"text"))
    assert (document.title, document.format, document.paged) == ("保修政策 v2.0", "text", False)


def test_a_file_larger_than_allowed_is_not_read(tmp_path: Path) -> None:
    source = written(tmp_path / "a.txt", b"12345")
    assert loading.load(source, max_bytes=5) == b"12345"
    with pytest.raises(StageError) as error:
        loading.load(source, max_bytes=4)
    assert error.value.failure.code == "extract.too_large"


def test_more_text_than_allowed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kb.extract.registry.MAX_CHARACTERS", 10)
    assert extract(written(tmp_path / "a.txt", b"x" * 10)).text == "x" * 10
    with pytest.raises(StageError) as error:
        extract(written(tmp_path / "a.txt", b"x" * 11))
    assert error.value.failure.code == "extract.too_large"


def test_a_file_that_changes_while_it_is_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = written(tmp_path / "a.txt", b"first")
    looked = os.fstat
    changes = iter([b"second version"])

    def looking(descriptor: int) -> os.stat_result:
        status = looked(descriptor)
        for data in changes:
            source.location.write_bytes(data)
            break
        return status

    monkeypatch.setattr(os, "fstat", looking)
    assert extract(source).text == "second version"
    changes = iter([b"%d" % number * number for number in range(1, 99)])
    with pytest.raises(StageError) as error:
        extract(source)
    assert error.value.failure.code == "extract.corrupt"
    assert error.value.failure.retriable


def test_a_file_that_is_gone_or_closed_may_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = written(tmp_path / "a.txt", b"x")
    source.location.unlink()
    with pytest.raises(StageError) as error:
        extract(source)
    assert error.value.failure.retriable
    os.mkfifo(source.location)  # must not wait for someone to write into it
    with pytest.raises(StageError) as error:
        extract(source)
    assert error.value.failure.code == "extract.unsupported"
    source.location.unlink()
    source.location.write_bytes(b"x")

    def denied(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", denied)
    with pytest.raises(StageError) as error:
        extract(source)
    assert "Permission denied" in error.value.failure.message
