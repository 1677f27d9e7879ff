"""What text in each language looks like, as far as it helps to tell old encodings apart.

For Chinese, Japanese and Korean the characters that are most frequent are listed: in a text that
was decoded rightly they make up a good part of what is not ASCII; decoded wrongly the same bytes
scatter over thousands of rare characters. The letters of the alphabets, with how often
each comes, are in `letters` beside this.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache

_FOREIGN_RUN = re.compile(r"[^\x00-\x7f]{2,}")
#: No more than this share of a text is in characters that someone made up.
_PRIVATE = 0.02


@dataclass(frozen=True, slots=True)
class Language:
    """A language in one encoding: its frequent characters, and which rows hold ordinary ones."""

    encoding: str
    frequent: frozenset[str]
    #: The codec and the rows of lead bytes that hold the characters of daily use; None where
    #: `frequent` names all of them.
    level: tuple[str, int, int] | None = None

    def score(self, text: str) -> float:
        """Give how much of the text that is not ASCII belongs to the language, 0 to 1."""
        counts = Counter(text)
        foreign = {char: count for char, count in counts.items() if char > "\x7f"}
        total = sum(foreign.values())
        if not total or sum(foreign[char] for char in foreign if "\ue000" <= char <= "\uf8ff") > (
            total * _PRIVATE
        ):
            return 0.0
        frequent = sum(count for char, count in foreign.items() if char in self.frequent)
        if self.level is None:
            return frequent / total
        ordinary_ones = _rows(*self.level) | self.frequent
        ordinary = sum(count for char, count in foreign.items() if char in ordinary_ones)
        # These languages write whole phrases outside ASCII; an accent in a Latin word stands alone.
        together = sum(map(len, _FOREIGN_RUN.findall(text)))
        return max(0.0, 0.5 * frequent + ordinary - 0.5 * total) * together / total**2


@cache
def _rows(codec: str, first: int, last: int) -> frozenset[str]:
    """Give the characters of a double-byte set whose lead byte is from `first` to `last`."""
    pairs = (bytes((lead, trail)) for lead in range(first, last + 1) for trail in range(0x40, 0xFF))
    return frozenset(pair.decode(codec, "ignore") for pair in pairs) - {""}


_CJK_MARKS = "　、。，．；：？！（）「」『』《》〈〉【】〔〕“”‘’…—～〜−·％０１２３４５６７８９"
_SIMPLIFIED = (
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里"
    "用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心本前开但因只从想实"
    "日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体"
    "政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及"
    "比员解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接"
    "必场件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且"
    "权思王象完设式色路记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识候带导争运"
)
_TRADITIONAL = (
    "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡"
    "用道行所然家種事成方多經麼去法學如都同現當沒動面起看定天分還進好小部其些主樣理心本前開但因只從想實"
    "日軍者意無力它與長把機十民第公此已工使情明性知全三又關點正業外將兩高間由問很最重並物手應戰向頭文體"
    "政美相見被利什二等產或新己制身果加西斯月話合回特代內信表化老給世位次度門任常先海通教兒原東聲提立及"
    "比員解水名真論處走義各入幾口認條平系氣題活爾更別打女變四神總何電數安少報才結反受目太量再感建務做接"
    "必場件計管期市直德資命山金指克許統區保至隊形社便空決治展馬科司五基眼書非則聽白卻界達光放強即像難且"
    "權思王象完設式色路記南品住告類求據程北邊死張該交規萬取拉格望覺術領共確傳師觀清今切院讓識候帶導爭運"
)
_KANA = "".join(map(chr, (*range(0x3041, 0x3094), *range(0x30A1, 0x30F7), 0x30FB, 0x30FC)))
_KANJI = (
    "日本年月人大東京名前会社国中田者一二三十時分行出事場所方同上下子山川高木村学生内外部長地金合"
)
_HANGUL = (
    "이다는의에가을하고를도지은로사한기시자어리아서으들나인그대일수정해있라보과해제것안만게전부주스조상원장"
    "여구성국우무동마공비와할면니요내관신세계생경물거때러모당소유중각문체방위선회까라오적연등습바되되었"
)

#: The likelier first: of equal scores the first is taken.
CHINESE_JAPANESE_KOREAN = (
    Language("gb18030", frozenset(_SIMPLIFIED + _CJK_MARKS), ("gb2312", 0xB0, 0xD7)),
    Language("big5hkscs", frozenset(_TRADITIONAL + _CJK_MARKS), ("big5", 0xA4, 0xC6)),
    Language("shift_jis", frozenset(_KANA + _KANJI + _CJK_MARKS), ("cp932", 0x88, 0x97)),
    Language("cp932", frozenset(_KANA + _KANJI + _CJK_MARKS), ("cp932", 0x88, 0x97)),
    Language("euc_jp", frozenset(_KANA + _KANJI + _CJK_MARKS), ("euc_jp", 0xB0, 0xCF)),
    Language("cp949", frozenset(_HANGUL + _CJK_MARKS), ("euc_kr", 0xB0, 0xC8)),
    Language("johab", frozenset(_HANGUL + _CJK_MARKS), ("euc_kr", 0xB0, 0xC8)),
)
