//! What is sent, what is read of the answer, and what a bad receiver can do: waste its own time.

use std::time::{Duration, Instant};

use doorkey::domain::outbound::{OutboundAllow, OutboundUrl, RetryAfter};
use doorkey::outbound::http::{Failure, OutboundClient, Response};

use crate::support::receiver::{Answer, Receiver};
use crate::support::wait::until_so;

const TIME_LIMIT: Duration = Duration::from_secs(10);

fn client() -> OutboundClient {
    OutboundClient::new(OutboundAllow::parse("127.0.0.0/8").unwrap(), [])
}

fn url(receiver: &Receiver, target: &str) -> OutboundUrl {
    OutboundUrl::parse(&format!("http://{}{target}", receiver.address)).unwrap()
}

async fn post(answer: Answer, time_limit: Duration) -> (Receiver, Result<Response, Failure>) {
    let receiver = Receiver::start(answer).await;
    let answered = client().post(&url(&receiver, "/"), &[], "body", time_limit).await;
    (receiver, answered)
}

#[tokio::test]
async fn a_call_is_one_request_with_what_the_caller_gives_and_no_more() {
    let receiver = Receiver::start(Answer::status("204 No Content")).await;
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("x-id", "7")];

    let answered = client().post(&url(&receiver, "/a/../b?c=%20d"), &headers, "token=1", TIME_LIMIT).await;

    assert_eq!(answered, Ok(Response { status: 204, retry_after: None, body: Vec::new() }));
    let host = format!("host: {}", receiver.address);
    let agent = concat!("user-agent: doorkey/", env!("CARGO_PKG_VERSION"));
    let kind = "content-type: application/x-www-form-urlencoded";
    let first = ["POST /b?c=%20d HTTP/1.1", &host, agent, "connection: close", "content-length: 7"];
    let lines = [&first[..], &[kind, "x-id: 7", ""]].concat();
    assert_eq!(receiver.requests(), [format!("{}\r\ntoken=1", lines.join("\r\n"))]);
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn a_header_that_is_none_is_not_sent() {
    let receiver = Receiver::start(Answer::status("204 No Content")).await;

    for header in [("x", "a\r\nb: c"), ("a b", "x"), ("", "x")] {
        let failure = client().post(&url(&receiver, "/"), &[header], "", TIME_LIMIT).await.unwrap_err();
        assert!(matches!(failure, Failure::Broken(_)), "{failure:?}");
    }
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let target = Receiver::start(Answer::status("204 No Content")).await;
    for status in
        ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]
    {
        let text = format!("HTTP/1.1 {status}\r\nLocation: http://{}/\r\n\r\n", target.address);

        let (receiver, answered) = post(Answer::Say(text), TIME_LIMIT).await;

        let complaint = answered.unwrap().complaint().unwrap();
        assert_eq!(complaint, format!("it answered {}: redirects are not followed", &status[..3]));
        assert_eq!(receiver.connections(), 1);
    }
    assert_eq!(target.connections(), 0);
}

#[tokio::test]
async fn an_answer_is_given_with_status_body_and_when_to_come_again() {
    let text = "HTTP/1.1 503 Not Now\r\nRetry-After: 120\r\nContent-Length: 8\r\n\r\ncome ä.";

    let (_, answered) = post(Answer::Say(text.to_owned()), TIME_LIMIT).await;

    let answered = answered.unwrap();
    assert_eq!(answered.complaint().as_deref(), Some("it answered 503"));
    assert_eq!(
        (answered.retry_after, &*answered.body),
        (Some(RetryAfter::Seconds(120)), "come ä.".as_bytes())
    );
    for (status, is_fine) in [("200 OK", true), ("299 Odd", true), ("400 No", false), ("410 Gone", false)] {
        let (_, answered) = post(Answer::status(status), TIME_LIMIT).await;
        assert_eq!(answered.unwrap().complaint().is_none(), is_fine, "{status}");
    }
}

#[tokio::test]
async fn a_body_without_end_is_read_to_64_kb_and_the_connection_is_closed() {
    let endless = Answer::Repeat("HTTP/1.1 200 OK\r\n\r\n", "x".repeat(5_000), Duration::ZERO);

    let (receiver, answered) = post(endless, TIME_LIMIT).await;

    let answered = answered.unwrap();
    assert_eq!((answered.complaint(), answered.body), (None, vec![b'x'; 64 << 10]));
    let is_over = async || receiver.ended() == 1;
    until_so(TIME_LIMIT, is_over, || "the connection is still there".to_owned()).await;
}

