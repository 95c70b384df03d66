# De zinnen van pagina’s en berichten in het Nederlands.

moment = { $date }, { $time } UTC

## A live link

sign-in = Inloggen
confirm-account = U staat op het punt bij { $workspace } in te loggen als
confirm-note = Bent u dit niet, sluit dan deze pagina. Er gebeurt niets tot u op de knop drukt. Reageert de knop niet, open de link dan in een eigen venster.
switch-title = Van account wisselen?
switch-note = U bent ingelogd als { $other }. Deze link is van een ander account: als u doorgaat, wordt het eerste in deze browser uitgelogd en logt u bij { $workspace } in als
switch-button = Doorgaan als { $account }

## A link that does not work

dead-title = Deze link werkt niet
dead-advice = Vraag een nieuwe link aan degenen die u deze stuurden, en open die.
dead-note = Om uw account te beschermen is een inloglink maar kort geldig en meestal maar één keer te gebruiken.
dead-again = Mail mij een nieuwe link
dead-again-note = Was de link van u, dan gaat er een nieuwe naar uw adres.

## The login page without a link

ask-title = Zo logt u in
ask-how = Hier is geen wachtwoord. U logt in met een inloglink die { $workspace } u stuurt.
ask-step-ask = Vraag daar om een inloglink, zoals u gewend bent contact op te nemen.
ask-step-open = Open de link op dit apparaat, in deze browser.
ask-step-press = Druk op de knop en u bent ingelogd.
ask-note = Hebt u al een link? Open hem snel: hij is maar kort geldig.
mail-title = Inloggen per e-mail
mail-how = Hier is geen wachtwoord. Vul uw e-mailadres in, dan mailt { $workspace } u een link en een code om in te loggen.
mail-address = E-mailadres
mail-send = Mail mij een link

## After asking for a mail

code-title = Kijk in uw mailbox
code-on-its-way = Als wij { $address } kennen, is er een e-mail onderweg. Open de link daarin, of vul hier de code in.
code-field = Code van zes cijfers
code-wrong = Die code klopt niet. Vergelijk hem met de nieuwste e-mail.
code-again-note = Na een minuut nog niets? Kijk bij de ongewenste e-mail, of laat hem opnieuw sturen.
code-again = Opnieuw sturen
code-other-address = Een ander adres gebruiken
ended-title = Die code is niet meer te gebruiken
ended-advice = Hij is te oud, of te vaak verkeerd ingevuld. Vraag een nieuwe aan.
start-again = Opnieuw beginnen
sent-title = Kijk in uw mailbox
sent-on-its-way = Was de link van u, dan is er een nieuwe onderweg naar uw adres.
sent-note = Na een paar minuten nog niets? Vraag het degenen die u de eerste stuurden.

## Who is signed in

signed-in-title = U bent ingelogd
signed-in-as = U bent bij { $workspace } ingelogd als
continue = Doorgaan
home-name = Naam
home-email = E-mail
home-since = Sinds
home-until = Tot
home-note = Zolang u het gebruikt, blijft u langer ingelogd.
sign-out = Uitloggen
sign-out-title = Uitloggen?
signed-out-title = U bent uitgelogd
signed-out-note = In deze browser is niemand ingelogd.
leaving-title = U gaat naar { $host }
leaving-note = Gebeurt er niets, volg dan deze link:

## Apps

app-continue-title = Verder naar { $app }
app-someone-else = Verder als iemand anders
app-not-answerable = De toepassing die u hierheen stuurde, vraagt iets dat niet is ingesteld. Er is haar niets meegedeeld. Ga terug en probeer het opnieuw, of meld het bij de beheerder ervan.
app-request-number = Nummer van de aanvraag: { $id }
app-leads-to = Hij leidt naar { $app }.
app-asks = { $app } vraagt u om in te loggen.
app-asks-again = { $app } vraagt u om nog eens in te loggen. U bent ingelogd als { $email }.
app-asks-else = { $app } vraagt om iemand anders dan { $email }.

## What goes wrong

help = Hebt u hulp nodig? { $contact }
problem-not-done = Dat is niet gelukt
problem-nothing-here = Hier is niets
problem-wait = Een ogenblik geduld
problem-later = Probeer het nog eens
problem-not-understood = Dit verzoek is niet begrepen
problem-foreign-button = Er is op een andere site op de knop gedrukt, dus er is niets gedaan.
problem-foreign-sign-out = Er is op een andere site op de knop om uit te loggen gedrukt, dus er is niets gedaan: was u hier ingelogd, dan bent u dat nog.
problem-no-cookie = Uw browser stuurde de cookie van de pagina niet terug, dus er is niets gedaan.
problem-no-page = Op dit adres is niets.
problem-no-workspace = Geen werkruimte heeft de host { $host }.
problem-no-host = Het verzoek moet één host noemen.
problem-method = Deze methode is hier niet toegestaan.
problem-slow = Het verzoek kwam niet op tijd aan: stuur het opnieuw.
problem-large = Het formulier is groter dan hier wordt aangenomen.
problem-unreadable = Wat uw browser stuurde, kan hier niet worden gelezen.
problem-two-links = Het adres en het formulier noemen verschillende links.
problem-too-many =
    { $seconds ->
        [one] Te veel verzoeken: probeer het over { $seconds } seconde nog eens.
       *[other] Te veel verzoeken: probeer het over { $seconds } seconden nog eens.
    }
problem-our-side = Er ging bij ons iets mis.
problem-unavailable = De dienst is op dit moment niet beschikbaar; er is niets gedaan.
advice-own-window = Open uw link in een eigen venster: kopieer hem uit het bericht naar de adresbalk van uw browser, en druk daar op de knop.
advice-sign-out = Om uit te loggen gaat u door naar de pagina van deze site en drukt u daar op de knop.
advice-cookies = Sta cookies toe voor deze site, open uw link opnieuw, en druk in dezelfde browser op de knop.
advice-address = Controleer het adres, of open opnieuw de link die u kreeg.
advice-open-again = Open uw link opnieuw vanuit het bericht, en druk daar op de knop.
advice-new-link = Vanaf uw verbinding zijn te veel links geopend die niet werken. Een link die nog geldig is, werkt toch; vraag anders een nieuwe aan.
advice-try-again = Wacht even en probeer het nog eens. Een link die u niet hebt gebruikt, is nog geldig.

## Mails

letter-link-title = Uw inloglink voor { $workspace }
letter-link-why = { $workspace } stuurt u deze inloglink.
letter-sign-in-title = Inloggen bij { $workspace }
letter-again-title = Een nieuwe inloglink voor { $workspace }
letter-again-why = De link die u opende, was niet meer geldig, en u vroeg om een andere. Hier is hij.
letter-open-link = Open deze link en druk op de knop:
letter-open-page = Open de pagina en druk daar op de knop:
letter-button = Inlogpagina openen
letter-plain-link = Dezelfde link, om te kopiëren:
letter-code = Of vul, waar de pagina nog open is waarop u erom vroeg, deze code in:
letter-both-good = Elk is één keer geldig, tot { $until }. Gebruikt u de ene, dan vervalt de andere.
letter-link-good = De link is geldig tot { $until }.
letter-again-good = De link is één keer geldig, tot { $until }, en leidt waarheen de oude zou leiden.
letter-somebody-asked = Iemand vroeg hierom op { $asked }, met uw adres.
letter-you-asked = Hierom is gevraagd op { $asked }.
letter-do-nothing = Was u dit niet, doe dan niets: zonder deze e-mail komt niemand binnen.
letter-never-asked = Niemand bij { $workspace } zal u ooit om de code vragen.
