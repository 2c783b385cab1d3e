use mprov_sdk::{Change, Object, Planned, Value, Verdict};

/// Plans the change of something that the world decides, where it is not as it should be.
pub fn mend(planned: &mut Planned, prior: &Object, name: &'static str, right: Value) {
    if prior[name].same(&right) {
        return;
    }
    planned.after.set(name, right.clone());
    planned.changes.push(Change {
        name: name.into(),
        before: prior[name].clone(),
        after: right,
        replaces: false,
    });
    if planned.verdict == Verdict::Nothing {
        planned.verdict = Verdict::Update;
    }
}