#[tokio::test]
async fn a_body_that_drips_takes_five_seconds_at_most_and_the_status_counts() {
    let drip = || Answer::Repeat("HTTP/1.1 200 OK\r\n\r\nx", "x".to_owned(), Duration::from_millis(100));

    for (time_limit, at_most) in [(Duration::from_secs(1), 3), (Duration::from_mins(1), 8)] {
        let begun = Instant::now();
        let (_, answered) = post(drip(), time_limit).await;

        let answered = answered.unwrap();
        assert!(answered.complaint().is_none() && answered.body.starts_with(b"x"), "{answered:?}");
        assert!(begun.elapsed() < Duration::from_secs(at_most), "{:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn whoever_does_not_answer_well_is_given_up_in_time_and_said_so() {
    let long = "x".repeat(1 << 13);
    let endless_line = Answer::Repeat("HTTP/1.1 200 OK\r\nx: ", long.clone(), Duration::ZERO);
    let header = format!("y: {long}\r\n");
    let endless_head = Answer::Repeat("HTTP/1.1 200 OK\r\n", header, Duration::ZERO);
    let go_on = "HTTP/1.1 100 Continue\r\n\r\n".repeat(9);
    let say = |text: &str| Answer::Say(text.to_owned());
    for (answer, said) in [
        (Answer::Hang, "did not answer in time"),
        (Answer::Repeat("HTTP/1.1 2", "0".to_owned(), Duration::from_millis(50)), "in time"),
        (Answer::Repeat("HTTP/1.1 200 OK\r\nx: ", "y".to_owned(), Duration::from_millis(50)), "in time"),
        (endless_line, "longer than 64 kB"),
        (endless_head, "longer than 64 kB"),
        (Answer::Repeat("", go_on, Duration::ZERO), "in time"),
        (Answer::Close, "closed the connection"),
        (say("220 mail.test ESMTP\r\n\r\n"), "no HTTP"),
        (say("\u{1b}[2J\r\n\r\n"), "no HTTP"),
        (say("HTTP/1.1 200 OK\r\nx"), "closed the connection"),
    ] {
        let begun = Instant::now();
        let (receiver, answered) = post(answer, Duration::from_secs(1)).await;

        let sentence = answered.unwrap_err().to_string();
        assert!(sentence.contains(said) && !sentence.contains(char::is_control), "{said}: {sentence}");
        assert!(sentence.len() <= 500 && begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        let is_over = async || receiver.ended() == 1;
        until_so(TIME_LIMIT, is_over, || format!("the connection is still there: {said}")).await;
    }
    let nobody = OutboundUrl::parse("http://127.0.0.9:9/").unwrap();
    let sentence = client().post(&nobody, &[], "", TIME_LIMIT).await.unwrap_err().to_string();
    assert!(sentence.starts_with("127.0.0.9:9 cannot be connected to"), "{sentence}");
}

#[tokio::test]
async fn a_slow_receiver_holds_up_no_other() {
    let slow = Receiver::start(Answer::Hang).await;
    let quick = Receiver::start_at("127.0.0.2:0", Answer::status("204 No Content"), None).await;
    let client = client();
    let (slow_url, quick_url) = (url(&slow, "/"), url(&quick, "/"));
    let limit = Duration::from_secs(2);
    let stuck = async || {
        futures_util::future::join_all((0..70).map(|_| client.post(&slow_url, &[], "", limit))).await
    };
    let quickly = async || {
        let is_full = async || slow.connections() == 4;
        until_so(TIME_LIMIT, is_full, || format!("{} connections", slow.connections())).await;
        let begun = Instant::now();
        let answered = client.post(&quick_url, &[], "", limit).await;
        (answered, begun.elapsed(), slow.connections())
    };

    let (stuck, (answered, took, at_once)) = tokio::join!(stuck(), quickly());

    assert_eq!(answered.unwrap().status, 204);
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!(at_once, 4);
    let is_busy = |failure: &Result<Response, Failure>| matches!(failure, Err(Failure::Busy { .. }));
    assert!(stuck.iter().filter(|failure| is_busy(failure)).count() >= 60, "{stuck:?}");
    assert!(stuck.iter().all(Result::is_err));
}
