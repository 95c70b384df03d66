# Sayfaların ve e-postaların Türkçe cümleleri.

moment = { $date }, { $time } UTC

## A live link

sign-in = Oturum aç
confirm-account = { $workspace } için şu hesapla oturum açmak üzeresiniz:
confirm-note = Bu siz değilseniz bu sayfayı kapatın. Düğmeye basmadıkça hiçbir şey olmaz. Düğme çalışmazsa bağlantıyı ayrı bir pencerede açın.
switch-title = Hesap değiştirilsin mi?
switch-note = Şu anda { $other } olarak oturumunuz açık. Bu bağlantı başka bir hesaba ait: devam ederseniz ilk hesabın oturumu bu tarayıcıda kapanır ve { $workspace } için şu hesapla oturum açarsınız:
switch-button = { $account } olarak devam et

## A link that does not work

dead-title = Bu bağlantı çalışmıyor
dead-advice = Lütfen bağlantıyı gönderenlerden yenisini isteyin ve onu açın.
dead-note = Hesabınızı korumak için oturum açma bağlantısı yalnızca kısa bir süre geçerlidir ve genellikle bir kez çalışır.
dead-again = Yeni bağlantı gönder
dead-again-note = Bağlantı size aitse adresinize yenisi gönderilir.

## The login page without a link

ask-title = Nasıl oturum açılır
ask-how = Burada parola yok. Oturumu, { $workspace } tarafından size gönderilen bir bağlantıyla açarsınız.
ask-step-ask = Her zamanki iletişim yolunuzla bir oturum açma bağlantısı isteyin.
ask-step-open = Bağlantıyı bu cihazda, bu tarayıcıda açın.
ask-step-press = Düğmeye basın, oturumunuz açılır.
ask-note = Bağlantınız zaten var mı? Hemen açın: yalnızca kısa bir süre geçerlidir.
mail-title = E-posta ile oturum açma
mail-how = Burada parola yok. E-posta adresinizi yazın; { $workspace } size oturum açmak için bir bağlantı ve bir kod göndersin.
mail-address = E-posta adresi
mail-send = Bağlantı gönder

## After asking for a mail

code-title = E-postanıza bakın
code-on-its-way = { $address } adresini tanıyorsak bir e-posta yolda. İçindeki bağlantıyı açın veya kodu buraya yazın.
code-field = Altı haneli kod
code-wrong = Bu kod doğru değil. En yeni e-postayla karşılaştırın.
code-again-note = Bir dakika sonra hâlâ bir şey yok mu? İstenmeyen postalara bakın veya yeniden gönderilmesini isteyin.
code-again = Yeniden gönder
code-other-address = Başka bir adres kullan
ended-title = Bu kod artık kullanılamaz
ended-advice = Kod çok eski veya çok kez yanlış yazıldı. Yenisini isteyin.
start-again = Baştan başla
sent-title = E-postanıza bakın
sent-on-its-way = Bağlantı size aitse yenisi adresinize doğru yolda.
sent-note = Birkaç dakika sonra hâlâ bir şey yok mu? İlk bağlantıyı gönderenlere sorun.

## Who is signed in

signed-in-title = Oturumunuz açık
signed-in-as = { $workspace } için şu hesapla oturumunuz açık:
continue = Devam et
home-name = Ad
home-email = E-posta
home-since = Başlangıç
home-until = Bitiş
home-note = Kullandıkça oturumunuzun süresi uzar.
sign-out = Oturumu kapat
sign-out-title = Oturum kapatılsın mı?
signed-out-title = Oturumunuz kapalı
signed-out-note = Bu tarayıcıda açık oturum yok.
leaving-title = { $host } adresine yönlendiriliyorsunuz
leaving-note = Hiçbir şey olmazsa bu bağlantıyı izleyin:

## Apps

app-continue-title = { $app } uygulamasına devam et
app-someone-else = Başka biri olarak devam et
app-not-answerable = Sizi buraya gönderen uygulama, burada ayarlanmamış bir şey istiyor; ona hiçbir şey bildirilmedi. Geri dönüp yeniden deneyin veya uygulamanın sorumlusuna haber verin.
app-request-number = İstek numarası: { $id }
app-leads-to = { $app } uygulamasına götürür.
app-asks = { $app } oturum açmanızı istiyor.
app-asks-again = { $app } yeniden oturum açmanızı istiyor. Şu anda { $email } olarak oturum açtınız.
app-asks-else = { $app }, { $email } dışında birini istiyor.

