use std::collections::{BTreeMap, BTreeSet, HashSet};

use mprov_sdk::Address;

use crate::{
    Action, Deposed, Intent, Outcome, Record, Rollout, Scope, Slot, State, StepResult, StoredInstance,
};

/// A step that was begun and has no outcome on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InDoubt {
    pub step: u32,
    pub address: String,
    pub action: Action,
    pub slot: Slot,
    pub token: String,
    /// What would have been recorded, with the attributes as planned. None for a delete.
    pub planned: Option<StoredInstance>,
    /// What is recorded in the slot now. For [`Slot::Depose`] that is the instance that the new
    /// one is to take the place of.
    pub stored: Option<StoredInstance>,
    pub undoes: Option<u32>,
    /// With this step users are switched.
    pub switches: bool,
}

/// An atomic scope that was begun and neither completed nor taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenScope {
    /// What was done of it and not taken back, in the order in which it was.
    pub done: Vec<ScopeStep>,
    /// Those among them that keep users out.
    pub quiesce: BTreeSet<u32>,
}

/// A step of a scope, with what was recorded before and after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeStep {
    pub step: u32,
    pub address: String,
    pub action: Action,
    pub slot: Slot,
    pub token: String,
    pub before: Option<StoredInstance>,
    pub after: Option<StoredInstance>,
}

/// The scopes of a journal while it is read.
#[derive(Clone, Debug, Default)]
struct Scopes {
    open: Scope,
    done: Vec<ScopeStep>,
    failed: bool,
    committed: bool,
}

/// A state to which records are applied one by one. Pure.
#[derive(Clone, Debug)]
pub(crate) struct Fold {
    state: State,
    /// Begun and not ended.
    open: BTreeMap<u32, Intent>,
    /// Numbers of all steps so far.
    steps: HashSet<u32>,
    scopes: Scopes,
}

/// Why a record makes no sense where it stands.
pub(crate) type Senseless = String;

impl Fold {
    pub fn new(state: State) -> Self {
        Self { state, open: BTreeMap::new(), steps: HashSet::new(), scopes: Scopes::default() }
    }

    pub fn state(&self) -> &State {
        &self.state
    }

    pub fn in_doubt(&self) -> Vec<InDoubt> {
        let doubt = |intent: &Intent| InDoubt {
            step: intent.step,
            address: intent.address.clone(),
            action: intent.action,
            slot: intent.slot.clone(),
            token: intent.token.clone(),
            planned: intent.planned.clone(),
            stored: self.stored(&intent.address, &intent.slot).cloned(),
            undoes: intent.undoes,
            switches: !intent.commits.is_empty(),
        };
        self.open.values().map(doubt).collect()
    }

    /// The number that the next step of a resumed journal may have.
    pub fn next_step(&self) -> u32 {
        let planned = self.scopes.open.steps.iter().max();
        self.steps.iter().chain(planned).max().map_or(0, |last| last + 1)
    }

    /// The scope that a recovery has to take back; none where all of it is done, or users were
    /// switched.
    pub fn open_scope(&self) -> Option<OpenScope> {
        let Scopes { open, done, failed, committed } = &self.scopes;
        let is_done = |step: &u32| done.iter().any(|d| d.step == *step);
        let complete = !failed && open.steps.iter().all(is_done);
        if *committed || complete || (done.is_empty() && open.steps.is_empty()) {
            return None;
        }
        Some(OpenScope { done: done.clone(), quiesce: open.quiesce.iter().copied().collect() })
    }

    /// Applies the record, or leaves everything as it is and says why it makes no sense.
    pub fn apply(&mut self, record: Record) -> Result<(), Senseless> {
        match record {
            Record::Header(_) => return Err("a header stands only at the beginning".into()),
            Record::Provider { address, provider } => {
                self.state.providers.insert(address, provider);
            }
            Record::Moved { from, to } => self.rename(&from, &to)?,
            Record::Observed { address, instance: Some(instance) } => {
                self.state.resources.insert(address, instance);
            }
            Record::Observed { address, instance: None } => {
                self.state.resources.remove(&address);
            }
            Record::Rollout { module, rollout } => self.set_rollout(module, rollout),
            Record::Scope(scope) => self.scopes.open = scope,
            Record::Intent(intent) => self.begin(intent)?,
            Record::Outcome(outcome) => self.end(outcome)?,
            Record::Outputs(outputs) => self.state.outputs = outputs,
            Record::End { .. } => {}
        }
        Ok(())
    }

