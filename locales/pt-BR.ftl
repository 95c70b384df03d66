# As frases das páginas e dos e-mails em português do Brasil.

moment = { $date }, { $time } UTC

## A live link

sign-in = Entrar
confirm-account = Você está prestes a entrar em { $workspace } como
confirm-note = Se não é você, feche esta página. Nada acontece até que você pressione o botão. Se o botão não responder, abra o link em uma janela própria.
switch-title = Trocar de conta?
switch-note = Você entrou como { $other }. Este link é de outra conta: se continuar, a primeira será desconectada neste navegador e você entrará em { $workspace } como
switch-button = Continuar como { $account }

## A link that does not work

dead-title = Este link não funciona
dead-advice = Peça um novo link a quem o enviou e abra esse.
dead-note = Para proteger sua conta, um link de acesso dura pouco tempo e, em geral, funciona uma só vez.
dead-again = Enviar um novo link
dead-again-note = Se o link era seu, um novo vai para o seu endereço.

## The login page without a link

ask-title = Como entrar
ask-how = Aqui não há senha. Você entra com um link de acesso que { $workspace } envia.
ask-step-ask = Peça um link de acesso pelo canal que você costuma usar.
ask-step-open = Abra-o neste dispositivo, neste navegador.
ask-step-press = Pressione o botão e pronto: você entrou.
ask-note = Já tem um link? Abra-o logo: ele dura pouco tempo.
mail-title = Entrar por e-mail
mail-how = Aqui não há senha. Digite seu endereço de e-mail e { $workspace } envia um link e um código para você entrar.
mail-address = Endereço de e-mail
mail-send = Enviar um link

## After asking for a mail

code-title = Veja seu e-mail
code-on-its-way = Se conhecemos { $address }, um e-mail está a caminho. Abra o link que está nele ou digite aqui o código.
code-field = Código de seis dígitos
code-wrong = Esse código não está certo. Compare-o com o e-mail mais recente.
code-again-note = Nada depois de um minuto? Veja no spam ou peça para enviar de novo.
code-again = Enviar de novo
code-other-address = Usar outro endereço
ended-title = Esse código não pode mais ser usado
ended-advice = Ele é antigo demais ou foi digitado errado muitas vezes. Peça um novo.
start-again = Começar de novo
sent-title = Veja seu e-mail
sent-on-its-way = Se o link era seu, um novo está a caminho do seu endereço.
sent-note = Nada depois de alguns minutos? Pergunte a quem enviou o primeiro.

## Who is signed in

signed-in-title = Você entrou
signed-in-as = Você entrou em { $workspace } como
continue = Continuar
home-name = Nome
home-email = E-mail
home-since = Desde
home-until = Até
home-note = Enquanto você usa, o acesso se prolonga.
sign-out = Sair
sign-out-title = Sair?
signed-out-title = Você saiu
signed-out-note = Ninguém entrou neste navegador.
leaving-title = Levando você a { $host }
leaving-note = Se nada acontecer, siga este link:

## Apps

app-continue-title = Continuar para { $app }
app-someone-else = Continuar com outra conta
app-not-answerable = O aplicativo que enviou você até aqui pede algo que não está configurado, por isso nada foi informado a ele. Volte e tente de novo, ou avise quem o administra.
app-request-number = Número da solicitação: { $id }
app-leads-to = Ele leva a { $app }.
app-asks = { $app } pede que você entre.
app-asks-again = { $app } pede que você entre mais uma vez. Você entrou como { $email }.
app-asks-else = { $app } pede outra pessoa, e não { $email }.

## What goes wrong

help = Precisa de ajuda? { $contact }
problem-not-done = Não funcionou
problem-nothing-here = Não há nada aqui
problem-wait = Aguarde um momento
problem-later = Tente novamente
problem-not-understood = A solicitação não foi entendida
problem-foreign-button = O botão foi pressionado em outro site, por isso nada foi feito.
problem-foreign-sign-out = O botão de sair foi pressionado em outro site, por isso nada foi feito: se você tinha entrado aqui, continua assim.
problem-no-cookie = Seu navegador não devolveu o cookie que veio com a página, por isso nada foi feito.
problem-no-page = Não há nada neste endereço.
problem-no-workspace = Nenhum espaço de trabalho tem o host { $host }.
problem-no-host = A solicitação deve indicar um único host.
problem-method = Este método não é permitido aqui.
problem-slow = A solicitação não chegou a tempo: envie-a de novo.
problem-large = O formulário é maior do que se aceita aqui.
problem-unreadable = O que seu navegador enviou não pode ser lido aqui.
problem-two-links = O endereço e o formulário indicam links diferentes.
problem-too-many =
    { $seconds ->
        [one] Solicitações demais: tente novamente em { $seconds } segundo.
       *[other] Solicitações demais: tente novamente em { $seconds } segundos.
    }
problem-our-side = Algo deu errado do nosso lado.
problem-unavailable = O serviço não está disponível no momento; nada foi feito.
advice-own-window = Abra seu link em uma janela própria: copie-o da mensagem para a barra de endereços do navegador e pressione o botão ali.
advice-sign-out = Para sair, vá à página deste site e pressione o botão dela.
advice-cookies = Permita cookies deste site, abra seu link de novo e pressione o botão no mesmo navegador.
advice-address = Verifique o endereço ou abra de novo o link que você recebeu.
advice-open-again = Abra seu link de novo a partir da mensagem e pressione o botão ali.
advice-new-link = Foram abertos links demais que não funcionam a partir da sua conexão. Um que ainda seja válido funciona mesmo assim; se não, peça um novo.
advice-try-again = Aguarde um momento e tente novamente. Um link que você não usou continua válido.

## Mails

letter-link-title = Seu link de acesso a { $workspace }
letter-link-why = { $workspace } envia este link de acesso a você.
letter-sign-in-title = Entrar em { $workspace }
letter-again-title = Um novo link de acesso a { $workspace }
letter-again-why = O link que você abriu não valia mais, e você pediu outro. Aqui está ele.
letter-open-link = Abra este link e pressione o botão:
letter-open-page = Abra a página e pressione o botão que há nela:
letter-button = Abrir a página de acesso
letter-plain-link = O mesmo link, para copiar:
letter-code = Ou, onde a página do pedido ainda estiver aberta, digite este código:
letter-both-good = Cada um vale uma vez, até { $until }. Usar um encerra o outro.
letter-link-good = Ele vale até { $until }.
letter-again-good = Ele vale uma vez, até { $until }, e leva aonde o antigo deveria levar.
letter-somebody-asked = Alguém pediu isto em { $asked }, com o seu endereço.
letter-you-asked = O pedido foi feito em { $asked }.
letter-do-nothing = Se não foi você, não faça nada: sem este e-mail ninguém entra.
letter-never-asked = Ninguém de { $workspace } jamais pedirá o código a você.
