# ページとメールの日本語の文。

moment = { $date } { $time } UTC

## A live link

sign-in = ログイン
confirm-account = { $workspace } に次のアカウントでログインします。
confirm-note = お心当たりがない場合は、このページを閉じてください。ボタンを押すまでは何も起こりません。ボタンが反応しない場合は、リンクを別のウィンドウで開いてください。
switch-title = アカウントを切り替えますか？
switch-note = 現在 { $other } としてログインしています。このリンクは別のアカウントのものです。続けると、このブラウザーでは最初のアカウントからログアウトし、{ $workspace } に次のアカウントでログインします。
switch-button = { $account } として続ける

## A link that does not work

dead-title = このリンクは使えません
dead-advice = リンクの送信元に新しいリンクを依頼し、そちらを開いてください。
dead-note = アカウントを守るため、ログイン用リンクの有効期間は短く、通常は一度しか使えません。
dead-again = 新しいリンクを送る
dead-again-note = お客様のリンクであれば、ご登録のアドレスに新しいリンクをお送りします。

## The login page without a link

ask-title = ログインの方法
ask-how = パスワードは使いません。{ $workspace } がお送りするログイン用リンクでログインします。
ask-step-ask = 普段の連絡方法で、ログイン用リンクをご依頼ください。
ask-step-open = この端末の、このブラウザーでリンクを開いてください。
ask-step-press = ボタンを押すと、ログインできます。
ask-note = すでにリンクをお持ちですか？有効期間が短いので、お早めに開いてください。
mail-title = メールでログイン
mail-how = パスワードは使いません。メールアドレスを入力すると、{ $workspace } がログイン用のリンクとコードをお送りします。
mail-address = メールアドレス
mail-send = リンクを送る

## After asking for a mail

code-title = メールをご確認ください
code-on-its-way = { $address } が登録されている場合は、メールをお送りしています。メールのリンクを開くか、コードをここに入力してください。
code-field = 6 桁のコード
code-wrong = コードが正しくありません。最新のメールと照らし合わせてください。
code-again-note = 1 分たっても届きませんか？迷惑メールを確認するか、もう一度送信してください。
code-again = もう一度送る
code-other-address = 別のアドレスを使う
ended-title = このコードはもう使えません
ended-advice = 期限が切れたか、間違いが多すぎました。新しいコードをご請求ください。
start-again = 最初からやり直す
sent-title = メールをご確認ください
sent-on-its-way = お客様のリンクであれば、ご登録のアドレスに新しいリンクをお送りしています。
sent-note = 数分たっても届きませんか？最初のリンクの送信元にお問い合わせください。

## Who is signed in

signed-in-title = ログインしています
signed-in-as = { $workspace } に次のアカウントでログインしています。
continue = 続ける
home-name = お名前
home-email = メール
home-since = 開始
home-until = 期限
home-note = ご利用のたびに、ログインの期限が延びます。
sign-out = ログアウト
sign-out-title = ログアウトしますか？
signed-out-title = ログアウトしました
signed-out-note = このブラウザーでは誰もログインしていません。
leaving-title = { $host } へ移動します
leaving-note = 何も起こらない場合は、このリンクを開いてください。

## Apps

app-continue-title = { $app } に進む
app-someone-else = 別のアカウントで続ける
app-not-answerable = ここへ移動させたアプリは、設定されていないことを求めています。アプリには何も伝えていません。戻ってもう一度お試しいただくか、アプリの管理者にお知らせください。
app-request-number = リクエスト番号：{ $id }
app-leads-to = このリンクは { $app } につながります。
app-asks = { $app } がサインインを求めています。
app-asks-again = { $app } がもう一度サインインを求めています。現在のアカウント：{ $email }
app-asks-else = { $app } は { $email } 以外の方のサインインを求めています。

## What goes wrong

help = お困りですか？ { $contact }
problem-not-done = 処理できませんでした
problem-nothing-here = ページがありません
problem-wait = 少しお待ちください
problem-later = もう一度お試しください
problem-not-understood = リクエストを読み取れませんでした
problem-foreign-button = ボタンが別のサイトで押されたため、何も行いませんでした。
problem-foreign-sign-out = ログアウトのボタンが別のサイトで押されたため、何も行いませんでした。ここでログインしていた場合は、まだログインしています。
problem-no-cookie = ページと一緒に送った Cookie がブラウザーから戻らなかったため、何も行いませんでした。
problem-no-page = このアドレスには何もありません。
problem-no-workspace = ホスト { $host } のワークスペースはありません。
problem-no-host = リクエストにはホストを一つだけ指定してください。
problem-method = このメソッドはここでは使えません。
problem-slow = リクエストが時間内に届きませんでした。もう一度送信してください。
problem-large = フォームが受け付けられる大きさを超えています。
problem-unreadable = ブラウザーから送られた内容を読み取れません。
problem-two-links = アドレスとフォームのリンクが異なります。
problem-too-many =
    { $seconds ->
       *[other] リクエストが多すぎます。{ $seconds } 秒後にもう一度お試しください。
    }
problem-our-side = サーバー側で問題が発生しました。
problem-unavailable = ただいまサービスを利用できません。何も行いませんでした。
advice-own-window = リンクを別のウィンドウで開いてください。メッセージからブラウザーのアドレス欄にコピーし、そこでボタンを押してください。
advice-sign-out = ログアウトするには、このサイトのページに進み、そこでボタンを押してください。
advice-cookies = このサイトの Cookie を許可し、リンクをもう一度開いて、同じブラウザーでボタンを押してください。
advice-address = アドレスを確認するか、受け取ったリンクをもう一度開いてください。
advice-open-again = メッセージからリンクをもう一度開き、そこでボタンを押してください。
advice-new-link = お使いの接続から、使えないリンクが多数開かれました。有効なリンクはそのまま使えます。お持ちでない場合は、新しいリンクをご依頼ください。
advice-try-again = 少し待ってから、もう一度お試しください。未使用のリンクは引き続き有効です。

## Mails

letter-link-title = { $workspace } のログイン用リンク
letter-link-why = { $workspace } からのログイン用リンクです。
letter-sign-in-title = { $workspace } へのログイン
letter-again-title = { $workspace } の新しいログイン用リンク
letter-again-why = 開かれたリンクは無効になっており、新しいリンクのご請求がありました。こちらをご利用ください。
letter-open-link = このリンクを開き、ボタンを押してください。
letter-open-page = ページを開き、ボタンを押してください。
letter-button = ログインページを開く
letter-plain-link = 同じリンクです（コピー用）。
letter-code = または、ご請求時のページがまだ開いている場合は、次のコードを入力してください。
letter-both-good = それぞれ一度だけ、{ $until } まで有効です。一方を使うと、もう一方は無効になります。
letter-link-good = リンクは { $until } まで有効です。
letter-again-good = リンクは一度だけ、{ $until } まで有効で、前のリンクと同じ行き先に進みます。
letter-somebody-asked = お客様のアドレスで { $asked } にご請求がありました。
letter-you-asked = ご請求の日時は { $asked } です。
letter-do-nothing = お心当たりがない場合は、何もしないでください。このメールがなければ、誰もログインできません。
letter-never-asked = { $workspace } の者がコードをお尋ねすることは決してありません。