    /// The state with all records applied.
    pub fn into_applied(self) -> State {
        self.state
    }

    /// The same without the provider configurations that no instance needs any more.
    pub fn into_state(mut self) -> State {
        let mut wanted: Vec<&str> = self.state.resources.values().map(|i| &*i.provider).collect();
        wanted.extend(self.state.deposed.iter().map(|d| &*d.instance.provider));
        let mut needed = BTreeSet::new();
        while let Some(address) = wanted.pop() {
            if needed.insert(address.to_owned())
                && let Some(provider) = self.state.providers.get(address)
            {
                wanted.extend(provider.uses.iter().map(String::as_str));
            }
        }
        self.state.providers.retain(|address, _| needed.contains(address));
        self.state
    }

    fn begin(&mut self, intent: Intent) -> Result<(), Senseless> {
        let Intent { step, address, slot, .. } = &intent;
        if self.steps.contains(step) {
            return Err(format!("step {step} ({address}) was already begun"));
        }
        if self.open.values().any(|o| o.address == *address && o.slot == *slot) {
            return Err(format!("{address} already has a step under way"));
        }
        match slot {
            Slot::Depose(key) if self.state.deposed(address, key).is_some() => {
                return Err(format!("{address} already has a deposed instance {key}"));
            }
            Slot::Deposed(key) if self.state.deposed(address, key).is_none() => {
                return Err(format!("{address} has no deposed instance {key}"));
            }
            _ => {}
        }
        self.steps.insert(*step);
        self.open.insert(*step, intent);
        Ok(())
    }

    fn end(&mut self, outcome: Outcome) -> Result<(), Senseless> {
        let Some(intent) = self.open.get(&outcome.step) else {
            return Err(format!("step {} has an outcome but was not under way", outcome.step));
        };
        let failed = matches!(outcome.result, StepResult::Failed { .. });
        let there_now = match outcome.result {
            StepResult::Put(instance) | StepResult::Failed { partial: Some(instance), .. } => Some(instance),
            StepResult::Failed { partial: None, .. } => {
                self.scopes.failed |= self.scopes.open.steps.contains(&outcome.step);
                self.open.remove(&outcome.step);
                return Ok(());
            }
            // It would forget the instance that was to be deposed, which still exists.
            StepResult::Removed if matches!(intent.slot, Slot::Depose(_)) => {
                return Err(format!("{} cannot be both replaced and removed", intent.address));
            }
            StepResult::Removed => None,
        };
        let intent = self.open.remove(&outcome.step).expect("it was found a moment ago");
        self.note_in_scope(&intent, there_now.as_ref(), failed);
        let Intent { address, slot, .. } = intent;
        match slot {
            Slot::Current => self.set(address, there_now),
            Slot::Depose(key) => {
                if let Some(instance) = self.state.resources.remove(&address) {
                    self.set_deposed(&address, &key, Some(instance));
                }
                self.set(address, there_now);
            }
            Slot::Deposed(key) => self.set_deposed(&address, &key, there_now),
        }
        Ok(())
    }

    /// Keeps what taking the step back needs, and ends scopes.
    fn note_in_scope(&mut self, intent: &Intent, after: Option<&StoredInstance>, failed: bool) {
        if let Some(undone) = intent.undoes {
            self.scopes.done.retain(|d| failed || d.step != undone);
        }
        let scopes = &mut self.scopes;
        if scopes.open.steps.contains(&intent.step) {
            scopes.failed |= failed;
            let before = match intent.action {
                Action::Create => None,
                _ => match &intent.slot {
                    Slot::Current | Slot::Depose(_) => self.state.resources.get(&intent.address).cloned(),
                    Slot::Deposed(key) => self.state.deposed(&intent.address, key).cloned(),
                },
            };
            scopes.done.push(ScopeStep {
                step: intent.step,
                address: intent.address.clone(),
                action: intent.action,
                slot: intent.slot.clone(),
                token: intent.token.clone(),
                before,
                after: after.cloned(),
            });
        }
        if !failed && !intent.commits.is_empty() {
            scopes.committed = true;
            for (module, rollout) in intent.commits.clone() {
                self.set_rollout(module, rollout);
            }
        }
    }

    fn set_rollout(&mut self, module: String, rollout: Rollout) {
        match rollout.generations.is_empty() && rollout.last == 0 {
            true => self.state.rollouts.remove(&module),
            false => self.state.rollouts.insert(module, rollout),
        };
    }

