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
  conversations: { en: "Conversations", de: "Unterhaltungen", fr: "Conversations", ar: "المحادثات" },
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
  closeChat: { en: "Close chat", de: "Chat schließen", fr: "Fermer le chat", ar: "إغلاق الدردشة" },
  hidden: { en: "The bot has hidden the chat.", de: "Der Bot hat den Chat ausgeblendet.", fr: "Le bot a masqué le chat.", ar: "أخفى الروبوت الدردشة." },
  shown: { en: "The chat is shown.", de: "Der Chat ist wieder da.", fr: "Le chat est affiché.", ar: "الدردشة معروضة." },

  // How far a message of one's own has come
  waiting: { en: "Waiting", de: "Wartet", fr: "En attente", ar: "في الانتظار" },
  sending: { en: "Sending…", de: "Wird gesendet …", fr: "Envoi…", ar: "جارٍ الإرسال…" },
  sent: { en: "Sent", de: "Gesendet", fr: "Envoyé", ar: "أُرسلت" },
  unanswered: { en: "Sent, but the bot failed to answer.", de: "Gesendet, aber der Bot konnte nicht antworten.", fr: "Envoyé, mais le bot n’a pas pu répondre.", ar: "أُرسلت، لكن الروبوت لم يتمكن من الرد." },
  failed: { en: "Not sent. {reason}", de: "Nicht gesendet. {reason}", fr: "Non envoyé. {reason}", ar: "لم تُرسل. {reason}" },
  retry: { en: "Try again", de: "Erneut versuchen", fr: "Réessayer", ar: "إعادة المحاولة" },

  edited: { en: "Edited", de: "Bearbeitet", fr: "Modifié", ar: "معدّلة" },

  // Files
  attach: { en: "Attach file", de: "Datei anhängen", fr: "Joindre un fichier", ar: "إرفاق ملف" },
  picked: { en: "Files to send", de: "Dateien zum Senden", fr: "Fichiers à envoyer", ar: "ملفات للإرسال" },
  drop: { en: "Drop files here", de: "Dateien hier ablegen", fr: "Déposez les fichiers ici", ar: "أفلت الملفات هنا" },
  limit: { en: "Up to {size} each.", de: "Je bis zu {size}.", fr: "Jusqu’à {size} chacun.", ar: "حتى {size} لكل ملف." },
  limitTypes: { en: "Up to {size} each; types: {types}.", de: "Je bis zu {size}; Arten: {types}.", fr: "Jusqu’à {size} chacun ; types : {types}.", ar: "حتى {size} لكل ملف؛ الأنواع: {types}." },
  added: { en: "{name} added.", de: "{name} hinzugefügt.", fr: "{name} ajouté.", ar: "أُضيف {name}." },
  removed: { en: "{name} removed.", de: "{name} entfernt.", fr: "{name} retiré.", ar: "أُزيل {name}." },
  remove: { en: "Remove {name}", de: "{name} entfernen", fr: "Retirer {name}", ar: "إزالة {name}" },
  tooLarge: { en: "{name} is larger than {size}.", de: "{name} ist größer als {size}.", fr: "{name} dépasse {size}.", ar: "{name} أكبر من {size}." },
  wrongType: { en: "{name} is of a type that is not taken.", de: "{name} ist von einer Art, die nicht angenommen wird.", fr: "{name} est d’un type qui n’est pas accepté.", ar: "{name} من نوع غير مقبول." },
  noFiles: { en: "Files cannot be sent here.", de: "Dateien können hier nicht gesendet werden.", fr: "Les fichiers ne peuvent pas être envoyés ici.", ar: "لا يمكن إرسال الملفات هنا." },
  uploading: { en: "Uploading… {percent}", de: "Wird hochgeladen … {percent}", fr: "Téléversement… {percent}", ar: "جارٍ الرفع… {percent}" },
  upload: { en: "Upload of {name}", de: "Hochladen von {name}", fr: "Téléversement de {name}", ar: "رفع {name}" },
  fileSent: { en: "{name} was sent.", de: "{name} wurde gesendet.", fr: "{name} a été envoyé.", ar: "أُرسل {name}." },
  cancel: { en: "Cancel", de: "Abbrechen", fr: "Annuler", ar: "إلغاء" },
  cancelled: { en: "{name} is not sent.", de: "{name} wird nicht gesendet.", fr: "{name} n’est pas envoyé.", ar: "لن يُرسل {name}." },
  leftMeanwhile: { en: "Another conversation is open now.", de: "Jetzt ist eine andere Unterhaltung offen.", fr: "Une autre conversation est ouverte maintenant.", ar: "هناك محادثة أخرى مفتوحة الآن." },
  notStored: { en: "The file could not be stored.", de: "Die Datei konnte nicht gespeichert werden.", fr: "Le fichier n’a pas pu être enregistré.", ar: "تعذّر حفظ الملف." },
  refusedAsTooLarge: { en: "It is too large for the server.", de: "Sie ist zu groß für den Server.", fr: "Il est trop volumineux pour le serveur.", ar: "حجمه أكبر مما يقبله الخادم." },

  // Conversations
  listLoading: { en: "Loading…", de: "Wird geladen …", fr: "Chargement…", ar: "جارٍ التحميل…" },
  listFailed: { en: "The conversations cannot be listed. {reason}", de: "Die Unterhaltungen können nicht aufgelistet werden. {reason}", fr: "Les conversations ne peuvent pas être listées. {reason}", ar: "تعذّر عرض المحادثات. {reason}" },
  nothingSaid: { en: "No messages yet", de: "Noch keine Nachrichten", fr: "Pas encore de message", ar: "لا رسائل بعد" },
  begun: { en: "Begun {date}", de: "Begonnen {date}", fr: "Commencée le {date}", ar: "بدأت في {date}" },
  yours: { en: "You: {text}", de: "Sie: {text}", fr: "Vous : {text}", ar: "أنت: {text}" },
  unread: { en: "Unread", de: "Ungelesen", fr: "Non lu", ar: "غير مقروءة" },
  current: { en: "Open now", de: "Jetzt offen", fr: "Ouverte", ar: "مفتوحة الآن" },
  delete: { en: "Delete", de: "Löschen", fr: "Supprimer", ar: "حذف" },
  deleteNamed: { en: "Delete: {text}", de: "Löschen: {text}", fr: "Supprimer : {text}", ar: "حذف: {text}" },
  deleteQuestion: { en: "Delete this conversation with all its messages? This cannot be undone.", de: "Diese Unterhaltung mit allen Nachrichten löschen? Das kann nicht rückgängig gemacht werden.", fr: "Supprimer cette conversation et tous ses messages ? C’est irréversible.", ar: "هل تريد حذف هذه المحادثة بكل رسائلها؟ لا يمكن التراجع عن ذلك." },
  keep: { en: "Keep it", de: "Behalten", fr: "La garder", ar: "الاحتفاظ بها" },
  deleted: { en: "The conversation was deleted.", de: "Die Unterhaltung wurde gelöscht.", fr: "La conversation a été supprimée.", ar: "حُذفت المحادثة." },
  notDeleted: { en: "The conversation was not deleted. {reason}", de: "Die Unterhaltung wurde nicht gelöscht. {reason}", fr: "La conversation n’a pas été supprimée. {reason}", ar: "لم تُحذف المحادثة. {reason}" },
  notSwitched: { en: "The conversation cannot be opened. {reason}", de: "Die Unterhaltung kann nicht geöffnet werden. {reason}", fr: "La conversation ne peut pas être ouverte. {reason}", ar: "تعذّر فتح المحادثة. {reason}" },
  earlier: { en: "Earlier messages", de: "Frühere Nachrichten", fr: "Messages précédents", ar: "الرسائل السابقة" },

  // Feedback
  helpful: { en: "Helpful", de: "Hilfreich", fr: "Utile", ar: "مفيد" },
  notHelpful: { en: "Not helpful", de: "Nicht hilfreich", fr: "Pas utile", ar: "غير مفيد" },
  comment: { en: "Comment (optional)", de: "Kommentar (freiwillig)", fr: "Commentaire (facultatif)", ar: "تعليق (اختياري)" },
  sendComment: { en: "Send comment", de: "Kommentar senden", fr: "Envoyer le commentaire", ar: "إرسال التعليق" },
  skip: { en: "No comment", de: "Kein Kommentar", fr: "Sans commentaire", ar: "بلا تعليق" },
  thanks: { en: "Thank you for the feedback.", de: "Danke für die Rückmeldung.", fr: "Merci pour votre retour.", ar: "شكرًا على ملاحظاتك." },
  feedbackTaken: { en: "The feedback was taken back.", de: "Die Rückmeldung wurde zurückgenommen.", fr: "Le retour a été retiré.", ar: "أُلغيت الملاحظات." },
  noFeedback: { en: "The feedback was not sent. {reason}", de: "Die Rückmeldung wurde nicht gesendet. {reason}", fr: "Le retour n’a pas été envoyé. {reason}", ar: "لم تُرسل الملاحظات. {reason}" },

  // The connection
  connecting: { en: "Connecting", de: "Verbinde", fr: "Connexion", ar: "جارٍ الاتصال" },
  connected: { en: "Connected", de: "Verbunden", fr: "Connecté", ar: "متصل" },
  reconnecting: { en: "Reconnecting", de: "Verbinde neu", fr: "Reconnexion", ar: "جارٍ إعادة الاتصال" },
  offline: { en: "Offline", de: "Offline", fr: "Hors ligne", ar: "غير متصل" },
  ended: { en: "Ended", de: "Beendet", fr: "Terminé", ar: "انتهت" },
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
  notAllowed: { en: "This page may not talk to the chat’s server: its security policy does not allow it.", de: "Diese Seite darf mit dem Server des Chats nicht sprechen: Ihre Sicherheitsrichtlinie erlaubt es nicht.", fr: "Cette page ne peut pas parler au serveur du chat : sa politique de sécurité ne l’autorise pas.", ar: "لا يمكن لهذه الصفحة الاتصال بخادم الدردشة: سياسة الأمان الخاصة بها لا تسمح بذلك." },
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

