// Every word of the chat: a row for each text, a column for each language. To translate, add a language to LANGUAGES
// and its column to each row. {name} is filled in; where a number decides the form, the column has one text for each
// form that the language knows (https://www.unicode.org/cldr/charts/latest/supplemental/language_plural_rules.html).
"use strict";

export const LANGUAGES = { en: "ltr", de: "ltr", fr: "ltr", ar: "rtl" };

// prettier-ignore
export const TEXTS = {
  // The frame
  title: { en: "Webchat", de: "Webchat", fr: "Webchat", ar: "الدردشة" },
  you: { en: "You", de: "Sie", fr: "Vous", ar: "أنت" },
  bot: { en: "Bot", de: "Bot", fr: "Bot", ar: "الروبوت" },
  says: { en: "{author}:", de: "{author}:", fr: "{author} :", ar: "{author}:" },
  alerts: { en: "Alerts", de: "Hinweiston", fr: "Alertes", ar: "التنبيهات" },
  newConversation: { en: "New conversation", de: "Neue Unterhaltung", fr: "Nouvelle conversation", ar: "محادثة جديدة" },
  reconnect: { en: "Reconnect", de: "Neu verbinden", fr: "Se reconnecter", ar: "إعادة الاتصال" },
  conversation: { en: "Conversation", de: "Unterhaltung", fr: "Conversation", ar: "المحادثة" },
  typing: { en: "{author} is typing…", de: "{author} schreibt …", fr: "{author} écrit…", ar: "{author} يكتب الآن…" },
  closed: { en: "Choose one of the answers above.", de: "Wählen Sie eine der Antworten oben.", fr: "Choisissez l’une des réponses ci-dessus.", ar: "اختر إحدى الإجابات أعلاه." },
  message: { en: "Message", de: "Nachricht", fr: "Message", ar: "الرسالة" },
  placeholder: { en: "Write a message", de: "Nachricht schreiben", fr: "Écrivez un message", ar: "اكتب رسالة" },
  send: { en: "Send", de: "Senden", fr: "Envoyer", ar: "إرسال" },
  close: { en: "Close", de: "Schließen", fr: "Fermer", ar: "إغلاق" },
  picture: { en: "Picture", de: "Bild", fr: "Image", ar: "صورة" },
  showChat: { en: "Show chat", de: "Chat zeigen", fr: "Afficher le chat", ar: "عرض الدردشة" },
  showChatNew: {
    en: "Show chat ({count} new)",
    de: "Chat zeigen ({count} neu)",
    fr: { one: "Afficher le chat ({count} nouveau)", other: "Afficher le chat ({count} nouveaux)" },
    ar: "عرض الدردشة ({count} جديد)",
  },
  newMessages: {
    en: { one: "{count} new message", other: "{count} new messages" },
    de: { one: "{count} neue Nachricht", other: "{count} neue Nachrichten" },
    fr: { one: "{count} nouveau message", other: "{count} nouveaux messages" },
    ar: {
      zero: "لا رسائل جديدة", one: "رسالة جديدة واحدة", two: "رسالتان جديدتان",
      few: "{count} رسائل جديدة", many: "{count} رسالة جديدة", other: "{count} رسالة جديدة",
    },
  },
  hidden: { en: "The bot has hidden the chat.", de: "Der Bot hat den Chat ausgeblendet.", fr: "Le bot a masqué le chat.", ar: "أخفى الروبوت الدردشة." },
  shown: { en: "The chat is shown.", de: "Der Chat ist wieder da.", fr: "Le chat est affiché.", ar: "الدردشة معروضة." },

  // How far a message of one's own has come
  waiting: { en: "Waiting", de: "Wartet", fr: "En attente", ar: "في الانتظار" },
  sending: { en: "Sending…", de: "Wird gesendet …", fr: "Envoi…", ar: "جارٍ الإرسال…" },
  sent: { en: "Sent", de: "Gesendet", fr: "Envoyé", ar: "أُرسلت" },
  unanswered: { en: "Sent, but the bot failed to answer.", de: "Gesendet, aber der Bot konnte nicht antworten.", fr: "Envoyé, mais le bot n’a pas pu répondre.", ar: "أُرسلت، لكن الروبوت لم يتمكن من الرد." },
  failed: { en: "Not sent. {reason}", de: "Nicht gesendet. {reason}", fr: "Non envoyé. {reason}", ar: "لم تُرسل. {reason}" },
  retry: { en: "Try again", de: "Erneut versuchen", fr: "Réessayer", ar: "إعادة المحاولة" },

  // The connection
  connecting: { en: "Connecting", de: "Verbinde", fr: "Connexion", ar: "جارٍ الاتصال" },
  connected: { en: "Connected", de: "Verbunden", fr: "Connecté", ar: "متصل" },
  reconnecting: { en: "Reconnecting", de: "Verbinde neu", fr: "Reconnexion", ar: "جارٍ إعادة الاتصال" },
  offline: { en: "Offline", de: "Offline", fr: "Hors ligne", ar: "غير متصل" },
  writeAlready: { en: "You can write already.", de: "Sie können schon schreiben.", fr: "Vous pouvez déjà écrire.", ar: "يمكنك الكتابة الآن." },
  keptAndSent: { en: "{reason} What you write is kept and sent later.", de: "{reason} Was Sie schreiben, wird aufgehoben und später gesendet.", fr: "{reason} Ce que vous écrivez est conservé et envoyé plus tard.", ar: "{reason} ما تكتبه يُحفظ ويُرسل لاحقًا." },
  kept: { en: "{reason} What you write is kept.", de: "{reason} Was Sie schreiben, wird aufgehoben.", fr: "{reason} Ce que vous écrivez est conservé.", ar: "{reason} ما تكتبه يُحفظ." },
  notLoaded: { en: "The chat could not be loaded. Reload the page to try again.", de: "Der Chat konnte nicht geladen werden. Laden Sie die Seite neu.", fr: "Le chat n’a pas pu être chargé. Rechargez la page pour réessayer.", ar: "تعذّر تحميل الدردشة. أعد تحميل الصفحة للمحاولة مرة أخرى." },

  // What went wrong
  sessionExpired: { en: "The server does not know you any more. Press New conversation to go on.", de: "Der Server kennt Sie nicht mehr. Mit „Neue Unterhaltung“ geht es weiter.", fr: "Le serveur ne vous connaît plus. Appuyez sur « Nouvelle conversation » pour continuer.", ar: "لم يعد الخادم يعرفك. اضغط «محادثة جديدة» للمتابعة." },
  conversationGone: { en: "This conversation does not exist any more. Press New conversation to go on.", de: "Diese Unterhaltung gibt es nicht mehr. Mit „Neue Unterhaltung“ geht es weiter.", fr: "Cette conversation n’existe plus. Appuyez sur « Nouvelle conversation » pour continuer.", ar: "لم تعد هذه المحادثة موجودة. اضغط «محادثة جديدة» للمتابعة." },
  uncertain: { en: "It may have arrived all the same.", de: "Vielleicht ist sie trotzdem angekommen.", fr: "Il est peut-être arrivé quand même.", ar: "ربما وصلت رغم ذلك." },
  timeout: { en: "The server did not answer in time.", de: "Der Server hat nicht rechtzeitig geantwortet.", fr: "Le serveur n’a pas répondu à temps.", ar: "لم يرد الخادم في الوقت المناسب." },
  unreachable: { en: "The server cannot be reached.", de: "Der Server ist nicht erreichbar.", fr: "Le serveur est injoignable.", ar: "لا يمكن الوصول إلى الخادم." },
  lost: { en: "The connection to the server was lost.", de: "Die Verbindung zum Server ist verloren gegangen.", fr: "La connexion au serveur a été perdue.", ar: "انقطع الاتصال بالخادم." },
  senseless: { en: "The server failed, or its answer made no sense.", de: "Der Server hat versagt, oder seine Antwort ergab keinen Sinn.", fr: "Le serveur a échoué, ou sa réponse n’avait pas de sens.", ar: "أخفق الخادم أو كان رده غير مفهوم." },
  answered: { en: "The server answered: {answer}", de: "Der Server antwortete: {answer}", fr: "Le serveur a répondu : {answer}", ar: "رد الخادم: {answer}" },
  newSession: { en: "The server does not know your earlier session any more. This is a new one.", de: "Der Server kennt Ihre frühere Sitzung nicht mehr. Dies ist eine neue.", fr: "Le serveur ne connaît plus votre session précédente. En voici une nouvelle.", ar: "لم يعد الخادم يعرف جلستك السابقة. هذه جلسة جديدة." },
  newInstead: { en: "Your earlier conversation does not exist any more. This is a new one.", de: "Ihre frühere Unterhaltung gibt es nicht mehr. Dies ist eine neue.", fr: "Votre conversation précédente n’existe plus. En voici une nouvelle.", ar: "لم تعد محادثتك السابقة موجودة. هذه محادثة جديدة." },
  noConversation: { en: "There is no new conversation. {reason}", de: "Es gibt keine neue Unterhaltung. {reason}", fr: "Il n’y a pas de nouvelle conversation. {reason}", ar: "لا توجد محادثة جديدة. {reason}" },
  notAllowed: { en: "This page may not talk to that server. Its own has to allow it, by --allow-api.", de: "Diese Seite darf mit jenem Server nicht sprechen. Ihr eigener muss es erlauben, mit --allow-api.", fr: "Cette page ne peut pas parler à ce serveur. Le sien doit l’autoriser, par --allow-api.", ar: "لا يُسمح لهذه الصفحة بالتواصل مع ذلك الخادم. على خادمها أن يسمح بذلك عبر ‎--allow-api." },
  noEarlier: { en: "Earlier messages are not shown. {reason}", de: "Frühere Nachrichten werden nicht gezeigt. {reason}", fr: "Les messages précédents ne sont pas affichés. {reason}", ar: "لا تُعرض الرسائل السابقة. {reason}" },
  event: { en: "The bot has sent an event:", de: "Der Bot hat ein Ereignis gesendet:", fr: "Le bot a envoyé un événement :", ar: "أرسل الروبوت حدثًا:" },

  // What a message shows
  more: { en: "There is more, which is not shown.", de: "Es gibt mehr, was nicht gezeigt wird.", fr: "Il y en a davantage, qui n’est pas affiché.", ar: "يوجد المزيد مما لا يُعرض." },
  ofType: { en: "A message of the type “{type}”", de: "Eine Nachricht der Art „{type}“", fr: "Un message du type « {type} »", ar: "رسالة من النوع «{type}»" },
  ofNoType: { en: "A message of no known type", de: "Eine Nachricht unbekannter Art", fr: "Un message d’un type inconnu", ar: "رسالة من نوع غير معروف" },
  ofOwnKind: { en: "A message of the bot's own kind", de: "Eine Nachricht eigener Art des Bots", fr: "Un message propre au bot", ar: "رسالة خاصة بالروبوت" },
  value: { en: "value", de: "Wert", fr: "valeur", ar: "القيمة" },
  pictureNamed: { en: "Picture {name}", de: "Bild {name}", fr: "Image {name}", ar: "صورة {name}" },
  pictureOfBot: { en: "Picture from the bot", de: "Bild vom Bot", fr: "Image du bot", ar: "صورة من الروبوت" },
  pictureOf: { en: "Picture of {title}", de: "Bild zu {title}", fr: "Image de {title}", ar: "صورة {title}" },
  sound: { en: "Sound", de: "Ton", fr: "Son", ar: "صوت" },
  soundNamed: { en: "Sound {name}", de: "Ton {name}", fr: "Son {name}", ar: "صوت {name}" },
  video: { en: "Video", de: "Video", fr: "Vidéo", ar: "فيديو" },
  videoNamed: { en: "Video {name}", de: "Video {name}", fr: "Vidéo {name}", ar: "فيديو {name}" },
  fileUnnamed: { en: "A file without a name", de: "Eine Datei ohne Namen", fr: "Un fichier sans nom", ar: "ملف بلا اسم" },
  cannotShowPicture: { en: "Picture that cannot be shown here", de: "Bild, das hier nicht gezeigt werden kann", fr: "Image qui ne peut pas être affichée ici", ar: "صورة لا يمكن عرضها هنا" },
  cannotShowSound: { en: "Sound that cannot be shown here", de: "Ton, der hier nicht abgespielt werden kann", fr: "Son qui ne peut pas être lu ici", ar: "صوت لا يمكن تشغيله هنا" },
  cannotShowVideo: { en: "Video that cannot be shown here", de: "Video, das hier nicht gezeigt werden kann", fr: "Vidéo qui ne peut pas être affichée ici", ar: "فيديو لا يمكن عرضه هنا" },
  map: { en: "Show on a map", de: "Auf einer Karte zeigen", fr: "Afficher sur une carte", ar: "عرض على الخريطة" },
  nothingToChoose: { en: "Nothing to choose from", de: "Nichts zur Auswahl", fr: "Rien à choisir", ar: "لا شيء للاختيار منه" },
  cards: { en: "Cards", de: "Karten", fr: "Cartes", ar: "بطاقات" },
  cardCount: {
    en: { one: "{count} card", other: "{count} cards" },
    de: { one: "{count} Karte", other: "{count} Karten" },
    fr: { one: "{count} carte", other: "{count} cartes" },
    ar: { zero: "لا بطاقات", one: "بطاقة واحدة", two: "بطاقتان", few: "{count} بطاقات", many: "{count} بطاقة", other: "{count} بطاقة" },
  },
  card: { en: "Card", de: "Karte", fr: "Carte", ar: "بطاقة" },
  previousCard: { en: "Previous card", de: "Vorige Karte", fr: "Carte précédente", ar: "البطاقة السابقة" },
  nextCard: { en: "Next card", de: "Nächste Karte", fr: "Carte suivante", ar: "البطاقة التالية" },
  answers: { en: "Answers", de: "Antworten", fr: "Réponses", ar: "الإجابات" },
  choose: { en: "Choose", de: "Wählen", fr: "Choisir", ar: "اختيار" },
  empty: { en: "An empty message", de: "Eine leere Nachricht", fr: "Un message vide", ar: "رسالة فارغة" },
  table: { en: "Table", de: "Tabelle", fr: "Tableau", ar: "جدول" },
};

