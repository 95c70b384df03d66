//! A mail server that does what a test says: well by default, and badly at the steps that are named.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

/// What the server does at a step instead of the usual.
#[derive(Clone)]
pub enum Act {
    /// Says these bytes, and goes on.
    Say(&'static str),
    /// Says them at this one of all the times that the step comes (from 1), else the usual.
    SayAt(usize, &'static str),
    /// Says the usual, each time once the test lets it.
    Hold(Arc<Notify>),
    /// Says nothing more.
    Hang,
    /// Says a letter now and then, for ever.
    Drip,
    /// Says one line that does not end.
    Endless,
    /// Closes the connection.
    Close,
}

/// How the server is set up. Steps are `greeting`, the verbs, and `message` for what follows DATA.
#[derive(Clone, Default)]
pub struct Script {
    pub acts: BTreeMap<&'static str, Act>,
    /// What it can do before TLS, and after it.
    pub clear: Vec<&'static str>,
    pub encrypted: Vec<&'static str>,
    pub tls: Option<Arc<ServerConfig>>,
    pub is_tls_at_once: bool,
}

impl Script {
    pub fn plain() -> Self {
        Self { clear: vec!["8BITMIME"], ..Self::default() }
    }

    pub fn with_starttls(tls: Arc<ServerConfig>) -> Self {
        let encrypted = vec!["8BITMIME", "AUTH PLAIN LOGIN"];
        Self { clear: vec!["STARTTLS"], encrypted, tls: Some(tls), ..Self::default() }
    }

    pub fn at(mut self, step: &'static str, act: Act) -> Self {
        self.acts.insert(step, act);
        self
    }
}

/// What came to the server.
#[derive(Default)]
pub struct Received {
    /// Each line but those of mails, and whether it was encrypted.
    pub lines: Mutex<Vec<(bool, String)>>,
    /// Each mail as it came, dots doubled.
    pub mails: Mutex<Vec<Vec<u8>>>,
    pub connections: AtomicUsize,
    steps: Mutex<BTreeMap<String, usize>>,
}

impl Received {
    /// The verbs that came, in order, of what was encrypted or of what was not.
    pub fn verbs(&self, is_encrypted: bool) -> Vec<String> {
        let lines = self.lines.lock().unwrap();
        let lines = lines.iter().filter(|(encrypted, _)| *encrypted == is_encrypted);
        lines.map(|(_, line)| line.split([' ', ':']).next().unwrap().to_owned()).collect()
    }

    pub fn mails(&self) -> Vec<String> {
        let mails = self.mails.lock().unwrap();
        mails.iter().map(|mail| String::from_utf8(mail.clone()).unwrap()).collect()
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn count(&self, step: &str) -> usize {
        let mut steps = self.steps.lock().unwrap();
        let count = steps.entry(step.to_owned()).or_default();
        *count += 1;
        *count
    }
}

/// A running server; it ends with the test's runtime.
pub struct SmtpServer {
    pub port: u16,
    pub received: Arc<Received>,
}

impl SmtpServer {
    pub async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let received = Arc::new(Received::default());
        let server = Self { port, received: Arc::clone(&received) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                received.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, script.clone(), Arc::clone(&received)));
            }
        });
        server
    }
}

async fn serve(stream: TcpStream, script: Script, received: Arc<Received>) {
    let mut session = Session { script, received, is_encrypted: false };
    if session.script.is_tls_at_once {
        let tls = TlsAcceptor::from(session.script.tls.clone().unwrap());
        let Ok(stream) = tls.accept(stream).await else { return };
        session.is_encrypted = true;
        session.talk(BufReader::new(stream), true).await;
        return;
    }
    let Some(stream) = session.talk(BufReader::new(stream), true).await else { return };
    let tls = TlsAcceptor::from(session.script.tls.clone().unwrap());
    let Ok(stream) = tls.accept(stream.into_inner()).await else { return };
    session.is_encrypted = true;
    session.talk(BufReader::new(stream), false).await;
}

struct Session {
    script: Script,
    received: Arc<Received>,
    is_encrypted: bool,
}

