# The sentences of pages and mails in English. The other catalogues have the same, with the same variables.
# Quotation marks and apostrophes are typographic: pages take each sentence as it stands here.

moment = { $date }, { $time } UTC

## A live link

sign-in = Sign in
confirm-account = You are about to sign in to { $workspace } as
confirm-note = If that is not you, close this page. Nothing happens until you press the button. If the button does nothing, open the link in a window of its own.
switch-title = Switch account?
switch-note = You are signed in as { $other }. This link is for another account: if you continue, the first one will be signed out in this browser, and you will be signed in to { $workspace } as
switch-button = Continue as { $account }

## A link that does not work

dead-title = This link does not work
dead-advice = Please ask the people who sent it to you for a fresh one, and open that instead.
dead-note = To keep your account safe, a login link lasts only a short while and usually works just once.
dead-again = Mail me a fresh link
dead-again-note = If the link was yours, a fresh one goes to your address.

## The login page without a link

ask-title = How to sign in
ask-how = There is no password here. You sign in with a login link that { $workspace } sends you.
ask-step-ask = Ask them for a login link, in the way you usually reach them.
ask-step-open = Open it on this device, in this browser.
ask-step-press = Press the button, and you are signed in.
ask-note = Already have a link? Open it soon: it lasts only a short while.
mail-title = Sign in by mail
mail-how = There is no password here. Enter your e-mail address, and { $workspace } mails you a link and a code to sign in with.
mail-address = E-mail address
mail-send = Mail me a link

## After asking for a mail

code-title = Look into your mail
code-on-its-way = If we know { $address }, a mail is on its way there. Open the link in it, or type its code here.
code-field = Code of six digits
code-wrong = That code was not right. Compare it with the newest mail.
code-again-note = Nothing there after a minute? Look among the spam, or have it sent again.
code-again = Send again
code-other-address = Use another address
ended-title = That code can no longer be used
ended-advice = It is too old, or was wrong too often. Ask for a new one.
start-again = Start again
sent-title = Look into your mail
sent-on-its-way = If the link was yours, a fresh one is on its way to your address.
sent-note = Nothing there after a few minutes? Ask the people who sent you the first one.

## Who is signed in

signed-in-title = You are signed in
signed-in-as = You are signed in to { $workspace } as
continue = Continue
home-name = Name
home-email = E-mail
home-since = Since
home-until = Until
home-note = Using it keeps you signed in for longer.
sign-out = Sign out
sign-out-title = Sign out?
signed-out-title = You are signed out
signed-out-note = Nobody is signed in in this browser.
leaving-title = Taking you to { $host }
leaving-note = If nothing happens, follow this link:

## Apps

app-continue-title = Continue to { $app }
app-someone-else = Continue as someone else
app-not-answerable = The application that sent you here asked for something that is not set up, so it was told nothing. Go back and try again, or tell its operator.
app-request-number = Number of the request: { $id }
app-leads-to = It leads to { $app }.
app-asks = { $app } asks you to sign in.
app-asks-again = { $app } asks you to sign in once more. You are signed in as { $email }.
app-asks-else = { $app } asks for somebody else than { $email }.

## What goes wrong

help = Do you need help? { $contact }
problem-not-done = That did not work
problem-nothing-here = Nothing here
problem-wait = Please wait a moment
problem-later = Please try again
problem-not-understood = That request was not understood
problem-foreign-button = The button was pressed on another site, so nothing was done.
problem-foreign-sign-out = The button to sign out was pressed on another site, so nothing was done: if you were signed in here, you are still signed in.
problem-no-cookie = Your browser did not send back the cookie that came with the page, so nothing was done.
problem-no-page = There is nothing at this address.
problem-no-workspace = No workspace has the host { $host }.
problem-no-host = The request must name one host.
problem-method = This method is not allowed here.
problem-slow = The request did not arrive in time: send it again.
problem-large = The form is larger than is taken here.
problem-unreadable = What your browser sent cannot be read here.
problem-two-links = The address and the form name different links.
problem-too-many =
    { $seconds ->
        [one] Too many requests: try again in { $seconds } second.
       *[other] Too many requests: try again in { $seconds } seconds.
    }
problem-our-side = Something went wrong on our side.
problem-unavailable = The service is not available at the moment; nothing was done.
advice-own-window = Open your link in a window of its own: copy it from the message it came in into the address bar of your browser, and press the button there.
advice-sign-out = To sign out, go on to the page of this site, and press its button.
advice-cookies = Allow cookies for this site, open your link again, and press the button in the same browser.
advice-address = Check the address, or open the link that you were sent again.
advice-open-again = Open your link again from the message it came in, and press the button there.
advice-new-link = Too many links that do not work were opened from where you are. One that is still good works all the same; otherwise ask for a new one.
advice-try-again = Wait a moment and try again. A link that you have not used is still good.

## Mails

letter-link-title = Your login link for { $workspace }
letter-link-why = { $workspace } sends you this login link.
letter-sign-in-title = Sign in to { $workspace }
letter-again-title = A fresh login link for { $workspace }
letter-again-why = The link that you opened did not work any more, and you asked for another. Here it is.
letter-open-link = Open this link and press the button:
letter-open-page = Open the page, and press the button on it:
letter-button = Open the sign-in page
letter-plain-link = The same as a plain link:
letter-code = Or, where the page that asked is still open, type this code:
letter-both-good = Each works once, until { $until }. Using one ends the other.
letter-link-good = It is good until { $until }.
letter-again-good = It works once, until { $until }, and leads to where the old one was to lead.
letter-somebody-asked = Somebody asked for this on { $asked }, with your address.
letter-you-asked = This was asked for on { $asked }.
letter-do-nothing = If this was not you, do nothing: without this mail nobody gets in.
letter-never-asked = Nobody at { $workspace } will ever ask you for the code.
