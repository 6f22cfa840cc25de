"""The set phrases of news pages in many languages: markers of teasers, pitches, buttons, credits and bylines.

Each pattern is matched against one line. They were gathered from how outlets phrase these things, not from one site.
"""

# ruff: noqa: E501 - one line of a pattern is one language or one idea

from __future__ import annotations

import re

from pipeline.reading.lines import folded, word_set


def _any(*parts: str) -> re.Pattern[str]:
    return re.compile(r"^\W*(?:" + "|".join(parts) + ")", re.IGNORECASE)


# A line that opens a list of other stories, or points to one.
RELATED = _any(
    r"related(?:\s+(?:content|articles?|stor(?:y|ies)|topics?|posts?|coverage|news|links|reading|videos?))?\s*=*\s*(?:[:|]|$)",
    r"(?:read|see|watch)\s+(?:also|more|next|now)\b(?:\s*[:|]|\s*$|\s+(?:on|about|from|here|stories|news))",
    r"(?:also|further|recommended|suggested)\s+(?:read(?:ing)?|see|on\s+\w+)\s*(?:[:|]|$)|(?:read|watch|see|listen)\s*:",
    r"more\s+(?:on\s+this|like\s+this|stories|top\s+stories|from\s+\w+|news|coverage|in\s+\w+)\b.{0,40}$",
    r"(?:most|top|popular)\s+(?:read|popular|viewed|shared|stories|posts)\b.{0,20}$|recommended(?:\s+for\s+you)?\s*[:|]?$",
    r"trending(?:\s+now)?\s*[:|]?$|editor.?s.?\s+(?:picks?|choice)\b.{0,20}$|don.t\s+miss\s*(?:[:|]|$)",
    r"you\s+(?:may|might)\s+(?:also\s+)?(?:like|enjoy|be\s+interested)\b|what\s+to\s+read\s+next|up\s+next\s*[:|]?$",
    r"lesen\s+sie\s+(?:auch|mehr|dazu|hier|weiter)|mehr\s+zum\s+thema|mehr\s+(?:dazu|lesen|nachrichten|aktuelle)\b",
    r"zu[mr]\s+(?:artikel|video|podcast|bildergalerie|interview)\s*:|auch\s+interessant|das\s+könnte\s+(?:sie|dich|ihnen)|(?:zum|weitere[srn]?)\s+(?:thema|artikel|nachrichten)\b.{0,20}$",
    r"(?:meistgelesen|empfehlungen|weiterlesen|weiterführende\s+links)\b.{0,20}$|(?:passend|siehe)\s+(?:dazu|auch)\s*[:|]",
    r"lire\s+aussi|à\s+lire\s+(?:aussi|également)?|lire\s+(?:la\s+suite|plus|également)|voir\s+aussi|à\s+voir\s+aussi",
    r"sur\s+le\s+même\s+(?:sujet|thème)|(?:articles?|sujets?)\s+(?:liés|similaires)|nos\s+(?:derniers|autres)\s+articles",
    r"(?:leer?|lea)\s+(?:también|más)\b|te\s+puede\s+interesar|también\s+te\s+puede|más\s+(?:información|noticias)\s*(?:[:|]|$|sobre)",
    r"(?:noticias?|notas?|contenidos?)\s+relacionad\w+|(?:ver|mira)\s+también\b",
    r"leggi\s+(?:anche|tutto)|(?:per\s+)?approfondi(?:re|sci)\s*(?:[:|]|$)|potrebbe\s+interessarti|articoli\s+correlati",
    r"(?:leia|lê|ler|veja|saiba|confira)\s+(?:também|mais)\b|(?:notícias|matérias)\s+relacionadas",
    r"lees\s+(?:ook|meer|verder)\b|meer\s+over\s+dit|(?:læs|les|läs)\s+(?:også|mere|mer|också|även|videre)\b",
    r"lue\s+(?:myös|lisää)|katso\s+myös|(?:czytaj|zobacz|przeczytaj)\s+(?:także|też|również|więcej)|polecamy\b.{0,20}$",
    r"(?:powiązane|podobne)\s+(?:artykuły|tematy)|(?:čtěte|přečtěte|čítajte)\s+(?:také|také|si|tiež)|související\b.{0,20}$",
    r"(?:citește|vezi|citiţi)\s+și|olvas(?:d|sa)\s+(?:el|még)|kapcsolódó\b.{0,20}$|(?:ilgili|benzer)\s+haber",
    r"чита[йюе]те?\s+(?:також|также|ще|еще|ещё|и|по\s+теме)|дивіться\s+також|смотрите\s+также|по\s+теме\s*[:|]?$",
    r"(?:материалы\s+по\s+теме|матеріали\s+по\s+темі|пов.язані\s+новини|похожие\s+новости)|διαβάστε\s+(?:επίσης|ακόμη|ακόμα)",
    r"اقرأ\s+(?:أيضا|أيضًا|المزيد)|קראו?\s+(?:עוד|גם)|関連記事|あわせて読みたい|相关(?:阅读|新闻|链接)|延伸閱讀|관련\s*기사",
    r"baca\s+juga|lihat\s+juga|xem\s+thêm|अ?यह\s+भी\s+पढ़ें|이\s+기사도",
)

