# Les phrases des pages et des messages en français.

moment = { $date }, { $time } UTC

## A live link

sign-in = Se connecter
confirm-account = Vous allez vous connecter à { $workspace } en tant que
confirm-note = Si ce n’est pas vous, fermez cette page. Rien ne se passe tant que vous n’appuyez pas sur le bouton. Si le bouton ne réagit pas, ouvrez le lien dans une fenêtre à part.
switch-title = Changer de compte ?
switch-note = Vous êtes connecté en tant que { $other }. Ce lien concerne un autre compte : si vous continuez, le premier sera déconnecté dans ce navigateur, et vous serez connecté à { $workspace } en tant que
switch-button = Continuer en tant que { $account }

## A link that does not work

dead-title = Ce lien ne fonctionne pas
dead-advice = Demandez un nouveau lien aux personnes qui vous l’ont envoyé, et ouvrez celui-là.
dead-note = Pour protéger votre compte, un lien de connexion n’est valable que peu de temps et, en général, une seule fois.
dead-again = M’envoyer un nouveau lien
dead-again-note = Si ce lien était le vôtre, un nouveau part vers votre adresse.

## The login page without a link

ask-title = Comment se connecter
ask-how = Ici, pas de mot de passe. Vous vous connectez avec un lien que { $workspace } vous envoie.
ask-step-ask = Demandez un lien de connexion, par votre moyen de contact habituel.
ask-step-open = Ouvrez-le sur cet appareil, dans ce navigateur.
ask-step-press = Appuyez sur le bouton, et vous êtes connecté.
ask-note = Vous avez déjà un lien ? Ouvrez-le sans tarder : il n’est valable que peu de temps.
mail-title = Connexion par e-mail
mail-how = Ici, pas de mot de passe. Saisissez votre adresse e-mail, et { $workspace } vous envoie un lien et un code pour vous connecter.
mail-address = Adresse e-mail
mail-send = M’envoyer un lien

## After asking for a mail

code-title = Consultez votre messagerie
code-on-its-way = Si nous connaissons { $address }, un message est en route. Ouvrez le lien qu’il contient, ou saisissez ici son code.
code-field = Code à six chiffres
code-wrong = Ce code n’est pas le bon. Comparez-le avec le message le plus récent.
code-again-note = Toujours rien après une minute ? Regardez dans les indésirables, ou demandez un nouvel envoi.
code-again = Envoyer à nouveau
code-other-address = Utiliser une autre adresse
ended-title = Ce code n’est plus utilisable
ended-advice = Il est trop ancien, ou a été saisi trop souvent de façon erronée. Demandez-en un nouveau.
start-again = Recommencer
sent-title = Consultez votre messagerie
sent-on-its-way = Si ce lien était le vôtre, un nouveau est en route vers votre adresse.
sent-note = Toujours rien après quelques minutes ? Adressez-vous aux personnes qui vous ont envoyé le premier.

## Who is signed in

signed-in-title = Vous êtes connecté
signed-in-as = Vous êtes connecté à { $workspace } en tant que
continue = Continuer
home-name = Nom
home-email = E-mail
home-since = Depuis
home-until = Jusqu’au
home-note = Chaque utilisation prolonge la connexion.
sign-out = Se déconnecter
sign-out-title = Se déconnecter ?
signed-out-title = Vous êtes déconnecté
signed-out-note = Personne n’est connecté dans ce navigateur.
leaving-title = Redirection vers { $host }
leaving-note = Si rien ne se passe, suivez ce lien :

## Apps

app-continue-title = Continuer vers { $app }
app-someone-else = Continuer avec un autre compte
app-not-answerable = L’application qui vous a envoyé ici demande quelque chose qui n’est pas configuré : rien ne lui a été transmis. Revenez en arrière et réessayez, ou prévenez son exploitant.
app-request-number = Numéro de la demande : { $id }
app-leads-to = Il mène à { $app }.
app-asks = { $app } vous demande de vous connecter.
app-asks-again = { $app } vous demande de vous connecter de nouveau. Vous êtes connecté en tant que { $email }.
app-asks-else = { $app } demande une autre personne que { $email }.

