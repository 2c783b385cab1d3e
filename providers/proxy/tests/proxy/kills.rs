use std::sync::Arc;

use mprov_sdk::Object;

use crate::support::client::get;
use crate::support::machine::MortalMachine;
use crate::support::{Caddy, ROUTE, Site, Upstream, call, changes, route, with_server};

const HOST: &str = "a.example.org";

/// What users get is what reading says.
async fn assert_honest(caddy: &Caddy, seen: &Object, upstreams: &[&Upstream]) {
    let answer = get(caddy.http_port, HOST, "/", "").await;
    if seen["frozen"] == true.into() {
        return assert_eq!(answer.status, 503, "{seen:?}");
    }
    let live = upstreams.iter().find(|u| seen["upstream"] == u.text().into()).expect("one of them");
    assert!(answer.body.starts_with(&format!("I am {}", live.name)), "{seen:?}: {}", answer.body);
}

/// Kills the update at each of its changes, and does it again each time.
async fn kill_everywhere(caddy: &Caddy, site: &Site, before: &Object, planned: &Object, all: &[&Upstream]) {
    for kill in 0.. {
        assert!(kill < 50, "it does not come to an end");
        let seen = site.read(ROUTE, before).await.expect("it is there");
        let start = site.update(ROUTE, &seen, before).await;
        let mortal = caddy.site_on(Arc::new(MortalMachine::dying_after(kill))).await;
        let updated = mortal.of(ROUTE).update(&call("token-2"), &start, planned).await;
        if updated.is_ok() {
            assert!(kill > 1, "nothing was changed");
            return;
        }
        let seen = site.read(ROUTE, &start).await.expect("it is there");
        assert_honest(caddy, &seen, all).await;
        assert_ne!(changes(ROUTE, planned, &seen), Vec::<String>::new(), "killed at change {kill}: {seen:?}");
        let finished = site.update(ROUTE, &seen, planned).await;
        assert_eq!(changes(ROUTE, planned, &finished), Vec::<String>::new());
        assert_eq!(site.read(ROUTE, &finished).await.as_ref(), Some(&finished));
        assert_honest(caddy, &finished, all).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_is_killed_anywhere_shows_and_ends_well_when_repeated() {
    let caddy = Caddy::start();
    let (blue, green) = (Upstream::start("blue").await, Upstream::start("green").await);
    let site = with_server(&caddy).await;
    // What a freeze waits for is not the point here.
    let open = route(HOST, &blue.text()).with("drain_timeout", "0s");
    let frozen = open.clone().with("frozen", true);
    let switched = open.clone().with("upstream", green.text());
    site.create(ROUTE, &open).await;

    let all = [&blue, &green];
    kill_everywhere(&caddy, &site, &open, &frozen, &all).await;
    kill_everywhere(&caddy, &site, &frozen, &switched, &all).await;
    kill_everywhere(&caddy, &site, &switched, &frozen, &all).await;
    kill_everywhere(&caddy, &site, &frozen, &open, &all).await;
    kill_everywhere(&caddy, &site, &open, &switched.clone().with("max_body", "2M"), &all).await;
}