# Appeals to subscribe, follow, share, comment, donate or install something; player and advert labels.
FURNITURE = _any(
    r"(?:sign|subscribe)\s+(?:up\s+)?(?:for|to|now|here|today)\b.{0,160}$|subscribe\b.{0,60}$|(?:our|free|daily|the)\s+newsletters?\b.{0,60}$",
    r"[^“”\"]{0,120}\b(?:in|into|to)\s+your\s+(?:e-?mail\s+)?inbox\b[^“”\"]{0,60}$|[^„“\"]{0,120}\bin\s+(?:ihr|dein)(?:em?)?\s+(?:e-?mail-?)?postfach\b[^„“\"]{0,60}$",
    r"newsletters?\s*[:|]?$|get\s+(?:the\s+latest|our|more)\b.{0,80}(?:inbox|newsletters?|app|email|alerts?|updates|news)\b",
    r"follow\s+(?:us|our|him|her|them|me|@?\w+(?:\s\w+)?\s+on)\b|join\s+(?:us|our|the\s+conversation)\b|find\s+us\s+on\b",
    r"(?:report|send)\s+(?:an?\s+)?(?:error|mistake|typo|correction)s?\b.{0,30}$|send\s+(?:this\s+)?to\s+a\s+friend\b.{0,20}$|fehler\s+melden\b.{0,20}$",
    r"signaler\s+une\s+erreur\b.{0,30}$|reportar\s+(?:un\s+)?error\b.{0,20}$|segnala\s+un\s+errore\b.{0,20}$|zgłoś\s+błąd\b.{0,20}$|сообщить\s+об\s+ошибке\b.{0,20}$|повідомити\s+про\s+помилку\b.{0,20}$",
    r"download\s+(?:our|the)\s+(?:free\s+)?(?:\w+\s+)?app\b|click\s+(?:here|on)\b.{0,80}$|continue\s+reading\b|read\s+the\s+full\b",
    r"advertisements?\s*$|sponsored(?:\s+content)?\s*$|(?:article|story|content)\s+continues\b|scroll\s+(?:down\s+)?to\s+continue",
    r"share(?:\s+(?:this|the|full|on|via|article|story|link|save))*\s*[:|]?$|share\s+(?:this|on|via)\b.{0,40}$|copy\s+link\s*$",
    r"(?:\d+\s+)?comments?\s*(?:\(\d+\))?$|(?:view|show|leave|post|add)\s+(?:a\s+|all\s+)?comments?\b.{0,20}$|tags?\s*:|topics?\s*:|filed\s+under\b",
    r"(?:please\s+)?(?:support|donate)\b(?:\s+(?:our|us|independent|to)\b.{0,80})?$|(?:print|e-?mail|save|send)(?:\s+(?:this|article|story|page|to\s+a\s+friend))*\s*$|print(?:er)?[\s-]friendly\b.{0,60}$",
    r"listen\s+to\s+(?:this|the)\s+(?:article|story|full)|(?:play|watch|listen)(?:\s+(?:video|now|audio))?\s*$|\d+\s*min(?:ute)?s?\s+read\s*$|reading\s+time\b.{0,20}$",
    r"this\s+(?:video|content|feature)\s+(?:can\s*not|is\s+not|requires|could)\b|(?:enable|accept)\s+(?:javascript|cookies)\b|skip\s+(?:to|advert|past)\b.{0,40}$|loading\s*\.*$|back\s+to\s+top\s*$",
    r"(?:got|have)\s+(?:a\s+)?(?:news\s+)?(?:tip|story)s?\b.{0,20}\?|(?:do\s+you\s+)?(?:know\s+more|have\s+a\s+question)\b.{0,80}\?$|what\s+do\s+you\s+think\?.{0,60}$",
    r"(?:sign|log)\s+in\b.{0,40}$|already\s+(?:a\s+)?(?:subscribe|member|registered)\w*\b|create\s+(?:an?\s+)?(?:free\s+)?account\b",
    r"copyright\b.{0,120}$|©\s*(?:copyright\s*)?\d{4}\b.{0,120}$|all\s+rights\s+reserved\b|terms\s+(?:of|and)\s+(?:use|service|conditions)\b.{0,20}$",
    r"anzeige\s*$|werbung\s*$|jetzt\s+(?:abonnieren|anmelden|teilen|lesen|testen)|abonnieren\s+sie\b|(?:artikel|beitrag)\s+(?:teilen|anhören|drucken|merken)|teilen\s*$|zum\s+newsletter|kommentare?\s*$",
    r"(?:externer\s+inhalt|empfohlener\s+(?:redaktioneller|externer)\s+inhalt|an\s+dieser\s+stelle\s+(?:finden|befindet))|newsletter\s+abonnieren",
    r"abonnez[\s-]|inscrivez[\s-]|recevez\b.{0,90}\b(?:lettres?|newsletters?|alertes?|e-?mails?|bo[iî]te)\b|je\s+m.(?:inscris|abonne)\b|s.abonner\b|partage[rz]\b.{0,40}$|publicité\s*$|la\s+suite\s+après\s+cette\s+publicité|découvrez\s+(?:aussi|notre|nos)\b|suivez[\s-]nous|écouter\s+(?:l.article|cet)",
    r"suscr[ií]b|compart(?:ir|e)\b.{0,30}$|publicidad\s*$|síguenos\b|únete\s+a\b|regístrate\b|escucha(?:r)?\s+(?:la\s+noticia|este)|comentarios?\s*$",
    r"condividi\b.{0,30}$|iscriviti\b|pubblicità\s*$|seguici\b|riproduzione\s+riservata|©\s*riproduzione",
    r"compartilh\w+\b.{0,30}$|inscreva|assine\b|siga\s+(?:o|a|nos)|receba\s+(?:as|no|o)\b|publicidade\s*$|continua\s+(?:após|depois)",
    r"annons\s*$|annonse\s*$|reklame?\s*$|reklama\s*$|mainos\s*$|advertentie\s*$|deel\s+(?:dit|artikel|op)\b|meld\s+je\s+aan|abonneer\b|schrijf\s+je\s+in",
    r"udostępnij\b.{0,20}$|zapisz\s+się\b|obserwuj\s+nas|dołącz\s+do|dalszy\s+ciąg\s+(?:materiału|artykułu)|sdílet\b.{0,20}$",
    r"підпи(?:шіться|сатися|суйтесь)|подпи(?:шитесь|саться|сывайтесь)|поделиться\b.{0,20}$|поширити\b.{0,20}$|реклама\s*$|дзен\s*$|следите\s+за\s+(?:новостями|нами)",
    r"広告\s*$|シェア(?:する)?\s*$|分享到?\s*$|공유\s*$|구독\b|شارك\b.{0,20}$|إعلان\s*$",
)

