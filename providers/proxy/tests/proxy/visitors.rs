use mprov_sdk::{Object, Value};

use crate::support::client::{get, header};
use crate::support::{Caddy, ROUTE, Upstream, changes, route, with_server};

const HOST: &str = "a.example.org";
/// By which a visitor from elsewhere would claim to be the machine itself, or somebody else.
const FORGED: &str = "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Host: 6.6.6.6\r\n\
                      X-Forwarded-Proto: https\r\nX-Forwarded-Port: 6666\r\nX-Forwarded-Ssl: on\r\n\
                      Forwarded: for=127.0.0.1;host=6.6.6.6;proto=https\r\nX-Real-Ip: 127.0.0.1\r\n\
                      Client-Ip: 6.6.6.6\r\nTrue-Client-Ip: 6.6.6.6\r\n";

fn allowing(upstream: &Upstream, networks: &[&str]) -> Object {
    route(HOST, &upstream.text()).with("allow", Value::list(networks.iter().map(|n| (*n).into())))
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_see_a_route_is_told_by_the_connection_alone() {
    let caddy = Caddy::start();
    let blue = Upstream::start("blue").await;
    let site = with_server(&caddy).await;
    let for_us = allowing(&blue, &["10.0.0.0/8", "127.0.0.0/8"]);
    let made = site.create(ROUTE, &for_us).await;
    assert_eq!(site.read(ROUTE, &made).await.as_ref(), Some(&made));
    assert_eq!(changes(ROUTE, &for_us, &made), Vec::<String>::new());
    let claims_to_be_elsewhere = "X-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n";
    assert_eq!(get(caddy.http_port, HOST, "/", claims_to_be_elsewhere).await.status, 200);

    let mut for_others = allowing(&blue, &["10.0.0.0/8", "6.6.6.6/32", "2001:db8::/32"]);
    for_others.set("preview_cookie", Value::from("secret-0123456789").sensitive());
    let made = site.update(ROUTE, &made, &for_others).await;
    let unknown = get(caddy.http_port, "b.example.org", "/", "").await;
    for headers in ["", FORGED, claims_to_be_elsewhere, crate::support::COOKIE] {
        let answer = get(caddy.http_port, HOST, "/", &format!("X-Id: 1\r\n{headers}")).await;
        assert_eq!((answer.status, &answer.body), (404, &unknown.body), "{headers}");
    }
    for_others.set("frozen", true);
    let made = site.update(ROUTE, &made, &for_others).await;
    assert_eq!(get(caddy.http_port, HOST, "/", FORGED).await.status, 404);
    // That there is a site is not told by the way to HTTPS either.
    for_others.set("tls", "internal");
    site.update(ROUTE, &made, &for_others).await;
    assert_eq!(get(caddy.http_port, HOST, "/", FORGED).await.status, 404);
    assert!(blue.arrivals().iter().all(|arrival| arrival.id.is_none()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_upstream_is_told_of_a_visitor_comes_from_the_proxy() {
    let caddy = Caddy::start();
    let blue = Upstream::start("blue").await;
    let site = with_server(&caddy).await;
    site.create(ROUTE, &route(HOST, &blue.text())).await;
    // The second one would have Caddy take the header for one of the connection.
    for forged in [FORGED.to_owned(), format!("{FORGED}Connection: X-Forwarded-For, X-Forwarded-Proto\r\n")] {
        let told = get(caddy.http_port, HOST, "/", &forged).await.body;
        for (name, value) in
            [("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-Host", HOST), ("X-Forwarded-Proto", "http")]
        {
            let given: Vec<_> = told.lines().filter(|l| l.starts_with(&format!("{name}:"))).collect();
            assert_eq!((given.len(), header(&told, name)), (1, Some(value)), "{told}");
        }
        for name in ["Forwarded", "X-Real-Ip", "Client-Ip", "True-Client-Ip", "X-Forwarded-Port"] {
            assert_eq!(header(&told, name), None, "{told}");
        }
        assert!(!told.contains("6.6.6.6") && !told.contains("6666"), "{told}");
    }
}
