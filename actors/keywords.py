"""The tagger that needs no network: keywords taken from the text itself, model name `local/keywords`.

A candidate is a run of words between words that never name a subject: function words, verbs, words of praise. It is
ranked by how early and how often it stands there and by what it is made of. What decides is where a run ends; halving
or doubling a weight changes F1 on abstracts by a point or two. Words and weights are set by hand.

Two subjects, the word lists (a third of the file) and the tagger: a word is moved from list to list with its rule.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, NamedTuple

MAX_CHARACTERS = 60_000  # of the text are looked at: what a document is about stands in its first twenty pages
MAX_WORDS = 5  # of a phrase
TAIL = 4  # words are kept of a longer run: in English the head comes last
MAX_PHRASE = 60  # characters of a phrase
MAX_TOKEN = 40  # a longer "word" is a key, a path or a text without spaces
MAX_DECLARED = 15  # keywords are believed of those that the authors list
FURNITURE = 3  # times a line comes back, and it belongs to the page, not to the text
NEIGHBOURS = 5  # lines above and below tell how wide the text is

# --- weights, in natural logarithms: 0.7 is worth as much as standing there twice as often -------------------------
LENGTH = {1: -1.0, 2: 0.3, 3: 0.4, 4: 0.2, 5: -0.2}  # one word seldom names a subject, six are a sentence
NESTED = 0.5  # an occurrence inside a longer candidate counts half
POSITION = 0.5  # how much a late first mention costs
EARLY = 40  # words from which on it does
ALL_COMMON = -2.0  # "data set": every word would fit any document
COMMON_HEAD = -0.3  # "Kalman filter method"
ADJECTIVE = -0.5  # "nonlinear": ends like an adjective, so its noun was cut off
ACRONYM = 0.7
CAPITAL = 0.3
DECLARED = 5.0  # the authors say that it is a keyword

# --- where the language is not English -----------------------------------------------------------------------------
SAMPLE_CHARACTERS = 6_000  # tell the language
DEGRADED_CHARACTERS = 20_000  # are counted
DEGRADED_UNITS = {" ": 3, "": 6}  # words of a phrase, or signs in a script without spaces


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FUNCTION = _words("""
a about above according across after again against ago al all almost along alongside already also although always am
amid among amongst an and another any anybody anyone anything apart are around as aside at away back be because been
before behind being below beneath beside besides between beyond both but by can cannot certain cf concerning could
dear despite did do does doing done down dr due during each eg either else enough et etc even ever every everybody
everyone everything except excluding few for former from furthermore get gets getting got had has have having he hello
hence her here hereby herein hers herself him himself his how however i ie if in including indeed inside instead into
is it its itself just later latter less let lets like likewise little many may maybe me meanwhile might mine more
moreover most mr mrs ms much must my myself near neither never nevertheless no nobody none nonetheless nor not nothing
now nowadays of off often oh ok on once one ones oneself only onto or other others otherwise ought our ours ourselves
out outside over own per perhaps please prof quite rather regarding regards same several shall she should since so
some somebody someone something sometimes somewhat soon sorry still such than thanks that the their theirs them
themselves then there thereby therefore thereof these they this those though through throughout thus till to together
too toward towards twice under underneath unless unlike until up upon us various versus very via viz vs was we well
were what whatever when whenever where whereas whereby wherein wherever whether which whichever while who whoever whom
whose why will with within without would yes yet you your yours yourself
""")
NUMBERS = _words("""
afternoon am april august billion billions centuries century day days decade decades december dozen dozens eight
eighteen eighth eighty eleven evening february fifteen fifth fifty first five forty four fourteen fourth friday half
hour hours hundred hundreds ii iii iv ix january july june last march may million millions minute minutes moment
monday month months morning next night nine nineteen ninety ninth november october percent pm saturday second seconds
september seven seventeen seventh seventy six sixteen sixth sixty sunday ten tenth third thirteen thirty thousand
thousands three thursday times today tomorrow tonight trillion tuesday twelve twenty two vi vii viii wednesday week
weekend weeks xi xii xx year years yesterday zero
""")
# They say that a thing is new, big, good or usual, never what it is.
PRAISE = _words("""
able accurate actual additional adequate alone appropriate attractive available bad based basic best better big bigger
biggest broad certain challenging clear common complete comprehensive considerable conventional corresponding crucial
current desired detailed different difficult distinct earlier early easy effective efficient entire essential
excellent existing extensive extra feasible final following frequent full fundamental further given good great greater
greatest growing happy hard high higher highest important increasing individual inherent interesting key large larger
largest late later latest likely long longer longest low lower lowest main major necessary new newer nice novel
obvious old older original overall particular poor popular possible potential powerful present previous promising
proposed recent relevant remaining remarkable respective resulting rich significant similar simple small smaller
smallest so-called sophisticated special specific state-of-the-art straightforward strange strong stronger subsequent
substantial successful sufficient suitable total traditional typical unable useful usual well-known whole wide wider
young
""")
# Parts of a document, of an argument or of a sum.
DULL = _words("""
addition advantage advantages aim aims amount amounts appendix article articles attention author authors benefit
benefits case cases chapter chapters concept conclusion conclusions disadvantage disadvantages drawback drawbacks end
eq eqn eqs equation example examples fact facts fig figs figure figures finding findings goal goals idea ideas
importance instance interest kind kinds lack lot lots need needs notion number numbers order page pages paper papers
part parts pp publication publications purpose purposes range ref refs result results sake section sections sort sorts
table tables thing things usage use variety view vol way ways
""")
VERBS = _words("""
accelerate accept accompany accomplish accumulate accuse achieve acquire adapt add adhere adjust administer adopt
advise affect afford agree aim allocate allow alter analyse analyze announce anticipate apologise apologize appear
apply appoint appreciate argue arise arrive ask assess assign assist assume attempt attend attract avoid award become
begin behave believe belong blame bring broaden build buy calculate call carry cause characterise characterize choose
cite claim clarify classify combine come compare compensate compete complement comply compose comprise compute
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
arisen arose ate beaten became began begun believed bought broke broken brought built called came caught chose chosen
dealt drank drawn drew driven drove eaten fallen fed fell felt fled flew flown forgot forgotten found gave given gone
grew grown heard held hid hung kept knew known laid lain led left lost lying made met named paid presented presenting
presents ran rang ridden risen rode said sang sank sat saw seen sent shaken shook shown slept sold sought spent spoken
stole stolen stood struck stuck sung swept swore sworn swung taken termed thought threw thrown told took tore torn
underlies understood underwent used uses using went woke woken won wore worn written wrote
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
# They name something, but the same thing in every document.
COMMON = _words("""
ability absence abstract accuracy activities activity algorithm algorithms analyses analysis answer answers
application applications approach approaches area areas aspect aspects assumption assumptions background basis
capability change changes choice class classes companies company comparison complexity component components condition
conditions context cost costs country course customer customers data decision decrease definition degree degrees
description design determination development difference differences discussion effect effects efficiency effort
efforts element elements environment evaluation event events existence experiment experiments extent factor factors
feature features field form formation forms framework function functions future general government group groups home
impact implementation improvement increase influence information introduction investigation issue issues item items
length level levels life limitation limitations line lines literature man market means measure measures meeting member
members men method methodology methods model models name names object objects official officials operation operations
overview parameter parameters past people performance person phase place plan plans point points practice presence
problem problems procedure procedures process processes product products program programme programs project projects
properties property quality quantity question questions rate rates ratio real reason reasons reduction report reports
requirement requirements research resource resources respect review role rule rules sample samples scheme schemes
service services set sets side sides situation situations size solution solutions source sources space stage standard
state states step steps strategies strategy structure studies study summary system systems task tasks technique
techniques test tests theory time tool tools type types unit units user users value values version versions woman
women work works world
""")
ADJECTIVE_ENDS = ("able", "al", "ary", "ed", "ful", "ible", "ic", "ive", "less", "ous")
LY_NOUNS = _words("family supply assembly anomaly monopoly reply italy poly fly jelly ally butterfly belly bully")
DETERMINERS = _words("a an the this these its their our his her your how whether each all any some both several")
SUBJECTS = _words("we they he she i you who can cannot could may might must shall should will would")
AUXILIARIES = _words("is are was were be been being has have had it") | SUBJECTS
BEFORE_GERUND = _words("for by when while of in to and are is was were from")