# Notices longer than a button: consent to embedded content, old browsers, members' functions, rules of comments.
SITE_NOTICE = _any(
    r"an\s+dieser\s+stelle\s+(?:finden|befindet|wird)\b.{0,120}\binhalt|ich\s+bin\s+damit\s+einverstanden,?\s+dass\s+mir\b",
    r"thank\s+you\s+for\s+visiting\b|you\s+are\s+using\s+(?:a|an)\s+(?:outdated\s+|old\s+)?browser|(?:please\s+)?(?:update|upgrade)\s+your\s+browser",
    r"if\s+you\s+(?:enjoyed|liked)\s+this\s+(?:article|story|post)\b|enjoying\s+(?:our|this)\b.{0,40}\?$|start\s+your\s+day\s+with\b.{0,200}\b(?:newsletter|sign|subscri)",
    r"(?:reach|contact)\s+the\s+reporters?\s+(?:on|at|via)\b|follow\s+along\s+with\b.{0,40}\bupdates\b|more\s+[\w .]{2,30}:\s+https?://",
    r"(?:atenção|attention|achtung|note)\s*:\s*(?:comentários|comments|kommentare|les\s+commentaires)\b|(?:os\s+)?comentários\s+(?:são|não)\b",
    r"(?:ce|cet)\s+contenu\s+(?:n.est\s+pas|est\s+bloqué)|pour\s+(?:voir|afficher)\s+ce\s+contenu|este\s+contenido\s+(?:no|requiere)",
    r".{0,60}(?:ご利用には会員登録|有料記事読み放題|会員登録が必要)|.{2,20}を?フォローする$|おすすめ(?:情報|記事)?$",
)

