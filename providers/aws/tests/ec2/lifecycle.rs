//! What is claimed of every resource type.

use std::time::Duration;

use mprov_sdk::{Object, Verdict};

use crate::proxy::Fault;
use crate::world::{World, describing};

/// One type, and how it is made.
pub struct Lifecycle<'a> {
    pub world: &'a World,
    pub kind: &'a str,
    /// The call of EC2 that makes one.
    pub action: &'a str,
    pub config: Object,
    /// Another configuration that is reached in place, where there is one.
    pub changed: Option<Object>,
}

/// How the reply of a create goes wrong, after it took effect.
const LOSSES: [Fault; 2] = [Fault::Lost, Fault::Failed];

impl Lifecycle<'_> {
    pub async fn holds(&self) {
        let made = self.changes_in_place().await;
        self.is_imported_as_it_is(&made).await;
        self.world.delete(self.kind, &made).await;
        self.is_made_once_whatever_becomes_of_the_reply().await;
        self.is_found_after_a_kill().await;
        self.is_waited_for_while_it_is_out_of_sight().await;
        self.is_missed_when_others_delete_it().await;
    }

    async fn changes_in_place(&self) -> Object {
        let made = self.world.make(self.kind, "a", self.config.clone()).await;
        let Some(changed) = &self.changed else { return made };
        let planned = self.world.plan(self.kind, changed, Some(&made)).await.expect("a plan");
        assert_eq!(planned.verdict, Verdict::Update, "{}: {:?}", self.kind, planned.changes);
        let done = self.world.apply(self.kind, "b", changed, Some(&made)).await;
        let done = done.unwrap_or_else(|fault| panic!("{}: {fault}", self.kind));
        assert_eq!(done["id"], made["id"], "{} is still the same", self.kind);
        done
    }

    async fn is_imported_as_it_is(&self, made: &Object) {
        let resource = self.world.resource(self.kind);
        let imported = resource.import(&self.world.call("import"), made.str("id").expect("an id")).await;
        let imported = imported.unwrap_or_else(|fault| panic!("{}: {fault}", self.kind));
        let schema = self.world.provider.schema().resource(self.kind).expect("a known type");
        for name in schema.attributes.keys() {
            assert!(imported.contains(name), "{}: {name} is missing in the import", self.kind);
        }
        let config = self.changed.as_ref().unwrap_or(&self.config);
        let planned = self.world.plan(self.kind, config, Some(&imported)).await.expect("a plan");
        assert_eq!(planned.verdict, Verdict::Nothing, "{}: {:?}", self.kind, planned.changes);
        let none = resource.import(&self.world.call("import"), "vol-00000000:i-00000000").await;
        assert!(none.is_err(), "{}: what is not there is not imported", self.kind);
    }

    async fn is_made_once_whatever_becomes_of_the_reply(&self) {
        for (n, loss) in LOSSES.into_iter().enumerate() {
            let token = format!("lost{n}");
            self.world.proxy.inject(self.action, 1, loss.clone());
            let made = self.world.make(self.kind, &token, self.config.clone()).await;
            self.is_alone(&token, &made).await;
            self.world.delete(self.kind, &made).await;
        }
    }

    async fn is_found_after_a_kill(&self) {
        let (world, token) = (self.world, "killed");
        let resource = world.resource(self.kind);
        let planned = world.planned(self.kind, &self.config).await;
        let nothing = resource.find(&world.call("never"), &planned).await.expect("an answer");
        assert!(nothing.is_none(), "{}: nothing was made, but found {nothing:?}", self.kind);

        let before = world.proxy.count(self.action);
        world.proxy.inject(self.action, 1, Fault::Silence);
        let (call, wanted) = (world.call(token), planned.clone());
        let creating = tokio::spawn(async move { resource.create(&call, &wanted).await.map(drop) });
        while world.proxy.count(self.action) == before {
            assert!(!creating.is_finished(), "{}: {:?}", self.kind, creating.await);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        creating.abort();
        assert!(creating.await.expect_err("it was cut off").is_cancelled());

        let made = self.finished(token, &planned).await;
        self.is_alone(token, &made).await;
        world.delete(self.kind, &made).await;
    }

    /// What is found of a create that was cut off, finished as the engine would.
    async fn finished(&self, token: &str, planned: &Object) -> Object {
        let world = self.world;
        let resource = world.resource(self.kind);
        match resource.find(&world.call(token), planned).await {
            Ok(found) => found.unwrap_or_else(|| panic!("{}: it was made and is not found", self.kind)),
            Err(fault) => {
                assert!(fault.resumable, "{}: {fault}", self.kind);
                let partial = fault.partial.expect("what there is of it");
                let done = world.apply(self.kind, "finish", &self.config, Some(&partial)).await;
                done.unwrap_or_else(|fault| panic!("{}: {fault}", self.kind))
            }
        }
    }

    async fn is_waited_for_while_it_is_out_of_sight(&self) {
        self.world.proxy.hide_next(4);
        let made = self.world.make(self.kind, "hidden", self.config.clone()).await;
        self.is_alone("hidden", &made).await;
        self.world.delete(self.kind, &made).await;
    }

    async fn is_missed_when_others_delete_it(&self) {
        let made = self.world.make(self.kind, "outside", self.config.clone()).await;
        let outside = self.world.outside().await.resource(self.kind).expect("a known type");
        outside.delete(&self.world.call("outside"), &made).await.expect("deleted by others");
        let seen = self.world.resource(self.kind).read(&self.world.call("read"), &made).await;
        assert!(seen.expect("an answer").is_none(), "{} is gone", self.kind);
        let planned = self.world.plan(self.kind, &self.config, Some(&made)).await.expect("a plan");
        assert_eq!(planned.verdict, Verdict::Create);
    }

    async fn is_alone(&self, token: &str, made: &Object) {
        if describing(self.kind).is_some() {
            let alive = self.world.alive(self.kind, token).await;
            let id = made.str("id").expect("an id").to_owned();
            assert_eq!(alive, [id].into(), "{}: exactly one was made", self.kind);
        }
    }
}
