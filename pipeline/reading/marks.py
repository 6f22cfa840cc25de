"""What the class, id and tag of an element say about the box it is, in the words of page builders of any site."""

from __future__ import annotations

import re
from functools import lru_cache
from operator import add

# Mark -> words in class or id. Hyphens, underscores and camel humps part words; "x*" stands for any ending.
# The words are those of common page builders in English, German, French, Spanish, Italian, Polish and Dutch.
_WORDS: dict[str, str] = {
    "caption": "caption* figcaption imagecaption legende legend bildunterschrift bildtext didascalia podpis "
    "onderschrift legenda piefoto cutline",
    "credit": "credit credits copyright copyrights photographer bildquelle bildnachweis attribution fotocredit credito "
    "imagecredit imagesource photocredit rights",
    "byline": "byline bylines author authors autor autoren autore auteur auteurs autores writer writers journalist "
    "contributor contributors autorzy redactor",
    "date": "date dateline datetime timestamp pubdate published publishdate datum fecha dates publication postdate "
    "articledate",
    "related": "related relatedarticles relatedcontent recommend* readmore alsoread seealso similar trending mostread "
    "popular recirc* recirculation outbrain taboola teaser teasers teaserlist morestories morenews readalso "
    "onward linkbox linklist weiterlesen",
    "newsletter": "newsletter newsletters subscribe subscription signup piano regwall donate donation donations optin "
    "followus abo abonnement membership",
    "share": "share sharing shares social socials sharebar sharetools toolbar print whatsapp",
    "tags": "tags taglist topics keywords breadcrumb breadcrumbs labels",
    "comments": "comment comments disqus kommentare commentaires",
    "advert": "ad ads advert advertisement advertising adslot sponsor sponsored banner promo promobox promotion "
    "affiliate anzeige werbung reklama publicite",
    "bio": "bio authorbio authorbox aboutauthor biography authorinfo authorcard",
    "player": "player audioplayer videoplayer jwplayer transcript",
    "standfirst": "standfirst dek lede lead leadtext intro introduction summary subtitle subheadline subheading "
    "subhead deck chapo chapeau teasertext vorspann sapo bajada entradilla sommario occhiello abstract strapline "
    "kicker-text ingress sottotitolo perex bajante description excerpt subtitulo subtitel",
    "kicker": "kicker eyebrow overline rubrik rubric category section topline dachzeile volanta antetitulo surtitre "
    "categories rubrique catlinks badge",
    "notice": "disclaimer cookie cookies consent gdpr skip modal popup overlay lightbox",
    "paywall": "paywall paywalled paygate premiumwall subscriberonly subscribersonly membersonly",
    "embed": "twitter tweet instagram tiktok embed embedded opinary datawrapper",
    "pullquote": "pullquote blockquotehighlight zitatbox",
    "infobox": "infobox factbox faktbox faktabox infokasten sidebar sidebox",
}  # fmt: skip
_PART = re.compile(r"[A-Z]+[a-z0-9]*|[a-z0-9]+")
_TAG_MARKS = {
    "figcaption": "caption", "time": "date", "nav": "nav", "footer": "footer", "aside": "aside", "form": "form",
    "figure": "figure", "picture": "figure", "address": "byline", "dialog": "notice",
}  # fmt: skip
_ROLE_MARKS = {"navigation": "nav", "contentinfo": "footer", "complementary": "aside", "dialog": "notice"}
_PLAIN = {word: mark for mark, words in _WORDS.items() for word in words.split() if not word.endswith("*")}
_PLAIN_WORDS = frozenset(_PLAIN)
_PREFIX = tuple((word[:-1], mark) for mark, words in _WORDS.items() for word in words.split() if word.endswith("*"))
_ANY_PREFIX = re.compile("|".join(prefix for prefix, _ in _PREFIX))
NONE: frozenset[str] = frozenset()


def marks_of(tag: str, names: str, role: str) -> frozenset[str]:
    """The marks of an element with this tag, these class and id names, and this ARIA role."""
    found = {_TAG_MARKS.get(tag, ""), _ROLE_MARKS.get(role, "")}
    for name in names.split():
        found |= _marks_in(name)
    found.discard("")
    return frozenset(found) if found else NONE


@lru_cache(maxsize=32768)
def _marks_in(name: str) -> frozenset[str]:
    """The marks that the words of one class or id name."""
    parts = _parts(name)[:12]
    # "read-more" is told by its pair, "readmore" by itself.
    found = {*parts, *map(add, parts, parts[1:])}
    plain = found & _PLAIN_WORDS
    marks = {_PLAIN[word] for word in plain}
    if _ANY_PREFIX.search("".join(parts)):
        rest = found - plain
        marks |= {mark for prefix, mark in _PREFIX if any(word.startswith(prefix) for word in rest)}
    return frozenset(marks) if marks else NONE


def _parts(name: str) -> list[str]:
    bare = name.replace("-", " ").replace("_", " ")
    if bare.isascii() and bare.islower() and bare.replace(" ", "").isalnum():  # nearly every name
        return bare.split()
    return [part.lower() for part in _PART.findall(name)]
