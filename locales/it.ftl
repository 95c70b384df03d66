# Le frasi delle pagine e dei messaggi in italiano.

moment = { $date }, { $time } UTC

## A live link

sign-in = Accedi
confirm-account = Sta per accedere a { $workspace } come
confirm-note = Se non è Lei, chiuda questa pagina. Non accade nulla finché non preme il pulsante. Se il pulsante non risponde, apra il link in una finestra separata.
switch-title = Cambiare account?
switch-note = Ha effettuato l’accesso come { $other }. Questo link è di un altro account: se continua, il primo verrà disconnesso in questo browser e Lei accederà a { $workspace } come
switch-button = Continua come { $account }

## A link that does not work

dead-title = Questo link non funziona
dead-advice = Chieda un nuovo link a chi Gliel’ha inviato e apra quello.
dead-note = Per proteggere il Suo account, un link di accesso dura poco tempo e di solito funziona una sola volta.
dead-again = Inviami un nuovo link
dead-again-note = Se il link era Suo, ne parte uno nuovo al Suo indirizzo.

## The login page without a link

ask-title = Come accedere
ask-how = Qui non ci sono password. Si accede con un link che { $workspace } Le invia.
ask-step-ask = Chieda un link di accesso, nel modo in cui comunica di solito.
ask-step-open = Lo apra su questo dispositivo, in questo browser.
ask-step-press = Prema il pulsante e l’accesso è fatto.
ask-note = Ha già un link? Lo apra presto: dura poco tempo.
mail-title = Accesso via e-mail
mail-how = Qui non ci sono password. Inserisca il Suo indirizzo e-mail e { $workspace } Le invia un link e un codice per accedere.
mail-address = Indirizzo e-mail
mail-send = Inviami un link

## After asking for a mail

code-title = Controlli la posta
code-on-its-way = Se conosciamo { $address }, un’e-mail è in arrivo. Apra il link che contiene o inserisca qui il codice.
code-field = Codice di sei cifre
code-wrong = Il codice non è corretto. Lo confronti con l’e-mail più recente.
code-again-note = Ancora nulla dopo un minuto? Guardi nella posta indesiderata o chieda un nuovo invio.
code-again = Invia di nuovo
code-other-address = Usa un altro indirizzo
ended-title = Questo codice non è più utilizzabile
ended-advice = È troppo vecchio o è stato inserito troppe volte in modo errato. Ne chieda uno nuovo.
start-again = Ricomincia
sent-title = Controlli la posta
sent-on-its-way = Se il link era Suo, ne è in arrivo uno nuovo al Suo indirizzo.
sent-note = Ancora nulla dopo qualche minuto? Si rivolga a chi Le ha inviato il primo.

## Who is signed in

signed-in-title = Accesso effettuato
signed-in-as = Ha effettuato l’accesso a { $workspace } come
continue = Continua
home-name = Nome
home-email = E-mail
home-since = Dal
home-until = Fino al
home-note = Ogni utilizzo prolunga l’accesso.
sign-out = Esci
sign-out-title = Uscire?
signed-out-title = È uscito
signed-out-note = Nessuno ha effettuato l’accesso in questo browser.
leaving-title = La portiamo a { $host }
leaving-note = Se non accade nulla, segua questo link:

## Apps

app-continue-title = Continua su { $app }
app-someone-else = Continua con un altro account
app-not-answerable = L’applicazione che ti ha mandato qui chiede qualcosa che non è configurato: non le è stato comunicato nulla. Torna indietro e riprova, oppure avvisa chi la gestisce.
app-request-number = Numero della richiesta: { $id }
app-leads-to = Porta a { $app }.
app-asks = { $app } ti chiede di accedere.
app-asks-again = { $app } ti chiede di accedere di nuovo. Hai effettuato l’accesso come { $email }.
app-asks-else = { $app } chiede di un’altra persona, non di { $email }.

## What goes wrong

help = Serve aiuto? { $contact }
problem-not-done = Non ha funzionato
problem-nothing-here = Qui non c’è nulla
problem-wait = Attenda un momento
problem-later = Riprovi
problem-not-understood = La richiesta non è stata compresa
problem-foreign-button = Il pulsante è stato premuto su un altro sito, quindi non è stato fatto nulla.
problem-foreign-sign-out = Il pulsante per uscire è stato premuto su un altro sito, quindi non è stato fatto nulla: se aveva effettuato l’accesso qui, l’accesso è ancora valido.
problem-no-cookie = Il Suo browser non ha rinviato il cookie arrivato con la pagina, quindi non è stato fatto nulla.
problem-no-page = A questo indirizzo non c’è nulla.
problem-no-workspace = Nessuno spazio di lavoro ha l’host { $host }.
problem-no-host = La richiesta deve indicare un solo host.
problem-method = Questo metodo qui non è consentito.
problem-slow = La richiesta non è arrivata in tempo: la invii di nuovo.
problem-large = Il modulo è più grande di quanto qui si accetti.
problem-unreadable = Ciò che il Suo browser ha inviato qui non può essere letto.
problem-two-links = L’indirizzo e il modulo indicano link diversi.
problem-too-many =
    { $seconds ->
        [one] Troppe richieste: riprovi tra { $seconds } secondo.
       *[other] Troppe richieste: riprovi tra { $seconds } secondi.
    }
problem-our-side = Si è verificato un errore da parte nostra.
problem-unavailable = Il servizio al momento non è disponibile; non è stato fatto nulla.
advice-own-window = Apra il Suo link in una finestra separata: lo copi dal messaggio nella barra degli indirizzi del browser e prema lì il pulsante.
advice-sign-out = Per uscire, prosegua alla pagina di questo sito e prema il suo pulsante.
advice-cookies = Consenta i cookie di questo sito, apra di nuovo il Suo link e prema il pulsante nello stesso browser.
advice-address = Controlli l’indirizzo o apra di nuovo il link che ha ricevuto.
advice-open-again = Apra di nuovo il Suo link dal messaggio e prema lì il pulsante.
advice-new-link = Dalla Sua connessione sono stati aperti troppi link che non funzionano. Uno ancora valido funziona comunque; altrimenti ne chieda uno nuovo.
advice-try-again = Attenda un momento e riprovi. Un link che non ha usato è ancora valido.

## Mails

letter-link-title = Il Suo link di accesso a { $workspace }
letter-link-why = { $workspace } Le invia questo link di accesso.
letter-sign-in-title = Accesso a { $workspace }
letter-again-title = Un nuovo link di accesso a { $workspace }
letter-again-why = Il link che ha aperto non era più valido e ne ha chiesto un altro. Eccolo.
letter-open-link = Apra questo link e prema il pulsante:
letter-open-page = Apra la pagina e prema il pulsante che contiene:
letter-button = Apri la pagina di accesso
letter-plain-link = Lo stesso link, da copiare:
letter-code = Oppure, dove è ancora aperta la pagina della richiesta, inserisca questo codice:
letter-both-good = Ciascuno vale una volta, fino al { $until }. Usandone uno, l’altro non vale più.
letter-link-good = È valido fino al { $until }.
letter-again-good = Vale una volta, fino al { $until }, e porta dove doveva portare quello vecchio.
letter-somebody-asked = Qualcuno l’ha chiesto il { $asked }, con il Suo indirizzo.
letter-you-asked = È stato chiesto il { $asked }.
letter-do-nothing = Se non è stato Lei, non faccia nulla: senza questa e-mail nessuno può entrare.
letter-never-asked = Nessuno di { $workspace } Le chiederà mai il codice.