## What goes wrong

help = Yardıma mı ihtiyacınız var? { $contact }
problem-not-done = Bu işlem olmadı
problem-nothing-here = Burada bir şey yok
problem-wait = Lütfen biraz bekleyin
problem-later = Lütfen yeniden deneyin
problem-not-understood = Bu istek anlaşılamadı
problem-foreign-button = Düğmeye başka bir sitede basıldı, bu yüzden hiçbir şey yapılmadı.
problem-foreign-sign-out = Oturumu kapatma düğmesine başka bir sitede basıldı, bu yüzden hiçbir şey yapılmadı: burada oturumunuz açıktıysa hâlâ açık.
problem-no-cookie = Tarayıcınız sayfayla gelen çerezi geri göndermedi, bu yüzden hiçbir şey yapılmadı.
problem-no-page = Bu adreste bir şey yok.
problem-no-workspace = { $host } ana makinesi hiçbir çalışma alanına ait değil.
problem-no-host = İstek tek bir ana makine belirtmelidir.
problem-method = Bu yönteme burada izin verilmiyor.
problem-slow = İstek zamanında ulaşmadı: yeniden gönderin.
problem-large = Form, burada kabul edilenden büyük.
problem-unreadable = Tarayıcınızın gönderdiği burada okunamıyor.
problem-two-links = Adres ve form farklı bağlantıları belirtiyor.
problem-too-many =
    { $seconds ->
        [one] Çok fazla istek: { $seconds } saniye sonra yeniden deneyin.
       *[other] Çok fazla istek: { $seconds } saniye sonra yeniden deneyin.
    }
problem-our-side = Bizim tarafımızda bir sorun oluştu.
problem-unavailable = Hizmet şu anda kullanılamıyor; hiçbir şey yapılmadı.
advice-own-window = Bağlantınızı ayrı bir pencerede açın: iletiden tarayıcınızın adres çubuğuna kopyalayın ve orada düğmeye basın.
advice-sign-out = Oturumu kapatmak için bu sitenin sayfasına geçin ve oradaki düğmeye basın.
advice-cookies = Bu site için çerezlere izin verin, bağlantınızı yeniden açın ve aynı tarayıcıda düğmeye basın.
advice-address = Adresi kontrol edin veya size gönderilen bağlantıyı yeniden açın.
advice-open-again = Bağlantınızı iletiden yeniden açın ve orada düğmeye basın.
advice-new-link = Bulunduğunuz yerden çalışmayan çok fazla bağlantı açıldı. Hâlâ geçerli bir bağlantı yine de çalışır; yoksa yenisini isteyin.
advice-try-again = Biraz bekleyip yeniden deneyin. Kullanmadığınız bir bağlantı hâlâ geçerlidir.

## Mails

letter-link-title = { $workspace } için oturum açma bağlantınız
letter-link-why = Bu oturum açma bağlantısını size { $workspace } gönderiyor.
letter-sign-in-title = { $workspace } için oturum açma
letter-again-title = { $workspace } için yeni oturum açma bağlantısı
letter-again-why = Açtığınız bağlantı artık geçerli değildi ve yenisini istediniz. İşte burada.
letter-open-link = Bu bağlantıyı açın ve düğmeye basın:
letter-open-page = Sayfayı açın ve oradaki düğmeye basın:
letter-button = Oturum açma sayfasını aç
letter-plain-link = Aynı bağlantı, kopyalamak için:
letter-code = Ya da isteği yaptığınız sayfa hâlâ açıksa oraya bu kodu yazın:
letter-both-good = Her biri bir kez geçerlidir, son: { $until }. Birini kullanınca öteki geçersiz olur.
letter-link-good = Bağlantının geçerlilik sonu: { $until }.
letter-again-good = Bağlantı bir kez geçerlidir, son: { $until }; eskisinin götüreceği yere götürür.
letter-somebody-asked = Biri bunu sizin adresinizle istedi: { $asked }.
letter-you-asked = İsteğin zamanı: { $asked }.
letter-do-nothing = Bu siz değilseniz hiçbir şey yapmayın: bu e-posta olmadan kimse giremez.
letter-never-asked = { $workspace } tarafından hiç kimse size bu kodu sormaz.
