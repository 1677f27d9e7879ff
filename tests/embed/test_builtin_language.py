"""The gates: English and Chinese in, everything else out."""

from __future__ import annotations

import pytest

from kb.embed.builtin import load_static_model
from kb.embed.builtin.language import is_chinese, other_script_share

ENGLISH = """
refund
how to refund
refund policy
warranty period
Section 3.2 termination
return shipping label
What does 保修 mean in the warranty?
Dr. Müller will see the patient at nine.
iPhone 14 Pro
FortiGate 60F
Kubernetes
Postgres backup
ISO 27001 certificate
non-disclosure agreement
Can I still cancel my order?
How do I know if I am infectious?
Who pays for the transport of faulty goods?
The tenant shall give notice in writing no later than three months before the end of the term.
Revenue rose by 12.4 % to USD 3,412 million in 2024, of which 41 % came from Europe.
Mr. Nguyen and Ms. García signed the rental agreement with Société Générale in Paris.
"""
OTHER = """
Rückerstattung wie
Kündigung
Wie bekomme ich mein Geld zurück?
Der Mieter hat die Wohnung in einwandfreiem Zustand zu übergeben.
Die Garantie gilt zwei Jahre ab dem Tag der Lieferung.
Welche Fristen gelten, wenn der Vertrag beendet wird?
política de reembolso
¿Cómo puedo cancelar mi pedido?
El arrendatario pagará la renta durante los primeros cinco días de cada mes.
La garantía cubre todos los defectos de fabricación.
délai de livraison
Comment puis-je résilier mon abonnement ?
Le locataire est tenu de payer le loyer le premier jour de chaque mois.
La garantie ne couvre pas les dommages causés par un usage abusif.
Come posso annullare il mio ordine?
Il venditore risponde dei difetti della merce.
Como posso cancelar a minha assinatura?
O prazo de entrega é de cinco dias úteis.
Hoe kan ik mijn geld terugkrijgen?
De huurder betaalt de huur voor de eerste dag van de maand.
Jak mogę zwrócić towar?
Siparişimi nasıl iptal edebilirim?
返金ポリシーを教えてください
환불 정책이 무엇입니까
Как вернуть деньги за товар?
سياسة الاسترداد
Πώς μπορώ να ακυρώσω την παραγγελία;
Порядок возврата 退款
12345
§ 3.2
"""
CODE = """
def find(query: str, *, limit: int = 10) -> list[Hit]:  # 查找
    return [hit for hit in self.hits if query in hit.text][:limit]
x = 退(y)[0] + z.append(None); print(x, y, z)
"""
CHINESE = """
退款政策
退款
產品保固期為兩年
产品保修期为两年，退款需七天。
iPhone 保修政策
第三条 甲方应当在三十日内付款。
价格为 1,000 元（含税），见第 3.2 条。
约翰・史密斯的合同
使用 kubectl 命令查看集群中所有节点的状态
"""


@pytest.mark.parametrize("text", ENGLISH.strip().splitlines())
def test_english_is_known(text: str) -> None:
    vectors, known = load_static_model().encode([text])
    assert known[0]
    assert vectors.any()


@pytest.mark.parametrize("text", OTHER.strip().splitlines())
def test_other_languages_are_not(text: str) -> None:
    vectors, known = load_static_model().encode([text])
    assert not known[0]
    assert not vectors.any()


@pytest.mark.parametrize("text", CHINESE.strip().splitlines())
def test_chinese_is_known(text: str) -> None:
    vectors, known = load_static_model().encode([text])
    assert is_chinese(text)
    assert known[0]
    assert vectors.any()


@pytest.mark.parametrize("text", [*(ENGLISH + OTHER).strip().splitlines(), CODE])
def test_nothing_else_is_chinese(text: str) -> None:
    assert not is_chinese(text)


@pytest.mark.parametrize("text", ["怎么 return the goods?", "What is the 保修 period?"])
def test_a_question_that_is_mostly_english_is_read_as_english(text: str) -> None:
    model = load_static_model()
    assert model.gate.admits(text)
    assert not is_chinese(text)
    assert model.encode([text])[1][0]


def test_japanese_is_told_by_its_beginning_alone() -> None:
    assert not is_chinese("返金の規約")
    assert is_chinese("退款" * 150 + "の")


def test_chinese_letters_count_twice() -> None:
    assert other_script_share("warranty") == 0
    assert other_script_share("保修") == 1
    assert other_script_share("ab 保") == pytest.approx(0.5)
    assert other_script_share("12 %") == 0
