"""The small words of other languages, by which they are told from English, and by which their nouns are found."""

from actors.lexicon import FUNCTION, NUMBERS, UNITS


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ENGLISH = _words("the of and to with from are for that this by which is was")
# None that English has too, and no single letters: these are initials, or numbers in a program.
OTHERS = _words("""
att av az bir che da dan dans das de del della der des di die do dos een egy el em en est et het ikke il ist ja jest la
las le les los na nicht nie não og oli que se som um uma un una und une van ve yang és
""")
# A noun follows, or an adjective before it.
ARTICLES = _words("""
al alla alle allo ao aos au aux beim cette ces d da das de dei del dell della delle dello dem den der des die do dos du
ein eine einem einen einer eines el gli het il im l la las le les lo los na no nel nell nella o os sa ses son sul sull
sulla um uma un una une unas uno unos vom zum zur
""")
# "Dit-elle": behind a hyphen they make no compound.
ENCLITICS = _words("ce ci elle elles en il ils je la le les leur lui là me moi nous on se toi tu vous y")
# In Hindi they follow a noun.
POSTPOSITIONS = _words("का की के को ने में पर से तक द्वारा हेतु")
# With these nothing begins that has a name.
COUNTING = _words("""
abril acht achtzig agosto an anni anno année années ano anos août aprile augustus avril año años catorce cem cent cento
cents cien ciento cientos cinco cincuenta cinq cinquante cinque cuarenta cuarta cuarto cuatro dag dagen deux deuxième
deuxièmes dez dezember dezembro dia dias dicembre diciembre dieci dienstag diez dimanche dinsdag dix doce dodici dois
domenica domingo donderdag donnerstag dos douze doze drei dreißig drie dritte dritten duas due duizend dutzend décembre
día días eins elf enero erste euro euros febbraio febrero februar februari fevereiro freitag février fünf fünfzig
gennaio giorni giorno giovedì giugno heure heures honderd hora horas huit hundert jaar jahr jahre jahren jahres janeiro
januar januari janvier jaren jeudi jour jours jueves juillet juin julho juli julio junho juni junio luglio lundi lunedì
lunes maand maandag maanden maart maggio maio mardi mars martedì martes marzo março mayo mei mercoledì mercredi mes mese
meses mesi mil mila miles milhões milioni miljard miljoen mille milliard milliarde milliarden milliards milliers
millionen millions millones mittwoch miércoles mois monat monate monaten monats montag märz mês negen neuf neun neunzig
nove novembre novembro noviembre nueve null ocho octobre octubre oito oktober once onze ore otto ottobre outubro premier
première primeira prozent quarante quarta quarto quatorze quatre quatro quattro quince quinta quinto quinze sabato
samedi samstag sechs sechzig seconda secondo segunda seis seize semaine semaines semana semanas sept septembre
septiembre sesenta sete setembro sette settembre settimana settimane sexta sieben siebzig siete six soixante sonnabend
sonntag stunde stunden sábado tag tage tagen tausend tercera terza terzo terça tien tre trece treinta treize trenta
trente tres trinta trois troisième três twaalf twee twintig uhr undici uur veinte vendredi venerdì venti vier viernes
vierzig vijf vingt vinte vrijdag weken woche wochen woensdag zaterdag zehn zehnte zes zeven zondag zwanzig zwei zweite
zweiten zwölf अक्टूबर अगस्त अप्रैल आठ करोड़ गुरुवार ग्यारह घंटे चार छह जनवरी जुलाई जून तीन तीस तीसरा दस दिन दिनों दिसंबर
दो नवंबर नौ पचास पहली पाँच पांच प्रतिशत फरवरी बारह बीस बुधवार मंगलवार मई महीने मार्च माह मिनट रविवार रुपये लाख वर्ष
वर्षों शनिवार शुक्रवार सात साल सालों सितंबर सोमवार सौ हज़ार हजार
""")
# Long enough to be taken for content, but they are not.
SMALL = _words("""
aan abbia abbiamo abends aber această acest achter ad adalah adelante además af afgelopen afin agli ahora ai ailleurs
ainda ainsi akan al alcun alcuna alcune alcuni algo alguien algum alguma algumas alguna algunas alguno algunos alguns
alguém algún alla alle alleen allem allen aller alles allo allora allí almeno alors als also altijd altra altre altri
altro além am ambas ambos ancak anche ancora ander andere anderem anderen anderer anderes anders ans ante anterior antes
anzi ao aos apenas appena après após aquel aquela aquelas aquele aqueles aquella aquellas aquello aquellos aqui aquilo
aquí as asimismo assez assim así atau através attraverso até au auch aucun aucune auf aufeinander aujourd aun aunque
auprès auquel aus aussi aussitôt autant autour autre autres aux auxquels außer außerdem avaient avait avant avec avere
aveva avevano avez avoir avons ayant azonban aún bajo bald bardzo bastante beaucoup bei beide beiden beim bem bene bensì
bereits besonders beter bevor bien bientôt bij bijna bijvoorbeeld bin binnen bis bisher bist blev blir bom boven buen
buena bueno buiten bylo cada car care casi ce ceci cela celle celles celui cependant cerca certain certaine certaines
certains certo ces cet cette ceux chacun chacune chaque che chez chi ci ciascun ciascuna ciascuno cierta ciertas cierto
ciertos cioè circa com combien come comme comment como comunque con conforme conmigo contra contre contro contudo cosa
così csak cual cuales cualquier cualquiera cuando cuanta cuanto cuantos cui cuja cujas cujo cujos cuya cuyas cuyo cuyos
cuál cuándo cómo da daar daarbij daarmee daarna daarom daarvoor dabei dadurch dafür dagegen dagli daha daher dahin dai
dal dalam dalla dalle dallo damals damit dan danach daneben dann dans dapat daquela daquele daran darauf daraus darf
dari darin darum darunter darüber das dass dat davantage davon davor dazu de debaixo debajo debe deben debido debout
debía decir deden degli dehors dei dein deine dejar del dela delante delas dele deles dell della delle dello dem demain
den denen dengan denn dennoch dentro depois depuis der deren derer dernier derniers dernière dernières derrière des
desde deshalb después desquels dessa dessas desse dessen desses dessous dessus desta destas deste destes deswegen detrás
devait devant deve devem devono devra devrait deze dezelfde değil di dice dich dicha dichas dicho dichos die dies diese
dieselbe diesem diesen dieser dieses dietro dir dire disso dit divers diversos dlatego do doch doen doet doit doivent
donc donde dont door dopo dort dove du dunque după duquel durant durante durch dus dès déjà dónde dürfen e ebenfalls
ebenso ecco echter ed eerder eerst eerste efter eftersom egli eigen eigene eigenen ein einander eine einem einen einer
eines einige einigen einiger einiges einmal ela elas ele eles elk elke ella ellas elle eller elles ello ellos em embargo
embora en encima encore enfin enige enkele enquanto ensuite entanto entonces entrambi entre entro então envers environ
er era eram eran erano erg ergens erst erste ersten erster erstmals es esa esas ese eso esos essa essas esse essere
esses essi est esta estaba estaban estado estamos estar estas este estes esto estos está están estão et etter että etwa
etwas euch eure eut eux even faire fait faite faites falta fare fast fatto faut fazer feito fin finché fino finora foi
fois folgende folgenden font fora foram forse fort fosse fost fra från fue fuera fueron fuori furent fut für gaan gaat
ganz ganze ganzen geben gedurende geen gegen gegenüber gehad gehen geht gemäß genau genug gerade gern gestern geweest
gewesen geworden gibi gibt già gli gran grande grandes grandi grâce guère ha haar habe haben haber habrá había habían
hace hacen hacer hacia had haga hagan han hanno hasta hat hatte hatten havia hay haya heb hebben hecho heeft heel heißt
hele hem hen het heute hier hierbei hierdoor hierzu hinter hizo hoch hoe hoewel hogy hoje hors hoy hui hun hätte hätten
ich ici iedere iedereen iemand iets igual ihm ihn ihnen ihr ihre ihrem ihren ihrer ihres ikke il ils immer in incluso
indem indien infatti infine infolge inmiddels innerhalb inoltre insbesondere insgesamt insieme intanto inte invece io
irgend is isso ist isto için jako jamais jamás jede jedem jeden jeder jedes jednak jedoch jeho jemals jemand jene
jenseits jest jeszcze jetzt joka jotka jsem jsou juga jullie junto jusqu jusque já kadar kan kann karena kaum kein keine
keinem keinen keiner komen kommen kommer kommt komt konden konnte konnten krijgen krijgt která které který która które
który kuin kunnen können könnte könnten között la laat laatste lange laquelle las lassen later laut le lehet lei lequel
les lesquelles lesquels letzte letzten leur leurs lhe lhes lo logo longe lontano loro lors lorsque los luego lui lungo
là lá lässt ma maakt maar machen macht mag mai maintenant maior mais maken malgré man manche manchmal mas mayor mayores
mayoría me mediante medio meer meest meestal meeste meglio mehr mehrere meilleur meilleure mein meine meio meist meisten
mejor mejores melhor mellan men meno menor menos mentre mereka mesma mesmas mesmo mesmos met mi mich mientras mieux mijn
minden minder mindestens mint mir misma mismas mismo mismos mit mittags mittels moet moeten mogelijk mogen moins molta
molte molti molto mon morgens może mucha muchas mucho muchos muita muitas muito muitos muss musste mussten mutta muy
mycket myös más même mêmes möglich müssen na naar naast nach nachdem nachts nada nadie namelijk naquela naquele nas ne
neben nebo negli nei nein nel nela nele nell nella nelle nello nem nenhum nenhuma nessa nesse nessun nessuna nessuno
nesta neste neue neuen neuer neues ni nicht nichts nie niemand niente niet niets nieuw nieuwe ninguna ninguno ninguém
ningún no noch nodig nog non nooit nos nosotros nossa nossas nosso nossos nostra nostre nostri nostro notamment notre
nous nouveau nouveaux nouvelle nouvelles nova novas novo novos nu nuestra nuestras nuestro nuestros nueva nuevas nuevo
nuevos nulla num numa nun nunca nuova nuove nuovi nuovo nur não nächste nächsten nämlich né o ob obwohl också oder of
oft ogni ognuno også ohne olan olarak oleh ollut oltre omdat on ondanks onde onder ons ont ontem ook op opnieuw oppure
or ora oraz ormai os otra otras otro otros ou outra outras outre outro outros ovat over overal ovvero où paar pada par
para parce parecchi parfois parmi partout pas pela pelas pelo pelos pendant pentru per perante perché perciò pero però
pesar petit petite peu peut peuvent peux più plus plusieurs plutôt poca pocas poche pochi poco pocos podczas pode podem
podemos poder podle podrá podría poi poiché pois ponieważ por porque porquê portanto porém possono potrebbe potrà pouca
poucas pouco poucos pour pourquoi pourra pourrait pourtant pouvait pouvoir precies premier premiers première premières
presque presso prima primeira primeiro primer primera primeras primero primeros primo prin pro pronto propia propio
proprio przez près própria próprio puede pueden pues puis puisque pure può qu quais qual qualche qualcosa qualcuno quale
quali qualquer quand quando quant quanta quanti quanto quase quasi que quei quel quella quelle quelles quelli quello
quelque quelques quels quem quer questa queste questi questo qui quien quienes quindi quién quoi quoique qué realizar
reeds rien rond sa salvo samen sans sarebbe sarà sauf schon se sea sean sebagai secondo segundo según sehr sei sein
seine seinem seinen seiner seines seit seitdem seja sejam sekä selbst selon sem sempre sendo senza ser sera serait
seront será serán serão sería ses seu seul seule seulement seus si sia siamo siano sich sido sie siehe siempre siendo
sigue siguiente sin sind sinds sino sinon skulle slechts so sob sobald sobre sofern sofort sogar soit sola solamente
solange solche solchen solcher soll sollen sollte sollten solo somit sommes sommige soms son sondern sono sonra sonst
sont sopra soprattutto sotto sous souvent soweit sowie sowohl soy spesso staan staat stata state stati stato statt
steeds stehen steht stessa stesse stessi stesso stets su sua suas sue sugli sui suis sul sull sulla sulle sullo sunt suo
suoi sur surtout sus suya suyo são sí só sólo ta tais také także tal tale tales tali talvolta también também tampoco
tampouco tan tandis tant tanta tante tanti tanto tantos te tegen tel telle telles tels tem tener tenía ter tercera
tercero terug terwijl terzo tidak tiene tienen tijdens till toch toda todas todavia todavía todo todos toen tot totdat
tous tout toute toutefois toutes tra tranne tras través trop troppo trotz trotzdem très tu tussen tutta tuttavia tutte
tutti tutto tylko tão täglich tämä têm több uit uiteindelijk ultima ultimo um uma umas umso un una unas und under une
uno unos uns unser unsere unseren unter untuk usar usted ustedes usw után va vaak vagy van vanaf vanuit varias varios
veces veel vele vengono verder vers verso veya vez vezes vi via viel viele vielen vieler vielleicht viene voici voidaan
voilà voire volgende volgens volt volta volte vom von vont voor vooral voordat vor voraus vorher vorige vos votre vous
vraiment várias vários være waar waarbij waardoor waarin waarmee waarom wann wanneer want war waren warum was weder weer
weg wegen weil weinig weit weiter weitere weiteren weiterhin wel welche welchem welchen welcher welches welke wem wen
wenig wenige weniger wenn wer werd werde werden wessen wie wieder wij wil will willen wir wird wo wobei wodurch wohl
wollen wollte worden wordt wurde wurden während würde würden ya yang zal ze zeer zelf zelfs zich zij zijn zo zoals zodat
zodra zonder zou zouden zowel zu zudem zufolge zugleich zuletzt zulke zum zumindest zunächst zur zurück zusammen
zusätzlich zuvor zwar zwischen à às è étaient était étant être über überall übrigens було бути был была были більше
всегда для если или його как когда которая которые который между може можно однако она они очень потому поэтому після
также також тоже только тільки что чтобы это этого этот является являются який якщо अगर अगले अतः अधिक अन्य अपना अपनी
अपने अब अभी अलग आज आदि आप आपका आपकी आपके आपको इतना इतनी इतने इन इनका इनकी इनके इनको इनमें इनसे इन्हें इन्होंने इस इसका
इसकी इसके इसको इसने इसमें इसलिए इससे इसी इसे उतना उन उनका उनकी उनके उनको उनमें उनसे उन्हें उन्होंने उस उसका उसकी उसके
उसको उसने उसमें उससे उसी उसे एक एवं ऐसा ऐसी ऐसे ओर और कई कभी कम कर करके करता करती करते करना करनी करने करें करेंगे करेगा
कल कहा कहाँ कहीं का काफी कारण कि कितना कितने किन किया किस किसका किसके किसी किसे की कुछ कुल के केवल को कोई कौन क्या क्यों
क्योंकि गई गईं गए गया गयी गये चाहिए चाहे चुका चुकी चुके जब जबकि जहाँ जहां जाए जाएँ जाएँगे जाएंगे जाएगा जाएगी जाता जाती
जाते जाना जाने जिन जिनका जिनके जिनमें जिन्हें जिस जिसका जिसकी जिसके जिसको जिसने जिसमें जिससे जिसे जैसा जैसी जैसे जो
ज्यादा ठीक तक तथा तब तभी तरह तुम तो था थी थीं थे दिए दिया दिये दी दूर दूसरा दूसरी दूसरे दे देकर देता देती देते देना देने
दोनों द्वारा न नई नए नया नयी नहीं ना नीचे ने पर परंतु परन्तु पहला पहले पाए पाता पाती पाते पास पिछले पीछे पुराना पुरानी
पुराने पूरा पूरी पूरे प्रति प्रत्येक फिर बजे बड़ा बड़ी बड़े बढ़ा बना बनाई बनाए बने बल्कि बहुत बाद बारे बाहर बिना बीच भी
भीतर मगर मुझे में मेरा मेरी मेरे मैं मैंने यदि यद्यपि यह यहाँ यहां यही या ये रखा रहता रहती रहते रहना रहने रहा रही रहे
रूप लगभग लगा लगाए लगी लगे लिए लिया ली लेकर लेकिन लेता लेते लेना लेने वह वहाँ वहां वही वाला वाली वाले वे सकता सकती सकते
सके सकें सब सबसे सभी समान साथ सामने सारी सारे सिर्फ से स्वयं हम हमने हमारा हमारी हमारे हमें हर ही हुआ हुई हुईं हुए हूँ
हूं है हैं हो होंगे होकर होगा होगी होता होती होते होना होनी होने
""")
SILENT = FUNCTION | NUMBERS | UNITS | OTHERS | COUNTING | SMALL
