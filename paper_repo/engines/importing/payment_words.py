"""What payments are called in tables, in the languages of brokers."""

from __future__ import annotations

from paper_repo.domain.ledger import CashFlowKind

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})

_FLOWS = {
    CashFlowKind.DEPOSIT: """
        deposit deposits ach cashdeposit fundsreceived ftf einzahlung überweisung überweisungseingang zahlungseingang
        geldeingang sepagutschrift einlage storting inleg versement virement ingreso depósito deposito
        aportación versamento bonifico insättning indbetaling innskudd innbetaling wpłata
    """,
    CashFlowKind.WITHDRAWAL: """
        withdrawal withdraw auszahlung entnahme überweisungsausgang zahlungsausgang geldausgang opname terugstorting
        retrait retiro retirada prelievo uttag udbetaling uttak utbetaling wypłata saque
    """,
    CashFlowKind.DIVIDEND: """
        dividend dividends cdiv mdiv cashdividend ordinarydividend qualifieddividend dividende dividenden bardividende
        dividendengutschrift dividendenzahlung ausschüttung ausschüttungen fondsausschüttung erträgnisgutschrift
        ertragsgutschrift ertragsausschüttung dividendes dividendo dividendos dividendi utdelning udbytte utbytte
        dywidenda
    """,
    CashFlowKind.INTEREST: """
        interest interestoncash int mint creditinterest debitinterest margininterest zinsen zins zinsgutschrift
        zinszahlung zinsabschluss zinsertrag habenzinsen guthabenzinsen sollzinsen stückzinsen kupon kuponzahlung
        couponzahlung coupon intérêts intérêt intereses interés interessi rente ränta renter odsetki juros
    """,
    CashFlowKind.TAX: """
        tax taxes dtax withholdingtax steuer steuern quellensteuer kapitalertragsteuer kapitalertragssteuer kest
        abgeltungsteuer abgeltungssteuer solidaritätszuschlag soli kirchensteuer vorabpauschale steuerabzug
        finanztransaktionssteuer stempelsteuer steuererstattung steuerrückerstattung steuergutschrift steuerausgleich
        steuerkorrektur steueroptimierung taxrefund impôt impôts taxe taxes prélèvement prélèvementssociaux impuesto
        impuestos retención imposta imposte impostadibollo ritenuta ritenutafiscale belasting bronbelasting
        dividendbelasting skatt källskatt kildeskatt skat udbytteskat podatek imposto
    """,
    CashFlowKind.FUNDING: "funding fundingfee",
    CashFlowKind.FEE: """
        fee fees gold dfee feerefund gebühr gebühren depotgebühr depotgebühren kontogebühr kontoführungsgebühr
        ordergebühr transaktionsgebühr servicegebühr adrgebühr gebührenerstattung entgelt entgelte depotentgelt
        verwahrentgelt provision spesen fremdspesen courtage kosten transactiekosten frais fraisdecourtage droitsdegarde
        comisión comisiones commissione commissioni canone avgift avgifter gebyr gebyrer kurtage opłata prowizja
        corretagem
    """,
}
FLOWS = {
    spelling: kind
    for kind, names in _FLOWS.items()
    for name in names.split()
    for spelling in (name, name.translate(_UMLAUTS))
}
"""By word, as `meanings.word` writes it, with umlauts and without."""

_SIGNED = """
    steuererstattung steuerrückerstattung steuergutschrift steuerausgleich steuerkorrektur steueroptimierung taxrefund
    feerefund gebührenerstattung
"""
SIGNED = frozenset(f"{_SIGNED} {_SIGNED.translate(_UMLAUTS)}".split())
"""Of taxes and fees, those that may come back: their sign is believed."""
PAID = frozenset(["sollzinsen", "debitinterest", "margininterest"])
"""Of interest, what is paid whatever its sign."""
