use mprov_sdk::Value;

use crate::support::client::{get, header};
use crate::support::{COOKIE, Caddy, ROUTE, Upstream, route, with_server};

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_stops_everybody_but_the_operator() {
    let caddy = Caddy::start();
    let (blue, green) = (Upstream::start("blue").await, Upstream::start("green").await);
    let site = with_server(&caddy).await;
    let page = "<style>h1{color:red}</style><h1>{http.request.host} is {back} soon</h1>";
    let mut planned = route("a.example.org", &blue.text());
    planned.set("preview_cookie", Value::from("secret-0123456789").sensitive()).set("freeze_page", page);
    let made = site.create(ROUTE, &planned).await;
    // The other slot was never filled: the operator is a visitor like everybody.
    assert!(get(caddy.http_port, "a.example.org", "/", COOKIE).await.body.starts_with("I am blue"));
    planned.set("frozen", true);
    let made = site.update(ROUTE, &made, &planned).await;
    assert_eq!(get(caddy.http_port, "a.example.org", "/", COOKIE).await.status, 503);
    planned.set("frozen", false);
    let made = site.update(ROUTE, &made, &planned).await;

    planned.set("upstream", green.text());
    let made = site.update(ROUTE, &made, &planned).await;
    planned.set("frozen", true);
    let made = site.update(ROUTE, &made, &planned).await;
    let answer = get(caddy.http_port, "a.example.org", "/", "").await;
    assert_eq!((answer.status, &*answer.body), (503, page));
    for (name, value) in [
        ("Retry-After", "60"),
        ("Cache-Control", "no-store"),
        ("Connection", "close"),
        ("Content-Type", "text/html; charset=utf-8"),
    ] {
        assert_eq!(header(&answer.head, name), Some(value), "{}", answer.head);
    }
    let wrong = "Cookie: mprov_preview=secret-012345678\r\n";
    assert_eq!(get(caddy.http_port, "a.example.org", "/", wrong).await.status, 503);
    let shown = get(caddy.http_port, "a.example.org", "/", COOKIE).await;
    assert!(shown.body.starts_with("I am blue") && shown.head.contains("X-Mprov-Slot: a"), "{shown:?}");
    assert_eq!(header(&shown.head, "Cache-Control"), Some("no-store"));
    assert!(!caddy.log().contains("secret-0123456789"), "the cookie is in the log");

    planned.set("frozen", false);
    site.update(ROUTE, &made, &planned).await;
    assert!(get(caddy.http_port, "a.example.org", "/", "").await.body.starts_with("I am green"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_preview_cookie_is_not_passed_on() {
    let caddy = Caddy::start();
    let (blue, green) = (Upstream::start("blue").await, Upstream::start("green").await);
    let site = with_server(&caddy).await;
    let mut planned = route("a.example.org", &blue.text());
    planned.set("preview_cookie", Value::from("secret-0123456789").sensitive());
    let made = site.create(ROUTE, &planned).await;
    planned.set("upstream", green.text());
    site.update(ROUTE, &made, &planned).await;

    let ours = "mprov_preview=secret-0123456789";
    for (sent, arrives) in [
        (ours.to_owned(), ""),
        (format!("{ours}; MoodleSession=1"), "MoodleSession=1"),
        (format!("MoodleSession=1; {ours}"), "MoodleSession=1"),
        (format!("MoodleSession=1; {ours}; other=2"), "MoodleSession=1; other=2"),
        (format!("{ours}; {ours}; other=2"), "other=2"),
        (format!("MoodleSession=1;{}", ours.replace("mprov", "MPROV")), "MoodleSession=1"),
    ] {
        let cookie = format!("Cookie: {sent}\r\n");
        let shown = get(caddy.http_port, "a.example.org", "/", &cookie).await;
        assert!(shown.body.starts_with("I am blue"), "{sent}: {}", shown.body);
        assert_eq!(header(&shown.body, "Cookie"), Some(arrives), "{sent}");
    }
    // Nor is a wrong one, which everybody can send.
    let wrong = "Cookie: MoodleSession=1; mprov_preview=guess; not_mprov_preview=2\r\n";
    let shown = get(caddy.http_port, "a.example.org", "/", wrong).await;
    assert!(shown.body.starts_with("I am green"), "{}", shown.body);
    assert_eq!(header(&shown.body, "Cookie"), Some("MoodleSession=1; not_mprov_preview=2"));
}

#[test]
fn the_schema_tells_what_freezes() {
    let provider = mprov_provider_proxy::provider();
    assert_eq!(provider.schema().resource(ROUTE).expect("a known type").freezes_by, Some("frozen"));
}
