//! Sites are made, changed and removed many times while everything goes wrong that can, and
//! creates and deletes are cut off in the middle. What the engine does after a doubt is done here:
//! at no time is there a second one of anything, and in the end nothing is left.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mprov_provider_aws::Pace;
use mprov_sdk::{Fault, Object, PlanRequest, Value, Verdict};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::moto;
use crate::world::{self, World, ZONE, without_unknown};
use crate::xml;

const WORKERS: u32 = 3;
const ROUNDS: u32 = 3;
/// Of 100 creates and deletes.
const KILLED: u32 = 30;
const LATEST_KILL: u64 = 400;
/// A request of a dead process may take that long to take effect on a busy machine.
const PACE: Pace = Pace { out_of_sight: Duration::from_secs(3), ..world::PACE };
/// More tries than luck can need.
const TRIES: u32 = 60;

const TAGGED: [&str; 11] = [
    "aws_vpc",
    "aws_subnet",
    "aws_internet_gateway",
    "aws_route_table",
    "aws_security_group",
    "aws_security_group_rule",
    "aws_key_pair",
    "aws_instance",
    "aws_volume",
    "aws_snapshot",
    "aws_address",
];

/// One user of the provider, with a journal in its head.
struct Worker {
    world: Arc<World>,
    name: String,
    dice: Mutex<StdRng>,
}

enum Outcome<T> {
    Ended(Result<T, Fault>),
    Killed,
}