AGENCIES = (
    r"(?:agence\s+france[\s-]presse|associated\s+press|getty(?:\s+images)?(?:\s+(?:europe|north\s+america|asiapac))?|reuters|shutterstock|"
    r"istock(?:photo)?|alamy|afp|ap|epa(?:-efe)?|efe|dpa|ansa|keystone|imago(?:\s+images)?|picture[\s-]alliance|apa|anp|belga|ntb|tt|ritzau|"
    r"lehtikuva|pap|ctk|čtk|mti|tass|тасс|риа(?:\s+новости)?|ukrinform|укрінформ|unian|уніан|xinhua|kyodo|jiji|yonhap|zuma(?:\s+press)?|"
    r"usa\s+today|bloomberg|anadolu|pa(?:\s+(?:wire|media|images))?|sipa|hans\s+lucas|europa\s+press|lusa|east\s+news|unsplash|pixabay|pexels|handout)"
)
# How a credit line begins, or how it ends.
CREDIT_HEAD = _any(
    r"(?:ap|afp|epa|reuters|pa|xinhua)\s+(?:photo|image)s?\s*[:/|]|©|\(c\)\s|photo(?:graph(?:er|y)?)?s?(?:\s+(?:by|credits?|courtesy|from))?\s*[:/|]|photo\s+(?-i:[A-ZÀ-Þ][\w.'’-]+(?:\s+(?:[a-z]{1,3}\s+)?[A-ZÀ-Þ][\w.'’-]+){1,3})$|photo(?:graph)?s?\s+(?:by|credit|courtesy)\b",
    r"(?:images?|pictures?|photos?|illustration|video|map|graphic)\s*(?:source|credit)s?\b|images?\s*:|(?:image|picture|illustration)\s+(?:by|courtesy)\b|credits?\s*[:/]|pictures?\s*:|courtesy\s+(?:of|photo)\b",
    r"(?:symbol|archiv)?(?:foto|bild|grafik|illustration)(?:s|graf|graaf|credits?|quelle|rechte|nachweis|er)?\s*[:©]|bild\s*/|quelle\s*:",
    r"crédits?(?:\s+photo)?\s*[:/]?|(?:fotograf[ií]a|fotos?|imagen|imágenes|fuente)\s*:|foto\s+(?:di|de|van|av|by|af)\b|immagine\s*:|créditos?\b",
    r"zdj(?:ęcie)?\.|źródło(?:\s+zdjęcia)?\s*:|fot\.|autor\s+(?:zdjęcia|fotografie)|zdroj\s*:|kuva\s*:|fotó\s*:|foto\s*$|фото\s*[:/]|фото\s+(?:с\s+сайта|з\s+сайту|ілюстративне)|источник\s+(?:фото|изображения)|джерело\s+фото|фотография\s*:",
    r"צילום\s*:|写真\s*[:：=＝]|사진\s*[=:]|图片?(?:来源)?\s*[:：]|تصوير\s*:",
    AGENCIES + r"(?:\s*[/|,;–-]\s*[\w .'’-]{2,40})*\W*$",
)
CREDIT_TAIL = re.compile(
    r"(?:\bnuotr\.?\W*$)|(?:[/|©(]\s*"
    + AGENCIES
    + r"\s*\)?\W*$)|getty\s+images\W*$|(?:AFP|REUTERS|AP|EPA)\s+(?:photo|images)\W*$|(?:via|by|for)\s+"
    r"(?:AP|REUTERS|AFP|EPA|Getty\s+Images)\W*$",
    re.IGNORECASE,
)
# Where a credit begins that is glued to the end of a caption.
CREDIT_INSIDE = re.compile(
    r"(?<=[\s.!?\"”»)])(?=(?:©|\(c\)\s|\(?(?:photo|image|picture|foto|bild|credit|crédit|fot\.|zdj\.|фото|quelle|fotograf)s?"
    r"(?:\s+(?:source|credit|by|courtesy|quelle))?s?\s*[:/©]|\(?images?\s+source\b|\(?(?:photo|image|picture)\s+(?:by|credit|courtesy)\b"
    r"|\(?credits?\s*:|[\[(]?\s*[\w .'’-]{2,40}/\s*" + AGENCIES + r"\W*$))",
    re.IGNORECASE,
)