impl Session {
    /// Talks until the end, or until TLS begins: then the stream is given back.
    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        mut stream: BufReader<S>,
        has_greeting: bool,
    ) -> Option<BufReader<S>> {
        if has_greeting {
            self.say(&mut stream, "greeting", "220 mail.test ESMTP\r\n").await?;
        }
        loop {
            let line = next_line(&mut stream).await?;
            self.received.lines.lock().unwrap().push((self.is_encrypted, line.clone()));
            let verb = line.split([' ', ':']).next().unwrap().to_ascii_uppercase();
            match &*verb {
                "EHLO" => {
                    let usual = self.extensions();
                    self.say(&mut stream, "EHLO", &usual).await?;
                }
                "STARTTLS" => {
                    let said = self.say(&mut stream, "STARTTLS", "220 go ahead\r\n").await?;
                    if said.starts_with("220") && self.script.tls.is_some() {
                        return Some(stream);
                    }
                }
                "AUTH" if line == "AUTH LOGIN" => {
                    for question in ["334 VXNlcm5hbWU6\r\n", "334 UGFzc3dvcmQ6\r\n"] {
                        stream.write_all(question.as_bytes()).await.ok()?;
                        let answer = next_line(&mut stream).await?;
                        self.received.lines.lock().unwrap().push((self.is_encrypted, answer));
                    }
                    self.say(&mut stream, "AUTH", "235 welcome\r\n").await?;
                }
                "AUTH" => drop(self.say(&mut stream, "AUTH", "235 welcome\r\n").await?),
                "DATA" => {
                    if self.say(&mut stream, "DATA", "354 go ahead\r\n").await?.starts_with("354") {
                        let mail = mail(&mut stream).await?;
                        self.received.mails.lock().unwrap().push(mail);
                        self.say(&mut stream, "message", "250 2.0.0 taken as 1\r\n").await?;
                    }
                }
                "QUIT" => {
                    stream.write_all(b"221 bye\r\n").await.ok()?;
                    return None;
                }
                verb => {
                    let step = ["MAIL", "RCPT", "RSET"].into_iter().find(|known| *known == verb)?;
                    self.say(&mut stream, step, "250 2.1.0 ok\r\n").await?;
                }
            }
        }
    }

    fn extensions(&self) -> String {
        let extensions = if self.is_encrypted { &self.script.encrypted } else { &self.script.clear };
        let mut lines = vec!["mail.test"];
        lines.extend(extensions);
        let last = lines.pop().unwrap();
        let lines: Vec<_> = lines.iter().map(|line| format!("250-{line}\r\n")).collect();
        format!("{}250 {last}\r\n", lines.concat())
    }

    /// Does what the script says, else what is usual; gives what was said.
    async fn say<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut BufReader<S>,
        step: &'static str,
        usual: &str,
    ) -> Option<String> {
        let count = self.received.count(step);
        let text = match self.script.acts.get(step) {
            None => usual,
            Some(Act::Say(text)) => text,
            Some(Act::SayAt(time, text)) => {
                if *time == count {
                    text
                } else {
                    usual
                }
            }
            Some(Act::Hold(go_on)) => {
                go_on.notified().await;
                usual
            }
            Some(Act::Hang) => return std::future::pending().await,
            Some(Act::Close) => return None,
            Some(Act::Drip) => loop {
                stream.write_all(b"2").await.ok()?;
                stream.flush().await.ok()?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            },
            Some(Act::Endless) => {
                stream.write_all(b"250-").await.ok()?;
                loop {
                    stream.write_all(&[b'x'; 1 << 13]).await.ok()?;
                }
            }
        };
        stream.write_all(text.as_bytes()).await.ok()?;
        stream.flush().await.ok()?;
        Some(text.to_owned())
    }
}

async fn next_line<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> Option<String> {
    let mut line = String::new();
    let length = stream.read_line(&mut line).await.ok()?;
    (length > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned())
}

/// All until the line that is a dot.
async fn mail<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> Option<Vec<u8>> {
    let mut mail = Vec::new();
    loop {
        let start = mail.len();
        if stream.read_until(b'\n', &mut mail).await.ok()? == 0 {
            return None;
        }
        if &mail[start..] == b".\r\n" {
            mail.truncate(start);
            return Some(mail);
        }
    }
}