    fn stored(&self, address: &str, slot: &Slot) -> Option<&StoredInstance> {
        match slot {
            Slot::Current | Slot::Depose(_) => self.state.resources.get(address),
            Slot::Deposed(key) => self.state.deposed(address, key),
        }
    }

    fn set(&mut self, address: String, instance: Option<StoredInstance>) {
        match instance {
            Some(instance) => self.state.resources.insert(address, instance),
            None => self.state.resources.remove(&address),
        };
    }

    fn set_deposed(&mut self, address: &str, key: &str, instance: Option<StoredInstance>) {
        let deposed = &mut self.state.deposed;
        let place = deposed.binary_search_by(|d| (&*d.address, &*d.key).cmp(&(address, key)));
        match (place, instance) {
            (Ok(at), Some(instance)) => deposed[at].instance = instance,
            (Ok(at), None) => {
                deposed.remove(at);
            }
            (Err(at), Some(instance)) => {
                deposed.insert(at, Deposed { address: address.into(), key: key.into(), instance });
            }
            (Err(_), None) => {}
        }
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), Senseless> {
        if self.open.values().any(|o| o.address == from || o.address == to) {
            return Err(format!("{from} cannot be moved while a step is under way"));
        }
        if self.state.resources.contains_key(to) {
            return Err(format!("{from} cannot be moved, because {to} exists"));
        }
        let current = self.state.resources.remove(from);
        let has_deposed = self.state.deposed.iter().any(|d| d.address == from);
        if current.is_none() && !has_deposed {
            return Err(format!("{from} cannot be moved, because it does not exist"));
        }
        self.set(to.to_owned(), current);
        for deposed in self.state.deposed.iter_mut().filter(|d| d.address == from) {
            to.clone_into(&mut deposed.address);
        }
        self.state.deposed.sort_by(|a, b| (&a.address, &a.key).cmp(&(&b.address, &b.key)));
        self.rename_dependencies(from, to);
        Ok(())
    }