def _forms(verb: str) -> set[str]:
    stem = verb.removesuffix("e")
    if verb.endswith("y") and verb[-2] not in "aeo":
        stem = verb[:-1]
        return {verb, stem + "ies", stem + "ied", verb + "ing"}
    if verb.endswith(("ss", "sh", "ch", "x")):
        return {verb, verb + "es", verb + "ed", verb + "ing"}
    return {verb, verb + "s", stem + "ed", stem + "ing"}


BREAKS = FUNCTION | NUMBERS | PRAISE | DULL | ((IRREGULAR | set().union(*map(_forms, VERBS))) - NOUNS)

# --- what the caller gets ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Keywords:
    """What a text is about, in its own words."""

    phrases: list[str]
    """Best first, lower case, words separated by single spaces, no two alike but for a plural s;
    1 to MAX_WORDS words and 2 to MAX_PHRASE characters each. Empty where the text names nothing."""

    degraded: bool
    """True where the text is not English: the phrases are then only the most frequent ones, whatever they mean."""


def keywords(text: str, count: int) -> Keywords:
    """The `count` (0 or more) best phrases of `text`, fewer where it has no more.

    Only the first MAX_CHARACTERS are read; up to there the time taken grows linearly.
    """
    tidy = _tidy(text[:MAX_CHARACTERS])
    degraded = not _is_english(tidy)
    ranked = _frequent(tidy[:DEGRADED_CHARACTERS]) if degraded else _best(tidy)
    return Keywords([phrase for phrase in ranked if 1 < len(phrase) <= MAX_PHRASE][:count], degraded)


