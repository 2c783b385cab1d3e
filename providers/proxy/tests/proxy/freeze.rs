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
    // The other slot was never filled.
    assert!(get(caddy.http_port, "a.example.org", "/", COOKIE).await.body.starts_with("I am blue"));

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
    assert!(!caddy.log().contains("secret-0123456789"), "the cookie is in the log");

    planned.set("frozen", false);
    site.update(ROUTE, &made, &planned).await;
    assert!(get(caddy.http_port, "a.example.org", "/", "").await.body.starts_with("I am green"));
}

#[test]
fn the_schema_tells_what_freezes() {
    let provider = mprov_provider_proxy::provider();
    assert_eq!(provider.schema().resource(ROUTE).expect("a known type").freezes_by, Some("frozen"));
}
