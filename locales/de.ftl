# Die Sätze der Seiten und E-Mails auf Deutsch.

moment = { $date }, { $time } UTC

## A live link

sign-in = Anmelden
confirm-account = Sie melden sich bei { $workspace } an als
confirm-note = Wenn Sie das nicht sind, schließen Sie diese Seite. Es geschieht nichts, bevor Sie auf die Schaltfläche drücken. Wenn die Schaltfläche nicht reagiert, öffnen Sie den Link in einem eigenen Fenster.
switch-title = Konto wechseln?
switch-note = Sie sind angemeldet als { $other }. Dieser Link gehört zu einem anderen Konto: Wenn Sie fortfahren, wird das erste in diesem Browser abgemeldet, und Sie melden sich bei { $workspace } an als
switch-button = Weiter als { $account }

## A link that does not work

dead-title = Dieser Link funktioniert nicht
dead-advice = Bitten Sie die Absender des Links um einen neuen, und öffnen Sie dann diesen.
dead-note = Zum Schutz Ihres Kontos gilt ein Anmeldelink nur kurze Zeit und in der Regel nur einmal.
dead-again = Neuen Link zusenden
dead-again-note = Wenn der Link Ihnen gehörte, geht ein neuer an Ihre Adresse.

## The login page without a link

ask-title = So melden Sie sich an
ask-how = Hier gibt es kein Passwort. Sie melden sich mit einem Anmeldelink an, den { $workspace } Ihnen schickt.
ask-step-ask = Bitten Sie dort auf dem gewohnten Weg um einen Anmeldelink.
ask-step-open = Öffnen Sie ihn auf diesem Gerät, in diesem Browser.
ask-step-press = Drücken Sie auf die Schaltfläche, und Sie sind angemeldet.
ask-note = Sie haben schon einen Link? Öffnen Sie ihn bald: Er gilt nur kurze Zeit.
mail-title = Anmelden per E-Mail
mail-how = Hier gibt es kein Passwort. Geben Sie Ihre E-Mail-Adresse ein, und { $workspace } schickt Ihnen einen Link und einen Code zum Anmelden.
mail-address = E-Mail-Adresse
mail-send = Link zusenden

## After asking for a mail

code-title = Sehen Sie in Ihr Postfach
code-on-its-way = Wenn uns { $address } bekannt ist, ist eine E-Mail dorthin unterwegs. Öffnen Sie den Link darin, oder geben Sie hier den Code ein.
code-field = Code aus sechs Ziffern
code-wrong = Dieser Code war nicht richtig. Vergleichen Sie ihn mit der neuesten E-Mail.
code-again-note = Nach einer Minute noch nichts da? Sehen Sie im Spam-Ordner nach, oder lassen Sie die E-Mail noch einmal senden.
code-again = Noch einmal senden
code-other-address = Andere Adresse verwenden
ended-title = Dieser Code gilt nicht mehr
ended-advice = Er ist zu alt oder wurde zu oft falsch eingegeben. Fordern Sie einen neuen an.
start-again = Neu beginnen
sent-title = Sehen Sie in Ihr Postfach
sent-on-its-way = Wenn der Link Ihnen gehörte, ist ein neuer an Ihre Adresse unterwegs.
sent-note = Nach einigen Minuten noch nichts da? Fragen Sie die Absender des ersten Links.

## Who is signed in

signed-in-title = Sie sind angemeldet
signed-in-as = Sie sind bei { $workspace } angemeldet als
continue = Weiter
home-name = Name
home-email = E-Mail
home-since = Seit
home-until = Bis
home-note = Solange Sie sie nutzen, verlängert sich die Anmeldung.
sign-out = Abmelden
sign-out-title = Abmelden?
signed-out-title = Sie sind abgemeldet
signed-out-note = In diesem Browser ist niemand angemeldet.
leaving-title = Sie werden zu { $host } weitergeleitet
leaving-note = Wenn nichts geschieht, folgen Sie diesem Link:

## Apps

app-continue-title = Weiter zu { $app }
app-someone-else = Als jemand anderes weiter
app-not-answerable = Die Anwendung, die Sie hierher geschickt hat, verlangt etwas, das hier nicht eingerichtet ist. Ihr wurde nichts mitgeteilt. Gehen Sie zurück und versuchen Sie es noch einmal, oder sagen Sie es ihrem Betreiber.
app-request-number = Nummer der Anfrage: { $id }
app-leads-to = Er führt zu { $app }.
app-asks = { $app } bittet Sie, sich anzumelden.
app-asks-again = { $app } bittet Sie, sich noch einmal anzumelden. Angemeldet ist { $email }.
app-asks-else = { $app } fragt nach jemand anderem als { $email }.

