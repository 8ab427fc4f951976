"""The words that the offline tagger knows: what never names a subject, and what names the same one in every document.

The lists are set by hand; a word is moved from one to another together with the rule that reads them.
"""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FUNCTION = _words("""
a about above according across after again against ago al all almost along alongside already also although always am
amid among amongst an and another any anybody anyone anything apart are around as aside at away back bcc be because been
before behind being below beneath beside besides between beyond both but by can cannot cant cc certain cf concerning
could dear despite did didnt do does doesnt doing done dont down dr due during each eg either else elsewhere enough et
etc even ever every everybody everyone everything everywhere except excluding few for former from furthermore fw fwd get
gets getting gonna got had has have having he hello hence her here hereby herein hers herself hey hi him himself his how
however i ie if im in including indeed inside instead into is isnt it its itself ive just later latter less let lets
like likewise little lol many may maybe me meanwhile might mine minus more moreover most mr mrs ms much must my myself
near neither never nevertheless no nobody none nonetheless nope nor not nothing now nowadays nowhere of off often oh ok
okay on once one ones oneself only onto or other others otherwise ought our ours ourselves out outside over own per
perhaps please pls plus prof quite rather re regarding regards same self several shall she should since situ so some
somebody someone something sometimes somewhat somewhere soon sorry still such than thanks that thats the their theirs
them themselves then there thereby therefore thereof these they this those though through throughout thus thx till to
together too toward towards twice ugh um under underneath unless unlike until up upon us various versus very via vitro
vivo viz vs was we well were what whatever whats when whenever where whereas whereby wherein wherever whether which
whichever while who whoever whom whose why will with within without wont would yeah yep yes yet you your yours yourself
""")
# With what they are counted in.
NUMBERS = _words("""
afternoon am apr april aug august billion billions bn bps cent centimeter centimeters centimetre centimetres centuries
century cl cm day days dec decade decades december dl dozen dozens eight eighteen eighth eighty eleven eur evening feb
february fifteen fifth fifty first five forty four fourteen fourth fri friday ft gb gbp ghz gram gramme grammes grams ha
half hour hours hundred hundreds hz ii iii iv ix jan january jul july jun june kg khz kilogram kilograms kilometer
kilometers kilometre kilometres km km2 kw kwh last lb lbs litre litres m2 m3 march may mb metre metres mg mhz millimeter
millimeters millimetre millimetres million millions minute minutes ml mm moment mon monday month months morning mph ms
mw next night nine nineteen ninety ninth nov november oct october ounces oz percent pm pp rpm saturday second seconds
sept september seven seventeen seventh seventy six sixteen sixth sixty sq sunday tb tbsp ten tenth third thirteen thirty
thousand thousands three thu thurs thursday times today tomorrow tonight tonne tonnes trillion tsp tue tues tuesday
twelve twenty two usd vi vii viii wed wednesday week weekend weeks xi xii xx year years yesterday zero
""")
# Units are no word, in the head of a table either.
UNITS = _words("""
bps cm2 cm3 dbm gbit gbps gev gwh hpa kbit kbps kcal kev kj kmh kpa kv kvah kvar kwp mah mbar mbit mbps mev mmhg mmol
mol mpa mv mwh ng nl nmol pcs pmol ppb ppm qty tbit twh wh °c °f µg µl µm µmol µs μg μl μm μmol μs
""")
SCALES = _words("db ph")  # alone they are none, but there are "soil pH" and "pH sensor"
# "mg/l", "kWh/m2", "EUR/t": between strokes single letters are units too.
BETWEEN_STROKES = FUNCTION | NUMBERS | UNITS | _words("d g h ha j k l m m2 m3 min n o s s2 t v w yr")
# With these a compound neither begins nor ends: there are "in-house" and "knock-on", but no "system-the".
LINKS = _words("""
a an and are as at be but can for from had has he her him his i if is it its may my of or our that the their them they
this to us was we were which will with would you your
""")
# With these, or an article, a compound begins with a number or an article.
LEADING_NUMBERS = _words("""
a an billion dozen eight eighteen eighth eighty eleven fifteen fifth fifty first five forty four fourteen fourth half
hundred million nine nineteen ninety ninth one second seven seventeen seventh seventy six sixteen sixth sixty ten tenth
the third thirteen thirty thousand three twelve twenty two zero
""")
CURRENCIES = _words("chf eur gbp usd")
# They say that a thing is new, big, good or usual, never what it is.
PRAISE = _words("""
able accurate actual additional adequate alone appropriate attractive available bad based basic best better big bigger
biggest broad broader certain challenging cheaper clear clearer closer common complete comprehensive considerable
conventional corresponding crucial current deeper desired detailed different difficult distinct earlier early easier
easy effective efficient entire essential excellent existing extensive extra faster feasible fewer final following
frequent full fundamental further given good great greater greatest growing happy hard high higher highest important
increasing individual inherent interesting key large larger largest late later latest likely long longer longest low
lower lowest main major necessary new newer nice novel obvious old older original overall particular poor popular
possible potential powerful present previous promising proposed quicker recent relevant remaining remarkable respective
resulting rich safer significant similar simple simpler slower small smaller smallest so-called sophisticated special
specific state-of-the-art straightforward strange strong stronger subsequent substantial successful sufficient suitable
total traditional typical unable useful usual well-known whole wide wider worse worst young
""")
# Parts of a document, of an argument or of a sum.
DULL = _words("""
addition advantage advantages aim aims amount amounts appendix article articles attention author authors benefit
benefits bibliography case cases chapter chapters concept conclusion conclusions contents disadvantage disadvantages
drawback drawbacks end eq eqn eqs equation example examples fact facts fig figs figure figures finding findings foreword
goal goals idea ideas importance instance interest kind kinds lack lot lots need needs notion number numbers order page
pages paper papers part parts pp preface publication publications purpose purposes range ref refs result results sake
section sections sort sorts table tables thing things usage use variety view vol way ways
""")
VERBS = _words("""
accelerate accept accompany accomplish accumulate accuse achieve acquire adapt add adhere adjust administer adopt
advise affect afford agree aim allocate allow alter analyse analyze announce anticipate apologise apologize appear
apply appoint appreciate argue arise arrive ask assess assign assist assume attempt attend attract avoid award become
begin behave believe belong blame bring broaden build buy calculate call carry cause characterise characterize choose
cite claim clarify classify climb combine come compare compensate compete complement comply compose comprise compute
conceive concern conclude conduct confirm connect consider consist constitute construct consult consume contain
continue contribute convert convey cope correlate correspond create criticise criticize cry deal decide declare
decrease dedicate deduce define degrade deliver demand demonstrate denote deny depend depict derive describe deserve
designate detect determine develop devote die differ differentiate diminish disappear discard discover discuss dismiss
distinguish divide draw drink eat elaborate elect elicit eliminate elucidate emerge emphasise emphasize employ enable
encounter encourage enforce enhance enlarge ensure entail enter envisage establish evaluate evidence evolve examine
exceed exclude execute exhibit exist expand expect experience explain exploit explore express extend extract
facilitate fail fall feel fill find focus follow force forecast formulate fulfil fulfill gain generate get give go
grow guarantee guide hamper handle happen harness hate hear help hesitate highlight hinder hold hope identify ignore
illustrate implement imply impose improve include incorporate increase incur indicate induce infer influence inform
inherit initialise initialize initiate insist inspect inspire integrate intend interpret introduce invent investigate
invite involve join judge justify keep kill know lack laugh launch lead learn leave lie listen locate look lose love
lower maintain make manage marry mean meet mention merge minimise minimize modify motivate move name necessitate
neglect note notice observe obtain occur offer omit operate optimise optimize organise organize originate outline
outperform overcome owe own participate pay perceive perform permit persuade place plan play point pose position
possess postulate pour practise precede predict prefer prepare prescribe preserve prevent proceed produce prohibit
proliferate promise promote prompt propagate propose prove provide publish pursue put quantify raise reach react read
realise realize recall receive recognise recognize recommend reconsider reduce refer reflect refuse regard reject
rejoin relate rely remain remark remember remind remove render replace report represent require resemble reside resign
resist resolve respond restrict result retain return reuse reveal revisit ride rise run satisfy save say see seek seem
select send separate serve set settle share shed shift shorten show signify simmer simplify simulate sing sit sleep
smile solve speak specify spend split stand start state stay stem stir stop stress strive struggle study submit
substitute succeed sue suffer suggest suit summarise summarize supply support suppose surround survey suspect sustain
synthesize tackle take talk teach tell tend tender test thank think threaten throw traverse treat trigger try turn
uncover undergo underlie understand undertake unify update urge utilise utilize validate vary verify visit wait walk
want warn warrant watch wear welcome win wish withdraw witness wonder work worry write yield
""")
IRREGULAR = _words("""
aged arisen arose ate beaten became began begun believed born bought broke broken brought built burst called came caught
chose chosen dated dealt drank drawn drew dries driven drove dying eaten fallen fed fell felt fled flew flown forgot
forgotten found gave given goes gone grew grown heard held hid hung kept knew known laid lain lay led left lost lying
made met named paid presented presenting presents ran rang ridden risen rode said sang sank sat saw seen sent shaken
shook shown slept sold sought spent spoken stole stolen stood struck stuck sung swept swore sworn swung taken termed
thought threw thrown told took tore torn underlies understood underwent used uses using went wept woke woken won wore
worn written wrote
""")
# Only their present is sure to be a verb: there are "installed capacity" and "baking powder".
PRESENT = _words("""
arrange attach bake bind blow boil borrow breathe bump cease celebrate chop collect commence complain conceal condemn
confront defend deploy deter disrupt dissolve disturb earn embrace enjoy expire explode fix flee forbid freeze gather
grind hang heal hide ignite inhale install invest lend melt nibble obey oppose overtake postpone pretend quit recover
renew repay retire rinse rot scatter seize shake shine shrink shut soften spoil squeeze steal strengthen stun sweep swim
swing terminate thicken tighten tolerate toss transcribe translate unite unlock unplug vanish weaken weigh wipe
withstand wrap
""")
# As often nouns; verbs where they agree with the noun before them ("roots lift stones", "cement traps water").
EITHER = _words("""
bear beat block cause claim cost cover demand drop face fight fill flash fold force fuel grade guide harm help host
hunt judge kill lead lift link lock love mark matter name need paint plan play pose prompt pump push rank repair
require rise risk rule save score screen seal seek shape share show sign split stop strain stretch strike supply
support survey switch tap thank threaten touch trade trap travel treat trigger trust visit vote waste watch win yield
""")
# Forms of those verbs that are as often nouns, or stand before nouns in the names of things.
NOUNS = _words("""
adapted building call calls cause causes claim claims classified classifying clustering coding combined compete
connected constructed correlated decrease demand demands detecting developing drawing evidence experience experiences
extended extracted filling focus force forces forecast forecasting forecasts guarantee guarantees guide guides
handling increase influence integrated integrating judge judges launch learned learning living look loving managing
manufacturing mean meaning measuring merge modified moves moving name names note notes notice operating outline place
places plan planning plans play plays point points position positioning positions practise predicting processing
produced programming prompt prompts published publishing reading report reports restricted return returns rise routing
run running runs save selected separate separated set sets setting share shared shares sharing shift shifts simulated
split stand start state states stem stop stress stresses studies study supply support supports survey surveys
sustained synthesized teaching test testing tests traversing trigger triggers turn understanding unified update
updates updating validated visit visits wait walk walking walks welcome work working works writing
""")
# In a form a value follows.
LABELS = _words("""
address applicant birthday client comment customer email employer fax female gender institution male name nationality
occupation patient phone signature supplier telephone yes
""")
# They name something, but the same thing in every document.
COMMON = _words("""
ability absence abstract accuracy activities activity algorithm algorithms analyses analysis answer answers application
applications approach approaches area areas aspect aspects assumption assumptions background basis capability change
changes choice class classes companies company comparison complexity component components condition conditions context
cost costs country course customer customers data decision decrease definition degree degrees description design
determination development difference differences discussion effect effects efficiency effort efforts element elements
environment evaluation event events existence experiment experiments extent factor factors feature features field form
formation forms framework function functions future general government group groups home impact implementation
improvement increase influence information introduction investigation issue issues item items length level levels life
limitation limitations line lines list lists literature man market means measure measures meeting member members men
method methodology methods model models name names object objects official officials operation operations overview
parameter parameters past people performance person phase place plan plans point points practice presence problem
problems procedure procedures process processes product products program programme programs project projects properties
property quality quantity question questions rate rates ratio real reason reasons reduction report reports requirement
requirements research resource resources respect review role rule rules sample samples scheme schemes service services
set sets side sides situation situations size solution solutions source sources space stage standard state states step
steps strategies strategy structure studies study summary system systems task tasks technique techniques test tests
theory time tool tools type types unit units user users value values version versions woman women work works world
""")
# Behind a hyphen they are a word of their own.
SECOND_HALVES = _words("""
aided assisted aware based bound capacity class connected controlled defined density dependent dimensional driven
efficient end energy field formed free frequency friendly grade grained growing hand handed independent induced known
language layer level like linear lined made making mounted only order oriented page performance person phase pressure
processing quality rate related resistant resolution risk sale scale section sensitive side site sized source specific
speed stage standing state step street strength system tech temperature term time to tolerant type use user value wide
word world year
""")
ADJECTIVE_ENDS = ("able", "al", "ary", "ed", "ful", "ible", "ic", "ive", "less", "ous")
LY_NOUNS = _words("family supply assembly anomaly monopoly reply italy poly fly jelly ally butterfly belly bully")
DETERMINERS = _words("a an the this these its their our his her your how whether each every all any some both several")
SUBJECTS = _words("we they he she it i you who can cannot could may might must shall should will would")
AUXILIARIES = _words("is are was were be been being has have had it") | SUBJECTS
BEING = _words("is are was were be been being")
BEFORE_ORDER = frozenset(["to", "|", ".", ":", ";", "!", "?", ")", "\u2022", "-"])
BEFORE_GERUND = _words("for by when while of in to and are is was were from")


def _third(verb: str) -> str:
    """What it is with he, she or it."""
    if verb.endswith("y") and verb[-2] not in "aeo":
        return verb[:-1] + "ies"
    return verb + ("es" if verb.endswith(("ss", "sh", "ch", "x")) else "s")


def _forms(verb: str) -> set[str]:
    stem = verb.removesuffix("e")
    past = _third(verb)[:-1] + "d" if _third(verb).endswith("ies") else stem + "ed"
    return {verb, _third(verb), past, (verb if verb.endswith("y") else stem) + "ing"}


_VERB_FORMS = set().union(*map(_forms, VERBS))
_PRESENT_FORMS = PRESENT | set(map(_third, PRESENT))
THIRD_PERSON = frozenset(map(_third, EITHER))
BREAKS = FUNCTION | NUMBERS | UNITS | PRAISE | DULL | _PRESENT_FORMS | ((IRREGULAR | _VERB_FORMS) - NOUNS)