def _best(text: str) -> list[str]:
    parts = _take_apart(text)
    candidates = _gather(_runs_of(parts))
    for phrase in _listed(parts.declared):
        candidate = candidates.setdefault(_key(phrase.split(" ")), _Candidate(0))
        candidate.count += 1
        candidate.declared = True
        candidate.spellings[phrase] += 1
    ranked = sorted(candidates.values(), key=lambda candidate: (-_score(candidate), candidate.first))
    return list(dict.fromkeys(candidate.phrase for candidate in ranked))


# --- from characters to prose. Every repetition in a pattern is bounded or cannot begin again inside itself ---------

SPELLING = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
    | dict.fromkeys("\u2018\u2019\u02bc", "'")
    | dict.fromkeys("\u2010\u2011", "-")
    | dict.fromkeys("\u00ad\u200b\ufeff", "")
    | dict.fromkeys("\u00a0\u202f\0", " ")
    | dict.fromkeys("\f\r\u0085\u2028\u2029", "\n")
)
ACCENTED = re.compile(r"[^\W\d_][\u0300-\u036f]{1,3}")
BROKEN_WORD = re.compile(r"(?<![^\W\d_])([^\W\d_]{2,40})-\n[ \t]{0,8}([^\W\d_]{2,40})")
SPELLED_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
CITATION = re.compile(r"\[[\d,;\s\u2013-]{1,40}\]|\([^()]{0,120}\b(?:19|20)\d\d[a-z]?\)")


def _tidy(text: str) -> str:
    text = text.replace("\r\n", "\n").translate(SPELLING)
    return _without_addresses(_rejoined(ACCENTED.sub(_composed, text)))


def _composed(letter: re.Match[str]) -> str:
    return unicodedata.normalize("NFC", letter[0])  # of a whole text it takes quadratic time, if someone wants it to


def _rejoined(text: str) -> str:
    """Words that the end of a line has cut in two are whole again."""
    if "-\n" not in text:
        return text
    known = set(SPELLED_WORD.findall(text.lower()))

    def join(cut: re.Match[str]) -> str:
        left, right = cut[1].lower(), cut[2].lower()
        # "feature-\nbased" keeps its hyphen where the text spells it so elsewhere, or knows both halves as words.
        two_words = f"{left}-{right}" in known or (left in known and right in known and left + right not in known)
        return f"{cut[1]}-{cut[2]}" if two_words or not cut[2].islower() else cut[1] + cut[2]

    return BROKEN_WORD.sub(join, text)


