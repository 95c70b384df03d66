# Zdania stron i wiadomości po polsku.

moment = { $date }, { $time } UTC

## A live link

sign-in = Zaloguj się
confirm-account = Logowanie do { $workspace } na konto
confirm-note = Jeśli to nie Twoje konto, zamknij tę stronę. Nic się nie stanie przed naciśnięciem przycisku. Jeśli przycisk nie działa, otwórz link w osobnym oknie.
switch-title = Zmienić konto?
switch-note = W tej przeglądarce trwa sesja konta { $other }. Ten link należy do innego konta: jeśli przejdziesz dalej, pierwsze zostanie wylogowane, a nastąpi logowanie do { $workspace } na konto
switch-button = Dalej jako { $account }

## A link that does not work

dead-title = Ten link nie działa
dead-advice = Poproś o nowy link osoby, od których pochodzi ten, i otwórz nowy.
dead-note = Dla ochrony konta link do logowania jest ważny tylko krótko i zwykle działa tylko raz.
dead-again = Wyślij nowy link
dead-again-note = Jeśli link należał do Ciebie, nowy trafi na Twój adres.

## The login page without a link

ask-title = Jak się zalogować
ask-how = Tutaj nie ma haseł. Logowanie odbywa się linkiem, który wysyła { $workspace }.
ask-step-ask = Poproś o link do logowania w zwykły dla Ciebie sposób.
ask-step-open = Otwórz go na tym urządzeniu, w tej przeglądarce.
ask-step-press = Naciśnij przycisk i logowanie gotowe.
ask-note = Masz już link? Otwórz go wkrótce: jest ważny tylko krótko.
mail-title = Logowanie przez e-mail
mail-how = Tutaj nie ma haseł. Podaj adres e-mail, a { $workspace } wyśle link i kod do logowania.
mail-address = Adres e-mail
mail-send = Wyślij link

## After asking for a mail

code-title = Sprawdź pocztę
code-on-its-way = Jeśli znamy adres { $address }, wiadomość jest w drodze. Otwórz link, który zawiera, albo wpisz tutaj kod.
code-field = Kod z sześciu cyfr
code-wrong = Ten kod jest nieprawidłowy. Porównaj go z najnowszą wiadomością.
code-again-note = Po minucie nadal nic? Sprawdź spam albo wyślij wiadomość ponownie.
code-again = Wyślij ponownie
code-other-address = Użyj innego adresu
ended-title = Tego kodu nie można już użyć
ended-advice = Jest za stary albo wpisano go błędnie zbyt wiele razy. Poproś o nowy.
start-again = Zacznij od nowa
sent-title = Sprawdź pocztę
sent-on-its-way = Jeśli link należał do Ciebie, nowy jest w drodze na Twój adres.
sent-note = Po kilku minutach nadal nic? Zapytaj osoby, od których pochodzi pierwszy link.

## Who is signed in

signed-in-title = Sesja jest otwarta
signed-in-as = Trwa sesja w { $workspace } na koncie
continue = Dalej
home-name = Imię i nazwisko
home-email = E-mail
home-since = Od
home-until = Do
home-note = Korzystanie z sesji ją przedłuża.
sign-out = Wyloguj się
sign-out-title = Wylogować się?
signed-out-title = Wylogowano
signed-out-note = W tej przeglądarce nikt nie jest zalogowany.
leaving-title = Przejście do { $host }
leaving-note = Jeśli nic się nie dzieje, użyj tego linku:

## Apps

app-continue-title = Przejdź do { $app }
app-someone-else = Kontynuuj na innym koncie
app-not-answerable = Aplikacja, która tu skierowała, prosi o coś, co nie jest skonfigurowane, więc nic jej nie przekazano. Wróć i spróbuj ponownie albo powiadom jej operatora.
app-request-number = Numer żądania: { $id }
app-leads-to = Prowadzi do { $app }.
app-asks = { $app } prosi o zalogowanie się.
app-asks-again = { $app } prosi o ponowne zalogowanie się. Zalogowane konto: { $email }.
app-asks-else = { $app } prosi o inną osobę niż { $email }.

