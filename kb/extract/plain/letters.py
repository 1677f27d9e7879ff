"""How often do the letters outside ASCII come in each language that uses an old code page?

A text read in the wrong code page is still all letters, but not those of any language: Latvian
read as French has ten times more `â` than `é`. The figures are per thousand of such letters,
counted in official texts; that they are near enough is all that is needed.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

#: Signs that any text may hold; the first ones often.
_COMMON_SIGNS: Final = frozenset("“”‘’„–—…•·§®™°€£«»\u00a0")
_SIGNS: Final = _COMMON_SIGNS | frozenset("‚©¥×÷±²³¹¼½¾‹›¡¿ªº´µ\u00ad\u200e\u200f،؛؟")
#: Those that the old code pages of DOS draw tables with, and shade.
_DRAWN: Final = frozenset(map(chr, range(0x2500, 0x25A1)))
_PUNCTUATION: Final = _SIGNS | _DRAWN | frozenset("†‡‰¦¬¶¢¨¸¯ƒˆ˜")
#: The chance of a sign that texts often hold, of any other, of a letter that the language hardly
#: ever uses, and of a character that no text holds.
_OFTEN, _SIGN, _RARE, _NEVER = 0.004, 0.0015, 0.0004, 0.00001
#: What a letter outside ASCII beside another one brings where most letters are within, and what
#: one beside a letter of ASCII brings in another alphabet, and one that stands alone in any.
_BESIDE, _MIXED, _LONELY = -2.5, -4.0, -3.0
#: So many different letters, at least, are in a text of some length in another alphabet.
_VARIETY: Final = 6

#: Takes the place of a character that stands where none of its kind does.
_MISPLACED: Final = "\ufffe"
_SMALL: Final = "".join(c for c in map(chr, range(0x61, 0x530)) if c.islower())
_CAPITAL: Final = "".join(c for c in map(chr, range(0x41, 0x530)) if c.isupper())
_LETTER: Final = r"[^\W\d_]"
_OUT_OF_PLACE: Final = re.compile(
    rf"(?<=[{_SMALL}])(?![A-Z])[{_CAPITAL}]"
    rf"|(?<=[{_CAPITAL}])(?![a-zßı])[{_SMALL}](?=[{_CAPITAL}])"
    rf"|(?<={_LETTER})[“”„‚«»‹›†‡‰¤¦¬¶¥£§¢¿¡¼½¾¹²³](?={_LETTER})"
    rf"|(?<={_LETTER})[„‚¿¡•¨¸¯ƒˆ˜\u2500-\u25a0]|[¨¸¯ˆ˜\u2500-\u25a0](?={_LETTER})"
)
_FOREIGN_LETTER: Final = r"(?![\x00-\x7f])[^\W\d_]"
_PAIR: Final = re.compile(rf"{_FOREIGN_LETTER}(?={_FOREIGN_LETTER})")
_JOINT: Final = re.compile(rf"[A-Za-z](?={_FOREIGN_LETTER})|{_FOREIGN_LETTER}(?=[A-Za-z])")
#: A letter that is a word by itself, as few are.
_ALONE: Final = re.compile(
    rf"(?<![^\W\d_])(?![ÀÁÈÉÊÍÒÓÔÖÅÆØÄÚŐàáèéêíòóôöåæøäúő]){_FOREIGN_LETTER}(?!\w*{_LETTER})(?!\.)"
)
_DRAWING: Final = re.compile(r"([^\x00-\x7f])\1{3,}")


@dataclass(frozen=True, slots=True)
class Counted:
    """The characters of a text outside ASCII, and how they stand together."""

    characters: Counter[str]
    #: How many letters outside ASCII stand beside another one, and beside one of ASCII.
    pairs: int
    joints: int
    #: How many stand alone.
    alone: int


def count(text: str) -> Counted:
    """Count the characters outside ASCII, capital letters as small ones."""
    text = _DRAWING.sub(r"\1", text)
    placed = _OUT_OF_PLACE.sub(_MISPLACED, text)
    counts: Counter[str] = Counter()
    for char, number in Counter(placed).items():
        if char > "\x7f":
            small = char.lower()
            counts[small if len(small) == 1 else char] += number
    together = (len(each.findall(text)) for each in (_PAIR, _JOINT, _ALONE))
    return Counted(counts, *together)


@dataclass(frozen=True, slots=True)
class Alphabet:
    """A language in one code page."""

    encoding: str
    #: The natural logarithm of each letter's share.
    likely: dict[str, float]
    #: What a letter of a text in this language brings on average.
    usual: float
    #: Letters of other languages in the same script.
    known: frozenset[str] = field(repr=False)
    #: Whether most letters are those of ASCII.
    latin: bool

    def score(self, counted: Counted) -> float:
        """Give how likely the characters outside ASCII are together: a logarithm, at most 0."""
        return self._beside(counted) + sum(
            number * self._of(char) for char, number in counted.characters.items()
        )

    def fits(self, counted: Counted, loose: float, stray: float) -> bool:
        """Tell whether the letters are about as likely as is usual in this language.

        They may be less likely by `loose` each, and by `stray` in all; signs are not looked at.
        """
        own = {
            char: number for char, number in counted.characters.items() if char not in _PUNCTUATION
        }
        total = sum(own.values())
        if not self.latin and len(own) < min(_VARIETY, total / 3):
            return False
        if not total and not _DRAWN.isdisjoint(counted.characters):
            return False  # lines alone say nothing
        found = self._beside(counted)
        found += sum(number * self._of(char) for char, number in own.items())
        return found >= total * (self.usual - loose) - stray

    def _beside(self, counted: Counted) -> float:
        beside = counted.pairs * _BESIDE if self.latin else counted.joints * _MIXED
        return beside + counted.alone * _LONELY

    def _of(self, char: str) -> float:
        found = self.likely.get(char)
        if found is not None:
            return found
        if char in _PUNCTUATION:
            return math.log(_OFTEN if char in _COMMON_SIGNS else _SIGN if char in _SIGNS else _RARE)
        return math.log(_RARE if char in self.known else _NEVER)


_LATIN_LETTERS: Final = frozenset(map(chr, (*range(0xDF, 0xF7), *range(0xF8, 0x180)))) | {"ș", "ț"}
_OTHER_LETTERS: Final = frozenset(
    map(chr, (*range(0x386, 0x3CF), *range(0x400, 0x492), *range(0x5D0, 0x5EB)))
) | frozenset(map(chr, (*range(0x620, 0x653), *range(0xE01, 0xE5C))))


def _letters(shares: str, *encodings: str) -> tuple[Alphabet, ...]:
    counts = {pair[0]: int(pair[1:]) for pair in shares.split()}
    total = sum(counts.values())
    likely = {char: math.log(count / total) for char, count in counts.items()}
    usual = sum(math.exp(value) * value for value in likely.values())
    latin = not _OTHER_LETTERS & set(counts)
    known = _LATIN_LETTERS if latin else _OTHER_LETTERS
    return tuple(Alphabet(encoding, likely, usual, known, latin) for encoding in encodings)


#: Code pages of DOS and of the Macintosh before it spoke Unicode.
BEFORE_WINDOWS: Final = frozenset(
    (
        *("cp437", "cp850", "cp852", "cp855", "cp857", "cp775", "cp737", "cp862", "cp866", "cp720"),
        *("cp1125", "mac_roman", "mac_latin2", "mac_iceland", "mac_turkish", "mac_greek"),
        *("mac_cyrillic", "mac_romanian", "mac_croatian"),
    )
)
_WEST: Final = ("cp1252", "iso8859_15", "mac_roman", "cp850", "cp437")
_EAST: Final = ("cp1250", "iso8859_2", "cp852", "mac_latin2")
_BALTIC: Final = ("cp1257", "iso8859_13", "cp775")


#: Languages in Latin letters.
_LATIN: Final = (
    *_letters(  # English, with the signs of a word processor
        "’350 “150 ”150 –90 —80 …25 ‘20 •30 é40 £10 §5 ®5 ™5 ©5 °5 ü5 ö5 ä4 è4 á4 ñ4 ç4 í3 ó3 ï2 "
        "ê2 à2",
        *("cp1252", "mac_roman"),
    ),
    *_letters(  # Catalan
        "ó331 é185 à162 í92 è92 ú85 ç38 ò8 ï8 ü5",
        *_WEST,
    ),
    *_letters(  # Danish
        "å426 æ315 ø259 é8",
        *_WEST,
    ),
    *_letters(  # German
        "ä367 ü266 ö241 ß127 é5",
        *_WEST,
    ),
    *_letters(  # Finnish
        "ä915 ö85 å8",
        *_WEST,
    ),
    *_letters(  # French
        "é713 à164 ê53 è35 ù23 û6 â6 ë3 ï5 ç40 œ4 ü1 ô20 î12",
        *_WEST,
    ),
    *_letters(  # Icelandic
        "ð326 þ124 á120 í88 ó84 ö83 é77 æ59 ý24 ú16",
        "cp1252",
        "mac_iceland",
        "cp850",
    ),
    *_letters(  # Italian
        "à700 è125 ù100 é75 ì40 ò90",
        *_WEST,
    ),
    *_letters(  # Dutch
        "ë400 é330 ï150 è60 ö40 ü20",
        *_WEST,
    ),
    *_letters(  # Norwegian
        "å656 ø278 æ67 é8",
        *_WEST,
    ),
    *_letters(  # Portuguese
        "ç241 ã235 í124 é100 õ88 á76 ê47 à35 ó35 ú12 â6",
        *_WEST,
    ),
    *_letters(  # Spanish
        "ó330 í220 á180 é130 ñ85 ú55 ü4",
        *_WEST,
    ),
    *_letters(  # Swedish
        "ä541 ö233 å226 é8",
        *_WEST,
    ),
    *_letters(  # Czech
        "á236 í204 é96 ž89 ý84 ě79 š60 č48 ř39 ů36 ú22 ň3 ť2 ď2",
        *_EAST,
    ),
    *_letters(  # Croatian
        "č274 ž222 š207 ć185 đ111",
        *_EAST,
    ),
    *_letters(  # Hungarian
        "é355 á299 ö85 ő71 ü65 ó56 í47 ú11 ű11",
        *_EAST,
    ),
    *_letters(  # Polish
        "ł194 ż178 ę148 ó128 ś122 ą115 ć89 ń23 ź3",
        *_EAST,
    ),
    *_letters(  # Slovak
        "á226 ý122 é110 ž100 ú94 š84 ť77 č65 ľ59 í49 ô8 ď2 ň2 ä8 ŕ2 ĺ2",
        *_EAST,
    ),
    *_letters(  # Slovene
        "č396 ž319 š285",
        *_EAST,
    ),
    *_letters(  # Romanian
        "ă394 ţ245 î155 ş152 â54",
        *_EAST,
    ),
    *_letters(  # Latvian
        "ā333 ī328 ē119 š109 ņ54 ļ23 ū23 ķ6 ģ4 ž2",
        *_BALTIC,
    ),
    *_letters(  # Lithuanian
        "ų175 ž163 ė155 š125 į116 ą108 ę72 ū61 č25",
        *_BALTIC,
    ),
    *_letters(  # Estonian
        "õ560 ä209 ü198 ö33 š4 ž2",
        *_BALTIC,
    ),
    *_letters(  # Turkish
        "ı435 ş193 ü163 ç79 ğ64 ö54 İ12",
        "cp1254",
        "cp857",
        "mac_turkish",
    ),
    *_letters(  # Vietnamese
        "̣149 ́144 ̀132 ư102 ê87 ô83 ơ74 đ68 ̉64 â57 ̃31 ă11",
        "cp1258",
    ),
    *_letters(  # several languages of Western Europe in one text
        " ".join(f"{letter}33" for letter in "àáâãäåæçèéêëìíîïñòóôöøùúûüß"),
        *_WEST,
    ),
)

#: Languages in other alphabets; the likelier code page first.
_OTHERS: Final = (
    *_letters(  # Russian
        "о108 е92 и90 н75 а73 в60 т56 с53 р45 л36 д31 п28 м28 к26 у21 я19 г18 б18 ы17 "
        "ч15 ж14 ь13 з13 й11 ю11 х9 щ7 ц6 ш4 э2 ъ1 ф1 ё3",
        "cp1251",
        "koi8_r",
        "cp866",
        "iso8859_5",
        "mac_cyrillic",
        "cp855",
    ),
    *_letters(  # Ukrainian
        "о105 н100 а86 і59 и57 в56 р44 е43 т43 с39 д38 у31 л29 п28 я26 к24 б23 з22 м21 "
        "г19 ю17 ь14 ж14 х12 ч11 ї10 ц9 є7 й6 ш5 щ4 ф1 ґ1",
        "cp1251",
        "koi8_u",
        "cp1125",
        "iso8859_5",
        "mac_cyrillic",
    ),
    *_letters(  # Bulgarian
        "а120 и98 о95 е92 н78 т67 в66 р49 с49 д41 к33 п29 л24 з21 б17 я17 ч16 м15 ъ15 "
        "г11 у11 ж10 щ6 ц6 й5 х4 ш3 ф1 ю1",
        "cp1251",
        "iso8859_5",
        "mac_cyrillic",
        "cp855",
    ),
    *_letters(  # Serbian
        "а119 о101 и100 е76 н61 в55 р50 с48 у46 т43 п39 д38 к35 м31 л23 ј22 б17 з15 "
        "њ12 ш12 г12 ч11 ц8 ж7 љ7 х6 ђ4 ћ3 ф1",
        "cp1251",
        "iso8859_5",
        "mac_cyrillic",
    ),
    *_letters(  # Greek
        "α115 ι83 ε73 τ73 ο67 ν62 κ50 σ41 π41 ρ38 η35 υ31 ς29 ί29 μ25 δ24 λ22 ω19 θ18 "
        "ή18 ό16 έ16 ά16 γ11 ώ9 ύ9 χ9 ξ7 φ5 β4 ζ2 ψ1 ϊ3 ΐ1 ϋ1",
        "cp1253",
        "iso8859_7",
        "cp737",
        "mac_greek",
    ),
    *_letters(  # Hebrew
        "ו140 י110 ה85 ל83 א67 ת57 ב48 ש41 מ40 ר39 כ35 ד32 ם30 ע29 ח29 נ28 פ22 ז20 ק12 "
        "ג12 ן11 ס7 ט7 צ7 ך4 ף1 ץ1",
        "cp1255",
        "iso8859_8",
        "cp862",
    ),
    *_letters(  # Arabic
        "ا152 ل115 ي69 و62 م57 ن48 ت47 ر38 أ37 ع36 ق32 ة31 ه29 د29 ح25 س24 ب23 ف21 ك21 "
        "إ14 ج12 ض11 ى8 خ8 ذ7 ص6 ش6 ز6 ً6 ء5 ط4 غ3 ث2 ئ2 آ2 ظ1 ّ1 ؤ1 ُ1",
        "cp1256",
        "iso8859_6",
        "cp720",
    ),
    *_letters(  # Persian
        "ا143 ی85 د80 ر76 و67 ن64 م61 ه56 ت46 ب44 ک29 ل29 ق28 ش25 س23 ح22 ع22 ز15 ج13 "
        "خ11 آ10 گ10 ف7 ض5 ص4 ئ4 چ3 ٔ3 ذ2 ظ2 ً2 ث1 پ1 غ1 ط1 ژ1 ِ1 ٕ1",
        "cp1256",
    ),
    *_letters(  # Thai
        "า72 ร57 น50 ก46 ่40 ิ39 ม37 อ37 ท34 ั32 ด31 ง31 ะ29 ล27 ย26 เ26 ้25 ส23 ี23 "
        "ห23 ค22 ต21 ว20 ป17 แ17 จ16 บ15 ใ14 ช13 ุ12 ื12 ไ12 ธ9 ข8 ำ7 ู7 พ7 ถ6 ็6 ศ6 "
        "โ6 ญ5 ภ5 ์4 ษ4 ผ4 ฏ4 ๆ4 ึ3 ณ3 ฐ2 ฎ2 ซ1",
        "cp874",
    ),
)

#: All of them.
ALL: Final = (*_LATIN, *_OTHERS)