def _without_addresses(text: str) -> str:
    if "@" not in text and "://" not in text and "www." not in text:
        return text
    lines = (line.split(" ") for line in text.split("\n"))
    return "\n".join(" ".join("|" if _is_address(word) else word for word in line) for line in lines)


def _is_address(word: str) -> bool:
    return "@" in word or "://" in word or "www." in word


def _unwrapped(text: str) -> str:
    """One line of prose, with `|` where a heading, a title or a paragraph ended."""
    lines = _without_furniture([line.strip() for line in text.split("\n")])
    pieces: list[str] = []
    for at, line in enumerate(lines):
        pieces += (line, " | " if _ends_here(lines, at) else " ")
    return CITATION.sub(" | ", "".join(pieces))


def _without_furniture(lines: list[str]) -> list[str]:
    """What stands on every page, page numbers aside, counts once."""
    bare = [line.strip("0123456789 ") for line in lines]
    furniture = {plain for plain, times in Counter(bare).items() if plain and times >= FURNITURE}
    first = {plain: at for at, plain in reversed(list(enumerate(bare)))}
    kept = (at for at, plain in enumerate(bare) if plain not in furniture or first[plain] == at)
    return [bare[at] if bare[at] in furniture else lines[at] for at in kept]


def _ends_here(lines: list[str], at: int) -> bool:
    """Does this line end something? It does where there was room for the next word and the writer did not use it."""
    below = lines[at + 1] if at + 1 < len(lines) else ""
    first = below[: MAX_TOKEN + 1].split(None, 1)[:1]
    if not first or first[0][0].islower():
        return not first
    width = max(map(len, lines[max(0, at - NEIGHBOURS) : at + NEIGHBOURS + 1]))
    return at == 0 or len(lines[at]) + 1 + len(first[0]) <= width


# --- parts of a document -------------------------------------------------------------------------------------------

HEADER_CHARACTERS = 4_000  # an abstract begins within them, or there is none
DECLARED_CHARACTERS = 600  # no list of keywords is longer
# Written as a heading on a line of its own, or, where the text has lost its lines, in capitals or before a sentence.
ABSTRACT = re.compile(
    r"(?m:^)\W{0,3}(?:Abstract\b|(?i:summary)\W{0,2}(?m:$))|\bABSTRACT\b|\bAbstract(?=[.:\u2014]|\s(?:The|This|In|We|A)\s)"
)
BACK_MATTER = re.compile(
    r"(?m:^)[\d. ]{0,6}(?i:references|bibliography|literature cited|acknowledge?ments?)\W{0,2}(?m:$)"
    r"|\b(?:REFERENCES|References)\s{1,3}\[?1\b"
)
KEYWORD_LIST = re.compile(r"\b(?:Key[ -]?[Ww]ords|KEY[ -]?WORDS|Index Terms|INDEX TERMS)(?i: and phrases)?\b")
LIST_END = re.compile(
    r"\n[ \t]*\n|[\d.\s]{1,6}(?i:introduction)\b|\n(?=[A-Z]{3})|\.\s(?=[A-Z])|(?i:general terms|categories and)\b"
)
FORMALITIES = re.compile(
    r"Categories and Subject Descriptors.{0,400}?(?=General Terms|Keywords|(?i:introduction))"
    r"|General Terms.{0,200}?(?=Keywords|(?i:introduction))"
    r"|Permission to make digital or hard copies.{0,800}?(?:and/or a fee|Copyright \d{4})",
    re.DOTALL,
)


class _Parts(NamedTuple):
    header: str
    """Title, authors, their addresses: what stands before the abstract."""
    declared: str
    """What the authors list as keywords."""
    body: str


