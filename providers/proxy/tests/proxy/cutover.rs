use std::time::{Duration, Instant};

use mprov_sdk::Object;

use crate::support::{Caddy, Kind, Load, ROUTE, Site, Upstream, changes, route, with_server};

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
