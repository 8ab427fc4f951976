"""Which language a text is written in: by its script, and where several share one, by their most common words."""

import re
import unicodedata
from collections import Counter
from functools import cache

from actors.legible import letters, sample_of

COMMON_MIN = 0.08
"""Share of a text's words that must be among a language's most common ones. Prose has a third, a list of names none."""
LEAD = 1.2
"""By how much the first language must be ahead of the second: relatives have words in common."""
WORDS_MIN = 5
FAMILIAR_OF = 40
"""Fewer words are too few to miss the small ones."""
FAMILIAR = 0.2
"""The share of small words of most prose; lists, tables and what is misread have fewer."""
STRANGE, VOWELS_MIN = 0.1, 0.3
"""A cipher has hardly any small words, and too few vowels mostly: those are a third of the letters of any language."""

_LATIN = re.compile("[a-z]")
_ASCII_WORD = re.compile("[a-z]+")  # of lower-case text; in half the time
_WORD = re.compile(r"[^\W\d_]+(?:[\u0300-\u036f\u0900-\u0963]+[^\W\d_]*)*")
# Scripts, as Unicode names them, of one language, or of one that is by far the most frequent.
_OF_SCRIPT = {
    "GREEK": "el",
    "HEBREW": "he",
    "ARMENIAN": "hy",
    "GEORGIAN": "ka",
    "BENGALI": "bn",
    "GURMUKHI": "pa",
    "GUJARATI": "gu",
    "ORIYA": "or",
    "TAMIL": "ta",
    "TELUGU": "te",
    "KANNADA": "kn",
    "MALAYALAM": "ml",
    "SINHALA": "si",
    "THAI": "th",
    "LAO": "lo",
    "TIBETAN": "bo",
    "MYANMAR": "my",
    "KHMER": "km",
    "ETHIOPIC": "am",
    "HANGUL": "ko",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "CJK": "zh",
}
_COMMON = {
    "LATIN": {
        "en": "the of and to in is that for it with as was on be by this are from which not have at or an",
        "de": "der die und den von das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er",
        "fr": "de la le et les des en un du une que est pour qui dans par sur au plus ne pas ce il sont avec",
        "es": "de la que el en y a los del se las por un para con no una su al lo como más o pero sus",
        "pt": "de a o que e do da em um para com não uma os no se na por mais as dos como mas ao das",
        "it": "di e il la che in un per è del della non una le con si da i dei sono al alla gli nel più",
        "nl": "de van het een en in is dat op te zijn met voor niet die aan er om ook als bij door naar worden",
        "sv": "och i att en det som på är av för med till den har de inte om ett var från vid kan så men",
        "da": "og i at det er en til af på for de med den der ikke som har et om fra blev vi kan også",
        "no": "og i det er på til som en for av med at har de ikke den et om fra var vi kan også etter",
        "fi": "ja on ei se että oli hän mutta ovat kun myös joka tai niin sen ole mukaan vuoden kuin jo sekä",
        "pl": "w i na z się do nie że jest o to od po za przez jak dla są był ale oraz które przy tym",
        "cs": "a v se na je že o s z do i to k ve pro za by ale jako po od který byl jsou které",
        "hu": "a az és hogy nem is egy van volt meg ez csak mint de még azt már vagy el kell ha",
        "ro": "de și în la a cu pe din că o un nu este care pentru mai sau al fi prin sunt au lui",
        "tr": "ve bir bu da de için ile olarak daha çok olan gibi en kadar ne sonra ama olduğu ya her",
        "id": "yang dan di dengan untuk dari dalam ini itu pada tidak akan adalah oleh ke atau juga sebagai telah",
        "vi": "và của là có được cho trong một các không với những người này đã để khi từ đến như",
    },
    "CYRILLIC": {
        "ru": "и в не на что с по это как к из он у за от но для его был так все же или",
        "uk": "і в не на що з до та як це у за від але для його був й або про які є",
        "bg": "на и да се в за от е са не с че по това към като или при беше до има които",
        "sr": "и у је да се на за од са су не као који из то или али би о што",
    },
    "DEVANAGARI": {
        "hi": "के में की है और से का को पर यह एक ने हैं कि भी इस लिए था नहीं ही थी या वह तथा",
        "mr": "आहे आणि या च्या हे ते व मध्ये केली आहेत होते असे साठी ही तो त्या नाही होता केले एक",
        "ne": "छ र को मा ले हो पनि यो एक लागि छन् गर्न भने तथा थियो हुन गरेको भएको",
    },
    "ARABIC": {
        "ar": "في من على أن إلى التي عن ما هذا هذه كان لا مع الذي أو بين كما قد كل ذلك",
        "fa": "و در به از که این را با است برای آن یک خود تا کرد بر هم می شد شده",
        "ur": "کے میں کی ہے اور سے کا کو نے پر یہ ایک ہیں کہ اس بھی تھا نہیں لیے گیا",
    },
}


def _by_word(common: dict[str, str]) -> dict[str, list[str]]:
    """In which languages a word is common."""
    languages: dict[str, list[str]] = {}
    for language, words in common.items():
        for word in set(words.split()):
            languages.setdefault(word, []).append(language)
    return languages


_SMALL_WORDS = frozenset(" ".join(_COMMON["LATIN"].values()).split())
_LANGUAGES = {script: _by_word(common) for script, common in _COMMON.items()}


def language_of(text: str) -> str | None:
    """The language of most of a text, as far as a sample tells, in ISO 639-1; None where it is not known."""
    sample = sample_of(text)
    scripts = _scripts(sample)
    if not scripts:
        return None
    if scripts["HIRAGANA"] * 10 > scripts["CJK"] > 0:
        return "ja"
    script = scripts.most_common(1)[0][0]
    return _OF_SCRIPT.get(script) or _by_words(sample, script)


def familiar(text: str) -> float:
    """Which share of the words are small ones of a language in Latin letters. 1 where too few words tell, or other
    letters.
    """
    sample = sample_of(text).lower()
    words = sample.split()
    if len(words) < FAMILIAR_OF:
        return 1.0
    share = sum(map(_SMALL_WORDS.__contains__, words)) / len(words)
    is_latin = share >= FAMILIAR or 2 * len(_LATIN.findall(sample)) > letters(sample)
    return share if is_latin else 1.0


def is_enciphered(text: str) -> bool:
    """Whether letters stand for others, as a font tells them that has other characters than people see."""
    if familiar(text) >= STRANGE:
        return False
    latin = _LATIN.findall(sample_of(text).lower())
    return sum(map("aeiouy".__contains__, latin)) < VOWELS_MIN * len(latin)


def _scripts(sample: str) -> Counter[str]:
    """How many letters there are of each script."""
    if sample.isascii():
        return Counter(LATIN=1) if any(map(str.isalpha, sample)) else Counter()
    scripts: Counter[str] = Counter()
    for letter, count in Counter(filter(str.isalpha, sample)).items():
        scripts[_script(letter)] += count
    return scripts


def _by_words(sample: str, script: str) -> str | None:
    languages = _LANGUAGES.get(script, {})
    words = Counter((_ASCII_WORD if sample.isascii() else _WORD).findall(sample.lower()))
    count = words.total()
    if count < WORDS_MIN:
        return None
    found: Counter[str] = Counter()
    for word in words.keys() & languages.keys():
        for language in languages[word]:
            found[language] += words[word]
    (first, most), (_, second) = [*found.most_common(2), ("", 0), ("", 0)][:2]
    return first if most >= max(COMMON_MIN * count, LEAD * second) else None


@cache
def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]
