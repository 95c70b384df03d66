//! What drives a browser over `WebDriver`: chromedriver, geckodriver, and `WebKit`'s own, whose browser needs a display.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::ports::free_port;
use super::wait::until;

/// How long a driver may take to listen.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A running driver; it ends when this is dropped, after its browser.
pub struct Driver {
    pub port: u16,
    /// The driver itself, and then what it needs.
    processes: Vec<Child>,
}

impl Drop for Driver {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Debian's chromedriver.
pub fn chromium() -> Driver {
    start_driver(&mut Command::new("chromedriver"), |line| {
        let (_, port) = line.split_once("started successfully on port ")?;
        port.trim_end_matches('.').parse().ok()
    })
}

/// The geckodriver that `./test` builds.
pub fn firefox() -> Driver {
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let installed =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(target).join("geckodriver/bin/geckodriver");
    assert!(installed.exists(), "geckodriver is missing: ./test installs it");
    let listens = |line: &str| line.rsplit_once("Listening on 127.0.0.1:")?.1.trim().parse().ok();
    start_driver(&mut Command::new(installed), listens)
}

/// On a port that it chooses itself and then says. Where another process took that port meanwhile it ends, and is started
/// again.
fn start_driver(command: &mut Command, port_of: impl Fn(&str) -> Option<u16>) -> Driver {
    command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    for _ in 0..5 {
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        if let Some(port) = lines.by_ref().map_while(Result::ok).find_map(|line| port_of(&line)) {
            // Whatever it says later is read and dropped, so that it never waits for a reader.
            std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
            return Driver { port, processes: vec![process] };
        }
        process.wait().unwrap();
    }
    panic!("{command:?} does not start");
}

/// `WebKit`'s driver, on a display of its own. What its browser keeps is in this folder.
pub fn webkit(home: &Path) -> Driver {
    let mut display = Command::new("Xvfb")
        .args(["-displayfd", "1", "-screen", "0", "1024x768x24", "-nolisten", "tcp"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("Xvfb is missing: apt-get install xvfb");
    let mut number = String::new();
    BufReader::new(display.stdout.take().unwrap()).read_line(&mut number).unwrap();
    let port = free_port();
    let driver = Command::new("WebKitWebDriver")
        .arg(format!("--port={port}"))
        .env("DISPLAY", format!(":{}", number.trim()))
        .env("HOME", home)
        .envs([("XDG_DATA_HOME", home), ("XDG_CACHE_HOME", home), ("XDG_RUNTIME_DIR", home)])
        // It is a container's root, or has no namespaces of its own to give.
        .env("WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("WebKitWebDriver is missing: apt-get install webkit2gtk-driver");
    let driver = Driver { port, processes: vec![driver, display] };
    let listens = || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
    until(TIMEOUT, listens, || "WebKitWebDriver does not listen".to_owned());
    driver
}

/// `WebKit`'s browser, which stands in a folder of the machine's kind.
pub fn mini_browser() -> PathBuf {
    let of_machines = std::fs::read_dir("/usr/lib").unwrap().map(|entry| entry.unwrap().path());
    let mut found = of_machines.flat_map(|folder| {
        ["webkit2gtk-4.1", "webkit2gtk-4.0", "webkitgtk-6.0"]
            .map(|name| folder.join(name).join("MiniBrowser"))
    });
    found
        .find(|path| path.exists())
        .expect("MiniBrowser of WebKit is missing: apt-get install webkit2gtk-driver")
}

/// A proxy that leads every `CONNECT` to this port of this machine, whatever host it names.
pub async fn tunnel_to(port: u16) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let tunnel = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(client.read_u8().await?);
                }
                let mut server = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
                client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
                tokio::io::copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
    tunnel
}