## What goes wrong

help = Brauchen Sie Hilfe? { $contact }
problem-not-done = Das hat nicht geklappt
problem-nothing-here = Hier ist nichts
problem-wait = Bitte warten Sie einen Moment
problem-later = Bitte versuchen Sie es noch einmal
problem-not-understood = Diese Anfrage wurde nicht verstanden
problem-foreign-button = Die Schaltfläche wurde auf einer fremden Seite gedrückt, deshalb ist nichts geschehen.
problem-foreign-sign-out = Die Schaltfläche zum Abmelden wurde auf einer fremden Seite gedrückt, deshalb ist nichts geschehen: Wenn Sie hier angemeldet waren, sind Sie es noch.
problem-no-cookie = Ihr Browser hat das Cookie nicht zurückgeschickt, das zu der Seite gehört, deshalb ist nichts geschehen.
problem-no-page = Unter dieser Adresse gibt es nichts.
problem-no-workspace = Zum Host { $host } gehört kein Arbeitsbereich.
problem-no-host = Die Anfrage muss genau einen Host nennen.
problem-method = Diese Methode ist hier nicht erlaubt.
problem-slow = Die Anfrage kam nicht rechtzeitig an: Senden Sie sie noch einmal.
problem-large = Das Formular ist größer, als hier angenommen wird.
problem-unreadable = Was Ihr Browser gesendet hat, kann hier nicht gelesen werden.
problem-two-links = Die Adresse und das Formular nennen verschiedene Links.
problem-too-many =
    { $seconds ->
        [one] Zu viele Anfragen: Versuchen Sie es in { $seconds } Sekunde noch einmal.
       *[other] Zu viele Anfragen: Versuchen Sie es in { $seconds } Sekunden noch einmal.
    }
problem-our-side = Bei uns ist ein Fehler aufgetreten.
problem-unavailable = Der Dienst ist im Moment nicht erreichbar; es ist nichts geschehen.
advice-own-window = Öffnen Sie Ihren Link in einem eigenen Fenster: Kopieren Sie ihn aus der Nachricht in die Adresszeile Ihres Browsers, und drücken Sie dort auf die Schaltfläche.
advice-sign-out = Um sich abzumelden, gehen Sie weiter zu der Seite hier, und drücken Sie dort auf die Schaltfläche.
advice-cookies = Erlauben Sie Cookies für diese Seite, öffnen Sie Ihren Link noch einmal, und drücken Sie im selben Browser auf die Schaltfläche.
advice-address = Prüfen Sie die Adresse, oder öffnen Sie noch einmal den Link, den Sie erhalten haben.
advice-open-again = Öffnen Sie Ihren Link noch einmal aus der Nachricht, und drücken Sie dort auf die Schaltfläche.
advice-new-link = Von Ihrem Anschluss wurden zu viele Links geöffnet, die nicht funktionieren. Ein gültiger funktioniert trotzdem; sonst bitten Sie um einen neuen.
advice-try-again = Warten Sie einen Moment, und versuchen Sie es noch einmal. Ein Link, den Sie nicht verwendet haben, gilt weiterhin.

## Mails

letter-link-title = Ihr Anmeldelink für { $workspace }
letter-link-why = { $workspace } sendet Ihnen diesen Anmeldelink.
letter-sign-in-title = Anmelden bei { $workspace }
letter-again-title = Ein neuer Anmeldelink für { $workspace }
letter-again-why = Der Link, den Sie geöffnet haben, galt nicht mehr, und Sie haben um einen neuen gebeten. Hier ist er.
letter-open-link = Öffnen Sie diesen Link, und drücken Sie auf die Schaltfläche:
letter-open-page = Öffnen Sie die Seite, und drücken Sie dort auf die Schaltfläche:
letter-button = Anmeldeseite öffnen
letter-plain-link = Derselbe Link zum Kopieren:
letter-code = Oder geben Sie diesen Code ein, wo die Seite noch offen ist, auf der Sie darum gebeten haben:
letter-both-good = Link und Code gelten einmal, bis { $until }. Wird eines verwendet, gilt das andere nicht mehr.
letter-link-good = Der Link gilt bis { $until }.
letter-again-good = Der Link gilt einmal, bis { $until }, und führt dorthin, wohin der alte führen sollte.
letter-somebody-asked = Jemand hat am { $asked } mit Ihrer Adresse darum gebeten.
letter-you-asked = Darum wurde am { $asked } gebeten.
letter-do-nothing = Wenn Sie das nicht waren, tun Sie nichts: Ohne diese E-Mail kommt niemand hinein.
letter-never-asked = Niemand von { $workspace } wird Sie je nach dem Code fragen.
