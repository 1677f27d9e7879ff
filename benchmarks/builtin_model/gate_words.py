"""Words of trade, contracts and support that the gate's training text lacks; written for it.

One run of text per item; a query of a customer is often one such word, and encyclopedic or
technical text does not hold it.
"""

from __future__ import annotations

ENGLISH = """
refund; refunds; refund policy; warranty; warranty period; invoice; invoices; unpaid invoice;
login; log in; sign up; password reset; logout; shipping; shipping label; delivery time; returns;
return policy; exchange; order status; tracking number; voucher; gift card; checkout; cart;
cancellation; cancel my order; subscription; renewal; billing; late fee; deposit; discount;
contract; lease; liability; indemnity; termination; non-disclosure; NDA; force majeure; arbitration;
governing law; payroll; onboarding; payslip; vacation; sick leave; remote work; expense report;
backup; restore; database; Postgres; SQLite; Kubernetes; Docker; Linux; Windows; macOS; Android;
iPhone; iPad; Galaxy; ThinkPad; MacBook; API; API key; VPN; SSL; DNS; HTTP; JSON; CSV; PDF; GDPR;
ISO; ISO certificate; error code; error; timeout; firmware; router; printer; dishwasher; washing
machine; spare parts; manual; user guide; setup; install; uninstall; update; config; toml; yaml;
coronavirus; COVID; vaccine; quarantine; face mask; symptoms; antibiotics; Zika; Ebola; SARS; flu;
how do i; how do i know if i am; do i have to; do i need to; can i; can i still; should i; am i;
should i do; i want to; i need help; i have; my order; is it; is it safe; is it still;
is it necessary; what do i do; what should i do; how can i; how can i make; how to; tell me;
give me; where do i;
why do i; what has; what did; did he die; what year did; do they; to do; not do; in a; as a; a man;
what flows between; what helped; what time is it; who was; when was; why is; my account; me;
backend; frontend; webhook; OAuth; token; CPU; GPU; RAM; SSD; Wi-Fi; Bluetooth; USB; HDMI
"""

OTHER = {
    "de": """
rückerstattung; erstattung; garantie; gewährleistung; rechnung; rechnungen; kündigung; kündigen;
vertrag; mietvertrag; lieferung; lieferzeit; versand; versandkosten; rücksendung; umtausch;
bestellung; zahlung; zahlungsfrist; mahnung; widerruf; passwort; anmeldung; konto; gutschein;
urlaub; krankmeldung; gehalt; arbeitszeit; haftung; datenschutz; geld; zurück; preis; steuer;
anleitung; einstellungen; störung; ersatzteile; drucker; waschmaschine; öffnungszeiten
""",
    "es": """
reembolso; devolución; devoluciones; garantía; factura; facturas; contrato; alquiler; envío;
entrega; plazo; pedido; cancelar; cancelación; pago; cuenta; contraseña; olvidada; descuento;
política; responsabilidad; nómina; vacaciones; impuesto; precio; ayuda; impresora; repuestos
""",
    "fr": """
remboursement; garantie; facture; factures; contrat; bail; livraison; délai; commande; annuler;
résilier; résiliation; paiement; compte; mot de passe; oublié; remise; politique; responsabilité;
congés; salaire; impôt; prix; aide; imprimante; pièces; retour; échange; impayée; légale
""",
    "it": """
rimborso; garanzia; fattura; fatture; contratto; affitto; consegna; spedizione; ordine; annullare;
recesso; pagamento; conto; dimenticata; sconto; politica; responsabilità; ferie; stipendio; prezzo;
aiuto; stampante; ricambi; reso
""",
    "pt": """
reembolso; devolução; garantia; fatura; contrato; aluguel; entrega; envio; prazo; pedido; cancelar;
cancelamento; pagamento; conta; senha; desconto; política; responsabilidade; férias; salário;
imposto; preço; ajuda; impressora; peças; troca
""",
    "pl": """
zwrot; pieniędzy; gwarancja; faktura; umowa; wynajem; dostawa; zamówienie; anulować; rezygnacja;
płatność; konto; hasło; rabat; urlop; cena; pomoc; drukarka; reklamacja
""",
    "nl": """
terugbetaling; garantie; garantietermijn; factuur; contract; huur; levering; levertijd; bestelling;
annuleren; opzegging; opzeggen; betaling; wachtwoord; vergeten; korting; aansprakelijkheid;
vakantie; prijs; hulp; retour; geld terug
""",
    "sv": """
återbetalning; garanti; faktura; avtal; hyra; leverans; beställning; avbryta; uppsägning; betalning;
konto; lösenord; glömt; rabatt; ansvar; semester; pris; hjälp; och; att; det; som; för; inte; med;
är; jag; hur; kan; min; mina; eller; när; var; vad
""",
    "tr": """
iade; garanti; fatura; sözleşme; kira; teslimat; sipariş; iptal; ödeme; hesap; şifre; indirim;
sorumluluk; izin; fiyat; yardım; yazıcı
""",
    "da": """
og; at; det; som; ikke; med; jeg; hvordan; kan; min; eller; refusion; faktura; aftale; levering;
bestilling; opsigelse; betaling; adgangskode; ansvar; ferie; hjælp; enhver; har; ret; til; frihed
""",
}


def items(block: str) -> list[str]:
    """Split into the items of one of the lists above."""
    return [" ".join(item.split()) for item in block.split(";")]