# The same, run into the caption's last word because the page parts them by style only ("A ship waitsPhoto: Ada Obi").
CREDIT_RUN_IN = re.compile(
    r"(?<=[a-zß-öø-žа-яіїєґ.])(?=(?:Photos?|Fotos?|Images?|Pictures?|Bild|Credits?|Crédits?|Fot|Zdj|Фото|Quelle|Fotograf)"
    r"(?:\s+(?:source|credit|by))?\s*[:/.©])"
)

# Words that may stand before or after the names in a byline.
BYLINE_HEAD = re.compile(
    r"^\W*(?:(?:written|reported|analysis|opinion|review|story|text|words|report|posted|published|edited|interview)\s+)?"
    r"(?:by|von|par|por|di|da|de|door|av|af|przez|text|texte|texto|testo|autor(?:in|en|ka|zy|es|a)?|auteurs?|autore|author|authors|writer|"
    r"автор|автори|авторы|kirjoittaja|skrevet\s+av|szerző|yazar|תאריך|مؤلف|کاتب|bron|source)\b\s*[:.]?\s*(?=\S)",
    re.IGNORECASE,
)
BYLINE_ROLE = word_set(
    "by von par por di and und et y e i og och en with the of for at in correspondent reporter editor "
    "journalist staff writer contributor columnist reuters afp ap news politics political senior chief bureau "
    "special foreign diplomatic defence defense redaktion redakteur redakteurin korrespondent korrespondentin "
    "journaliste correspondant rédaction redacción redactor periodista corresponsal redazione giornalista "
    "redactie verslaggever redakcja dziennikarz dziennikarka redaktor author autor autorin автор корреспондент "
    "журналист редактор журналістка кореспондент aus from mit avec digital online video producer host producer "
    "national world security analyst agency agencies desk team"
)

# A line that says outright whose name follows.
BYLINE_LABEL = re.compile(
    r"^(?:authors?|autor(?:in)?(?:/autor(?:in)?)?|autores|auteurs?|autore|автор)\s*:?\s+(?-i:[A-ZÀ-ÞА-ЯІЇЄҐ])",
    re.IGNORECASE,
)
# The keyword by which an agency files a story, with its update mark: "GRAIN-STRAIT/TALKS (UPDATE 1)".
SLUG = re.compile(r"^(?=[^/-]*[/-])[A-ZÀ-Þ0-9][A-ZÀ-Þ0-9/&.'’-]{3,60}(?:\s*\([A-ZÀ-Þ0-9 .,:/-]{1,30}\))?$")

# How a paywall speaks to the reader.
PAYWALL = re.compile(
    r"subscribe (?:to|now|for)|subscribers? only|for subscribers|to (?:continue|keep) reading|already a subscriber|exclusive to subscribers|"
    r"weiterlesen mit|jetzt (?:testen|abonnieren|weiterlesen)|nur für abonnenten|réservé aux abonnés|abonnez-vous|il vous reste|"
    r"suscríbete|solo para suscriptores|contenuto riservato|abbonati|assinantes|tylko dla subskrybentów|tekst dostępny|abonnees|prenumerant|"
    r"abonnement|только для подписчиков|передплатник",
    re.IGNORECASE,
)