## What goes wrong

help = Potrzebna pomoc? { $contact }
problem-not-done = To się nie udało
problem-nothing-here = Nic tu nie ma
problem-wait = Proszę chwilę poczekać
problem-later = Proszę spróbować ponownie
problem-not-understood = To żądanie jest niezrozumiałe
problem-foreign-button = Przycisk naciśnięto na innej stronie, więc nic nie zostało wykonane.
problem-foreign-sign-out = Przycisk wylogowania naciśnięto na innej stronie, więc nic nie zostało wykonane: jeśli sesja tutaj trwała, trwa nadal.
problem-no-cookie = Przeglądarka nie odesłała pliku cookie tej strony, więc nic nie zostało wykonane.
problem-no-page = Pod tym adresem nic nie ma.
problem-no-workspace = Żaden obszar roboczy nie ma hosta { $host }.
problem-no-host = Żądanie musi podawać jeden host.
problem-method = Ta metoda nie jest tu dozwolona.
problem-slow = Żądanie nie dotarło na czas: wyślij je ponownie.
problem-large = Formularz jest większy, niż się tu przyjmuje.
problem-unreadable = Nie można odczytać tego, co wysłała przeglądarka.
problem-two-links = Adres i formularz wskazują różne linki.
problem-too-many =
    { $seconds ->
        [one] Za dużo żądań: spróbuj ponownie za { $seconds } sekundę.
        [few] Za dużo żądań: spróbuj ponownie za { $seconds } sekundy.
        [many] Za dużo żądań: spróbuj ponownie za { $seconds } sekund.
       *[other] Za dużo żądań: spróbuj ponownie za { $seconds } sekundy.
    }
problem-our-side = Po naszej stronie wystąpił błąd.
problem-unavailable = Usługa jest w tej chwili niedostępna; nic nie zostało wykonane.
advice-own-window = Otwórz link w osobnym oknie: skopiuj go z wiadomości do paska adresu przeglądarki i tam naciśnij przycisk.
advice-sign-out = Aby się wylogować, przejdź na tę stronę i naciśnij jej przycisk.
advice-cookies = Zezwól tej stronie na pliki cookie, otwórz link ponownie i naciśnij przycisk w tej samej przeglądarce.
advice-address = Sprawdź adres albo otwórz ponownie otrzymany link.
advice-open-again = Otwórz link ponownie z wiadomości i tam naciśnij przycisk.
advice-new-link = Z Twojego łącza otwarto zbyt wiele linków, które nie działają. Wciąż ważny link zadziała mimo to; w przeciwnym razie poproś o nowy.
advice-try-again = Poczekaj chwilę i spróbuj ponownie. Nieużyty link jest nadal ważny.

## Mails

letter-link-title = Link do logowania: { $workspace }
letter-link-why = { $workspace } wysyła ten link do logowania.
letter-sign-in-title = Logowanie: { $workspace }
letter-again-title = Nowy link do logowania: { $workspace }
letter-again-why = Otwarty link był już nieważny i poproszono o nowy. Oto on.
letter-open-link = Otwórz ten link i naciśnij przycisk:
letter-open-page = Otwórz stronę i naciśnij na niej przycisk:
letter-button = Otwórz stronę logowania
letter-plain-link = Ten sam link do skopiowania:
letter-code = Albo tam, gdzie strona z prośbą jest nadal otwarta, wpisz ten kod:
letter-both-good = Link i kod działają raz, do { $until }. Użycie jednego kończy ważność drugiego.
letter-link-good = Link jest ważny do { $until }.
letter-again-good = Link działa raz, do { $until }, i prowadzi tam, dokąd miał prowadzić stary.
letter-somebody-asked = Ktoś poprosił o to { $asked }, podając Twój adres.
letter-you-asked = Poproszono o to { $asked }.
letter-do-nothing = Jeśli to nie Ty, nie rób nic: bez tej wiadomości nikt się nie zaloguje.
letter-never-asked = Nikt z { $workspace } nigdy nie zapyta o ten kod.