    /// Deletes go by the recorded dependencies, so these must follow a move. Both an instance and
    /// the whole resource may be named in them; the resource's old name stays as long as it has
    /// other instances.
    fn rename_dependencies(&mut self, from: &str, to: &str) {
        let (Ok(old), Ok(new)) = (from.parse::<Address>(), to.parse::<Address>()) else { return };
        let (old, new) = (old.resource.to_string(), new.resource.to_string());
        let is_instance = |address: &str| {
            address.strip_prefix(&*old).is_some_and(|key| key.is_empty() || key.starts_with('['))
        };
        let others = self.state.resources.range(old.clone()..).take_while(|(a, _)| a.starts_with(&*old));
        let keeps_name = others.into_iter().any(|(a, _)| is_instance(a));
        let instances = self.state.resources.values_mut();
        for instance in instances.chain(self.state.deposed.iter_mut().map(|d| &mut d.instance)) {
            let dependencies = &mut instance.dependencies;
            for dependency in dependencies.iter_mut().filter(|d| *d == from) {
                to.clone_into(dependency);
            }
            if old == new || !dependencies.contains(&old) {
                continue;
            }
            if !keeps_name {
                dependencies.retain(|d| *d != old);
            }
            if !dependencies.contains(&new) {
                dependencies.push(new.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        create, delete, failed, first_apply, in_slot, instance, provider, put, removed, second_apply,
    };

    fn fold(records: impl IntoIterator<Item = Record>) -> Fold {
        let mut fold = Fold::new(State::new("l"));
        for record in records {
            fold.apply(record).expect("it makes sense");
        }
        fold
    }

    fn refusal(fold: &mut Fold, record: Record) -> String {
        let before = fold.clone().into_applied();
        let reason = fold.apply(record).expect_err("it makes no sense");
        assert_eq!(fold.state, before, "a refused record changes nothing");
        reason
    }

    #[test]
    fn two_applies_leave_what_they_say() {
        let first = fold(first_apply()).into_state();
        let addresses: Vec<&str> = first.resources.keys().map(String::as_str).collect();
        let expected = ["core_value.gone", "core_value.kept", "core_value.old_name[0]", "core_value.swapped"];
        assert_eq!(addresses, expected);

        let mut second = Fold::new(first);
        for record in second_apply() {
            second.apply(record).expect("it makes sense");
        }
        assert!(second.in_doubt().is_empty());
        let state = second.into_state();
        let half = StoredInstance { tainted: true, ..instance("half") };
        let expected = [
            ("core_value.half", half),
            ("core_value.kept", instance("7")),
            ("core_value.new_name", instance("8")),
            ("core_value.swapped", instance("5")),
        ];
        let expected: BTreeMap<String, StoredInstance> =
            expected.into_iter().map(|(a, i)| (a.to_owned(), i)).collect();
        assert_eq!(state.resources, expected);
        let left =
            Deposed { address: "core_value.new_name".into(), key: "d2".into(), instance: instance("4") };
        assert_eq!(state.deposed, [left]);
        assert_eq!(state.outputs["url"].value.to_json()["$typed"][1], "http://two");
    }

    #[test]
    fn a_failed_replacement_keeps_what_was_there() {
        let there = [create(1, "core_value.a", "old"), put(1, "old")];
        let replace = in_slot(create(2, "core_value.a", "new"), Slot::Depose("k".into()));
        let clean = fold(there.clone().into_iter().chain([replace.clone(), failed(2, None)])).into_state();
        assert_eq!(clean.resources["core_value.a"], instance("old"));
        assert!(clean.deposed.is_empty());
        let half = fold(there.into_iter().chain([replace, failed(2, Some(instance("half")))])).into_state();
        assert_eq!(half.resources["core_value.a"], instance("half"));
        assert_eq!(half.deposed("core_value.a", "k"), Some(&instance("old")));
    }

    #[test]
    fn a_doubt_knows_what_recovery_has_to_ask() {
        let mut fold =
            fold([create(1, "core_value.a", "old"), put(1, "old"), create(9, "core_value.b", "x")]);
        fold.apply(in_slot(create(3, "core_value.a", "new"), Slot::Depose("k".into()))).expect("sense");
        let [replacement, new] = <[InDoubt; 2]>::try_from(fold.in_doubt()).expect("two doubts");
        assert_eq!((replacement.step, &*replacement.token), (3, "t3"));
        assert_eq!(replacement.stored, Some(instance("old")));
        assert_eq!(replacement.planned, Some(instance("new")));
        assert_eq!((new.step, new.stored), (9, None));
    }

    #[test]
    fn records_that_make_no_sense_are_refused() {
        let mut fold = fold([create(1, "core_value.a", "1"), put(1, "1"), delete(2, "core_value.a")]);
        let deposed = |step, key: &str| in_slot(delete(step, "core_value.a"), Slot::Deposed(key.into()));
        for (record, reason) in [
            (put(7, "x"), "was not under way"),
            (put(1, "again"), "was not under way"),
            (create(1, "core_value.b", "x"), "already begun"),
            (delete(3, "core_value.a"), "already has a step under way"),
            (deposed(3, "none"), "no deposed instance"),
            (Record::Moved { from: "core_value.a".into(), to: "core_value.b".into() }, "under way"),
            (Record::Moved { from: "core_value.x".into(), to: "core_value.b".into() }, "does not exist"),
            (Record::Header(crate::testing::header()), "only at the beginning"),
        ] {
            let told = refusal(&mut fold, record);
            assert!(told.contains(reason), "{told}");
        }
        fold.apply(removed(2)).expect("sense");
        fold.apply(create(4, "core_value.a", "2")).expect("sense");
        fold.apply(put(4, "2")).expect("sense");
        fold.apply(in_slot(create(5, "core_value.a", "3"), Slot::Depose("k".into()))).expect("sense");
        assert!(refusal(&mut fold, removed(5)).contains("both replaced and removed"));
        fold.apply(put(5, "3")).expect("sense");
        let again = in_slot(create(6, "core_value.a", "4"), Slot::Depose("k".into()));
        assert!(refusal(&mut fold, again).contains("already has a deposed instance"));
    }

    fn scope(steps: &[u32], quiesce: &[u32]) -> Record {
        Record::Scope(Scope { steps: steps.to_vec(), quiesce: quiesce.to_vec() })
    }

    fn open(records: impl IntoIterator<Item = Record>) -> Option<Vec<u32>> {
        fold(records).open_scope().map(|scope| scope.done.iter().map(|d| d.step).collect())
    }

    #[test]
    fn a_scope_is_open_until_all_of_it_is_done_or_taken_back() {
        let a = [create(1, "core_value.a", "1"), put(1, "1")];
        let b = [create(2, "core_value.b", "2"), put(2, "2")];
        let begun = || [scope(&[1, 2], &[2])].into_iter().chain(a.clone());
        assert_eq!(open(begun()), Some(vec![1]));
        assert_eq!(open(begun().chain(b.clone())), None, "complete");
        let failed_half = [b[0].clone(), failed(2, Some(instance("half")))];
        assert_eq!(open(begun().chain(failed_half)), Some(vec![1, 2]));
        let failed_cleanly = [b[0].clone(), failed(2, None)];
        assert_eq!(open(begun().chain(failed_cleanly)), Some(vec![1]));
        let undo = Intent::new(3, "core_value.a", Action::Delete, "t1-undo", None).undoes(1);
        let undone = [Record::Intent(undo), removed(3)];
        assert_eq!(open(begun().chain(undone)), Some(vec![]), "nothing is left to take back");
        assert_eq!(open(a.clone()), None, "no scope was begun");
        assert_eq!(fold(begun()).next_step(), 3, "numbers of the plan stay free");
    }

    #[test]
    fn a_scope_step_knows_what_was_before_it() {
        let there = [create(1, "core_value.a", "old"), put(1, "old"), scope(&[2, 3], &[])];
        let update = Intent::new(2, "core_value.a", Action::Update, "t2", Some(instance("new")));
        let scope = fold(there.into_iter().chain([Record::Intent(update), put(2, "new")])).open_scope();
        let step = &scope.expect("open").done[0];
        assert_eq!((&step.before, &step.after), (&Some(instance("old")), &Some(instance("new"))));
    }

    #[test]
    fn the_switch_commits_generations_and_scope_in_one_record() {
        let rollout = Rollout { last: 2, ..Rollout::default() };
        let switch = Intent {
            commits: [("module.m".to_owned(), rollout.clone())].into(),
            ..Intent::new(2, "core_value.route", Action::Update, "t2", Some(instance("b")))
        };
        let begun = || {
            let before = [scope(&[1, 2, 3], &[1]), create(1, "core_value.a", "1"), put(1, "1")];
            before.into_iter().chain([Record::Intent(switch.clone())])
        };
        let refused = fold(begun().chain([failed(2, None)]));
        assert!(refused.open_scope().is_some() && refused.state.rollouts.is_empty());
        let switched = fold(begun().chain([put(2, "b")]));
        assert_eq!(switched.open_scope(), None, "users may have written since");
        assert_eq!(switched.state.rollouts["module.m"], rollout);
    }

    #[test]
    fn dependencies_follow_a_move() {
        let needs = |names: &[&str]| StoredInstance {
            dependencies: names.iter().map(|n| (*n).to_owned()).collect(),
            ..instance("x")
        };
        let observed = |address: &str, names: &[&str]| Record::Observed {
            address: address.into(),
            instance: Some(needs(names)),
        };
        let moved = |from: &str, to: &str| Record::Moved { from: from.into(), to: to.into() };
        let base = [
            observed("core_value.web[0]", &[]),
            observed("core_value.web[1]", &[]),
            observed("core_value.user", &["core_value.web", "core_value.web[0]", "core_value.webs"]),
        ];
        let mut fold = fold(base);
        let now = |fold: &Fold| fold.state.resources["core_value.user"].dependencies.clone();
        fold.apply(moved("core_value.web[0]", "core_value.site")).expect("sense");
        let both = ["core_value.web", "core_value.site", "core_value.webs"];
        assert_eq!(now(&fold), both, "web[1] still has the old name");
        fold.apply(moved("core_value.web[1]", "module.m.core_value.www")).expect("sense");
        assert_eq!(now(&fold), ["core_value.site", "core_value.webs", "module.m.core_value.www"]);
    }

    #[test]
    fn provider_configurations_stay_while_they_are_needed() {
        let named = |address: &str, uses: &[&str]| match provider(uses) {
            Record::Provider { provider, .. } => Record::Provider { address: address.into(), provider },
            other => other,
        };
        let state = fold([
            named("core", &["docker"]),
            named("docker", &["host"]),
            named("host", &[]),
            named("unused", &[]),
            create(1, "core_value.a", "1"),
            put(1, "1"),
        ])
        .into_state();
        let kept: Vec<&str> = state.providers.keys().map(String::as_str).collect();
        assert_eq!(kept, ["core", "docker", "host"]);
        let mut gone = Fold::new(state);
        gone.apply(delete(1, "core_value.a")).expect("sense");
        gone.apply(removed(1)).expect("sense");
        assert!(gone.into_state().providers.is_empty());
    }
}
