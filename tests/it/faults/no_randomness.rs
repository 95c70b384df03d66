//! No random bytes: whatever needs none is answered as ever, and whatever does is answered too.

use std::collections::HashSet;

use crate::support::server_fixture::ServerFixture;
use crate::support::strace::Strace;

#[tokio::test]
async fn every_request_is_answered_and_numbered_where_the_system_gives_no_random_bytes() {
    for error in ["ENOSYS", "EIO", "EPERM"] {
        let scene = ServerFixture::start();
        let user = scene.office.add_client().await.unwrap();
        let (link, _) = scene.office.ask_for_link(user).await.unwrap();
        let other = scene.office.add_client().await.unwrap();
        let _tracer = Strace::attach(&scene.server, &[format!("getrandom:error={error}")]);
        let mut numbers = HashSet::new();

        for _ in 0..20 {
            let reused = scene.server.call("GET", &format!("/api/login_links/{user}")).await;
            let new = scene.server.call("GET", &format!("/api/login_links/{other}")).await;
            let page = reqwest::get(scene.server.url("/login")).await.unwrap();

            // Where there is another source of randomness a new link is made.
            assert!([200, 500, 503].contains(&new.status().as_u16()), "{error}: {}", new.status());
            assert_eq!((reused.status().as_u16(), page.status().as_u16()), (200, 200), "{error}");
            for response in [reused, new] {
                assert!(response.headers().contains_key("x-api-version"), "{error}");
                numbers.insert(response.headers()["x-api-identifier"].clone());
            }
        }

        assert_eq!(numbers.len(), 40, "{error}: requests have the same number");
        assert_eq!(scene.office.ask_for_link(user).await, Some((link, true)), "{error}");
    }
}