impl Worker {
    /// Runs a call of the provider, or only the beginning of it.
    async fn run<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, Fault>> + Send + 'static,
    ) -> Outcome<T> {
        let kill = {
            let mut dice = self.dice.lock().expect("lock");
            let time = Duration::from_millis(dice.random_range(0..LATEST_KILL));
            (dice.random_range(0..100) < KILLED).then_some(time)
        };
        let mut running = tokio::spawn(call);
        let Some(time) = kill else { return Outcome::Ended(running.await.expect("no panic")) };
        match tokio::time::timeout(time, &mut running).await {
            Ok(ended) => Outcome::Ended(ended.expect("no panic")),
            Err(_) => {
                running.abort();
                // It may have ended in the same moment: what a dead process would have done.
                let _ = running.await;
                Outcome::Killed
            }
        }
    }

    /// Makes one, as the engine would: with a new token for every new step.
    async fn make(&self, kind: &str, what: &str, config: Object) -> Object {
        let resource = self.world.resource(kind);
        let planned = self.world.planned(kind, &config).await;
        for attempt in 0..TRIES {
            let call = self.world.call(&format!("{}-{what}-{attempt}", self.name));
            let (creating, again, wanted) = (resource.clone(), call.clone(), planned.clone());
            let outcome = self.run(async move { creating.create(&again, &wanted).await }).await;
            let ended = match outcome {
                Outcome::Ended(Ok(made)) => return made,
                Outcome::Ended(Err(fault)) => fault.partial.map(|partial| (partial, fault.resumable)),
                Outcome::Killed => match self.find(kind, &call, &planned).await {
                    Ok(None) => None,
                    Ok(Some(made)) => return made,
                    Err(partial) => Some(partial),
                },
            };
            let Some((partial, resumable)) = ended else { continue };
            if resumable && let Some(done) = self.finish(kind, &config, partial.clone()).await {
                return done;
            }
            self.remove(kind, &partial).await;
        }
        panic!("{kind} was not made in {TRIES} tries")
    }

    /// Asks until there is an answer, which may be something half made.
    async fn find(
        &self,
        kind: &str,
        call: &mprov_sdk::Call,
        planned: &Object,
    ) -> Result<Option<Object>, (Object, bool)> {
        for _ in 0..TRIES {
            match self.world.resource(kind).find(call, planned).await {
                Ok(answer) => return Ok(answer),
                Err(Fault { partial: Some(partial), resumable, .. }) => return Err((partial, resumable)),
                Err(_) => {}
            }
        }
        panic!("{kind}: no answer in {TRIES} tries")
    }

    /// Applies until there is nothing to do; none if it has to be made anew.
    async fn finish(&self, kind: &str, config: &Object, stored: Object) -> Option<Object> {
        let resource = self.world.resource(kind);
        let config = self.world.config(kind, config);
        let call = self.world.call(&format!("{}-finish", self.name));
        for _ in 0..TRIES {
            let Ok(observed) = resource.read(&call, &stored).await else { continue };
            let observed = observed?;
            let request = PlanRequest { config: &config, stored: Some(&stored), observed: Some(&observed) };
            let planned = self.world.provider.plan(kind, &request);
            match planned.verdict {
                Verdict::Nothing => return Some(observed),
                Verdict::Update => {
                    let wanted = without_unknown(&planned.after);
                    let (updating, again) = (resource.clone(), call.clone());
                    let prior = observed.clone();
                    let updated = async move { updating.update(&again, &prior, &wanted).await };
                    if let Outcome::Ended(Ok(done)) = self.run(updated).await {
                        return Some(done);
                    }
                }
                Verdict::Create | Verdict::Replace => return None,
            }
        }
        panic!("{kind} was not finished in {TRIES} tries")
    }

    async fn remove(&self, kind: &str, stored: &Object) {
        let resource = self.world.resource(kind);
        let call = self.world.call(&format!("{}-remove", self.name));
        for _ in 0..TRIES {
            let (deleting, again, prior) = (resource.clone(), call.clone(), stored.clone());
            match self.run(async move { deleting.delete(&again, &prior).await }).await {
                Outcome::Ended(Ok(())) => return,
                Outcome::Ended(Err(_)) => {}
                Outcome::Killed => {
                    if let Ok(None) = resource.remains(&call, stored).await {
                        return;
                    }
                }
            }
        }
        panic!("{kind} was not removed in {TRIES} tries: {stored:?}")
    }

    async fn change(&self, kind: &str, config: &Object, stored: Object) -> Object {
        self.finish(kind, config, stored).await.expect("it is there and can be changed in place")
    }

    async fn round(&self, n: u32) {
        let cidr = |rest: &str| format!("10.{}.{rest}", 100 + n);
        let id = |made: &Object| made["id"].clone();
        let vpc = self.make("aws_vpc", "vpc", Object::new().with("cidr", cidr("0.0/16"))).await;
        let tagged = Object::new().with("cidr", cidr("0.0/16")).with("enable_dns_hostnames", true);
        let vpc = self.change("aws_vpc", &tagged, vpc).await;
        let gateway = Object::new().with("vpc_id", id(&vpc));
        let gateway = self.make("aws_internet_gateway", "igw", gateway).await;
        let subnet = Object::new()
            .with("vpc_id", id(&vpc))
            .with("cidr", cidr("1.0/24"))
            .with("availability_zone", ZONE)
            .with("map_public_ip_on_launch", true);
        let subnet = self.make("aws_subnet", "subnet", subnet).await;
        let nothing = ["nat_gateway_id", "network_interface_id", "vpc_peering_connection_id"];
        let route = [("cidr", Value::from("0.0.0.0/0")), ("gateway_id", id(&gateway))];
        let route = Value::object(route.into_iter().chain(nothing.map(|name| (name, Value::Null))));
        let table = Object::new().with("vpc_id", id(&vpc)).with("route", Value::set([route]));
        let table = self.make("aws_route_table", "table", table).await;
        let association = Object::new().with("subnet_id", id(&subnet)).with("route_table_id", id(&table));
        let association = self.make("aws_route_table_association", "routes", association).await;
        let name = self.world.name(&self.name);
        let group =
            Object::new().with("name", name.as_str()).with("vpc_id", id(&vpc)).with("default_egress", false);
        let group = self.make("aws_security_group", "group", group).await;
        let rule = Object::new()
            .with("security_group_id", id(&group))
            .with("direction", "ingress")
            .with("from_port", 22)
            .with("to_port", 22)
            .with("cidr", "0.0.0.0/0");
        let rule = self.make("aws_security_group_rule", "rule", rule).await;
        let key = Object::new().with("name", name.as_str()).with("public_key", crate::networks::KEY);
        let key = self.make("aws_key_pair", "key", key).await;
        let machine = Object::new()
            .with("image", moto::image())
            .with("instance_type", "t3.small")
            .with("subnet_id", id(&subnet))
            .with("key_name", name.as_str())
            .with("security_group_ids", Value::list([id(&group)]));
        let instance = self.make("aws_instance", "vm", machine.clone()).await;
        let larger = machine.with("instance_type", "t3.large");
        let instance = self.change("aws_instance", &larger, instance).await;
        let volume = Object::new().with("availability_zone", ZONE).with("size", 10);
        let volume = self.make("aws_volume", "data", volume.clone()).await;
        let attachment = Object::new().with("instance_id", id(&instance)).with("volume_id", id(&volume));
        let attachment = self.make("aws_volume_attachment", "attachment", attachment).await;
        let snapshot = Object::new().with("volume_id", id(&volume));
        let snapshot = self.make("aws_snapshot", "snapshot", snapshot).await;
        let address = self.make("aws_address", "address", Object::new()).await;
        let leads = Object::new().with("address_id", id(&address)).with("instance_id", id(&instance));
        let leads = self.make("aws_address_association", "leads", leads).await;

        self.has_one_of_each().await;
        let volume_id = volume.str("id").expect("an id");
        let raw = self.world.raw("DescribeVolumes", &[("VolumeId.1", volume_id)]).await;
        assert_eq!(xml::texts(&raw, "attachTime").len(), 1, "{raw}");

        for (kind, made) in [
            ("aws_address_association", &leads),
            ("aws_address", &address),
            ("aws_snapshot", &snapshot),
            ("aws_volume_attachment", &attachment),
            ("aws_volume", &volume),
            ("aws_instance", &instance),
            ("aws_key_pair", &key),
            ("aws_security_group_rule", &rule),
            ("aws_security_group", &group),
            ("aws_route_table_association", &association),
            ("aws_route_table", &table),
            ("aws_internet_gateway", &gateway),
            ("aws_subnet", &subnet),
            ("aws_vpc", &vpc),
        ] {
            self.remove(kind, made).await;
        }
    }

    async fn has_one_of_each(&self) {
        for kind in TAGGED {
            let all = self.world.tagged(kind, &self.world.name(&format!("{}-*", self.name))).await;
            assert_eq!(all.len(), 1, "{kind}: {all:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_there_is_one_of_each_and_in_the_end_none() {
    let given = std::env::var("MPROV_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = given.unwrap_or_else(rand::random);
    let _ = writeln!(std::io::stderr(), "MPROV_SEED={seed}");
    let world = Arc::new(World::with(PACE).await);
    world.proxy.go_wild(seed);
    let workers = (0..WORKERS).map(|w| {
        let world = world.clone();
        tokio::spawn(async move {
            for n in 0..ROUNDS {
                let dice = StdRng::seed_from_u64(seed ^ u64::from(w * ROUNDS + n + 1));
                let worker = Worker { world: world.clone(), name: format!("w{w}r{n}"), dice: dice.into() };
                worker.round(w * ROUNDS + n).await;
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap_or_else(|panic| panic!("MPROV_SEED={seed}: {panic}"));
    }
    for kind in TAGGED {
        let left = world.tagged(kind, &format!("{}-*", world.prefix)).await;
        assert!(left.is_empty(), "MPROV_SEED={seed}: {kind} left behind: {left:?}");
    }
}
