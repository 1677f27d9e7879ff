"""Words that readers stumble over, by the kind of file that they belong to."""

from __future__ import annotations

from typing import Final

#: Numbers that are too large, too small, or no numbers.
NUMBERS: Final = (
    b"-1", b"0", b"1", b"255", b"65536", b"2147483647", b"2147483648", b"4294967295",
    b"-2147483649", b"99999999999999999999", b"1e308", b"-1e-400", b"nan", b"inf", b"0x7f", b"1.",
    b"16384", b"1048577", b"9" * 5000,
)  # fmt: skip

#: For any file.
ANY: Final = (
    b"\0", b"\0" * 50, b"\xff", b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80", b"\r", b"\n" * 300, b"\r\n", b"\x0c", b"\x1b[31m", b"\x1b$B",
    b"\xe2\x80\xa8", b"\xc2\x85", b"\xe2\x80\xae", b"\xe2\x80\x8b", b"\xef\xbf\xbe",
    b"\xcc\x81" * 200, b" " * 500, b"\t" * 200, b"a" * 9000, b"PK\x03\x04",
    b"\xf0\x9f\x91\xa8\xe2\x80\x8d" * 100, "第九百九十九条".encode(),
    b"Section 3.2(a)(iv)(B)", b"IV.",
    b"1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1", "（一）".encode(), "、".encode() * 200, b"..........",
)  # fmt: skip

_MARKUP: Final = (
    b"<", b">", b"/>", b"&", b"&#0;", b"&#xD800;", b"&#x110000;", b"&lol;", b"&amp;#0;", b"]]>",
    b"<![CDATA[", b"<!--", b"-->", b"<?x ?>", b"<!DOCTYPE a [<!ENTITY lol 'x'>]>",
    b'<?xml version="1.0" encoding="utf-16"?>', b'<?xml version="1.0" encoding="no-such"?>',
    b"<a>" * 400, b"</a>" * 400, b"<b/>" * 2000, b'x=""', b"'", b'"',
)  # fmt: skip

_HTML: Final = (
    b"<table>", b"<tr>", b"<td colspan=99999>", b"<td rowspan=99999>", b"<pre>", b"<script>",
    b"<style>", b"<svg>", b"<math>", b"<template>", b"<h1>", b"</h1>", b"<h6>", b"<main>",
    b"<article>", b"<ol start=-5>", b"<br>" * 300, b"<plaintext>", b"<frameset>", b"<noscript>",
    b"<select>", b"<a href=x>", b"<div><p>" * 200, b"<li>" * 200, b'<meta charset="utf-7">',
    b'<meta charset="idna">', b'<base href="file:///">', b"<iframe src=file:///x>", b"<object>",
    b"<td>" * 300,
)  # fmt: skip

_PDF: Final = (
    b"endstream", b"endobj", b"stream\n", b"obj", b"1 0 R", b"2 0 R", b"5 0 R", b"null", b"true",
    b"<<", b">>", b"[", b"]", b"(", b")", b"\\", b"/Kids", b"/Parent", b"/Length",
    b"/Filter /FlateDecode", b"/Filter /LZWDecode",
    b"/Filter [/ASCIIHexDecode /ASCII85Decode /RunLengthDecode]", b"/Filter /JBIG2Decode",
    b"/Filter /JPXDecode", b"/DecodeParms << /Predictor 15 /Columns 2147483647 >>",
    b"/MediaBox [0 0 1e20 1e20]", b"/Rotate 45", b"/MediaBox [nan 0 0 0]",
    b"/Encoding /Identity-H", b"/ToUnicode 3 0 R", b"/Encrypt 3 0 R", b"/Count -1",
    b"/Count 99999999", b"startxref\n0\n", b"%%EOF", b"xref\n0 99999999\n", b"/Type /ObjStm",
    b"/Type /XRef", b" Tj", b"[(a) -99999999 (b)] TJ", b" Tf", b"1e30 0 0 1e30 0 0 Tm",
    b"0 0 0 0 0 0 cm", b"q " * 500, b"/Im1 Do", b"BI /W 9999999 /H 9999999 ID x EI", b"/F1 -1 Tf",
    b"BT", b"ET", b"<FEFFD800>", b"/Prev 9", b"/Subtype /Type3",
)  # fmt: skip

_RTF: Final = (
    b"{", b"}", b"\\par", b"\\*", b"\\u-1 ", b"\\u55357?", b"\\'e9", b"\\'", b"\\uc9",
    b"\\bin99999999 ", b"\\cell", b"\\row", b"\\intbl", b"\\trowd", b"{\\footnote", b"{\\fonttbl",
    b"\\f1", b"\\fcharset134", b"{\\stylesheet", b"\\s1", b"\\outlinelevel0", b"\\v", b"{\\pict",
    b"{\\upr", b"{\\*\\ud", b"\\", b"{\\annotation", b"{\\info", b"\\ansicpg99999",
    b"\\ansicpg65000", b"\\ansicpg1200", b"{" * 2000, b"}" * 50, b"\\itap9999", b"\\u0 ",
)  # fmt: skip

_TEXT: Final = (
    b"# ", b"###### ", b"```", b"~~~", b"---", b"===", b"| a |", b"|" * 500, b"> " * 300,
    b"- " * 300, b"1. ", b"[a](b)", b"<!--", b"* * *", b"    ", b"\\", b"`" * 99, b".. ",
    b".. include:: /etc/passwd", b"+---+", b"|x|", b"::", b"`` ", b"_`x`", b"..\n", b"=" * 999,
    b"'" * 40, b"* ", b".. table::", b"==  ==", b".. raw:: html",
)  # fmt: skip

_TABLE: Final = (
    b'"', b'""', b",", b";", b"\t", b"|", b"sep=;", b"sep=", b'"\n', b"," * 3000, b'"' * 999,
    b"\r", b"=1+1",
)  # fmt: skip

_JSON: Final = (
    b"{", b"}", b"[", b"]", b"[" * 3000, b'{"a":' * 3000, b'"', b"\\u0000", b"\\ud800", b"\\",
    b"NaN", b"-Infinity", b"null", b"true", b",", b":", b'"":', b"\n",
)  # fmt: skip

_MAIL: Final = (
    b"\n\n", b"--", b"Content-Type: multipart/mixed; boundary=b\n",
    b'Content-Type: multipart/mixed; boundary=""\n', b"Content-Type: message/rfc822\n",
    b"Content-Transfer-Encoding: base64\n", b"Content-Transfer-Encoding: x-uuencode\n",
    b"Content-Transfer-Encoding: quoted-printable\n", b'filename="../../x.zip"',
    b"filename*=utf-9''%ff%00.pdf", b"charset=idna", b"charset=utf-7", b"charset=hex",
    b"charset=unicode_escape", b"charset=rot13", b"=?utf-8?B?/////w==?=", b"=?x?Q?=00?=",
    b"Subject:\n", b"begin 644 x", b"format=flowed; delsp=yes", b"=\n",
    b"Content-Disposition: attachment\n", b"Content-Type: application/ms-tnef\n",
    b"Content-Type: x\n", b"Content-Type: text/html\n", b'name="winmail.dat"',
    b"From: " + b"<" * 3000, b"Date: Fri, 99 Xxx 99999\n",
)  # fmt: skip

_COMPOUND: Final = (
    b"\xfe\xff\xff\xff", b"\xff\xff\xff\xff", b"\xfd\xff\xff\xff", b"\0\0\0\0", b"\1\0\0\0",
    b"\xff\xff\xff\x7f",
)  # fmt: skip

_ZIP: Final = (
    b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"\xff\xff\xff\xff", b"\xff\xff",
    b"\x0c\0", b"\x0e\0", b"\1\0\0\0",
)  # fmt: skip

#: By the ending of the file's name, beside those for any file.
BY_ENDING: Final[dict[str, tuple[bytes, ...]]] = {
    ".pdf": _PDF,
    ".html": _MARKUP + _HTML,
    ".fodt": _MARKUP,
    ".rtf": _RTF,
    ".md": _TEXT,
    ".rst": _TEXT,
    ".txt": _TEXT,
    ".csv": _TABLE,
    ".json": _JSON,
    ".jsonl": _JSON,
    ".eml": _MAIL,
    ".msg": _COMPOUND,
    **dict.fromkeys((".zip", ".docx", ".pptx", ".xlsx", ".odt", ".ods", ".odp", ".epub"), _ZIP),
}

#: For the parts of zipped formats that are markup.
IN_PARTS: Final = (
    *_MARKUP, *_HTML[:12], b"../../../etc/passwd", b"file:///etc/passwd", b"http://127.0.0.1:9/x",
    b"rId1", b"rId99", b"xml:space", b"<w:p>", b"</w:p>", b"<w:tbl>", b"<w:tc>",
    b"<w:r><w:t>x</w:t></w:r>", b"<c r='XFD1048576'>", b"t='s'", b"<v>99999999</v>",
    b"<c t='n'><v>1e999</v></c>", b"<a:t>", b"<p:sp>", b'table:number-rows-repeated="1048576"',
    b'table:number-columns-repeated="16384"', b'text:c="99999999"', b"<text:p>",
    b"<itemref idref='a.xhtml'/>" * 99,
)  # fmt: skip