## What goes wrong

help = Besoin d’aide ? { $contact }
problem-not-done = Cela n’a pas fonctionné
problem-nothing-here = Rien à cette adresse
problem-wait = Veuillez patienter un instant
problem-later = Veuillez réessayer
problem-not-understood = Cette demande n’a pas été comprise
problem-foreign-button = Le bouton a été actionné sur un autre site ; rien n’a donc été fait.
problem-foreign-sign-out = Le bouton de déconnexion a été actionné sur un autre site ; rien n’a donc été fait : si vous étiez connecté ici, vous l’êtes toujours.
problem-no-cookie = Votre navigateur n’a pas renvoyé le cookie qui accompagnait la page ; rien n’a donc été fait.
problem-no-page = Il n’y a rien à cette adresse.
problem-no-workspace = Aucun espace de travail n’a l’hôte { $host }.
problem-no-host = La demande doit nommer un seul hôte.
problem-method = Cette méthode n’est pas autorisée ici.
problem-slow = La demande n’est pas arrivée à temps : envoyez-la de nouveau.
problem-large = Le formulaire est plus grand que ce qui est accepté ici.
problem-unreadable = Ce que votre navigateur a envoyé ne peut pas être lu ici.
problem-two-links = L’adresse et le formulaire désignent des liens différents.
problem-too-many =
    { $seconds ->
        [one] Trop de demandes : réessayez dans { $seconds } seconde.
       *[other] Trop de demandes : réessayez dans { $seconds } secondes.
    }
problem-our-side = Une erreur s’est produite de notre côté.
problem-unavailable = Le service n’est pas disponible pour le moment ; rien n’a été fait.
advice-own-window = Ouvrez votre lien dans une fenêtre à part : copiez-le depuis le message dans la barre d’adresse de votre navigateur, et appuyez là sur le bouton.
advice-sign-out = Pour vous déconnecter, continuez vers la page de ce site, et appuyez sur son bouton.
advice-cookies = Autorisez les cookies de ce site, ouvrez à nouveau votre lien, et appuyez sur le bouton dans le même navigateur.
advice-address = Vérifiez l’adresse, ou ouvrez à nouveau le lien que vous avez reçu.
advice-open-again = Ouvrez à nouveau votre lien depuis le message, et appuyez là sur le bouton.
advice-new-link = Trop de liens qui ne fonctionnent pas ont été ouverts depuis votre connexion. Un lien encore valable fonctionne malgré tout ; sinon, demandez-en un nouveau.
advice-try-again = Patientez un instant et réessayez. Un lien que vous n’avez pas utilisé reste valable.

## Mails

letter-link-title = Votre lien de connexion à { $workspace }
letter-link-why = { $workspace } vous envoie ce lien de connexion.
letter-sign-in-title = Connexion à { $workspace }
letter-again-title = Un nouveau lien de connexion à { $workspace }
letter-again-why = Le lien que vous avez ouvert n’était plus valable, et vous en avez demandé un autre. Le voici.
letter-open-link = Ouvrez ce lien et appuyez sur le bouton :
letter-open-page = Ouvrez la page, et appuyez sur le bouton qui s’y trouve :
letter-button = Ouvrir la page de connexion
letter-plain-link = Le même lien, à copier :
letter-code = Ou, là où la page de la demande est encore ouverte, saisissez ce code :
letter-both-good = Chacun est valable une fois, jusqu’au { $until }. Utiliser l’un met fin à l’autre.
letter-link-good = Il est valable jusqu’au { $until }.
letter-again-good = Il est valable une fois, jusqu’au { $until }, et mène là où l’ancien devait mener.
letter-somebody-asked = Quelqu’un l’a demandé le { $asked }, avec votre adresse.
letter-you-asked = La demande date du { $asked }.
letter-do-nothing = Si ce n’était pas vous, ne faites rien : sans ce message, personne ne peut entrer.
letter-never-asked = Personne chez { $workspace } ne vous demandera jamais le code.
