"""Texts in other languages, written for the tests."""

FOREIGN_KINDS = {
    "de news": """Neue Brücke über die Weser eröffnet
Nach vier Jahren Bauzeit ist am Montag die neue Brücke über die Weser eröffnet worden. Zwei Fahrspuren und ein breiter
Radweg führen nun in die Altstadt. Der Bürgermeister lobte die Baufirma, obwohl die Kosten um ein Drittel gestiegen
waren. Drei Anwohner klagen wegen des Lärms. Die alte Brücke wird im März abgerissen; ihre Pfeiler bleiben als
Brutplatz für Vögel stehen. Der Radweg ist schon jetzt beliebt: 1.200 Fahrräder zählte die Stadt am ersten Tag.""",
    "de lease": """Mietvertrag über eine Wohnung
Zwischen der Vermieterin und dem Mieter wird folgender Mietvertrag geschlossen. Die Wohnung liegt im zweiten Stock und
hat drei Zimmer. Die Miete beträgt 780 Euro und ist bis zum dritten Werktag des Monats zu zahlen. Der Mieter leistet
eine Kaution von zwei Monatsmieten. Die Kaution wird verzinst angelegt. Schäden an der Wohnung sind der Vermieterin
sofort anzuzeigen. Haustiere bedürfen der Zustimmung der Vermieterin. Die Kündigungsfrist beträgt drei Monate.""",
    "de invoice": """Rechnung Nr. 2024-118
Menge Bezeichnung Einzelpreis Gesamt
4 Bürostuhl schwarz 129,00 516,00
2 Schreibtisch höhenverstellbar 449,00 898,00
1 Lieferung frei Haus 0,00 0,00
Zwischensumme 1.414,00
Mehrwertsteuer 19 % 268,66
Der Betrag ist innerhalb von vierzehn Tagen zu zahlen. Der Bürostuhl hat fünf Jahre Garantie. Wir danken für Ihren
Auftrag und liefern den Schreibtisch in der nächsten Woche.""",
    "fr news": """La crue de la Loire inquiète les maraîchers
La crue de la Loire a recouvert deux cents hectares de champs pendant la nuit de mardi. Trois villages sont privés
d'électricité. Les maraîchers craignent pour les poireaux et les carottes, dit-elle. La préfecture demande aux
habitants de rester chez eux. Peut-être faudra-t-il six semaines pour que l'eau se retire. L'eau potable est distribuée
par les pompiers. Un maraîcher sur deux n'est pas assuré contre la crue. L'eau potable manque aussi à l'hôpital.""",
    "fr recipe": """Tarte aux pommes de grand-mère
Pour six personnes. Préparation : vingt minutes. Cuisson : quarante minutes.
Quatre pommes, 250 g de pâte brisée, 2 cuillères de sucre, une gousse de vanille, 30 g de beurre.
Étaler la pâte brisée dans le moule. Peler les pommes, les couper en tranches fines et les ranger sur la pâte brisée.
Gratter la gousse de vanille au-dessus du sucre. Parsemer de beurre et enfourner. Servir la tarte tiède avec une crème
fraîche ; aujourd'hui, le moule peut être en silicone.""",
    "fr contract": """Contrat de travail à durée indéterminée
Entre la société et le salarié, il est convenu ce qui suit. Le salarié est engagé en qualité de menuisier à compter du
premier avril. La période d'essai est de deux mois. La rémunération s'élève à 2 100 euros par mois. La durée du travail
est fixée à trente-cinq heures. Les congés payés sont pris entre mai et octobre. Le salarié s'engage à respecter le
règlement intérieur de l'atelier. Tout accident du travail doit être déclaré dans les vingt-quatre heures.""",
    "es news": """Los incendios obligan a desalojar tres pueblos
Los incendios de la sierra obligaron ayer a desalojar tres pueblos. Más de dos mil vecinos pasaron la noche en el
polideportivo. El viento cambió de dirección a las cinco de la tarde y los bomberos perdieron el control del frente
norte. Un piloto resultó herido. El gobierno regional enviará cuatro aviones. Los vecinos denuncian que los cortafuegos
no se limpiaban desde hace diez años. Los bomberos piden más medios y los vecinos, cortafuegos nuevos.""",
    "es minutes": """Acta de la junta de propietarios
Asisten nueve propietarios. Primero: se aprueba el acta anterior. Segundo: el administrador presenta las cuentas. La
derrama para el ascensor será de 300 euros por vivienda. Tercero: el vecino del segundo se queja de las humedades de la
terraza. Se pedirán dos presupuestos para impermeabilizar la terraza. Cuarto: ruegos y preguntas. Una propietaria pide
que el ascensor baje al garaje. Se levanta la sesión a las ocho y media.""",
    "it prose": """\
L'acqua alta è tornata in laguna per la terza volta in un mese. Le paratoie della diga mobile si sono alzate
prima dell'alba, ma la piazza era già coperta da venti centimetri d'acqua. I negozianti hanno messo in salvo la merce.
La diga mobile costa due milioni di euro per ogni chiusura. I pescatori della laguna chiedono di essere avvertiti con
quattro ore di anticipo, perché la diga mobile chiude loro il porto. Il porto resta fermo fino a sera.""",
    "pt prose": """\
A cortiça é colhida apenas de nove em nove anos. Os sobreiros do Alentejo dão trabalho a três mil pessoas.
Com a seca, muitos sobreiros morrem antes da segunda colheita. As fábricas de rolhas compram também cortiça em Marrocos.
Um estudo da universidade mostra que o gado estraga as raízes. Os produtores pedem uma lei que proteja o montado e
dois anos de apoio. Do montado vivem ainda o porco preto, o mel e os cogumelos.""",
    "nl prose": """\
De dijk bij het dorp moet voor de winter hoger worden. Het waterschap heeft twintig maanden nodig en vraagt
de bewoners om geduld. Drie boerderijen liggen in de weg van de nieuwe dijk. De boeren krijgen een vergoeding, maar zij
willen liever een andere route. In twee weken beslist de rechter. Het waterschap waarschuwt dat het water sneller stijgt
dan verwacht. Wie de dijk nu niet verhoogt, betaalt later de schade aan het dorp.""",
    "hi news": """शहर के अस्पताल में नई प्रयोगशाला खुली
शहर के सरकारी अस्पताल में सोमवार को नई प्रयोगशाला खुली। प्रयोगशाला में रक्त की जाँच दो घंटे में हो जाएगी। अब तक मरीजों को तीन दिन तक
रिपोर्ट का इंतजार करना पड़ता था। अस्पताल के चिकित्सकों ने प्रयोगशाला के लिए पाँच साल पहले माँग की थी। सरकार ने मशीनों के लिए चार
करोड़ रुपये दिए हैं। मरीजों से जाँच का शुल्क नहीं लिया जाएगा। क्\u200dषेत्र के मरीजों को दूर नहीं जाना होगा।""",
    "hi letter": """\
सेवा में, प्रधानाचार्य महोदय। विषय: पुस्तकालय के समय के बारे में। निवेदन है कि विद्यालय का पुस्तकालय केवल दो घंटे खुलता है।
विद्यार्थियों को परीक्षा की तैयारी के लिए पुस्तकालय की किताबें चाहिए। एक सौ बीस विद्यार्थियों ने इस आवेदन पर हस्ताक्षर किए हैं। कृपया
पुस्तकालय का समय शाम तक बढ़ाने की कृपा करें। परीक्षा अगले महीने की पहली तारीख से है।""",
    "hi broken": """राज्य के  जल संसाधन विभाग ने वर्ष 2023 में 46 जलाशयों से 1284 नमूने लि,ए। इनमें से अधि2कांश नमूने राष्ट्रीय मानक के
अनुरूप पाए गए। पूर्वी8 जि:लों के  कु छ कु ओं में नाइट्रेट की मात्रा सीमा से अधि2क थी। वर्षाV जल का संचयन हर नागरिXक का कर्तव्य है।""",
}