def _take_apart(text: str) -> _Parts:
    back = BACK_MATTER.search(text, len(text) // 2)
    text, declared = _cut_declared(text[: back.start()] if back else text)
    text = FORMALITIES.sub("\n\n", text)
    abstract = ABSTRACT.search(text[:HEADER_CHARACTERS])
    if not abstract:
        return _Parts("", declared, text)
    return _Parts(text[: abstract.start()], declared, text[abstract.end() :])


def _cut_declared(text: str) -> tuple[str, str]:
    heading = KEYWORD_LIST.search(text)
    if not heading:
        return text, ""
    window = text[heading.end() : heading.end() + DECLARED_CHARACTERS]
    end = LIST_END.search(window, 2)
    declared = window[: end.start()] if end else window
    if not _listed(declared):  # the word "keywords" in a sentence
        return text, ""
    return f"{text[: heading.start()]}\n\n{text[heading.end() + len(declared) :]}", declared


def _listed(declared: str) -> list[str]:
    items = re.split(r"[,;\u2022\u00b7|]|\s[\u2013\u2014-]\s", declared.strip(" .:\u2014-\n").lower())
    phrases = [" ".join(_tokens(item.strip(" .\n"))) for item in items[:MAX_DECLARED]]
    if phrases[0].count(" ") >= MAX_WORDS:
        return []
    return [phrase for phrase in phrases if phrase and _may_be_keyword(phrase.split(" "))]


def _may_be_keyword(words: list[str]) -> bool:
    return len(words) <= MAX_WORDS and AUXILIARIES.isdisjoint(words)


# --- runs of words that may name a subject -------------------------------------------------------------------------

TOKEN = re.compile(r"[^\W_]+(?:[-\u2013\u2212/'&+][^\W_]+)*\+*|\S")
DIMENSION = re.compile(r"\d-?[a-z]")  # 3D, 4G

_Kind = Literal["", "name", "participle", "gerund", "adverb", "number"]


class _Word(NamedTuple):
    shown: str
    low: str
    place: int


_Run = list[_Word]


def _runs_of(parts: _Parts) -> list[_Run]:
    body = list(_runs(_Tokens(_unwrapped(parts.body))))
    if not parts.header:
        return body
    # Of a header only what comes up again is a subject: names and addresses do not.
    known = {_singular(word.low) for run in body for word in run}
    return list(_runs(_Tokens(_unwrapped(parts.header), known))) + body


def _runs(tokens: "_Tokens") -> Iterator[_Run]:
    run: _Run = []
    for at, shown in enumerate(tokens.shown):
        if tokens.kinds[at] and tokens.continue_name(at, run):
            run.append(_Word(shown, tokens.low[at], at))
        elif run:
            yield from _trimmed(run, tokens, at)
            run = []
    yield from _trimmed(run, tokens, len(tokens.shown))


class _Tokens:
    """A text's words and signs, and for each whether it may stand in a name."""

    def __init__(self, prose: str, known: set[str] | None = None) -> None:
        self.shown = _tokens(prose)
        self.low = [token.lower() for token in self.shown] + ["|"] * 3  # so that one may look ahead
        kinds = {low: _kind(low) for low in set(self.low) if known is None or _singular(low) in known}
        self.kinds = [kinds.get(low, "") for low in self.low]

    def continue_name(self, at: int, run: _Run) -> bool:
        """Does the word at `at` belong to a name of which `run` is the beginning, perhaps empty?"""
        before = self.low[at - 1] if at else "|"
        match self.kinds[at]:
            case "number":
                return DIMENSION.fullmatch(self.low[at]) is not None or self._is_number_in_name(at, run)
            case "adverb":  # "normally distributed noise"
                return not run and self.kinds[at + 1] == "participle" and self._is_content(at + 2)
            case "participle":
                return self._is_content(at + 1) and before not in AUXILIARIES and not _ends_in_plural(run)
            case "gerund" if run:  # "data mining", but not "trees implementing functions"
                return not (_ends_in_plural(run) and self._is_content(at + 1))
            case "gerund":
                return not self._takes_object(at, before)
        return not self._is_verb(at, before) and not self._is_unit_or_author(at, before)

    def _is_content(self, at: int) -> bool:
        return self.kinds[at] in {"name", "participle", "gerund"}

    def _is_verb(self, at: int, before: str) -> bool:
        """`we synthesize`, `to ferment the`."""
        return before in SUBJECTS or (before == "to" and self.low[at + 1] in DETERMINERS)

    def _is_unit_or_author(self, at: int, before: str) -> bool:
        """`30 MeV`, `Smith et al.`"""
        return (before[0].isdigit() and len(self.low[at]) < 4) or self.low[at + 1] == "et"

    def _is_number_in_name(self, at: int, run: _Run) -> bool:
        """`Windows 11`, `0-1 knapsack`, but neither `30 days` nor `GBP 42,000`."""
        low = self.low[at]
        if not run or "-" in low:
            return bool(run) and len(low) < 5
        return len(low) < 3 and run[-1].shown[0].isupper() and self.low[at + 1] not in {",", ".", ":", "%"}

    def _takes_object(self, at: int, before: str) -> bool:
        """`by handling the` and `by handling outliers`, but not `the operating voltages`."""
        if not self._is_content(at + 1):
            return self.low[at + 1] in DETERMINERS
        if before not in BEFORE_GERUND:
            return False
        end = at + 1
        while self._is_content(end + 1):
            end += 1
        return _is_plural(self.low[end])


def _tokens(prose: str) -> list[str]:
    tokens = [token.removesuffix("'s") for token in TOKEN.findall(prose)]
    return [token[:-1] if token[-1] == "s" and len(token) > 2 and token[:-1].isupper() else token for token in tokens]


def _kind(low: str) -> _Kind:
    if low[0].isdigit():
        return "number"
    if not 1 < len(low) <= MAX_TOKEN or low in BREAKS or not low[0].isalpha() or _is_built_of_breaks(low):
        return ""
    if low.endswith("ly") and len(low) > 4 and low not in LY_NOUNS:
        return "adverb"
    if low.endswith("ing") and len(low) > 5 and low not in NOUNS:
        return "gerund"
    return "participle" if _is_participle(low) else "name"


def _is_built_of_breaks(low: str) -> bool:
    """`don't`, `we'll`, `so-and-so`: nothing but words that break a run."""
    if "-" in low:
        return all(part in BREAKS for part in low.split("-"))
    return "'" in low and low.endswith(("n't", "'re", "'ve", "'ll", "'d", "'m"))


def _is_participle(low: str) -> bool:
    return low.endswith("ed") and len(low) > 5 and not low.endswith("eed") and "-" not in low


def _is_plural(low: str) -> bool:
    return _singular(low) != low


def _ends_in_plural(run: _Run) -> bool:
    return bool(run) and _is_plural(run[-1].low)


def _singular(low: str) -> str:
    if len(low) < 4 or low[-1] != "s" or low.endswith(("ss", "us", "is")):
        return low
    if low.endswith("ies") and len(low) > 4:
        return low[:-3] + "y"
    return low[:-2] if low.endswith(("sses", "shes", "ches", "xes")) else low[:-1]


def _trimmed(run: _Run, tokens: _Tokens, after: int) -> Iterator[_Run]:
    """The run without the verb that ended it; nothing where it was all verb."""
    if run and tokens.low[after] in DETERMINERS and _ends_in_verb(run):
        run.pop()
    while run and _is_participle(run[-1].low):
        run.pop()
    run = run[-(_expanded(run, tokens.shown[after : after + 3]) or len(run)) :]
    if run:
        yield run if len(run) <= MAX_WORDS else run[-TAIL:]


def _ends_in_verb(run: _Run) -> bool:
    """`firms dominating the`, `inspection plays an`, `schemes utilise a`: a verb differs in number from its subject."""
    last = run[-1].low
    return _kind(last) == "gerund" or (len(run) > 1 and _is_plural(last) != _is_plural(run[-2].low))


def _expanded(run: _Run, following: list[str]) -> int:
    """How many of the run's last words the acronym in brackets after it stands for; 0 where there is none."""
    if len(following) < 3 or following[0] + following[2] != "()" or not following[1][:2].isupper():
        return 0
    wanted, initials = following[1].lower(), ""
    for size, word in enumerate(reversed(run[-2 * MAX_WORDS :]), 1):
        initials = "".join(part[:1] for part in word.low.split("-")) + initials
        if len(initials) >= len(wanted):
            return size if initials == wanted else 0
    return 0


# --- ranking -------------------------------------------------------------------------------------------------------

_Key = tuple[str, ...]


class _Candidate:
    __slots__ = ("acronyms", "capitals", "count", "declared", "first", "spellings")

    def __init__(self, first: int) -> None:
        self.first = first  # in words from the start
        self.count = 0.0  # one inside a longer candidate counts NESTED
        self.capitals = 0
        self.acronyms = 0
        self.declared = False
        self.spellings: Counter[str] = Counter()

    @property
    def phrase(self) -> str:
        return self.spellings.most_common(1)[0][0]

    def add(self, run: _Run) -> None:
        last = run[-1].shown
        self.count += 1
        self.acronyms += _is_acronym(last)
        self.capitals += last[0].isupper() and len(run) > 1
        self.spellings[" ".join(word.low for word in run)] += 1


def _is_acronym(shown: str) -> bool:
    """`HTML` and `PalmSource`, but not a word of a shouted heading."""
    return shown[1:] != shown[1:].lower() and (len(shown) <= 6 or not shown.isupper())


def _key(words: Iterable[str]) -> _Key:
    return tuple(map(_singular, words))


def _gather(runs: list[_Run]) -> dict[_Key, _Candidate]:
    keyed = [(_key(word.low for word in run), run) for run in runs]
    found: dict[_Key, _Candidate] = {}
    for key, run in keyed:
        found.setdefault(key, _Candidate(run[0].place)).add(run)
    for key, run in keyed:
        for start, end in SPANS[len(key)]:
            inner = found.get(key[start:end])
            if inner:
                inner.count += NESTED
                inner.first = min(inner.first, run[start].place)
    return found


SPANS = [
    [(start, start + size) for size in range(1, length) for start in range(length - size + 1)]
    for length in range(MAX_WORDS + 1)
]


def _score(candidate: _Candidate) -> float:
    words = candidate.phrase.split(" ")
    score = LENGTH[len(words)] + math.log(candidate.count) - POSITION * math.log(1 + candidate.first / EARLY)
    return score + _made_of(words) + _written(candidate, words[-1]) + candidate.declared * DECLARED


def _made_of(words: list[str]) -> float:
    if all(word in COMMON for word in words):
        return ALL_COMMON
    return COMMON_HEAD if words[-1] in COMMON else 0.0


def _written(candidate: _Candidate, last: str) -> float:
    if candidate.acronyms * 2 > candidate.count:
        return ACRONYM
    named = CAPITAL if candidate.capitals * 2 > candidate.count else 0.0
    return named + (ADJECTIVE if last.endswith(ADJECTIVE_ENDS) else 0.0)


# --- other languages: no grammar, only frequency -------------------------------------------------------------------

ENGLISH = _words("the of and to with from are for that this by which is was")
OTHERS = _words("""
att av az bir che da dan dans das de del della der des di die do dos een egy el em en est et het i ikke il ist ja jest
la las le les los na nicht nie não og oli on per que se som um uma un una und une van ve w yang és
""")
# Long enough to be taken for content, but they are not.
UNIMPORTANT = _words("""
aber această acest adalah ainsi akan alle allem ancak anche atau auch aunque aussi autre autres avec azonban bardzo
bereits blev blir bylo cada care cette chaque comme como csak cuando daha dalam dalla damit dans dapat dari dass degli
della delle dello dengan depuis desde deze değil diese dieser dieses donde door după durch efter eftersom eine einem
einen einer eines ellas elle eller elles ellos entre essa esse essere esta estas este estos está están etter että
foram fost från fueron gibi haben hasta hogy ihre ihrer ikke inte isso için jako jedoch jeho jest joka jotka jsem jsou
juga kadar kann karena kommer která které který która które który kuin können között lehet leur leurs maar mais mehr
mellan mereka mientras minden mint molto może muchas mucho muchos muito mutta mycket myös más même naar nach nebo
nella nicht niet noch nous också oder ogni også olan olarak oleh ollut oraz otras otros ovat over pada para pela pelo
pentru pero peut peuvent plus pode podem podle porque pour prin przez puede pueden quando questa queste questi questo
sans sebagai según sehr sein sekä seus sich sido sind skulle sobre sono sonra sont sowie suas sunt také także también
também tidak tiene tienen till todas todo todos tous tout toutes très tylko tämä több under untuk után vagy vengono
veya viene voidaan volt voor vous være wenn werden wird worden wordt wurde wurden yang zich zijn zwischen être über
було бути был была были більше для если или його как которая которые который между може можно она они після также
також только тільки что это является являются який якщо अपने इस एक और कर करने का कि किया की के को गया जाता जाती जाते
जो तथा तो था थी थे नहीं पर भी में यह लिए वह साथ से ही है हैं होता होती होते
""")


def _is_english(text: str) -> bool:
    words = [word.lower() for word in SPELLED_WORD.findall(text[:SAMPLE_CHARACTERS])]
    english, others = (sum(word in marks for word in words) for marks in (ENGLISH, OTHERS))
    latin, plain = sum(word[0] < "\u0250" for word in words), sum(map(str.isascii, words))
    # Titles, slides and tables have no function words: there the lack of accents must do.
    likely = english * 30 >= len(words) or plain * 50 >= len(words) * 49
    return likely and latin * 2 >= len(words) and english >= others


def _frequent(text: str) -> list[str]:
    counts: Counter[_Key] = Counter()
    whole: set[_Key] = set()
    for glue, units in _unit_runs(text):
        longest = DEGRADED_UNITS[glue]
        sizes = range(1 if glue else 2, longest + 1)
        counts.update((glue, *units[at : at + size]) for size in sizes for at in range(len(units) - size + 1))
        whole.add((glue, *units[: longest + 1]))
    # Two words that met once by chance are no phrase; what never stands without its neighbour says nothing alone.
    met = [
        key for key in counts if (counts[key] > 1 or key in whole or len(key) == 2) and len(_joined(key)) <= MAX_PHRASE
    ]
    bound = {part for key in met for part in (key[:-1], key[:1] + key[2:]) if counts[part] == counts[key]}
    phrases = {_joined(key): counts[key] for key in met if key not in bound}
    return sorted(phrases, key=lambda phrase: (-phrases[phrase], -len(phrase)))


def _joined(key: _Key) -> str:
    return key[0].join(key[1:])


def _unit_runs(text: str) -> Iterator[tuple[str, list[str]]]:
    """What stands between function words and punctuation, cut into units; with each run, what joins its units again."""
    signs = {ord(sign): " | " for sign in set(text) if unicodedata.category(sign)[0] in "PS"}
    run: list[str] = []
    for token in text.lower().translate(signs).split():
        scripts = [(script, "".join(signs)) for script, signs in groupby(token, _script)]
        if scripts[0][0] == "spaced" and _is_telling(token):
            run.append(token)
            continue
        yield " ", run
        run = []
        yield from _unspaced(scripts)
    yield " ", run


def _is_telling(word: str) -> bool:
    first = word[0]
    shortest = 4 if first < "\u0590" else 3 if first < "\u0900" else 2  # Arabic leaves vowels out, Hindi hangs them on
    return shortest <= len(word) <= MAX_TOKEN and first.isalpha() and word not in UNIMPORTANT


def _unspaced(scripts: list[tuple[str, str]]) -> Iterator[tuple[str, list[str]]]:
    """Chinese and Japanese: each ideograph is a unit, a word in katakana is one, hiragana is grammar."""
    units: list[str] = []
    for script, signs in scripts:
        if script in {"ideographs", "katakana"}:
            units += signs if script == "ideographs" else [signs]
            continue
        yield "", units
        units = []
    yield "", units


def _script(sign: str) -> str:
    if "\u30a0" <= sign <= "\u30ff":
        return "katakana"
    if "\u3400" <= sign <= "\u9fff" or sign == "\u3005":
        return "ideographs"
    return "hiragana" if "\u3040" <= sign <= "\u309f" else "spaced"
