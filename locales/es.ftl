# Las frases de las páginas y de los correos en español.

moment = { $date }, { $time } UTC

## A live link

sign-in = Iniciar sesión
confirm-account = Va a iniciar sesión en { $workspace } como
confirm-note = Si no es usted, cierre esta página. No ocurre nada hasta que pulse el botón. Si el botón no responde, abra el enlace en una ventana propia.
switch-title = ¿Cambiar de cuenta?
switch-note = Ha iniciado sesión como { $other }. Este enlace es de otra cuenta: si continúa, se cerrará la sesión de la primera en este navegador y se iniciará sesión en { $workspace } como
switch-button = Continuar como { $account }

## A link that does not work

dead-title = Este enlace no funciona
dead-advice = Pida un enlace nuevo a quien se lo envió y abra ese.
dead-note = Para proteger su cuenta, un enlace de acceso dura poco tiempo y, por lo general, sirve una sola vez.
dead-again = Enviarme un enlace nuevo
dead-again-note = Si el enlace era suyo, se envía uno nuevo a su dirección.

## The login page without a link

ask-title = Cómo iniciar sesión
ask-how = Aquí no hay contraseñas. Se inicia sesión con un enlace que le envía { $workspace }.
ask-step-ask = Pida un enlace de acceso por su vía de contacto habitual.
ask-step-open = Ábralo en este dispositivo, en este navegador.
ask-step-press = Pulse el botón y habrá iniciado sesión.
ask-note = ¿Ya tiene un enlace? Ábralo pronto: dura poco tiempo.
mail-title = Iniciar sesión por correo
mail-how = Aquí no hay contraseñas. Escriba su dirección de correo y { $workspace } le enviará un enlace y un código para iniciar sesión.
mail-address = Dirección de correo
mail-send = Enviarme un enlace

## After asking for a mail

code-title = Revise su correo
code-on-its-way = Si conocemos { $address }, hay un correo en camino. Abra el enlace que contiene o escriba aquí su código.
code-field = Código de seis cifras
code-wrong = Ese código no es correcto. Compárelo con el correo más reciente.
code-again-note = ¿No ha llegado nada en un minuto? Mire en el correo no deseado o pida que se envíe de nuevo.
code-again = Enviar de nuevo
code-other-address = Usar otra dirección
ended-title = Ese código ya no se puede usar
ended-advice = Es demasiado antiguo o se escribió mal demasiadas veces. Pida uno nuevo.
start-again = Empezar de nuevo
sent-title = Revise su correo
sent-on-its-way = Si el enlace era suyo, hay uno nuevo en camino a su dirección.
sent-note = ¿No ha llegado nada en unos minutos? Pregunte a quien le envió el primero.

## Who is signed in

signed-in-title = Ha iniciado sesión
signed-in-as = Ha iniciado sesión en { $workspace } como
continue = Continuar
home-name = Nombre
home-email = Correo
home-since = Desde
home-until = Hasta
home-note = Mientras la use, la sesión se prolonga.
sign-out = Cerrar sesión
sign-out-title = ¿Cerrar sesión?
signed-out-title = Ha cerrado sesión
signed-out-note = Nadie ha iniciado sesión en este navegador.
leaving-title = Le llevamos a { $host }
leaving-note = Si no ocurre nada, siga este enlace:

## Apps

app-continue-title = Continuar a { $app }
app-someone-else = Continuar con otra cuenta
app-not-answerable = La aplicación que le envió aquí pide algo que no está configurado, así que no se le comunicó nada. Vuelva atrás e inténtelo de nuevo, o avise a quien la gestiona.
app-request-number = Número de la solicitud: { $id }
app-leads-to = Lleva a { $app }.
app-asks = { $app } le pide que inicie sesión.
app-asks-again = { $app } le pide que inicie sesión de nuevo. Ha iniciado sesión como { $email }.
app-asks-else = { $app } pide a otra persona, no a { $email }.

## What goes wrong

help = ¿Necesita ayuda? { $contact }
problem-not-done = No ha funcionado
problem-nothing-here = Aquí no hay nada
problem-wait = Espere un momento
problem-later = Inténtelo de nuevo
problem-not-understood = No se ha entendido la solicitud
problem-foreign-button = El botón se pulsó en otro sitio, así que no se ha hecho nada.
problem-foreign-sign-out = El botón para cerrar sesión se pulsó en otro sitio, así que no se ha hecho nada: si había iniciado sesión aquí, la sesión sigue abierta.
problem-no-cookie = Su navegador no ha devuelto la cookie que venía con la página, así que no se ha hecho nada.
problem-no-page = No hay nada en esta dirección.
problem-no-workspace = Ningún espacio de trabajo tiene el host { $host }.
problem-no-host = La solicitud debe indicar un solo host.
problem-method = Este método no está permitido aquí.
problem-slow = La solicitud no llegó a tiempo: envíela de nuevo.
problem-large = El formulario es más grande de lo que se admite aquí.
problem-unreadable = Lo que ha enviado su navegador no se puede leer aquí.
problem-two-links = La dirección y el formulario indican enlaces distintos.
problem-too-many =
    { $seconds ->
        [one] Demasiadas solicitudes: inténtelo de nuevo dentro de { $seconds } segundo.
       *[other] Demasiadas solicitudes: inténtelo de nuevo dentro de { $seconds } segundos.
    }
problem-our-side = Se ha producido un error por nuestra parte.
problem-unavailable = El servicio no está disponible en este momento; no se ha hecho nada.
advice-own-window = Abra su enlace en una ventana propia: cópielo del mensaje en la barra de direcciones de su navegador y pulse allí el botón.
advice-sign-out = Para cerrar sesión, vaya a la página de este sitio y pulse su botón.
advice-cookies = Permita las cookies de este sitio, abra de nuevo su enlace y pulse el botón en el mismo navegador.
advice-address = Compruebe la dirección o abra de nuevo el enlace que recibió.
advice-open-again = Abra de nuevo su enlace desde el mensaje y pulse allí el botón.
advice-new-link = Desde su conexión se han abierto demasiados enlaces que no funcionan. Uno que aún sea válido funciona igualmente; si no, pida uno nuevo.
advice-try-again = Espere un momento e inténtelo de nuevo. Un enlace que no haya usado sigue siendo válido.

## Mails

letter-link-title = Su enlace de acceso a { $workspace }
letter-link-why = { $workspace } le envía este enlace de acceso.
letter-sign-in-title = Iniciar sesión en { $workspace }
letter-again-title = Un nuevo enlace de acceso a { $workspace }
letter-again-why = El enlace que abrió ya no era válido y pidió otro. Aquí lo tiene.
letter-open-link = Abra este enlace y pulse el botón:
letter-open-page = Abra la página y pulse el botón que hay en ella:
letter-button = Abrir la página de acceso
letter-plain-link = El mismo enlace, para copiar:
letter-code = O bien, donde siga abierta la página en la que lo pidió, escriba este código:
letter-both-good = Cada uno sirve una vez, hasta el { $until }. Al usar uno, el otro deja de servir.
letter-link-good = Es válido hasta el { $until }.
letter-again-good = Sirve una vez, hasta el { $until }, y lleva adonde debía llevar el anterior.
letter-somebody-asked = Alguien lo pidió el { $asked } con su dirección.
letter-you-asked = Se pidió el { $asked }.
letter-do-nothing = Si no fue usted, no haga nada: sin este correo nadie puede entrar.
letter-never-asked = Nadie de { $workspace } le pedirá nunca el código.
