"""The gate: English in, everything else out."""

from __future__ import annotations

import pytest

from kb.embed.builtin import load_static_model
from kb.embed.builtin.language import other_script_share

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
退款政策
产品保修期为两年，退款需七天。
iPhone 保修政策
第三条 甲方应当在三十日内付款。
返金ポリシーを教えてください
환불 정책이 무엇입니까
Как вернуть деньги за товар?
سياسة الاسترداد
Πώς μπορώ να ακυρώσω την παραγγελία;
12345
§ 3.2
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


def test_chinese_letters_count_twice() -> None:
    assert other_script_share("warranty") == 0
    assert other_script_share("保修") == 1
    assert other_script_share("ab 保") == pytest.approx(0.5)
    assert other_script_share("12 %") == 0