// How the first of the wanted languages (BCP 47 tags, such as "de-AT") that there is says things; English where none is.
export class Language {
  constructor(wanted) {
    const codeOf = (tag) => tag.toLowerCase().split("-")[0];
    const tag = wanted.find((tag) => Object.hasOwn(LANGUAGES, codeOf(tag))) ?? "en";
    this.code = codeOf(tag);
    this.dir = LANGUAGES[this.code];
    this.#plurals = new Intl.PluralRules(this.code);
    this.#numbers = new Intl.NumberFormat(tag);
    this.#times = new Intl.DateTimeFormat(tag, { timeStyle: "short" });
    this.#dates = new Intl.DateTimeFormat(tag, { dateStyle: "full" });
  }

  #plurals;
  #numbers;
  #times;
  #dates;

  // A row of the table, filled in. `values.count` decides the form where there are several.
  say = (key, values = {}) => {
    const column = TEXTS[key][this.code];
    const text = typeof column === "string" ? column : (column[this.#plurals.select(values.count)] ?? column.other);
    return text.replace(/\{(\w+)\}/g, (_, name) => this.#shown(values[name])).trim();
  };

  // What is filled in may run in another direction than the text around it; so it is isolated
  // (https://www.w3.org/International/articles/inline-bidi-markup/).
  #shown(value) {
    if (typeof value === "number") return this.#numbers.format(value);
    return this.dir === "rtl" && value ? `\u2068${value}\u2069` : value;
  }

  // Moments are milliseconds since 1970, and shown in the reader's own time.
  time = (moment) => this.#times.format(moment);
  date = (moment) => this.#dates.format(moment);
}