function isTag(text) {
  try {
    return Intl.getCanonicalLocales(text).length === 1;
  } catch {
    return false;
  }
}

// How the first of the wanted languages (BCP 47 tags, such as "de-AT") that there is says things; English where none is.
export class Language {
  constructor(wanted) {
    const codeOf = (tag) => tag.toLowerCase().split("-")[0];
    const tag = wanted.find((tag) => Object.hasOwn(LANGUAGES, codeOf(tag)) && isTag(tag)) ?? "en";
    this.code = codeOf(tag);
    this.dir = LANGUAGES[this.code];
    this.#plurals = new Intl.PluralRules(this.code);
    this.#numbers = new Intl.NumberFormat(tag);
    this.#times = new Intl.DateTimeFormat(tag, { timeStyle: "short" });
    this.#dates = new Intl.DateTimeFormat(tag, { dateStyle: "full" });
    this.#shortDates = new Intl.DateTimeFormat(tag, { dateStyle: "medium" });
    this.#percents = new Intl.NumberFormat(tag, { style: "percent" });
    this.#sizes = ["byte", "kilobyte", "megabyte", "gigabyte"].map((unit) => {
      const unitDisplay = unit === "byte" ? "long" : "short";
      return new Intl.NumberFormat(tag, { style: "unit", unit, unitDisplay, maximumFractionDigits: 1 });
    });
  }

  #plurals;
  #numbers;
  #times;
  #dates;
  #shortDates;
  #percents;
  #sizes;

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
  shortDate = (moment) => this.#shortDates.format(moment);

  percent = (share) => this.#percents.format(share);

  // A number of bytes, in the unit in which it is at least 1.
  size = (bytes) => {
    const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), this.#sizes.length - 1);
    return this.#sizes[power].format(bytes / 1000 ** power);
  };
}
