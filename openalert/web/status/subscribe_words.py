"""The words of the forms of subscribers, in the languages that a status page can have."""

import msgspec


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """One language."""

    language: str
    skip: str
    back: str
    subscribe: str
    lead: str
    lead_incident: str
    email: str
    trap: str
    what: str
    all: str
    some: str
    subscribe_button: str
    promise: str
    others: str
    calendar: str
    check: str
    """The heading after the form was sent."""
    check_lead: str
    confirm: str
    confirm_lead: str
    confirm_button: str
    confirmed: str
    confirmed_lead: str
    choose: str
    subscription: str
    only_incident: str
    save: str
    saved: str
    leave: str
    leave_lead: str
    left: str
    left_lead: str
    gone: str
    gone_lead: str
    later: str
    later_lead: str
    no_mail: str
    bad_address: str
    choose_some: str
    too_many: str
    full: str


_EN = Words(
    language="en",
    skip="Skip to content",
    back="Back to the status page",
    subscribe="Subscribe to updates",
    lead="Get a mail whenever an incident or a maintenance is announced, changes or ends.",
    lead_incident="Get a mail whenever something new is said about this, and when it is over.",
    email="E-mail address",
    trap="Leave this empty",
    what="What do you want to hear about?",
    all="Everything on this page",
    some="Only some components",
    subscribe_button="Subscribe",
    promise=(
        "You get a mail with a link to confirm. The address is used for "
        "these updates alone; every one has a link to leave."
    ),
    others="Other ways to follow",
    calendar="Calendar of maintenance",
    check="Check your mailbox",
    check_lead=(
        "If this address can be subscribed, a mail with the next step is on its way to "
        "it. Look into your spam folder if nothing comes within a few minutes."
    ),
    confirm="Confirm your subscription",
    confirm_lead="Press the button, and updates are sent to you from now on.",
    confirm_button="Confirm subscription",
    confirmed="You are subscribed",
    confirmed_lead="From now on you get a mail whenever there is something new.",
    choose="Choose what you are told",
    subscription="Your subscription",
    only_incident="You are told of this alone, until it is over:",
    save="Save",
    saved="Saved.",
    leave="Unsubscribe",
    leave_lead="Get no more mails from this page. Your address is deleted.",
    left="You are unsubscribed",
    left_lead="Nothing more is sent to you, and your address is deleted.",
    gone="This link does not work any more",
    gone_lead=(
        "It was cut off on its way, a newer one was sent, or the "
        "subscription has ended. You can subscribe anew on the status page."
    ),
    later="Not possible at the moment",
    later_lead="Nothing was changed. Please try again in a few minutes; your link keeps working.",
    no_mail="This server sends no mails at the moment. Follow by one of the ways below.",
    bad_address="That is not an e-mail address. Look at it once more.",
    choose_some="Choose at least one component, or everything.",
    too_many="Too many tries from your network. Please try again in a few minutes.",
    full="This page takes no more subscribers. Follow by one of the ways below.",
)
_DE = Words(
    language="de",
    skip="Zum Inhalt",
    back="Zurück zur Statusseite",
    subscribe="Nachrichten abonnieren",
    lead="Sie bekommen eine Mail, sobald eine Störung oder Wartung angekündigt wird, sich ändert oder endet.",
    lead_incident="Sie bekommen eine Mail, sobald es dazu etwas Neues gibt, und wenn es vorbei ist.",
    email="E-Mail-Adresse",
    trap="Bitte leer lassen",
    what="Worüber möchten Sie informiert werden?",
    all="Alles auf dieser Seite",
    some="Nur einige Komponenten",
    subscribe_button="Abonnieren",
    promise=(
        "Sie bekommen eine Mail mit einem Link zur Bestätigung. Die Adresse dient "
        "nur diesen Nachrichten; in jeder steht ein Link zum Abmelden."
    ),
    others="Andere Wege",
    calendar="Kalender der Wartungen",
    check="Sehen Sie in Ihr Postfach",
    check_lead=(
        "Wenn diese Adresse abonnieren kann, ist eine Mail mit dem nächsten Schritt "
        "unterwegs. Sehen Sie im Spam-Ordner nach, wenn in einigen Minuten nichts kommt."
    ),
    confirm="Abonnement bestätigen",
    confirm_lead="Mit dem Knopf bekommen Sie von nun an die Nachrichten.",
    confirm_button="Abonnement bestätigen",
    confirmed="Sie haben abonniert",
    confirmed_lead="Von nun an bekommen Sie eine Mail, sobald es etwas Neues gibt.",
    choose="Auswählen, worüber Sie informiert werden",
    subscription="Ihr Abonnement",
    only_incident="Sie werden nur hierüber informiert, bis es vorbei ist:",
    save="Speichern",
    saved="Gespeichert.",
    leave="Abmelden",
    leave_lead="Keine Mails mehr von dieser Seite. Ihre Adresse wird gelöscht.",
    left="Sie sind abgemeldet",
    left_lead="Es wird Ihnen nichts mehr geschickt, und Ihre Adresse ist gelöscht.",
    gone="Dieser Link gilt nicht mehr",
    gone_lead=(
        "Er wurde unterwegs abgeschnitten, es gibt einen neueren, oder das "
        "Abonnement ist beendet. Auf der Statusseite können Sie neu abonnieren."
    ),
    later="Gerade nicht möglich",
    later_lead=(
        "Es wurde nichts geändert. Bitte versuchen Sie es in "
        "einigen Minuten noch einmal; Ihr Link gilt weiter."
    ),
    no_mail="Dieser Server verschickt zurzeit keine Mails. Bitte nehmen Sie einen der Wege unten.",
    bad_address="Das ist keine E-Mail-Adresse. Bitte sehen Sie noch einmal hin.",
    choose_some="Wählen Sie mindestens eine Komponente, oder alles.",
    too_many="Zu viele Versuche aus Ihrem Netz. Bitte versuchen Sie es in einigen Minuten noch einmal.",
    full="Diese Seite nimmt keine weiteren Abonnements an. Bitte nehmen Sie einen der Wege unten.",
)
_FR = Words(
    language="fr",
    skip="Aller au contenu",
    back="Retour à la page de statut",
    subscribe="S’abonner aux nouvelles",
    lead="Recevez un mail dès qu’un incident ou une maintenance est annoncé, évolue ou se termine.",
    lead_incident="Recevez un mail à chaque nouvelle à ce sujet, et quand c’est terminé.",
    email="Adresse e-mail",
    trap="Laissez ce champ vide",
    what="Que voulez-vous suivre ?",
    all="Toute la page",
    some="Certains composants seulement",
    subscribe_button="S’abonner",
    promise=(
        "Vous recevez un mail avec un lien de confirmation. L’adresse ne sert qu’à "
        "ces nouvelles ; chacune contient un lien pour se désabonner."
    ),
    others="Autres moyens de suivre",
    calendar="Calendrier des maintenances",
    check="Consultez votre boîte aux lettres",
    check_lead=(
        "Si cette adresse peut être abonnée, un mail avec l’étape suivante est en route. "
        "Regardez dans vos indésirables si rien n’arrive en quelques minutes."
    ),
    confirm="Confirmez votre abonnement",
    confirm_lead="Appuyez sur le bouton pour recevoir désormais les nouvelles.",
    confirm_button="Confirmer l’abonnement",
    confirmed="Vous êtes abonné",
    confirmed_lead="Vous recevrez un mail à chaque nouvelle.",
    choose="Choisir ce que vous recevez",
    subscription="Votre abonnement",
    only_incident="Vous suivez uniquement ceci, jusqu’à la fin :",
    save="Enregistrer",
    saved="Enregistré.",
    leave="Se désabonner",
    leave_lead="Ne plus recevoir de mails de cette page. Votre adresse est supprimée.",
    left="Vous êtes désabonné",
    left_lead="Plus rien ne vous est envoyé, et votre adresse est supprimée.",
    gone="Ce lien ne fonctionne plus",
    gone_lead=(
        "Il a été coupé en route, un plus récent a été envoyé, ou l’abonnement est "
        "terminé. Vous pouvez vous abonner de nouveau sur la page de statut."
    ),
    later="Impossible pour le moment",
    later_lead="Rien n’a été modifié. Réessayez dans quelques minutes ; votre lien reste valable.",
    no_mail="Ce serveur n’envoie pas de mails pour le moment. Suivez par l’un des moyens ci-dessous.",
    bad_address="Ce n’est pas une adresse e-mail. Vérifiez-la.",
    choose_some="Choisissez au moins un composant, ou toute la page.",
    too_many="Trop d’essais depuis votre réseau. Réessayez dans quelques minutes.",
    full="Cette page n’accepte plus d’abonnés. Suivez par l’un des moyens ci-dessous.",
)
_ES = Words(
    language="es",
    skip="Ir al contenido",
    back="Volver a la página de estado",
    subscribe="Suscribirse a los avisos",
    lead="Reciba un correo cuando se anuncie, cambie o termine un incidente o un mantenimiento.",
    lead_incident="Reciba un correo cuando haya novedades sobre esto y cuando termine.",
    email="Dirección de correo",
    trap="Deje esto vacío",
    what="¿Sobre qué quiere saber?",
    all="Toda la página",
    some="Solo algunos componentes",
    subscribe_button="Suscribirse",
    promise=(
        "Recibirá un correo con un enlace para confirmar. La dirección se usa solo "
        "para estos avisos; cada uno tiene un enlace para darse de baja."
    ),
    others="Otras formas de seguir",
    calendar="Calendario de mantenimientos",
    check="Mire su buzón",
    check_lead=(
        "Si esta dirección puede suscribirse, un correo con el siguiente paso va en "
        "camino. Mire en la carpeta de spam si no llega nada en unos minutos."
    ),
    confirm="Confirme su suscripción",
    confirm_lead="Pulse el botón y desde ahora recibirá los avisos.",
    confirm_button="Confirmar suscripción",
    confirmed="Está suscrito",
    confirmed_lead="Desde ahora recibirá un correo cuando haya novedades.",
    choose="Elegir qué recibe",
    subscription="Su suscripción",
    only_incident="Solo recibe avisos sobre esto, hasta que termine:",
    save="Guardar",
    saved="Guardado.",
    leave="Darse de baja",
    leave_lead="No recibir más correos de esta página. Su dirección se borra.",
    left="Se ha dado de baja",
    left_lead="Ya no se le envía nada y su dirección se ha borrado.",
    gone="Este enlace ya no funciona",
    gone_lead=(
        "Se cortó en el camino, se envió uno más nuevo o la suscripción "
        "terminó. Puede suscribirse de nuevo en la página de estado."
    ),
    later="No es posible en este momento",
    later_lead="No se ha cambiado nada. Inténtelo de nuevo en unos minutos; su enlace sigue valiendo.",
    no_mail="Este servidor no envía correos en este momento. Siga por una de las formas de abajo.",
    bad_address="Eso no es una dirección de correo. Revísela.",
    choose_some="Elija al menos un componente, o todo.",
    too_many="Demasiados intentos desde su red. Inténtelo de nuevo en unos minutos.",
    full="Esta página no acepta más suscriptores. Siga por una de las formas de abajo.",
)
_IT = Words(
    language="it",
    skip="Vai al contenuto",
    back="Torna alla pagina di stato",
    subscribe="Iscriviti agli aggiornamenti",
    lead="Ricevi una mail quando un incidente o una manutenzione viene annunciato, cambia o finisce.",
    lead_incident="Ricevi una mail quando ci sono novità su questo, e quando finisce.",
    email="Indirizzo e-mail",
    trap="Lascia vuoto",
    what="Che cosa vuoi sapere?",
    all="Tutta la pagina",
    some="Solo alcuni componenti",
    subscribe_button="Iscriviti",
    promise=(
        "Ricevi una mail con un link per confermare. L’indirizzo serve solo a "
        "questi aggiornamenti; in ognuno c’è un link per annullare."
    ),
    others="Altri modi per seguire",
    calendar="Calendario delle manutenzioni",
    check="Controlla la tua casella",
    check_lead=(
        "Se questo indirizzo può essere iscritto, una mail con il prossimo passo è in "
        "arrivo. Guarda nello spam se non arriva nulla entro pochi minuti."
    ),
    confirm="Conferma l’iscrizione",
    confirm_lead="Premi il pulsante e da ora ricevi gli aggiornamenti.",
    confirm_button="Conferma iscrizione",
    confirmed="Sei iscritto",
    confirmed_lead="Da ora ricevi una mail quando c’è una novità.",
    choose="Scegli che cosa ricevere",
    subscription="La tua iscrizione",
    only_incident="Ricevi solo questo, finché non finisce:",
    save="Salva",
    saved="Salvato.",
    leave="Annulla iscrizione",
    leave_lead="Niente più mail da questa pagina. Il tuo indirizzo viene cancellato.",
    left="Iscrizione annullata",
    left_lead="Non ti viene più inviato nulla e il tuo indirizzo è cancellato.",
    gone="Questo link non funziona più",
    gone_lead=(
        "È stato tagliato, ne è stato inviato uno più recente, o l’iscrizione "
        "è finita. Puoi iscriverti di nuovo sulla pagina di stato."
    ),
    later="Non possibile in questo momento",
    later_lead="Nulla è stato cambiato. Riprova tra qualche minuto; il link resta valido.",
    no_mail="Questo server al momento non invia mail. Segui in uno dei modi qui sotto.",
    bad_address="Questo non è un indirizzo e-mail. Controllalo.",
    choose_some="Scegli almeno un componente, o tutto.",
    too_many="Troppi tentativi dalla tua rete. Riprova tra qualche minuto.",
    full="Questa pagina non accetta altri iscritti. Segui in uno dei modi qui sotto.",
)
_NL = Words(
    language="nl",
    skip="Naar de inhoud",
    back="Terug naar de statuspagina",
    subscribe="Abonneren op berichten",
    lead="Krijg een mail zodra een storing of onderhoud wordt aangekondigd, verandert of eindigt.",
    lead_incident="Krijg een mail zodra hierover iets nieuws is, en als het voorbij is.",
    email="E-mailadres",
    trap="Laat dit leeg",
    what="Waarover wilt u bericht?",
    all="Alles op deze pagina",
    some="Alleen enkele onderdelen",
    subscribe_button="Abonneren",
    promise=(
        "U krijgt een mail met een link om te bevestigen. Het adres dient alleen "
        "voor deze berichten; in elk staat een link om u af te melden."
    ),
    others="Andere manieren",
    calendar="Kalender van onderhoud",
    check="Kijk in uw mailbox",
    check_lead=(
        "Als dit adres zich kan abonneren, is een mail met de volgende stap "
        "onderweg. Kijk in de spammap als er na enkele minuten niets komt."
    ),
    confirm="Bevestig uw abonnement",
    confirm_lead="Druk op de knop en u krijgt voortaan de berichten.",
    confirm_button="Abonnement bevestigen",
    confirmed="U bent geabonneerd",
    confirmed_lead="Voortaan krijgt u een mail zodra er iets nieuws is.",
    choose="Kies wat u ontvangt",
    subscription="Uw abonnement",
    only_incident="U krijgt alleen hierover bericht, tot het voorbij is:",
    save="Opslaan",
    saved="Opgeslagen.",
    leave="Afmelden",
    leave_lead="Geen mails meer van deze pagina. Uw adres wordt gewist.",
    left="U bent afgemeld",
    left_lead="U krijgt niets meer, en uw adres is gewist.",
    gone="Deze link werkt niet meer",
    gone_lead=(
        "Hij is onderweg afgebroken, er is een nieuwere gestuurd, of het abonnement "
        "is beëindigd. Op de statuspagina kunt u zich opnieuw abonneren."
    ),
    later="Nu niet mogelijk",
    later_lead="Er is niets veranderd. Probeer het over enkele minuten opnieuw; uw link blijft werken.",
    no_mail="Deze server verstuurt nu geen mails. Volg op een van de manieren hieronder.",
    bad_address="Dat is geen e-mailadres. Kijk het nog eens na.",
    choose_some="Kies ten minste één onderdeel, of alles.",
    too_many="Te veel pogingen vanaf uw netwerk. Probeer het over enkele minuten opnieuw.",
    full="Deze pagina neemt geen abonnementen meer aan. Volg op een van de manieren hieronder.",
)
_PT = Words(
    language="pt",
    skip="Ir para o conteúdo",
    back="Voltar à página de estado",
    subscribe="Subscrever avisos",
    lead="Receba um e-mail quando um incidente ou uma manutenção for anunciado, mudar ou terminar.",
    lead_incident="Receba um e-mail quando houver novidades sobre isto, e quando terminar.",
    email="Endereço de e-mail",
    trap="Deixe isto vazio",
    what="Sobre o que quer saber?",
    all="Toda a página",
    some="Só alguns componentes",
    subscribe_button="Subscrever",
    promise=(
        "Recebe um e-mail com uma ligação para confirmar. O endereço serve só "
        "para estes avisos; cada um tem uma ligação para cancelar."
    ),
    others="Outras formas de seguir",
    calendar="Calendário de manutenções",
    check="Veja a sua caixa de correio",
    check_lead=(
        "Se este endereço puder ser subscrito, um e-mail com o passo seguinte vai a "
        "caminho. Veja a pasta de spam se nada chegar em poucos minutos."
    ),
    confirm="Confirme a sua subscrição",
    confirm_lead="Carregue no botão e passa a receber os avisos.",
    confirm_button="Confirmar subscrição",
    confirmed="Está subscrito",
    confirmed_lead="A partir de agora recebe um e-mail quando houver novidades.",
    choose="Escolher o que recebe",
    subscription="A sua subscrição",
    only_incident="Recebe avisos só sobre isto, até terminar:",
    save="Guardar",
    saved="Guardado.",
    leave="Cancelar subscrição",
    leave_lead="Não receber mais e-mails desta página. O seu endereço é apagado.",
    left="Subscrição cancelada",
    left_lead="Nada mais lhe é enviado, e o seu endereço foi apagado.",
    gone="Esta ligação já não funciona",
    gone_lead=(
        "Foi cortada no caminho, foi enviada uma mais recente, ou a "
        "subscrição terminou. Pode subscrever de novo na página de estado."
    ),
    later="Não é possível neste momento",
    later_lead="Nada foi alterado. Tente de novo dentro de alguns minutos; a sua ligação continua a valer.",
    no_mail="Este servidor não envia e-mails neste momento. Siga por uma das formas abaixo.",
    bad_address="Isso não é um endereço de e-mail. Veja outra vez.",
    choose_some="Escolha pelo menos um componente, ou tudo.",
    too_many="Demasiadas tentativas da sua rede. Tente de novo dentro de alguns minutos.",
    full="Esta página não aceita mais subscritores. Siga por uma das formas abaixo.",
)
_LANGUAGES = {each.language: each for each in (_EN, _DE, _FR, _ES, _IT, _NL, _PT)}


def words_of(language: str) -> Words:
    """The words of this language; English where there are none."""
    return _LANGUAGES.get(language, _EN)