# Notes after a story: on its making, its sources, its first publication.
NOTE = _any(
    r"(?:redaktion|übersetzung|übersetzt|faktencheck|sendung|dieses\s+thema\s+im\s+programm|quellen?|mitarbeit|recherche|autor(?:in)?)\s*:",
    r"mit\s+(?:agenturmaterial|material|informationen)\b|dieser\s+(?:artikel|text|beitrag)\s+(?:ist|erschien|wurde|stammt)\b|(?:fehler|hinweis)\s+gefunden",
    r"ihre\s+meinung\s+ist\s+uns|hat\s+ihnen\s+dieser\s+artikel|haben\s+sie\s+(?:hinweise|fragen|anregungen|einen\s+fehler)",
    r"(?:with\s+)?(?:additional\s+)?(?:reporting|reports|files|material|inputs?)\s+(?:by|from)\b|edited\s+by\b|(?:this|the)\s+(?:article|story|piece|report)\s+(?:was|has\s+been|is)\s+"
    r"(?:first\s+|originally\s+|also\s+|re)?(?:published|produced|updated|corrected|translated|amended)|(?:first|originally)\s+published\b",
    r"this\s+is\s+a\s+(?:breaking|developing)\b|(?:this|the)\s+(?:views|opinions)\s+expressed|do\s+you\s+have\s+a\s+story|contact\s+(?:us|the\s+(?:author|reporter))\b|"
    r"[\w .’'-]{2,60}\s(?:contributed\s+(?:to\s+this|reporting)|reported\s+from)\b",
    r"avec\s+(?:afp|reuters|agences)\b|(?:cet|l.)\s?article\s+(?:a\s+été|est)\b|traduit\s+(?:de|par)\b|con\s+información\s+de\b|traducción\b|este\s+(?:artículo|contenido)\s+(?:fue|ha\s+sido)\b",
    r"redakcja\s*:|źródło\s*:|źródła\s*:|источник\s*:|джерело\s*:|переклад\s*:|перевод\s*:|zdroj\s*:|kaynak\s*:|fonte\s*:|bron\s*:|källa\s*:|kilde\s*:",
)
# A line that speaks of the outlet's own offers, wherever in the line it does.
_OUTLET_PITCH = re.compile(
    r"\bnewsletters?\b|\bsubscribe\s+(?:to|now|today|here|for)\b|\bsign(?:ing)?\s+up\s+(?:to|for)\b|\bfollow\s+(?:him|her|them|us|\w+(?:\s\w+)?)\s+on\b|\bsupport\s+(?:our|independent)\s+journalism\b|"
    r"\ba\s+month\.\s+invest\b|\bliveblog\b.{0,4}$|\bspenden?\b.{0,40}\bunterstützen\b|\bunterstützen\b.{0,60}\b(?:spende|mitglied)|\babonnieren\b|\babo\b|\bnous\s+soutenir\b|"
    r"\bsuscr[ií]b\w+|\biscriviti\b|有料会員|無料登録|\bпідтримай\w*|\bподдержи\w*|\bпідпи[шс]\w+|\bподпи[шс]\w+",
    re.IGNORECASE,
)
# Parts of words, one of which is in every line that the expression means.
_PITCHED = (
    "newsletter", "subscribe", "sign", "follow", "journalism", "invest", "liveblog", "spende", "unterstützen", "abonnieren", "soutenir", "suscr", "iscriviti",
    "有料会員", "無料登録", "підтримай", "поддержи", "підпи", "подпи",
)  # fmt: skip
_ABO = re.compile(r"\babo\b")


def is_outlet_pitch(text: str) -> bool:
    """Whether the line speaks of the outlet's own offers, wherever in it."""
    plain = folded(text)
    is_likely = any(part in plain for part in _PITCHED) or _ABO.search(plain) is not None
    return is_likely and _OUTLET_PITCH.search(text) is not None
