use std::time::{Duration, Instant};

use mprov_sdk::Object;
use tokio::net::TcpListener;

use crate::support::client::get;
use crate::support::{Caddy, Client, Kind, Load, ROUTE, Site, Upstream, changes, route, with_server};

const HOST: &str = "a.example.org";
const BODY: usize = 2000;
const PAUSE: Duration = Duration::from_millis(40);

async fn load(caddy: &Caddy) -> Load {
    let load = Load::start(caddy.http_port, HOST, 16, PAUSE, Kind::Post(BODY));
    load.wait_for("200 blue", 50).await;
    load
}

async fn freeze(site: &Site, made: &Object, planned: &mut Object) -> Object {
    planned.set("frozen", true);
    let frozen = site.update(ROUTE, made, planned).await;
    assert_eq!(frozen["frozen"], true.into());
    assert_eq!(site.read(ROUTE, &frozen).await.as_ref(), Some(&frozen));
    frozen
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_over_under_load_shows_old_freeze_page_and_new_and_nothing_else() {
    let caddy = Caddy::start();
    let blue = Upstream::start("blue").await;
    let site = with_server(&caddy).await;
    let mut planned = route(HOST, &blue.text());
    let made = site.create(ROUTE, &planned).await;
    let configuration = caddy.admin("GET", "/config/", None).await;
    let loads = caddy.loads();

    let load = load(&caddy).await;
    let frozen = freeze(&site, &made, &mut planned).await;
    load.wait_for("503", 50).await;
    let green = Upstream::start("green").await;
    planned.set("upstream", green.text()).set("frozen", false);
    let switched = site.update(ROUTE, &frozen, &planned).await;
    let thawed = Instant::now();
    assert_eq!((&switched["upstream"], &switched["live_slot"]), (&green.text().into(), &"b".into()));
    assert_eq!(site.read(ROUTE, &switched).await.as_ref(), Some(&switched));
    assert_eq!(changes(ROUTE, &planned, &switched), Vec::<String>::new());
    load.wait_for("200 green", 50).await;

    let report = load.stop().await;
    report.assert_only(&["200 blue", "503", "200 green"]);
    report.assert_rate(50.0);
    for late in report.exchanges.iter().filter(|e| e.sent > thawed) {
        assert_eq!(late.outcome, "200 green");
    }
    report.assert_exactly_once(BODY, &[&blue, &green]);
    assert_eq!(caddy.loads(), loads, "a cut-over loads no configuration");
    assert_eq!(caddy.admin("GET", "/config/", None).await, configuration);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_over_that_is_undone_shows_old_and_freeze_page_and_nothing_else() {
    let caddy = Caddy::start();
    let blue = Upstream::start("blue").await;
    let site = with_server(&caddy).await;
    let mut planned = route(HOST, &blue.text());
    let made = site.create(ROUTE, &planned).await;
    let loads = caddy.loads();

    let load = load(&caddy).await;
    for _ in 0..5 {
        let frozen = freeze(&site, &made, &mut planned).await;
        load.wait_for("503", 20).await;
        planned.set("frozen", false);
        assert_eq!(site.update(ROUTE, &frozen, &planned).await, made);
        load.wait_for("200 blue", 20).await;
    }
    let report = load.stop().await;
    report.assert_only(&["200 blue", "503"]);
    report.assert_rate(50.0);
    report.assert_exactly_once(BODY, &[&blue]);
    assert_eq!(caddy.loads(), loads, "freezing and thawing load no configuration");
}

#[tokio::test(flavor = "multi_thread")]
async fn freezing_and_thawing_do_not_ask_whether_the_site_is_well() {
    let caddy = Caddy::start();
    let blue = Upstream::start("blue").await;
    let site = with_server(&caddy).await;
    let mut planned = route(HOST, &blue.text());
    let made = site.create(ROUTE, &planned).await;
    planned.set("health_path", "/sick").set("health_timeout", "1s");
    let frozen = freeze(&site, &made, &mut planned).await;
    planned.set("frozen", false);
    let thawed = site.update(ROUTE, &frozen, &planned).await;
    assert_eq!(thawed["frozen"], false.into());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_dead_upstream_follows_when_users_are_switched_away_from_it() {
    let caddy = Caddy::start();
    let blue = Upstream::start("blue").await;
    let green = Upstream::start("green").await;
    let site = with_server(&caddy).await;
    let mut planned = route(HOST, &blue.text());
    let made = site.create(ROUTE, &planned).await;
    let address = blue.address;
    drop(blue);
    let dying = loop {
        match TcpListener::bind(address).await {
            Ok(listener) => break listener,
            Err(_) => tokio::task::yield_now().await,
        }
    };

    let port = caddy.http_port;
    let waiting: Vec<_> =
        (0..20).map(|_| tokio::spawn(async move { get(port, HOST, "/", "").await })).collect();
    for _ in &waiting {
        drop(dying.accept().await.expect("a request"));
    }
    drop(dying);
    planned.set("upstream", green.text());
    site.update(ROUTE, &made, &planned).await;
    for answer in waiting {
        let answer = answer.await.expect("an answer");
        assert_eq!((answer.status, answer.body.lines().next()), (200, Some("I am green")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_dead_upstream_in_vain_is_told_so() {
    let caddy = Caddy::start();
    let blue = Upstream::start("blue").await;
    let site = with_server(&caddy).await;
    site.create(ROUTE, &route(HOST, &blue.text())).await;
    let post = |path: &str| {
        format!("POST {path} HTTP/1.1\r\nHost: {HOST}\r\nX-Id: 7\r\nContent-Length: 4\r\n\r\nabcd")
            .into_bytes()
    };
    let mut client = Client::connect(caddy.http_port).await;
    assert_eq!(client.send(&[&post("/broken")]).await.expect("an answer").status, 502);
    let arrived = blue.arrivals().iter().filter(|a| a.id == Some(7)).count();
    assert_eq!(arrived, 1, "it may have been carried out");
    drop(blue);
    assert_eq!(get(caddy.http_port, HOST, "/", "").await.status, 502);
    assert_eq!(client.send(&[&post("/")]).await.expect("an answer").status, 502);
}
